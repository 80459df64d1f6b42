"""The one connection that writes to a SQLite file: transactions, whose turn it is, and what a change waits for."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType

from bucketsnb.backend.stores.base import StoreUnavailable, Wait, WouldWait
from bucketsnb.backend.stores.sqlite.file import BUSY_SECONDS, check_owner, closed, connect, prepare_file, translation
from bucketsnb.backend.stores.sqlite.log import Log

__all__ = ["Writer"]

_CHECKPOINT_PAGES = 16_000
"""Pages of the log, 64 MB, that are copied to the file at once, so that one which many changes touch is copied once."""

_UNCOPIED_MAX = 500
"""Changes that may not wait, and so do not copy the log, before one has to; each adds some ten pages."""

_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT change", "RELEASE change", ("ROLLBACK TO change", "RELEASE change"))


_SETTINGS = {
    Wait.DISK: ("FULL", BUSY_SECONDS, _CHECKPOINT_PAGES),
    Wait.TURN: ("NORMAL", BUSY_SECONDS, _CHECKPOINT_PAGES),
    Wait.NOTHING: ("NORMAL", 0.0, 0),
}


class Writer:
    """The writing connection, held by one thread at a time.

    Parameters
    ----------
    path
        The file; created where there is none.
    lasting
        Whether it is to outlive this machine's power; a temporary file is not, and waits for no disk.

    Raises
    ------
    StoreUnavailable
        If the file cannot be used.
    """

    def __init__(self, path: Path, *, lasting: bool) -> None:
        self._path = path
        self._owner = os.getpid()
        self._address = str(path)  # a path object takes longer to ask about than the system takes to answer
        self._lasting = lasting
        self._lock = threading.RLock()
        self._depth = 0
        self._uncopied = 0
        self._chosen: Wait | None = None
        self._closed = False
        self._log = Log(path)
        self.connection = connect(path)
        try:
            prepare_file(self.connection, path)
            self._files = _identities(self._address)
        except BaseException:
            self.connection.close()
            raise

    @property
    def grouped(self) -> bool:
        """Whether the transaction that this thread is in is a part of another."""
        return self._depth > 1

    @contextmanager
    def changing(self, wait: Wait = Wait.DISK) -> Iterator[sqlite3.Connection]:
        """Hold the connection in a transaction, or in a part of the one that this thread already has.

        Parameters
        ----------
        wait
            What to wait for; within a transaction the outermost has chosen.

        Raises
        ------
        StoreError
            If it cannot be done; nothing is changed.
        WouldWait
            If it may not wait, and would have to.
        """
        with self.stating(wait) as connection:
            begin, end, undo = _OUTER if self._depth == 0 else _INNER
            connection.execute(begin)
            self._depth += 1
            try:
                yield connection
                self._check_kept()
                connection.execute(end)
            except BaseException:
                # A full disk makes SQLite undo everything by itself, and then there is nothing to undo.
                if connection.in_transaction:
                    for statement in undo:
                        connection.execute(statement)
                raise
            finally:
                self._depth -= 1

    def stating(self, wait: Wait = Wait.DISK) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the connection for one statement that changes, which is whole by itself; else as `changing`."""
        return _Held(self, wait)

    def take(self, wait: Wait) -> None:
        """Take the connection and make it ready; `give_back` belongs to it."""
        check_owner(self._owner, self._path)
        if not self._lock.acquire(blocking=wait is not Wait.NOTHING):
            raise WouldWait
        try:
            self._prepare(wait)
        except BaseException as error:
            self.give_back(wait, error)
            raise

    def give_back(self, wait: Wait, error: BaseException | None) -> None:
        """Let go of the connection, after an error or none; SQLite's own error becomes the store's."""
        try:
            if error is None:
                self._check_kept()
                if self._depth == 0 and self._lasting and wait is not Wait.DISK:
                    self._log.written()
            elif isinstance(error, sqlite3.Error):
                if wait is Wait.NOTHING and "locked" in str(error):
                    raise WouldWait from None
                raise translation(error, self._path) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let go of the file, when whoever holds the connection is done."""
        with self._lock:
            self._closed = True
            self._log.close()
            self.connection.close()

    def _prepare(self, wait: Wait) -> None:
        if self._closed:
            raise closed(self._path)
        self._check_kept()
        if self._depth:
            return
        self._look()
        self._log.check()
        self._uncopied = self._uncopied + 1 if wait is Wait.NOTHING else 0
        if self._uncopied > _UNCOPIED_MAX:
            raise WouldWait
        if wait is not self._chosen:
            self._choose(wait)

    def _look(self) -> None:
        if _identities(self._address) != self._files:
            raise StoreUnavailable(
                f"{self._path}, or the log beside it, is not the file any more that was opened: it was removed or "
                "replaced; put it back, or start the service again; nothing was changed"
            )

    def _choose(self, wait: Wait) -> None:
        synchronous, busy_seconds, checkpoint_pages = _SETTINGS[wait]
        for setting in (
            f"synchronous = {synchronous if self._lasting else 'OFF'}",
            f"busy_timeout = {1_000 * busy_seconds:.0f}",
            f"wal_autocheckpoint = {checkpoint_pages}",
        ):
            self.connection.execute(f"PRAGMA {setting}")
        self._chosen = wait

    def _check_kept(self) -> None:
        """Refuse to go on in a group that SQLite has undone: on its own, what follows would be kept and done again."""
        if self._depth and not self.connection.in_transaction:
            raise StoreUnavailable("the changes made together were undone when one of them failed")


class _Held(AbstractContextManager[sqlite3.Connection]):
    """A block that holds the connection: a class, as a generator costs a claim several times as much."""

    __slots__ = ("_wait", "_writer")

    def __init__(self, writer: Writer, wait: Wait) -> None:
        self._writer = writer
        self._wait = wait

    def __enter__(self) -> sqlite3.Connection:
        self._writer.take(self._wait)
        return self._writer.connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.give_back(self._wait, error)


_FILES = ("", "-wal", "-shm")
"""What SQLite keeps beside the file while anyone has it open: the log, and the index of that."""


def _identities(path: str) -> list[tuple[int, int] | None]:
    """Say which files are there: SQLite would go on with one that was removed, and all of that would be lost."""
    return [_identity(path + end) for end in _FILES]


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - each change asks
    except OSError:
        return None
    return found.st_dev, found.st_ino
