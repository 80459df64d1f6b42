"""Counts and actions: what matches, was read and is selected, and what can be done with exactly those works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bucketsnb.display.texts import count_of
from bucketsnb.query import Query
from bucketsnb.settings import MAX_AFFECTED
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.parts.box import Box, Options, Request
from bucketsnb.widgets.parts.selected import SelectedWorks

__all__ = ["Actions"]

_ACTIONS = {
    "requeue": ("Requeue", "Put the selected works back into the queue"),
    "change": ("Change", "Set a field of the selected works"),
    "delete": ("Delete", "Delete the selected works"),
}
"""What the button of an action says, and what it does."""
_CHOICES = ("reason", "max_affected", "allow_running")


class Actions(Part):
    """Requeue, change or delete the works that are selected; nothing selected means nothing.

    Parameters
    ----------
    names
        Of the actions: ``requeue``, ``change``, ``delete``.
    panels
        Titles of further panels by name; one that is pressed is handed to `open`.
    open
        Opens a panel by its name, or closes it.
    """

    kind = "actions"

    def __init__(
        self,
        panel: Panel,
        box: Box,
        names: Sequence[str] = ("requeue", "change", "delete"),
        *,
        panels: Mapping[str, str] | None = None,
        open: Callable[[str], None] = lambda name: None,  # noqa: A002 - the word for it
    ) -> None:
        super().__init__(panel)
        self.works = SelectedWorks(self.state)
        self.opened = ""
        self._box = box
        self._names = tuple(names)
        self._panels = dict(panels or {})
        self._open = open
        self._request: Request | None = None
        for fact in ("selection", "everything", "query"):
            self.follow(fact, lambda _: self._changed())
        for fact in ("frame", "read_for", "reading", "counted"):
            self.follow(fact, lambda _: self.draw())

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {
            "do": lambda asked: self.do(asked["name"]),
            "open": lambda asked: self._open(asked["name"]),
            "everything": lambda _: self.select_everything(),
            "none": lambda _: self.select_none(),
        }

    def select_everything(self) -> None:
        """Mean all works that match, also those that were not read."""
        frame = self.state.frame
        if frame is not None and self.state.up_to_date and self.works.matched:
            self.state.everything = True
            self.state.selection = tuple(one for one in frame["id"] if isinstance(one, str))

    def select_none(self) -> None:
        """Mean no work."""
        self.state.everything = False
        self.state.selection = ()

    def do(self, name: str) -> None:
        """Ask about an action on the works that are selected now; without any it does nothing."""
        if name == "change":
            self._open(name)
            return
        buckets = self.state.buckets
        if name == "delete":
            self.ask(lambda which, options: buckets.plan_delete(which, **options.limits))
        elif name == "requeue":
            self.ask(
                lambda which, options: buckets.plan_requeue(which, reset_attempt=options.reset, **options.limits),
                choices=(*_CHOICES, "reset"),
            )

    def ask(
        self,
        make: Callable[[Any, Options], Any],
        *,
        choices: tuple[str, ...] = _CHOICES,
        title: Callable[[Any], str] = Request.title,
    ) -> None:
        """Ask about a change of the works that are selected now.

        Parameters
        ----------
        make
            Builds the plan from the works (a frame, a query or ids) and the options, by reads only.
        choices, title
            As for :class:`~bucketsnb.widgets.parts.box.Request`.
        """
        if not self.works.any:
            return
        chosen, options = self.works.which(), Options(max_affected=max(MAX_AFFECTED, self.works.count))
        request = Request(lambda options: make(_left(chosen, options), options), choices, options, title)
        if self._box.ask(request):
            self._request = request

    @property
    def asked(self) -> bool:
        """Whether what stands in the box was asked for here."""
        return self._request is not None and self._box.request is self._request

    def _changed(self) -> None:
        if self.asked:
            self._box.disarm("The selection is another now, so the question was taken away; nothing was changed.")
        self.draw()

    def draw(self) -> None:
        """Tell the page the counts, and which actions are awake."""
        count = self.works.count
        which = count_of(count, "selected work") if count else "select some first"
        self.tell(
            "draw",
            counts=self._counts(),
            reading=self.state.reading,
            old=self.state.frame is not None and not self.state.up_to_date,
            offer=self._offer(),
            actions=[
                {"name": name, "label": label, "on": count > 0, "title": f"{title}: {which}"}
                for name, (label, title) in _ACTIONS.items()
                if name in self._names
            ],
            panels=[
                {"name": name, "label": label, "open": name == self.opened} for name, label in self._panels.items()
            ],
            opened=self.opened,
        )

    def _counts(self) -> list[dict[str, Any]]:
        state, works = self.state, self.works
        selected = works.count if state.everything else len(state.selection)
        return [
            {"value": works.matched_text, "word": "match"},
            {"value": f"{works.read:,}", "word": "read"},
            {"value": f"{selected:,}", "word": "selected"},
        ]

    def _offer(self) -> dict[str, str] | None:
        """Say what is selected beyond what is shown, or offer it: a step of its own, in full."""
        state, works = self.state, self.works
        if state.frame is None or not state.up_to_date:
            return None
        number = count_of(works.matched, "work", at_least=not works.exact)
        if state.everything and works.matched > works.read:
            said = f"All {number} that match are selected, also those that were not read."
            return {"said": said, "label": "Select none", "name": "none"}
        more = not works.exact or works.matched > works.read
        if more and works.read and len(state.selection) == works.read:
            said = f"The {count_of(works.read, 'work')} that were read are selected."
            return {"said": said, "label": f"Select all {number} that match", "name": "everything"}
        return None


def _left(chosen: Any, options: Options) -> Any:
    """Return the works without those that were left out."""
    if not options.leave_out:
        return chosen
    if isinstance(chosen, Query):
        return list(options.others or ())
    return chosen[~chosen["id"].isin(list(options.leave_out))]
