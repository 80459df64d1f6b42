"""Pipelines by statuses: counts with bars, totals, and a click on a count that asks for just those works.

Showing or refreshing this sends reads of the status only; it never sends an audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from bucketsnb.display.markup import STATUS_COLOURS, Markup
from bucketsnb.display.texts import age, count_of, printable
from bucketsnb.errors import ConfigurationError
from bucketsnb.query import Query
from bucketsnb.schema import STATUS_KEYS
from bucketsnb.summaries.status import StatusFrame, read_status
from bucketsnb.widgets.core.error_boundary import Message
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.core.ticker import Ticker
from bucketsnb.widgets.parts.box import Box
from bucketsnb.widgets.parts.sparks import sparks

__all__ = ["StatusPanel", "StatusTable"]

SKEW = 60.0
"""Seconds that two clocks may differ before the page says so."""
FIRST = 6
"""Rows that are shown at first: those that need a look."""


class StatusTable(Part):
    """Read the status and show it, with a switch that reads it again and again.

    Parameters
    ----------
    interval
        Seconds between two refreshes while auto-refresh is on.
    also
        Called by a refresh: what else on the page is to be read again.
    """

    kind = "status"
    heading = "Status"

    def __init__(self, panel: Panel, *, interval: float = 10.0, also: Callable[[], None] = lambda: None) -> None:
        super().__init__(panel)
        self._also = also
        self._sparks: dict[str, dict[str, Any]] = {}
        self.worker = self.new_worker("status")
        self.ticker = Ticker(self._tick, self._answer, hold=lambda: self.state.armed, interval=interval)
        self.follow("status", lambda _: self.draw())
        self.follow("query", lambda _: self._draw_query())
        self.follow("changes", lambda _: self.refresh())

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {
            "pick": lambda asked: self.pick(asked["pipeline"], asked["status"]),
            "refresh": lambda _: self._tick(),
            "auto": lambda asked: self.ticker.switch(asked["seconds"]),
            "tick": lambda _: self.ticker.tick(),
        }

    def _tick(self) -> None:
        self.refresh()
        self._also()

    def _answer(self) -> None:
        wait = self.ticker.wait if self.ticker.on else None
        self.tell("next", seconds=wait, interval=self.ticker.interval, failures=self.ticker.failures)

    def refresh(self) -> None:
        """Read the status again, on a thread; while one is being read nothing more is asked."""
        buckets = self.state.buckets
        if buckets is None or self.worker.running:
            return
        self.worker.start(lambda _: _read(buckets), self._take, failed=self._failed)
        self._draw_busy()

    def _take(self, answer: tuple[pd.DataFrame, dict[str, dict[str, Any]], str]) -> None:
        frame, self._sparks, problem = answer
        self.panel.messages.clear(self.name)
        if problem:
            self.show(Message("warning", problem))
        self.state.status = frame
        self.draw()
        self._say_skew()
        self.ticker.done(ok=not frame.attrs.get("problems"))
        self.panel.keep()

    def _failed(self, _: Exception) -> None:
        self._draw_busy()
        self.ticker.done(ok=False)

    def _say_skew(self) -> None:
        api = getattr(self.state.buckets, "api", None)
        skew = getattr(api, "clock_skew", None)
        if api is not None and skew is not None and abs(skew) > SKEW:
            ahead = "ahead of" if skew > 0 else "behind"
            text = f"The service's clock is {age(abs(skew))} {ahead} this machine's."
            counts = "this machine" if api.clock.choice == "local" else "the service"
            self.show(Message("warning", text, f"Ages count by {counts}'s clock."))

    def pick(self, pipeline: str | None, status: str | None) -> None:
        """Ask for the works of a pipeline, of a status, or of both; None is any."""
        words = {"pipeline": pipeline, "status": status if status != "total" else None}
        self.state.query = Query(**{word: value for word, value in words.items() if value is not None})

    def _draw_busy(self) -> None:
        self.tell("busy", busy=self.worker.running)

    def _draw_query(self) -> None:
        self.tell("picked", picked=self._picked())

    def _picked(self) -> list[str | None] | None:
        query = self.state.query
        if query is None or query.is_empty or not query.only_pipeline_and_status:
            return None
        pipelines, statuses = query.pipelines or (None,), query.statuses or ("total",)
        return [pipelines[0], statuses[0]] if len(pipelines) == len(statuses) == 1 else None

    def draw(self) -> None:
        """Tell the page the counts."""
        frame = self.state.status
        rows = [] if frame is None else _rows(frame, self._sparks)
        self.tell(
            "draw",
            columns=STATUS_KEYS,
            rows=rows,
            totals=_totals(frame) if rows else [],
            said=self._said(),
            read_at=None if frame is None else frame.attrs.get("read_at"),
            picked=self._picked(),
            busy=self.worker.running,
            first=FIRST,
            colours=dict(STATUS_COLOURS),
        )
        self._answer()

    def _said(self) -> str:
        place = f"Buckets on {printable(self.panel.where)}" if self.panel.where else "Buckets"
        frame = self.state.status
        if frame is None:
            return f"{place} · {'reading the status …' if self.worker.running else 'the status has not been read yet'}"
        works = int(frame["total"].sum())
        return f"{place} · {count_of(len(frame), 'pipeline')} · {count_of(works, 'work')}"

    def static(self) -> Markup:
        """Return the last status as a plain table."""
        frame = self.state.status
        return Markup(frame._repr_html_() if isinstance(frame, StatusFrame) else "")


class StatusPanel(Panel):
    """Show how many works each pipeline has by status; a click on a count becomes the state's query.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    interval
        Seconds between two refreshes while auto-refresh is on.
    """

    def __init__(self, source: Any = None, *, interval: float = 10.0) -> None:
        super().__init__(source, title="Status")
        self.table = StatusTable(self, interval=interval)
        self.lay_out(self.table, Box(self))
        self.table.refresh()


def _read(buckets: Any) -> tuple[pd.DataFrame, dict[str, dict[str, Any]], str]:
    frame = read_status(buckets.api, warn=False)
    try:
        return frame, sparks(buckets.history()), ""
    except ConfigurationError as error:  # the status can do without
        return frame, {}, str(error)


def _rows(frame: pd.DataFrame, lines: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    problems = frame.attrs.get("problems", {})
    numbers = frame[list(STATUS_KEYS)]
    return [
        {
            "pipeline": str(name),
            "label": printable(name),
            "counts": [None if pd.isna(number) else int(number) for number in row],
            "problem": printable(problems.get(name, "")),
            "spark": lines.get(str(name)),
        }
        for name, row in zip(numbers.index, numbers.itertuples(index=False), strict=True)
    ]


def _totals(frame: pd.DataFrame | None) -> list[int]:
    return [] if frame is None else [int(frame[key].sum()) for key in STATUS_KEYS]
