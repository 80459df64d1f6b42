"""Take snapshots of the status at intervals, in a thread, until stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pandas as pd

from bucketsnb.display.texts import age, count_of
from bucketsnb.errors import BucketsError
from bucketsnb.history.store import History

__all__ = ["Watch"]

_SLOWEST = 8
"""After failures the pause doubles, up to this many intervals."""


class Watch:
    """A recorder of status snapshots; ``stop()`` it, or use it in a ``with`` block.

    A service that cannot be read leaves a gap: nothing is invented for it, ``failures`` counts it and ``last_error``
    keeps the reason. The thread never prints and ends with the process.

    Parameters
    ----------
    read
        Returns the status frame; a pipeline that cannot be read is kept as missing values.
    history
        Where the snapshots go.
    every
        Seconds between two snapshots.
    """

    def __init__(self, read: Callable[[], pd.DataFrame], history: History, every: float) -> None:
        if not every > 0:
            raise ValueError(f"every must be a time above zero, not {every!r} seconds")
        self.history = history
        self.every = every
        self.taken = 0
        self.failures = 0
        self.last_error: Exception | None = None
        self._read = read
        self._in_a_row = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bucketsnb-watch", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        state = "stopped" if not self.running else f"every {age(self.every)}"
        trouble = f", {count_of(self.failures, 'failure')}, last: {self.last_error}" if self.failures else ""
        return f"Watch({state}, {count_of(self.taken, 'snapshot')}{trouble}, to {str(self.history.path)!r})"

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether snapshots are still being taken."""
        return self._thread.is_alive()

    def stop(self) -> History:
        """Stop after the snapshot under way, and return the history."""
        self._stopping.set()
        self._thread.join()
        return self.history

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            self._take()
            pause = self.every * min(2**self._in_a_row, _SLOWEST)
            self._stopping.wait(max(0.0, pause - (time.monotonic() - started)))

    def _take(self) -> None:
        try:
            self.history.record(self._read(), every=self.every)
        except BucketsError as error:
            self.failures += 1
            self._in_a_row += 1
            self.last_error = error
        else:
            self.taken += 1
            self._in_a_row = 0
