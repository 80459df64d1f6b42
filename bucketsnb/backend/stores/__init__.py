"""Stores of works: what every store guarantees, SQLite, MongoDB, and how the store of an address is opened."""
