"""Read the works of the state's query, on a thread, whenever the query or the works have changed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bucketsnb.widgets.core.panel import Panel, Part
from bucketsnb.widgets.core.worker import Run, warned
from bucketsnb.widgets.parts.rows import Causes, causes_of

__all__ = ["LIMITS", "WorksReader"]

LIMITS = (100, 1000, 10_000, None)
"""Choices for the maximum number of works that are read; None is all."""


class WorksReader(Part):
    """Read works into the state, at most so many of the newest, or all; it is not on the page itself."""

    kind = "reader"

    def __init__(self, panel: Panel, *, limit: int | None = 1000) -> None:
        super().__init__(panel)
        self.limit = limit
        self.worker = self.new_worker("reader")
        self.explainer = self.new_worker("explain")
        self.follow("query", self._query_changed)
        self.follow("changes", lambda _: self.refresh())

    def _query_changed(self, query: Any) -> None:
        self.state.why = self.state.counted = None
        self.state.everything = False
        self.state.selection = ()
        if query is None:
            self.worker.drop()  # a read of the older query is not wanted any more
            self.state.reading = ""
            self.state.frame = None
        else:
            self.refresh()

    def read_at_most(self, limit: int | None) -> None:
        """Read at most so many works from now on; None for all."""
        self.limit = limit
        self.refresh()

    def refresh(self) -> None:
        """Read the works again; of several reads the newest one counts."""
        query, limit, buckets = self.state.query, self.limit, self.state.buckets
        if query is None or buckets is None:
            return

        def read(run: Run) -> tuple[pd.DataFrame, Causes | None]:
            # The grid reports works that moved during the read, from the frame.
            frame, _ = warned(lambda: buckets.view(query, limit=limit, progress=run.progress, cancel=run.cancel))
            return frame, causes_of(frame)

        self._say("Reading …")
        self.worker.start(
            read,
            lambda found: self._take(query, *found),
            progress=lambda _, __, text: self._say(f"Reading … {text}"),
            failed=lambda _: self._say(""),
        )

    def _say(self, text: str) -> None:
        self.state.reading = text

    def _take(self, query: Any, frame: pd.DataFrame, causes: Causes | None) -> None:
        self.panel.messages.clear(self.name)
        self.state.causes = causes
        self.state.frame = frame
        self.state.read_for = query  # only now: until its works are drawn, the visible ones are of an older query
        self._say("")
        self._ask_more(query, frame)

    def _ask_more(self, query: Any, frame: pd.DataFrame) -> None:
        """Ask why nothing matches, or how many works match if the read was cut short."""
        buckets = self.state.buckets
        self.explainer.drop()
        self.state.why = self.state.counted = None
        if frame.empty and not query.is_empty:
            self.explainer.start(lambda _: buckets.explain(query), lambda why: self._learn(query, "why", why))
        elif not frame.attrs.get("exact", True):
            self.explainer.start(lambda _: int(buckets.count(query)), lambda n: self._learn(query, "counted", n))

    def _learn(self, query: Any, fact: str, value: Any) -> None:
        if self.state.query == query:
            setattr(self.state, fact, value)
