"""A log of requests, and faults on demand: what a local backend adds to the service, for tests and notebooks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bucketsnb.backend.http.problems import problem
from bucketsnb.backend.stores.base import Store

__all__ = ["Fault", "FaultInjector", "Faults", "LoggedRequest", "RequestLog"]

_LOGGED_MAX = 10_000
_LOGGED_BYTES_MAX = 256 * 1024 * 1024
_SECRET_HEADERS = frozenset({"x-access-token", "authorization", "cookie"})


@dataclass
class LoggedRequest:
    """One request as the backend received it: `query` is the text after the question mark, `body` what was read so far.

    Headers have lower-case names, and those that contain secrets are left out. The status is None until the answer.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    status: int | None = None
    body: bytearray = field(default_factory=bytearray, repr=False)
    forgotten: bool = field(default=False, repr=False)
    """Whether the log has dropped it, so that no more of its body is kept."""

    @property
    def size(self) -> int:
        """Size in bytes of the address, the headers, and the part of the body that was read."""
        headers = sum(len(name) + len(value) for name, value in self.headers.items())
        return len(self.path) + len(self.query) + headers + len(self.body)

    @property
    def params(self) -> list[tuple[str, str]]:
        """The parameters of the query string, in order."""
        return parse_qsl(self.query, keep_blank_values=True)


class RequestLog(list[LoggedRequest]):
    """The latest requests, oldest first; the oldest are dropped when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<RequestLog of {len(self)}>"

    def of(self, method: str, path: str = "*") -> list[LoggedRequest]:
        """Return the requests of a method whose path matches a pattern, in which ``*`` stands for anything."""
        return [request for request in self if request.method == method and fnmatchcase(request.path, path)]

    def clear(self) -> None:
        """Remove all requests from the log."""
        with self._lock:
            self._forget(len(self))

    def add(self, request: LoggedRequest) -> None:
        """Add a request, when it begins."""
        with self._lock:
            self.append(request)
            self._bytes += request.size
            self._trim()

    def grow(self, request: LoggedRequest, piece: bytes) -> None:
        """Add a piece to the body of a request, unless the log has dropped it."""
        with self._lock:
            if not request.forgotten:
                request.body += piece
                self._bytes += len(piece)
                self._trim()

    def _trim(self) -> None:
        while len(self) > _LOGGED_MAX or (self._bytes > _LOGGED_BYTES_MAX and len(self) > 1):
            self._forget(1)

    def _forget(self, count: int) -> None:
        for request in self[:count]:
            request.forgotten = True
            self._bytes -= request.size
        del self[:count]


@dataclass
class Fault:
    """Something that goes wrong with the requests that match a pattern.

    Parameters
    ----------
    pattern
        Which requests: method and path, with ``*`` for anything, such as ``"POST /work"`` or ``"GET /status*"``.
    delay
        Seconds to wait before anything else happens.
    status, body, headers
        Answer with these, instead of the service. A body alone has the status 200; headers need one of the other two.
    hang_up
        Close the connection without an answer, ``"before"`` or ``"after"`` the service has acted.
    change
        Called with the store before the service acts, so that works change during the request.
    acted
        Called with the store when the service has acted, before the answer is sent.
    times
        To how many requests the fault applies; None means all.
    skip
        How many matching requests are answered without the fault first.
    """

    pattern: str = "*"
    _: KW_ONLY
    delay: float = 0.0
    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: Literal["before", "after"] | None = None
    change: Callable[[Store], object] | None = None
    acted: Callable[[Store], object] | None = None
    times: int | None = 1
    skip: int = 0

    def wants(self, line: str) -> bool:
        """Return whether the fault applies to this request, and count it if so."""
        if self.times == 0 or not fnmatchcase(line, self.pattern):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults that are still to happen: `add` one, `clear` all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def __len__(self) -> int:
        return sum(fault.times != 0 for fault in self._faults)

    def add(self, pattern: str = "*", **options: Any) -> Fault:
        """Add a fault with the arguments of `Fault`, such as ``add("POST /work", status=503, times=2)``."""
        fault = Fault(pattern, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, line: str) -> Fault | None:
        """Return the first fault that applies to this request, and count it; None if there is none."""
        with self._lock:
            return next((fault for fault in self._faults if fault.wants(line)), None)


class FaultInjector:
    """An ASGI application that logs requests and applies faults; it calls `hang_up` to close a request's connection."""

    def __init__(self, app: ASGIApp, store: Store, hang_up: Callable[[Scope], None]) -> None:
        self.requests = RequestLog()
        self.faults = Faults()
        self._app = app
        self._store = store
        self._hang_up = hang_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = {name: value for name, value in Headers(scope=scope).items() if name not in _SECRET_HEADERS}
        logged = LoggedRequest(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), shown)
        self.requests.add(logged)

        async def receive_logged() -> Message:
            message = await receive()
            if message.get("body"):
                self.requests.grow(logged, message["body"])
            return message

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                logged.status = message["status"]
            await send(message)

        fault = self.faults.take(f"{logged.method} {logged.path}")
        if fault is None:
            await self._app(scope, receive_logged, send_logged)
        else:
            await self._fail(fault, scope, receive_logged, send_logged)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        # The body is read first, so that the service acts on it even if nobody waits for the answer any more.
        body = [await Request(scope, receive).body()]

        async def receive_again() -> Message:
            return {"type": "http.request", "body": body.pop()} if body else await receive()

        async def send_after(message: Message) -> None:
            if fault.acted is not None and message["type"] == "http.response.start":
                await run_in_threadpool(fault.acted, self._store)
            if fault.hang_up is None:
                await send(message)

        await asyncio.sleep(fault.delay)
        if fault.change is not None:
            await run_in_threadpool(fault.change, self._store)
        if fault.hang_up != "before":
            app = self._app if fault.status is None and fault.body is None else _answer(fault)
            await app(scope, receive_again, send_after)
        if fault.hang_up is not None:
            self._hang_up(scope)
            while (await receive())["type"] != "http.disconnect":
                pass


def _answer(fault: Fault) -> Response:
    status = fault.status or 200
    response = problem(status, "a fault that was ordered")
    if fault.body is not None:
        response = Response(fault.body, status, media_type="application/json")
    response.headers.update(fault.headers)
    return response
