"""The one place of a panel where it answers: question, progress, receipt with Undo, refusal with its remedy, error.

Only one plan on a page waits for its confirmation at a time. Whatever changes what the plan was built from takes the
question away; applying has its own thread, so that nothing else on the page can stop it by being newer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bucketsnb.confirm import is_typed, word_to_type
from bucketsnb.display.markup import Markup, block, element
from bucketsnb.display.texts import count_of
from bucketsnb.errors import ScopeReason, ScopeRefused
from bucketsnb.widgets.core.error_boundary import Message
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.core.warned import warned
from bucketsnb.widgets.core.worker import Run, TimeLeft
from bucketsnb.widgets.parts.wording import question_of, receipt_of, refusal_of, undo_title, undo_warning

__all__ = ["Box", "Options", "Request"]

_NOT_UNDONE = ("undo", "withdraw")
"""Verbs without an Undo button: a claimed work has one to return it, beside those that end it."""

_NOTHING = "nothing was changed."
_WAIT = "Wait until it has ended, or press Stop."


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
    leave_out
        Ids of works that are not meant after all.
    others
        Ids of the works that are left then, or None while that is not known.
    """

    reason: str = ""
    max_affected: int = 1000
    allow_running: bool = False
    allow_all: bool = False
    reset: bool = False
    leave_out: tuple[str, ...] = ()
    others: tuple[str, ...] | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """What a plan is told: why, and how wide it may be."""
        return {
            "reason": self.reason.strip(),
            "allow_running": self.allow_running,
            "allow_all": self.allow_all,
            "max_affected": self.max_affected,
        }


@dataclass(frozen=True)
class Request:
    """A change that was asked for.

    Attributes
    ----------
    make
        Builds the plan on a thread, by reads only.
    choices
        Names of the options that its question lets one change.
    options
        What they are at first.
    title
        What will happen, in one line, or None for the plan's own words.
    asks
        Whether a plan may be agreed to; one with mistakes is only shown.
    columns
        Fields of the works that its question lists; empty for the usual ones.
    """

    make: Callable[[Options], Any]
    choices: tuple[str, ...] = ("reason",)
    options: Options = Options()
    title: Callable[[Any], str] = lambda plan: str(plan.summary)
    asks: Callable[[Any], bool] = lambda plan: bool(plan.count)
    columns: tuple[str, ...] = ()


class Box(Part):
    """Take a request, plan it, ask, apply the plan once, and show its receipt.

    Attributes
    ----------
    armed
        Whether a question stands.
    receipt
        The receipt that is shown, or None.
    said
        What became of the last question, in one line.
    refusal
        Why the plan was refused, or None.
    """

    kind = "box"
    heading = "Last change"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.planner = self.new_worker("plan")
        self.applier = self.new_worker("apply")
        self.armed = False
        self.receipt: Any = None
        self.said = ""
        self.refusal: ScopeRefused | None = None
        self._shown: Any = None
        self.request: Request | None = None
        self._options = Options()
        self._warnings: list[str] = []
        self._working: dict[str, Any] | None = None
        self._received_at = 0.0
        self.follow("plan", self._other_plan)

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {
            "confirm": lambda asked: self.confirm(asked["typed"]),
            "cancel": lambda _: self.cancel(),
            "stop": lambda _: self.stop(),
            "undo": lambda _: self.undo(),
            "resume": lambda _: self.resume(),
            "again": lambda _: self.ask_again(),
            "remedy": lambda asked: self.remedy(asked["name"]),
            "option": lambda asked: self.choose(asked["name"], asked["value"]),
            "dismiss": lambda _: self.dismiss(),
            "dismiss_message": lambda asked: self.panel.messages.dismiss(asked["key"]),
        }

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

    def is_free(self) -> bool:
        """Tell whether a change can be asked for; while another is under way it is said that nothing was started."""
        if self.busy or self.planning:
            doing = f" ({self._working['text'].removesuffix(' …')})" if self._working else ""
            self.show(Message("info", f"Still at work{doing}, so nothing new was started.", _WAIT))
            return False
        return True

    def ask(self, request: Request) -> bool:
        """Plan a change and ask, if the box is free, and tell whether it was; a question that stands is taken away."""
        if not self.is_free():
            return False
        self._put_away()
        self.request, self._options = request, request.options
        self._plan()
        return True

    def ask_again(self) -> None:
        """Plan the same change anew, as when its question has expired."""
        if self.request is not None and self.is_free():
            self._put_away()
            self._plan()

    def choose(self, name: str, value: Any) -> None:
        """Change one option of the question that stands; the plan is made anew."""
        request = self.request
        if request is None or name not in request.choices or self.busy or not (self.armed or self.planning):
            return
        self._options = replace(self._options, **{name: _option(name, value)})
        if name == "reason" and self.armed:  # it changes nothing of what was read
            self._shown = self.state.plan = replace(self._shown, reason=self._options.reason.strip())
            self.draw()
        else:
            self._put_away()
            self._plan()

    def remedy(self, name: str) -> None:
        """Do what a refusal offers."""
        refusal = self.refusal
        if refusal is None or self.request is None or not self.is_free():
            return
        self._options = replace(self._options, **_remedy(refusal, name))
        self._plan()

    def _plan(self) -> None:
        request, options = self.request, self._options
        if request is None:
            return
        self.refusal, self.said, self._shown = None, "", None
        self._step("Reading what would change …")
        self.panel.messages.clear(self.name)
        self.planner.start(lambda _: warned(lambda: _made(request, options)), self._take, failed=self._not_made)
        self.draw(focus=True)

    def _not_made(self, _: Exception) -> None:
        self._working = None
        self.panel.messages.clear(self.name)
        self.draw(focus=True)

    def _take(self, answer: tuple[Any, list[str]]) -> None:
        plan, self._warnings = answer
        self.panel.messages.clear(self.name)
        if isinstance(plan, ScopeRefused):
            self.refusal, self._working = plan, None
            self.draw(focus=True)
        else:
            self.offer(plan)

    def offer(self, plan: Any) -> None:
        """Show a plan with its question; one that cannot be agreed to is shown without."""
        self._shown, self._working = plan, None
        self.armed = self.request is None or self.request.asks(plan)
        if self.armed:
            self.state.plan = plan
        self.draw(focus=True)
        self.panel.keep()

    # ---- answering

    @property
    def word(self) -> str | None:
        """What has to be typed before the question can be agreed to, or None."""
        return None if self.plan is None else word_to_type(self.plan)

    def confirm(self, typed: str = "") -> None:
        """Agree to the question that stands."""
        plan = self.plan
        if plan is None or self.busy or not is_typed(plan, typed):
            return
        if plan.expires_at < time.time():
            self._put_away("The question was open for too long; " + _NOTHING)
            self.draw(focus=True)
            return
        self.armed = False
        self._apply(lambda run: plan.apply(progress=run.progress, cancel=run.cancel), lambda: plan.receipt)

    def cancel(self) -> None:
        """Say no to the question that stands, to a plan that is only shown, or to a refusal."""
        if self.planning or self._shown is not None or self.refusal is not None:
            self._put_away(("Stopped: there is no plan, and " if self.planning else "Cancelled: ") + _NOTHING)
            self.draw(focus=True)

    def disarm(self, why: str = "Something was edited, so the question was taken away; " + _NOTHING) -> None:
        """Take the question away, because what it was about has changed; say why if it stood or was on its way."""
        if self.planning:
            why = "Something was edited while the plan was made, so there is none; " + _NOTHING
        if self.planning or self._shown is not None or self.refusal is not None:
            self._put_away(why)
            self.draw()

    def _put_away(self, said: str = "") -> None:
        self.planner.drop()
        shown, self._shown, self.armed = self._shown, None, False
        self.refusal, self._working, self.said = None, None, said
        if shown is not None and self.state.plan is shown:
            self.state.plan = None

    def _other_plan(self, plan: Any) -> None:
        if plan is not None and plan is not self._shown:
            self.disarm("Another question took its place; " + _NOTHING)

    # ---- applying

    def _apply(self, job: Callable[[Run], Any], left: Callable[[], Any]) -> None:
        self.receipt, self.said = None, ""
        self.panel.messages.clear(self.name)
        self._step("Looking again at the works …")
        time_left = TimeLeft()

        def progressed(done: int, total: int) -> None:
            self._step(f"{done:,} of {count_of(total, 'work')}{time_left.text(done, total)}", done, total)
            self.draw()

        self.applier.start(job, self._ended, progress=progressed, failed=lambda _: self._ended(left()))
        self.draw(focus=True)

    def _step(self, text: str, done: int = 0, total: int = 0) -> None:
        self._working = {"text": text, "done": done, "total": total}

    def _ended(self, receipt: Any) -> None:
        """Take over a receipt, or None when it ended before there was one."""
        self._shown, self._working = None, None
        self.state.plan = None
        self.panel.messages.clear(self.name)
        if receipt is not None:
            self.show_receipt(receipt)
            for error in receipt.errors[:1]:  # the others are of the same cause, and the receipt has them
                self.guard.report(error)
        self.draw(focus=True)

    def show_receipt(self, receipt: Any) -> None:
        """Show what became of a change, and let the others on the page know of it."""
        self.receipt, self._received_at, self.said = receipt, time.time(), ""
        self.panel.messages.clear()
        self.state.everything = False
        if receipt.removes:
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
        self.ask(Request(lambda _: buckets.plan_undo(entry), choices=(), title=undo_title))

    @property
    def can_resume(self) -> bool:
        """Whether the receipt has works that were not dealt with."""
        return (
            self.receipt is not None and bool(self.receipt.unsettled) and not (self.busy or self.armed or self.planning)
        )

    def resume(self) -> None:
        """Go on with the works that were not dealt with."""
        receipt = self.receipt
        if self.can_resume:
            self._apply(lambda run: receipt.resume(progress=run.progress, cancel=run.cancel), lambda: receipt)

    def dismiss(self) -> None:
        """Put the receipt, and what was said, away; what was changed stays changed."""
        if not self.busy:
            self.receipt, self.said = None, ""
            self.draw(focus=True)

    # ---- drawing

    def draw(self, *, focus: bool = False) -> None:
        """Tell the page what stands in the box; with `focus`, the page brings it into view."""
        self.tell(
            "draw",
            focus=focus,
            messages=self.panel.messages.as_data(),
            said=self.said,
            working=self._working,
            refusal=None if self.refusal is None else refusal_of(self.refusal),
            question=self._question(),
            receipt=self._receipt(),
        )

    def _question(self) -> dict[str, Any] | None:
        plan, request = self._shown, self.request
        if plan is None or self.busy:
            return None
        found = question_of(plan, request.title(plan), request.columns) if request else question_of(plan)
        found["warnings"] += [*filter(None, [undo_warning(plan)]), *self._warnings]
        choices = request.choices if request is not None else ()
        found["options"] = {name: getattr(self._options, name) for name in choices}
        return {**found, "asks": self.armed, "word": self.word, "danger": plan.verb == "delete" or plan.removes}

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


def _made(request: Request, options: Options) -> Any:
    try:
        return request.make(options)
    except ScopeRefused as refused:
        if refused.reason is None:
            raise
        return refused


def _remedy(refusal: ScopeRefused, name: str) -> dict[str, Any]:
    """Return the options that a remedy changes."""
    changes: dict[tuple[ScopeReason | None, str], dict[str, Any]] = {
        (ScopeReason.RUNNING, "leave_out"): {"leave_out": refusal.running, "others": refusal.others},
        (ScopeReason.RUNNING, "include"): {"allow_running": True},
        (ScopeReason.TOO_MANY, "raise"): {"max_affected": refusal.count},
        (ScopeReason.EVERY_PIPELINE, "all"): {"allow_all": True},
    }
    return changes.get((refusal.reason, name), {})


def _option(name: str, value: Any) -> Any:
    if name == "max_affected":
        return max(1, int(value))
    return bool(value) if name in ("allow_running", "reset") else str(value)
