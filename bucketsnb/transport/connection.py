"""Connections that know whether a request has left, and that give up on silence and on a drip.

urllib3 limits each single wait for bytes, so a service that sends one byte a second holds a caller for ever, and its
exceptions do not tell "never sent" from "sent, no answer". Both are known here, where the bytes go through.

For this, parts of other libraries are used that their documentation does not promise: `ConnectionCls` of the pools of
urllib3 and `pool_classes_by_scheme` of its managers, `response_class`, `sock` and `proxy` of its connections, and `fp`
and `begin` of an answer of :mod:`http.client`. Tried with urllib3 1.26.20, 2.0.7 and 2.8.0, requests 2.31.0, 2.32.3 and
2.34.2, and Python 3.10, 3.11 and 3.13.
"""

from __future__ import annotations

import io
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

__all__ = ["Clock", "Hidden", "new_session"]

LEAST_RATE = 32 * 1024
"""Bytes per second that a transfer must keep up on average; each byte beyond buys time, up to the whole timeout."""

OVERHEAD_BYTES = 8 * 1024**2
OVERHEAD_TIMES = 16
"""Bytes that may come in beside a body, and for each of its own: headers and the sizes of chunks are far less, and a
service that says nothing at length would buy time with it for ever."""

FRESH = 1.0
"""Seconds after which an idle connection is not trusted with a call that can be sent only once: servers close idle
connections after a few seconds, and a request that crosses the close would be lost without a trace."""

THREADS = 32
"""Connections kept alive; more threads than this work, and reconnect."""

_SWITCHING = 101

_THREAD = threading.local()


class Clock:
    """The time one request has left, whether any of it was sent, and whether its answer is one.

    Parameters
    ----------
    timeout
        Seconds: the longest silence, and the time that a slower transfer than ``LEAST_RATE`` may take.
    once
        Whether the request may be sent only once, so that it gets a connection known to be alive.
    """

    def __init__(self, timeout: float, *, once: bool = False) -> None:
        self.timeout = timeout
        self.once = once
        self.sent = False
        self.chattering = False
        self._useful = 0
        self._received = 0
        self._deadline = time.monotonic() + timeout

    def left(self) -> float:
        """Return the seconds left; raise TimeoutError when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def moved(self, size: int) -> None:
        """Buy time with bytes that arrived; raise ConnectionError where nearly all of them are no body."""
        self._received += size
        if self._received > OVERHEAD_BYTES + OVERHEAD_TIMES * self._useful:
            self.chattering = True
            raise ConnectionError("the answer is nearly all headers")
        self._deadline = min(time.monotonic() + self.timeout, self._deadline + size / LEAST_RATE)

    def used(self, size: int) -> None:
        """Note bytes of a body, as they come out of what arrived."""
        self._useful += size

    def leaving(self, size: int) -> float:
        """Note that bytes leave; return the seconds they may take. The wait for the answer starts after them."""
        self.sent = True
        return self.timeout + size / LEAST_RATE

    def restart(self) -> None:
        """Give the whole timeout again."""
        self._deadline = time.monotonic() + self.timeout

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the clock of every request of this thread."""
        _THREAD.clock = self
        try:
            yield
        finally:
            _THREAD.clock = None


class _ClockedReader(io.RawIOBase):
    """A socket's incoming bytes, each wait for them limited by what the clock has left."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._clock.left())
        size: int | None = self._raw.readinto(buffer)
        self._clock.moved(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ClockedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        clock = getattr(_THREAD, "clock", None)
        if clock is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_ClockedReader(sock, clock), buffer_size=64 * 1024)

    def begin(self) -> None:
        """Read the head of the answer, and pass over those that only announce one.

        :mod:`http.client` passes over 100 alone. Any other would be taken for the answer, and the real one, when it
        comes, for the answer to the next request of this connection.
        """
        super().begin()
        while _SWITCHING < self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]  # what tells begin that it is not done
            super().begin()
        self.will_close = self.will_close or self.status == _SWITCHING  # what follows is no HTTP


class _ClockedConnection(HTTPConnection):
    """Mixed into every kind of urllib3's connections; only names that they share with :mod:`http.client` are used."""

    response_class = _ClockedResponse
    _used = 0.0

    def connect(self) -> None:
        clock = getattr(_THREAD, "clock", None)
        if clock is None:
            super().connect()
        else:
            _within(clock.timeout, super().connect, too_late=self.close)

    def request(self, *args: Any, **options: Any) -> None:
        clock = getattr(_THREAD, "clock", None)
        idle = time.monotonic() - self._used
        if clock is not None and clock.once and self.sock is not None and self.proxy is None and idle > FRESH:
            self.close()  # the next send connects anew
        super().request(*args, **options)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        clock = getattr(_THREAD, "clock", None)
        if clock is None:  # what is said to a proxy while a tunnel is built is not the request
            super().send(data)
            return
        self.sock.settimeout(clock.leaving(len(data)))
        super().send(data)
        clock.restart()

    def getresponse(self) -> Any:
        self._used = time.monotonic()
        return super().getresponse()


def _within(seconds: float, work: Callable[[], None], *, too_late: Callable[[], None]) -> None:
    """Do something that nothing can cut short, such as the look-up of a name, in a thread that is left after a time.

    Parameters
    ----------
    too_late
        Called in that thread when the work ends after all.
    """
    ends: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            ends.put(error)
        else:
            ends.put(None)
        if left.is_set():
            too_late()

    threading.Thread(target=run, name="bucketsnb-connect", daemon=True).start()
    try:
        error = ends.get(timeout=seconds)
    except queue.Empty:
        left.set()
        raise TimeoutError("timed out") from None
    except BaseException:
        left.set()
        raise
    if error is not None:
        raise error


@cache
def _clocked(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a class of pools of urllib3 whose connections are clocked: direct ones, and those through any proxy."""
    if issubclass(pool.ConnectionCls, _ClockedConnection):
        return pool
    connection = type("Clocked", (_ClockedConnection, pool.ConnectionCls), {})
    return type("ClockedPool", (pool,), {"ConnectionCls": connection})


class _Adapter(HTTPAdapter):
    """The adapter of requests, over the connections above."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        _clock(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        _clock(manager)
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verify whoever the connection is to: requests goes by the service, and would trust any proxy of TLS to it."""
        super().cert_verify(conn, f"{conn.scheme}://", verify, cert)  # type: ignore[no-untyped-call]  # untyped before 2.34


def _clock(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _clocked(pool) for scheme, pool in pools.items()}


class Hidden(str):
    """A header value that goes out as it is, and shows itself to nobody who prints the headers."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<hidden>"


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
