"""Progress of long reads and changes, and how to cancel them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Cancel", "ProgressCallback", "progress_bar", "throttled"]

ProgressCallback = Callable[[int, int], object]
"""Called with the number of works that are read or changed so far, and with their total."""

_PULSE = 0.5
"""Seconds between two calls while the columns of a read are put together, which changes no number."""


class Cancel(Protocol):
    """Stops long work, such as a ``threading.Event`` that is set."""

    def is_set(self) -> bool:
        """Whether to stop before the next request."""


def throttled(call: Callable[[], object]) -> Callable[[], None]:
    """Return a function that makes the call unless the last one was just before."""
    last = time.monotonic()

    def throttled_call() -> None:
        nonlocal last
        if time.monotonic() - last >= _PULSE:
            last = time.monotonic()
            call()

    return throttled_call


@contextmanager
def progress_bar(progress: ProgressCallback | bool | None) -> Iterator[ProgressCallback]:  # noqa: FBT001 - as tqdm's users know it
    """Return the callback for the progress of a read: the given one, none for False, else a bar if several pages."""
    bar: Any = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None and done < total:
            bar = _bar(total)
        if bar is not None:
            bar.update(done - bar.n)

    if callable(progress):
        yield progress
        return
    try:
        yield (lambda done, total: None) if progress is False else show
    finally:
        if bar is not None:
            bar.close()


def _bar(total: int) -> Any:
    from tqdm.auto import tqdm  # not needed, and not loaded, for reads of one page

    # tqdm's monitor, a thread that never ends, is only for bars that stall.
    kind: Any = type("Bar", (tqdm,), {"monitor_interval": 0})
    options = {"total": total, "desc": "reading", "unit": " works", "leave": False}
    if any(base.__module__ == "tqdm.notebook" for base in kind.__mro__):
        return _NotebookBar(kind(**options, display=False))
    return kind(**options, disable=None)


class _NotebookBar:
    """A bar that leaves nothing in the saved notebook: a closed widget would leave its text, at 0 %."""

    def __init__(self, bar: Any) -> None:
        from IPython.display import display

        self._bar = bar
        self._shown: Any = display(bar.container, display_id=True)  # type: ignore[no-untyped-call]  # IPython is untyped

    @property
    def n(self) -> int:
        return int(self._bar.n)

    def update(self, works: int) -> None:
        self._bar.update(works)

    def close(self) -> None:
        self._bar.close()
        self._shown.update({"text/plain": ""}, raw=True)
