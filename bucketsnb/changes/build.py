"""Make plans: read the works as they are now, check the scope, and say what will happen. Only reads are sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bucketsnb.addresses import without_login
from bucketsnb.changes.execution import Application, ChunkExecutor, Context
from bucketsnb.changes.plan import DeletePlan, LeftOut, Plan, RequeuePlan
from bucketsnb.changes.service import evidence
from bucketsnb.changes.settle import DeleteAct, PutAct
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import Limits, Targets, WorkSelector, advice, check_running, resolve_targets
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.encoding import encode_works
from bucketsnb.errors import Cure, Note, WorkError
from bucketsnb.query import Query
from bucketsnb.schema import QUEUE_FIELDS, STALE_DAYS, TIME_FIELDS, queue_problems

__all__ = ["UNDO_DELETE", "changed", "made", "old_works", "plan_delete", "plan_requeue"]

UNDO_DELETE = "Undo puts deleted works back under new ids; ids written down elsewhere, as a parent, do not follow."

_DAY = 86_400
P = TypeVar("P", bound=Plan)


def plan_delete(
    context: Context,
    selector: WorkSelector,
    *,
    reason: str = "",
    limits: Limits | None = None,
    limit: int | None = None,
) -> DeletePlan:
    """Plan to delete works; see :meth:`bucketsnb.client.Buckets.plan_delete`."""
    limits = limits or Limits()
    targets = resolve_targets(context, selector, limits, limit=limit)
    check_running(targets.works, limits)
    changes = [Change(work, None) for work in targets.works]
    notes = [UNDO_DELETE, *_lasting([work.record for work in targets.works])] if changes else []
    head = evidence(context.api, [work.id or "" for work in targets.works]) if changes else {}
    return made(DeletePlan, context, DeleteAct(), changes, targets, reason, limits, notes, head=head)


def _lasting(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how many works a service may not take back: what a service holds may be older than what it accepts."""
    lasting = sum(not _can_come_back(record) for record in records)
    if not lasting:
        return []
    return [
        f"{lasting:,} of them {'is' if lasting == 1 else 'are'} not as the service takes works today (an old shape, or "
        "a value it refuses): an undo may not bring such works back as they were. The journal keeps them whole."
    ]


def _can_come_back(record: Mapping[str, Any]) -> bool:
    try:
        encode_works([record], verb="update")
    except WorkError:
        return False
    whole = QUEUE_FIELDS.keys() - TIME_FIELDS <= record.keys()
    floats = all(record.get(name) is None or isinstance(record[name], float) for name in TIME_FIELDS)
    return whole and floats and not queue_problems(record)


def plan_requeue(
    context: Context,
    selector: WorkSelector,
    *,
    reset_attempt: bool = False,
    reason: str = "",
    limits: Limits | None = None,
) -> RequeuePlan:
    """Plan to queue works again; see :meth:`bucketsnb.client.Buckets.plan_requeue`."""
    limits = limits or Limits()
    targets = resolve_targets(context, _failed(selector, limits), limits)
    check_running(targets.works, limits)
    wanted = ("failure", "running") if limits.allow_running else ("failure",)  # no set: a status may be anything
    going = [work for work in targets.works if work.status in wanted]
    others = [work for work in targets.works if work.status not in wanted]
    left = [LeftOut(work.id, f"is {truncate(work.status, 60)}, not failure") for work in others]
    cells = {"status": "queued", **({"attempt": 0} if reset_attempt else {})}
    changes, unfit = changed(going, [cells] * len(going))
    targets = Targets(going, [*targets.left_out, *left, *unfit], targets.query)
    notes = _notes(changes, context.api.clock.now(), reset=reset_attempt)
    return made(RequeuePlan, context, PutAct(), changes, targets, reason, limits, notes)


def changed(works: Sequence[WorkSnapshot], cells: Sequence[Mapping[str, Any]]) -> tuple[list[Change], list[LeftOut]]:
    """Return works with cells changed, and those that cannot be sent."""
    changes, unfit = [], []
    for work, new in zip(works, cells, strict=True):
        try:
            (sent,) = encode_works([{**work.record, **new}], verb="update")[1]
        except WorkError as error:
            unfit.append(LeftOut(work.id, f"cannot be sent: {error}"))
            continue
        plain = {name: sent[name] for name in new}  # an array of numpy, as a list; the rest stays as it was read
        changes.append(Change(work, WorkSnapshot.of({**work.record, **plain})))
    return changes, unfit


def made(
    kind: type[P],
    context: Context,
    act: ChunkExecutor,
    changes: Iterable[Change],
    targets: Targets,
    reason: str,
    limits: Limits,
    notes: Iterable[str] = (),
    *,
    head: Mapping[str, Any] | None = None,
    **more: Any,
) -> P:
    """Make a plan that expires, with the application that will carry it out; `head` is for the journal alone."""
    now = time.time()
    return kind(
        changes=tuple(changes),
        url=without_login(context.api.url),
        reason=reason,
        created_at=now,
        expires_at=now + limits.expires_after,
        query=targets.query,
        left_out=tuple(targets.left_out),
        notes=(*notes, *advice(targets.left_out), *context.api.clock.notes()),
        _application=Application(context, act, head=head),
        **more,
    )


def _failed(selector: WorkSelector, limits: Limits) -> WorkSelector:
    """Narrow a query that says nothing of the status to works that failed (and those that run, if allowed)."""
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
    notes = ["Works that a worker has claimed by then are not taken back by an undo."]
    last = sum(_exhausted(record) for record in records)
    if last and not reset:
        had = f"{count_of(last, 'work')} had all of {'its' if last == 1 else 'their'} attempts"
        notes.append(Note(f"{had}: if one fails again, no audit will requeue it.", Cure.RESET_ATTEMPTS))
    return notes + old_works(records, now)


def old_works(records: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Say how many works the service's daemons may delete before they run."""
    limit = now - STALE_DAYS * _DAY
    old = sum(isinstance(made_at := record.get("creation"), int | float) and made_at < limit for record in records)
    if not old:
        return []
    return [
        f"{old:,} of them {'is' if old == 1 else 'are'} older than {STALE_DAYS:g} days: the service's "
        "own daemons may fail or delete such works at any time."
    ]


def _exhausted(record: Mapping[str, Any]) -> bool:
    attempt, retries = record.get("attempt"), record.get("retries")
    return isinstance(attempt, int) and isinstance(retries, int) and attempt >= retries
