"""Auto-refresh that the page drives: it stops when the page goes, resumes when it comes back, and backs off on failure.

A timer in the kernel would go on asking the service after the tab was closed: widgets outlive their views.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import traitlets

from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.guard import Guard

__all__ = ["Ticker"]

LONGEST = 300.0
"""Seconds between two tries, however often the last ones failed."""


class Ticker(Front):
    """A switch with a rhythm: while it is on and seen, the page sends ticks, one at a time.

    Parameters
    ----------
    guard
        Around `on_tick`.
    on_tick
        Starts a refresh; whoever does it calls :meth:`done` when it has ended.
    hold
        While it is true, ticks pass without a refresh: an armed confirm is never touched.
    interval
        Seconds between the end of one refresh and the next tick.
    label
        Of the switch.
    """

    _esm = traitlets.Unicode(source("ticker")).tag(sync=True)
    _css = traitlets.Unicode(sheet("ticker")).tag(sync=True)
    on = traitlets.Bool(False).tag(sync=True)
    interval = traitlets.Float(10.0, min=1.0).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        guard: Guard,
        on_tick: Callable[[], None],
        *,
        hold: Callable[[], bool] = lambda: False,
        interval: float = 10.0,
        label: str = "Auto-refresh",
    ) -> None:
        self._on_tick = on_tick
        self._hold = hold
        self._failures = 0
        self._busy = False
        self._ended = -float("inf")
        handlers = {"tick": self._tick, "hello": lambda _: None}
        super().__init__(guard, handlers, interval=interval, label=label)

    @property
    def wait(self) -> float:
        """Seconds until the next tick: the interval, doubled for each failure in a row."""
        interval = float(self.interval)
        return min(interval * 2.0**self._failures, max(LONGEST, interval))

    def _tick(self, _: dict[str, Any]) -> None:
        if self._busy:
            return
        recent = monotonic() - self._ended < self.wait / 2  # a second view of the same panel ticks as well
        # The first tick may overtake the news that the switch is on: unanswered, it would be the last for minutes.
        if not self.on or recent or self._hold():
            self._answer()
            return
        self._busy = True
        self._on_tick()

    def done(self, *, ok: bool = True) -> None:
        """Say that a refresh has ended; one that was not asked for by a tick counts as well."""
        self._failures = 0 if ok else self._failures + 1
        self._busy = False
        self._ended = monotonic()
        self._answer()

    def _answer(self) -> None:
        self.tell("next", seconds=self.wait, failures=self._failures)
