"""What a question says, wherever it is asked."""

from __future__ import annotations

from bucketsnb.changes.plan import Plan

__all__ = ["TYPED_ABOVE", "question", "word_to_type"]

TYPED_ABOVE = 100
"""Above so many works, and whenever one of them is running, the number of works has to be typed."""


def word_to_type(plan: Plan) -> str | None:
    """Return what has to be typed to agree to a plan, or None if a plain yes will do."""
    return str(plan.count) if plan.count > TYPED_ABOVE or plan.running else None


def question(plan: Plan) -> str:
    """Return the question on one line."""
    running = f" {plan.running:,} of them running: workers may be busy with them." if plan.running else ""
    return f"{plan.summary}?{running}"
