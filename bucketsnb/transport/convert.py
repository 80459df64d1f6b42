"""Convert exceptions of requests and urllib3, and HTTP statuses, to our errors; this is done nowhere else."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

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
from bucketsnb.transport.retry import FailureKind, TryFailedError
from bucketsnb.transport.routes import Route

__all__ = ["Call", "of_exception", "of_status", "reason_of", "retry_after", "without_frames", "words_of"]

_BY_STATUS: Mapping[int, type[ServiceError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    413: TooLarge,
    414: TooLarge,
    429: TooManyRequests,
    431: TooLarge,
}
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_WHAT_NEXT: Mapping[type[ServiceError], str] = {
    NotFound: "Check that the address is that of a Buckets service.",
    TooLarge: "Send less at once.",
    TooManyRequests: "Wait before asking again.",
    ServiceFailed: "The service has to be looked at by the people who run it.",
}


_NO_PROXY = "If the service needs no proxy, set BUCKETSNB_PROXY=off."
_BY_PROXY: Mapping[int, str] = {
    403: f"The proxy may have refused it itself. {_NO_PROXY}",
    407: f"The proxy needs a login: write user:password@ before its host. {_NO_PROXY}",
}
"""What to do about statuses that are a proxy's own, or are taken for such: services say 401 of a token."""

_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
"""How :mod:`http.client` says that a proxy refused to connect; the status stands nowhere else."""


@dataclass(frozen=True)
class Call:
    """What is known of a request when it is described: its method, its path, and the way to the service."""

    method: str
    path: str
    route: Route

    def __str__(self) -> str:
        through = f" through the proxy {self.route.via}" if self.route.proxy else ""
        return f"{self.method} {truncate(self.path, 200)} on {host_of(self.url)}{through}"

    @property
    def url(self) -> str:
        """Base address of the service."""
        return self.route.url

    @property
    def details(self) -> dict[str, Any]:
        """The keyword arguments that every :class:`ServiceError` takes from a call."""
        return {"method": self.method, "path": self.path, "url": self.url}


def of_status(
    call: Call, status: int, headers: Mapping[str, str], text: str, token_source: str | None
) -> TryFailedError:
    """Return the failure that a status of 400 and above stands for.

    Parameters
    ----------
    text
        The start of the body, already without secrets.
    token_source
        Where the token that was sent came from, or None.
    """
    by_proxy = call.route.is_relayed and status in _BY_PROXY
    kind = Refused if by_proxy else _BY_STATUS.get(status, ServiceFailed if status >= 500 else Refused)
    shown = truncate(text, 300)
    detail = f": {shown.removesuffix('.')}" if shown else ""
    next_step = _about_the_token(token_source) if kind is Unauthorized else _WHAT_NEXT.get(kind, "Correct the request.")
    if call.route.is_relayed:
        next_step = _BY_PROXY[status] if by_proxy else f"{next_step} {_NO_PROXY}"
    who = ", which" if call.route.is_relayed else ": the service"
    message = f"{call}{who} answered {status}{detail}. {next_step}"
    wait = retry_after(headers.get("retry-after", "")) if status in (429, 503) else None
    return TryFailedError(kind(message, status=status, excerpt=shown, **call.details), _failure_kind(status), wait=wait)


def _failure_kind(status: int) -> FailureKind:
    if status == 429:  # the service says that it did not take the request
        return FailureKind.NEVER_SENT
    return FailureKind.NO_ANSWER if status in GATEWAY_STATUSES else FailureKind.FINAL


def _about_the_token(source: str | None) -> str:
    if source is None:
        return "No token was sent: pass token= or set WORKFLOW_HTTP_TOKEN."
    return f"The token that was sent came from {source}."


def of_exception(call: Call, error: BaseException, *, sent: bool, cut: bool, timeout: float) -> TryFailedError:
    """Return the failure that a lost, refused or timed-out connection stands for.

    Parameters
    ----------
    sent
        Whether any byte of the request left.
    cut
        Whether the answer had begun and its loss is the answer's fault: not so for a call that may have changed
        works, of which nobody then knows what it did.
    timeout
        Seconds that were waited, for the message.
    """
    reason, in_time, in_vain = reason_of(error), not _ran_out(error), _is_lasting(error)
    if not sent:
        unreachable = _unreachable(call, reason, _refused_tunnel(error))
        return TryFailedError(unreachable, FailureKind.NEVER_SENT if in_time and not in_vain else FailureKind.FINAL)
    if not in_time:
        text = f"{call}: no whole answer within {timeout:g} s. Try again, or raise timeout=."
        return TryFailedError(NoAnswer(text, **call.details), FailureKind.FINAL)
    if cut:
        return TryFailedError(
            BadAnswer(f"{call}: the answer was cut off ({reason}).", **call.details), FailureKind.NO_ANSWER
        )
    text = f"{call}: the connection was lost before an answer came ({reason})."
    return TryFailedError(NoAnswer(text, **call.details), FailureKind.NO_ANSWER)


def _unreachable(call: Call, reason: str, by_proxy: int | None) -> Unreachable:
    if by_proxy is not None:
        step = _BY_PROXY.get(by_proxy, _NO_PROXY)
        text, reason = f"{call}, which answered {by_proxy}. {step}", f"the proxy {call.route.via} answered {by_proxy}"
    elif call.route.proxy:
        text = f"{call}: no connection ({reason}). Check that the proxy runs. {_NO_PROXY}"
        reason = f"through the proxy {call.route.via}: {reason}"
    else:
        text = f"{call}: no connection ({reason}). Check the address, the network and that the service runs."
    return Unreachable(text, tried={call.url: reason}, **call.details)


def _refused_tunnel(error: BaseException) -> int | None:
    """Return the status with which a proxy refused to connect to the service, or None."""
    found = (_TUNNEL.search(str(link)) for link in _chain(error) if isinstance(link, OSError))
    return next((int(status[1]) for status in found if status), None)


def retry_after(value: str) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, given as seconds or as a date; None when it says nothing.

    Examples
    --------
    >>> retry_after("7"), retry_after("soon")
    (7.0, None)
    """
    if _SECONDS.fullmatch(value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def reason_of(error: BaseException) -> str:
    """Say in a few words why a connection failed."""
    links = list(_chain(error))
    for kind, words in _REASONS:
        if any(isinstance(link, kind) for link in links):
            return words
    deepest = next((link for link in reversed(links) if isinstance(link, OSError) and link.strerror), links[-1])
    return truncate(getattr(deepest, "strerror", None) or deepest, 120)


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "the name of the host is not known"),
    (ssl.SSLCertVerificationError, "the certificate is not trusted"),
    (ssl.SSLError, "TLS failed; is it an http:// address?"),
    (TimeoutError, "timed out"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection closed by the service"),
)


def _ran_out(error: BaseException) -> bool:
    return any(isinstance(link, TimeoutError) for link in _chain(error))


def _is_lasting(error: BaseException) -> bool:
    refused = _refused_tunnel(error)
    lasting = refused is not None and refused not in GATEWAY_STATUSES
    return lasting or any(isinstance(link, socket.gaierror | ssl.SSLError | ValueError) for link in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps; requests and urllib3 keep the cause in args, reason or context."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting += [one for one in inner if isinstance(one, BaseException)]


def without_frames(error: BaseException) -> BaseException:
    """Return an exception whose chain holds neither frames nor requests: both hold the token on its way out."""
    for link in _chain(error):
        link.__traceback__ = None
        for name in ("request", "response"):
            if hasattr(link, name):
                setattr(link, name, None)
    return error


def words_of(error: BaseException) -> str:
    """Return all that an exception and its chain say."""
    return "\n".join(f"{link} {link!r}" for link in _chain(error))
