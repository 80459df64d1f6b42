"""The connections that read a SQLite file: one for each read, and all of them closed at once with the store."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bucketsnb.backend.stores.base import StoreError
from bucketsnb.backend.stores.sqlite.file import check_owner, closed, connect, translated

__all__ = ["Readers"]

_INSIST_SECONDS = 0.05
"""How long an interrupted read has to end; one that was between two statements is told again."""


class Readers:
    """The connections of one store, for reading; a read that is ended with the store raises `StoreUnavailable`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = os.getpid()
        # One that a thread may take twice: a view that nobody has any more is let go of amid whatever a thread does.
        self._lock = threading.RLock()
        self._open: set[_Reader] = set()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold a connection for a read that is done within the block."""
        with self._opened() as reader, reader.turn() as connection:
            yield connection

    def each(self, read: Callable[[sqlite3.Connection], Generator[bytes, None, None]]) -> Iterator[bytes]:
        """Go through a read that may rest for long between two pieces."""
        with self._opened() as reader:
            yield from reader.each(read)

    def close(self) -> None:
        """Close all connections, and so end every read that is under way."""
        with self._lock:
            self._closed = True
            readers = list(self._open)
        for reader in readers:
            reader.close()

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self._path)

    @contextmanager
    def _opened(self) -> Iterator[_Reader]:
        check_owner(self._owner, self._path)
        self._check_open()
        reader = _Reader(self._path)
        try:
            with self._lock:
                self._check_open()
                self._open.add(reader)
            yield reader
        finally:
            if os.getpid() == self._owner:
                reader.close()
                with self._lock:
                    self._open.discard(reader)


class _Reader:
    """A connection in one hand at a time: that of the read it is opened for, or of who closes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._held = False
        self._connection = connect(path)
        self._going: Generator[bytes, None, None] | None = None
        self._closed = False

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection; whoever closes it waits for the end of the block."""
        with self._turn:
            self._check_open()
            self._held = True
            try:
                with translated(self._path):
                    yield self._connection
            except StoreError:
                self._check_open()  # what was interrupted says no more than that
                raise
            finally:
                self._held = False
                if self._closed:
                    self._shut()

    def each(self, read: Callable[[sqlite3.Connection], Generator[bytes, None, None]]) -> Iterator[bytes]:
        """Hold the connection for one piece after the other, so that the read may be ended between two."""
        while True:
            with self.turn() as connection:
                self._going = self._going or read(connection)
                piece = next(self._going, None)
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        """Close the connection; a statement that runs is interrupted, and a read that rests is ended."""
        self._closed = True
        while not self._turn.acquire(timeout=_INSIST_SECONDS):
            self._interrupt()
        try:
            if self._held:  # by this very thread, as this is the handler of a signal: what it interrupts closes it
                self._interrupt()
            else:
                self._shut()
        finally:
            self._turn.release()

    def _shut(self) -> None:
        if self._going is not None:
            self._going.close()  # an open cursor would keep the file open, whatever becomes of the connection
        self._connection.close()

    def _interrupt(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed by now
            self._connection.interrupt()

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self._path)
