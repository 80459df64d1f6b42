"""The SQLite file of a store: its connections, its creation and upgrade, and the meaning of SQLite's errors.

One connection writes, in one transaction at a time; each read has a connection of its own, and blocks nobody.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from bucketsnb.backend.stores.base import StoreFull, StoreUnavailable
from bucketsnb.backend.stores.sqlite.schema import SCHEMA_VERSION, TABLES, UPGRADE

__all__ = ["SQLiteFile"]

_BUSY_SECONDS = 30
"""Seconds that a change waits for another process that is writing."""
_OPENING_SECONDS = 5
"""The same while the file is opened: this is shorter, as Ctrl-C has no effect meanwhile."""
_INTERRUPT_SECONDS = 0.01
"""Seconds between two tries to interrupt reads."""


class SQLiteFile:
    """The connections of this process to a file; a missing file is created, and one of an older layout upgraded.

    Attributes
    ----------
    path
        The path of the file.
    writer
        The connection that writes; `changing` gives access to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._paths = [Path(f"{path}{end}") for end in ("", "-wal", "-shm")]
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._readers: set[sqlite3.Connection] = set()
        self._closed = False
        with self._translated():
            self.writer = self._connect("rwc", _OPENING_SECONDS)
            try:
                self.writer.execute("PRAGMA journal_mode = WAL")
                self.writer.execute("PRAGMA synchronous = NORMAL")
                _prepare(self.writer, path)
                self.writer.execute(f"PRAGMA busy_timeout = {1_000 * _BUSY_SECONDS}")
            except BaseException:
                self.writer.close()
                raise
        self._files = self._identities()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Give a ``with`` block the writing connection, in a transaction that is committed unless the block raises.

        Raises
        ------
        StoreUnavailable, StoreFull
            If the file cannot be written; nothing was changed.
        """
        self._check_open()
        with self._lock, self._translated():
            self._check_open()
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self._check_files()
                self.writer.execute("COMMIT")
            except BaseException:
                # On a full disk, SQLite has ended the transaction already.
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a ``with`` block a connection for a read, which is interrupted when the file is closed."""
        self._check_open()
        with self._translated():
            # Mode rw does not create the file: if it was removed, that is an error, and not an empty store.
            reader = self._connect("rw", _BUSY_SECONDS)
            self._readers.add(reader)
            try:
                self._check_open()
                yield reader
            finally:
                reader.close()
                self._readers.discard(reader)

    def close(self) -> None:
        """Close all connections, which ends every running read; in a forked child, do nothing."""
        if os.getpid() != self._owner:
            return
        self._closed = True
        while self._readers:
            for reader in list(self._readers):
                with suppress(sqlite3.ProgrammingError):  # it is closed already
                    reader.interrupt()
            time.sleep(_INTERRUPT_SECONDS)
        with self._lock:
            self.writer.close()

    def _connect(self, mode: str, patience: float) -> sqlite3.Connection:
        address = f"{self.path.as_uri()}?mode={mode}"
        return sqlite3.connect(address, timeout=patience, isolation_level=None, check_same_thread=False, uri=True)

    def _check_open(self) -> None:
        if os.getpid() != self._owner:  # SQLite's connections would damage the file in another process
            raise StoreUnavailable(
                f"the store {self.path} belongs to the process that opened it: open it again in this one"
            )
        if self._closed:
            raise StoreUnavailable(f"the store {self.path} is closed")

    def _check_files(self) -> None:
        """Raise StoreUnavailable if the files were removed: SQLite would write on, and all would be lost at the end."""
        if self._identities() != self._files:
            raise StoreUnavailable(
                f"{self.path}, or the log beside it, is not the file any more that was opened: it was removed or "
                "replaced; put it back, or start the service again; nothing was changed"
            )

    def _identities(self) -> list[tuple[int, int]]:
        """Return device and inode of the file, its log and the index of the log; removed files are left out."""
        identities = []
        for path in self._paths:
            with suppress(OSError):
                file = path.stat()
                identities.append((file.st_dev, file.st_ino))
        return identities

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Convert errors of SQLite to those of the store, which say what happened to which file and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            self._check_open()  # raises another error if closing the file has interrupted a read
            word = next((word for word in _MEANINGS if word in str(error)), "")
            message = _MEANINGS.get(word, "the store {path} failed: {error}; nothing was changed")
            kind = StoreFull if word == "full" else StoreUnavailable
            raise kind(message.format(path=self.path, error=error)) from error


_MEANINGS: Mapping[str, str] = {
    "full": "the disk that holds {path} is full: free some space; nothing was changed",
    "readonly": "{path} cannot be written: it, or its folder, is read-only; nothing was changed",
    "locked": "another process keeps {path} locked for long: end it, or try again; nothing was changed",
    "not a database": "{path} is not a SQLite database, or is damaged: choose another file, or restore it",
    "malformed": "{path} is damaged: restore it, or choose another file",
    # SQLite reports a quota or a limit of file size by this error too.
    "disk I/O": (
        "the system would not read or write {path}: check the disk, your quota on it, and whether a limit of file size "
        "is reached; nothing was changed"
    ),
    "unable to open": "{path} cannot be opened: check that its folder exists and may be written",
}
"""Messages for errors of SQLite, by words in their text: before Python 3.11 they have no code."""


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of a new file, or upgrade one of an older layout, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
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
    """Yield the statements of a script, to be run one by one: `executescript` would commit the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
