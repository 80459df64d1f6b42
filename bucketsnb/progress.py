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
"""Seconds between two calls of a throttled function."""


class Cancel(Protocol):
    """What tells a long read or change to stop, such as a ``threading.Event``, once it is set."""

    def is_set(self) -> bool:
        """Return whether to stop before the next request."""


def throttled(call: Callable[[], object]) -> Callable[[], None]:
    """Return a function that calls `call` at most every half second, and otherwise does nothing."""
    last = time.monotonic()

    def throttled_call() -> None:
        nonlocal last
        if time.monotonic() - last >= _PULSE:
            last = time.monotonic()
            call()

    return throttled_call


@contextmanager
def progress_bar(progress: ProgressCallback | bool | None) -> Iterator[ProgressCallback]:  # noqa: FBT001 - as tqdm's users know it
    """Give a ``with`` block the callback for the progress of a read.

    That is `progress` if it is a function. False gives a callback that does nothing, and anything else one that shows a
    bar if the read has several pages.
    """
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

    # An interval of 0 starts no monitor: a thread of tqdm that never ends, and that only bars without progress need.
    kind: Any = type("Bar", (tqdm,), {"monitor_interval": 0})
    options = {"total": total, "desc": "reading", "unit": " works", "leave": False}
    if any(base.__module__ == "tqdm.notebook" for base in kind.__mro__):
        return _NotebookBar(kind(**options, display=False))
    return kind(**options, disable=None)


class _NotebookBar:
    """A bar that leaves no output in a saved notebook: a closed widget would leave its text, which says 0 %."""

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
