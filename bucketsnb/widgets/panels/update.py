"""Change works where they are: one field of the selected ones, or, by the service's own check-up, all that need it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from bucketsnb.changes.receipt import Receipt
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.encoding.cells import read_cell
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE, problems_of_change
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.parts.actions import Actions
from bucketsnb.widgets.parts.box import Box, Request
from bucketsnb.widgets.parts.form import Field, Form

__all__ = ["CheckUp", "UpdateForm", "value_of"]

_FIRST = ("priority", "status", "tags", "retries", "timeout")
_NAMES = dict.fromkeys((*_FIRST, *(name for name in FIELDS if name not in LEFT_TO_THE_SERVICE)))
_FIRST_CLAIMED = "5 is the most urgent: of the queued works of a pipeline, workers take the highest priority first."


class UpdateForm(Form):
    """Set one field of the works that are selected; the plan shows every cell, old and new."""

    def __init__(self, panel: Panel, box: Box, actions: Actions) -> None:
        fields = [
            Field("field", "Set", "choice", "priority", choices=tuple((name, name) for name in _NAMES)),
            Field("value", "to"),
        ]
        super().__init__(panel, box, "change", "Change works", fields)
        self._actions = self.asker = actions
        for fact in ("selection", "everything", "frame", "query"):
            self.follow(fact, lambda _: self.draw())
        self.follow("receipt", self._done)

    def _done(self, receipt: Receipt | None) -> None:
        """Close the form once its change was made: the receipt says the rest."""
        made = receipt is not None and receipt.verb == "update" and receipt.ok
        if made and self.box.is_asked_by(self._actions) and self._actions.opened == self.name:
            self._actions.do(self.name)

    def content(self) -> dict[str, Any]:
        """Return how many works are selected, an example of a value, and the button if there are any."""
        count, name = self.state.target_count, self.values["field"]
        return {
            "title": f"Change the {count_of(count, 'selected work')}" if count else self.title,
            "intro": "" if count else "Select the works to change first.",
            "hints": {"value": FIELDS[name].example or FIELDS[name].expected},
            "notes": [_FIRST_CLAIMED] if name == "priority" else [],
            "buttons": [("plan", "Show the change", self.plan)] if count else [],
        }

    def plan(self) -> None:
        """Show what would change, and ask."""
        name = self.values["field"]
        value = value_of(name, self.values["value"])
        for problem in problems_of_change({}, {name: value}):
            raise WorkError(str(problem), field=name)
        shown = truncate(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)

        self._actions.ask(
            partial(self.state.buckets.plan_update, set={name: value}),
            title=lambda plan: f"Set {name} to {shown} in {count_of(plan.count, 'work')}",
        )


def value_of(name: str, text: str) -> Any:
    """Return the value that was typed for a field, read like a cell of a table; the plan checks it."""
    expected = FIELDS[name].expected
    if not text.strip():
        raise WorkError(f"type the new value of {name}: expected {expected}", field=name)
    try:
        return read_cell(name, text)
    except UnfitError as error:
        raise WorkError(f"{error}; expected {expected}", field=name) from None


class CheckUp(Form):
    """Forecast the three audit passes (failed, expired, stale) over all pipelines, and run them when confirmed."""

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, box, "check_up", "Check-up of the queue")

    def content(self) -> dict[str, Any]:
        """Return what a check-up does, and the button for its forecast."""
        return {
            "intro": "A check-up puts failed works that have attempts left back into the queue, and ends as failed the "
            "running works that are past their timeout and the works that have waited for too long. It is about all "
            "pipelines. Showing what it would change only reads.",
            "buttons": [("plan", "Show what it would change", self.plan)],
        }

    def plan(self) -> None:
        """Forecast what the passes would change, by reads only, and ask."""
        self.box.ask(Request(self, self.state.buckets.plan_audit, {"reason": ""}))
