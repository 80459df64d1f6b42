"""Past changes: who, when, where, what became of them; and undo of each from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from bucketsnb.changes.journal import summary_of
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.undo import context_of
from bucketsnb.display.markup import Markup, element, table
from bucketsnb.display.texts import format_time, truncate
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.parts.box import Box

__all__ = ["JournalTable"]

MOST = 30
"""Entries shown, newest first."""
HEADERS = ("when", "what", "outcome", "query", "reason", "who", "undone")


class JournalTable(Part):
    """Show what was changed from this account, and undo an entry of it."""

    kind = "journal"
    heading = "Journal"

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, "journal")
        self.box = box
        self.frame: pd.DataFrame | None = None
        self._heads: dict[str, dict[str, Any]] = {}
        self.follow("changes", lambda _: self.refresh())

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {"refresh": lambda _: self.refresh(), "undo": lambda asked: self.undo(asked["entry"])}

    def refresh(self) -> None:
        """Read the journal again; nothing is asked of the service."""
        if self.state.buckets is not None:
            self.panel.messages.clear(self.name)
            self.frame = self.state.buckets.journal(MOST)
            journal = context_of(self.state.buckets.api).journal
            self._heads = {entry: summary_of(journal, entry).head for entry in self.frame["entry"]}
            self.draw()
            self.panel.keep()

    def undo(self, entry: str) -> None:
        """Plan to take an entry back, by reads only, and ask."""
        if self.frame is not None and entry in set(self.frame["entry"]):
            self.box.ask_undo(entry)

    def _rows(self) -> list[tuple[str, bool, list[str]]]:
        frame = self.frame
        if frame is None:
            return []
        return [
            (
                str(row["entry"]),
                row["undone"] != "yes" and row["verb"] != "undo",
                _cells(row, self._heads[row["entry"]]),
            )
            for _, row in frame.iterrows()
        ]

    def draw(self) -> None:
        """Tell the page the entries."""
        moments: Any = () if self.frame is None else self.frame["time"]
        times = [None if pd.isna(moment) else moment.timestamp() for moment in moments]
        rows = [
            {"entry": entry, "undo": undo, "time": time, "cells": cells[1:]}
            for (entry, undo, cells), time in zip(self._rows(), times, strict=True)
        ]
        self.tell("draw", headers=list(HEADERS), rows=rows, read=self.frame is not None)

    def static(self) -> Markup:
        """Return the entries as a plain table."""
        rows = [cells for _, _, cells in self._rows()]
        return table(HEADERS, rows) if rows else element("p", "Nothing was changed from this account yet.")


def _cells(row: pd.Series[Any], head: Mapping[str, Any]) -> list[str]:
    """Return what an entry did, to which works, as the plan said it, and what became of it."""
    what = head.get("summary") or f"{row['verb']} {int(row['n_works']):,} on {row['host']}"
    outcome = ", ".join(f"{int(row[word.value]):,} {word.value}" for word in Outcome if row[word.value])
    undone = str(row["undone"]) if row["state"] == "finished" else f"{row['undone']}, {row['state']}"
    cells = (what, outcome or "nothing sent", head.get("query") or "", row["reason"], row["user"], undone)
    return [format_time(row["time"]), *(truncate(text, 160) for text in cells)]
