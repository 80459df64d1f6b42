"""How a request fails: which of our errors that is, and whether the request is sent again.

Only this module converts HTTP statuses, and exceptions of requests and urllib3, to our errors.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from bucketsnb.addresses import without_login
from bucketsnb.display.texts import host_of, truncate
from bucketsnb.errors import (
    GATEWAY_STATUSES,
    BadAnswer,
    NoAnswer,
    NotFound,
    Refused,
    ServiceError,
    ServiceFailed,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from bucketsnb.transport.routes import Route

__all__ = [
    "ATTEMPTS",
    "MAY_REPEAT",
    "Call",
    "FailureKind",
    "Idempotency",
    "TryFailedError",
    "UnreadableBodyError",
    "of_exception",
    "of_status",
    "retry_after",
    "retrying",
]


class Idempotency(Enum):
    """Whether a call may be sent again, by what it does to the service."""

    SAFE = "changes nothing"
    REPEATABLE = "has the same result when it is sent twice, as a delete by ids has"
    ONCE = "is never repeated if it may have been sent: deposit, withdraw, update, audit"


class FailureKind(Enum):
    """How a try failed."""

    NEVER_SENT = "nothing was sent, or the service said that it did not accept the request"
    NO_ANSWER = "it was sent, and the connection or a gateway failed: the service may or may not have acted"
    FINAL = "sending it again would not help, or would take longer than the timeout"


MAY_REPEAT: Mapping[FailureKind, frozenset[Idempotency]] = {
    FailureKind.NEVER_SENT: frozenset(Idempotency),
    FailureKind.NO_ANSWER: frozenset({Idempotency.SAFE, Idempotency.REPEATABLE}),
    FailureKind.FINAL: frozenset(),
}
"""Which calls may be sent again after a failed try."""


class TryFailedError(Exception):
    """One failed try: its error, its kind, and the wait that the service asked for, in seconds."""

    def __init__(self, error: ServiceError, kind: FailureKind, *, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.kind = kind
        self.wait = wait


class UnreadableBodyError(ValueError):
    """The body of an answer is larger than allowed, or cannot be unpacked."""


@dataclass(frozen=True)
class Call:
    """One request, the same in every try; `timeout` is in seconds, `max_bytes` limits the unpacked answer."""

    method: str
    path: str
    route: Route
    idempotency: Idempotency = Idempotency.SAFE
    params: Sequence[tuple[str, str]] | Mapping[str, str] | None = None
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 0.0
    max_bytes: int = 0

    def __str__(self) -> str:
        through = f" through the proxy {self.route.via}" if self.route.proxy else ""
        return f"{self.method} {truncate(self.path, 200)} on {host_of(self.route.url)}{through}"

    def failed(self, kind: type[ServiceError], text: str, in_python: str = "", **details: Any) -> ServiceError:
        """Return an error about this call: `text` follows its name, `in_python` says what to do, worded for Python."""
        problem = f"{self}{text}"
        message = f"{problem} {in_python}" if in_python else problem
        error = kind(message, method=self.method, path=self.path, url=self.route.url, **details)
        error.problem = problem  # other front ends have their own words for what to do
        return error


# --- sending again ---


ATTEMPTS = 4
"""Number of tries, the first one included."""

_PATIENCE = 30.0
"""Seconds after which no further try starts; a longer ``Retry-After`` is not waited for."""

_BACKOFF = wait_exponential(multiplier=0.2, max=4.0) + wait_random(0, 0.2)
"""Seconds before the next try unless the service asks for more; random, so that many clients do not return at once."""


def retrying(idempotency: Idempotency, attempts: int, sleep: Callable[[float], None]) -> Retrying:
    """Return the retry loop for a call of this kind; it raises the last :class:`TryFailedError`."""

    def may_repeat(failure: BaseException) -> bool:
        return isinstance(failure, TryFailedError) and idempotency in MAY_REPEAT[failure.kind]

    def asked(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        return (failure.wait or 0.0) if isinstance(failure, TryFailedError) else 0.0

    return Retrying(
        retry=retry_if_exception(may_repeat),
        stop=lambda state: (
            state.attempt_number >= attempts or (state.seconds_since_start or 0.0) + asked(state) > _PATIENCE
        ),
        wait=lambda state: max(asked(state), _BACKOFF(state)),
        sleep=sleep,
        reraise=True,
    )


def retry_after(value: str) -> float | None:
    """Return the seconds of a ``Retry-After`` header, a number or a date; None if it is neither.

    Examples
    --------
    >>> retry_after("7"), retry_after("soon")
    (7.0, None)
    """
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


# --- refusals ---

_NO_PROXY = "If the service needs no proxy, set BUCKETSNB_PROXY=off."
_BY_PROXY: Mapping[int, str] = {
    403: f"The proxy may have refused it itself. {_NO_PROXY}",
    407: f"The proxy needs a login: write user:password@ before its host. {_NO_PROXY}",
}
"""What to do about statuses that come from a proxy: 407, and 403, as services answer 401 if a token is missing."""

_KINDS: Mapping[int, tuple[type[ServiceError], str]] = {
    401: (Unauthorized, "No token was sent: pass token= or set WORKFLOW_HTTP_TOKEN."),
    403: (Unauthorized, "No token was sent: pass token= or set WORKFLOW_HTTP_TOKEN."),
    404: (NotFound, "Check that the address is that of a Buckets service."),
    413: (TooLarge, "Send less at once."),
    414: (TooLarge, "Send less at once."),
    429: (TooManyRequests, "Wait before asking again."),
    431: (TooLarge, "Send less at once."),
}
"""Errors for some statuses, each with what to do about it in Python."""
_OTHER_KINDS: Mapping[int, tuple[type[ServiceError], str]] = {
    1: (BadAnswer, "Check that the address is that of a Buckets service."),
    3: (Refused, "If that is the service, use its address."),
    4: (Refused, "Correct the request."),
}
"""Errors for other statuses, by their first digit."""


def of_status(
    call: Call, status: int, headers: Mapping[str, str], text: str, token_source: str | None
) -> TryFailedError:
    """Return the failure for a status other than 200 to 299.

    `text` is the start of the body; the caller has removed secrets from it and from the headers. `token_source` says
    where the token that was sent came from, and is None if none was sent.
    """
    broken = (ServiceFailed, "The service has to be looked at by the people who run it.")
    kind, next_step = _KINDS.get(status) or _OTHER_KINDS.get(status // 100, broken)
    if kind is Unauthorized and token_source is not None:
        next_step = f"The token that was sent came from {token_source}."
    if call.route.is_relayed and status in _BY_PROXY:
        kind, next_step = Refused, _BY_PROXY[status]
    elif call.route.is_relayed:
        next_step = f"{next_step} {_NO_PROXY}"
    shown = truncate(text, 300)
    said = _message_in(text) or shown
    detail = f": {said.removesuffix('.')}" if said else ""
    if status // 100 == 3:
        location = truncate(without_login(headers.get("location", "")) or "nowhere", 200)
        detail = f", a redirect to {location}, which is not followed; nothing was sent there"
    who = ", which" if call.route.is_relayed else ": the service"
    answer = f"{who} answered {status}{detail}."
    if call.route.is_relayed or status < 400:  # what to do is then worded alike for every front end
        answer, next_step = f"{answer} {next_step}", ""
    error = call.failed(kind, answer, next_step, status=status, excerpt=shown)
    wait = retry_after(headers.get("retry-after", "")) if status in (429, 503) else None
    if status == 429:  # the service says that it did not accept the request
        return TryFailedError(error, FailureKind.NEVER_SENT, wait=wait)
    return TryFailedError(error, FailureKind.NO_ANSWER if status in GATEWAY_STATUSES else FailureKind.FINAL, wait=wait)


def _message_in(body: str) -> str:
    """Return the message in a service's description of an error; empty if the body is something else."""
    try:
        described = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    message = described.get("message") if isinstance(described, dict) else None
    return truncate(message, 300) if isinstance(message, str) else ""


# --- connections that fail ---

_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
"""The message of :mod:`http.client` when a proxy refuses to connect; the status is given nowhere else."""

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "the name of the host is not known"),
    (ssl.SSLCertVerificationError, "the certificate is not trusted"),
    (ssl.SSLError, "TLS failed; is it an http:// address?"),
    (TimeoutError, "timed out"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection closed by the service"),
)


def of_exception(
    call: Call, error: BaseException, *, sent: bool, answering: bool, hide: Callable[[str], str]
) -> TryFailedError:
    """Return the failure for a lost, refused or timed-out connection, or for an unreadable body.

    The message may quote bytes that came instead of an answer; `hide` removes secrets that they repeat.
    """
    links = _chain(error)
    reason = _reason_of(links, hide)
    ran_out = any(isinstance(link, TimeoutError) for link in links)
    if isinstance(error, UnreadableBodyError | zlib.error):
        return TryFailedError(call.failed(BadAnswer, f": the answer cannot be read: {reason}."), FailureKind.FINAL)
    if not sent:
        return _never_sent(call, links, reason, ran_out=ran_out)
    if ran_out:
        text = f": no whole answer within {call.timeout:g} s."
        return TryFailedError(call.failed(NoAnswer, text, "Try again, or raise timeout=."), FailureKind.FINAL)
    kind = BadAnswer if answering and call.idempotency is not Idempotency.ONCE else NoAnswer  # a change may be made
    what = "the answer was cut off" if answering else "the connection was lost before an answer came"
    return TryFailedError(call.failed(kind, f": {what} ({reason})."), FailureKind.NO_ANSWER)


def _never_sent(call: Call, links: Sequence[BaseException], reason: str, *, ran_out: bool) -> TryFailedError:
    by_proxy = next((int(found[1]) for link in links if (found := _TUNNEL.search(str(link)))), None)
    lasting = by_proxy is not None and by_proxy not in GATEWAY_STATUSES
    lasting = lasting or any(isinstance(link, socket.gaierror | ssl.SSLError | ValueError) for link in links)
    if by_proxy is not None:
        text = f", which answered {by_proxy}. {_BY_PROXY.get(by_proxy, _NO_PROXY)}"
        reason = f"the proxy {call.route.via} answered {by_proxy}"
    elif call.route.proxy:
        text = f": no connection ({reason}). Check that the proxy runs. {_NO_PROXY}"
        reason = f"through the proxy {call.route.via}: {reason}"
    else:
        text = f": no connection ({reason}). Check the address, the network and that the service runs."
    error = call.failed(Unreachable, text, tried={call.route.url: reason})
    return TryFailedError(error, FailureKind.FINAL if ran_out or lasting else FailureKind.NEVER_SENT)


def _reason_of(links: Sequence[BaseException], hide: Callable[[str], str]) -> str:
    """Return why a connection failed, in a few words."""
    for kind, words in _REASONS:
        if any(isinstance(link, kind) for link in links):
            return words
    deepest = next((link for link in reversed(links) if isinstance(link, OSError) and link.strerror), links[-1])
    return truncate(hide(str(getattr(deepest, "strerror", None) or deepest)), 120)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and all its causes; urllib3 keeps some only in the arguments of others."""
    links = [error]
    for link in links:
        inner = (link.__cause__, link.__context__, *link.args)
        links += [cause for cause in inner if isinstance(cause, BaseException) and cause not in links]
    return links
