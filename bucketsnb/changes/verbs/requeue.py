"""Requeue works: set failed works (and running ones, if allowed) to queued again; an undo puts them back as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bucketsnb.changes.execution import Context
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.plan import CellsPlan, LeftOut
from bucketsnb.changes.snapshot import Change
from bucketsnb.changes.targets import PlanLimits, Targets, WorkSelector, check_running, resolve_targets
from bucketsnb.changes.verbs.base import Edits, Verb, new_plan, old_works
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.errors import Cure, Note
from bucketsnb.query import Query

__all__ = ["Requeue", "RequeuePlan", "plan_requeue"]


class RequeuePlan(CellsPlan):
    """Works that will be queued again."""

    verb = "requeue"
    done_word = "requeued"


def plan_requeue(
    context: Context,
    selector: WorkSelector,
    *,
    reset_attempt: bool = False,
    reason: str = "",
    limits: PlanLimits,
) -> RequeuePlan:
    """Plan to queue works again; see :meth:`bucketsnb.client.Buckets.plan_requeue`."""
    targets = resolve_targets(context.api, _failed(selector, limits), limits)
    check_running(targets.works, limits)
    wanted = ("failure", "running") if limits.allow_running else ("failure",)  # not a set: a status may be unhashable
    going = [work for work in targets.works if work.status in wanted]
    others = [work for work in targets.works if work.status not in wanted]
    left = [LeftOut(work.id, f"is {truncate(work.status, 60)}, not failure") for work in others]
    edits = Edits(left_out=[*targets.left_out, *left])
    for work in going:
        edits.add(work, {"status": "queued", **({"attempt": 0} if reset_attempt else {})})
    targets = Targets(left_out=edits.left_out, query=targets.query)
    notes = _notes(edits.changes, context.api.clock.now(), reset=reset_attempt)
    return new_plan(RequeuePlan, context, PutExecutor(), edits.changes, targets, reason, limits, notes)


def _failed(selector: WorkSelector, limits: PlanLimits) -> WorkSelector:
    """Restrict a query without a status to failed works, and running ones if allowed; an empty query stays as it is."""
    if selector is not None and not isinstance(selector, Query | Mapping):
        return selector
    query = Query.parse(selector)
    if query.is_empty or query.statuses is not None:
        return query
    return query.where(status=["failure", "running"] if limits.allow_running else "failure")


def _notes(changes: Sequence[Change], now: float, *, reset: bool) -> list[str]:
    if not changes:
        return []
    records = [change.work.record for change in changes]
    notes = ["Undo leaves works alone that a worker has claimed in the meantime."]
    counts = [(record.get("attempt"), record.get("retries")) for record in records]
    last = sum(isinstance(had, int) and isinstance(most, int) and had >= most for had, most in counts)
    if last and not reset:
        had = f"{count_of(last, 'work')} had all of {'its' if last == 1 else 'their'} attempts"
        notes.append(Note(f"{had}: if one fails again, it stays failed.", Cure.RESET_ATTEMPTS))
    return notes + old_works(records, now)


class Requeue(Verb):
    """An undo puts works that were queued again back as they were, unless a worker has claimed them since."""

    plan = RequeuePlan
