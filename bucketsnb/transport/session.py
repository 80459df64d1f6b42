"""Send requests to one service: choose its address, add headers, try again where safe, read answers of limited size."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any, NoReturn
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError

from bucketsnb.display.texts import count_of, truncate
from bucketsnb.errors import ServiceError, Unauthorized, Unreachable
from bucketsnb.settings import GIVEN, Settings
from bucketsnb.transport.connection import Attempt, Hidden, new_session
from bucketsnb.transport.failures import (
    ATTEMPTS,
    Call,
    Idempotency,
    TryFailedError,
    UnreadableBodyError,
    of_exception,
    of_status,
    retrying,
)
from bucketsnb.transport.routes import Route, route_to

__all__ = ["Answer", "Transport"]

MAX_BYTES = 4 * 1024**3
"""Most bytes that an answer may have by default, when unpacked."""

CONNECT_SECONDS = 5.0
"""Longest wait for a connection, as in the service's own client; a shorter timeout limits it further."""

SHORTEST = 4
"""Characters of the shortest secret that is hidden in messages: a shorter one may be part of any word."""

_LOG = logging.getLogger("bucketsnb.transport")


def pause(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


@dataclass(frozen=True)
class Answer:
    """An answer: its status of 200 to 299, unpacked body, headers, and time of arrival (epoch seconds, local clock)."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    received_at: float = 0.0


class Transport:
    """Sends requests to one service, from any number of threads.

    Nothing is sent until the first request. Of several addresses, the first one that answers ``HEAD /version`` (sent
    without the token) is used from then on. A forked process neither uses its parent's connections nor closes them.
    """

    def __init__(
        self, settings: Settings, *, attempts: int = ATTEMPTS, sleep: Callable[[float], None] | None = None
    ) -> None:
        self.settings = settings
        self.known_url = settings.urls[0] if len(settings.urls) == 1 else None
        """Base address in use, or None until a request has chosen it."""

        self._route: Route | None = None
        self._attempts = attempts
        self._sleep = sleep or pause
        self._sessions: dict[int, requests.Session] = {}

    def __repr__(self) -> str:
        return f"Transport({', '.join(self.settings.urls)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a connection is not pickled or copied; build a client in the process that uses it")

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        session = self._sessions.pop(os.getpid(), None)
        if session is not None:
            session.close()

    @property
    def url(self) -> str:
        """Base address in use, without a slash at the end.

        With several addresses, the first use sends requests to choose one, and raises Unreachable if none answers.
        """
        if self.known_url is None:
            self.known_url = self._first_that_answers()
        return self.known_url

    def hide(self, text: str, route: Route | None = None) -> str:
        """Return a text from the service with the token and passwords that it repeats replaced by ``<hidden>``."""
        token = [self.settings.token.reveal()] if self.settings.token else []
        passwords = [login.reveal().partition(":")[2] for login in self.settings.logins.values()]
        route = route or self._route
        proxy = route.secrets if route else []
        secrets = (*token, *passwords, self._login(self.known_url), *proxy)
        forms = [form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)]
        for form in sorted(forms, key=len, reverse=True):  # the longest first: a login contains the password
            text = text.replace(form, "<hidden>")
        return text

    def call(self, method: str, path: str, **details: Any) -> Call:
        """Return the description of a request; with several addresses, requests may be sent to choose one."""
        if self._route is None:
            self._route = route_to(self.url, self.settings.proxies)
        return Call(method, path, self._route, **details)

    def request(
        self,
        method: str,
        path: str,
        *,
        idempotency: Idempotency,
        params: Sequence[tuple[str, str]] | Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Answer:
        """Send a request and return its answer; try again if that is safe for this call.

        The `path` starts with a slash and is percent-encoded already; `max_bytes` limits the unpacked answer.

        Raises
        ------
        ServiceError
            The error of the last try, of one of the classes in :mod:`bucketsnb.errors`; its ``attempts`` is set.
        """
        content = {"params": params, "body": body, "timeout": self.settings.timeout, "max_bytes": max_bytes}
        call = self.call(method, path, idempotency=idempotency, **content)
        tries = retrying(idempotency, self._attempts, self._sleep)
        try:
            return tries(self._exchange, call)
        except TryFailedError as failure:
            error = failure.error
        error.attempts = tries.statistics["attempt_number"]
        if error.attempts > 1:
            error.args = (f"{error} Tried {error.attempts} times.",)
        if isinstance(error, Unreachable) and self.settings.url_source != GIVEN:  # otherwise the caller knows it
            error.args = (f"{error} The address came from {self.settings.url_source}.",)
        raise error

    def _exchange(self, call: Call, *, signed: bool = True) -> Answer:
        """Send once, with token and login if `signed`; raise TryFailedError for all but an answer of 200 to 299."""
        attempt = Attempt(call.timeout, len(call.body or b""))
        started = time.monotonic()
        try:
            answer = attempt.run(partial(self._talk, call, attempt, signed=signed))
        except TryFailedError as failed:
            failure = failed
        except (requests.RequestException, HTTPError, OSError, ValueError, zlib.error) as error:
            failure = attempt.refusal or of_exception(
                call, error, sent=attempt.sent, answering=attempt.answering, hide=partial(self.hide, route=call.route)
            )
        else:
            taken = time.monotonic() - started
            _LOG.debug("%s: %d, %d bytes, %.0f ms", call, answer.status, len(answer.body), taken * 1000)
            return answer
        _LOG.debug("%s: %s", call, type(failure.error).__name__)
        raise failure

    def _talk(self, call: Call, attempt: Attempt, *, signed: bool) -> Answer:
        # Servers close idle connections. If a request is sent at that moment, nobody can tell whether it arrived. So a
        # call that may be sent only once uses a new connection.
        session = new_session() if call.idempotency is Idempotency.ONCE else nullcontext(self._session())
        with (
            session as opened,
            opened.request(
                call.method,
                call.route.url + call.path,
                params=call.params,
                data=None if call.body is None else BytesIO(call.body),  # sent in pieces; the timeout is for each
                headers=self._headers(call, signed=signed),
                timeout=(min(call.timeout, CONNECT_SECONDS), call.timeout),
                proxies=call.route.proxies,
                verify=call.route.verify,
                stream=True,
                allow_redirects=False,
            ) as response,
        ):
            attempt.answering = True
            status, headers, now = response.status_code, response.headers, time.time()
            packing = headers.get("content-encoding", "").strip().lower()
            if 200 <= status < 300:
                body = _read_body(response.raw, packing, call.max_bytes, attempt.arrived)
                return Answer(status, body, headers, now)
            attempt.refusal = self._refusal(call, response, b"")  # in case its body is cut off or never ends
            if status < 400:
                raise attempt.refusal
            raise self._refusal(call, response, _read_start(response.raw, packing))

    def _session(self) -> requests.Session:
        return self._sessions.get(os.getpid()) or self._sessions.setdefault(os.getpid(), new_session())

    def _headers(self, call: Call, *, signed: bool) -> dict[str, str]:
        headers = {} if call.body is None else {"Content-Type": "application/json; charset=utf-8"}
        if signed and self.settings.token is not None:
            headers["x-access-token"] = Hidden(self.settings.token.reveal())
        if signed and call.route.url in self.settings.logins:
            headers["Authorization"] = Hidden("Basic " + self._login(call.route.url))
        return headers

    def _login(self, url: str | None) -> str:
        secret = self.settings.logins.get(url or "")
        return "" if secret is None else _base64(secret.reveal())

    def _refusal(self, call: Call, response: requests.Response, body: bytes) -> TryFailedError:
        token = self.settings.token
        headers = {name.lower(): self.hide(value, call.route) for name, value in response.headers.items()}
        text = self.hide(body.decode("utf-8", "replace"), call.route)
        return of_status(call, response.status_code, headers, text, token.source if token else None)

    # --- addresses ---

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
        """Ask an address whether a service is there, without the token; return why not, or None if it is."""
        seconds = min(self.settings.timeout, CONNECT_SECONDS)
        call = Call("HEAD", "/version", route_to(url, self.settings.proxies), timeout=seconds)
        try:
            self._exchange(call, signed=False)
        except TryFailedError as failure:
            return _reason_no_service(call, failure.error)
        return None


def _forms(secret: str) -> tuple[str, ...]:
    """Return the forms in which a text may repeat a secret: base64, percent-encoded, within JSON, or unchanged."""
    return _base64(secret).rstrip("="), quote(secret, safe=""), json.dumps(secret)[1:-1], secret


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _reason_no_service(call: Call, error: ServiceError) -> str | None:
    if isinstance(error, Unauthorized) or error.status == 405:  # a service that wants a token, or has no HEAD
        return None
    if error.status is not None:
        return f"through the proxy {call.route.via}, which " * call.route.is_relayed + f"answered {error.status}"
    if isinstance(error, Unreachable):
        return error.tried[call.route.url]
    return truncate(str(error).removeprefix(f"{call}: "))


# --- reading a body ---

AT_ONCE = 1024**2
"""Most bytes that one read returns, if it returns as soon as some bytes have arrived."""
PIECE = 64 * 1024
"""Bytes of one read that waits until all of them have arrived; also the most that are unpacked at once."""
FREE_OF_RATIO = 64 * 1024**2
"""Unpacked bytes up to which a body may have any ratio to its packed size."""
GZIP_RATIO = 250
"""Largest ratio of unpacked to packed bytes of a larger body: works reach 10 to 60, a decompression bomb 1,000."""

LEAST_SPEED = 1024**2
"""Bytes that must arrive per second of processor time, after the first second: a body in chunks of one byte reaches a
twentieth of that, and would keep the processor busy until its end."""

FREE_OF_OUTPUT = 64 * 1024
"""Most packed bytes beyond the unpacked ones: a body that unpacks to almost nothing could be endless."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def _read_body(raw: Any, packing: str, most: int, arrived: Callable[[int], None]) -> bytes:
    """Return a body, unpacked, of at most `most` bytes; `arrived` is called with the size of each piece that came."""
    pieces = _pieces(raw, arrived)
    body = BytesIO()
    for piece in pieces if packing in ("", "identity") else _unpacked(pieces, packing):
        body.write(piece)
        if body.tell() > most:
            raise UnreadableBodyError(f"it has more than {most:,} bytes")
    return body.getvalue()


def _pieces(raw: Any, arrived: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the pieces of a body as they arrive; urllib3 without `read1` waits until 64 KiB have arrived."""
    read, most = (raw.read1, AT_ONCE) if hasattr(raw, "read1") else (raw.read, PIECE)
    size, spent, started = 0, 0.0, time.thread_time()
    while piece := read(most, decode_content=False):
        size, spent = size + len(piece), spent + time.thread_time() - started
        if spent > 1 + size / LEAST_SPEED:
            raise UnreadableBodyError("it comes in so many small parts that reading them takes too much work")
        arrived(len(piece))
        yield piece
        started = time.thread_time()
    if raw.length_remaining:  # urllib3 before 2 raises no error for this
        raise ConnectionError(f"{raw.length_remaining:,} bytes are missing")


def _unpacked(pieces: Iterator[bytes], packing: str) -> Iterator[bytes]:
    if packing not in _WINDOWS:
        raise UnreadableBodyError(f"its content encoding {packing!r} was not asked for and cannot be undone")
    unpacker = zlib.decompressobj(_WINDOWS[packing])
    size = packed = 0
    for arriving in pieces:
        piece, packed = arriving, packed + len(arriving)
        while piece:
            if unpacker.eof:  # a gzip body may have several members
                unpacker = zlib.decompressobj(_WINDOWS[packing])
            unpacked = unpacker.decompress(piece, PIECE)
            yield unpacked
            piece, size = unpacker.unconsumed_tail or unpacker.unused_data, size + len(unpacked)
            _check_ratio(size, packed - len(piece))
    if packed and not unpacker.eof:
        raise UnreadableBodyError("its packed form ends too early")


def _check_ratio(size: int, packed: int) -> None:
    if packed > size + FREE_OF_OUTPUT:
        raise UnreadableBodyError("its packed form unpacks to next to nothing")
    if size > FREE_OF_RATIO and size > GZIP_RATIO * packed:
        raise UnreadableBodyError(f"it unpacks to more than {GZIP_RATIO} times its size, as no works do")


def _read_start(raw: Any, packing: str, most: int = 16 * 1024) -> bytes:
    """Return the start of a body, unpacked if possible, of at most `most` bytes: for a message."""
    start: bytes = raw.read(most, decode_content=False)
    return zlib.decompressobj(_WINDOWS[packing]).decompress(start, most) if packing in _WINDOWS else start
