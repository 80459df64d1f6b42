"""A question about a plan: its text, the answers that it accepts, and its state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from bucketsnb.changes import drawing
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.receipt import Receipt

__all__ = ["Confirmation", "ConfirmationState", "is_typed", "is_yes", "question", "what_to_type", "word_to_type"]

_TYPED_ABOVE = 100
"""If there are more works than this, or one of them is running, the number of works must be typed.

An undo that puts works back does not need that; an undo that removes deposited works does, like any other deletion.
"""


def question(plan: Plan) -> str:
    """Return the question on one line."""
    running = f" {plan.running:,} of them running: workers may be busy with them." if plan.running else ""
    return f"{plan.summary}?{running}"


def word_to_type(plan: Plan) -> str | None:
    """Return what must be typed to agree to a plan, or None if a plain yes is enough."""
    if plan.verb == "undo" and not plan.removes:
        return None
    return str(plan.count) if plan.count > _TYPED_ABOVE or plan.running else None


def what_to_type(plan: Plan) -> str:
    """Return the instruction for agreeing to a plan in a terminal."""
    return f"Type {word_to_type(plan) or 'yes'} to go on"


def is_typed(plan: Plan, typed: str) -> bool:
    """Return whether the number of works was typed, or need not be; commas and surrounding spaces are ignored."""
    word = word_to_type(plan)
    return word is None or typed.replace(",", "").strip() == word


def is_yes(plan: Plan, answer: str) -> bool:
    """Return whether an answer in a terminal agrees to a plan: the number of works if it is required, else yes."""
    if word_to_type(plan) is not None:
        return is_typed(plan, answer)
    return answer.strip().casefold() in ("y", "yes")


class ConfirmationState(Enum):
    """The state of a question."""

    OPEN = "waiting for an answer"
    DECLINED = "declined; nothing was sent"
    WORKING = "being applied"
    DONE = "done"
    FAILED = "not all done"


class Confirmation:
    """A question about a plan; it is false until it was answered with yes and every work is as planned.

    Only the first answer counts. After a yes, the plan is applied once, in a thread of its own.

    Parameters
    ----------
    plan
        The plan to apply after a yes.

    Attributes
    ----------
    state
        The :class:`ConfirmationState`.
    receipt
        What became of the works, or None if nothing was done or the plan is still being applied.
    error
        The first error of applying the plan, or None.
    done
        Number of works that were processed so far.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.state = ConfirmationState.OPEN
        self.receipt: Receipt | None = None
        self.error: BaseException | None = None
        self.done = 0
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], object]] = []

    def listen(self, listener: Callable[[], object]) -> None:
        """Call `listener` after every change of the state or the progress, in the thread that made the change."""
        self._listeners.append(listener)

    def yes(self, typed: str = "") -> bool:
        """Answer yes, with the number of works if it must be typed; return whether that was accepted."""
        if not is_typed(self.plan, typed) or not self._answer(ConfirmationState.WORKING):
            return False
        threading.Thread(target=self._apply, name="bucketsnb-confirmed", daemon=True).start()
        return True

    def no(self) -> None:
        """Answer no or, if the plan is being applied already, stop it before the next chunk."""
        if self._answer(ConfirmationState.DECLINED):
            self._finished.set()
        else:
            self._cancel.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a no, or until the plan was applied; return False if that takes more than `timeout` seconds."""
        return self._finished.wait(timeout)

    def _answer(self, state: ConfirmationState) -> bool:
        with self._lock:
            if self.state is not ConfirmationState.OPEN:
                return False
            self.state = state
        self._tell()
        return True

    def _apply(self) -> None:
        try:
            self.receipt = self.plan.apply(self._progress, self._cancel)
            self.error = next(iter(self.receipt.errors), None)
        except Exception as error:  # noqa: BLE001 - a thread has no caller to raise to; `error` keeps it
            self.error, self.receipt = error, self.plan.receipt
        self.state = ConfirmationState.DONE if self else ConfirmationState.FAILED
        self._finished.set()
        self._tell()

    def _progress(self, done: int, total: int) -> None:
        self.done = done
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def __bool__(self) -> bool:
        return self.receipt is not None and self.receipt.ok

    def __repr__(self) -> str:
        return f"<Confirmation: {self.plan.summary}: {self.state.value}>"

    def _repr_html_(self) -> str:
        return drawing.html(f"{self.plan.summary}: {self.state.value}", [])
