"""Past changes: who, when, where, what became of them; and undo from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import pandas as pd

from bucketsnb.changes.receipt import Outcome
from bucketsnb.formatting import printable, when
from bucketsnb.formatting_html import Markup, element, table
from bucketsnb.widgets.change_panel import PlanPanel
from bucketsnb.widgets.panel import button, note, row_of
from bucketsnb.widgets.worker import Run

__all__ = ["JournalPanel"]

MOST = 30
"""Entries shown, newest first."""
NOTHING = ("nothing to undo", "")


class JournalPanel(PlanPanel):
    """Show what was changed from this account, and undo an entry of it.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    """

    def __init__(self, source: Any = None) -> None:
        super().__init__(source, title="Journal", verb="Undo")
        self.button = button("Refresh", self.guard, self.refresh, tooltip="Read the journal again")
        self.entries = note()
        self.entry = ipywidgets.Dropdown(description="Entry", options=[NOTHING], value="")
        self.entry.add_class("bnb-wide")
        self.watch(self.entry)
        self.follow("changes", lambda _: self.refresh())
        self.lay_out(row_of(self.button), self.entries, row_of(self.entry, *self.begin), self.box)
        self.refresh()

    def refresh(self) -> None:
        """Read the journal again; nothing is asked of the service."""
        if self.state.buckets is None:
            return
        frame = self.state.buckets.journal(MOST)
        chosen = self.entry.value if self.entry.index else None  # the newest was nobody's choice, so it may change
        options = [(_named(row), row["entry"]) for _, row in frame.iterrows() if row["undone"] != "yes"]
        self.entry.options = options or [NOTHING]
        if chosen in [value for _, value in self.entry.options]:
            self.entry.value = chosen
        self.plan_button.disabled = not options
        self.entries.value = _drawn(frame)
        self.keep()

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Plan the undo of the chosen entry, by reads only."""
        entry, buckets = self.entry.value, self.state.buckets
        return None if not entry else lambda _: buckets.plan_undo(entry)

    def static(self) -> Markup:
        """Return the entries as a plain table, and the last receipt."""
        return element("div", Markup(self.entries.value), super().static())


def _named(row: pd.Series[Any]) -> str:
    return printable(f"{when(row['time'])}: {row['verb']} {row['n_works']:,} on {row['host']}")


def _drawn(frame: pd.DataFrame) -> Markup:
    if frame.empty:
        return element("span", "Nothing was changed from this account yet.", class_="bnb-faint")
    words = [outcome.value for outcome in Outcome]
    rows = [
        [
            when(row["time"]),
            row["verb"],
            int(row["n_works"]),
            row["host"],
            row["user"],
            ", ".join(f"{int(row[word]):,} {word}" for word in words if row[word]) or "nothing sent",
            row["reason"],
            row["undone"] if row["state"] == "finished" else f"{row['undone']}, {row['state']}",
        ]
        for _, row in frame.iterrows()
    ]
    return table(["when", "what", "works", "host", "who", "outcome", "reason", "undone"], rows)
