"""The one place of a panel where it answers: question, progress, receipt with Undo, refusal with its remedy, error.

Only one plan on a page waits for its confirmation at a time. Whatever changes what the plan was built from takes the
question away; applying has its own thread, so that nothing else on the page can stop it by being newer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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

__all__ = ["Box", "Options", "Request"]

_NOT_UNDONE = ("undo", "withdraw")
"""Verbs without an Undo button: a claimed work has one to return it, beside those that end it."""

_NOTHING = "nothing was changed."


@dataclass(frozen=True)
class Options:
    """What a question lets one choose.

    Attributes
    ----------
    reason
        Kept in the journal.
    max_affected
        More works than that are refused.
    allow_running, allow_all
        Accept works that are running; accept a query that names no pipeline.
    reset
        Count attempts from 0.
    only
        Ids of the works that are left when others are left out, or None.
    """

    reason: str = ""
    max_affected: int = 1000
    allow_running: bool = False
    allow_all: bool = False
    reset: bool = False
    only: tuple[str, ...] | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """What a plan is told: why, and how wide it may be."""
        return {name: getattr(self, name) for name in ("reason", "max_affected", "allow_running", "allow_all")}


@dataclass(frozen=True)
class Request:
    """A change that was asked for.

    Attributes
    ----------
    owner
        The part that asks.
    make
        Builds the plan on a thread, by reads only.
    choices
        Names of the options that its question lets one change.
    options
        What they are now.
    title
        Says what will happen, in one line; "" for the usual words.
    columns
        Fields of the works that its question lists; empty for the usual ones.
    """

    owner: Part
    make: Callable[[Options], Any]
    choices: tuple[str, ...] = ("reason",)
    options: Options = Options()
    title: Callable[[Any], str] = lambda _: ""
    columns: tuple[str, ...] = ()

    def with_options(self, **options: Any) -> Request:
        """Return it with other options."""
        return replace(self, options=replace(self.options, **options))


class Box(Part):
    """Take a request, plan it, ask, apply the plan once, and show its receipt.

    Attributes
    ----------
    request
        What was asked for last, or None.
    armed
        Whether its question stands.
    refusal
        Why the plan was refused, or None.
    notice
        What became of the last question, in one line.
    receipt
        The receipt that is shown, or None.
    """

    kind = "box"
    heading = "Last change"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.planner = self.new_worker("plan")
        self.applier = self.new_worker("apply")
        self.request: Request | None = None
        self.armed = False
        self.refusal: ScopeRefused | None = None
        self.notice = ""
        self.receipt: Any = None
        self._shown: Any = None
        self._warnings: list[str] = []
        self._working: dict[str, Any] | None = None
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

    def ask(self, request: Request | None) -> None:
        """Plan a change and ask, unless another is under way; a question that stands is taken away."""
        if request is not None and self._is_free():
            self._put_away()
            self._plan(request)

    def ask_again(self) -> None:
        """Plan the same change anew, as when its question has expired."""
        self.ask(self.request)

    def is_asked_by(self, part: Part) -> bool:
        """Tell whether what stands here was asked for by a part."""
        return self.request is not None and self.request.owner is part

    def _is_free(self) -> bool:
        if self.busy or self.planning:
            doing = f" ({self._working['text'].removesuffix(' …')})" if self._working else ""
            text = f"Still at work{doing}, so nothing new was started."
            self.show(Message("info", text, "Wait until it has ended, or press Stop."))
        return not (self.busy or self.planning)

    def choose(self, name: str, value: Any) -> None:
        """Change one option of the question that stands; the plan is made anew."""
        request = self.request
        if request is None or name not in request.choices or self.busy or not (self.armed or self.planning):
            return
        request = request.with_options(**{name: value.strip() if name == "reason" else value})
        if name == "reason" and self.armed:  # it changes nothing of what was read
            self.request = request
            self._shown = self.state.plan = replace(self._shown, reason=request.options.reason)
            self.draw()
        else:
            self._put_away()
            self._plan(request)

    def remedy(self, name: str) -> None:
        """Do what a refusal offers."""
        refusal = self.refusal
        if refusal is None or self.request is None or not self._is_free():
            return
        remedies: dict[str, dict[str, Any]] = {
            "leave_out": {"only": refusal.others},
            "include": {"allow_running": True},
            "raise": {"max_affected": refusal.count},
            "all": {"allow_all": True},
        }
        self._plan(self.request.with_options(**remedies[name]))

    def _plan(self, request: Request) -> None:
        self.request, self.refusal, self.notice, self._shown = request, None, "", None
        self._working = {"text": "Reading what would change …", "done": 0, "total": 0}
        self.panel.messages.clear(self.name)
        self.planner.start(
            lambda _: warned(lambda: request.make(request.options)), self._planned, failed=lambda _: self._not_planned()
        )
        self.draw(focus=True)

    def _not_planned(self) -> None:
        self._working = None
        self.panel.messages.clear(self.name)
        self.draw(focus=True)

    def report(self, error: BaseException) -> None:
        """Show an error; a refusal stands in the place of the question, with its remedies."""
        if isinstance(error, ScopeRefused) and error.cure is not None:
            self.refusal = error
            self.draw(focus=True)
        else:
            super().report(error)

    def _planned(self, answer: tuple[Any, list[str]]) -> None:
        plan, self._warnings = answer
        self.panel.messages.clear(self.name)
        self.offer(plan)

    def offer(self, plan: Any) -> None:
        """Show a plan with its question; one that cannot be agreed to is shown without."""
        self._shown, self._working = plan, None
        self.armed = plan.count > 0 and not is_blocked(plan)
        if self.armed:
            self.state.plan = plan
        self.draw(focus=True)
        self.panel.keep()

    # ---- answering

    def confirm(self, typed: str = "") -> None:
        """Agree to the question that stands."""
        plan = self.plan
        if plan is not None and not self.busy and is_typed(plan, typed):
            self.armed = False
            self._apply(plan.apply, lambda: plan.receipt)

    def cancel(self) -> None:
        """Say no to the question that stands, to a plan that is only shown, or to a refusal."""
        if self._stands:
            self._put_away(("Stopped: there is no plan, and " if self.planning else "Cancelled: ") + _NOTHING)
            self.draw(focus=True)

    def disarm(self, why: str = "Something was edited, so the question was taken away; " + _NOTHING) -> None:
        """Take the question away, because what it was about has changed; say why if it stood or was on its way."""
        if self._stands:
            making = "Something was edited while the plan was made, so there is none; " + _NOTHING
            self._put_away(making if self.planning else why)
            self.draw()

    @property
    def _stands(self) -> bool:
        return self.planning or self._shown is not None or self.refusal is not None

    def _put_away(self, notice: str = "") -> None:
        self.planner.drop()
        shown, self._shown, self.armed = self._shown, None, False
        self.refusal, self._working, self.notice = None, None, notice
        if shown is not None and self.state.plan is shown:
            self.state.plan = None

    def _other_plan(self, plan: Any) -> None:
        if plan is not None and plan is not self._shown:
            self.disarm("Another question took its place; " + _NOTHING)

    # ---- applying

    def _apply(self, act: Callable[..., Any], left: Callable[[], Any]) -> None:
        """Apply or resume a plan; `left` is the receipt that is left if that breaks off."""
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
            failed=lambda _: self._ended(left()),
        )
        self.draw(focus=True)

    def _ended(self, receipt: Any) -> None:
        """Take over a receipt, or None when it ended before there was one."""
        self._shown = self._working = self.state.plan = None
        self.panel.messages.clear(self.name)
        if receipt is not None:
            self.show_receipt(receipt)
            for error in receipt.errors[:1]:  # the others are of the same cause, and the receipt has them
                self.report(error)
        self.draw(focus=True)

    def show_receipt(self, receipt: Any) -> None:
        """Show what became of a change, and let the others on the page know of it."""
        self.receipt, self._received_at, self.notice = receipt, time.time(), ""
        self.panel.messages.clear()
        self.state.everything = False
        if receipt.plan.removes:
            self.state.selection = ()  # of works that are gone as planned, which is no news
        self.state.receipt = receipt
        self.state.changes += 1
        self.draw(focus=True)
        self.panel.keep()

    def stop(self) -> None:
        """Make no plan, or stop applying before the next chunk."""
        if self.busy:
            self.applier.stop()
        elif self.planning:
            self.cancel()

    # ---- after it

    @property
    def can_undo(self) -> bool:
        """Whether the receipt offers to take its change back."""
        receipt = self.receipt
        if receipt is None or not receipt.entry or receipt.verb in _NOT_UNDONE or self.busy or self.armed:
            return False
        return bool(receipt.counts["done"] > 0)

    def undo(self) -> None:
        """Plan to take the change of the receipt back, and ask about that: it may be about more, or less, by now."""
        if self.can_undo:
            self.ask_undo(self.receipt.entry)

    def ask_undo(self, entry: str) -> None:
        """Plan to take an entry of the journal back, and ask."""
        buckets = self.state.buckets
        self.ask(Request(self, lambda _: buckets.plan_undo(entry), choices=()))

    @property
    def can_resume(self) -> bool:
        """Whether the receipt has works that were not dealt with."""
        free = not (self.busy or self.armed or self.planning)
        return self.receipt is not None and bool(self.receipt.unsettled) and free

    def resume(self) -> None:
        """Go on with the works that were not dealt with."""
        receipt = self.receipt
        if self.can_resume:
            self._apply(receipt.resume, lambda: receipt)

    def dismiss(self) -> None:
        """Put the receipt, and what was said, away; what was changed stays changed."""
        if not self.busy:
            self.receipt, self.notice = None, ""
            self.draw(focus=True)

    # ---- drawing

    def draw(self, *, focus: bool = False) -> None:
        """Tell the page what stands in the box; with `focus`, the page brings it into view."""
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
        if request is None:
            return {**question_of(plan), "options": {}, "asks": self.armed}
        found = question_of(plan, request.title(plan), request.columns, self._warnings)
        options = {name: getattr(request.options, name) for name in request.choices}
        return {**found, "options": options, "asks": self.armed}

    def _receipt(self) -> dict[str, Any] | None:
        if self.receipt is None or self.busy:
            return None
        rest = f"Go on with the other {count_of(self.receipt.unsettled, 'work')}" if self.can_resume else ""
        return {**receipt_of(self.receipt), "at": self._received_at, "undo": self.can_undo, "resume": rest}

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
        if self._shown is not None and self.state.plan is self._shown:
            self.state.plan = None

    handlers: ClassVar[Handlers] = {
        "confirm": confirm,
        "cancel": cancel,
        "stop": stop,
        "undo": undo,
        "resume": resume,
        "again": ask_again,
        "remedy": remedy,
        "option": choose,
        "dismiss": dismiss,
        "dismiss_message": lambda self, key: self.panel.messages.dismiss(key),
    }
