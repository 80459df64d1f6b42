"""Requests with a time limit, which know whether they may have been sent.

urllib3 limits each wait for bytes but not a whole request (its documentation proposes a second thread for that), and
nothing cuts short the look-up of a name. So a request is sent in a thread of its own, which is left when its time is
up: one that was still connecting then sends nothing any more, and the connection of any other is cut.

tests/test_undocumented.py has what is used of other libraries beyond their documentation, here and elsewhere.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from bucketsnb.transport.failures import TryFailedError

__all__ = ["Attempt", "Hidden", "new_session"]

LEAST_RATE = 32 * 1024
"""Bytes per second that a transfer must keep up on average; each byte beyond buys time, up to the whole timeout."""

THREADS = 32
"""Connections kept alive; more threads than this work, and reconnect."""

_HERE = threading.local()
"""The attempt that a thread is for."""

T = TypeVar("T")


class Attempt:
    """One sending of one request: the time it has left, and whether any of it may have left.

    Parameters
    ----------
    timeout
        Seconds: the longest silence, and the time for connecting.
    size
        Bytes of the body, which get time to leave.
    """

    def __init__(self, timeout: float, size: int = 0) -> None:
        self.timeout = timeout
        self.ends_at = time.monotonic() + timeout
        """When time runs out, by the monotonic clock."""
        self.sent = False
        """Whether some of the request may have left."""
        self.answering = False
        """Whether an answer has begun."""
        self.refusal: TryFailedError | None = None
        """What the status of the answer stands for, where it says no."""
        self._transfer = timeout + size / LEAST_RATE
        self._connection: HTTPConnection | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._is_left = False

    def run(self, work: Callable[[], T]) -> T:
        """Do something in a thread, and return what it returns or raise what it raises.

        Raises
        ------
        TimeoutError
            If time runs out.
        """
        results: list[T] = []
        errors: list[BaseException] = []

        def do() -> None:
            _HERE.attempt = self
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                errors.append(error)
            self._done.set()

        thread = threading.Thread(target=do, name="bucketsnb-request", daemon=True)
        try:
            try:
                thread.start()
            except RuntimeError:  # none is given: Python is about to exit, or the system has no more
                do()
            while not self._done.wait(min(self.timeout, max(0.0, self.ends_at - time.monotonic()))):
                if time.monotonic() >= self.ends_at:  # which may be earlier by now than when the wait began
                    raise TimeoutError("timed out")
        finally:
            if not self._done.is_set():
                self._leave()
        if errors:
            raise errors.pop()
        return results.pop()

    def _leave(self) -> None:
        """End the connection that the thread waits on; the thread closes it."""
        with self._lock:
            self._is_left = True
            sock: Any = self._connection.sock if self._connection is not None else None
        if sock is not None:
            cut(sock)

    # --- called as the request goes on ---

    def connects(self, connection: HTTPConnection) -> None:
        """Note that a connection is being made, on which nothing has left."""
        self._connection = connection
        self.sent = False
        self.ends_at = time.monotonic() + self.timeout

    def sends(self, connection: HTTPConnection) -> None:
        """Note that the request may leave from now on; raise TimeoutError if nobody waits for it any more."""
        with self._lock:
            if self._is_left:
                connection.close()
                raise TimeoutError("timed out")
            self._connection = connection
            self.sent = True
        self.ends_at = time.monotonic() + self._transfer

    def awaits(self) -> None:
        """Note that the whole request was sent: the time that its body had to leave is not for the answer."""
        self.ends_at = time.monotonic() + self.timeout

    def arrived(self, size: int) -> None:
        """Buy time with bytes of a body."""
        self.ends_at = min(time.monotonic() + self.timeout, self.ends_at + size / LEAST_RATE)


def cut(sock: Any) -> None:
    """End a connection that another thread waits on."""
    sock = getattr(sock, "socket", sock)  # of TLS in TLS
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # ssl's own drops the encryption first, while others may write


class _Connection(HTTPConnection):
    """Mixed into every kind of urllib3's connections."""

    def connect(self) -> None:
        _HERE.attempt.connects(self)
        super().connect()
        _HERE.attempt.sends(self)

    def request(self, *args: Any, **options: Any) -> None:
        _HERE.attempt.sends(self)  # or connects first
        super().request(*args, **options)

    def getresponse(self) -> Any:
        _HERE.attempt.awaits()
        return super().getresponse()


@cache
def _ours(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a class of pools of urllib3 with connections of ours: direct ones, and those through any proxy."""
    if issubclass(pool.ConnectionCls, _Connection):
        return pool
    connection = type("Connection", (_Connection, pool.ConnectionCls), {})
    return type("Pool", (pool,), {"ConnectionCls": connection})


def _adapt(manager: Any) -> Any:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _ours(pool) for scheme, pool in pools.items()}
    return manager


class _Adapter(HTTPAdapter):
    """The adapter of requests, over the connections above."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        _adapt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of connections through a proxy."""
        return _adapt(super().proxy_manager_for(proxy, **options))

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verify whoever the connection is to: requests goes by the service, and would trust any proxy of TLS to it."""
        super().cert_verify(conn, f"{conn.scheme}://", verify, cert)  # type: ignore[no-untyped-call]  # untyped before 2.34


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find no redirect: requests would read a whole body and resend headers to wherever one points."""


def new_session() -> requests.Session:
    """Return a session of requests that keeps no cookies, follows no redirects, and reads no netrc nor environment."""
    session = _Session()
    session.trust_env = False
    adapter = _Adapter(pool_maxsize=THREADS)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(
        {"User-Agent": "bucketsnb", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
    )
    return session


class Hidden(str):
    """A header value that goes out as it is, and shows itself to nobody who prints the headers."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<hidden>"
