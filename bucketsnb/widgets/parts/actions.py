"""Counts and actions: what matches, was read and is selected, and what can be done with exactly those works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from bucketsnb.display.texts import count_of
from bucketsnb.query import Query
from bucketsnb.settings import MAX_AFFECTED
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
from bucketsnb.widgets.parts.box import Box, Request

__all__ = ["Actions"]


class _Action(NamedTuple):
    """An action: the label of its button, what it does, how it is planned, and its options besides the usual ones."""

    label: str
    title: str
    plan: Callable[..., Any] | None = None
    options: Mapping[str, Any] = MappingProxyType({})


_ACTIONS: Mapping[str, _Action] = {
    "requeue": _Action(
        "Requeue",
        "Put the selected works back into the queue",
        lambda buckets, works, reset, **limits: buckets.plan_requeue(works, reset_attempt=reset, **limits),
        {"reset": False},
    ),
    "change": _Action("Change", "Set a field of the selected works"),  # no plan: a form asks for the value
    "delete": _Action(
        "Delete",
        "Delete the selected works",
        lambda buckets, works, **limits: buckets.plan_delete(works, **limits),
    ),
}


class Actions(Part):
    """Requeue, change or delete the works that are selected; nothing selected means nothing.

    Of further panels it has the titles by name; `open` opens the one that is pressed, or closes it.
    """

    kind = "actions"

    def __init__(
        self,
        panel: Panel,
        box: Box,
        names: Sequence[str] = tuple(_ACTIONS),
        *,
        panels: Mapping[str, str] | None = None,
        open: Callable[[str], None] = lambda name: None,  # noqa: A002 - the word for it
    ) -> None:
        super().__init__(panel)
        self.opened = ""  # name of the open panel
        self._box = box
        self._names = tuple(names)
        self._panels = dict(panels or {})
        self._open = open
        for fact in ("selection", "everything", "query"):
            self.follow(fact, lambda _: self._changed())
        for fact in ("frame", "read_for", "reading", "counted"):
            self.follow(fact, lambda _: self.draw())

    def select_everything(self) -> None:
        """Select all works that match, also those that were not read."""
        state = self.state
        if state.frame is not None and state.up_to_date and state.matched:
            state.everything = True
            state.selection = tuple(one for one in state.frame["id"] if isinstance(one, str))

    def select_none(self) -> None:
        """Select no works."""
        self.state.everything = False
        self.state.selection = ()

    def do(self, name: str) -> None:
        """Ask about an action on the selected works, if there are any; for an action without a plan, open its form."""
        action = _ACTIONS[name]
        if action.plan is None:
            self._open(name)
        else:
            self.ask(partial(action.plan, self.state.buckets), **action.options)

    def ask(self, make: Callable[..., Any], title: Callable[[Any], str] = Request.title, **more: Any) -> None:
        """Ask about a change of the works that are selected now: `make` plans it for a frame, a query or ids."""
        works, count = self.state.targets(), self.state.target_count

        def plan(only: Sequence[str] | None = None, **options: Any) -> Any:
            return make(_some(works, only), **options)

        if count:
            options = {"reason": "", "max_affected": max(MAX_AFFECTED, count), "allow_running": False, **more}
            self._box.ask(Request(self, plan, options, title))

    def _changed(self) -> None:
        if self._box.is_asked_by(self):
            self._box.disarm("The selection is another now, so the question was taken away; nothing was changed.")
        self.draw()

    def draw(self) -> None:
        """Send the page the counts, and which actions are enabled."""
        state, count = self.state, self.state.target_count
        which = count_of(count, "selected work") if count else "select some first"
        selected = count if state.everything else len(state.selection)
        self.tell(
            "draw",
            counts=[
                {"value": state.matched_text, "word": "match"},
                {"value": f"{state.read_count:,}", "word": "read"},
                {"value": f"{selected:,}", "word": "selected"},
            ],
            old=state.frame is not None and not state.up_to_date,
            offer=self._offer(),
            actions=[
                {"name": name, "label": one.label, "on": count > 0, "title": f"{one.title}: {which}"}
                for name, one in _ACTIONS.items()
                if name in self._names
            ],
            panels=[
                {"name": name, "label": label, "open": name == self.opened} for name, label in self._panels.items()
            ],
            opened=self.opened,
        )

    def _offer(self) -> dict[str, str] | None:
        """Return the offer to select all works that match or, once they are, none; None if there is no offer."""
        state = self.state
        if not state.up_to_date:
            return None
        number, more = count_of(state.matched, "work", at_least=not state.is_exact), state.matched > state.read_count
        if state.everything and more:
            text = f"All {number} that match are selected, also those that were not read."
            return {"text": text, "label": "Select none", "name": "none"}
        if (more or not state.is_exact) and state.read_count and len(state.selection) == state.read_count:
            text = f"The {count_of(state.read_count, 'work')} that were read are selected."
            return {"text": text, "label": f"Select all {number} that match", "name": "everything"}
        return None

    handlers: ClassVar[Handlers] = {
        "do": do,
        "open": lambda self, name: self._open(name),
        "everything": select_everything,
        "none": select_none,
    }


def _some(works: Any, only: Sequence[str] | None) -> Any:
    """Return the works without those that were left out."""
    if only is None:
        return works
    return list(only) if isinstance(works, Query) else works[works["id"].isin(list(only))]
