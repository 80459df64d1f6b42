"""What a question says, wherever it is asked."""

from __future__ import annotations

from bucketsnb.changes.plan import Plan

__all__ = ["TYPED_ABOVE", "is_typed", "is_yes", "question", "word_to_type"]

TYPED_ABOVE = 100
"""Above so many works, and whenever one of them is running, the number of works has to be typed.

Not to put works back by an undo, which repairs; an undo that removes what was deposited is a deletion as any other.
"""


def word_to_type(plan: Plan) -> str | None:
    """Return what has to be typed to agree to a plan, or None if a plain yes will do."""
    if plan.verb == "undo" and not plan.removes:
        return None
    return str(plan.count) if plan.count > TYPED_ABOVE or plan.running else None


def is_typed(plan: Plan, typed: str) -> bool:
    """Tell whether the number of works was typed, where it has to be; commas and spaces around it are fine."""
    word = word_to_type(plan)
    return word is None or typed.replace(",", "").strip() == word


def is_yes(plan: Plan, answer: str) -> bool:
    """Tell whether an answer in a terminal agrees to a plan: the number of works, or a clear yes where that will do."""
    if word_to_type(plan) is not None:
        return is_typed(plan, answer)
    return answer.strip().casefold() in ("y", "yes")


def question(plan: Plan) -> str:
    """Return the question on one line."""
    running = f" {plan.running:,} of them running: workers may be busy with them." if plan.running else ""
    return f"{plan.summary}?{running}"
