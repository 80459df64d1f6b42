"""Long work on a thread, so that the kernel stays free: Stop, progress at a pace the page can follow, newest run only.

A job never prints and never touches a widget: it calls ``run.progress`` and returns; what it returns is handed to
`done` under the panel's guard, on the thread, and only if no newer run was started meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bucketsnb.display.texts import age
from bucketsnb.widgets.core.error_boundary import ErrorBoundary

__all__ = ["Run", "Throttle", "TimeLeft", "Worker"]

T = TypeVar("T")
PACE = 0.1
"""Seconds between two updates of the page: many more run into the server's message limit, which drops the last."""

WORTH_SAYING = 2.0
"""Seconds after which the time that is left can be judged."""


class Throttle:
    """Pass calls on at most every `pace` seconds; the last one always arrives, by :meth:`flush`.

    Examples
    --------
    >>> seen = []
    >>> throttle = Throttle(lambda done, total: seen.append(done), pace=60)
    >>> for done in range(1, 4):
    ...     throttle(done, 3)
    >>> throttle.flush()
    >>> seen
    [1, 3]
    """

    def __init__(self, call: Callable[..., None], *, pace: float = PACE) -> None:
        self._call = call
        self._pace = pace
        self._last = -float("inf")
        self._waiting: tuple[Any, ...] | None = None

    def __call__(self, *values: Any) -> None:
        """Pass these values on, now or later; newer ones take their place."""
        self._waiting = values
        if time.monotonic() - self._last >= self._pace:
            self.flush()

    def flush(self) -> None:
        """Pass on what waits, if anything does."""
        if self._waiting is not None:
            values, self._waiting = self._waiting, None
            self._last = time.monotonic()
            self._call(*values)


class TimeLeft:
    """How long a job takes from here, judged by how long it took so far; it begins when this is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def text(self, done: int, total: int) -> str:
        """Return it as words to put behind how far the job is; nothing while that cannot be told, or at the end."""
        spent = time.monotonic() - self._began
        left = spent / done * (total - done) if done else 0
        return f", about {age(left)} left" if spent > WORTH_SAYING and left >= 1 else ""


class Run:
    """One run of a job: what the job may use while it runs.

    Attributes
    ----------
    cancel
        Set when someone pressed Stop, started a newer run or closed the panel: look at it between two requests.
    over
        Whether it has ended.
    progress
        Call with how many are done and how many there are.
    """

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self.cancel = threading.Event()
        self.over = False
        self.progress = Throttle(progress)


def _nothing(*_: object) -> None:
    """Take no notice."""


class Worker:
    """Run one job at a time for a panel.

    Parameters
    ----------
    guard
        Shows what a job or its `done` raises.
    name
        Of the threads.
    """

    def __init__(self, guard: ErrorBoundary, name: str = "bucketsnb") -> None:
        self._guard = guard
        self._name = name
        self._newest: Run | None = None
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._lock = threading.Lock()  # a thread's own result may start the next run while another closes

    @property
    def running(self) -> bool:
        """Whether the newest run has not ended."""
        return self._newest is not None and not self._newest.over

    def start(
        self,
        job: Callable[[Run], T],
        done: Callable[[T], None] = _nothing,
        *,
        progress: Callable[[int, int], None] = _nothing,
        failed: Callable[[Exception], None] = _nothing,
    ) -> None:
        """Run `job` on a thread; an older run is told to stop, and its result is dropped.

        Parameters
        ----------
        job
            The work; it gets the :class:`Run`.
        done
            Gets what the job returned, when it is of the newest run.
        progress
            Gets (done, total), at most ten times a second.
        failed
            Gets what the job raised, when it is of the newest run, before it is shown.
        """
        run = Run(lambda *counts: self._hand_over(run, progress, *counts))
        thread = threading.Thread(target=self._work, args=(run, job, done, failed), name=self._name, daemon=True)
        with self._lock:
            if self._closed:
                return
            self.stop()
            self._newest = run
            self._threads.add(thread)
            thread.start()

    def _work(
        self, run: Run, job: Callable[[Run], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            result = job(run)
        except Exception as error:  # noqa: BLE001 - a thread has no caller: what it raises is shown in the panel
            self._hand_over(run, failed, error, last=True)
            if self._is_newest(run):
                self._guard.report(error)
        else:
            run.progress.flush()
            self._hand_over(run, done, result, last=True)
        finally:
            run.over = True
            self._threads.discard(threading.current_thread())

    def _hand_over(self, run: Run, take: Callable[..., None], *values: Any, last: bool = False) -> None:
        def hand_over() -> None:
            if self._is_newest(run):
                run.over = last  # before `take`, which may start the next run
                take(*values)

        self._guard.run(hand_over)

    def _is_newest(self, run: Run) -> bool:
        return self._newest is run and not self._closed

    def stop(self) -> None:
        """Tell the run to stop; what it has done by then still arrives."""
        if self._newest is not None:
            self._newest.cancel.set()

    def drop(self) -> None:
        """Tell the run to stop; what it still brings is dropped."""
        with self._lock:
            self.stop()
            self._newest = None

    def close(self, patience: float = 5.0) -> None:
        """Stop, and wait until no thread is left, at most `patience` seconds; results are dropped."""
        with self._lock:
            self._closed = True
            threads = tuple(self._threads - {threading.current_thread()})
        self.stop()
        deadline = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
