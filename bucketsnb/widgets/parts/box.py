"""The one place of a panel where it answers: question, progress, receipt with Undo, refusal with its remedy, error.

Only one plan on a page waits for its confirmation at a time. Whatever changes what the plan was built from takes the
question away; applying has its own thread, so that nothing else on the page can stop it by being newer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from bucketsnb.confirm import is_typed
from bucketsnb.display.markup import Markup, block, element
from bucketsnb.display.texts import count_of
from bucketsnb.errors import ScopeRefused
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
from bucketsnb.widgets.core.worker import warned
from bucketsnb.widgets.parts.wording import is_blocked, question_of, receipt_of, refusal_of

__all__ = ["Box", "Request"]

_CHOICES = ("reason", "max_affected", "allow_running", "reset")
"""Options that a person can change while the question is open; others are set by the remedy of a refusal."""


@dataclass(frozen=True)
class Request:
    """A change that a part asks for."""

    owner: Part
    make: Callable[..., Any]
    """Builds the plan on a thread, by reads only; gets the options as keyword arguments."""
    options: Mapping[str, Any]
    title: Callable[[Any], str] = lambda _: ""
    """Says in one line what a plan will do; "" for the usual words."""
    columns: tuple[str, ...] = ()
    """Fields of the works that its question lists; none for the usual ones."""

    @property
    def choices(self) -> dict[str, Any]:
        """The options that its question shows."""
        return {name: self.options[name] for name in _CHOICES if name in self.options}

    def with_options(self, **options: Any) -> Request:
        """Return it with other options."""
        return replace(self, options={**self.options, **options})


class Box(Part):
    """Take a request, plan it, ask, apply the plan once, and show its receipt."""

    kind = "box"
    heading = "Last change"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.planner = self.new_worker("plan")
        self.applier = self.new_worker("apply")
        self.request = Request(self, lambda: None, {})
        self._shown: Any = None  # the plan for the request
        self._warnings: Sequence[str] = ()
        self.armed = False  # whether its question is open
        self.refusal: ScopeRefused | None = None
        self.notice = ""  # the result of the last question, in one line
        self._working: dict[str, Any] | None = None
        self.receipt: Any = None
        self._received_at = 0.0
        self.follow("plan", self._other_plan)

    @property
    def plan(self) -> Any:
        """The plan that waits for its confirmation, or None."""
        return self._shown if self.armed else None

    @property
    def busy(self) -> bool:
        """Whether something is being applied."""
        return self.applier.running

    @property
    def planning(self) -> bool:
        """Whether a plan is being made."""
        return self.planner.running

    # ---- asking

    def ask(self, request: Request) -> None:
        """Plan a change and ask, unless another change is under way; an open question is withdrawn."""
        if self._working is None:
            self._plan(request)
        else:
            text = "Still at work, so nothing new was started."
            self.show(Message("info", text, "Wait until it has ended, or press Stop."))

    def is_asked_by(self, part: Part) -> bool:
        """Return whether a part asked for what the box shows."""
        return self.request.owner is part

    def choose(self, name: str, value: Any) -> None:
        """Change one option of the open question; the plan is made again, unless it is the reason."""
        if name not in self.request.choices or not (self.armed or self.planning):
            return
        request = self.request.with_options(**{name: value.strip() if name == "reason" else value})
        if name == "reason" and self.armed:  # it changes nothing that was read
            self.request = request
            self._shown = self.state.plan = replace(self._shown, reason=request.options["reason"])
            self.draw()
        else:
            self._plan(request)

    def remedy(self, name: str) -> None:
        """Do what a refusal offers."""
        if self.refusal is not None:
            remedies: dict[str, dict[str, Any]] = {
                "leave_out": {"only": self.refusal.others},
                "include": {"allow_running": True},
                "raise": {"max_affected": self.refusal.count},
                "all": {"allow_all": True},
            }
            self._plan(self.request.with_options(**remedies[name]))

    def _plan(self, request: Request) -> None:
        self._put_away()
        self.request = request
        self._working = {"text": "Reading what would change …", "done": 0, "total": 0}
        self.panel.messages.clear(self.name)
        self.planner.start(
            lambda _: warned(lambda: request.make(**request.options)),
            lambda made: self.offer(*made),
            failed=self._not_planned,
        )
        self.draw(focus=True)

    def offer(self, plan: Any, warnings: Sequence[str] = ()) -> None:
        """Show a plan with its question; a plan that cannot be applied is shown without one. None shows nothing."""
        self._shown, self._warnings, self._working = plan, warnings, None
        self.armed = plan is not None and plan.count > 0 and not is_blocked(plan)
        self.panel.messages.clear(self.name)
        if self.armed:
            self.state.plan = plan
        self.draw(focus=True)

    def _not_planned(self, error: Exception) -> None:
        if isinstance(error, ScopeRefused) and error.cure is not None:
            self.refusal = error
        self.offer(None)

    def report(self, error: BaseException) -> None:
        """Show an error; a refusal is shown in place of the question, with its remedies."""
        if error is not self.refusal:
            super().report(error)

    # ---- answering

    def confirm(self, typed: str = "") -> None:
        """Agree to the open question."""
        plan = self.plan
        if plan is not None and not self.busy and is_typed(plan, typed):
            self.armed = False
            self._apply(plan.apply, plan)

    def cancel(self) -> None:
        """Cancel the open question, a plan that is shown or being made, or a refusal."""
        self.disarm("Cancelled: nothing was changed.", focus=True)

    def disarm(
        self,
        why: str = "Something was edited, so the question was taken away; nothing was changed.",
        *,
        focus: bool = False,
    ) -> None:
        """Withdraw the open question, a plan that is shown or being made, or a refusal, and say why."""
        if not self.busy and (self.planning or self._shown is not None or self.refusal is not None):
            self._put_away(why)
            self.draw(focus=focus)

    def _put_away(self, notice: str = "") -> None:
        self.planner.drop()
        shown, self._shown, self.armed = self._shown, None, False
        self.refusal, self._working, self.notice = None, None, notice
        if shown is not None and self.state.plan is shown:
            self.state.plan = None

    def _other_plan(self, plan: Any) -> None:
        if plan is not None and plan is not self._shown:
            self.disarm("Another question took its place; nothing was changed.")

    # ---- applying

    def _apply(self, act: Callable[..., Any], plan: Any) -> None:
        """Apply or resume a plan."""
        self.receipt, self.notice = None, ""
        self.panel.messages.clear(self.name)
        self._working = {"text": "Looking again at the works …", "done": 0, "total": 0}

        def progressed(done: int, total: int, text: str) -> None:
            self._working = {"text": text, "done": done, "total": total}
            self.draw()

        self.applier.start(
            lambda run: act(progress=run.progress, cancel=run.cancel),
            self._ended,
            progress=progressed,
            failed=lambda _: self._ended(plan.receipt),
        )
        self.draw(focus=True)

    def _ended(self, receipt: Any) -> None:
        """Show the receipt of a change; None if it ended before there was one."""
        self._shown = self._working = self.state.plan = None
        self.panel.messages.clear(self.name)
        if receipt is not None:
            self.show_receipt(receipt)
            for error in receipt.errors[:1]:  # the others have the same cause, and are in the receipt
                self.report(error)
        self.draw(focus=True)

    def show_receipt(self, receipt: Any) -> None:
        """Show a receipt, and tell the other parts of the page."""
        self.receipt, self._received_at, self.notice = receipt, time.time(), ""
        self.panel.messages.clear()
        self.state.everything = False
        if receipt.plan.removes:
            self.state.selection = ()  # of works that were deleted as planned, which is no news
        self.state.receipt = receipt
        self.state.changes += 1
        self.draw(focus=True)

    def stop(self) -> None:
        """Stop making a plan, or stop applying one before the next chunk."""
        if self.busy:
            self.applier.stop()
        else:
            self.cancel()

    # ---- after it

    @property
    def _is_over(self) -> bool:
        return self.receipt is not None and self._working is None and not self.armed

    @property
    def can_undo(self) -> bool:
        """Whether the receipt offers an undo; a claimed work is returned by a button of its own."""
        receipt = self.receipt
        done = self._is_over and receipt.entry and receipt.counts["done"] > 0
        return bool(done) and receipt.verb not in ("undo", "withdraw")

    def undo(self) -> None:
        """Plan to undo the change of the receipt, and ask: the undo may be about more or fewer works by now."""
        if self.can_undo:
            self.ask_undo(self.receipt.entry)

    def ask_undo(self, entry: str) -> None:
        """Plan to undo an entry of the journal, and ask."""
        buckets = self.state.buckets
        self.ask(Request(self, lambda: buckets.plan_undo(entry), {}))

    def resume(self) -> None:
        """Continue with the works that were not dealt with."""
        if self._is_over and self.receipt.unsettled:
            self._apply(self.receipt.resume, self.receipt.plan)

    def dismiss(self) -> None:
        """Remove the receipt and the notice; the change itself stays."""
        if not self.busy:
            self.receipt, self.notice = None, ""
            self.draw(focus=True)

    # ---- drawing

    def draw(self, *, focus: bool = False) -> None:
        """Send the page the content of the box; with `focus`, the page brings it into view."""
        self.tell(
            "draw",
            focus=focus,
            messages=[vars(message) for message in self.panel.messages.shown],
            notice=self.notice,
            working=self._working,
            refusal=None if self.refusal is None else refusal_of(self.refusal),
            question=self._question(),
            receipt=self._receipt(),
        )

    def _question(self) -> dict[str, Any] | None:
        plan, request = self._shown, self.request
        if plan is None or self.busy:
            return None
        found = question_of(plan, request.title(plan), request.columns, self._warnings)
        return {**found, "options": request.choices, "asks": self.armed}

    def _receipt(self) -> dict[str, Any] | None:
        receipt = self.receipt
        if receipt is None or self.busy:
            return None
        left = receipt.unsettled if self._is_over else 0
        resume = f"Go on with the other {count_of(left, 'work')}" if left else ""
        drawn = {"at": self._received_at, "undo": self.can_undo, "resume": resume, "earlier": bool(self.notice)}
        return {**receipt_of(receipt), **drawn}

    def static(self) -> Markup:
        """Return the messages, the plan that waits, and the last receipt, as plain HTML."""
        drawn = [Markup(one._repr_html_()) for one in (self._shown, self.receipt) if one is not None]
        open_ = [element("p", "Not applied: this was still a question when the page was drawn.")] if self.armed else []
        refused = [block(refusal_of(self.refusal)["text"])] if self.refusal is not None else []
        parts = [one for one in (self.panel.messages.static(), *refused, *open_, *drawn) if one]
        return element("div", *parts) if parts else Markup("")

    def close(self) -> None:
        """Stop what is being applied before its next chunk; the other panels on the page are free again."""
        super().close()
        self._put_away()

    handlers: ClassVar[Handlers] = {
        "confirm": confirm,
        "cancel": cancel,
        "stop": stop,
        "undo": undo,
        "resume": resume,
        "again": lambda self: self.ask(self.request),
        "remedy": remedy,
        "option": choose,
        "dismiss": dismiss,
        "dismiss_message": lambda self, key: self.panel.messages.dismiss(key),
    }
