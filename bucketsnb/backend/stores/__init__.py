"""Where works are kept: what every store promises, SQLite, MongoDB, and how an address becomes a store."""
