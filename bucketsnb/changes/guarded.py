"""Change works by id, and only those still as they were shown: read, record, send, read back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor, Execution
from bucketsnb.changes.lookup import CurrentWorks, look
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.settle import Reply, ReplyKind, ask, go_on_or_raise, halves, look_until, should_bisect
from bucketsnb.changes.snapshot import MISSING, Change, WorkSnapshot, described, differences, equal, leaves, same

__all__ = ["UNCHANGED", "GuardedExecutor", "PutExecutor", "holds"]

UNCHANGED = {
    ReplyKind.YES: (Outcome.STILL_THERE, "The service said yes, and the work is as it was."),
    ReplyKind.NO: (Outcome.REFUSED, ""),
    ReplyKind.FAILED: (Outcome.STILL_THERE, ""),
    ReplyKind.SILENCE: (Outcome.UNKNOWN, "As it was when looked at afterwards, and it may still change."),
    ReplyKind.NEVER_ASKED: (Outcome.NOT_SENT, ""),
}
"""The outcome of a work that did not change, by the kind of reply."""

_WORTH_ANOTHER_LOOK = (Outcome.STILL_THERE, Outcome.UNKNOWN)

Record = Mapping[str, Any]


class GuardedExecutor(ChunkExecutor):
    """What the verbs share that act on works by id; each sends one kind of request and knows when it is done."""

    divides = False
    """Whether a refusal may be due to one work, and the others are to be tried without it."""

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Do one chunk."""
        now = look(execution.api, execution.ids(positions))
        going = [position for position in positions if self._may_go(execution, position, now)]
        reply = Reply(ReplyKind.YES)
        if going:
            execution.announce(
                going,
                before=[now.text(work_id) for work_id in execution.ids(going)],
                after=[after.text for p in going if (after := execution.changes[p].after) is not None],
            )
            reply = self._send(execution, going)
        execution.record(positions)
        if reply.error is not None and any(execution.results[p].outcome is not Outcome.DONE for p in going):
            go_on_or_raise(execution, going, reply.error)

    def _send(self, execution: Execution, going: Sequence[int]) -> Reply:
        """Send works, and in halves if they are refused together, so that one bad work does not stop the others."""
        reply = ask(execution, lambda: self.send(execution.api, [execution.changes[position] for position in going]))
        self._settle(execution, going, reply)
        refused = [position for position in going if execution.results[position].outcome is Outcome.REFUSED]
        if not (self.divides and should_bisect(execution, reply, len(refused))):
            return reply
        for position in refused:
            execution.settle(position, Outcome.UNKNOWN, detail="Being sent again, with fewer others.")
        replies = [self._send(execution, half) for half in halves(refused)]
        return next((one for one in replies if one.error is not None), replies[0])

    def _may_go(self, execution: Execution, position: int, now: CurrentWorks) -> bool:
        change, unsure = execution.changes[position], execution.results[position].outcome is Outcome.UNKNOWN
        record = now.get(change.id or "")
        if unsure and self.is_done(change, record):
            execution.settle(position, Outcome.DONE, record, detail="Found done on looking again.")
        elif record is None:
            execution.settle(position, Outcome.GONE, detail="No longer there when it was to be changed.")
        elif change.id in now.shared:
            detail = "Another work has this id too: a request would meet both."
            execution.settle(position, Outcome.DRIFTED, detail=detail)
        elif change.before is None or not same(record, change.before, now.text(change.id or "")):
            execution.settle(position, Outcome.DRIFTED, record, detail=_since(change.before, record))
        else:
            return True
        return False

    def _settle(self, execution: Execution, going: Sequence[int], reply: Reply) -> None:
        if reply.kind is ReplyKind.NEVER_ASKED and not getattr(reply.error, "deleted", ()):
            for position in going:
                execution.settle(position, Outcome.NOT_SENT, detail=reply.why)
            return

        def judge(left: list[int]) -> list[int]:
            now = look(execution.api, execution.ids(left))
            for position in left:
                self._judge(execution, position, now.get(execution.changes[position].id or ""), reply)
            return [position for position in left if execution.results[position].outcome in _WORTH_ANOTHER_LOOK]

        look_until(execution, going, judge)

    def _judge(self, execution: Execution, position: int, record: Record | None, reply: Reply) -> None:
        change = execution.changes[position]
        if self.is_done(change, record):
            execution.settle(position, Outcome.DONE, record, detail=described(change.cells))
        elif record is None:
            execution.settle(position, Outcome.GONE, detail="It was removed while it was being changed.")
        elif change.before is not None and same(record, change.before):
            outcome, detail = UNCHANGED[reply.kind]
            if reply.kind is ReplyKind.SILENCE:
                detail = f"The service {reply.heard}. {detail}"
            if reply.value is False:
                detail = "The service answered false, and the work is as it was."
            execution.settle(position, outcome, record, detail=detail or reply.why)
        else:
            outcome, detail = self.judge_drifted(change, record, reply)
            execution.settle(position, outcome, record, detail=detail)

    @abstractmethod
    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send the one request of a chunk."""

    @abstractmethod
    def is_done(self, change: Change, record: Record | None) -> bool:
        """Tell whether a work is as planned."""

    @abstractmethod
    def judge_drifted(self, change: Change, record: Record, reply: Reply) -> tuple[Outcome, str]:
        """Return what became of a work that is neither as it was nor as planned, and why."""


def _since(before: WorkSnapshot | None, record: Record) -> str:
    return described(differences(before.record if before else {}, record))


class PutExecutor(GuardedExecutor):
    """Overwrite works by id: the whole work as it is now, with only the planned cells changed."""

    size = 200
    divides = True

    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one PUT."""
        return api.update([change.after.record for change in changes if change.after is not None])

    def is_done(self, change: Change, record: Record | None) -> bool:
        """Tell whether every planned cell has its new value."""
        return record is not None and change.after is not None and holds(record, change)

    def judge_drifted(self, change: Change, record: Record, reply: Reply) -> tuple[Outcome, str]:
        """Return what became of it: a cell that has its old value means that someone else changed the work."""
        since = _since(change.after, record)
        undone = any(equal(_at(record, path), _plain(old)) for path, old, _ in _planned(change))
        if undone or reply.kind is ReplyKind.NEVER_ASKED:
            return Outcome.DRIFTED, f"Changed by someone else at the same moment: {since}"
        return Outcome.DONE, f"Done, and moved on since: {since}"


def holds(record: Record, change: Change) -> bool:
    """Tell whether every planned cell of a work holds its new value; a field that is missing counts as null."""
    return all(equal(_at(record, path), _plain(new)) for path, _, new in _planned(change))


def _planned(change: Change) -> list[tuple[tuple[str, ...], Any, Any]]:
    if change.before is None or change.after is None:
        return []
    return leaves(change.before.record, change.after.record)


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _plain(value: Any) -> Any:
    return None if value is MISSING else value
