"""Send one request that changes works, and find out what it did: from its answer, and by reading the works again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bucketsnb.changes.execution import Execution
from bucketsnb.changes.receipt import Outcome
from bucketsnb.display.texts import truncate
from bucketsnb.errors import BucketsError, Refused, ServiceError, ServiceFailed, Unreachable

__all__ = [
    "LOST_PAUSES",
    "PAUSES",
    "Reply",
    "ReplyKind",
    "ask",
    "go_on_or_raise",
    "halves",
    "look_until",
    "should_bisect",
]

PAUSES = (0.0, 0.25, 0.75)
"""Seconds before each look at what came of a request: a service may need a moment until its own writes are seen."""

LOST_PAUSES = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each look for works whose deposit was not answered: a slow service may still be storing them."""

_OF_WORKS = frozenset({400, 404, 409, 413, 422})
"""Statuses of a refusal that may be due to some of the works."""

_REFUSALS = 32
"""Refusals in a row after which a service is believed to refuse everything; to find one work among 200 takes 8."""


class ReplyKind(Enum):
    """How the service replied to a request that changes works."""

    YES = auto()
    """It answered that it did it."""
    NO = auto()
    """It refused, and did nothing."""
    FAILED = auto()
    """It answered that it failed."""
    SILENCE = auto()
    """It gave no answer, or none that says whether it acted."""
    NEVER_ASKED = auto()
    """The request was not sent."""


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
    def without_effect(self) -> Outcome | None:
        """What became of the works, where the answer tells that the request changed none."""
        return {ReplyKind.NO: Outcome.REFUSED, ReplyKind.NEVER_ASKED: Outcome.NOT_SENT}.get(self.kind)

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
    """Send one request that changes works, if its record is still there, and return the reply.

    No error of the service or the network is raised: it is in the reply.
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


def look_until(
    execution: Execution,
    positions: Sequence[int],
    judge: Callable[[list[int]], list[int]],
    *,
    lost: bool = False,
) -> list[int]:
    """Pause, look and judge, again and again, until nothing is left to look for or it has been long enough.

    Parameters
    ----------
    execution
        Keeps an error that stands in the way of looking; nothing more is looked for then.
    positions
        Works to look for.
    judge
        Looks at the works at some positions, says what became of them, and returns those worth another look.
    lost
        Whether the answer was lost, so that the service may need longer.

    Returns
    -------
    list of int
        The works that are left.
    """
    left = list(positions)
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


def should_bisect(execution: Execution, reply: Reply, number: int) -> bool:
    """Tell whether works that were refused together are to be sent in halves: one of them may be the reason."""
    execution.refusals = execution.refusals + 1 if reply.kind is ReplyKind.NO else 0
    of_works = reply.kind is ReplyKind.NO and getattr(reply.error, "status", None) in _OF_WORKS
    return of_works and number > 1 and execution.refusals < _REFUSALS


def halves(positions: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Cut the works of a request into two."""
    middle = len(positions) // 2
    return positions[:middle], positions[middle:]


def go_on_or_raise(execution: Execution, positions: Sequence[int], error: BaseException) -> None:
    """Keep an error of some works of a chunk; raise one of all its works, because the next chunk would have it too."""
    if not isinstance(error, Refused) or all(execution.results[p].outcome is not Outcome.DONE for p in positions):
        raise error
    execution.errors.append(error)
