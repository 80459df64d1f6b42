"""Pipelines by statuses: counts with bars, totals, and a click on a count that asks for just those works.

Showing or refreshing this sends reads of the status only; it never sends an audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, ClassVar

import pandas as pd

from bucketsnb.display.markup import STATUS_COLOURS, Markup
from bucketsnb.display.texts import age, count_of, printable
from bucketsnb.errors import ConfigurationError
from bucketsnb.history import History
from bucketsnb.query import Query
from bucketsnb.schema import STATUS_KEYS
from bucketsnb.summaries.status import StatusFrame, read_status
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
from bucketsnb.widgets.parts.box import Box

__all__ = ["StatusPanel", "StatusTable"]

SKEW = 60.0
"""Seconds that two clocks may differ before the page says so."""
FIRST = 6
"""Rows that are shown at first: those that need attention."""
LONGEST = 300.0
"""Seconds between two tries, however often the last ones failed."""
SPAN = 86_400.0
"""Seconds of the history that a line shows, back from the newest snapshot."""
POINTS = 60
"""Points of one line, at most: it is 90 pixels wide."""


class StatusTable(Part):
    """Read the status and show it, with a switch that reads it again and again, and what else is to be read with it.

    The page drives the rhythm: while the switch is on and seen it sends ticks, one at a time. A timer in the kernel
    would go on asking the service after the tab was closed, as widgets outlive their views.
    """

    kind = "status"
    heading = "Status"

    def __init__(self, panel: Panel, *, interval: float = 10.0, also: Callable[[], None] = lambda: None) -> None:
        super().__init__(panel)
        self._also = also
        self._lines: dict[str, dict[str, Any]] = {}
        self.worker = self.new_worker("status")
        self.auto = False
        self.interval = max(1.0, interval)  # seconds between the end of one refresh and the next tick
        self.failures = 0  # in a row
        self._ended_at = -float("inf")
        self.follow("status", lambda _: self.draw())
        self.follow("query", lambda _: self.tell("picked", picked=self._picked()))
        self.follow("changes", lambda _: self.refresh())

    # ---- the rhythm

    @property
    def wait(self) -> float:
        """Seconds until the next tick: the interval, doubled for each failure in a row."""
        return min(self.interval * 2.0**self.failures, max(LONGEST, self.interval))

    def switch(self, seconds: float | None) -> None:
        """Switch auto-refresh on with an interval, or off with None."""
        self.auto = seconds is not None
        self.interval = max(1.0, seconds or self.interval)
        self._tell_next()

    def tick(self) -> None:
        """Refresh, unless auto-refresh is off, a question is open, or another view of the panel has just refreshed."""
        if self.worker.running:  # at its end, the page is told when to tick again
            return
        recent = monotonic() - self._ended_at < self.wait / 2
        if not self.auto or recent or self.state.armed:
            self._tell_next()
        else:
            self.refresh_all()

    def _tell_next(self) -> None:
        wait = self.wait if self.auto else None
        self.tell("next", seconds=wait, interval=self.interval, failures=self.failures)

    # ---- reading

    def refresh_all(self) -> None:
        """Read the status again, and the works if the page has any."""
        self.refresh()
        self._also()

    def refresh(self) -> None:
        """Read the status again, on a thread, unless that is under way already."""
        buckets = self.state.buckets
        if buckets is None or self.worker.running:
            return
        self.worker.start(lambda _: _read(buckets), self._take, failed=lambda _: self._ended(ok=False))
        self.tell("busy", busy=self.worker.running)

    def _take(self, answer: tuple[pd.DataFrame, dict[str, dict[str, Any]], str]) -> None:
        frame, self._lines, problem = answer
        self.panel.messages.clear(self.name)
        if problem:
            self.show(Message("warning", problem))
        self.state.status = frame
        self._say_skew()
        self._ended(ok=not frame.attrs.get("problems"))

    def _ended(self, *, ok: bool) -> None:
        self.failures = 0 if ok else self.failures + 1
        self._ended_at = monotonic()
        self.draw()

    def _say_skew(self) -> None:
        api = self.state.buckets.api
        skew = api.clock_skew
        if skew is not None and abs(skew) > SKEW:
            ahead = "ahead of" if skew > 0 else "behind"
            text = f"The service's clock is {age(abs(skew))} {ahead} this machine's."
            counts = "this machine" if api.clock.choice == "local" else "the service"
            self.show(Message("warning", text, f"Ages count by {counts}'s clock."))

    def pick(self, pipeline: str | None, status: str | None) -> None:
        """Ask for the works of a pipeline, of a status, or of both; None is any."""
        words = {"pipeline": pipeline, "status": status if status != "total" else None}
        self.state.query = Query(**{word: value for word, value in words.items() if value is not None})

    def _picked(self) -> list[str | None] | None:
        query = self.state.query
        if query is None or query.is_empty or not query.only_pipeline_and_status:
            return None
        pipelines, statuses = query.pipelines or (None,), query.statuses or ("total",)
        return [pipelines[0], statuses[0]] if len(pipelines) == len(statuses) == 1 else None

    def draw(self) -> None:
        """Tell the page the counts."""
        frame = self.state.status
        rows = [] if frame is None else _rows(frame, self._lines)
        self.tell(
            "draw",
            columns=STATUS_KEYS,
            rows=rows,
            totals=[] if frame is None else [int(frame[key].sum()) for key in STATUS_KEYS],
            summary=self._summary(),
            read_at=None if frame is None else frame.attrs.get("read_at"),
            picked=self._picked(),
            busy=self.worker.running,
            first=FIRST,
            colours=dict(STATUS_COLOURS),
        )
        self._tell_next()

    def _summary(self) -> str:
        frame, place = self.state.status, f"Buckets on {self.panel.where}" if self.panel.where else "Buckets"
        if frame is None:
            unread = "the status could not be read" if self.failures else "the status has not been read yet"
            return f"{place} · {'reading the status …' if self.worker.running else unread}"
        return f"{place} · {count_of(len(frame), 'pipeline')} · {count_of(int(frame['total'].sum()), 'work')}"

    def static(self) -> Markup:
        """Return the last status as a plain table."""
        frame = self.state.status
        return Markup(frame._repr_html_() if isinstance(frame, StatusFrame) else "")

    handlers: ClassVar[Handlers] = {
        "pick": pick,
        "refresh": refresh_all,
        "auto": switch,
        "tick": tick,
    }


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
        return frame, _lines(buckets.history()), ""
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


def _lines(history: History) -> dict[str, dict[str, Any]]:
    """Return the line of each pipeline with at least two snapshots, with its words for those who do not see it."""
    times = history.times()
    if len(times) < 2:  # a line has two ends
        return {}
    table = history.frame(since=times[-1].timestamp() - SPAN)
    seen = table[table["queued"].notna()]
    return {str(name): _line(rows) for name, rows in seen.groupby("pipeline") if len(rows) > 1}


def _line(rows: pd.DataFrame) -> dict[str, Any]:
    """Return pairs of epoch seconds and queued works, oldest first, and the same in words."""
    queued = [int(number) for number in rows["queued"]]
    times = [moment.timestamp() for moment in rows["time"]]
    step = -(-len(queued) // POINTS)
    points = list(zip(times, queued, strict=True))[::-1][::step][::-1]  # thinned from the newest, which stays
    ends = f"queued over {age(times[-1] - times[0])}: {queued[0]:,} then, {queued[-1]:,} at last"
    return {"points": points, "text": f"{ends}, between {min(queued):,} and {max(queued):,}"}
