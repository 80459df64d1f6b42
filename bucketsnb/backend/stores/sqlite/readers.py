"""The connections that read a SQLite file: lent to one read at a time, kept for the next, and closed all at once."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bucketsnb.backend.stores.base import StoreError
from bucketsnb.backend.stores.sqlite.file import check_owner, closed, connect, translated

__all__ = ["Reader", "Readers"]

_KEPT = 16
"""Connections that are kept open between reads."""

_INSIST_SECONDS = 0.05
"""How long an interrupted read has to end; one that was between two statements is told again."""


class Readers:
    """The connections of one store, for reading.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = os.getpid()
        # One that a thread may take twice: a view that nobody has any more is put back wherever a thread happens to be.
        self._lock = threading.RLock()
        self._idle: list[Reader] = []
        self._lent: set[Reader] = set()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold a connection for a read that is done within the block.

        Raises
        ------
        StoreError
            If the file cannot be read, or is let go of meanwhile.
        """
        with self.lent() as reader, reader.turn() as connection:
            yield connection

    @contextmanager
    def lent(self) -> Iterator[Reader]:
        """Have a connection for a read that may rest for long within the block."""
        reader = self._take()
        try:
            yield reader
        finally:
            self._put_back(reader)

    def close(self) -> None:
        """Close all connections, and so end every read that is under way."""
        with self._lock:
            self._closed = True
            readers = [*self._idle, *self._lent]
        for reader in readers:
            reader.close()

    def _take(self) -> Reader:
        check_owner(self._owner, self._path)
        with self._lock:
            if self._closed:
                raise closed(self._path)
            reader = self._idle.pop() if self._idle else Reader(self._path)
            self._lent.add(reader)
            return reader

    def _put_back(self, reader: Reader) -> None:
        reader.rest()
        with self._lock:
            if self._closed:
                return  # whoever closes all of them closes this one too
            self._lent.discard(reader)
            if len(self._idle) < _KEPT:
                self._idle.append(reader)
                return
        reader.close()


class Reader:
    """A connection in one hand at a time: that of the read it is lent to, or of who closes it.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._held = False
        self._connection: sqlite3.Connection | None = None
        self._going: Generator[bytes, None, None] | None = None
        self._closed = False

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection; whoever closes it waits for the end of the block.

        Raises
        ------
        StoreError
            If the file cannot be read, or is let go of meanwhile.
        """
        with self._turn:
            self._check_open()
            self._held = True
            try:
                with translated(self._path):
                    self._connection = self._connection or connect(self._path, reader=True)
                    yield self._connection
            except StoreError:
                self._check_open()  # what was interrupted says no more than that
                raise
            finally:
                self._held = False
                if self._closed:
                    self._shut()

    def each(self, read: Callable[[sqlite3.Connection], Generator[bytes, None, None]]) -> Iterator[bytes]:
        """Go through a read that rests between two pieces, and may be ended then."""
        going = None
        while True:
            with self.turn() as connection:
                self._going = going = going or read(connection)
                piece = next(going, None)
            if piece is None:
                return
            yield piece

    def rest(self) -> None:
        """End what is read here, whether or not all of it was wanted: it would keep all that is changed meanwhile."""
        with self._turn:
            going, self._going = self._going, None
            if going is not None:
                going.close()

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
        self.rest()  # an open cursor would keep the file open, whatever becomes of the connection
        if self._connection is not None:
            self._connection.close()

    def _interrupt(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed by now
            if self._connection is not None:
                self._connection.interrupt()

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self._path)
