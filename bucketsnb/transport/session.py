"""The one place that owns a ``requests.Session``: addresses, headers, timeouts, retries, redaction, log lines."""

from __future__ import annotations

import base64
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import NoReturn

import requests
import urllib3
from urllib3.util import parse_url

from bucketsnb.addresses import without_login
from bucketsnb.display.texts import count_of, truncate
from bucketsnb.errors import BadAnswer, NoAnswer, Refused, ServiceError, Unauthorized, Unreachable
from bucketsnb.settings import GIVEN, Settings
from bucketsnb.transport.body import UnreadableBodyError, read_body, read_start
from bucketsnb.transport.connection import Attempt, Hidden, new_session
from bucketsnb.transport.convert import Call, of_exception, of_status, without_frames, words_of
from bucketsnb.transport.retry import FailureKind, Idempotency, Policy, TryFailedError, retrying
from bucketsnb.transport.routes import route_to

__all__ = ["Answer", "Transport"]

MAX_BYTES = 4 * 1024**3
"""Unpacked bytes that an answer may have when the caller names no limit."""

CONNECT_SECONDS = 5.0
"""Longest wait for a connection, as in the service's own client; the timeout when that is shorter."""

SHORTEST = 4
"""Characters from which a token or password is looked for in what the service says; one letter is everywhere."""

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without the backslash."""

_LOG = logging.getLogger("bucketsnb.transport")


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status
        Of HTTP; always 200 to 299.
    body
        Unpacked.
    headers
        By lower-case name.
    received_at
        Epoch seconds here when the answer began.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    received_at: float = 0.0


@dataclass(frozen=True)
class _Send:
    """One request, as every try sends it."""

    call: Call
    idempotency: Idempotency
    params: Sequence[tuple[str, str]] | Mapping[str, str] | None
    body: bytes | None = field(repr=False)
    timeout: float
    max_bytes: int


class _Own:
    """What each process has of its own: a child of a fork neither uses its parent's connections nor closes them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session = new_session()


class Transport:
    """A way to one service, for any number of threads.

    Parameters
    ----------
    settings
        Addresses, token and timeout.
    policy
        How patient retries are.
    sleep
        Waits between tries, in seconds; tests pass their own.

    Notes
    -----
    Nothing is sent until the first request. With several addresses the first one that answers ``HEAD /version``
    (without the token) is used from then on. After a fork the child opens connections of its own.
    """

    def __init__(
        self, settings: Settings, *, policy: Policy | None = None, sleep: Callable[[float], None] | None = None
    ) -> None:
        self.settings = settings
        self._policy = policy or Policy()
        self._sleep = sleep or pause
        self._picked = settings.urls[0] if len(settings.urls) == 1 else None
        self._processes: dict[int, _Own] = {}

    def _own(self) -> _Own:
        return self._processes.get(os.getpid()) or self._processes.setdefault(os.getpid(), _Own())

    def __repr__(self) -> str:
        return f"Transport({', '.join(self.settings.urls)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a connection is not pickled or copied; build a client in the process that uses it")

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        own = self._processes.pop(os.getpid(), None)
        if own is not None:
            own.session.close()

    @property
    def url(self) -> str:
        """Base address in use, without a slash at the end; with several, asking for it may send requests."""
        return self._picked or self._pick()

    @property
    def known_url(self) -> str | None:
        """Base address in use, or None when no request has yet settled which; sends nothing."""
        return self._picked

    def hide(self, text: str) -> str:
        """Return a text from the service without the token and passwords that it may repeat."""
        for secret in self._secrets():
            text = text.replace(secret, "<hidden>")
        return text

    def call(self, method: str, path: str) -> Call:
        """Return a request as messages describe it; with several addresses it may send requests, to pick one."""
        return Call(method, path, route_to(self.url, self.settings.proxies))

    def request(
        self,
        method: str,
        path: str,
        *,
        idempotency: Idempotency,
        params: Sequence[tuple[str, str]] | Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Answer:
        """Send a request and return its answer, trying again where the meaning of the call allows it.

        Parameters
        ----------
        method
            Of HTTP.
        path
            From the base address on, starting with a slash, escaped.
        idempotency
            Whether the call may be sent again.
        params
            Of the query string.
        body
            JSON.
        timeout
            Seconds of silence allowed, in place of the client's own.
        max_bytes
            Unpacked size that the answer may have.

        Raises
        ------
        ServiceError
            One of the classes in :mod:`bucketsnb.errors`, of the last try, with ``attempts``.
        """
        send = _Send(self.call(method, path), idempotency, params, body, timeout or self.settings.timeout, max_bytes)
        attempts = 0

        def attempt() -> Answer:
            nonlocal attempts
            attempts += 1
            started = time.monotonic()
            try:
                answer = self._follow(send)
            except TryFailedError as failure:
                _LOG.debug("%s: %s (attempt %d)", send.call, type(failure.error).__name__, attempts)
                raise
            taken = time.monotonic() - started
            _LOG.debug("%s: %d, %d bytes, %.0f ms", send.call, answer.status, len(answer.body), taken * 1000)
            return answer

        try:
            return retrying(idempotency, self._policy, self._sleep)(attempt)
        except TryFailedError as failure:
            error = failure.error
        error.attempts = attempts
        if attempts > 1:
            error.args = (f"{error} Tried {attempts} times.",)
        if isinstance(error, Unreachable) and self.settings.url_source != GIVEN:  # whoever gave it knows
            error.args = (f"{error} The address came from {self.settings.url_source}.",)
        raise error

    def _follow(self, send: _Send) -> Answer:
        """Send to the address, and to wherever on the same origin it redirects a reading call, three times at most."""
        target = send.call.url + send.call.path
        for _ in range(4):
            answer = self._exchange(send, target)
            if not 300 <= answer.status < 400:
                return answer
            target = _redirected(send.call, answer, self.hide)
            send = replace(send, params=None)  # the next address is whole already
        raise TryFailedError(
            Refused(f"{send.call}: redirected four times in a row.", **send.call.details), FailureKind.FINAL
        )

    def _exchange(self, send: _Send, target: str, *, signed: bool = True) -> Answer:
        """Send once, to one URL; raise a :class:`TryFailedError` for whatever is not an answer below 400."""
        attempt = Attempt(send.timeout, len(send.body or b""))
        try:
            return attempt.run(lambda: self._talk(send, target, attempt, signed=signed))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            lost = self._without_secrets(without_frames(error))
            cut = attempt.answering and send.idempotency is not Idempotency.ONCE
            failure = of_exception(send.call, lost, sent=attempt.sent, cut=cut, timeout=send.timeout)
        failure.error.__cause__ = lost
        raise failure

    def _talk(self, send: _Send, target: str, attempt: Attempt, *, signed: bool) -> Answer:
        with self._session_for(send) as session, self._open(session, send, target, signed=signed) as response:
            attempt.answering = True
            return self._read(send, response, attempt)

    @contextmanager
    def _session_for(self, send: _Send) -> Iterator[requests.Session]:
        """Give the session of this process; to what may be sent only once, one with a fresh connection.

        Servers close idle connections, and a request that crosses the close would be lost without a trace.
        """
        if send.idempotency is not Idempotency.ONCE:
            yield self._own().session
            return
        with new_session() as fresh:
            yield fresh

    def _without_secrets(self, error: BaseException) -> BaseException:
        """Return an error that quotes what came, unless that repeats the token: what is no HTTP is quoted too."""
        words = words_of(error)
        return error if self.hide(words) == words else ConnectionError("what came repeats a secret, and is not shown")

    def _open(self, session: requests.Session, send: _Send, target: str, *, signed: bool) -> requests.Response:
        return session.request(
            send.call.method,
            target,
            params=send.params,
            data=None if send.body is None else BytesIO(send.body),  # in pieces, each with the time of one wait
            headers={"Content-Type": "application/json; charset=utf-8"} if send.body is not None else None,
            timeout=(min(send.timeout, CONNECT_SECONDS), send.timeout),
            auth=self._sign if signed else None,
            proxies=send.call.route.proxies,
            verify=send.call.route.verify,
            stream=True,
            allow_redirects=False,
        )

    def _read(self, send: _Send, response: requests.Response, attempt: Attempt) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        encoding, status, now = headers.get("content-encoding", ""), response.status_code, time.time()
        if status >= 400:
            attempt.failure = self._refusal(send, status, headers, b"")  # if its body keeps us waiting
            raise self._refusal(send, status, headers, read_start(response.raw, encoding))
        if status >= 300:
            return Answer(status, b"", headers, now)
        try:
            return Answer(status, read_body(response.raw, encoding, send.max_bytes, attempt.arrived), headers, now)
        except UnreadableBodyError as error:
            reason = str(error)
        message = f"{send.call}: the answer cannot be read: {reason}."
        raise TryFailedError(BadAnswer(message, status=status, **send.call.details), FailureKind.FINAL)

    def _refusal(self, send: _Send, status: int, headers: Mapping[str, str], body: bytes) -> TryFailedError:
        token = self.settings.token
        text = self.hide(body.decode("utf-8", "replace"))
        return of_status(send.call, status, headers, text, token.source if token else None)

    # --- addresses ---

    def _pick(self) -> str:
        with self._own().lock:
            if self._picked is None:
                self._picked = self._first_that_answers()
            return self._picked

    def _first_that_answers(self) -> str:
        tried: dict[str, str] = {}
        for url in self.settings.urls:
            reason = self._probe(url)
            if reason is None:
                return url
            tried[url] = reason
        listed = "".join(f"\n  {url}: {reason}" for url, reason in tried.items())
        raise Unreachable(
            f"None of {count_of(len(tried), 'address', 'addresses')} from {self.settings.url_source} answered "
            f"HEAD /version:{listed}\nCheck the addresses, the network and that the service runs.",
            tried=tried,
            method="HEAD",
            path="/version",
            url=self.settings.urls[0],
        )

    def _probe(self, url: str) -> str | None:
        """Ask an address whether a service is there, without the token; return why not, or None."""
        seconds = min(self.settings.timeout, CONNECT_SECONDS)
        call = Call("HEAD", "/version", route_to(url, self.settings.proxies))
        send = _Send(call, Idempotency.SAFE, None, None, seconds, 0)
        try:
            answer = self._exchange(send, url + "/version", signed=False)
        except TryFailedError as failure:
            return _why_not(call, failure.error)
        return f"answered {answer.status}, a redirect" if answer.status >= 300 else None

    # --- session ---

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.settings.token is not None:
            request.headers["x-access-token"] = Hidden(self.settings.token.reveal())
        login = self._login()
        if login is not None:
            request.headers["Authorization"] = Hidden("Basic " + login)
        return request

    def _login(self) -> str | None:
        secret = self.settings.logins.get(self._picked or "")
        return None if secret is None else base64.b64encode(secret.reveal().encode()).decode("ascii")

    def _secrets(self) -> list[str]:
        token = [self.settings.token.reveal()] if self.settings.token else []
        passwords = [login.reveal().partition(":")[2] for login in self.settings.logins.values()]
        proxy = route_to(self._picked, self.settings.proxies).secrets if self._picked else []
        return [secret for secret in (*token, *passwords, self._login(), *proxy) if secret and len(secret) >= SHORTEST]


def _why_not(call: Call, error: ServiceError) -> str | None:
    if isinstance(error, Unauthorized) or error.status == 405:  # a service is there: it wants a token, or knows no HEAD
        return None
    if error.status is not None:
        return f"through the proxy {call.route.via}, which " * call.route.is_relayed + f"answered {error.status}"
    tried = error.tried.values() if isinstance(error, Unreachable) else ()
    return next(iter(tried), "no answer in time" if isinstance(error, NoAnswer) else truncate(error))


def _redirected(call: Call, answer: Answer, hide: Callable[[str], str]) -> str:
    """Return where a redirect leads, if it may be followed."""
    location = answer.headers.get("location", "")
    goal, here = _goal(location), parse_url(call.url)
    stays = goal is not None and (goal.host is None or _origin(goal) == _origin(here))
    if goal is not None and stays and call.method in ("GET", "HEAD"):
        return here._replace(path=goal.path or "/", query=goal.query).url
    shown = (
        truncate(hide(without_login(location)), 200) if goal else "what is no plain address" if location else "nowhere"
    )
    message = (
        f"{call}: the service answered {answer.status}, a redirect to {shown}, which is not followed; "
        "nothing was sent there. If that is the service, use its address."
    )
    raise TryFailedError(Refused(message, status=answer.status, **call.details), FailureKind.FINAL)


def _goal(location: str) -> urllib3.util.Url | None:
    """Read a path or a whole address as the library that connects does; None for what another may read otherwise.

    A space, a backslash or a login in an address is read as another host by some parsers, and so is a missing slash.
    """
    whole = location.lower().startswith(("http://", "https://"))
    if not (whole or re.match("/(?!/)", location)) or not _PLAIN.fullmatch(location):
        return None
    try:
        goal = parse_url(location)
    except urllib3.exceptions.LocationParseError:
        return None
    return goal if goal.auth is None and bool(goal.host) == whole else None


def _origin(url: urllib3.util.Url) -> tuple[str | None, str | None, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")
