"""Delete and update works: look again, leave alone what moved, put on record, act, read back."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bucketsnb.api import DELETE_CHUNK, Api
from bucketsnb.changes.execution import CurrentWorks, Execution, look
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import MISSING, Change, WorkSnapshot, described, differences, equal, leaves, same
from bucketsnb.display.texts import truncate
from bucketsnb.errors import BucketsError, Refused, ServiceError, ServiceFailed, Unreachable

__all__ = [
    "PAUSES",
    "DeleteAct",
    "PutAct",
    "Reply",
    "ReplyKind",
    "ask",
    "go_on_or_raise",
    "halves",
    "holds",
    "should_bisect",
]

PAUSES = (0.0, 0.25, 0.75)
"""Seconds before each look at what came of a request: a service may need a moment until its own writes are seen."""

Record = Mapping[str, Any]


class ReplyKind(Enum):
    """What the service made of a request, as far as its answer tells."""

    YES = auto()
    NO = auto()
    FAILED = auto()
    SILENCE = auto()
    NEVER_ASKED = auto()


@dataclass(frozen=True)
class Reply:
    """The answer to one request that changes works, or the lack of one."""

    kind: ReplyKind
    error: BucketsError | None = None
    value: Any = None

    @property
    def why(self) -> str:
        """The error in words."""
        return "" if self.error is None else str(self.error)

    @property
    def heard(self) -> str:
        """What the service did, such as ``"did not answer"``, where its answer does not tell what it made of it."""
        if self.kind is ReplyKind.YES:
            return "said yes"
        status, shown = getattr(self.error, "status", None), getattr(self.error, "excerpt", "")
        if status is None:
            return "did not answer"
        return f"answered {status}" + (f" with {truncate(shown, 60)}" if shown else "")


def ask(execution: Execution, call: Callable[[], Any]) -> Reply:
    """Send one request that changes works, if its record is still there, and sort what comes of it.

    Any error is in the reply.
    """
    try:
        execution.writer.check()
        return Reply(ReplyKind.YES, value=call())
    except Unreachable as error:
        return Reply(ReplyKind.NEVER_ASKED, error)
    except Refused as error:
        return Reply(ReplyKind.NO, error)
    except ServiceFailed as error:
        return Reply(ReplyKind.SILENCE if error.by_gateway else ReplyKind.FAILED, error)
    except ServiceError as error:
        return Reply(ReplyKind.SILENCE, error)
    except BucketsError as error:
        return Reply(ReplyKind.NEVER_ASKED, error)


_OF_WORKS = frozenset({400, 404, 409, 413, 422})
"""Statuses of a refusal that other works might not meet."""

_REFUSALS = 32
"""Refusals in a row after which a service is believed to refuse everything; to find one work among 200 takes 8."""

_UNCHANGED = {
    ReplyKind.YES: (Outcome.STILL_THERE, "The service said yes, and the work is as it was."),
    ReplyKind.NO: (Outcome.REFUSED, ""),
    ReplyKind.FAILED: (Outcome.STILL_THERE, ""),
    ReplyKind.SILENCE: (Outcome.UNKNOWN, "As it was when looked at afterwards, and it may still change."),
    ReplyKind.NEVER_ASKED: (Outcome.NOT_SENT, ""),
}


def should_bisect(execution: Execution, reply: Reply, number: int) -> bool:
    """Tell whether so many works that were refused together are to be tried apart: one may have been the reason."""
    execution.refusals = execution.refusals + 1 if reply.kind is ReplyKind.NO else 0
    of_works = reply.kind is ReplyKind.NO and getattr(reply.error, "status", None) in _OF_WORKS
    return of_works and number > 1 and execution.refusals < _REFUSALS


def halves(positions: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Cut the works of a request into two."""
    middle = len(positions) // 2
    return positions[:middle], positions[middle:]


def go_on_or_raise(execution: Execution, positions: Sequence[int], error: BaseException) -> None:
    """Keep an error that met some works of a chunk; raise one that met all, as the next chunk would meet it too."""
    if not isinstance(error, Refused) or all(execution.results[p].outcome is not Outcome.DONE for p in positions):
        raise error
    execution.errors.append(error)


class _GuardedAct(ABC):
    """Act on works only while they are as they were shown, and believe only what is read back."""

    size: int
    divides = False
    """Whether a refusal may be due to one work, and the others are to be tried without it."""

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Do one chunk."""
        now = look(execution.api, _ids(execution, positions))
        going = [position for position in positions if self._may_go(execution, position, now)]
        reply = Reply(ReplyKind.YES)
        if going:
            execution.announce(
                going,
                before=[now.text(work_id) for work_id in _ids(execution, going)],
                after=[after.text for p in going if (after := execution.change(p).after) is not None],
            )
            reply = self._send(execution, going)
        execution.record(positions)
        if reply.error is not None and any(execution.results[p].outcome is not Outcome.DONE for p in going):
            go_on_or_raise(execution, going, reply.error)

    def _send(self, execution: Execution, going: Sequence[int]) -> Reply:
        """Send works, and again in halves if they were refused together: one that cannot be taken holds up no other."""
        reply = ask(execution, lambda: self.send(execution.api, [execution.change(position) for position in going]))
        self._settle(execution, going, reply)
        refused = [position for position in going if execution.results[position].outcome is Outcome.REFUSED]
        if not (self.divides and should_bisect(execution, reply, len(refused))):
            return reply
        for position in refused:
            execution.settle(position, Outcome.UNKNOWN, detail="Being sent again, with fewer others.")
        replies = [self._send(execution, half) for half in halves(refused)]
        return next((one for one in replies if one.error is not None), replies[0])

    def _may_go(self, execution: Execution, position: int, now: CurrentWorks) -> bool:
        change, unsure = execution.change(position), execution.results[position].outcome is Outcome.UNKNOWN
        record = now.get(change.id or "")
        if unsure and self._is_done(change, record):
            execution.settle(position, Outcome.DONE, after=_seen(record), detail="Found done on looking again.")
        elif record is None:
            execution.settle(position, Outcome.GONE, detail="No longer there when it was to be changed.")
        elif change.id in now.shared:
            execution.settle(
                position, Outcome.DRIFTED, detail="Another work has this id too: a request would meet both."
            )
        elif change.before is None or not same(record, change.before, now.text(change.id or "")):
            moved = described(differences(change.before.record if change.before else {}, record))
            execution.settle(position, Outcome.DRIFTED, after=WorkSnapshot.of(record), detail=moved)
        else:
            return True
        return False

    def _settle(self, execution: Execution, going: Sequence[int], reply: Reply) -> None:
        left = list(going)
        if reply.kind is ReplyKind.NEVER_ASKED and not getattr(reply.error, "deleted", ()):
            for position in left:
                execution.settle(position, Outcome.NOT_SENT, detail=reply.why)
            return
        for pause in PAUSES:
            time.sleep(pause)
            try:
                now = look(execution.api, _ids(execution, left))
            except ServiceError as error:
                execution.errors.append(error)
                return
            for position in left:
                self._judge(execution, position, now.get(execution.change(position).id or ""), reply)
            left = [position for position in left if execution.results[position].outcome in _WORTH_ANOTHER_LOOK]
            if not left:
                return

    def _judge(self, execution: Execution, position: int, record: Record | None, reply: Reply) -> None:
        change = execution.change(position)
        if self._is_done(change, record):
            execution.settle(position, Outcome.DONE, after=_seen(record), detail=described(change.cells))
        elif record is None:
            execution.settle(position, Outcome.GONE, detail="It was removed while it was being changed.")
        elif change.before is not None and same(record, change.before):
            outcome, detail = _UNCHANGED[reply.kind]
            if reply.kind is ReplyKind.SILENCE:
                detail = f"The service {reply.heard}. {detail}"
            if reply.value is False:
                detail = "The service answered false, and the work is as it was."
            execution.settle(position, outcome, after=WorkSnapshot.of(record), detail=detail or reply.why)
        else:
            self._judge_moved(execution, position, record, reply)

    @abstractmethod
    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send the one request of a chunk."""

    @abstractmethod
    def _is_done(self, change: Change, record: Record | None) -> bool:
        """Tell whether a work is as planned."""

    @abstractmethod
    def _judge_moved(self, execution: Execution, position: int, record: Record, reply: Reply) -> None:
        """Say what became of a work that is neither as it was nor as planned."""


_WORTH_ANOTHER_LOOK = (Outcome.STILL_THERE, Outcome.UNKNOWN)


class DeleteAct(_GuardedAct):
    """Remove works by id."""

    size = DELETE_CHUNK

    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one DELETE."""
        return api.delete([change.id for change in changes if change.id is not None])

    def _is_done(self, change: Change, record: Record | None) -> bool:
        return record is None

    def _judge_moved(self, execution: Execution, position: int, record: Record, reply: Reply) -> None:
        before = execution.change(position).before
        moved = described(differences(before.record if before else {}, record))
        outcome, _ = _UNCHANGED[reply.kind]
        execution.settle(
            position, outcome, after=WorkSnapshot.of(record), detail=f"Still there, and changed meanwhile: {moved}"
        )


class PutAct(_GuardedAct):
    """Overwrite works by id: the whole work as it is now, with only the planned cells changed."""

    size = 200
    divides = True

    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one PUT."""
        return api.update([change.after.record for change in changes if change.after is not None])

    def _is_done(self, change: Change, record: Record | None) -> bool:
        return record is not None and change.after is not None and holds(record, change)

    def _judge_moved(self, execution: Execution, position: int, record: Record, reply: Reply) -> None:
        change = execution.change(position)
        after = change.after
        moved = described(differences(after.record if after else {}, record))
        undone = any(equal(_at(record, path), _plain(old)) for path, old, _ in _planned(change))
        if undone or reply.kind is ReplyKind.NEVER_ASKED:
            detail = f"Changed by someone else at the same moment: {moved}"
            execution.settle(position, Outcome.DRIFTED, after=WorkSnapshot.of(record), detail=detail)
        else:
            execution.settle(
                position, Outcome.DONE, after=WorkSnapshot.of(record), detail=f"Done, and moved on since: {moved}"
            )


def holds(record: Record, change: Change) -> bool:
    """Tell whether every planned cell of a work holds its new value; a field that is missing is as good as null."""
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


def _ids(execution: Execution, positions: Sequence[int]) -> list[str]:
    return [found for position in positions if (found := execution.change(position).id) is not None]


def _seen(record: Record | None) -> WorkSnapshot | None:
    return None if record is None else WorkSnapshot.of(record)
