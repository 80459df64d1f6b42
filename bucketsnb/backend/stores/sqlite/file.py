"""The SQLite file of a store: how it is opened and brought to its layout, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bucketsnb.backend.stores.base import StoreError, StoreFull, StoreUnavailable
from bucketsnb.backend.stores.sqlite.schema import SCHEMA_VERSION, TABLES, UPGRADE

__all__ = ["BUSY_SECONDS", "check_owner", "closed", "connect", "connect_to_write", "translated"]

BUSY_SECONDS = 30.0
"""How long a change waits for another process that is writing."""

_LISTEN_SECONDS = 0.25
"""How long SQLite waits at a time while a file is opened: signals come through between two waits only."""


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a connection that any one thread at a time may use, with transactions in our own hands.

    Without `create` a file that is not there is an error: one that was removed while it is served is missed, and not
    taken for an empty one.
    """
    address = f"{path.as_uri()}?mode={'rwc' if create else 'rw'}"
    with translated(path):
        return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a connection to a file that has its tables: a new one is given them, an older one is brought up to date."""
    connection = connect(path, create=True)
    try:
        with translated(path):
            _wait_for(connection, "PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _wait_for(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that another process may hold up, in waits so short that Ctrl-C comes through."""
    deadline = time.monotonic() + BUSY_SECONDS
    connection.execute(f"PRAGMA busy_timeout = {1_000 * _LISTEN_SECONDS:.0f}")
    while True:
        late = time.monotonic() > deadline
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if late or "locked" not in str(error):
                raise
        else:
            break
    connection.execute(f"PRAGMA busy_timeout = {1_000 * BUSY_SECONDS:.0f}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    _wait_for(connection, "BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)
        script = {0: TABLES, SCHEMA_VERSION: ""}.get(version, UPGRADE)
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{path} was written by a newer bucketsnb (its format is {version}, and this one reads up to "
            f"{SCHEMA_VERSION}): upgrade bucketsnb, or choose another file"
        )
    if not tables >= {"works", "marks", "counts"} if version else tables:
        raise StoreUnavailable(f"{path} is a database of something else: choose another file")
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Split a script: executescript would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def closed(path: Path) -> StoreUnavailable:
    """Make the error of a store that was let go of."""
    return StoreUnavailable(f"the store {path} is closed")


def check_owner(owner: int, path: Path) -> None:
    """Refuse connections to a forked child: SQLite's are of the process that opened them, and would damage the file."""
    if os.getpid() != owner:
        raise StoreUnavailable(f"the store {path} belongs to the process that opened it: open it again in this one")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the store's own, which say what happened to which file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        kind, message = next((kind, message) for word, kind, message in _MEANINGS if word in str(error))
        raise kind(message.format(path=path, error=error)) from error


_MEANINGS: Sequence[tuple[str, type[StoreError], str]] = (
    ("full", StoreFull, "the disk that holds {path} is full: free some space; nothing was changed"),
    ("readonly", StoreUnavailable, "{path} cannot be written: it, or its folder, is read-only; nothing was changed"),
    (
        "locked",
        StoreUnavailable,
        f"another process has kept {{path}} locked for {BUSY_SECONDS:.0f} s; nothing was changed",
    ),
    (
        "not a database",
        StoreUnavailable,
        "{path} is not a SQLite database, or is damaged: choose another file, or restore it",
    ),
    ("malformed", StoreUnavailable, "{path} is damaged: restore it, or choose another file"),
    # SQLite's word for a quota and a limit of file size too, which are no full disk to it.
    (
        "disk I/O",
        StoreUnavailable,
        "the system would not read or write {path}: check the disk, your quota on it, and whether a limit of file size "
        "is reached; nothing was changed",
    ),
    ("unable to open", StoreUnavailable, "{path} cannot be opened: check that its folder exists and may be written"),
    ("", StoreUnavailable, "the store {path} failed: {error}; nothing was changed"),
)
"""What each of SQLite's errors means, by a word of its text: before Python 3.11 an error has no code."""
