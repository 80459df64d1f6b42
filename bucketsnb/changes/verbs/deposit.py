"""Deposit works once: one request per chunk. If the answer is lost, the works are searched for, never sent again.

The creation times of works differ, so that they can be found by pipeline and creation, and then by their other fields.
If a work with the same creation may be in the store already (its creation is old, or this process has deposited it
before), such works are read before the deposit, so that they are not taken for the new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from bucketsnb import frames
from bucketsnb.addresses import without_login
from bucketsnb.api import Api, chunks
from bucketsnb.changes import drawing
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution, Item
from bucketsnb.changes.guarded import Reply, ReplyKind, ask, look_until, read_back, settle_unsent
from bucketsnb.changes.journal import Entry, RecordedWork
from bucketsnb.changes.plan import Plan, UndoPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, written
from bucketsnb.changes.tables import EARLIER_LIFE, RowProblem, Source, read_rows
from bucketsnb.changes.targets import PlanLimits, Targets, check_count, check_of, find, match, refuse_read_only
from bucketsnb.changes.verbs.base import CurrentRecords, Verb, new_plan, old_works
from bucketsnb.changes.verbs.delete import DeleteExecutor
from bucketsnb.display.texts import count_of
from bucketsnb.encoding import encode_works
from bucketsnb.errors import BucketsError, Cure, Note, OutcomeUnknown, WorkError

__all__ = ["Deposit", "DepositExecutor", "DepositPlan", "plan_deposit", "plan_raw"]

FRESH = 60.0
"""Seconds for which a new creation time counts as unique."""

Record = Mapping[str, Any]


# --- plan ---


@dataclass(frozen=True, repr=False, kw_only=True)
class DepositPlan(Plan):
    """Works that will be put into the queue.

    Attributes
    ----------
    bad
        Problems of rows: `row` (from 0), `field`, `problem`, and `line` of the text (from 1) if the source is a text.
    skip_bad
        Whether to deposit the other rows nevertheless.
    """

    bad: tuple[RowProblem, ...] = ()
    skip_bad: bool = False

    verb = "deposit"
    done_word = "deposited"
    preposition = "to"

    @property
    def problems(self) -> pd.DataFrame:
        """One row per problem: row (from 0), field, problem, and line of the text (from 1) if the source is a text."""
        text = pd.StringDtype("python")
        frame = frames.SummaryFrame(list(self.bad), columns=RowProblem._fields)
        return frame.astype({"row": "int64", "field": text, "problem": text, "line": "Int64"})

    def _check(self) -> None:
        if self.bad and not self.skip_bad:
            row, name, problem, line = self.bad[0]
            where = f"Row {row}" if line is None else f"Row {row} (line {line})"
            named = f"{name} {problem}" if name else problem
            raise WorkError(
                f"{self._bad_rows}, so nothing was sent. {where}: {named.rstrip('.')}. See plan.problems; pass "
                "skip_bad=True to deposit the others.",
                index=row,
                field=name or None,
            )

    @property
    def _bad_rows(self) -> str:
        rows = len({problem.row for problem in self.bad})
        return f"{count_of(rows, 'row')} {'is' if rows == 1 else 'are'} bad"

    def _facts(self) -> list[tuple[str, str]]:
        going = "left out" if self.skip_bad else "nothing will be sent until they are corrected, or skip_bad=True"
        return [*([("bad rows", f"{self._bad_rows}: {going}")] if self.bad else []), *super()._facts()]

    def _rows(self) -> drawing.Details:
        if not self.bad:
            return super()._rows()
        rows = [(row, line or "", name, problem) for row, name, problem, line in self.bad]
        return drawing.Details("Bad rows", ("row", "line", "field", "problem"), rows, trouble=True)


def plan_deposit(
    context: Context,
    source: Source,
    *,
    fresh: bool = False,
    skip_bad: bool = False,
    reason: str = "",
    limits: PlanLimits,
) -> DepositPlan:
    """Plan to deposit works; see :meth:`bucketsnb.client.Buckets.plan_deposit`."""
    refuse_read_only(context.api)
    rows = read_rows(source, fresh=fresh)
    check_count(len(rows.works), limits)
    bad = tuple(rows.problems)
    return _plan_of_works(context, rows.works, reason, limits, rows.notes, bad=bad, skip_bad=skip_bad)


def plan_raw(context: Context, works: Iterable[Any]) -> DepositPlan:
    """Plan to deposit works as they are given: this is what :meth:`bucketsnb.client.Buckets.deposit` does."""
    refuse_read_only(context.api)
    return _plan_of_works(context, encode_works(works, verb="deposit")[1], "", PlanLimits())


def _plan_of_works(
    context: Context,
    works: Iterable[Record],
    reason: str,
    limits: PlanLimits,
    more_notes: Iterable[str] = (),
    **more: Any,
) -> DepositPlan:
    works = list(works)
    changes = [Change(None, WorkSnapshot.of(work)) for work in works]
    undo = ["Undo deletes them again, except those that a worker has claimed in the meantime."] if changes else []
    notes = [*undo, *_earlier_lives(works, context.api.clock.now()), *more_notes]
    return new_plan(DepositPlan, context, DepositExecutor(), changes, Targets(), reason, limits, notes, **more)


def _earlier_lives(works: Sequence[Record], now: float) -> list[str]:
    """Return notes on works that are old or were run before: copies of them may not run as expected."""
    notes = old_works(works, now)
    names = [name for name in EARLIER_LIFE if any(work.get(name) is not None for work in works)]
    lived = sum(any(work.get(name) is not None for name in names) for work in works)
    again = sum(bool(work.get("attempt")) for work in works)
    if lived:
        notes.append(f"{lived:,} of them {'carries' if lived == 1 else 'carry'} {', '.join(names)} of an earlier life.")
    if again:
        notes.append(f"{again:,} of them {'begins' if again == 1 else 'begin'} with attempts already counted.")
    return [*notes[:-1], Note(notes[-1], Cure.DEPOSIT_FRESH)] if notes else []


# --- act ---


class DepositExecutor(ChunkExecutor):
    """Puts works into the queue."""

    size = 500
    once = False
    """Whether to send only works that are not in the store yet."""

    def __init__(self) -> None:
        self._present: set[str] = set()

    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Do one chunk; works with an unknown outcome are only searched for."""
        unsure = [item for item in items if item.outcome is Outcome.UNKNOWN]
        going = [item for item in items if item.outcome is Outcome.NOT_SENT]
        error = self._settle(execution, unsure, Reply(ReplyKind.SILENCE)) if unsure else None
        if self.once:
            going = _not_there(execution, going)
        return (self._send(execution, going) if going else None) or error

    def _send(self, execution: Execution, going: Sequence[Item]) -> BucketsError | None:
        works = [item.record for item in going]
        self._present |= _present(execution.api, works)
        execution.announce(going, None, map(written, works), present=sorted(self._present))
        _remember(execution.api, works)
        reply = ask(execution, lambda: execution.api.deposit(works, return_ids=True, verb="deposit"))
        return self._settle(execution, going, reply)

    def _settle(self, execution: Execution, going: Sequence[Item], reply: Reply) -> BucketsError | None:
        """Settle each work by the id in the reply or by its content; return the remaining error, if any."""
        if settle_unsent(going, reply):
            return reply.error
        if reply.kind is ReplyKind.YES and isinstance(reply.value, list):
            left = read_back(execution, dict(zip(going, reply.value, strict=True)), _found)
        else:
            left = look_until(execution, going, partial(self._look, execution), lost=True)
        return _unsettled(execution, left, reply) if left else None

    def _look(self, execution: Execution, left: list[Item]) -> list[Item]:
        """Search for works by their content; return those not found."""
        works = [item.record for item in left]
        matched = match(works, find(execution.api, works), self._present)
        for place, record in matched.items():
            _found(left[place], record)
        return [item for place, item in enumerate(left) if place not in matched]


class DepositOnceExecutor(DepositExecutor):
    """Puts works into the queue by a plan from a file, which may have been applied on another machine already."""

    once = True


def _found(item: Item, record: Record | None) -> None:
    if record is not None:
        item.settle(Outcome.DONE, record, new_id=record["id"])


def _not_there(execution: Execution, items: Sequence[Item]) -> list[Item]:
    """Return the works that are not in the store yet; settle the others."""
    works = [item.record for item in items]
    there = match(works, find(execution.api, works), [item.new_id for item in execution.items if item.new_id])
    for place, record in there.items():
        detail = f"It is in the queue already, under the id {record['id']}: left alone."
        items[place].settle(Outcome.DRIFTED, record, detail=detail)
    return [item for place, item in enumerate(items) if place not in there]


def _unsettled(execution: Execution, left: Sequence[Item], reply: Reply) -> BucketsError:
    if reply.kind is ReplyKind.FAILED and reply.error is not None:
        for item in left:
            item.settle(Outcome.REFUSED, detail=f"Not found on looking. {reply.why}")
        return reply.error
    answer = f"The service {reply.heard}"
    for item in left:
        item.settle(Outcome.UNKNOWN, detail=f"{answer}, and the work was not found on looking.")
    return OutcomeUnknown(
        f"{answer} to a deposit, and {count_of(len(left), 'work')} of it could not be found on "
        "looking. They may still appear.",
        cure=Cure.LOOK_FIRST,
        value="error.check",
        check=check_of([item.record for item in left]),
        found=[item.new_id for item in execution.items if item.done and item.new_id],
        method="POST",
        path="/work",
        url=without_login(execution.api.url),
        status=getattr(reply.error, "status", None),
    )


def _present(api: Api, works: Sequence[Record]) -> set[str]:
    """Return ids of stored works with the pipeline and creation of a work whose creation may not be unique."""
    now = api.clock.now()
    doubtful = [work for work in works if _key(api, work) in _DEPOSITED or abs(now - float(work["creation"])) > FRESH]
    return {record["id"] for record in find(api, doubtful) if isinstance(record.get("id"), str)}


def _remember(api: Api, works: Iterable[Record]) -> None:
    _DEPOSITED.update(_key(api, work) for work in works)
    if len(_DEPOSITED) > _MOST:  # works with older creation times are searched for anyway
        now = api.clock.now()
        _DEPOSITED.difference_update([key for key in tuple(_DEPOSITED) if abs(now - key[2]) > FRESH])


def _key(api: Api, work: Record) -> tuple[str, str, float]:
    return api.url, str(work.get("pipeline")), float(work["creation"])


_MOST = 100_000

_DEPOSITED: set[tuple[str, str, float]] = set()
"""Address, pipeline and creation of works that this process has deposited; threads and forks need no lock for it."""


# --- inverse ---


class UndoDepositPlan(UndoPlan):
    """Works that were deposited and will be deleted again."""

    done_word = "deleted"
    removes = True
    _what = "delete"


class Deposit(Verb):
    """An undo deletes deposited works again."""

    plan = DepositPlan
    chunk_executor = DepositOnceExecutor
    undo_executor = DeleteExecutor
    undo_plan = UndoDepositPlan
    service_gives_ids = True
    undo_notes = ("Works that a worker has claimed since are left alone.",)

    def count_done(self, api: Api, changes: Sequence[Change]) -> int:
        """Return how many works are in the store already."""
        works = [change.work.record for change in changes]
        return len(match(works, find(api, works)))

    def look_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> CurrentRecords:
        """Search for works whose deposit was not answered; record the ids of those that are found in `works`."""
        lost = [work for work in works if work.outcome is Outcome.UNKNOWN and work.after is not None]
        taken = {*entry.present, *(work.new_id for work in works if work.new_id)}
        for chunk in chunks(lost, DepositExecutor.size):
            sent = [work.after or {} for work in chunk]
            for place, record in match(sent, find(api, sent), taken).items():
                chunk[place].id = chunk[place].new_id = record["id"]
                chunk[place].left = record
                taken.add(record["id"])
        return {}

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return a work as it was before any worker claimed it."""
        left, after = work.left or work.after, work.after or {}
        return None if left is None else {**left, "status": "queued", "attempt": after.get("attempt") or 0}

    def inverse(self, work: RecordedWork) -> Change:
        """Return the removal of a work."""
        return Change(WorkSnapshot.of(self.made(work) or {}), None)
