"""A form in the page: fields and buttons by name, whose values are facts in Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from bucketsnb.display.texts import printable
from bucketsnb.errors import ServiceError
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
from bucketsnb.widgets.parts.box import Box

__all__ = ["Field", "FieldsPart", "Form"]

OFFERED = 200
"""Suggestions for one field."""


@dataclass(frozen=True)
class Field:
    """One field of a form."""

    name: str
    label: str
    kind: str = "text"
    """Or ``area``, ``choice``, ``flag``, ``number``, ``tokens`` (several texts) or ``toggles`` (some of a few)."""
    value: Any = ""
    """Its initial value."""
    hint: str = ""
    """An example of what can be typed."""
    choices: tuple[Any, ...] = ()
    """The options of a choice, each a value and its label; or the words of toggles."""
    least: int | None = None
    most: int | None = None


class FieldsPart(Part):
    """A part with fields, and with suggestions for them."""

    def __init__(self, panel: Panel, name: str = "") -> None:
        super().__init__(panel, name)
        self.offers: dict[str, tuple[str, ...]] = {}
        self.naming = self.new_worker("pipelines")

    def offer_pipelines(self) -> None:
        """Ask the service for the names of its pipelines, on a thread, and suggest them."""
        if self.state.buckets is not None:
            self.naming.start(lambda _: self._pipelines(), self._offer)

    def _pipelines(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(self.state.buckets.pipelines()))
        except ServiceError:
            if self.state.followed("status"):  # if the page has a status, that alone reports the failure
                return ()
            raise

    def _offer(self, names: tuple[str, ...]) -> None:
        self.offers["pipeline"] = names
        self.draw()

    def drawn(self, field: Field, value: Any, *, problem: str = "", hint: str = "") -> dict[str, Any]:
        """Return what the page needs to draw a field; a value that cannot be shown is not suggested."""
        offers = [text for text in self.offers.get(field.name, ())[:OFFERED] if printable(text) == text]
        about = {"value": value, "offers": offers, "problem": printable(problem), "hint": hint or field.hint}
        return {**vars(field), **about}


class Form(FieldsPart):
    """Fields, and buttons that act on their content; an edit withdraws the question of the form."""

    kind = "form"

    def __init__(self, panel: Panel, box: Box, name: str, title: str, fields: Iterable[Field] = ()) -> None:
        super().__init__(panel, name)
        self.box = box
        self.asker: Part = self  # the part that asks the questions of this form
        self.title = title
        self.fields = {field.name: field for field in fields}
        self.values: dict[str, Any] = {field.name: field.value for field in self.fields.values()}

    def edit(self, name: str, value: Any) -> None:
        """Set a field."""
        if value != self.values[name]:
            self.values[name] = value
            self.panel.messages.clear(self.name, self.box.name)
            self.edited()
            self.draw()

    def edited(self) -> None:
        """Withdraw a question of this form."""
        if self.box.is_asked_by(self.asker):
            self.box.disarm()

    def press(self, name: str) -> None:
        """Do the action of a button, if it is there."""
        for button, _, action in self.content()["buttons"]:
            if button == name:
                action()

    def content(self) -> dict[str, Any]:
        """Return what is shown now.

        There are ``buttons``, each with its name, its label and what it does, the main one last. Where they differ
        from the usual, there are ``title``; ``intro``, a sentence or two; ``notes``, lines under the fields;
        ``fields``, names of those that are shown; ``hints``, examples by field; and whatever else the page needs.
        """
        raise NotImplementedError

    def draw(self) -> None:
        """Tell the page the fields and the buttons."""
        usual = {"title": self.title, "intro": "", "notes": [], "fields": list(self.fields), "hints": {}}
        content = {**usual, **self.content()}
        shown, hints = content.pop("fields"), content.pop("hints")
        fields = [self.drawn(self.fields[name], self.values[name], hint=hints.get(name, "")) for name in shown]
        buttons = [{"name": name, "label": label} for name, label, _ in content.pop("buttons")]
        self.tell("draw", fields=fields, buttons=buttons, **content)

    handlers: ClassVar[Handlers] = {"edit": edit, "press": press}
