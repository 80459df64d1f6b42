"""Withdraw one work: forecast by reading, claimed by one request that is never repeated, remembered as it was.

An undo gives the work back: status, attempt and times are as they were before the claim.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution
from bucketsnb.changes.guarded import ReplyKind, ask, settle_unsent
from bucketsnb.changes.journal import RecordedWork
from bucketsnb.changes.lookup import read_works
from bucketsnb.changes.plan import LeftOut, Plan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import PlanLimits, Targets, refuse_read_only
from bucketsnb.changes.verbs.base import SET_BY_SERVICE, CurrentRecords, Verb, new_plan, not_seen
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.encoding import encode
from bucketsnb.errors import BucketsError, QueryError
from bucketsnb.schema import FIELDS, PARENT_PATH, value_problems

__all__ = ["CANDIDATES", "Names", "Withdraw", "WithdrawPlan", "plan_claim", "plan_withdraw", "withdrawal"]

CANDIDATES = 20
"""Works at the head of the queue that are read before a claim, so that the one claimed can be given back as it was."""

_ORDER = ("id", "priority", "creation")

Names = str | Iterable[str]


# --- plan ---


@dataclass(frozen=True, repr=False, kw_only=True)
class WithdrawPlan(Plan):
    """A forecast of which work a withdrawal would claim; others who claim meanwhile may change it.

    Attributes
    ----------
    pipelines
        Of which pipelines a work is claimed.
    """

    pipelines: tuple[str, ...] = ()

    verb = "withdraw"
    done_word = "claimed"
    unknown_is_lost = True

    def _pipelines(self) -> Sequence[Any]:
        return self.pipelines if self.changes else ()


def withdrawal(
    pipeline: Names,
    event: int | Iterable[int] | None = None,
    site: str | None = None,
    priority: int | None = None,
    user: str | None = None,
    tags: Names | None = None,
    parent: Names | None = None,
) -> dict[str, Any]:
    """Return the query document of a withdrawal; what is not given is not asked, what is given is.

    Raises
    ------
    QueryError
        If a filter is empty or cannot be met: to the service it would mean "anything".

    Examples
    --------
    >>> withdrawal("intensity-ml", tags=["low"])
    {'pipeline': {'$in': ['intensity-ml']}, 'tags': {'$in': ['low']}}
    """
    document: dict[str, Any] = {"pipeline": {"$in": _texts("pipeline", pipeline)}}
    if site is not None:
        document["site"] = _text("site", site)
    if priority is not None:
        document["priority"] = _priority(priority)
    if user is not None:
        document["user"] = _text("user", user)
    if event is not None:
        document["event"] = {"$in": _events(event)}
    if tags is not None:
        document["tags"] = {"$in": _texts("tags", tags)}
    if parent is not None:
        document[PARENT_PATH] = {"$in": _texts("parent", parent)}
    plain: dict[str, Any] = json.loads(encode(document))
    return plain


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _empty(name, value)
    return value


def _texts(name: str, value: Names) -> list[str]:
    found = [value] if isinstance(value, str) else _several(name, value)
    if not found:
        raise _empty(name, value)
    return [_text(name, one) for one in found]


def _several(name: str, value: object) -> list[Any]:
    if not isinstance(value, Iterable) or isinstance(value, bytes | Mapping):
        raise _empty(name, value)
    return list(value)


def _events(value: Any) -> list[int]:
    found = _several("event", value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if not found or any(isinstance(one, bool) or not hasattr(one, "__index__") for one in found):
        raise _empty("event", value)
    return [int(one) for one in found]


def _priority(value: Any) -> int:
    priority = operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value
    wrong = value_problems(FIELDS["priority"], priority, "priority")
    if wrong:
        raise QueryError(f"{wrong[0]}. Leave it out to take any. Nothing was sent.")
    return int(priority)


def _empty(name: str, value: object) -> QueryError:
    hint = " Name at least one." if name == "pipeline" else " Leave it out (None) to take any."
    return QueryError(
        f"{name}={truncate(repr(value), 40)} names nothing that a work could have.{hint} Nothing was sent."
    )


def forecast(api: Api, document: Mapping[str, Any], most: int = CANDIDATES) -> list[dict[str, Any]]:
    """Read which queued works would be claimed next: the highest priority first, then the oldest."""
    queued = api.view({**document, "status": "queued"}, dict.fromkeys(_ORDER, True), limit=None)
    first = sorted(queued, key=_rank)[:most]
    ids = [record["id"] for record in first if isinstance(record.get("id"), str)]
    return list(read_works(api, ids))


def _rank(record: Mapping[str, Any]) -> tuple[float, float]:
    priority, creation = record.get("priority"), record.get("creation")
    return (
        -priority if isinstance(priority, int | float) else float("inf"),
        creation if isinstance(creation, int | float) else float("-inf"),
    )


def plan_claim(context: Context, document: Mapping[str, Any], *, look_first: bool) -> WithdrawPlan:
    """Plan to claim one work at once, whichever it is: what :meth:`bucketsnb.client.Buckets.withdraw` does."""
    act = WithdrawExecutor(document, look_first=look_first)
    return _made(context, document, act, [Change(None, None)], "", PlanLimits())


def plan_withdraw(
    context: Context, document: Mapping[str, Any], *, reason: str = "", expires_after: float
) -> WithdrawPlan:
    """Plan to claim one work; see :meth:`bucketsnb.client.Buckets.plan_withdraw`."""
    refuse_read_only(context.api)
    candidates = forecast(context.api, document)
    notes = ["A forecast: whoever claims meanwhile is served first, and then another work, or none, is claimed."]
    if len(candidates) > 1:
        notes.append(f"After it come {count_of(len(candidates) - 1, 'more work')} that were looked at.")
    now = context.api.now()
    changes = [Change(WorkSnapshot.of(record), WorkSnapshot.of(_claimed(record, now))) for record in candidates[:1]]
    limits = PlanLimits(expires_after=expires_after)
    return _made(context, document, WithdrawExecutor(document), changes, reason, limits, notes)


def _claimed(record: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return a queued work as a claim would leave it."""
    return {**record, "status": "running", "attempt": (_attempt(record) or 0) + 1, "start": now}


def _attempt(record: Mapping[str, Any]) -> int | None:
    attempt = record.get("attempt")
    return attempt if isinstance(attempt, int) and not isinstance(attempt, bool) else None


def _made(
    context: Context,
    document: Mapping[str, Any],
    act: WithdrawExecutor,
    changes: Sequence[Change],
    reason: str,
    limits: PlanLimits,
    notes: Iterable[str] = (),
) -> WithdrawPlan:
    refuse_read_only(context.api)
    targets = Targets([], query=json.dumps(document, ensure_ascii=False))
    pipelines = tuple(document["pipeline"]["$in"])
    return new_plan(WithdrawPlan, context, act, changes, targets, reason, limits, notes, pipelines=pipelines)


# --- act ---


class WithdrawExecutor(ChunkExecutor):
    """Claim the first queued work that matches, by one request.

    Parameters
    ----------
    document
        What it must match.
    look_first
        Whether to read the head of the queue before, so that the work can be given back just as it was.
    """

    size = 1

    def __init__(self, document: Mapping[str, Any], *, look_first: bool = True) -> None:
        self._document = dict(document)
        self._look_first = look_first

    def step(self, execution: Execution, positions: Sequence[int]) -> BucketsError | None:
        """Claim one; a claim of an unknown outcome is never repeated."""
        (position,) = positions
        if execution.results[position].outcome is Outcome.UNKNOWN:
            execution.notes.append("The claim may have been made; it is not repeated. Look for running works.")
            return None
        candidates = forecast(execution.api, self._document) if self._look_first else []
        head = {record["id"]: record for record in candidates}
        execution.announce(positions, None, None, query=self._document, at_head=candidates)
        reply = ask(execution, lambda: execution.api.withdraw(self._document))
        if reply.kind is ReplyKind.YES:
            self._settle(execution, position, reply.value, head)
        elif reply.kind is ReplyKind.FAILED:
            execution.settle(position, Outcome.REFUSED, detail=reply.why)
        else:
            settle_unsent(execution, positions, reply)
        return reply.error

    def _settle(
        self, execution: Execution, position: int, record: dict[str, Any] | None, head: Mapping[str, dict[str, Any]]
    ) -> None:
        if record is None:
            execution.settle(position, Outcome.GONE, detail="Nothing was queued any more that matches.")
            return
        given, planned = record.get("id"), execution.changes[position].id
        work_id = given if isinstance(given, str) and given else None
        detail = "" if planned in (None, work_id) else f"Another work than forecast ({planned}): the queue moved."
        execution.settle(position, Outcome.DONE, record, work_id=work_id, new_id=work_id, detail=detail)
        execution.writer.line("before", position=position, work=as_it_was(record, head.get(work_id or "")))


def as_it_was(record: Mapping[str, Any], seen: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a claimed work as it was before: as it was seen at the head of the queue, else as far as can be told."""
    attempt = _attempt(record)
    if seen is not None and (attempt is None or seen.get("attempt") == attempt - 1):
        # the rest as it was claimed: someone may have changed it between the look and the claim
        return {name: seen.get(name) if name in SET_BY_SERVICE else value for name, value in record.items()}
    before = {**record, "status": "queued"}
    if attempt is not None:
        before["attempt"] = max(attempt - 1, 0)
    return {**before, "start": None}


# --- inverse ---


class Withdraw(Verb):
    """A claimed work is given back as it was."""

    plan = WithdrawPlan

    def name_of(self, work: RecordedWork) -> str:
        """Return the id of the work that was claimed."""
        return work.new_id or ""

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Leave out a claim of which nobody saw the answer."""
        return super().obstacle(work, now) if work.outcome is Outcome.DONE else not_seen(self.plan.verb, work)

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return the work as it was claimed."""
        return work.left or work.after

    def original(self, work: RecordedWork) -> Mapping[str, Any]:
        """Return the work as it was before; an interruption may have kept that off the record."""
        return as_it_was(self.made(work) or {}, None) if work.before is None else work.before
