"""Put deleted works back as they were, with no worker able to claim them on the way.

A deposit always queues. So works are deposited under a holding pipeline, whose name no worker polls, and one update
then puts everything back, pipeline and status included. The new ids are on record before that update; after a crash
between the two, the works are found by the holding pipeline, which belongs to this one undo and to nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.deposit import LOST_PAUSES, find, match
from bucketsnb.changes.execution import Execution, look
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.settle import PAUSES, Reply, ReplyKind, ask, go_on_or_raise, halves, should_bisect
from bucketsnb.changes.snapshot import WorkSnapshot, described, differences, written
from bucketsnb.encoding import encode_works
from bucketsnb.errors import ServiceError, WorkError
from bucketsnb.schema import FIELDS, value_problems

__all__ = ["HOLDING", "RestoreAct", "there_again"]

HOLDING = "bucketsnb-holding-"
"""Start of the names of holding pipelines."""

_MOVES = frozenset({"id", "pipeline", "creation", "status", "attempt", "start", "stop"})
"""Fields in which a held work differs from the original, or which the service's own daemons may touch meanwhile."""

_OBJECT_ID = re.compile("[0-9a-f]{24}")
_LATEST = 2.0**53
_CLOCKS = 10.0
"""Seconds by which the clocks of the machines may differ unnoticed."""

_BACK = "It is there again under its old id"
_PUT_BACK_BEFORE = "It was put back before, under a new id"

Record = Mapping[str, Any]


class RestoreAct:
    """Deposit works under a holding pipeline, then put them back as they were.

    Parameters
    ----------
    entry
        Id of the entry of the journal that is undone; the holding pipeline is named after it.
    since
        When it was made, in epoch seconds: only works that entered later may have been put back already.
    """

    size = 200

    def __init__(self, entry: str, since: float) -> None:
        self.since = since
        self.holding = HOLDING + entry
        wrong = value_problems(FIELDS["pipeline"], self.holding, "pipeline")
        if wrong:
            raise WorkError(str(wrong[0]))

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Do one chunk; works that are held already are only put back, and those that are there again are left."""
        fit = [position for position in self._missing(execution, positions) if self._fits(execution, position)]
        known = [position for position in fit if execution.results[position].new_id is not None]
        error = self._hold(execution, [position for position in fit if position not in set(known)])
        self._leave_put_back(execution, known)
        held = [position for position in fit if self._waits(execution, position)]
        if held:
            error = self._put(execution, held) or error
        execution.record(positions)
        if error is not None:
            go_on_or_raise(execution, positions, error)

    def _missing(self, execution: Execution, positions: Sequence[int]) -> list[int]:
        """Return the works that are not there; others may have put them back since the plan was made."""
        new = [position for position in positions if execution.results[position].new_id is None]
        taken = [result.new_id for result in execution.results if result.new_id]
        there = there_again(execution.api, [_original(execution, position) for position in new], self.since, taken)
        for place, (work, why) in there.items():
            detail = f"{why}, as {work['id']}: left alone."
            execution.settle(new[place], Outcome.DRIFTED, after=WorkSnapshot.of(work), detail=detail)
        again = {new[place] for place in there}
        return [position for position in positions if position not in again]

    def _fits(self, execution: Execution, position: int) -> bool:
        try:
            encode_works([{**_original(execution, position), "id": "checked"}], verb="update")
        except WorkError as error:
            execution.settle(position, Outcome.REFUSED, detail=f"Cannot be sent as it was: {error}")
            return False
        return True

    # --- first step ---

    def _hold(self, execution: Execution, positions: Sequence[int]) -> Exception | None:
        self._find_held(execution, positions)  # by an earlier pass, or by an undo from a copy of the journal
        going = [position for position in positions if execution.results[position].new_id is None]
        if not going:
            return None
        works = [self._held(execution, position) for position in going]
        originals = (written(_original(execution, position)) for position in going)
        execution.announce(going, None, originals, holding=self.holding)
        reply = ask(execution, lambda: execution.api.deposit(works, return_ids=True, verb="restore"))
        if reply.kind is ReplyKind.YES and isinstance(reply.value, list):
            for position, new_id in zip(going, reply.value, strict=True):
                self._is_held(execution, position, new_id)
        elif should_bisect(execution, reply, len(going)):
            # One work that the service does not take holds up no other.
            errors = [self._hold(execution, half) for half in halves(going)]
            return next((error for error in errors if error is not None), None)
        elif reply.kind in (ReplyKind.NO, ReplyKind.NEVER_ASKED):
            outcome = Outcome.REFUSED if reply.kind is ReplyKind.NO else Outcome.NOT_SENT
            for position in going:
                execution.settle(position, outcome, detail=reply.why)
        else:
            self._look_for(execution, going)
        execution.record(going)
        return reply.error if any(execution.results[position].new_id is None for position in going) else None

    def _held(self, execution: Execution, position: int) -> dict[str, Any]:
        return {**_original(execution, position), "id": None, "pipeline": self.holding, "status": "created"}

    def _is_held(self, execution: Execution, position: int, new_id: str) -> None:
        detail = f"Held in pipeline {self.holding} under the id {new_id}; not put back yet."
        execution.settle(position, Outcome.UNKNOWN, new_id=new_id, detail=detail)

    def _look_for(self, execution: Execution, positions: Sequence[int]) -> None:
        left = list(positions)
        for pause in LOST_PAUSES:
            time.sleep(pause)
            try:
                self._find_held(execution, left)
            except ServiceError as error:
                execution.errors.append(error)
                return
            left = [position for position in left if execution.results[position].new_id is None]
            if not left:
                return

    def _find_held(self, execution: Execution, positions: Sequence[int]) -> None:
        """Tell which held work is which; those that are the same but for their times may stand for each other."""
        if not positions:
            return
        taken = {result.new_id for result in execution.results}
        free = [record for record in _in(execution.api, self.holding) if record.get("id") not in taken]
        for position in positions:
            original = _original(execution, position)
            hit = next((record for record in free if _same_work(original, record)), None)
            if hit is not None:
                free.remove(hit)
                self._is_held(execution, position, hit["id"])

    # --- second step ---

    def _leave_put_back(self, execution: Execution, positions: Sequence[int]) -> None:
        """Leave works alone that an earlier pass put back: a worker may be busy with them by now."""
        now = look(execution.api, [work_id for p in positions if (work_id := execution.results[p].new_id)])
        for position in positions:
            work = _restored(execution, position)
            record = now.get(work["id"])
            if record is None or record.get("pipeline") != self.holding:
                self._judge(execution, position, work, record, Reply(ReplyKind.SILENCE))

    def _waits(self, execution: Execution, position: int) -> bool:
        result = execution.results[position]
        return result.new_id is not None and result.outcome not in (Outcome.DONE, Outcome.GONE)

    def _put(self, execution: Execution, positions: Sequence[int]) -> Exception | None:
        works = {position: _restored(execution, position) for position in positions}
        reply = ask(execution, lambda: execution.api.update(list(works.values())))
        left = list(positions)
        for pause in PAUSES:
            time.sleep(pause)
            try:
                now = look(execution.api, [works[position]["id"] for position in left])
            except ServiceError as error:
                execution.errors.append(error)
                return reply.error
            for position in left:
                self._judge(execution, position, works[position], now.get(works[position]["id"]), reply)
            left = [position for position in left if execution.results[position].outcome is not Outcome.DONE]
            if not left:
                return None
        if should_bisect(execution, reply, len(left)):
            for position in left:
                self._is_held(execution, position, works[position]["id"])
            errors = [self._put(execution, half) for half in halves(left)]
            return next((error for error in errors if error is not None), None)
        return reply.error

    def _judge(self, execution: Execution, position: int, work: Record, record: Record | None, reply: Reply) -> None:
        new_id = work["id"]
        if record is None:
            execution.settle(
                position, Outcome.GONE, new_id=new_id, detail="It was removed while it was being put back."
            )
        elif record.get("pipeline") == self.holding:
            outcome = Outcome.REFUSED if reply.kind is ReplyKind.NO else Outcome.UNKNOWN
            detail = f"Held in pipeline {self.holding} under the id {new_id}. {reply.why}"
            execution.settle(position, outcome, new_id=new_id, after=WorkSnapshot.of(record), detail=detail)
        else:
            moved = differences(work, {name: record.get(name) for name in work})
            detail = f"Put back, and moved on since: {described(moved)}" if moved else ""
            execution.settle(position, Outcome.DONE, new_id=new_id, after=WorkSnapshot.of(record), detail=detail)


def there_again(
    api: Api, works: Sequence[Record], since: float, but: Iterable[str] = ()
) -> dict[int, tuple[dict[str, Any], str]]:
    """Find deleted works that are there again, by their place, each as it is now and with the reason in words.

    A restored backup has them under their old ids; an undo from a copy of the journal has put them back under new
    ones, with pipeline and creation as they were. Ids in `but` belong to other works.
    """
    now = look(api, [work["id"] for work in works if isinstance(work.get("id"), str)])
    there = {place: (now[work["id"]], _BACK) for place, work in enumerate(works) if work.get("id") in now}
    others = [place for place, work in enumerate(works) if place not in there and _has_creation(work)]
    sent = [works[place] for place in others]
    young = [record for record in find(api, sent) if _entered_after(record.get("id"), since + (api.clock_skew or 0.0))]
    for place, record in match(sent, young, but).items():
        there[others[place]] = record, _PUT_BACK_BEFORE
    return there


def _has_creation(work: Record) -> bool:
    creation = work.get("creation")
    return isinstance(creation, int | float) and abs(creation) < _LATEST


def _entered_after(work_id: object, moment: float) -> bool:
    """Tell whether a work entered the store after a moment, as far as its id tells: MongoDB's begin with the time."""
    if not isinstance(work_id, str) or not _OBJECT_ID.fullmatch(work_id):
        return True
    return int(work_id[:8], 16) >= moment - _CLOCKS


def _original(execution: Execution, position: int) -> dict[str, Any]:
    return execution.change(position).work.record


def _restored(execution: Execution, position: int) -> dict[str, Any]:
    return {**_original(execution, position), "id": execution.results[position].new_id}


def _in(api: Api, pipeline: str) -> list[dict[str, Any]]:
    return api.view({"pipeline": pipeline}, limit=None)


def _same_work(original: Record, record: Record) -> bool:
    return _but(original, _MOVES) == {name: record.get(name) for name in _but(original, _MOVES)}


def _but(record: Record, names: Iterable[str]) -> dict[str, Any]:
    without = frozenset(names)
    return {name: value for name, value in record.items() if name not in without}
