"""Withdraw one work: forecast by reading, claimed by one request that is never repeated, remembered as it was."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.build import made
from bucketsnb.changes.execution import Context, Execution
from bucketsnb.changes.plan import WithdrawPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.settle import ReplyKind, ask
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import Limits, Targets, read_works, refuse_read_only
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.encoding import encode
from bucketsnb.errors import QueryError
from bucketsnb.schema import FIELDS, PARENT_PATH, value_problems

__all__ = [
    "CANDIDATES",
    "OF_THE_SERVICE",
    "Names",
    "WithdrawAct",
    "forecast",
    "plan_claim",
    "plan_withdraw",
    "withdrawal",
]

OF_THE_SERVICE = ("status", "attempt", "start", "stop")
"""What the service itself sets in a work, when one is claimed or an audit is run."""

CANDIDATES = 20
"""Works at the head of the queue that are read before a claim, so that the one claimed can be given back as it was."""

_ORDER = ("id", "priority", "creation")

Names = str | Iterable[str]


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
    refuse_read_only(context.api)
    pipelines = document["pipeline"]["$in"]
    changes = [Change(WorkSnapshot.of({"pipeline": ", ".join(pipelines)}), None)]
    act = WithdrawAct(document, look_first=look_first)
    targets = Targets([], query=json.dumps(document, ensure_ascii=False))
    return made(WithdrawPlan, context, act, changes, targets, "", Limits())


def plan_withdraw(
    context: Context, document: Mapping[str, Any], *, reason: str = "", expires_after: float
) -> WithdrawPlan:
    """Plan to claim one work; see :meth:`bucketsnb.client.Buckets.plan_withdraw`."""
    refuse_read_only(context.api)
    next_works = [WorkSnapshot.of(record) for record in forecast(context.api, document)]
    notes = ["A forecast: whoever claims meanwhile is served first, and then another work, or none, is claimed."]
    if len(next_works) > 1:
        notes.append(f"After it come {count_of(len(next_works) - 1, 'more work')} that were looked at.")
    changes = [Change(work, None) for work in next_works[:1]]
    targets = Targets(next_works[:1], query=json.dumps(document, ensure_ascii=False))
    limits = Limits(expires_after=expires_after)
    return made(WithdrawPlan, context, WithdrawAct(document), changes, targets, reason, limits, notes)


class WithdrawAct:
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

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Claim one; a claim of an unknown outcome is never repeated."""
        (position,) = positions
        if execution.results[position].outcome is Outcome.UNKNOWN:
            execution.notes.append("The claim may have been made; it is not repeated. Look for running works.")
            return
        seen = forecast(execution.api, self._document) if self._look_first else []
        head = {record["id"]: record for record in seen}
        execution.announce(positions, None, None, query=self._document, at_head=list(head.values()))
        reply = ask(execution, lambda: execution.api.withdraw(self._document))
        if reply.kind is ReplyKind.YES:
            self._claimed(execution, position, reply.value, head)
        elif reply.kind in (ReplyKind.NO, ReplyKind.NEVER_ASKED, ReplyKind.FAILED):
            outcome = Outcome.NOT_SENT if reply.kind is ReplyKind.NEVER_ASKED else Outcome.REFUSED
            execution.settle(position, outcome, detail=reply.why)
        execution.record(positions)
        if reply.error is not None:
            raise reply.error

    def _claimed(
        self, execution: Execution, position: int, record: dict[str, Any] | None, head: Mapping[str, dict[str, Any]]
    ) -> None:
        if record is None:
            execution.settle(position, Outcome.GONE, detail="Nothing was queued any more that matches.")
            return
        work = WorkSnapshot.of(record)
        planned = execution.change(position).id
        detail = "" if planned in (None, work.id) else f"Another work than forecast ({planned}): the queue moved."
        execution.settle(position, Outcome.DONE, id=work.id, new_id=work.id, after=work, detail=detail)
        execution.writer.line("before", position=position, work=as_it_was(record, head.get(work.id or "")))


def as_it_was(record: Mapping[str, Any], seen: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a claimed work as it was before: as it was seen at the head of the queue, else as far as can be told."""
    attempt = record.get("attempt")
    if not isinstance(attempt, int) or isinstance(attempt, bool):
        attempt = None
    if seen is not None and (attempt is None or seen.get("attempt") == attempt - 1):
        # the rest as it was claimed: someone may have changed it between the look and the claim
        return {name: seen.get(name) if name in OF_THE_SERVICE else value for name, value in record.items()}
    before = {**record, "status": "queued"}
    if attempt is not None:
        before["attempt"] = max(attempt - 1, 0)
    return {**before, "start": None}
