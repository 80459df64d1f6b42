"""Put works into the queue: one by form, or many from a paste or a frame; every row is checked before any is sent."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bucketsnb.changes.receipt import Receipt
from bucketsnb.display.texts import count_of
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS
from bucketsnb.settings import MAX_AFFECTED
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.panels.update import value_of
from bucketsnb.widgets.parts.box import Box, Request
from bucketsnb.widgets.parts.form import Field, Form

__all__ = ["DepositForm"]

_TEXTS = ("pipeline", "site", "user", "function", "parameters", "command", "tags", "event")
_HINTS = {
    "pipeline": "fitburst",
    "site": "chime",
    "user": "who it is for",
    "function": "package.module.function",
    "tags": "low, high",
    "event": "9385707",
}
"""Examples that fit a field of the form, where that of the model is of another form or too long."""
_NUMBERS = {"priority": "priority", "retries": "retries", "timeout": "timeout, in seconds"}
_FLAGS = ("skip_bad", "fresh")
_LOOKED_AT = 50
"""Works from which the columns are taken."""
_HOW = (("table", "Many works, from a table"), ("one", "One work, by form"))
_FIELDS = (
    Field("how", "Deposit", "choice", "table", choices=_HOW),
    Field(
        "pasted",
        "Paste rows with their header line: from a spreadsheet, CSV or JSON",
        "area",
        hint="pipeline,site,user,parameters.dm\nfitburst,chime,me,348.8",
    ),
    *(Field(name, name, hint=_HINTS.get(name) or FIELDS[name].example) for name in _TEXTS),
    *(
        # retries have no lower bound; a negative number means none
        Field(
            name, label, "number", FIELDS[name].default, least=max(0, FIELDS[name].least or 0), most=FIELDS[name].most
        )
        for name, label in _NUMBERS.items()
    ),
    Field("skip_bad", "Leave rows with mistakes out", "flag", value=False),
    Field("fresh", "Deposit copies as new works", "flag", value=False),
)


class DepositForm(Form):
    """Deposit one work that is typed, works that are pasted, or works that were given from Python."""

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, box, "deposit", "Deposit works", _FIELDS)
        self.works: Any = None
        self.follow("receipt", self._done)

    def _done(self, receipt: Receipt | None) -> None:
        """Remove the rows that are all in the queue now: the same button would deposit them again."""
        if self.box.is_asked_by(self) and receipt is not None and receipt.verb == "deposit" and receipt.ok:
            self.values["pasted"] = ""
            self.draw()

    def content(self) -> dict[str, Any]:
        """Return the fields for the chosen way, a summary of works from Python, and the button that checks all rows."""
        one = self.values["how"] == "one"
        given = count_of(len(self.works), "work") if self.works is not None and not one else ""
        return {
            "fields": ("how", *_TEXTS, *_NUMBERS) if one else ("how", "pasted", *_FLAGS),
            "notes": [f"{given} given from Python; what is pasted comes first."] if given else [],
            "buttons": [("plan", "Check and preview", self.plan)],
        }

    def plan(self) -> None:
        """Check every row, show what would be deposited, and ask."""
        works = self._works()
        make = partial(self.state.buckets.plan_deposit, works, **{name: self.values[name] for name in _FLAGS})
        most = max(MAX_AFFECTED, len(works) if isinstance(works, list | pd.DataFrame) else 0)
        self.box.ask(Request(self, make, {"reason": "", "max_affected": most}, columns=_columns(works)))

    def _works(self) -> Any:
        """Return the works as a list, a frame, or the text of a table."""
        if self.values["how"] == "one":
            typed = {name: self.values[name].strip() for name in _TEXTS}
            work = {name: value_of(name, text) for name, text in typed.items() if text}
            return [{**work, **{name: self.values[name] for name in _NUMBERS}}]
        pasted = self.values["pasted"].strip()
        if pasted and "\n" not in pasted and pasted[0] not in "[{":
            raise WorkError("One line is no table: paste a line with the names of the columns, then one for each work.")
        if not pasted and self.works is None:
            raise WorkError("There is no work to deposit: paste rows first.")
        return pasted or self.works


def _columns(works: Any) -> tuple[str, ...]:
    """Return the columns of a table that a person made."""
    if isinstance(works, pd.DataFrame):
        return tuple(map(str, works.columns))
    if isinstance(works, str) and works[0] not in "[{":
        header = works.partition("\n")[0]
        return tuple(next(csv.reader([header], delimiter=max(",;\t|", key=header.count))))
    try:
        rows = json.loads(works) if isinstance(works, str) else works
    except ValueError:  # the plan says what is wrong with it
        return ()
    mappings = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return tuple(dict.fromkeys(str(name) for row in mappings[:_LOOKED_AT] for name in row))
