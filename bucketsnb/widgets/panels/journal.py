"""Past changes: who made them, when, where, and with what result; each can be undone from here."""

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
from bucketsnb.widgets.parts.wording import summary_in_page_words

__all__ = ["JournalTable"]

MOST = 30
"""Entries shown, newest first."""
HEADERS = ("what", "outcome", "query", "reason", "who", "undone")


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
        """Read the journal again; no request is sent."""
        if self.state.buckets is not None:
            self.panel.messages.clear(self.name)
            journal = context_of(self.state.buckets.api).journal
            self.rows = [_row(row, journal) for _, row in self.state.buckets.journal(MOST).iterrows()]
            self.draw()

    def undo(self, entry: str) -> None:
        """Plan to undo an entry, by reads only, and ask."""
        if entry in [row["entry"] for row in self.rows or ()]:
            self.box.ask_undo(entry)

    def draw(self) -> None:
        """Tell the page the entries."""
        filled = self._filled()
        here = f" on {self.panel.where}"  # shown above by the page
        rows = [
            {**row, "cells": [row["cells"][place].removesuffix(here) for place in filled]} for row in self.rows or ()
        ]
        headers = ["when", *(HEADERS[place] for place in filled)]
        self.tell("draw", headers=headers, rows=rows, read=self.rows is not None)

    def static(self) -> Markup:
        """Return the entries as a plain table."""
        if not self.rows:
            return element("p", "Nothing was changed from this account yet.")
        filled = self._filled()
        rows = [[format_time(row["time"]), *(row["cells"][place] for place in filled)] for row in self.rows]
        return table(["when", *(HEADERS[place] for place in filled)], rows)

    def _filled(self) -> list[int]:
        """Return the places of the columns that are not empty."""
        return [place for place in range(len(HEADERS)) if any(row["cells"][place] for row in self.rows or ())]

    handlers: ClassVar[Handlers] = {"refresh": refresh, "undo": undo}


def _row(row: pd.Series[Any], journal: Any) -> dict[str, Any]:
    """Return what an entry did, to which works, as the plan said it, and what became of it."""
    head = summary_of(journal, row["entry"]).head
    what = summary_in_page_words(head.get("summary") or "") or f"{row['verb']} {int(row['n_works']):,} on {row['host']}"
    outcome = ", ".join(f"{int(row[word.value]):,} {word.value}" for word in Outcome if row[word.value])
    said = (row["undone"] != "no", row["undone"]), (row["state"] != "finished", row["state"])
    undone = ", ".join(str(text) for is_news, text in said if is_news)
    cells = (what, outcome or "nothing sent", head.get("query") or "", row["reason"], row["user"], undone)
    return {
        "entry": str(row["entry"]),
        "time": None if pd.isna(row["time"]) else row["time"].timestamp(),
        "undo": row["undone"] != "yes" and row["verb"] != "undo",
        "cells": [truncate(text, 160) for text in cells],
    }
