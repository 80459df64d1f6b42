"""Send a request that changes works, and find out what it did: from its answer, and by reading the works again.

Works that have ids are read first, and only those that are still as they were shown are changed.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor, Execution, Item
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import MISSING, Change, described, equal, leaves, same, what_differs, written
from bucketsnb.changes.targets import CurrentWorks, look
from bucketsnb.display.texts import truncate
from bucketsnb.errors import BucketsError, Refused, ServiceError, ServiceFailed, Unreachable

__all__ = [
    "LOST_PAUSES",
    "PAUSES",
    "UNCHANGED",
    "GuardedExecutor",
    "PutExecutor",
    "Reply",
    "ReplyKind",
    "ask",
    "look_until",
    "read_back",
    "send_in_halves",
    "settle_unsent",
]

PAUSES = (0.0, 0.25, 0.75)
"""Seconds to wait before each reading of changed works: a service may show its own writes only after a moment."""

LOST_PAUSES = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds to wait before each search for works of an unanswered deposit: a slow service may still be storing them."""

_OF_WORKS = frozenset({400, 404, 409, 413, 422})
"""HTTP statuses of a refusal that only some of the works may have caused."""

_REFUSALS = 32
"""Refusals in a row after which the service seems to refuse everything; to find one bad work among 200 takes 8."""

Record = Mapping[str, Any]
Judge = Callable[[Item, Record | None], None]


# --- one request ---


class ReplyKind(Enum):
    """How the service replied to a request that changes works."""

    YES = "it answered that it did it"
    NO = "it refused, and did nothing"
    FAILED = "it answered that it failed"
    SILENCE = "it gave no answer, or none that says whether it acted"
    NEVER_ASKED = "the request was not sent"


UNCHANGED = {
    ReplyKind.YES: Outcome.STILL_THERE,
    ReplyKind.NO: Outcome.REFUSED,
    ReplyKind.FAILED: Outcome.STILL_THERE,
    ReplyKind.SILENCE: Outcome.UNKNOWN,
    ReplyKind.NEVER_ASKED: Outcome.NOT_SENT,
}
"""The outcome of a work that did not change, by the kind of reply."""


@dataclass(frozen=True)
class Reply:
    """The answer to one request that changes works, or the lack of one."""

    kind: ReplyKind
    error: BucketsError | None = None
    value: Any = None

    @property
    def why(self) -> str:
        """The message of the error; ``""`` if there is none."""
        return "" if self.error is None else str(self.error)

    @property
    def heard(self) -> str:
        """What the service did, such as ``"did not answer"``; used where the answer alone does not tell the outcome."""
        if self.kind is ReplyKind.YES:
            return "answered false" if self.value is False else "said yes"
        status, shown = getattr(self.error, "status", None), getattr(self.error, "excerpt", "")
        if status is None:
            return "did not answer"
        return f"answered {status}" + (f" with {truncate(shown, 60)}" if shown else "")


def ask(execution: Execution, call: Callable[[], Any]) -> Reply:
    """Send one request that changes works and return the reply; send nothing if the journal cannot record it.

    No :class:`BucketsError` is raised: it is in the reply.
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


def settle_unsent(items: Iterable[Item], reply: Reply) -> bool:
    """Settle works if the reply shows that none was changed, and return whether it does."""
    if reply.kind not in (ReplyKind.NO, ReplyKind.NEVER_ASKED):
        return False
    for item in items:
        item.settle(UNCHANGED[reply.kind], detail=reply.why)
    return True


def send_in_halves(execution: Execution, items: Sequence[Item], send: Callable[[Sequence[Item]], Reply]) -> Reply:
    """Send works; if several are refused, send those again in halves, so that one bad work does not stop the others.

    `send` sends works once and settles them. Returns its reply or, if halves were sent, the first of their replies
    with an error, or else the first of their replies.
    """
    reply = send(items)
    execution.refusals = execution.refusals + 1 if reply.kind is ReplyKind.NO else 0
    refused = [item for item in items if item.outcome is Outcome.REFUSED]
    of_works = getattr(reply.error, "status", None) in _OF_WORKS
    if len(refused) < 2 or not of_works or execution.refusals >= _REFUSALS:
        return reply
    for item in refused:
        item.unknown("Being sent again, with fewer others.")
    middle = len(refused) // 2
    replies = [send_in_halves(execution, half, send) for half in (refused[:middle], refused[middle:])]
    return next((half for half in replies if half.error is not None), replies[0])


def look_until(
    execution: Execution, items: Iterable[Item], judge: Callable[[list[Item]], list[Item]], *, lost: bool = False
) -> list[Item]:
    """Call `judge` after each pause until it returns no works or there are no more pauses; return the works left.

    `judge` reads works, settles them, and returns those to read again. A :class:`ServiceError` while reading is kept
    in the receipt, and ends the loop. `lost` is for a service that did not answer: it gets more time.
    """
    left = list(items)
    for pause in LOST_PAUSES if lost else PAUSES:
        if not left:
            break
        time.sleep(pause)
        try:
            left = judge(left)
        except ServiceError as error:
            execution.errors.append(error)
            break
    return left


def read_back(execution: Execution, ids: Mapping[Item, str], judge: Judge) -> list[Item]:
    """Read works by id until each is settled or there are no more pauses; return those that are left."""

    def judge_all(left: list[Item]) -> list[Item]:
        now = look(execution.api, [ids[item] for item in left])
        for item in left:
            judge(item, now.get(ids[item]))
        return [item for item in left if item.outcome in (Outcome.STILL_THERE, Outcome.UNKNOWN)]

    return look_until(execution, ids, judge_all)


# --- works by id ---


class GuardedExecutor(ChunkExecutor):
    """Changes works by id; each subclass sends one kind of request, and decides whether a work is done."""

    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Read the works, send those still as they were shown, and read them back; return any error."""
        now = look(execution.api, [item.id for item in items])
        going = [item for item in items if self._may_go(item, now)]
        if not going:
            return None
        planned = [item.change.after.text for item in going if item.change.after is not None]
        execution.announce(going, [written(now[item.id]) for item in going], planned)
        error = send_in_halves(execution, going, partial(self._send, execution)).error
        return None if all(item.done for item in going) else error

    def _may_go(self, item: Item, now: CurrentWorks) -> bool:
        record, shown = now.get(item.id), item.change.before
        if item.outcome is Outcome.UNKNOWN and self.is_done(item.change, record):
            item.settle(Outcome.DONE, record, detail="Found done on looking again.")
        elif record is None:
            item.settle(Outcome.GONE, detail="No longer there when it was to be changed.")
        elif item.id in now.shared:
            item.settle(Outcome.DRIFTED, detail="Another work has this id too: a request would meet both.")
        elif shown is None or not same(record, shown):
            item.settle(Outcome.DRIFTED, record, detail=what_differs(shown, record))
        else:
            return True
        return False

    def _send(self, execution: Execution, going: Sequence[Item]) -> Reply:
        reply = ask(execution, lambda: self.send(execution.api, [item.change for item in going]))
        if reply.kind is ReplyKind.NEVER_ASKED and not getattr(reply.error, "deleted", ()):
            settle_unsent(going, reply)
        else:
            ids = {item: item.id for item in going}
            read_back(execution, ids, lambda item, record: self._judge(item, record, reply))
        return reply

    def _judge(self, item: Item, record: Record | None, reply: Reply) -> None:
        change = item.change
        if self.is_done(change, record):
            item.settle(Outcome.DONE, record, detail=described(change.cells))
        elif record is None:
            item.settle(Outcome.GONE, detail="It was removed while it was being changed.")
        elif change.before is not None and same(record, change.before):
            told = f"The service {reply.heard}, and the work is as it was."
            detail = told if reply.kind in (ReplyKind.YES, ReplyKind.SILENCE) else reply.why
            item.settle(UNCHANGED[reply.kind], record, detail=detail)
        else:
            outcome, detail = self.judge_drifted(change, record, reply)
            item.settle(outcome, record, detail=detail)

    @abstractmethod
    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one request for these changes."""

    @abstractmethod
    def is_done(self, change: Change, record: Record | None) -> bool:
        """Return whether a work is as planned."""

    @abstractmethod
    def judge_drifted(self, change: Change, record: Record, reply: Reply) -> tuple[Outcome, str]:
        """Return the outcome, and the reason, of a work that is neither as it was nor as planned."""


class PutExecutor(GuardedExecutor):
    """Overwrite works by id, each with the whole work as it was shown and only the planned cells changed."""

    size = 200

    def send(self, api: Api, changes: Sequence[Change]) -> Any:
        """Send one PUT."""
        return api.update([change.after.record for change in changes if change.after is not None])

    def is_done(self, change: Change, record: Record | None) -> bool:
        """Return whether every planned cell has its new value; a missing field counts as null."""
        return record is not None and all(equal(_at(record, path), new) for path, _, new in _cells(change))

    def judge_drifted(self, change: Change, record: Record, reply: Reply) -> tuple[Outcome, str]:
        """Return the outcome: drifted if a planned cell has its old value or nothing was sent, else done."""
        since = what_differs(change.after, record)
        undone = any(equal(_at(record, path), old) for path, old, _ in _cells(change))
        if undone or reply.kind is ReplyKind.NEVER_ASKED:
            return Outcome.DRIFTED, f"Changed by someone else at the same moment: {since}"
        return Outcome.DONE, f"Done, and moved on since: {since}"


def _cells(change: Change) -> list[tuple[tuple[str, ...], Any, Any]]:
    """Return the cells of a work that will change, each as path, old value and new value."""
    before, after = (side.record if side is not None else {} for side in (change.before, change.after))
    return [
        (path, None if old is MISSING else old, None if new is MISSING else new)
        for path, old, new in leaves(before, after)
    ]


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record
