"""Change one field of the selected works; the plan shows every cell, old and new."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bucketsnb.display.texts import count_of, truncate
from bucketsnb.encoding.cells import read_cell
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE, problems_of_change
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.parts.actions import Actions
from bucketsnb.widgets.parts.box import Box, Options
from bucketsnb.widgets.parts.form import Field, Form

__all__ = ["UpdateForm", "value_of"]

_SETTABLE = [name for name in FIELDS if name not in LEFT_TO_THE_SERVICE]
_FIRST = ("priority", "status", "tags", "retries", "timeout")
_FIRST_CLAIMED = "5 is the most urgent: of the queued works of a pipeline, workers take the highest priority first."
_NAMES = [*_FIRST, *(name for name in _SETTABLE if name not in _FIRST)]


class UpdateForm(Form):
    """Set one field of the works that are selected."""

    def __init__(self, panel: Panel, box: Box, actions: Actions) -> None:
        fields = [
            Field("field", "Set", "choice", "priority", choices=tuple((name, name) for name in _NAMES)),
            Field("value", "to", hint="3"),
        ]
        super().__init__(panel, box, "change", "Change the selected works", fields)
        self._actions = actions
        for fact in ("selection", "everything", "frame", "query"):
            self.follow(fact, lambda _: self.draw())

    @property
    def asked(self) -> bool:
        """Whether what stands in the box is a change of the selected works."""
        return self._actions.asked

    def hint(self, field: Field) -> str:
        """Return an example of the value."""
        chosen = FIELDS[self.values["field"]]
        return field.hint if field.name == "field" else chosen.example or chosen.expected

    def intro(self) -> str:
        """Say how many works it is about."""
        count = self._actions.works.count
        return f"About the {count_of(count, 'selected work')}." if count else "Select the works to change first."

    def notes(self) -> list[str]:
        """Say which priority comes first."""
        return [_FIRST_CLAIMED] if self.values["field"] == "priority" else []

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return the button that shows the change, once works are selected."""
        return [("plan", "Show the change", self.plan)] if self._actions.works.count else []

    def plan(self) -> None:
        """Show what would change, and ask."""
        name, buckets = self.values["field"], self.state.buckets
        value = value_of(name, self.values["value"])
        for problem in problems_of_change({}, {name: value}):
            raise WorkError(str(problem), field=name)

        def make(which: Any, options: Options) -> Any:
            return buckets.plan_update(which, set={name: value}, **options.limits)

        self._actions.ask(make, title=lambda plan: _title_of(plan, name, value))


def _title_of(plan: Any, name: str, value: Any) -> str:
    """Say what is set, and in how many works."""
    shown = truncate(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)
    return f"Set {name} to {shown} in {count_of(plan.count, 'work')}"


def value_of(name: str, text: str) -> Any:
    """Return the value that was typed for a field, read as a cell of a table is; the plan judges whether it is right.

    Raises
    ------
    WorkError
        If it cannot be read.

    Examples
    --------
    >>> value_of("priority", "5"), value_of("tags", "a, b"), value_of("site", "kko"), value_of("results", '{"a": 1}')
    (5, ['a', 'b'], 'kko', {'a': 1})
    """
    expected = FIELDS[name].expected
    if not text.strip():
        raise WorkError(f"type the new value of {name}: expected {expected}", field=name)
    try:
        return read_cell(name, text)
    except UnfitError as error:
        raise WorkError(f"{error}; expected {expected}", field=name) from None
