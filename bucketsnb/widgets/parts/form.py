"""A form in the page: fields and buttons by name, whose values are facts in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.parts.box import Box, Request

__all__ = ["Field", "Form", "split"]


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes
    ----------
    name, label
        Its name, and what people read.
    kind
        ``text``, ``area``, ``choice``, ``flag`` or ``number``.
    value
        What stands in it at first.
    hint
        An example of what can be typed.
    choices
        What a choice offers: its value and what people read.
    least, most
        Bounds of a number.
    """

    name: str
    label: str
    kind: str = "text"
    value: Any = ""
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None


class Form(Part):
    """Fields, and buttons that act on what stands in them; an edit takes a question about it away.

    Parameters
    ----------
    name
        Unique on the panel.
    title
        What people read above it.
    fields
        In their order.

    Attributes
    ----------
    values
        What stands in the fields, by name.
    """

    kind = "form"

    def __init__(self, panel: Panel, box: Box, name: str, title: str, fields: Iterable[Field]) -> None:
        super().__init__(panel, name)
        self.box = box
        self.title = title
        self.fields = {field.name: field for field in fields}
        self.values: dict[str, Any] = {field.name: field.value for field in self.fields.values()}
        self.offers: dict[str, tuple[str, ...]] = {}
        self._request: Request | None = None

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {
            "edit": lambda asked: self.edit(asked["name"], asked["value"]),
            "press": lambda asked: self.press(asked["name"]),
        }

    def edit(self, name: str, value: Any) -> None:
        """Put a value into a field.

        Raises
        ------
        KeyError
            If the form has no such field.
        """
        field = self.fields[name]
        if value == self.values[name]:
            return
        self.values[name] = _number(field, value) if field.kind == "number" else value
        self.panel.messages.clear(self.name, self.box.name)
        self.edited()
        self.draw()

    def edited(self) -> None:
        """Take a question of this form away."""
        if self.asked:
            self.box.disarm()

    @property
    def asked(self) -> bool:
        """Whether what stands in the box was asked for here."""
        return self._request is not None and self.box.request is self._request

    def ask(self, request: Request) -> None:
        """Plan a change and ask, if nothing else is under way."""
        if self.box.ask(request):
            self._request = request

    def press(self, name: str) -> None:
        """Do what a button says, if it is there and on."""
        action = {button[0]: button[2] for button in self.buttons()}.get(name)
        if action is not None:
            action()

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return name, label and action of each button that is on; the last one is the main one."""
        return []

    def intro(self) -> str:
        """Return what the form is for, in a sentence or two."""
        return ""

    def notes(self) -> list[str]:
        """Return lines under the fields."""
        return []

    def visible(self) -> Iterable[str]:
        """Return the names of the fields that are shown now."""
        return self.fields

    def more(self) -> dict[str, Any]:
        """Return what else the page is to know."""
        return {}

    def draw(self) -> None:
        """Tell the page the fields and the buttons."""
        shown = list(self.visible())
        self.tell(
            "draw",
            title=self.title,
            intro=self.intro(),
            notes=self.notes(),
            fields=[self._drawn(field) for field in self.fields.values() if field.name in shown],
            buttons=[{"name": name, "label": label} for name, label, _ in self.buttons()],
            **self.more(),
        )

    def _drawn(self, field: Field) -> dict[str, Any]:
        return {
            "name": field.name,
            "label": field.label,
            "kind": field.kind,
            "hint": self.hint(field),
            "choices": [list(choice) for choice in field.choices],
            "least": field.least,
            "most": field.most,
            "offers": list(self.offers.get(field.name, ())),
            "value": self.values[field.name],
            "problem": "",
        }

    def hint(self, field: Field) -> str:
        """Return an example for a field."""
        return field.hint


def split(text: str) -> list[str]:
    """Return the parts of a text with commas between them.

    Examples
    --------
    >>> split("a, b,")
    ['a', 'b']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(field: Field, value: Any) -> int:
    number = int(value)
    low = number if field.least is None else max(number, field.least)
    return low if field.most is None else min(low, field.most)
