"""Withdraw one work: forecast by reading, claim by one request that is never repeated, keep the work as it was before.

A claimed work is ended by its holder as a success or a failure, or is given back: that undoes its withdrawal, and
status, attempt and times are again as they were before the claim.
"""

from __future__ import annotations

import json
import operator
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes import drawing
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution, Item
from bucketsnb.changes.guarded import PutExecutor, ReplyKind, ask, settle_unsent
from bucketsnb.changes.journal import RecordedWork
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import ChangeWarning, PlanLimits, Targets, read_works, refuse_read_only
from bucketsnb.changes.verbs.base import SET_BY_SERVICE, Verb, new_plan, refuse_unfit
from bucketsnb.changes.verbs.update import UpdatePlan, no_field
from bucketsnb.display.texts import age, count_of, format_time, truncate
from bucketsnb.encoding import encode, encode_works
from bucketsnb.errors import BucketsError, PlanError, QueryError
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE, PARENT_PATH, value_problems

__all__ = ["Claim", "Names", "NotEnded", "Withdraw", "WithdrawPlan", "plan_claim", "plan_withdraw", "withdrawal"]

_CANDIDATES = 20
"""Works at the head of the queue that are read before a claim, so that the one claimed can be given back as it was."""

_ORDER = ("id", "priority", "creation")

Names = str | Iterable[str]
Record = Mapping[str, Any]


# --- plan ---


class WithdrawPlan(Plan):
    """A forecast of which work a withdrawal would claim; if others claim works meanwhile, it may be another one."""

    verb = "withdraw"
    done_word = "claimed"
    unknown_is_lost = True

    def _pipelines(self) -> Sequence[Any]:
        return json.loads(self.query)["pipeline"]["$in"] if self.changes else ()


def withdrawal(
    pipeline: Names,
    event: int | Iterable[int] | None = None,
    site: str | None = None,
    priority: int | None = None,
    user: str | None = None,
    tags: Names | None = None,
    parent: Names | None = None,
) -> dict[str, Any]:
    """Return the query document of a withdrawal, with a condition for each filter that is given.

    Raises
    ------
    QueryError
        If a filter is empty or no work could match it: the service would take it for no condition at all.

    Examples
    --------
    >>> withdrawal("intensity-ml", tags=["low"])
    {'pipeline': {'$in': ['intensity-ml']}, 'tags': {'$in': ['low']}}
    """
    given = {
        "pipeline": pipeline,
        "site": site,
        "priority": priority,
        "user": user,
        "event": event,
        "tags": tags,
        "parent": parent,
    }
    document = {
        PARENT_PATH if name == "parent" else name: _condition(name, value)
        for name, value in given.items()
        if value is not None or name == "pipeline"
    }
    plain: dict[str, Any] = json.loads(encode(document))
    return plain


def _condition(name: str, value: Any) -> Any:
    if name in ("site", "priority", "user"):
        return _read(name, value)
    is_one = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
    values = [value] if is_one else list(value)
    return {"$in": [_read(name, item) for item in values or [value]]}  # an empty list is refused as a value


def _read(name: str, value: Any) -> Any:
    """Return one value of a filter; raise QueryError for a value that no work could have."""
    if name in ("event", "priority") and hasattr(value, "__index__") and not isinstance(value, bool):
        value = operator.index(value)
    if name == "priority":
        wrong = list(map(str, value_problems(FIELDS[name], value, name)))
    else:
        is_fit = type(value) is int if name == "event" else isinstance(value, str) and value
        wrong = [] if is_fit else [f"{name}={truncate(repr(value), 40)} names nothing that a work could have"]
    if wrong:
        hint = "Name at least one." if name == "pipeline" else "Leave it out (None) to take any."
        raise QueryError(f"{wrong[0]}. {hint} Nothing was sent.")
    return value


def forecast(api: Api, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the queued works that would be claimed next, 20 at most: the highest priority first, then the oldest."""
    queued = api.view({**document, "status": "queued"}, dict.fromkeys(_ORDER, True), limit=None)
    first = sorted(queued, key=_rank)[:_CANDIDATES]
    return list(read_works(api, [record["id"] for record in first if isinstance(record.get("id"), str)]))


def _rank(record: Mapping[str, Any]) -> tuple[float, float]:
    priority, creation = record.get("priority"), record.get("creation")
    return (
        -priority if isinstance(priority, int | float) else float("inf"),
        creation if isinstance(creation, int | float) else float("-inf"),
    )


def plan_claim(context: Context, document: Mapping[str, Any], *, look_first: bool) -> WithdrawPlan:
    """Plan to claim one work without a forecast: this is what :meth:`bucketsnb.client.Buckets.withdraw` does."""
    refuse_read_only(context.api)
    executor, targets = WithdrawExecutor(document, look_first=look_first), _targets(document)
    return new_plan(WithdrawPlan, context, executor, [Change(None, None)], targets, "", PlanLimits())


def plan_withdraw(
    context: Context, document: Mapping[str, Any], *, reason: str = "", expires_after: float
) -> WithdrawPlan:
    """Plan to claim one work; see :meth:`bucketsnb.client.Buckets.plan_withdraw`."""
    refuse_read_only(context.api)
    candidates = forecast(context.api, document)
    notes = ["A forecast: whoever claims meanwhile is served first, and then another work, or none, is claimed."]
    if len(candidates) > 1:
        notes.append(f"After it come {count_of(len(candidates) - 1, 'more work')} that were looked at.")
    claimed = {"status": "running", "start": context.api.now()}
    changes = [
        Change(WorkSnapshot.of(work), WorkSnapshot.of({**work, **claimed, "attempt": (_attempt(work) or 0) + 1}))
        for work in candidates[:1]
    ]
    executor, limits = WithdrawExecutor(document), PlanLimits(expires_after=expires_after)
    return new_plan(WithdrawPlan, context, executor, changes, _targets(document), reason, limits, notes)


def _targets(document: Mapping[str, Any]) -> Targets:
    return Targets(query=json.dumps(document, ensure_ascii=False))


def _attempt(record: Mapping[str, Any]) -> int | None:
    attempt = record.get("attempt")
    return attempt if isinstance(attempt, int) and not isinstance(attempt, bool) else None


# --- act ---


@dataclass(frozen=True)
class WithdrawExecutor(ChunkExecutor):
    """Claims the first queued work that matches a document, by one request.

    With `look_first`, the head of the queue is read before, so that the work can be given back exactly as it was.
    """

    document: Mapping[str, Any]
    look_first: bool = True

    size = 1

    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Claim one work; a claim with an unknown outcome is never repeated."""
        (item,) = items
        if item.outcome is Outcome.UNKNOWN:
            execution.notes.append("The claim may have been made; it is not repeated. Look for running works.")
            return None
        candidates = forecast(execution.api, self.document) if self.look_first else []
        head = {record["id"]: record for record in candidates}
        execution.announce(items, None, None, query=self.document, at_head=candidates)
        reply = ask(execution, lambda: execution.api.withdraw(self.document))
        if reply.kind is ReplyKind.YES:
            _settle(execution, item, reply.value, head)
        elif reply.kind is ReplyKind.FAILED:
            item.settle(Outcome.REFUSED, detail=reply.why)
        else:
            settle_unsent(items, reply)
        return reply.error


def _settle(execution: Execution, item: Item, record: Record | None, head: Mapping[str, Record]) -> None:
    if record is None:
        item.settle(Outcome.GONE, detail="Nothing was queued any more that matches.")
        return
    given = record.get("id")
    work_id = given if isinstance(given, str) and given else None
    detail = "" if item.id in ("", work_id) else f"Another work than forecast ({item.id}): the queue moved."
    item.settle(Outcome.DONE, record, work_id=work_id, new_id=work_id, detail=detail)
    execution.writer.line("before", position=item.position, work=as_it_was(record, head.get(work_id or "")))


def as_it_was(record: Mapping[str, Any], seen: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a claimed work as it was before: with the values of `seen`, read before the claim, or else inferred."""
    attempt = _attempt(record)
    if seen is not None and (attempt is None or seen.get("attempt") == attempt - 1):
        # other fields as claimed: someone may have changed them between the read and the claim
        return {name: seen.get(name) if name in SET_BY_SERVICE else value for name, value in record.items()}
    before = {**record, "status": "queued"}
    if attempt is not None:
        before["attempt"] = max(attempt - 1, 0)
    return {**before, "start": None}


# --- a claimed work ---


class NotEnded(ChangeWarning):
    """A claimed work was ended neither as a success nor as a failure, or could not be given back."""


class Claim(drawing.Drawn):
    """One work that was claimed, or none if no queued work matched (then the claim is false).

    At the end of a ``with`` block the work is given back unless :meth:`success` or :meth:`failure` has ended it.
    """

    def __init__(self, context: Context, receipt: Receipt | None) -> None:
        self._context = context
        result = receipt.results[0] if receipt is not None and receipt.results else None
        self._work = result.after if result is not None and result.outcome is Outcome.DONE else None
        self._entry = receipt.entry if receipt is not None else ""
        self.receipt: Receipt | None = None
        """What became of the work at its end; `None` while it is held."""

    @property
    def work(self) -> dict[str, Any] | None:
        """The record as the service gave it, or `None` if nothing was claimed."""
        return None if self._work is None else self._work.record

    @property
    def held(self) -> bool:
        """Whether the work is still held."""
        return self._work is not None and self.receipt is None

    @property
    def remaining(self) -> float:
        """Seconds until the timeout of the work, negative after it; infinite if its start or timeout is not known."""
        work = self.work or {}
        start, timeout = work.get("start"), work.get("timeout")
        if not isinstance(start, int | float) or not isinstance(timeout, int | float):
            return float("inf")
        return start + timeout - self._context.api.now()

    def success(self, results: Mapping[str, Any] | None = None, **fields: Any) -> Receipt:
        """End the work as a success.

        Parameters
        ----------
        results
            What the work produced; by default, the results that it has are kept.
        **fields
            Other fields to set, such as ``products=[...]`` and ``plots=[...]``.

        Raises
        ------
        PlanError
            If nothing is held, or someone else has changed the work; nothing was changed.
        WorkError
            If a value cannot be sent or set; the work is still held.
        ServiceError
            If a request failed.
        """
        return self._end("success", results, fields)

    def failure(self, results: Mapping[str, Any] | str | None = None, **fields: Any) -> Receipt:
        """End the work as a failure; see :meth:`success`. A text means the results ``{"error": text}``."""
        return self._end("failure", {"error": results} if isinstance(results, str) else results, fields)

    def give_back(self) -> Receipt:
        """Put the work back as it was before the claim, with its times; the errors are those of :meth:`success`."""
        self._held()
        return self._ended(self._context.undo(self._entry).apply())

    def _end(self, status: str, results: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> Receipt:
        work = self._held()
        for name in fields:
            if name not in FIELDS or name in LEFT_TO_THE_SERVICE:
                raise no_field(name)
        cells = {"status": status, "stop": self._context.api.now(), **fields}
        if results is not None:
            cells["results"] = results
        refuse_unfit(work.record, cells, 0)
        after = encode_works([{**work.record, **cells}], verb="update")[1][0]
        reason = f"end of the work claimed by {self._entry}"
        changes = [Change(work, WorkSnapshot.of(after))]
        plan = new_plan(UpdatePlan, self._context, PutExecutor(), changes, Targets(), reason, PlanLimits())
        return self._ended(plan.apply())

    def _held(self) -> WorkSnapshot:
        if self._work is None:
            raise PlanError("Nothing was claimed: the queue had no work that matches.")
        if self.receipt is not None:
            raise PlanError(f"The work was ended before: {self.receipt.summary}.")
        return self._work

    def _ended(self, receipt: Receipt) -> Receipt:
        if receipt.errors:
            receipt.raise_for_outcome()
        if not receipt.ok:
            result = receipt.results[0]
            raise PlanError(
                f"The work was moved by someone else, so it was left alone ({result.outcome.value}): {result.detail}"
            )
        self.receipt = receipt
        return receipt

    def __bool__(self) -> bool:
        return self._work is not None

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.held:
            return
        try:
            self.give_back()
        except BucketsError as problem:
            warnings.warn(f"The claimed work could not be given back. {problem}", NotEnded, stacklevel=2)
        else:
            if error is None:
                message = "The block ended without success() or failure(), so the work was given back."
                warnings.warn(message, NotEnded, stacklevel=2)

    @property
    def summary(self) -> str:
        """The work, and whether it is held, on one line."""
        if self._work is None:
            return "nothing was queued that matches"
        name = f"work {self._work.id} of {drawing.word(self._work.pipeline)}"
        return f"{name}, {'held' if self.held else 'ended'}"

    def _facts(self) -> list[tuple[str, str]]:
        work = self.work
        if work is None:
            return []
        start, remaining = work.get("start"), self.remaining
        facts = [
            ("status", drawing.word(work.get("status"))),
            ("attempt", drawing.word(work.get("attempt"))),
            ("claimed", format_time(start) if isinstance(start, int | float) else ""),
            ("time left", age(remaining) if self.held and remaining != float("inf") else ""),
            ("journal", self._entry),
        ]
        return [(label, fact) for label, fact in facts if fact]


# --- inverse ---


class Withdraw(Verb):
    """An undo gives a claimed work back as it was."""

    plan = WithdrawPlan
    service_gives_ids = True

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return the work as it was claimed."""
        return work.left or work.after

    def original(self, work: RecordedWork) -> Mapping[str, Any]:
        """Return the work as it was before; if an interruption kept that out of the journal, as inferred."""
        return as_it_was(self.made(work) or {}, None) if work.before is None else work.before
