"""Change one field of many works, or take over a frame that was edited with pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.encoding.cells import read_cell
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE
from bucketsnb.widgets.change_panel import ChangePanel, text_field
from bucketsnb.widgets.worker import Run

__all__ = ["UpdatePanel"]

_SETTABLE = [name for name in FIELDS if name not in LEFT_TO_THE_SERVICE]
_FIRST = ("priority", "status", "tags", "retries", "timeout")


class UpdatePanel(ChangePanel):
    """Set one field of the selected works, or of all that are shown; the plan shows every cell, old and new.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    query
        What to start from, when the panel stands on its own.
    limit
        At most so many works are shown, when the panel stands on its own.
    """

    def __init__(self, source: Any = None, query: Any = None, *, limit: int | None = 1000) -> None:
        names = [*_FIRST, *(name for name in _SETTABLE if name not in _FIRST)]
        self.field = ipywidgets.Dropdown(description="Set", options=names)
        self.value = text_field("to", "3")
        super().__init__(source, query, title="Update works", verb="Update", limit=limit)
        self.field.observe(self.guard(lambda _: self._hint()), "value")

    def options(self) -> tuple[ipywidgets.Widget, ...]:
        """Return the field and its new value."""
        return (self.field, self.value)

    def _hint(self) -> None:
        field = FIELDS[self.field.value]
        self.value.placeholder = field.example or field.expected

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Plan to set the field."""
        which, buckets, name = self.targets.which, self.state.buckets, self.field.value
        value = value_of(name, self.value.value)
        limits = dict(self.limits)
        return None if which is None else lambda _: buckets.plan_update(which, set={name: value}, **limits)


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
