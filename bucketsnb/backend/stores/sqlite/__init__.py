"""Works in a SQLite file."""
