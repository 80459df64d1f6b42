"""Put works into the queue: one by form, or many from a paste or a frame, with every row checked before any is sent."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from bucketsnb.changes.receipt import Receipt
from bucketsnb.display.texts import count_of
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS
from bucketsnb.settings import MAX_AFFECTED
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.panels.update import value_of
from bucketsnb.widgets.parts.box import Box, Options, Request
from bucketsnb.widgets.parts.form import Field, Form

__all__ = ["DepositForm"]

_TEXTS = ("pipeline", "site", "user", "function", "parameters", "command", "tags", "event")
_NUMBERS = ("priority", "retries", "timeout")
_FLAGS = ("skip_bad", "fresh")
_HOW = (("table", "Many works, from a table"), ("one", "One work, by form"))
_LOOKED_AT = 50
"""Works that tell which columns there are."""
_HINT = "pipeline,site,user,parameters.dm\nfitburst,chime,me,348.8"


class DepositForm(Form):
    """Deposit works.

    Attributes
    ----------
    works
        A frame or a list of works to deposit, unless some are pasted.
    """

    def __init__(self, panel: Panel, box: Box) -> None:
        fields = [
            Field("how", "Deposit", "choice", "table", choices=_HOW),
            Field("pasted", "Paste rows with their header line: from a spreadsheet, CSV or JSON", "area", hint=_HINT),
            *(Field(name, name, hint=FIELDS[name].example or FIELDS[name].expected) for name in _TEXTS),
            *map(_number, _NUMBERS),
            Field("skip_bad", "Leave rows with mistakes out", "flag", value=False),
            Field("fresh", "Deposit copies as new works", "flag", value=False),
        ]
        super().__init__(panel, box, "deposit", "Deposit works", fields)
        self.works: Any = None
        self.follow("receipt", self._done)

    def _done(self, receipt: Receipt | None) -> None:
        """Take the rows away that are all in the queue now: the same button would deposit them once more."""
        if self.asked and receipt is not None and receipt.verb == "deposit" and receipt.ok:
            self.values["pasted"] = ""
            self.draw()

    def visible(self) -> Iterable[str]:
        """Return the fields of the chosen way."""
        return ("how", *_TEXTS, *_NUMBERS) if self.values["how"] == "one" else ("how", "pasted", "skip_bad", "fresh")

    def notes(self) -> list[str]:
        """Say what was given from Python."""
        if self.works is None or self.values["how"] == "one":
            return []
        return [f"{count_of(len(self.works), 'work')} given from Python; what is pasted comes first."]

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return the button that checks every row."""
        return [("plan", "Check and preview", self.plan)]

    def plan(self) -> None:
        """Check every row, show what would be deposited, and ask."""
        source, buckets, flags = self._source(), self.state.buckets, {name: self.values[name] for name in _FLAGS}
        most = max(MAX_AFFECTED, len(source) if isinstance(source, list | pd.DataFrame) else 0)

        def make(options: Options) -> Any:
            limits = {"reason": options.reason.strip(), "max_affected": options.max_affected}
            return buckets.plan_deposit(source, **flags, **limits)

        choices, options = ("reason", "max_affected"), Options(max_affected=most)
        self.ask(Request(make, choices, options, title=_title_of, asks=_sendable, columns=_columns(source)))

    def _source(self) -> Any:
        if self.values["how"] == "one":
            return [self._one()]
        if self.values["pasted"].strip():
            return _as_csv(self.values["pasted"])
        if self.works is None:
            raise WorkError("There is no work to deposit: paste rows first.")
        return self.works

    def _one(self) -> dict[str, Any]:
        typed = {name: self.values[name].strip() for name in _TEXTS}
        work = {name: value_of(name, text) for name, text in typed.items() if text}
        return {**work, **{name: self.values[name] for name in _NUMBERS}}


def _title_of(plan: Any) -> str:
    bad = len({row for row, _, _ in plan.bad})
    if bad and not plan.skip_bad:
        verb = "has" if bad == 1 else "have"
        return f"{count_of(bad, 'row')} {verb} mistakes, so nothing will be sent. Correct them, or leave them out."
    return str(plan.summary)


def _sendable(plan: Any) -> bool:
    return bool(plan.count) and (plan.skip_bad or not plan.bad)


def _columns(source: Any) -> tuple[str, ...]:
    """Return the names that a person's own columns have."""
    if isinstance(source, pd.DataFrame):
        return tuple(map(str, source.columns))
    if isinstance(source, str) and source[0] not in "[{":
        return tuple(next(csv.reader(io.StringIO(source)), ()))
    try:
        rows = json.loads(source) if isinstance(source, str) else source
    except ValueError:  # the plan says what is wrong with it
        return ()
    mappings = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return tuple(dict.fromkeys(str(name) for row in mappings[:_LOOKED_AT] for name in row))


def _as_csv(text: str) -> str:
    """Return pasted text as JSON or CSV: what a spreadsheet copies has tabs between its cells.

    Raises
    ------
    WorkError
        If it is neither: one line alone is no table.
    """
    text = text.strip()
    if text[0] in "[{":
        return text
    if "\n" not in text:
        raise WorkError(
            "One line is no table: paste a line with the names of the columns, then one line for each work."
        )
    header = text.split("\n", 1)[0]
    if "\t" not in header or "," in header:
        return text
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(csv.reader(io.StringIO(text), delimiter="\t"))
    return written.getvalue()


def _number(name: str) -> Field:
    model = FIELDS[name]
    least = max(0, model.least or 0)  # retries have no lower bound, and less than none means none
    return Field(name, name, "number", model.default, least=least, most=model.most)
