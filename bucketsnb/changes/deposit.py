"""Deposit works once: one request a chunk, and a lost answer is settled by looking, never by sending again.

Works carry creation times that differ from each other, so that they can be looked for: by pipeline and creation, and
then by what they are. Where a work with the same creation may be in the store already (its creation is old, or this
process has deposited it before), a look before sending tells the older copy from the new work.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.build import made, old_works
from bucketsnb.changes.execution import Context, Execution, look
from bucketsnb.changes.plan import DepositPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.rows import EARLIER_LIFE, checked
from bucketsnb.changes.settle import PAUSES, Reply, ReplyKind, ask
from bucketsnb.changes.snapshot import Change, WorkSnapshot, written
from bucketsnb.changes.tables import Source, read_table
from bucketsnb.changes.targets import Limits, Targets, check_count, refuse_read_only
from bucketsnb.display.texts import count_of
from bucketsnb.encoding import Verb, encode_works
from bucketsnb.errors import Cure, Note, OutcomeUnknown, ServiceError

__all__ = ["LOST_PAUSES", "DepositAct", "check_of", "find", "match", "plan_deposit", "plan_raw"]

LOST_PAUSES = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each look for works whose deposit was not answered: a slow service may still be storing them."""

FRESH = 60.0
"""Seconds within which a creation time is taken to be nobody else's."""

_STABLE = ("site", "user", "function", "parameters", "command", "event", "tags")

Record = Mapping[str, Any]


def plan_deposit(
    context: Context,
    source: Source,
    *,
    fresh: bool = False,
    skip_bad: bool = False,
    reason: str = "",
    limits: Limits | None = None,
) -> DepositPlan:
    """Plan to deposit works; see :meth:`bucketsnb.client.Buckets.plan_deposit`."""
    limits = limits or Limits()
    refuse_read_only(context.api)
    table = read_table(source)
    found = checked(table, fresh=fresh)
    check_count(len(found.works), limits)
    bad = tuple((one.row, one.field, one.problem) for one in found.problems)
    lines = {row: line for row, line in table.line_of.items() if row in set(found.bad)}
    return _made(context, found.works, reason, limits, table.notes, bad=bad, lines=lines, skip_bad=skip_bad)


def plan_raw(context: Context, works: Iterable[Any]) -> DepositPlan:
    """Plan to deposit works just as they are given: what :meth:`bucketsnb.client.Buckets.deposit` does."""
    refuse_read_only(context.api)
    return _made(context, encode_works(works, verb="deposit")[1], "", Limits())


def _made(
    context: Context, works: Iterable[Record], reason: str, limits: Limits, said: Iterable[str] = (), **more: Any
) -> DepositPlan:
    works = list(works)
    changes = [Change(None, WorkSnapshot.of(work)) for work in works]
    targets = Targets([change.work for change in changes])
    undo = ["Undo deletes them again, those that no worker has claimed by then."] if changes else []
    notes = [*undo, *_earlier_lives(works, context.api.clock.now()), *said]
    return made(DepositPlan, context, DepositAct(), changes, targets, reason, limits, notes, **more)


def _earlier_lives(works: Sequence[Record], now: float) -> list[str]:
    """Say what works bring along that new ones have not: old copies end otherwise than people expect."""
    old = old_works(works, now)
    lived = [work for work in works if any(work.get(name) is not None for name in EARLIER_LIFE)]
    again = sum(bool(work.get("attempt")) for work in works)
    notes = list(old)
    if lived:
        names = [name for name in EARLIER_LIFE if any(work.get(name) is not None for work in lived)]
        carry = "carries" if len(lived) == 1 else "carry"
        notes.append(f"{len(lived):,} of them {carry} {', '.join(names)} of an earlier life.")
    if again:
        notes.append(f"{again:,} of them {'begins' if again == 1 else 'begin'} with attempts already counted.")
    if notes:
        notes[-1] = Note(notes[-1], Cure.DEPOSIT_FRESH)
    return notes


class DepositAct:
    """Put works into the queue.

    Parameters
    ----------
    verb
        What the works are checked for.
    once
        Whether to leave out works that are in the queue already: of a plan that others may have applied elsewhere.
    """

    size = 500

    def __init__(self, verb: Verb = "deposit", *, once: bool = False) -> None:
        self._verb: Verb = verb
        self._once = once
        self._present: set[str] = set()

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Do one chunk; works of an unknown outcome are only looked for."""
        unsure = [position for position in positions if execution.results[position].outcome is Outcome.UNKNOWN]
        going = [position for position in positions if execution.results[position].outcome is Outcome.NOT_SENT]
        error = self._settle(execution, unsure, Reply(ReplyKind.SILENCE)) if unsure else None
        if self._once:
            going = _not_there(execution, going)
        if going:
            error = self._send(execution, going) or error
        execution.record(positions)
        if error is not None:
            raise error

    def _send(self, execution: Execution, going: Sequence[int]) -> Exception | None:
        works = [_sent(execution, position) for position in going]
        self._present |= _present(execution.api, works)
        execution.announce(going, None, map(written, works), present=sorted(self._present))
        _SENT.add(_keys(execution.api, works))
        return self._settle(
            execution, going, ask(execution, lambda: execution.api.deposit(works, return_ids=True, verb=self._verb))
        )

    def _settle(self, execution: Execution, going: Sequence[int], reply: Reply) -> Exception | None:
        """Say what became of each work; return the error that is left, if any."""
        if reply.kind in (ReplyKind.NO, ReplyKind.NEVER_ASKED):
            outcome = Outcome.REFUSED if reply.kind is ReplyKind.NO else Outcome.NOT_SENT
            for position in going:
                execution.settle(position, outcome, detail=reply.why)
            return reply.error
        ids = reply.value if reply.kind is ReplyKind.YES and isinstance(reply.value, list) else None
        left = self._look(execution, going, ids)
        return _unsettled(execution, left, reply) if left else None

    def _look(self, execution: Execution, going: Sequence[int], ids: Sequence[str] | None) -> list[int]:
        left = list(going)
        for pause in PAUSES if ids else LOST_PAUSES:
            time.sleep(pause)
            try:
                found = self._found(execution, going, left, ids)
            except ServiceError as error:
                execution.errors.append(error)
                return left
            for position, record in found.items():
                execution.settle(
                    position, Outcome.DONE, id=record["id"], new_id=record["id"], after=WorkSnapshot.of(record)
                )
            left = [position for position in left if position not in found]
            if not left:
                break
        return left

    def _found(
        self, execution: Execution, going: Sequence[int], left: Sequence[int], ids: Sequence[str] | None
    ) -> dict[int, dict[str, Any]]:
        if ids is not None:
            by_id = dict(zip(going, ids, strict=True))
            records = look(execution.api, [by_id[position] for position in left])
            return {position: records[by_id[position]] for position in left if by_id[position] in records}
        works = [_sent(execution, position) for position in left]
        matched = match(works, find(execution.api, works), self._present)
        return {left[place]: record for place, record in matched.items()}


def _not_there(execution: Execution, positions: Sequence[int]) -> list[int]:
    """Return the works that are not in the queue yet; say of the others that they are."""
    works = [_sent(execution, position) for position in positions]
    taken = [result.new_id for result in execution.results if result.new_id]
    there = match(works, find(execution.api, works), taken)
    for place, record in there.items():
        detail = f"It is in the queue already, under the id {record['id']}: left alone."
        execution.settle(positions[place], Outcome.DRIFTED, after=WorkSnapshot.of(record), detail=detail)
    return [position for place, position in enumerate(positions) if place not in there]


def _sent(execution: Execution, position: int) -> dict[str, Any]:
    after = execution.change(position).after
    return {} if after is None else after.record


def _unsettled(execution: Execution, left: Sequence[int], reply: Reply) -> Exception:
    if reply.kind is ReplyKind.FAILED and reply.error is not None:
        for position in left:
            execution.settle(position, Outcome.REFUSED, detail=f"Not found on looking. {reply.why}")
        return reply.error
    found = [result.new_id for result in execution.results if result.outcome is Outcome.DONE and result.new_id]
    said = f"The service {reply.heard}"
    for position in left:
        execution.settle(position, Outcome.UNKNOWN, detail=f"{said}, and the work was not found on looking.")
    works = [_sent(execution, position) for position in left]
    return OutcomeUnknown(
        f"{said} to a deposit, and {count_of(len(left), 'work')} of it could not be found on "
        "looking. They may still appear.",
        cure=Cure.LOOK_FIRST,
        value="error.check",
        check=check_of(works),
        found=found,
        method="POST",
        path="/work",
        url=execution.plan.url,
        status=getattr(reply.error, "status", None),
    )


def check_of(works: Iterable[Record]) -> dict[str, Any]:
    """Return the query document that finds works by pipeline and creation."""
    works = list(works)
    pipelines = sorted({str(work.get("pipeline")) for work in works})
    return {"creation": {"$in": [work.get("creation") for work in works]}, "pipeline": {"$in": pipelines}}


def find(api: Api, works: Sequence[Record]) -> list[dict[str, Any]]:
    """Read the works that may be these."""
    return api.view(check_of(works), limit=None) if works else []


def match(
    works: Sequence[Record], found: Iterable[dict[str, Any]], but: Iterable[str] = ()
) -> dict[int, dict[str, Any]]:
    """Tell which work that was sent is which that was found, by its place; ids in `but` were there before.

    What a worker may have changed since (status, times, results) is not compared.
    """
    taken = set(but)
    matched: dict[int, dict[str, Any]] = {}
    by_creation: dict[Any, list[dict[str, Any]]] = {}
    for record in found:
        if isinstance(record.get("id"), str) and isinstance(made_at := record.get("creation"), int | float):
            by_creation.setdefault(made_at, []).append(record)
    for place, work in enumerate(works):
        alike = by_creation.get(work.get("creation"), ())
        hit = next((one for one in alike if one["id"] not in taken and _is(work, one)), None)
        if hit is not None:
            matched[place] = hit
            taken.add(hit["id"])
    return matched


def _is(work: Record, record: Record) -> bool:
    return all(record.get(name) == work[name] for name in ("pipeline", *_STABLE) if name in work)


def _present(api: Api, works: Sequence[Record]) -> set[str]:
    """Return ids of works with such a creation that are in the store already, where there may be any."""
    now = api.clock.now()
    known = _SENT.known(_keys(api, works))
    doubtful = [
        work for work, was in zip(works, known, strict=True) if was or abs(now - float(work["creation"])) > FRESH
    ]
    return {record["id"] for record in find(api, doubtful) if isinstance(record.get("id"), str)}


def _keys(api: Api, works: Iterable[Record]) -> list[tuple[Any, ...]]:
    return [(api.url, work.get("pipeline"), work.get("creation")) for work in works]


class _Sent:
    """What this process has deposited, as far as it remembers."""

    MOST = 100_000

    def __init__(self) -> None:
        self._keys: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self.unlock()

    def unlock(self) -> None:
        """Be free: in a forked process, the thread that held this is not there to let go of it."""
        self._lock = threading.Lock()

    def add(self, keys: Iterable[tuple[Any, ...]]) -> None:
        with self._lock:
            self._keys.update(dict.fromkeys(keys))
            while len(self._keys) > self.MOST:
                self._keys.popitem(last=False)

    def known(self, keys: Iterable[tuple[Any, ...]]) -> list[bool]:
        with self._lock:
            return [key in self._keys for key in keys]


_SENT = _Sent()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SENT.unlock)
