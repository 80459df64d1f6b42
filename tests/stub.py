"""A service that misbehaves on order: its own sockets and threads, so that what a client sees is what a network does.

``Stub`` answers each request with the next of the actions it was given by :meth:`Stub.then`, and with ``default`` when
there are none left. It refuses request lines over 8 KiB as common servers do, and logs each request with the number of
the connection it came on.
"""

from __future__ import annotations

import json
import socket
import threading
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LINE_MAX = 8192
ZEROS = {"total": 0, "queued": 0, "running": 0, "success": 0, "failure": 0}


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """What an action has in hand: the connection, the request, and an event that is set when the stub stops."""

    socket: socket.socket
    request: Seen
    stopping: threading.Event
    keep: bool = field(default=True)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


Action = Callable[[Exchange], None]


def head(status: int, length: int | None, headers: dict[str, str] | None = None) -> bytes:
    lines = {"Content-Type": "application/json", **(headers or {})}
    if length is not None:
        lines["Content-Length"] = str(length)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} Word\r\n{text}\r\n".encode("latin-1")


def raw(body: bytes, status: int = 200, **headers: str) -> Action:
    """Answer with these bytes; header names have underscores for hyphens, and an empty value leaves one out."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}

    def act(exchange: Exchange) -> None:
        sent = b"" if exchange.request.method == "HEAD" else body
        exchange.send(head(status, len(body), named) + sent)

    return act


def answer(value: Any, status: int = 200, **headers: str) -> Action:
    return raw(json.dumps(value).encode(), status, **headers)


def fail(status: int, text: str = "no", **headers: str) -> Action:
    return answer({"description": "Stub", "status": status, "message": text}, status, **headers)


def after(seconds: float, action: Action) -> Action:
    def act(exchange: Exchange) -> None:
        if not exchange.stopping.wait(seconds):
            action(exchange)

    return act


def silent(exchange: Exchange) -> None:
    """Read the request, and say nothing."""
    exchange.stopping.wait()
    exchange.keep = False


def hang_up(exchange: Exchange) -> None:
    """Read the request, and close."""
    exchange.keep = False


def then_close(action: Action) -> Action:
    """Answer as if the connection stayed open, and close it, as servers do with idle ones."""

    def act(exchange: Exchange) -> None:
        action(exchange)
        exchange.keep = False

    return act


def half(body: bytes, status: int = 200) -> Action:
    """Announce twice as many bytes as come before the connection closes."""

    def act(exchange: Exchange) -> None:
        exchange.send(head(status, 2 * len(body)) + body)
        exchange.keep = False

    return act


def drip(piece: bytes, seconds: float, *, headers_too: bool = False) -> Action:
    """Send a byte at a time, for ever."""

    def act(exchange: Exchange) -> None:
        start = b"HTTP/1.1 200 OK\r\n" + (b"X-Slow: " if headers_too else b"Content-Length: 1000000\r\n\r\n")
        exchange.send(start)
        while not exchange.stopping.wait(seconds):
            exchange.send(piece)

    return act


def endless(piece: bytes) -> Action:
    """Send as fast as the client reads, for ever, without saying how much."""

    def act(exchange: Exchange) -> None:
        exchange.send(head(200, None, {"Connection": "close"}))
        while not exchange.stopping.is_set():
            exchange.send(piece)

    return act


def gzip_bomb(size: int) -> Action:
    """Send blanks that unpack to a thousand times what comes over the wire."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    piece = b" " * 1024**2
    packed = b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()
    return raw(packed, content_encoding="gzip")


def redirect(location: str, status: int = 302) -> Action:
    return raw(b"", status, location=location)


def polite(exchange: Exchange) -> None:
    """Answer as a Buckets service without works does."""
    seen = exchange.request
    route = f"{seen.method} {seen.path.removeprefix('/prefix')}"
    answers: dict[str, Any] = {
        "HEAD /version": {},
        "GET /version": {"version": "2.6.1"},
        "GET /status": ZEROS,
        "GET /status/pipelines": [],
        "POST /view": [],
        "POST /work/withdraw": None,
        "PUT /work": True,
        "DELETE /work": True,
        "GET /audit/failed": 0,
        "GET /audit/expired": 0,
        "GET /audit/stale/7.0": 0,
    }
    if route == "POST /work":
        ids = [f"{number:024x}" for number in range(len(seen.json))]
        answer(ids if ("return_ids", "True") in seen.query else True)(exchange)
    elif route in answers or route.startswith("GET /status/details/"):
        answer(answers.get(route, ZEROS))(exchange)
    else:
        fail(404, f"Requested URL {seen.path} not found")(exchange)


class Stub:
    """The misbehaving service, as a context manager."""

    def __init__(self, *actions: Action, default: Action = polite) -> None:
        self.default = default
        self.requests: list[Seen] = []
        self.connections = 0
        self.hang_up_on_connect = 0
        self._actions = deque(actions)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def then(self, *actions: Action) -> Stub:
        self._actions.extend(actions)
        return self

    @property
    def routes(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.requests]

    @property
    def open(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open)

    def __enter__(self) -> Stub:
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                number, refuse = self.connections, self.hang_up_on_connect > 0
                self.hang_up_on_connect -= refuse
            if refuse:
                self._close(connection)
            else:
                self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection.makefile("rb") as reader:
            while (seen := self._read(connection, reader, number)) is not None:
                with self._lock:
                    self.requests.append(seen)
                    action = self._actions.popleft() if self._actions else self.default
                exchange = Exchange(connection, seen, self._stopping)
                action(exchange)
                if not exchange.keep or self._stopping.is_set():
                    break
        self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _read(self, connection: socket.socket, reader: Any, number: int) -> Seen | None:
        line = reader.readline(65536)
        if not line.endswith(b"\r\n"):
            return None
        headers: dict[str, str] = {}
        while (text := reader.readline(65536).decode("latin-1").strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        if len(line) > LINE_MAX:
            connection.sendall(head(413, 0))
            return None
        method, target, _ = line.decode("latin-1").split(" ")
        body = reader.read(int(headers.get("content-length", "0")))
        return Seen(method, target, headers, body, number)
