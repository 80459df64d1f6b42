"""The one connection that writes to a SQLite file: one transaction at a time; it refuses a file that was removed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bucketsnb.backend.stores.base import StoreUnavailable
from bucketsnb.backend.stores.sqlite.file import check_owner, closed, connect_to_write, translated

__all__ = ["Writer"]

_FILES = ("", "-wal", "-shm")
"""What SQLite keeps beside the file while anyone has it open: the log, and the index of that."""


class Writer:
    """The writing connection, held by one thread at a time; a file that is not there is created."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self.connection = connect_to_write(path)
        self._files = self._identities()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection in a transaction, which is kept if the block ends well, and undone if not."""
        check_owner(self._owner, self._path)
        with self._lock, translated(self._path):
            if self._closed:
                raise closed(self._path)
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self._check_files()
                self.connection.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite undo everything by itself, and then there is nothing to undo.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file, when whoever holds the connection is done."""
        with self._lock:
            self._closed = True
            self.connection.close()

    def _check_files(self) -> None:
        """Refuse to keep a change in files that are gone: SQLite would go on, and lose it all in the end."""
        if self._identities() != self._files:
            raise StoreUnavailable(
                f"{self._path}, or the log beside it, is not the file any more that was opened: it was removed or "
                "replaced; put it back, or start the service again; nothing was changed"
            )

    def _identities(self) -> list[tuple[int, int] | None]:
        return [_identity(f"{self._path}{end}") for end in _FILES]


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
