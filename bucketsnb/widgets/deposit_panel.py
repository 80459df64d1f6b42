"""Put works into the queue: one by form, or many from a paste or a frame, with every row checked before any is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import pandas as pd

from bucketsnb.errors import WorkError
from bucketsnb.formatting import count_of
from bucketsnb.schema import FIELDS, Field
from bucketsnb.widgets.change_panel import MAX_AFFECTED, PlanPanel, text_field
from bucketsnb.widgets.guard import Message
from bucketsnb.widgets.panel import note, row_of
from bucketsnb.widgets.update_panel import value_of
from bucketsnb.widgets.worker import Run

__all__ = ["DepositPanel"]

_TEXTS = ("pipeline", "site", "user", "function", "parameters", "command", "tags", "event")
_NUMBERS = tuple(FIELDS[name] for name in ("priority", "retries", "timeout"))


class DepositPanel(PlanPanel):
    """Deposit works.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    works
        A frame or a list of works to deposit, in place of what is pasted.
    """

    def __init__(self, source: Any = None, works: Any = None) -> None:
        super().__init__(source, title="Deposit works", verb="Check and preview")
        self.works = works
        self.fields = {name: text_field(name, _hint(FIELDS[name])) for name in _TEXTS}
        self.numbers = {field.name: _number(field) for field in _NUMBERS}
        self.pasted = ipywidgets.Textarea(
            description="CSV or JSON", placeholder="pipeline,site,user,parameters.dm\nfitburst,chime,me,348.8", rows=6
        )
        self.pasted.add_class("bnb-area")
        self.given = note()
        self.how = ipywidgets.Tab([self._form(), ipywidgets.VBox([self.pasted, self.given])])
        self.how.titles = ("One work", "Many works")
        self.skip_bad = ipywidgets.Checkbox(value=False, description="leave bad rows out", indent=False)
        self.reason = text_field("Reason", "kept in the journal", wide=True)
        self.watch(*self.fields.values(), *self.numbers.values(), self.pasted, self.skip_bad, self.reason)
        self.how.observe(self.guard(self.edited), "selected_index")
        self._show_given()
        self.lay_out(self.how, row_of(self.skip_bad, self.reason), row_of(*self.begin), self.box)

    def _form(self) -> ipywidgets.Box:
        form = ipywidgets.Box([*self.fields.values(), *self.numbers.values()])
        form.add_class("bnb-form-grid")
        return form

    def _show_given(self) -> None:
        if self.works is not None:
            self.how.selected_index = 1
            self.given.value = f"{count_of(len(self.works), 'work')} given from Python; what is pasted comes first."

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Plan the deposit of what stands in the open tab."""
        source, buckets = self._source(), self.state.buckets
        options = {"skip_bad": self.skip_bad.value, "reason": self.reason.value.strip()}
        most = max(MAX_AFFECTED, len(source) if isinstance(source, list | pd.DataFrame) else 0)
        return lambda _: buckets.plan_deposit(source, max_affected=most, **options)

    def _source(self) -> Any:
        if self.how.selected_index == 0:
            return [self._one()]
        if self.pasted.value.strip():
            return self.pasted.value
        if self.works is None:
            raise WorkError("there is no work to deposit: paste CSV or JSON, or give works=... to the panel")
        return self.works

    def _one(self) -> dict[str, Any]:
        typed = {name: field.value.strip() for name, field in self.fields.items()}
        work = {name: value_of(name, text) for name, text in typed.items() if text}
        return {**work, **{name: field.value for name, field in self.numbers.items()}}

    def _planned(self, plan: Any) -> None:
        self._enable()
        bad = len({row for row, _, _ in plan.bad})
        self.box.offer(plan, ask=plan.skip_bad or not bad)
        if bad and not plan.skip_bad:
            text = f"{count_of(bad, 'row')} cannot be sent, so nothing will be."
            self.messages.show(Message("error", text, "Correct the rows that are listed, or leave bad rows out."))
        self.keep()


def _hint(field: Field) -> str:
    return field.example or field.expected


def _number(field: Field) -> ipywidgets.BoundedIntText:
    least = max(0, field.least or 0)  # retries have no lower bound, and less than none means none
    return ipywidgets.BoundedIntText(value=field.default, min=least, max=field.most, description=field.name)
