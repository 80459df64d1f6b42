"""The works that the state's query asks for: read on a thread when the query changes, shown in a grid."""

from __future__ import annotations

from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import pandas as pd

from bucketsnb.formatting import count_of, when
from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.panel import Panel, button, note, row_of, show
from bucketsnb.widgets.ticker import Ticker
from bucketsnb.widgets.warned import warned
from bucketsnb.widgets.worker import Run

__all__ = ["Preview"]

LIMITS = (("100", 100), ("1,000", 1000), ("10,000", 10_000), ("all", None))


class Preview(Panel):
    """Read and show the works of the state's query.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    limit
        At most so many works are read: 100, 1000, 10000, or None for all.
    height
        Of the box with the rows, in pixels.
    """

    def __init__(self, source: Any = None, *, limit: int | None = 1000, height: int = 360) -> None:
        super().__init__(source, title="Works")
        self.button = button("Preview", self.guard, self.refresh, tooltip="Read the works again")
        self.limit = ipywidgets.Dropdown(options=LIMITS, value=limit, description="Read at most")
        self.limit.add_class("bnb-short")
        self.limit.observe(self.guard(lambda _: self.refresh()), "value")
        self.ticker = Ticker(self.guard, self._tick, hold=lambda: self.state.armed, interval=30.0)
        self.stop = button("Stop", self.guard, self.worker.stop, tooltip="Show what was read until now")
        show(self.stop, on=False)
        self.said = note()
        self.why = note()
        self.grid = WorksGrid(self.state, height=height, empty_note="No work matches.")
        self.follow("query", self._query_changed)
        self.follow("changes", lambda _: self.refresh())
        self.lay_out(row_of(self.button, self.stop, self.limit, self.ticker, self.said), self.why, self.grid)
        self.refresh()

    def _query_changed(self, query: Any) -> None:
        self.why.value = ""
        if query is None:
            self.worker.start(lambda run: None)  # works of the older query that are on their way are wanted no more
            self.ticker.done()
            show(self.stop, on=False)
            self.state.selection = ()
            self.state.frame = None
            self._say("The query is not complete: correct the fields that are marked.")
        else:
            self.refresh()

    def _tick(self) -> None:
        if self.state.query is None or self.worker.running:
            self.ticker.done()
        else:
            self.refresh()

    def refresh(self) -> None:
        """Read the works again, on a thread; of several reads the newest one counts."""
        query, limit, buckets = self.state.query, self.limit.value, self.state.buckets
        if query is None or buckets is None:
            return
        self._say("Reading …")
        self.worker.start(
            lambda run: _read(buckets, query, limit, run),
            lambda frame: self._take(query, frame),
            progress=lambda done, total: self._say(f"Reading … {done:,} of {total:,}"),
            failed=self._failed,
        )
        show(self.stop, on=True)

    def _take(self, query: Any, frame: pd.DataFrame) -> None:
        self.messages.clear("error")
        self.state.read_for = query
        self.state.frame = frame
        read = f"Read {when(frame.attrs['read_at'])}" if frame.attrs.get("read_at") else "Read"
        moved = int(frame.attrs.get("moved") or 0)
        self._say(f"{read}, newest first." + (f" {count_of(moved, 'work')} moved meanwhile." if moved else ""))
        show(self.stop, on=False)
        self.why.value = ""
        self.ticker.done()
        if frame.empty and not query.is_empty:
            self._explain(query)
        self.keep()

    def _explain(self, query: Any) -> None:
        buckets = self.state.buckets
        self.worker.start(lambda _: buckets.explain(query), self._show_why)

    def _show_why(self, why: Any) -> None:
        self.why.value = element("div", Markup(why._repr_html_()))
        self.keep()

    def _failed(self, _: Exception) -> None:
        show(self.stop, on=False)
        before = "" if self.state.frame is None else " What is shown is what was read before."
        self._say(f"Not read: see the message below.{before}")
        self.ticker.done(ok=False)

    def _say(self, text: str) -> None:
        self.said.value = element("span", text, class_="bnb-faint")

    def static(self) -> Markup:
        """Return the first works as a plain table, or why there are none."""
        return element("div", Markup(self.why.value), super().static())


def _read(buckets: Any, query: Any, limit: int | None, run: Run) -> pd.DataFrame:
    # Works that moved during the read are said beside the grid, from the frame.
    frame, _ = warned(lambda: buckets.view(query, limit=limit, progress=run.progress, cancel=run.cancel))
    return frame  # type: ignore[no-any-return]  # the client is whatever was given
