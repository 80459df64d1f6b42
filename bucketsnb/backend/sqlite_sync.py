"""Bring to the disk, a moment later, what SQLite has written without waiting for it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from bucketsnb.backend.store import StoreUnavailable

__all__ = ["SECONDS", "LogSync"]

SECONDS = 0.05
"""How long a change that did not wait for the disk is in the memory of the system only."""

_to_disk = getattr(os, "fdatasync", os.fsync)  # there is no fdatasync on Windows and macOS


class LogSync:
    """The sync of a SQLite file's log, in a thread of its own that begins when there is something to do.

    Parameters
    ----------
    path
        The SQLite file, whose log is beside it.
    """

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def check(self) -> None:
        """Refuse to go on when the disk does not take what was written before.

        Raises
        ------
        StoreUnavailable
            If a sync has failed.
        """
        if self._error is not None:
            raise StoreUnavailable(
                f"the disk did not take what was written to {self._log}: {self._error.strerror}; check the disk, then "
                "start the service again; nothing was changed"
            )

    def soon(self) -> None:
        """Have what was written brought to the disk within `SECONDS`; called by one thread at a time."""
        if self._asked.is_set():
            return
        self._asked.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="bucketsnb-sync", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread; SQLite itself syncs what is left when the file is closed."""
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
                return
            try:
                self._sync()
            except OSError as error:
                self._error = error

    def _sync(self) -> None:
        with suppress(FileNotFoundError):  # no log: SQLite has moved it into the file, and synced that
            log = os.open(self._log, os.O_RDWR)
            try:
                _to_disk(log)
            finally:
                os.close(log)
