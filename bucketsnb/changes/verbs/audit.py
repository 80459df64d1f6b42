"""Forecast by reading what an audit would change; run one, with an entry in the journal, and read the works back.

An undo puts back the fields that the service itself set, in works that nobody has changed since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution, Item
from bucketsnb.changes.guarded import UNCHANGED, Reply, ReplyKind, ask, read_back
from bucketsnb.changes.journal import Entry, RecordedWork
from bucketsnb.changes.plan import CellsPlan, LeftOut
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, what_differs, written
from bucketsnb.changes.targets import EXPIRES_AFTER, PlanLimits, Targets, read_works, refuse_read_only
from bucketsnb.changes.verbs.base import SET_BY_SERVICE, CurrentRecords, Verb, new_plan
from bucketsnb.display.texts import count_of
from bucketsnb.errors import BucketsError, ServiceError
from bucketsnb.matching import QueryNotUnderstood, compile_query
from bucketsnb.query import Query

__all__ = ["Audit", "AuditPlan", "plan_audit", "run_audit"]

_FIELDS = ("id", "status", "attempt", "retries", "start", "timeout", "creation")
_NOTE = (
    "It acts on all pipelines at once, on whatever it finds when it runs; this is what it would find now. "
    "Undo puts works back that nobody has moved since."
)

Record = Mapping[str, Any]


# --- plan ---


class AuditPlan(CellsPlan):
    """A forecast of what an audit pass would change."""

    verb = "audit"


PASSES = (
    ("failed", Query(retryable=True), "queued"),
    ("expired", Query(overdue=True), "failure"),
    ("stale", Query(stale=True), "failure"),
)
"""The passes in order: name, the works that it changes, and the status that it gives them."""


def _forecast(records: Iterable[Record], now: float) -> list[tuple[Record, dict[str, Any], list[str]]]:
    """Return the works that the passes would change: each as it is, as it would be, and the names of the passes."""
    passes = [(name, compile_query(query.document_by(lambda: now)), status) for name, query, status in PASSES]
    changed = []
    for record in records:
        after, touched = dict(record), []
        for name, applies, status in passes:
            with suppress(QueryNotUnderstood):  # a text in the place of a number: the service cannot use it either
                if applies(after):
                    after["status"] = status
                    touched.append(name)
        if touched:
            changed.append((record, after, touched))
    return changed


def run_audit(context: Context) -> dict[str, int]:
    """Run an audit, with an entry in the journal if works are forecast to change; return how many each pass acted on.

    If a pass fails, a ServiceError is raised, whose `counts` hold the numbers of the passes before it.
    """
    executor = AuditExecutor()
    plan = _planned(context, executor, "audit()", EXPIRES_AFTER)
    if not plan.count:
        return context.api.audit()
    for error in plan.apply().errors:
        if isinstance(error, ServiceError):
            error.counts = executor.counts
        raise error
    return executor.counts


def plan_audit(context: Context, *, reason: str = "", expires_after: float) -> AuditPlan:
    """Plan an audit; see :meth:`bucketsnb.client.Buckets.plan_audit`."""
    return _planned(context, AuditExecutor(), reason, expires_after)


def _planned(context: Context, executor: AuditExecutor, reason: str, expires_after: float) -> AuditPlan:
    refuse_read_only(context.api)
    api = context.api
    document = {"status": {"$in": ["queued", "running", "failure"]}}
    works = api.view(document, dict.fromkeys(_FIELDS, True), limit=None)
    now = api.now()
    api.clock.refuse_doubt()
    named = [work.get("id") for work, _, _ in _forecast(works, now)]
    ids = list(dict.fromkeys(work_id for work_id in named if isinstance(work_id, str)))
    forecast = _forecast(read_works(api, ids), now)
    changes = [Change(WorkSnapshot.of(before), WorkSnapshot.of(after)) for before, after, _ in forecast]
    executor.forecast.update(name for _, _, touched in forecast for name in touched)
    passes = [f"{name}: {count_of(executor.forecast[name], 'work')} to {status}" for name, _, status in PASSES]
    notes = ["; ".join(passes), _NOTE]
    if without := len(named) - len(ids):
        notes.append(
            f"It would also change {count_of(without, 'work')} without an id of {'its' if without == 1 else 'their'} "
            "own; that cannot be shown, checked or undone."
        )
    limits = PlanLimits(expires_after=expires_after)
    return new_plan(AuditPlan, context, executor, changes, Targets(), reason, limits, notes)


# --- act ---


class AuditExecutor(ChunkExecutor):
    """Runs the three passes, once."""

    in_one_step = True

    def __init__(self) -> None:
        self.forecast: Counter[str] = Counter()
        self.counts: dict[str, int] = {}

    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Run the passes and read the works back; if an outcome is unknown, only read: no pass is run again."""
        ids = {item: item.id for item in items}
        now = {record["id"]: record for record in read_works(execution.api, list(ids.values()))}
        reply = Reply(ReplyKind.SILENCE)
        if all(item.outcome is not Outcome.UNKNOWN for item in items):
            forecast = [item.change.after.text for item in items if item.change.after is not None]
            execution.announce(items, [written(now.get(item.id)) for item in items], forecast)
            reply = self._run(execution)
        read_back(execution, ids, lambda item, after: _judge(item, now.get(item.id), after, reply))
        return reply.error

    def _run(self, execution: Execution) -> Reply:
        for name, _, _ in PASSES:
            reply = ask(execution, getattr(execution.api, f"audit_{name}"))
            if reply.error is not None:
                execution.notes.append(f"The pass “{name}” failed, and those after it were not run.")
                return reply
            self.counts[name] = int(reply.value)
            forecast = f"the forecast was {self.forecast[name]:,}"
            execution.notes.append(f"{name}: the service acted on {reply.value:,}; {forecast}.")
        return Reply(ReplyKind.YES)


def _judge(item: Item, before: Record | None, after: Record | None, reply: Reply) -> None:
    planned = item.change.after
    if after is None:
        item.settle(Outcome.GONE, detail="No longer there.")
    elif planned is not None and after.get("status") == planned.status:
        item.settle(Outcome.DONE, after, detail=what_differs(before, after))
    elif before is not None and after == before:
        item.settle(UNCHANGED[reply.kind], after, detail=reply.why or "The audit left it as it was.")
    else:
        # If a pass failed, an earlier one may have changed the work: it is unknown, so that an undo reads it again.
        outcome = Outcome.DRIFTED if reply.kind is ReplyKind.YES else Outcome.UNKNOWN
        item.settle(outcome, after, detail=f"Not as forecast: {what_differs(planned, after)}")


# --- inverse ---


class Audit(Verb):
    """An undo puts back the fields that the service set; any other difference is a change by someone else."""

    plan = AuditPlan

    def look_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> CurrentRecords:
        """Read works with an unknown outcome; if only the status has changed, record them as changed by the audit."""
        now = super().look_again(api, entry, works)
        for work in works:
            record = now.get(work.id or "") if work.outcome is Outcome.UNKNOWN else None
            if record is not None and work.before and {**record, "status": work.before.get("status")} == work.before:
                work.left = dict(record)
        return now

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Leave out works that the audit did not change."""
        if work.outcome is Outcome.DONE and work.before is not None and work.left == work.before:
            return LeftOut(work.id, "the audit left it as it was")
        return super().obstacle(work, now)

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return a work as it was read back, or else as forecast; `None` if the journal has lost it."""
        return None if work.before is None else work.left or work.after or {}

    def original(self, work: RecordedWork) -> Record:
        """Return a work with the values that it had before the service set them."""
        before = work.before or {}
        return {**(self.made(work) or {}), **{name: before[name] for name in SET_BY_SERVICE if name in before}}
