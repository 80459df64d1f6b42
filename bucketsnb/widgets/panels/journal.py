"""Past changes: who, when, where, what became of them; and undo of each from there."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

from bucketsnb.changes.journal import summary_of
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.undo import context_of
from bucketsnb.display.markup import Markup, element, table
from bucketsnb.display.texts import format_time, truncate
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
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
        self.rows: list[dict[str, Any]] | None = None  # none before the journal was read
        self.follow("changes", lambda _: self.refresh())
        self.run(self.refresh)

    def refresh(self) -> None:
        """Read the journal again; nothing is asked of the service."""
        if self.state.buckets is not None:
            self.panel.messages.clear(self.name)
            journal = context_of(self.state.buckets.api).journal
            self.rows = [_row(row, journal) for _, row in self.state.buckets.journal(MOST).iterrows()]
            self.draw()

    def undo(self, entry: str) -> None:
        """Plan to take an entry back, by reads only, and ask."""
        if entry in [row["entry"] for row in self.rows or ()]:
            self.box.ask_undo(entry)

    def draw(self) -> None:
        """Tell the page the entries."""
        self.tell("draw", headers=list(HEADERS), rows=self.rows or [], read=self.rows is not None)

    def static(self) -> Markup:
        """Return the entries as a plain table."""
        if not self.rows:
            return element("p", "Nothing was changed from this account yet.")
        return table(HEADERS, [[format_time(row["time"]), *row["cells"]] for row in self.rows])

    handlers: ClassVar[Handlers] = {"refresh": refresh, "undo": undo}


def _row(row: pd.Series[Any], journal: Any) -> dict[str, Any]:
    """Return what an entry did, to which works, as the plan said it, and what became of it."""
    head = summary_of(journal, row["entry"]).head
    what = head.get("summary") or f"{row['verb']} {int(row['n_works']):,} on {row['host']}"
    outcome = ", ".join(f"{int(row[word.value]):,} {word.value}" for word in Outcome if row[word.value])
    undone = str(row["undone"]) if row["state"] == "finished" else f"{row['undone']}, {row['state']}"
    cells = (what, outcome or "nothing sent", head.get("query") or "", row["reason"], row["user"], undone)
    return {
        "entry": str(row["entry"]),
        "time": None if pd.isna(row["time"]) else row["time"].timestamp(),
        "undo": row["undone"] != "yes" and row["verb"] != "undo",
        "cells": [truncate(text, 160) for text in cells],
    }
