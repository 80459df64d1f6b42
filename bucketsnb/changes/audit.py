"""Forecast what an audit pass would change, by reading; and run one, on record, read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.build import made
from bucketsnb.changes.execution import Context, Execution
from bucketsnb.changes.plan import AuditPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.settle import Reply, ReplyKind, ask
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, differences, written
from bucketsnb.changes.targets import EXPIRES_AFTER, Limits, Targets, read_works, refuse_read_only
from bucketsnb.display.texts import count_of
from bucketsnb.errors import ServiceError
from bucketsnb.schema import STALE_DAYS

__all__ = ["AuditAct", "plan_audit"]

_DAY = 86_400
_FIELDS = ("id", "status", "attempt", "retries", "start", "timeout", "creation")
_NOTE = (
    "An audit acts on all pipelines at once, on whatever it finds when it runs; this is what it would find now. "
    "Undo puts works back that nobody has moved since."
)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class _Pass:
    name: str
    applies: Callable[[Record, float], bool]
    status: str


def _number(record: Record, name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _retriable(record: Record, _now: float) -> bool:
    attempt, retries = _number(record, "attempt"), _number(record, "retries")
    return record.get("status") == "failure" and attempt is not None and retries is not None and attempt < retries


def _expired(record: Record, now: float) -> bool:
    start, timeout = _number(record, "start"), _number(record, "timeout")
    return record.get("status") == "running" and start is not None and timeout is not None and start + timeout < now


def _stale(record: Record, now: float) -> bool:
    creation = _number(record, "creation")
    return record.get("status") in ("queued", "running") and creation is not None and creation < now - STALE_DAYS * _DAY


PASSES = (
    _Pass("failed", _retriable, "queued"),
    _Pass("expired", _expired, "failure"),
    _Pass("stale", _stale, "failure"),
)


def _after(record: Record, now: float) -> tuple[dict[str, Any], list[str]]:
    """Return a work as the three passes would leave it, and which of them would touch it."""
    after, touched = dict(record), []
    for one in PASSES:
        if one.applies(after, now):
            after["status"] = one.status
            touched.append(one.name)
    return after, touched


def run_audit(context: Context) -> dict[str, int]:
    """Run an audit with a record of the works that it is forecast to change; return how many each pass acted on.

    Raises
    ------
    ServiceError
        Of the pass that failed; its `counts` hold those that were answered before.
    """
    plan, act = _planned(context, "audit()", EXPIRES_AFTER)
    if not plan.count:
        return context.api.audit()
    receipt = plan.apply()
    for error in receipt.errors:
        if isinstance(error, ServiceError):
            error.counts = act.counts
        raise error
    return act.counts


def plan_audit(context: Context, *, reason: str = "", expires_after: float) -> AuditPlan:
    """Plan an audit; see :meth:`bucketsnb.client.Buckets.plan_audit`."""
    return _planned(context, reason, expires_after)[0]


def _planned(context: Context, reason: str, expires_after: float) -> tuple[AuditPlan, AuditAct]:
    refuse_read_only(context.api)
    api = context.api
    document = {"status": {"$in": ["queued", "running", "failure"]}}
    works = api.view(document, dict.fromkeys(_FIELDS, True), limit=None)
    now = api.now()
    api.clock.refuse_doubt()
    named = [work.get("id") for work in works if _after(work, now)[1]]
    ids = list(dict.fromkeys(one for one in named if isinstance(one, str)))
    changes, by_pass = _changes(list(read_works(api, ids)), now)
    said = [f"{one.name}: {count_of(by_pass.get(one.name, 0), 'work')} to {one.status}" for one in PASSES]
    act = AuditAct(by_pass)
    targets, limits = Targets([change.work for change in changes]), Limits(expires_after=expires_after)
    notes = ["; ".join(said), _NOTE]
    if len(named) > len(ids):
        notes.append(
            f"It would also change {count_of(len(named) - len(ids), 'work')} without an id of "
            f"{'its' if len(named) - len(ids) == 1 else 'their'} own; that cannot be shown, checked or undone."
        )
    return made(AuditPlan, context, act, changes, targets, reason, limits, notes), act


def _changes(works: Sequence[Record], now: float) -> tuple[list[Change], dict[str, int]]:
    changes: list[Change] = []
    by_pass: dict[str, int] = {}
    for record in works:
        after, touched = _after(record, now)
        if touched:
            changes.append(Change(WorkSnapshot.of(record), WorkSnapshot.of(after)))
        for name in touched:
            by_pass[name] = by_pass.get(name, 0) + 1
    return changes, by_pass


class AuditAct:
    """Run the three passes, once."""

    size = 10**9
    divides_by_rate = False

    def __init__(self, forecast: Mapping[str, int]) -> None:
        self._forecast = dict(forecast)
        self.counts: dict[str, int] = {}

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Run the passes and read the works back; passes of an unknown outcome are not run again."""
        now = {record["id"]: record for record in read_works(execution.api, _ids(execution, positions))}
        again = any(execution.results[position].outcome is Outcome.UNKNOWN for position in positions)
        reply = Reply(ReplyKind.SILENCE)
        if not again:
            before = [now.get(execution.change(position).id or "") for position in positions]
            forecast = [after.text for p in positions if (after := execution.change(p).after) is not None]
            execution.announce(positions, map(written, before), forecast)
            reply = self._run(execution)
        self._settle(execution, positions, now, reply)
        execution.record(positions)
        if reply.error is not None:
            raise reply.error

    def _run(self, execution: Execution) -> Reply:
        api: Api = execution.api
        for name, run in (("failed", api.audit_failed), ("expired", api.audit_expired), ("stale", api.audit_stale)):
            reply = ask(execution, run)
            if reply.error is not None:
                execution.notes.append(f"The pass “{name}” failed, and those after it were not run.")
                return reply
            self.counts[name] = int(reply.value)
            expected = self._forecast.get(name, 0)
            execution.notes.append(f"{name}: the service acted on {reply.value:,}; the forecast was {expected:,}.")
        return Reply(ReplyKind.YES)

    def _settle(
        self, execution: Execution, positions: Sequence[int], before: Mapping[str, Record], reply: Reply
    ) -> None:
        after = {record["id"]: record for record in read_works(execution.api, _ids(execution, positions))}
        for position in positions:
            work_id = execution.change(position).id or ""
            self._judge(execution, position, before.get(work_id), after.get(work_id), reply)

    def _judge(
        self, execution: Execution, position: int, before: Record | None, after: Record | None, reply: Reply
    ) -> None:
        planned = execution.change(position).after
        if after is None:
            execution.settle(position, Outcome.GONE, detail="No longer there.")
        elif planned is not None and after.get("status") == planned.status:
            execution.settle(
                position, Outcome.DONE, after=WorkSnapshot.of(after), detail=described(differences(before or {}, after))
            )
        elif before is not None and after == before:
            outcome = (
                Outcome.STILL_THERE if reply.kind is ReplyKind.YES else _AS_IT_WAS.get(reply.kind, Outcome.UNKNOWN)
            )
            execution.settle(
                position, outcome, after=WorkSnapshot.of(after), detail=reply.why or "The audit left it as it was."
            )
        else:
            moved = described(differences(planned.record if planned else {}, after))
            # Where a pass failed, those before it may well have done this, and an undo is to look into it.
            outcome = Outcome.DRIFTED if reply.kind is ReplyKind.YES else Outcome.UNKNOWN
            execution.settle(position, outcome, after=WorkSnapshot.of(after), detail=f"Not as forecast: {moved}")


_AS_IT_WAS = {
    ReplyKind.NO: Outcome.REFUSED,
    ReplyKind.FAILED: Outcome.STILL_THERE,
    ReplyKind.NEVER_ASKED: Outcome.NOT_SENT,
}


def _ids(execution: Execution, positions: Sequence[int]) -> list[str]:
    return [found for position in positions if (found := execution.change(position).id) is not None]
