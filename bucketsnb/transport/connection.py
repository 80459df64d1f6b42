"""Requests with a time limit, which record whether they may have been sent.

urllib3 limits each wait for bytes but not a whole request (its documentation proposes a second thread for that), and
the look-up of a host name cannot be interrupted. So each request is sent in a thread of its own. When its time is over,
nobody waits for that thread any more: if it was still connecting, it sends nothing; otherwise its connection is cut.

tests/test_undocumented.py lists what this package uses of other libraries beyond their documentation.
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
"""Bytes per second that a transfer must reach on average: each byte of a body extends the time by that measure."""

THREADS = 32
"""Most connections that are kept alive; further ones are closed after one request."""

_THREAD = threading.local()
"""Its `attempt` is the one that the current thread works on."""

T = TypeVar("T")


class Attempt:
    """One try to send a request: how much time remains, and whether part of the request may have been sent.

    Parameters
    ----------
    timeout
        Seconds: the longest silence, and the longest time for connecting.
    size
        Bytes of the body; they extend the time for sending.
    """

    def __init__(self, timeout: float, size: int = 0) -> None:
        self.timeout = timeout
        self.ends_at = time.monotonic() + timeout
        """When the time is over, in seconds of the monotonic clock."""
        self.sent = False
        """Whether part of the request may have been sent."""
        self.answering = False
        """Whether the start of an answer has arrived."""
        self.refusal: TryFailedError | None = None
        """The failure for the status of the answer; None if it is a success, or has not arrived."""
        self._transfer = timeout + size / LEAST_RATE
        self._connection: HTTPConnection | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._is_abandoned = False

    def run(self, work: Callable[[], T]) -> T:
        """Call a function in a thread of its own, and return what it returns or raise what it raises.

        Raises
        ------
        TimeoutError
            If the time is over before the function returns.
        """
        results: list[T] = []
        errors: list[BaseException] = []

        def do() -> None:
            _THREAD.attempt = self
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                errors.append(error)
            self._done.set()

        thread = threading.Thread(target=do, name="bucketsnb-request", daemon=True)
        try:
            try:
                thread.start()
            except RuntimeError:  # no new thread, as Python is about to exit or the system allows no more: use this one
                do()
            while not self._done.wait(min(self.timeout, max(0.0, self.ends_at - time.monotonic()))):
                if time.monotonic() >= self.ends_at:  # the time may have been extended during the wait
                    raise TimeoutError("timed out")
        finally:
            if not self._done.is_set():
                self._abandon()
        if errors:
            raise errors.pop()
        return results.pop()

    def _abandon(self) -> None:
        """Cut the connection that the thread waits on; the thread closes it."""
        with self._lock:
            self._is_abandoned = True
            sock: Any = self._connection.sock if self._connection is not None else None
        if sock is not None:
            cut(sock)

    # --- called by the connection as the request goes on ---

    def connects(self, connection: HTTPConnection) -> None:
        """Note that a connection is being made, on which nothing was sent yet; the timeout starts again."""
        self._connection = connection
        self.sent = False
        self.ends_at = time.monotonic() + self.timeout

    def sends(self, connection: HTTPConnection) -> None:
        """Note that part of the request may be sent from now on; raise TimeoutError if nobody waits for it any more."""
        with self._lock:
            if self._is_abandoned:
                connection.close()
                raise TimeoutError("timed out")
            self._connection = connection
            self.sent = True
        self.ends_at = time.monotonic() + self._transfer

    def awaits(self) -> None:
        """Note that the whole request was sent: the timeout starts again, without the extra time for the body."""
        self.ends_at = time.monotonic() + self.timeout

    def arrived(self, size: int) -> None:
        """Extend the time after `size` bytes of the answer's body arrived, up to the timeout from now."""
        self.ends_at = min(time.monotonic() + self.timeout, self.ends_at + size / LEAST_RATE)


def cut(sock: Any) -> None:
    """Cut a connection that another thread waits on."""
    sock = getattr(sock, "socket", sock)  # with TLS within TLS, the socket below
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # the method of ssl would remove the encryption first


class _Connection(HTTPConnection):
    """Mixed into every connection class of urllib3; tells the attempt of its thread how far the request is."""

    def connect(self) -> None:
        _THREAD.attempt.connects(self)
        super().connect()
        _THREAD.attempt.sends(self)

    def request(self, *args: Any, **options: Any) -> None:
        _THREAD.attempt.sends(self)  # if it has to connect first, `connects` corrects this
        super().request(*args, **options)

    def getresponse(self) -> Any:
        _THREAD.attempt.awaits()
        return super().getresponse()


@cache
def _our_pool_class(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a subclass of a connection pool of urllib3 that makes our connections."""
    if issubclass(pool.ConnectionCls, _Connection):
        return pool
    connection = type("Connection", (_Connection, pool.ConnectionCls), {})
    return type("Pool", (pool,), {"ConnectionCls": connection})


def _adapt(manager: Any) -> Any:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _our_pool_class(pool) for scheme, pool in pools.items()}
    return manager


class _Adapter(HTTPAdapter):
    """The adapter of requests, with our connections."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        _adapt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of connections through a proxy."""
        return _adapt(super().proxy_manager_for(proxy, **options))

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verify the certificate of whatever the connection leads to, also of a proxy.

        requests decides by the address of the service: for one with ``http://`` it would trust any proxy with TLS.
        """
        super().cert_verify(conn, f"{conn.scheme}://", verify, cert)  # type: ignore[no-untyped-call]  # untyped before 2.34


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that no redirect is followed: requests would read its whole body, and send our headers on."""


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
    """A header value that is sent as it is, and never shown when headers are printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<hidden>"
