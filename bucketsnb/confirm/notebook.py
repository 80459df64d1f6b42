"""The question in a notebook: the plan, a button to cancel, and a button whose label is the summary of the plan."""

from __future__ import annotations

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from IPython.display import display

from bucketsnb.confirm.question import Confirmation, ConfirmationState, is_typed, question, word_to_type
from bucketsnb.display.markup import element, escape
from bucketsnb.progress import throttled

__all__ = ["Question", "show"]


def show(confirmation: Confirmation) -> None:
    """Show the question below the cell; a front end that cannot draw widgets shows the plan only."""
    display(Question(confirmation))  # type: ignore[no-untyped-call]  # IPython is untyped


class Question(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The widgets of one question; a saved notebook shows the plan instead if there is no kernel.

    Parameters
    ----------
    confirmation
        The question and its state; the widgets only show it and pass the answer on.
    """

    def __init__(self, confirmation: Confirmation) -> None:
        self._confirmation = confirmation
        # A front end drops messages that arrive too fast.
        self._draw_progress = throttled(self._draw)
        plan = confirmation.plan
        self.word = word_to_type(plan)
        asked = element("p", question(plan), style="overflow-wrap: anywhere")
        self.view = ipywidgets.HTML(str(plan._repr_html_()) + asked)
        self.no = ipywidgets.Button(description="Cancel", layout={"width": "auto"})
        self.typed = ipywidgets.Text(
            placeholder=f"type {self.word}" if self.word else "",
            description="Works:",
            layout={"width": "14em", "display": None if self.word else "none"},
        )
        self.yes = ipywidgets.Button(
            description=plan.summary, tooltip=plan.summary, button_style="danger", layout={"width": "auto"}
        )
        self.message = ipywidgets.HTML()
        buttons = ipywidgets.HBox([self.no, self.typed, self.yes], layout={"flex_flow": "row wrap"})
        super().__init__([self.view, buttons, self.message])
        self.no.on_click(lambda _: self._confirmation.no())
        self.yes.on_click(lambda _: self._agree())
        self.typed.observe(lambda _: self._draw(), "value")
        confirmation.listen(self._changed)
        self._draw()

    def _repr_mimebundle_(self, **options: object) -> dict[str, object]:
        plan = self._confirmation.plan
        live = super()._repr_mimebundle_(**options)
        return {**live, "text/plain": str(plan), "text/html": str(plan._repr_html_())}

    def _agree(self) -> None:
        if not self._confirmation.yes(self.typed.value) and self._confirmation.state is ConfirmationState.OPEN:
            self.message.value = element("p", f"Type {self.word} first: the number of works.")

    def _changed(self) -> None:
        under_way = self._confirmation.state is ConfirmationState.WORKING and self._confirmation.done
        (self._draw_progress if under_way else self._draw)()

    def _draw(self) -> None:
        state = self._confirmation.state
        right = is_typed(self._confirmation.plan, self.typed.value)
        self.yes.disabled = state is not ConfirmationState.OPEN or not right
        self.typed.disabled = state is not ConfirmationState.OPEN
        self.no.disabled = state not in (ConfirmationState.OPEN, ConfirmationState.WORKING)
        self.no.description = "Stop" if state is ConfirmationState.WORKING else "Cancel"
        self.message.value = self._text()

    def _text(self) -> str:
        asked = self._confirmation
        if asked.state is ConfirmationState.WORKING:
            return element("p", f"{asked.done:,} of {asked.plan.count:,} dealt with")
        if asked.state is ConfirmationState.DECLINED:
            return element("p", "Cancelled: nothing was sent.")
        receipt = "" if asked.receipt is None else str(asked.receipt._repr_html_())
        problem = "" if asked.error is None else element("p", escape(f"{type(asked.error).__name__}: {asked.error}"))
        return problem + receipt
