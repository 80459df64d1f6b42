"""Long work on a thread, so that the kernel stays free: Stop, progress at a pace the page can follow, newest run only.

A job never prints and never touches a widget: it calls ``run.progress`` and returns; what it returns is handed to
`done` under the guard of its part, on the thread, and only if no newer run was started meanwhile.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from bucketsnb.display.texts import age, count_of

if TYPE_CHECKING:
    from bucketsnb.widgets.core.panel import Part

__all__ = ["Run", "Worker", "warned"]

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
PACE = 0.1
"""Seconds between two updates of the page: with more updates, the message limit of the server drops the last."""
WORTH_SAYING = 2.0
"""Seconds after which the remaining time can be estimated."""


def _nothing(*_: object) -> None:
    """Do nothing."""


class Run:
    """One run of a job: what the job may use while it runs."""

    def __init__(self, tell: Progress = _nothing) -> None:
        self.cancel = threading.Event()  # set by Stop, a newer run, or the end of the panel: check it between requests
        self.over = False
        self._tell = tell
        self._began = time.monotonic()
        self._told = -float("inf")
        self._waiting: tuple[int, int] | None = None

    def progress(self, done: int, total: int) -> None:
        """Report how many are done, and how many there are; the page is told now or later."""
        self._waiting = done, total
        if time.monotonic() - self._told >= PACE:
            self.flush()

    def flush(self) -> None:
        """Send the page the progress that was held back."""
        if self._waiting is not None:
            (done, total), self._waiting = self._waiting, None
            self._told = time.monotonic()
            self._tell(done, total, f"{done:,} of {count_of(total, 'work')}{self._time_left(done, total)}")

    def _time_left(self, done: int, total: int) -> str:
        """Estimate the remaining time from the time so far; empty until that is possible."""
        spent = time.monotonic() - self._began
        left = spent / done * (total - done) if done else 0
        return f", about {age(left)} left" if spent > WORTH_SAYING and left >= 1 else ""


class Worker:
    """Run one job at a time for a part of a panel, which handles the result and shows exceptions of the job."""

    def __init__(self, part: Part, name: str) -> None:
        self._part = part
        self._name = f"bucketsnb {name}"
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
        progress: Progress = _nothing,
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
            Gets how many are done, how many there are, and both in words, at most ten times a second.
        failed
            Gets what the job raised, when it is of the newest run, before it is shown.
        """
        run = Run(lambda *values: self._hand_over(run, progress, *values))
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
                self._part.report(error)
        else:
            run.flush()
            self._hand_over(run, done, result, last=True)
        finally:
            run.over = True
            self._threads.discard(threading.current_thread())

    def _hand_over(self, run: Run, take: Callable[..., None], *values: Any, last: bool = False) -> None:
        def hand_over() -> None:
            if self._is_newest(run):
                run.over = last  # before `take`, which may start the next run
                take(*values)

        self._part.run(hand_over)

    def _is_newest(self, run: Run) -> bool:
        return self._newest is run and not self._closed

    def stop(self) -> None:
        """Tell the run to stop; its result so far is still handled."""
        if self._newest is not None:
            self._newest.cancel.set()

    def drop(self) -> None:
        """Tell the run to stop; its result is dropped."""
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


_lock = threading.Lock()
_heard: dict[int, list[str]] = {}
"""Warnings so far, by the thread that collects them."""
_listening = ExitStack()


def warned(action: Callable[[], T]) -> tuple[T, list[str]]:
    """Run an action, and return what it returned with the texts of its warnings, each once.

    A thread has no stderr that anybody looks at, and Python's own ``catch_warnings`` belongs to the whole process: of
    two threads that overlap, the first to end would leave the other's filters behind for good. So all listening
    threads share one, and the last to end takes it away.
    """
    me = threading.get_ident()
    texts: list[str] = []
    with _lock:
        if not _heard:
            _listening.enter_context(_listen())
        _heard[me] = texts
    try:
        return action(), list(dict.fromkeys(texts))
    finally:
        with _lock:
            del _heard[me]
            if not _heard:
                _listening.close()


@contextmanager
def _listen() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        before = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            texts = _heard.get(threading.get_ident())
            if texts is None:
                before(message, category, *where)
            else:
                texts.append(str(message))

        warnings.showwarning = show  # type: ignore[assignment]  # the same, with the rest passed on
        yield
