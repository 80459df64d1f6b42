"""From a plan to its receipt: the plan shown, the question, progress with Stop, what became of every work, undo.

Only one plan on a page waits for its confirmation at a time. Whatever changes what the plan was built from takes the
question away; applying has its own thread, so that nothing else on the page can stop it by being newer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.formatting import count_of
from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.confirm import Confirm
from bucketsnb.widgets.panel import Panel, button, note, row_of, show
from bucketsnb.widgets.worker import Run, Worker

__all__ = ["TYPED_FROM", "ConfirmBox"]

TYPED_FROM = 100
"""From so many works on, and whenever one of them is running, the count has to be typed."""

_NOT_UNDONE = ("undo", "withdraw")
"""Verbs without an Undo button: a claimed work has one to give it back, beside those that end it."""


class ConfirmBox(ipywidgets.VBox):  # type: ignore[misc]  # its base is untyped
    """Show a plan, ask, apply it once, and show its receipt.

    Parameters
    ----------
    panel
        Whose state, guard and messages are used.

    Attributes
    ----------
    confirm
        The question with its two buttons.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._state = panel.state
        self._plan: Any = None
        self._receipt: Any = None
        self.worker = Worker(panel.guard, name=f"bucketsnb {type(panel).__name__} apply")
        self.plan_view = note()
        self.confirm = Confirm(panel.guard)
        self.progress = note()
        self.stop = button("Stop", panel.guard, self.worker.stop, tooltip="Stop before the next chunk")
        self.receipt_view = note()
        self.undo = button("Undo", panel.guard, self._ask_undo, tooltip="Put the works back as they were")
        self.resume = button("Go on", panel.guard, self._resume)
        super().__init__(
            [
                self.plan_view,
                self.confirm,
                row_of(self.progress, self.stop),
                self.receipt_view,
                row_of(self.undo, self.resume),
            ]
        )
        self.add_class("bnb-confirm-box")
        panel.follow("plan", self._other_plan)
        self._draw()

    @property
    def armed(self) -> bool:
        """Whether a question stands."""
        return self.confirm.armed

    @property
    def busy(self) -> bool:
        """Whether something is being applied."""
        return self.worker.running

    @property
    def receipt(self) -> Any:
        """The receipt that is shown, or None."""
        return self._receipt

    def offer(self, plan: Any, *, ask: bool = True) -> None:
        """Show a plan and ask; an empty plan, or one that cannot be applied, is shown without a question."""
        if self.busy:
            return
        self._receipt = None
        self.receipt_view.value = ""
        self._show(plan, ask=ask and bool(plan.count))

    def _show(self, plan: Any, *, ask: bool) -> None:
        self._plan = plan
        self.plan_view.value = plan._repr_html_()
        self.progress.value = ""
        if ask:
            self._state.plan = plan
            self._ask(plan)
        self._draw()
        if self.armed:
            self.confirm.no.focus()  # a keyboard goes on from the question, and never from its dangerous side

    def _ask(self, plan: Any) -> None:
        running = int(getattr(plan, "running", 0) or 0)
        typed = running > 0 or plan.count >= TYPED_FROM
        notes = f" {count_of(running, 'of them is', 'of them are')} running." if running else ""
        moved = " Works that somebody else has moved since are left alone." if plan.verb == "undo" else ""
        type_it = f" Type {plan.count} to confirm." if typed else ""
        self.confirm.ask(
            f"{plan.summary}?{notes}{moved}{type_it}",
            plan.summary,
            yes=lambda: self._apply(plan),
            no=lambda: self._put_away("Cancelled: nothing was sent."),
            word=str(plan.count) if typed else None,
        )

    def disarm(self, why: str = "") -> None:
        """Take the question away, because what it was about has changed; say why if it stood."""
        if self.armed:
            self._put_away(why)

    def _put_away(self, why: str) -> None:
        self.confirm.disarm()
        self.plan_view.value = ""  # before the others on the page are told, who may keep what is shown
        if self._state.plan is self._plan:
            self._state.plan = None
        self._plan = None
        self.progress.value = element("span", why) if why else ""
        self._draw()

    def _other_plan(self, plan: Any) -> None:
        if plan is not None and plan is not self._plan:
            self.disarm("Another plan took its place; nothing was sent.")

    def _apply(self, plan: Any) -> None:
        self._start(lambda run: plan.apply(progress=run.progress, cancel=run.cancel), lambda: plan.receipt)

    def _ask_undo(self) -> None:
        """Plan the undo, by reads only, and ask about that plan: it may find more, or less, than was seen done."""
        receipt = self._receipt
        if not _undoable(receipt) or self.busy or self.armed:
            return
        self._step(0, 0)
        self.worker.start(
            lambda run: (self._state.buckets.plan_undo(receipt.entry), run),
            lambda found: self._take_undo(*found),
            failed=lambda _: self._put_away(""),
        )
        self._draw()

    def _take_undo(self, plan: Any, run: Run) -> None:
        if run.cancel.is_set():
            self._put_away("Stopped: nothing was sent.")
        else:
            self._show(plan, ask=True)

    def _resume(self) -> None:
        receipt = self._receipt
        if receipt is not None and receipt.rest and not self.busy and not self.armed:
            self._start(lambda run: receipt.resume(progress=run.progress, cancel=run.cancel), lambda: None)

    def _start(self, job: Callable[[Run], Any], left: Callable[[], Any]) -> None:
        if self.busy:
            return
        self._receipt = None
        self.receipt_view.value = ""
        self._step(0, 0)
        self.worker.start(job, self._ended, progress=self._step, failed=lambda _: self._ended(left()))
        self._draw()

    def _step(self, done: int, total: int) -> None:
        said = f"{done:,} of {count_of(total, 'work')}" if total else "Looking again at the works …"
        bar = element("progress", value=str(done), max=str(max(total, 1)), aria_label="Progress")
        self.progress.value = element("span", bar, f" {said}", role="status")

    def _ended(self, receipt: Any) -> None:
        """Take over a receipt, or None when it ended before there was one."""
        self._plan = None
        self.plan_view.value = self.progress.value = ""
        self._state.plan = None
        if receipt is not None:
            self.show_receipt(receipt)
            for error in receipt.errors[:1]:  # the others are of the same cause, and the receipt has them
                self._panel.guard.report(error)
        self._draw()

    def show_receipt(self, receipt: Any) -> None:
        """Show what became of a change, and let the other panels on the page know of it."""
        self._receipt = receipt
        self.receipt_view.value = receipt._repr_html_()
        if receipt.removes:
            self._state.selection = ()  # of works that are gone as planned, which is no news
        self._state.receipt = receipt
        self._state.changes += 1
        self._draw()
        self._panel.keep()

    def _draw(self) -> None:
        """Bring what is seen in line with the facts; every handler checks the facts again."""
        receipt, idle = self._receipt, not self.busy
        if receipt is not None and receipt.rest:
            self.resume.description = f"Go on: {receipt.verb} the other {count_of(receipt.rest, 'work')}"
        show(self.stop, self.busy)
        show(self.undo, idle and not self.armed and _undoable(receipt))
        show(self.resume, idle and not self.armed and receipt is not None and receipt.rest)

    def static(self) -> Markup:
        """Return the plan that waits, or the last receipt, as plain HTML."""
        return element("div", Markup(self.plan_view.value), Markup(self.receipt_view.value))

    def close(self) -> None:
        """Stop what is being applied before its next chunk, and close; the other panels on the page are free again."""
        self.worker.close()
        if self._plan is not None and self._state.plan is self._plan:
            self._state.plan = None
        super().close()


def _undoable(receipt: Any) -> bool:
    if receipt is None or not receipt.entry or receipt.verb in _NOT_UNDONE:
        return False
    return bool(receipt.counts["done"] > 0)
