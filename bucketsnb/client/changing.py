"""What the methods of the service's own client answer after a change, and what they warn of."""

from __future__ import annotations

from typing import Any

from bucketsnb import confirm
from bucketsnb.changes.plan import Reason
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.targets import NothingSent, PlanLimits, WorksLeft
from bucketsnb.changes.verbs.delete import DeletePlan
from bucketsnb.changes.verbs.deposit import DepositPlan
from bucketsnb.changes.verbs.update import UpdatePlan
from bucketsnb.confirm import Confirmation
from bucketsnb.display.texts import count_of
from bucketsnb.errors import warn_caller

__all__ = ["ALL", "ANY", "claimed", "deleted", "deleted_many", "deposited", "updated", "warn_nothing_sent"]

ANY = PlanLimits(allow_all=True, allow_running=True, max_affected=None)
"""For works that are named: no width is too wide."""


class _All(int):
    """The default of a limit that callers of the service's own client expect to be 100, and that means all here."""

    def __repr__(self) -> str:
        return "all"


ALL = _All(100)


def deposited(plan: DepositPlan, *, return_ids: bool) -> bool | list[str]:
    """Deposit the works of a plan, and return True or their ids."""
    if not plan.count:
        warn_nothing_sent("deposit was given no works")
        return [] if return_ids else True
    receipt = plan.apply()
    receipt.raise_for_outcome()
    return receipt.ids if return_ids else True


def claimed(receipt: Receipt) -> dict[str, Any] | None:
    """Return the record of the work that was claimed, or None if nothing was queued."""
    result = receipt.results[0]
    if result.outcome is Outcome.DONE and result.after is not None:
        return result.after.record
    if result.outcome is not Outcome.GONE:
        receipt.raise_for_outcome()
    return None


def updated(plan: UpdatePlan) -> bool:
    """Update the works of a plan, and say whether all of them are as given; warn of those that are not."""
    if not plan.count and not plan.left_out:
        warn_nothing_sent("update was given no works")
        return False
    receipt = plan.apply()
    if receipt.errors:
        receipt.raise_for_outcome()
    if plan.left_out:
        left_out = f"{count_of(len(plan.left_out), 'work')}, the first as it {plan.left_out[0].why}"
        warn_caller(f"{receipt.summary}; left out: {left_out}", WorksLeft)
    elif not receipt.ok:
        warn_caller(receipt.summary, WorksLeft)
    return receipt.ok and not plan.left_out


def deleted(plan: DeletePlan) -> bool:
    """Delete the works of a plan, and say whether all of them are gone; warn of those that are not."""
    receipt = plan.apply()
    if receipt.errors:
        receipt.raise_for_outcome()
    if not receipt.ok:
        warn_caller(receipt.summary, WorksLeft)
    return receipt.ok


def deleted_many(plan: DeletePlan, limit: int | None, *, force: bool) -> bool | Confirmation:
    """Ask, delete the works of a plan, and say whether all of them are gone; in a notebook, return the question."""
    left = sum(one.reason is Reason.BEYOND_LIMIT for one in plan.left_out)
    if not plan.count:
        return False
    answer: bool | Confirmation = True if force else confirm.ask(plan)
    if isinstance(answer, Confirmation):
        return answer
    done = answer and deleted(plan)
    if done and left:
        warn_caller(f"{plan.summary}: {left:,} more match and were left, as limit={limit} asks.", WorksLeft)
    return done


def warn_nothing_sent(problem: str) -> None:
    """Warn that a method was called with nothing to do."""
    warn_caller(f"{problem}, so nothing was sent.", NothingSent)
