"""Pipelines by statuses: counts with bars, totals, and a click on a count that asks for just those works.

Showing or refreshing this panel sends reads of the status only; it never sends an audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import pandas as pd
import traitlets

from bucketsnb.errors import ConfigurationError
from bucketsnb.formatting import age, count_of, printable, when
from bucketsnb.formatting_html import STATUS_COLOURS, Markup, element
from bucketsnb.query import Query
from bucketsnb.schema import STATUS_KEYS
from bucketsnb.summaries.status import StatusFrame, read_status
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.guard import Message
from bucketsnb.widgets.panel import Panel, row_of
from bucketsnb.widgets.sparks import sparks
from bucketsnb.widgets.ticker import Ticker
from bucketsnb.widgets.worker import Run

__all__ = ["StatusPanel"]

SKEW = 60.0
"""Seconds that two clocks may differ before it is said: ages and staleness count from the local one."""


class _Table(Front):
    """The table in the page."""

    _esm = traitlets.Unicode(source("status")).tag(sync=True)
    _css = traitlets.Unicode(sheet("status")).tag(sync=True)


class StatusPanel(Panel):
    """Show how many works each pipeline has by status; a click on a count becomes the state's query.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    interval
        Seconds between two refreshes while auto-refresh is on.
    height
        Of the box with the rows, in pixels.
    """

    def __init__(self, source: Any = None, *, interval: float = 10.0, height: int = 300) -> None:
        super().__init__(source, title="Status")
        self._height = height
        self._sparks: dict[str, dict[str, Any]] = {}
        self.button = ipywidgets.Button(description="Refresh", tooltip="Read the status again")
        self.button.on_click(self.guard(lambda _: self.refresh()))
        self.ticker = Ticker(self.guard, self.refresh, hold=lambda: self.state.armed, interval=interval)
        self.table = _Table(self.guard, self._handlers())
        self.follow("status", lambda _: self._draw())
        self.follow("query", lambda _: self._draw_query())
        self.follow("changes", lambda _: self.refresh())
        self.lay_out(row_of(self.button, self.ticker), self.table)
        self.refresh()

    def _handlers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {"hello": lambda _: self._draw(), "pick": lambda asked: self.pick(asked["pipeline"], asked["status"])}

    def refresh(self) -> None:
        """Read the status again, on a thread; while one is being read nothing more is asked."""
        buckets = self.state.buckets
        if buckets is None or self.worker.running:
            return
        self.worker.start(lambda run: _read(buckets, run), self._take, failed=self._failed)
        self._draw_busy()

    def _take(self, answer: tuple[pd.DataFrame, dict[str, dict[str, Any]], str]) -> None:
        frame, self._sparks, problem = answer
        self.messages.clear("error")
        if problem:
            self.messages.show(Message("warning", problem))
        self.state.status = frame
        self._draw()
        self._say_skew()
        self.ticker.done(ok=not frame.attrs.get("problems"))
        self.keep()

    def _failed(self, _: Exception) -> None:
        self._draw_busy()
        self.ticker.done(ok=False)

    def _say_skew(self) -> None:
        skew = getattr(getattr(self.state.buckets, "api", None), "clock_skew", None)
        if skew is not None and abs(skew) > SKEW:
            ahead = "ahead of" if skew > 0 else "behind"
            text = f"The service's clock is {age(abs(skew))} {ahead} this machine's."
            self.messages.show(Message("warning", text, "Ages count by the service's clock."))

    def pick(self, pipeline: str | None, status: str | None) -> None:
        """Ask for the works of a pipeline, of a status, or of both; None is any."""
        words = {"pipeline": pipeline, "status": status if status != "total" else None}
        self.state.query = Query(**{word: value for word, value in words.items() if value is not None})

    def _draw_busy(self) -> None:
        self.table.tell("busy", busy=self.worker.running)

    def _draw_query(self) -> None:
        self.table.tell("picked", picked=self._picked())

    def _picked(self) -> list[str | None] | None:
        query = self.state.query
        if query is None or query.is_empty or not query.only_pipeline_and_status:
            return None
        pipelines, statuses = query.pipelines or (None,), query.statuses or ("total",)
        return [pipelines[0], statuses[0]] if len(pipelines) == len(statuses) == 1 else None

    def _draw(self) -> None:
        frame = self.state.status
        rows = [] if frame is None else _rows(frame, self._sparks)
        self.table.tell(
            "draw",
            columns=STATUS_KEYS,
            rows=rows,
            totals=_totals(frame) if rows else [],
            said=self._said(),
            picked=self._picked(),
            busy=self.worker.running,
            height=self._height,
            colours=dict(STATUS_COLOURS),
        )

    def _said(self) -> str:
        frame = self.state.status
        if frame is None:
            return "Reading the status …" if self.worker.running else "The status has not been read yet."
        place = f" on {self.where}" if self.where else ""
        read = f", read {when(frame.attrs['read_at'])}" if frame.attrs.get("read_at") else ""
        return f"{count_of(len(frame), 'pipeline')}{place}{read}" if len(frame) else f"No works{place}{read}."

    def static(self) -> Markup:
        """Return the last status as a plain table."""
        frame = self.state.status
        drawn = frame._repr_html_() if isinstance(frame, StatusFrame) else ""
        return element("div", Markup(drawn), self.messages.static())


def _read(buckets: Any, _: Run) -> tuple[pd.DataFrame, dict[str, dict[str, Any]], str]:
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
