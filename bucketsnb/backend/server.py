"""Run the service: in a thread of a notebook or a test (`LocalBackend`), or as a program (`serve`)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

try:
    import resource
except ModuleNotFoundError:  # on Windows, which has no such limit
    resource = None  # type: ignore[assignment]

try:
    import uvicorn
    from starlette.types import ASGIApp, Scope
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'a service of one\'s own needs uvicorn and starlette: pip install "bucketsnb[backend]"', name=error.name
    ) from error

from bucketsnb.addresses import is_loopback, token_problem
from bucketsnb.backend.faults import FaultInjector
from bucketsnb.backend.http.access import HEAD_BYTES_MAX
from bucketsnb.backend.http.routes import build_app
from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.stores.base import Store
from bucketsnb.backend.stores.open import open_store

__all__ = ["LocalBackend", "serve"]

# This module uses undocumented attributes of the server of uvicorn: `started`, `should_exit` and `server_state`;
# tests/test_undocumented.py lists the versions that were tried.

_CONNECTIONS = 8_192
"""Files, and so connections, that a service may have open: many systems start with a limit of 1,024, and allow more.

There is a limit because each connection may keep the head of a request that never ends."""


class LocalBackend:
    """A Buckets service on this machine, until the end of a ``with`` block or until `close`.

    Parameters
    ----------
    store
        Where works are kept: ``"sqlite:///path/to/works.db"``, ``"mongodb://..."``, a path, an open store, or None for
        a temporary one.
    port
        Port to listen on; 0 means any free one.
    host
        Address to listen on. One that other machines can reach needs a token.
    token
        What clients must send as ``x-access-token``; with None, they need no token.
    sample
        How many realistic works to begin with, in a store that has no works.

    Attributes
    ----------
    url, store
        Its address, and the store that has its works.
    requests
        The latest requests, oldest first.
    faults
        Faults on demand, such as ``faults.add("POST /work", status=503)``; see `Fault`.

    Raises
    ------
    StoreUnavailable
        If the store cannot be opened.
    OSError
        If it cannot listen on the host and port, for example because the port is used already.
    ValueError
        If `host` can be reached from other machines and there is no token, or the token or `store` is not valid.
    RuntimeError
        If it did not start within 10 seconds.

    Examples
    --------
    >>> with LocalBackend(sample=20) as backend:
    ...     backend.store.status()["total"]
    20
    """

    def __init__(
        self,
        store: str | Path | Store | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        sample: int = 0,
    ) -> None:
        _check_host(host, token, "token=")
        self.store = open_store(store)
        self._own_store = self.store is not store
        try:
            _fill(self.store, sample)
            listening = _listening(host, port)
            self.url = _url(listening)
            ready = threading.Event()
            app = FaultInjector(build_app(self.store, token), self.store, self._hang_up)
            self.requests, self.faults = app.requests, app.faults
            self._server = _server(app, graceful_seconds=1)
            arguments = (self._server, listening, ready.set)
            self._thread = threading.Thread(target=_run, args=arguments, name="bucketsnb-backend", daemon=True)
            self._thread.start()
        except BaseException:
            self._close_store()
            raise
        if not ready.wait(10):
            self.close()
            raise RuntimeError("the backend did not start within 10 s")

    def clear(self) -> None:
        """Remove all works, logged requests and faults."""
        self.faults.clear()
        self.store.clear()
        self.requests.clear()

    def close(self) -> None:
        """Stop serving, and close the store unless it was given open; a temporary one is deleted."""
        self._server.should_exit = True
        self._thread.join()
        self._close_store()

    def __enter__(self) -> LocalBackend:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "serving" if self._thread.is_alive() else "closed, was"
        return f"<LocalBackend {state} {self.store.url} at {self.url}>"

    def _hang_up(self, scope: Scope) -> None:
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == scope["client"]:
                transport: Any = connection.transport
                transport.close()

    def _close_store(self) -> None:
        if self._own_store:
            self.store.close()


def serve(host: str, port: int, store: str | Path | Store | None, token: str | None = None, *, sample: int = 0) -> None:
    """Serve until SIGTERM, SIGINT or the end of the terminal, and return.

    Once requests are answered, it prints one line: ``bucketsnb: serving sqlite:///path at http://127.0.0.1:8004``.

    Parameters
    ----------
    host, port, store, token, sample
        As for `LocalBackend`, which raises the same errors.
    """
    _check_host(host, token, "--token-file")
    _allow_connections()
    opened = open_store(store)
    try:
        _fill(opened, sample)
        listening = _listening(host, port)
        announcement = f"bucketsnb: serving {opened.url} at {_url(listening)}"
        server = _server(build_app(opened, token), graceful_seconds=10)
        with _ending_in_order(server):
            _run(server, listening, lambda: print(announcement, flush=True))  # noqa: T201 - scripts wait for it
    finally:
        opened.close()


def _fill(store: Store, sample: int) -> None:
    if sample and not store.status()["total"]:
        store.load(sample_works(sample))


@contextlib.contextmanager
def _ending_in_order(server: uvicorn.Server) -> Iterator[None]:
    """Let signals end the server without an error, unlike uvicorn, which sends itself the signal again at the end."""

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    numbers = {signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)}
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # a signal that is ignored stays ignored, as under nohup
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _server(app: ASGIApp, graceful_seconds: int) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="h11",  # the only parser that limits the head of a request
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # errors of a client are reported to the client only
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=graceful_seconds,
    )
    return uvicorn.Server(config)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns off Nagle's delay on its connections: 40 ms an answer otherwise.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listening


def _run(server: uvicorn.Server, listening: socket.socket, ready: Callable[[], object]) -> None:
    """Serve until the server is told to exit; call `ready` once it answers requests: before, it cannot end cleanly."""

    async def run() -> None:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.005)
        if server.started:
            ready()
        await serving

    asyncio.run(run())


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_host(host: str, token: str | None, option: str) -> None:
    problem = None if token is None else token_problem(token)
    if problem:
        raise ValueError(f"the token {problem}: give another with {option}, or none")
    if token or is_loopback(host):
        return
    raise ValueError(f"{host} can be reached from other machines: give a token with {option}, or listen on 127.0.0.1")


def _allow_connections() -> None:
    """Raise the limit of open files up to `_CONNECTIONS`, if allowed: at the limit, no request is answered any more."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
