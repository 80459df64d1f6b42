"""Change one field of the selected works; the plan shows every cell, old and new."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from bucketsnb.changes.scope import Limits, check_count, gather
from bucketsnb.changes.undo import context_of
from bucketsnb.errors import WorkError
from bucketsnb.formatting import count_of, excerpt
from bucketsnb.query import Query
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE, STATUSES, Kind
from bucketsnb.widgets.actions import Actions
from bucketsnb.widgets.box import Box, Options
from bucketsnb.widgets.form import Field, Form
from bucketsnb.widgets.panel import Panel

__all__ = ["UpdateForm", "value_of", "with_value"]

_SETTABLE = [name for name in FIELDS if name not in LEFT_TO_THE_SERVICE]
_FIRST = ("priority", "status", "tags", "retries", "timeout")
_NAMES = [*_FIRST, *(name for name in _SETTABLE if name not in _FIRST)]
_HINTS = {Kind.STATUS: " or ".join(STATUSES), Kind.INTEGER: "3", Kind.TEXT: "text", Kind.TEXTS: "a, b"}


class UpdateForm(Form):
    """Set one field of the works that are selected.

    Parameters
    ----------
    panel, box
        As for :class:`~bucketsnb.widgets.form.Form`.
    actions
        What says which works are selected.
    """

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
        return field.hint if field.name == "field" else _HINTS.get(FIELDS[self.values["field"]].kind, "JSON")

    def intro(self) -> str:
        """Say how many works it is about."""
        count = self._actions.targets.count
        return f"About the {count_of(count, 'selected work')}." if count else "Select the works to change first."

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return the button that shows the change, once works are selected."""
        return [("plan", "Show the change", self.plan)] if self._actions.targets.count else []

    def plan(self) -> None:
        """Show what would change, and ask."""
        name, buckets, count = self.values["field"], self.state.buckets, self._actions.targets.count
        value = value_of(name, self.values["value"])

        def make(which: Any, options: Options) -> Any:
            limits = {key: limit for key, limit in options.limits.items() if key != "allow_all"}
            width = Limits(allow_all=options.allow_all, max_affected=options.max_affected)
            ids = which if isinstance(which, list) else None
            query = Query(id=ids) if ids is not None else which
            frame = which if isinstance(which, pd.DataFrame) else read(buckets, query, width)
            return buckets.plan_update(with_value(frame, name, value), **limits)

        self._actions.ask(make, title=lambda plan: _said(plan, name, value, count))


def _said(plan: Any, name: str, value: Any, count: int) -> str:
    """Say what is set, in how many works, and how many have it already."""
    shown = excerpt(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)
    have = count - plan.count - len(plan.left_out)
    already = f"; {have:,} already {'has' if have == 1 else 'have'} it" if have > 0 else ""
    return f"Set {name} to {shown} in {count_of(plan.count, 'work')}{already}"


def read(buckets: Any, query: Query, width: Limits) -> pd.DataFrame:
    """Return the works that match, if a query may be as wide: a plan to update is made of a frame, and asks no more.

    Raises
    ------
    ScopeRefused
        If it is too wide; the message names what allows it.
    """
    none = gather(context_of(buckets.api), query, width, limit=0)  # the works are read whole once, for the frame
    check_count(len(none.left_out), width)
    frame: pd.DataFrame = buckets.view(query, limit=None)
    return frame


def value_of(name: str, text: str) -> Any:
    """Return the value that was typed for a field.

    Raises
    ------
    WorkError
        If it is not one.

    Examples
    --------
    >>> value_of("priority", "5"), value_of("tags", "a, b"), value_of("site", "kko"), value_of("results", '{"a": 1}')
    (5, ['a', 'b'], 'kko', {'a': 1})
    """
    text = text.strip()
    kind = FIELDS[name].kind
    if kind in (Kind.TEXT, Kind.STATUS):
        if not text:
            raise WorkError(f"type the new value of {name}", field=name)
        return text
    if kind is Kind.TEXTS and not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except ValueError as error:
        raise WorkError(
            f"{text!r} is no value for {name}: give a number, or JSON for nested values", field=name
        ) from error


def with_value(frame: pd.DataFrame, name: str, value: Any) -> pd.DataFrame:
    """Return the frame with one value in every row of a column, as it was given: a dtype would make another of it."""
    edited = frame.copy()
    edited[name] = pd.Series([value] * len(frame), index=frame.index, dtype=object)
    return edited
