"""The question before a change: Cancel first, a button that says in full what it will do, and one action a click."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.formatting import printable
from bucketsnb.formatting_html import element
from bucketsnb.widgets.guard import Guard

__all__ = ["Confirm"]


class Confirm(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """A question that waits out of sight until it is asked.

    Parameters
    ----------
    guard
        Around its two buttons.

    Attributes
    ----------
    armed
        Whether the question stands: only then does a click act, whatever the page believes.

    Examples
    --------
    >>> confirm = Confirm(Guard(print))
    >>> confirm.ask("Delete 2 works?", "Delete 2 works of a", yes=lambda: print("deleted"))
    >>> confirm.yes.click()
    deleted
    >>> confirm.yes.click()
    """

    def __init__(self, guard: Guard) -> None:
        self.question = ipywidgets.HTML()
        self.typed = ipywidgets.Text(continuous_update=True)
        self.no = ipywidgets.Button(description="Cancel", layout={"width": "auto"})
        self.yes = ipywidgets.Button(button_style="danger", layout={"width": "auto"})
        buttons = ipywidgets.HBox([self.no, self.typed, self.yes])
        buttons.add_class("bnb-row")
        super().__init__([self.question, buttons])
        self.add_class("bnb-confirm")
        self._word: str | None = None
        self._actions: tuple[Callable[[], None], Callable[[], None]] | None = None
        self.typed.observe(self._draw, "value")
        self.no.on_click(guard(lambda _: self._answer(1)))
        self.yes.on_click(guard(lambda _: self._answer(0)))
        self.disarm()

    @property
    def armed(self) -> bool:
        """Whether the question stands."""
        return self._actions is not None

    def ask(
        self,
        question: str,
        label: str,
        *,
        yes: Callable[[], None],
        no: Callable[[], None] = lambda: None,
        word: str | None = None,
    ) -> None:
        """Ask.

        Parameters
        ----------
        question
            What will happen, and whether it can be undone.
        label
            Of the button that does it: verb, count, pipeline and host.
        yes, no
            What each button does; the question is gone by then, so a second click does nothing.
        word
            What has to be typed first, such as the count; None for a plain click.
        """
        self._word = word
        self._actions = (yes, no)
        self.question.value = element("p", printable(question), role="alert")
        self.typed.value = ""
        self.typed.description = f"Type {word}" if word else ""
        self.yes.description = printable(label)
        self._draw()

    def disarm(self) -> None:
        """Take the question away without an answer."""
        self._actions = None
        self._draw()

    def _answer(self, which: int) -> None:
        if self._actions is None or (which == 0 and not self._typed_right()):
            return
        action = self._actions[which]
        self.disarm()
        action()

    def _typed_right(self) -> bool:
        return self._word is None or self.typed.value.replace(",", "").strip() == self._word

    def _draw(self, _: object = None) -> None:
        self.layout.display = None if self.armed else "none"
        self.typed.layout.display = None if self._word else "none"
        self.yes.disabled = not (self.armed and self._typed_right())
