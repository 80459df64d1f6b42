"""Auto-refresh that the page drives: it stops when the page goes, resumes when it comes back, and backs off on failure.

A timer in the kernel would go on asking the service after the tab was closed: widgets outlive their views.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

__all__ = ["Ticker"]

LONGEST = 300.0
"""Seconds between two tries, however often the last ones failed."""


class Ticker:
    """A switch with a rhythm: while it is on and seen, the page sends ticks, one at a time.

    Parameters
    ----------
    on_tick
        Starts a refresh; whoever does it calls :meth:`done` when it has ended.
    answer
        Tells the page when to tick again.
    hold
        While it is true, ticks pass without a refresh: an open question is never touched.
    interval
        Seconds between the end of one refresh and the next tick.
    """

    def __init__(
        self,
        on_tick: Callable[[], None],
        answer: Callable[[], None] = lambda: None,
        *,
        hold: Callable[[], bool] = lambda: False,
        interval: float = 10.0,
    ) -> None:
        self.on = False
        self.interval = max(1.0, interval)
        self.failures = 0
        self._on_tick = on_tick
        self._answer = answer
        self._hold = hold
        self._busy = False
        self._ended = -float("inf")

    @property
    def wait(self) -> float:
        """Seconds until the next tick: the interval, doubled for each failure in a row."""
        return min(self.interval * 2.0**self.failures, max(LONGEST, self.interval))

    def switch(self, interval: float | None) -> None:
        """Switch it on with an interval, or off with None."""
        self.on = interval is not None
        self.interval = max(1.0, interval or self.interval)
        self._answer()

    def tick(self) -> None:
        """Take a tick from the page."""
        if self._busy:
            return
        recent = monotonic() - self._ended < self.wait / 2  # a second view of the same panel ticks as well
        if not self.on or recent or self._hold():
            self._answer()
            return
        self._busy = True
        self._on_tick()

    def done(self, *, ok: bool = True) -> None:
        """Say that a refresh has ended; one that was not asked for by a tick counts as well."""
        self.failures = 0 if ok else self.failures + 1
        self._busy = False
        self._ended = monotonic()
        self._answer()
