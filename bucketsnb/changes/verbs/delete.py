"""Delete works by id; an undo puts them back as they were, and no worker can claim them meanwhile.

A deposited work is always queued. So an undo deposits works under a holding pipeline, whose name no worker asks for,
and an update then puts everything back, pipeline and status too. The new ids are in the journal before that update;
after a crash between the two, the works are found by the holding pipeline, which only this undo uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bucketsnb.api import DELETE_CHUNK, Api, chunks
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution, Item
from bucketsnb.changes.guarded import (
    UNCHANGED,
    GuardedExecutor,
    Reply,
    ReplyKind,
    ask,
    look_until,
    read_back,
    send_in_halves,
    settle_unsent,
)
from bucketsnb.changes.journal import Entry, RecordedWork
from bucketsnb.changes.plan import LeftOut, Plan, Reason
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.service import evidence
from bucketsnb.changes.snapshot import Change, WorkSnapshot, what_differs, written
from bucketsnb.changes.targets import PlanLimits, WorkSelector, check_running, find, look, match, resolve_targets
from bucketsnb.changes.verbs.base import CurrentRecords, Verb, new_plan
from bucketsnb.encoding import encode_works
from bucketsnb.errors import BucketsError, WorkError
from bucketsnb.schema import FIELDS, QUEUE_FIELDS, TIME_FIELDS, queue_problems, value_problems

__all__ = ["HOLDING", "Delete", "DeleteExecutor", "DeletePlan", "plan_delete"]

Record = Mapping[str, Any]


# --- plan ---


class DeletePlan(Plan):
    """Works that will be removed from the service."""

    verb = "delete"
    done_word = "deleted"
    removes = True


_NEW_IDS = (
    "Undo puts deleted works back under new ids; where an old id is written down, as in parent, it stays the old one."
)


def plan_delete(
    context: Context,
    selector: WorkSelector,
    *,
    reason: str = "",
    limits: PlanLimits,
    limit: int | None = None,
) -> DeletePlan:
    """Plan to delete works; see :meth:`bucketsnb.client.Buckets.plan_delete`."""
    targets = resolve_targets(context.api, selector, limits, limit=limit)
    check_running(targets.works, limits)
    changes = [Change(work, None) for work in targets.works]
    notes = [_NEW_IDS, *_notes_of_old_shapes([work.record for work in targets.works])] if changes else []
    head = evidence(context.api, [work.id or "" for work in targets.works]) if changes else {}
    return new_plan(DeletePlan, context, DeleteExecutor(), changes, targets, reason, limits, notes, head=head)


def _notes_of_old_shapes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a note on works that an undo may not put back, as the service would refuse their shape or values today."""
    refused = sum(not _can_come_back(record) for record in records)
    if not refused:
        return []
    return [
        f"{refused:,} of them {'is' if refused == 1 else 'are'} not as the service takes works today (an old shape, or "
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


# --- act ---


class DeleteExecutor(GuardedExecutor):
    """Removes works by id."""

    size = DELETE_CHUNK

    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one DELETE."""
        return api.delete([change.id for change in changes if change.id is not None])

    def is_done(self, change: Change, record: Record | None) -> bool:
        """Return whether a work is gone."""
        return record is None

    def judge_drifted(self, change: Change, record: Record, reply: Reply) -> tuple[Outcome, str]:
        """Return the outcome of a work that is still there but has changed, by the reply."""
        return UNCHANGED[reply.kind], f"Still there, and changed meanwhile: {what_differs(change.before, record)}"


# --- inverse ---

HOLDING = "bucketsnb-holding-"
"""Start of the names of holding pipelines."""

_NOT_COMPARED = frozenset({"id", "pipeline", "creation", "status", "attempt", "start", "stop"})
"""Fields in which a work in the holding pipeline differs from the original, or which the service may change there."""

_OBJECT_ID = re.compile("[0-9a-f]{24}")
_LATEST = 2.0**53
_CLOCKS = 10.0
"""Seconds by which the clocks of the machines may differ."""

_STAYED = (Outcome.DRIFTED, Outcome.STILL_THERE, Outcome.REFUSED, Outcome.NOT_SENT)
"""Outcomes of a delete after which a work should still be in the store."""


class Delete(Verb):
    """An undo deposits deleted works again, under new ids, and puts them back as they were."""

    plan = DeletePlan
    chunk_executor = DeleteExecutor
    undo_notes = ("The works get new ids. No worker can take one before it is put back as it was.",)

    def undo_chunk_executor(self, entry: Entry) -> ChunkExecutor:
        """Return the executor that puts the works back."""
        return RestoreExecutor(entry)

    def should_be_there(self, entry: Entry) -> list[str]:
        """Return ids of works that were not deleted: of the plan, and some others that the service had then."""
        seen = entry.head.get("witnesses")
        stayed = [work.id for work in entry.works if work.outcome in _STAYED]
        known = [*stayed, *(seen if isinstance(seen, list) else [])]
        return [work_id for work_id in known if isinstance(work_id, str)]

    def look_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> CurrentRecords:
        """Look for works that others have put back already; record in `works` how each is now, and how it came back."""
        done = [work for work in works if work.outcome is Outcome.DONE and work.before is not None]
        taken: list[str] = []
        for chunk in chunks(done, RestoreExecutor.size):
            originals = [work.before or {} for work in chunk]
            for place, (record, why) in _there_again(api, originals, entry.at, taken).items():
                chunk[place].left, chunk[place].detail = record, why
                taken.append(record["id"])
        return super().look_again(api, entry, works)

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Leave out works that were not deleted, that are there again, or that the journal has lost."""
        if work.outcome is not Outcome.DONE:
            return LeftOut(work.id, "the work was not deleted") if work.id in now else None
        return LeftOut(work.id, work.detail, Reason.BACK_AGAIN) if work.left else super().obstacle(work, now)

    def inverse(self, work: RecordedWork) -> Change:
        """Return the deposit of a work as it was."""
        return Change(None, WorkSnapshot.of(work.before or {}))


class RestoreExecutor(ChunkExecutor):
    """Deposits works under a holding pipeline, named after the undone entry, then puts them back as they were.

    Only works that entered the store after the delete are taken for works that others have put back.
    """

    size = 200

    def __init__(self, entry: Entry) -> None:
        self.holding, self.since = HOLDING + entry.id, entry.at
        wrong = value_problems(FIELDS["pipeline"], self.holding, "pipeline")
        if wrong:
            raise WorkError(str(wrong[0]))

    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Do one chunk; works that are held already are not deposited again, and works that are back are left alone."""
        known = [item for item in items if item.new_id]
        new = self._not_back(execution, [item for item in items if not item.new_id])
        error = self._hold(execution, list(filter(_fits, new)))
        held = [*self._still_held(execution, known), *(item for item in new if item.new_id)]
        if not held:
            return error
        reply = send_in_halves(execution, held, partial(self._put, execution))
        return (None if all(item.done for item in held) else reply.error) or error

    def _not_back(self, execution: Execution, items: Sequence[Item]) -> list[Item]:
        """Return the works still to be put back; settle those that others have put back meanwhile."""
        taken = [item.new_id for item in execution.items if item.new_id]
        there = _there_again(execution.api, [item.record for item in items], self.since, taken)
        for place, (record, why) in there.items():
            items[place].settle(Outcome.DRIFTED, record, detail=f"Left alone: {why}, as {record['id']}.")
        return [item for place, item in enumerate(items) if place not in there]

    # --- first step ---

    def _hold(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Deposit works under the holding pipeline; return the first error, if any."""
        going = self._find_held(execution, items)  # without those that an earlier pass or another undo holds
        if not going:
            return None
        reply = send_in_halves(execution, going, partial(self._deposit, execution))
        execution.record(going)
        return None if all(item.new_id for item in going) else reply.error

    def _deposit(self, execution: Execution, going: Sequence[Item]) -> Reply:
        originals = [item.record for item in going]
        execution.announce(going, None, map(written, originals), holding=self.holding)
        works = [{**original, "id": None, "pipeline": self.holding, "status": "created"} for original in originals]
        reply = ask(execution, lambda: execution.api.deposit(works, return_ids=True, verb="restore"))
        if reply.kind is ReplyKind.YES and isinstance(reply.value, list):
            for item, new_id in zip(going, reply.value, strict=True):
                self._is_held(item, new_id)
        elif not settle_unsent(going, reply):
            look_until(execution, going, partial(self._find_held, execution), lost=True)
        return reply

    def _is_held(self, item: Item, new_id: str) -> None:
        detail = f"Held in pipeline {self.holding} under the id {new_id}; not put back yet."
        item.settle(Outcome.UNKNOWN, new_id=new_id, detail=detail)

    def _find_held(self, execution: Execution, items: Sequence[Item]) -> list[Item]:
        """Find works in the holding pipeline; return those that are not there.

        Works that differ only in fields that are not compared, such as times, may be taken for each other.
        """
        if not items:
            return []
        left = []
        taken = {item.new_id for item in execution.items}
        records = execution.api.view({"pipeline": self.holding}, limit=None)
        free = [record for record in records if record.get("id") not in taken]
        for item in items:
            same = {name: value for name, value in item.record.items() if name not in _NOT_COMPARED}
            matching = (record for record in free if all(record.get(name) == same[name] for name in same))
            hit = next(matching, None)
            if hit is None:
                left.append(item)
            else:
                free.remove(hit)
                self._is_held(item, hit["id"])
        return left

    # --- second step ---

    def _still_held(self, execution: Execution, items: Sequence[Item]) -> list[Item]:
        """Return works of an earlier pass that are still held; settle the others, which were put back or removed."""
        now = look(execution.api, [item.new_id or "" for item in items])
        held = [item for item in items if now.get(item.new_id or "", {}).get("pipeline") == self.holding]
        for item in items:
            if item not in held:
                self._judge(item, now.get(item.new_id or ""), Reply(ReplyKind.SILENCE))
        return held

    def _put(self, execution: Execution, items: Sequence[Item]) -> Reply:
        reply = ask(execution, lambda: execution.api.update(list(map(_restored, items))))
        ids = {item: item.new_id or "" for item in items}
        read_back(execution, ids, lambda item, record: self._judge(item, record, reply))
        return reply

    def _judge(self, item: Item, record: Record | None, reply: Reply) -> None:
        work, new_id = _restored(item), item.new_id
        if record is None:
            item.settle(Outcome.GONE, new_id=new_id, detail="It was removed while it was being put back.")
        elif record.get("pipeline") == self.holding:
            outcome = Outcome.REFUSED if reply.kind is ReplyKind.NO else Outcome.UNKNOWN
            detail = f"Held in pipeline {self.holding} under the id {new_id}. {reply.why}"
            item.settle(outcome, record, new_id=new_id, detail=detail)
        else:
            since = what_differs(work, {name: record.get(name) for name in work})
            detail = f"Put back, and moved on since: {since}" if since else ""
            item.settle(Outcome.DONE, record, new_id=new_id, detail=detail)


def _restored(item: Item) -> dict[str, Any]:
    return {**item.record, "id": item.new_id}


def _fits(item: Item) -> bool:
    """Return whether a work can be sent as it was; settle it if not."""
    try:
        encode_works([{**item.record, "id": "checked"}], verb="update")
    except WorkError as error:
        item.settle(Outcome.REFUSED, detail=f"Cannot be sent as it was: {error}")
        return False
    return True


def _there_again(
    api: Api, works: Sequence[Record], since: float, but: Iterable[str] = ()
) -> dict[int, tuple[dict[str, Any], str]]:
    """Return deleted works that are there again, by position: each as it is now, and how it came back, in words.

    A restored backup has them under their old ids; an undo from a copy of the journal has put them back under new
    ones, with pipeline and creation as they were. Ids in `but` belong to other works. `since` is in epoch seconds.
    """
    now = look(api, [work["id"] for work in works if isinstance(work.get("id"), str)])
    back = "it is there again under its old id"
    there = {place: (now[work["id"]], back) for place, work in enumerate(works) if work.get("id") in now}
    others = [place for place, work in enumerate(works) if place not in there and _has_creation(work)]
    sent = [works[place] for place in others]
    young = [record for record in find(api, sent) if _entered_after(record.get("id"), since + (api.clock_skew or 0.0))]
    for place, record in match(sent, young, but).items():
        there[others[place]] = record, "it was put back before, under a new id"
    return there


def _has_creation(work: Record) -> bool:
    creation = work.get("creation")
    return isinstance(creation, int | float) and abs(creation) < _LATEST


def _entered_after(work_id: object, moment: float) -> bool:
    """Return whether a work entered the store after a moment, by the time in an id of MongoDB; True for other ids."""
    if not isinstance(work_id, str) or not _OBJECT_ID.fullmatch(work_id):
        return True
    return int(work_id[:8], 16) >= moment - _CLOCKS
