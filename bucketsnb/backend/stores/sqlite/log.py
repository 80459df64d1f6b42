"""Look after the log of a SQLite file behind those that write to it without waiting.

What is written is brought to the disk a moment later, and copied from the log to the file now and then: a claim would
wait for the copying of a thousand others, and nobody claims meanwhile.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from bucketsnb.backend.stores.base import StoreError, StoreUnavailable
from bucketsnb.backend.stores.sqlite.file import connect

__all__ = ["SECONDS", "Log"]

SECONDS = 0.05
"""How long a change that did not wait for the disk is in the memory of the system only."""

_COPIED_EVERY = 400
"""Changes between two copyings: so many that a page which all of them touch is copied once, and so few that little is
left for whoever has to begin the log anew, while all others wait."""

_to_disk = getattr(os, "fdatasync", os.fsync)  # there is no fdatasync on Windows and macOS


class Log:
    """The log of a SQLite file, looked after in a thread of its own that begins when there is something to do.

    Parameters
    ----------
    path
        The SQLite file, whose log is beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None
        self._changes = 0
        self._connection: sqlite3.Connection | None = None
        self._descriptor: int | None = None

    def check(self) -> None:
        """Refuse to go on when the disk does not take what was written before.

        Raises
        ------
        StoreUnavailable
            If a sync has failed.
        """
        if self._error is not None:
            raise StoreUnavailable(
                f"the disk did not take what was written to {self._path}: {self._error.strerror}; check the disk, then "
                "start the service again; nothing was changed"
            )

    def written(self) -> None:
        """Have a change brought to the disk within `SECONDS`; called by one thread at a time."""
        self._changes += 1
        if self._asked.is_set():
            return
        self._asked.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="bucketsnb-log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread; SQLite itself syncs and copies what is left when the file is closed."""
        self._closing.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            self._asked.wait()
            self._closing.wait(SECONDS)
            self._asked.clear()  # before the sync: what is written during it is for the next
            if self._closing.is_set():  # asked after that is cleared: closing asks too, and may do so just before
                break
            try:
                self._sync()
                if self._changes >= _COPIED_EVERY:
                    self._changes = 0
                    self._copy()
            except OSError as error:
                self._error = error
        if self._connection is not None:
            self._connection.close()

    def _sync(self) -> None:
        with suppress(FileNotFoundError):  # no log: SQLite has moved it into the file, and synced that
            log = os.open(self._log, os.O_RDWR)
            try:
                _to_disk(log)
            finally:
                os.close(log)

    def _copy(self) -> None:
        """Copy what no reader needs in the log; those who write go on meanwhile."""
        with suppress(sqlite3.Error, StoreError):  # what is not copied stays in the log, until next time
            if self._connection is None:
                self._connection = connect(self._path, reader=True)
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._sync_file()

    def _sync_file(self) -> None:
        """Bring the file to the disk, by a descriptor of SQLite's own.

        SQLite itself leaves that to whoever begins the log anew, for whom it is most of the time that this takes. To
        open the file here and close it would give up all locks that this process has on it.
        """
        self._descriptor = _descriptor_of(self._path, self._descriptor)
        if self._descriptor is None:
            return
        try:
            _to_disk(self._descriptor)
        except OSError as error:  # any other is told once only, so it may not be lost here
            if error.errno not in (errno.EBADF, errno.EINVAL):  # closed meanwhile, and then perhaps a socket
                raise


def _descriptor_of(path: Path, known: int | None) -> int | None:
    with suppress(OSError):  # the file is gone, or this system (Windows) has no such list
        file = path.stat()
        if known is not None and _is_open_as(known, file):
            return known  # the list has a descriptor for each connection
        for one in Path("/dev/fd").iterdir():
            if _is_open_as(int(one.name), file):
                return int(one.name)
    return None


def _is_open_as(descriptor: int, file: os.stat_result) -> bool:
    with suppress(OSError):  # as the list itself was, and is no more
        return os.path.samestat(os.fstat(descriptor), file)
    return False
