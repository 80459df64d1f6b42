"""Which calls may be sent again, how often, and how long apart: as data, and two small functions.

How a try failed is a :class:`FailureKind`; whether the call may be repeated is its :class:`Idempotency`; ``MAY_REPEAT``
puts the two together. Nothing here knows HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from tenacity import RetryCallState, Retrying, retry_if_exception

from bucketsnb.errors import ServiceError

__all__ = ["MAY_REPEAT", "FailureKind", "Idempotency", "Policy", "TryFailedError", "retrying"]


class Idempotency(Enum):
    """Whether a call may be sent again, by what it does to the service."""

    SAFE = "changes nothing"
    REPEATABLE = "ends in the same place twice, as a delete by ids does"
    ONCE = "is never sent again once it has left: deposit, withdraw, update, audit"


class FailureKind(Enum):
    """How a try failed."""

    NEVER_SENT = "nothing left, or the service said that it did not take it"
    NO_ANSWER = "it left, the connection or a gateway broke, and nobody knows"
    FINAL = "asking again would not help, or would take longer than was asked for"


MAY_REPEAT: Mapping[FailureKind, frozenset[Idempotency]] = {
    FailureKind.NEVER_SENT: frozenset(Idempotency),
    FailureKind.NO_ANSWER: frozenset({Idempotency.SAFE, Idempotency.REPEATABLE}),
    FailureKind.FINAL: frozenset(),
}


class TryFailedError(Exception):
    """One failed try: the error that would come out, its kind, and the wait the service asked for in seconds."""

    def __init__(self, error: ServiceError, kind: FailureKind, *, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.kind = kind
        self.wait = wait


@dataclass(frozen=True)
class Policy:
    """How patient the retries are.

    Parameters
    ----------
    attempts
        Tries in all.
    seconds
        Time in all after which no further try starts; a ``Retry-After`` that reaches beyond it is not waited for.
    first_wait, longest_wait
        Seconds before the second try, doubled for each further one up to the longest; each is shortened at random
        by up to half, so that many clients do not come back at once.
    """

    attempts: int = 4
    seconds: float = 30.0
    first_wait: float = 0.2
    longest_wait: float = 4.0

    def wait_before(self, attempt: int, asked: float | None) -> float:
        """Return the seconds to wait before a try; what the service asked for is never undercut."""
        if asked is not None:
            return asked + random.uniform(0, min(0.25, asked / 4))  # noqa: S311 - spreads load, guards nothing
        longest = min(self.longest_wait, self.first_wait * 2 ** (attempt - 2))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


def retrying(idempotency: Idempotency, policy: Policy, sleep: Callable[[float], None]) -> Retrying:
    """Return the loop for a call of this kind; the last :class:`TryFailedError` comes out of it."""

    def may_repeat(failure: BaseException) -> bool:
        return isinstance(failure, TryFailedError) and idempotency in MAY_REPEAT[failure.kind]

    def is_enough(state: RetryCallState) -> bool:
        elapsed = (state.seconds_since_start or 0.0) + (_asked(state) or 0.0)
        return elapsed > policy.seconds or state.attempt_number >= policy.attempts

    def wait(state: RetryCallState) -> float:
        return policy.wait_before(state.attempt_number + 1, _asked(state))

    return Retrying(retry=retry_if_exception(may_repeat), stop=is_enough, wait=wait, sleep=sleep, reraise=True)


def _asked(state: RetryCallState) -> float | None:
    """Return the seconds that the service asked to wait, if it did."""
    failure = state.outcome.exception() if state.outcome else None
    return failure.wait if isinstance(failure, TryFailedError) else None
