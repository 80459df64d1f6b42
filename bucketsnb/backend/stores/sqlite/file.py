"""The SQLite file of a store: how a connection to it is set up, what of a work is in it, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bucketsnb.backend.stores.base import StoreError, StoreFull, StoreUnavailable
from bucketsnb.backend.stores.sqlite.schema import OPEN, SCHEMA_VERSION, STEPS, TABLES

__all__ = [
    "BUSY_SECONDS",
    "check_owner",
    "closed",
    "columns_of",
    "connect",
    "marks_of",
    "prepare_file",
    "translated",
]

BUSY_SECONDS = 30.0
"""How long a change waits for another process that is writing."""

_LISTEN_SECONDS = 0.25
"""How long SQLite waits at a time while a file is opened: signals come through between two waits only."""


def connect(path: Path, *, reader: bool = False) -> sqlite3.Connection:
    """Open a connection that any one thread at a time may use, with transactions in our own hands."""
    with translated(path):
        # A reader makes no file: one that was removed while it is served is missed, and not taken for an empty one.
        address = f"{path.as_uri()}?mode={'rw' if reader else 'rwc'}"
        connection = sqlite3.connect(
            address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            _set_up(connection, reader=reader)
        except BaseException:
            connection.close()
            raise
        return connection


def _set_up(connection: sqlite3.Connection, *, reader: bool) -> None:
    _wait_for(connection, "PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA cache_size = {-16_384 if reader else -65_536}")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    if reader:
        connection.execute("PRAGMA query_only = ON")
        connection.text_factory = bytes


def _wait_for(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that another process may hold up, in waits so short that Ctrl-C comes through."""
    deadline = time.monotonic() + BUSY_SECONDS
    connection.execute(f"PRAGMA busy_timeout = {1_000 * _LISTEN_SECONDS:.0f}")
    while _is_held_up(connection, statement, until=deadline):
        pass
    connection.execute(f"PRAGMA busy_timeout = {1_000 * BUSY_SECONDS:.0f}")


def _is_held_up(connection: sqlite3.Connection, statement: str, *, until: float) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) or time.monotonic() > until:
            raise
        return True
    return False


def prepare_file(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in a new file, or bring an older one up to date; refuse what is not ours, or is newer."""
    with translated(path):
        _wait_for(connection, "BEGIN IMMEDIATE")
        try:
            for statement in _statements(STEPS.get(_version(connection, path), "")):
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
    if not tables >= TABLES if version else tables:
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


def columns_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give the values of `schema.COLUMNS` for a record that `works` has accepted."""
    config = record.get("config")
    parent = config.get("parent") if isinstance(config, Mapping) else None
    loose = (record.get("site"), record.get("user"), parent)
    odd = isinstance(config, list) or any(not (value is None or isinstance(value, str)) for value in loose)
    odd = odd or any(_holds_arrays(record.get(field)) for field in ("tags", "event"))
    return (
        record["id"],
        record["pipeline"],
        record["status"],
        None if record["status"] in OPEN else record["status"],
        record["priority"],
        record["creation"],
        record["start"],
        record["timeout"],
        record["attempt"],
        record["retries"],
        *(value if isinstance(value, str) else None for value in loose),
        int(odd),
    )


def marks_of(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Give the tags and events a work can be found by: texts and numbers, alone or as elements of an array."""
    values = ((field, record.get(field)) for field in ("tags", "event"))
    return [
        (field, element)
        for field, value in values
        for element in (value if isinstance(value, list) else (value,))
        if _can_be_marked(element)
    ]


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(element, list) for element in value)


def _can_be_marked(element: Any) -> bool:
    if isinstance(element, bool):
        return False
    return isinstance(element, (str, float)) or (isinstance(element, int) and -(2**63) <= element < 2**63)


def closed(path: Path) -> StoreUnavailable:
    """Make the error of a store that was let go of."""
    return StoreUnavailable(f"the store {path} is closed")


def check_owner(owner: int, path: Path) -> None:
    """Refuse connections to a forked child: SQLite's are of the process that opened them, and would damage the file.

    Raises
    ------
    StoreUnavailable
        If this is not the process `owner`.
    """
    if os.getpid() != owner:
        raise StoreUnavailable(f"the store {path} belongs to the process that opened it: open it again in this one")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the store's own, which say what happened to which file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(error, path) from error


def _translation(error: sqlite3.Error, path: Path) -> StoreError:
    """Give the store's own error for one of SQLite's."""
    text = str(error)
    if "full" in text:
        return StoreFull(f"the disk that holds {path} is full: free some space; nothing was changed")
    if "readonly" in text:
        return StoreUnavailable(f"{path} cannot be written: it, or its folder, is read-only; nothing was changed")
    if "locked" in text:
        return StoreUnavailable(f"another process has kept {path} locked for {BUSY_SECONDS:.0f} s; nothing was changed")
    if "not a database" in text or "malformed" in text:
        return StoreUnavailable(f"{path} is not a SQLite database, or is damaged: choose another file, or restore it")
    if "disk I/O" in text:  # SQLite's word for a quota and a limit of file size too, which are no full disk to it
        return StoreUnavailable(
            f"the system would not read or write {path}: check the disk, your quota on it, and whether a limit of file "
            "size is reached; nothing was changed"
        )
    if "unable to open" in text:
        return StoreUnavailable(f"{path} cannot be opened: check that its folder exists and may be written")
    return StoreUnavailable(f"the store {path} failed: {text}; nothing was changed")
