"""A proxy that stands between a client and a service and misbehaves by a schedule made from a seed."""

from __future__ import annotations

import http.client
import random
import select
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

__all__ = ["FAULTS", "Proxy"]

FAULTS = (
    "drop before",  # the request is read, never passed on, and the connection closed
    "reset before",  # the same with a reset
    "drop after",  # the service has acted, and the answer is lost
    "cut",  # half of the answer's body
    "delay",  # slow, but within the client's patience
    "late",  # passed on after the client has given up
    "429",
    "500",
    "503",
    "503 after",  # a gateway fails after the service has acted
    "garbage",  # the service has acted, and the answer is a page of something else
    "twice",  # passed on twice, as a proxy may do with what HTTP calls idempotent
)

_IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")


class Proxy:
    """A proxy in threads of this process.

    Parameters
    ----------
    target
        Address of the service.
    seed
        Makes the schedule: the same seed and the same requests meet the same faults.
    share
        Of the requests that meet a fault; may be changed at any time.
    patience
        Seconds after which the client gives up.
    """

    def __init__(self, target: str, *, seed: int, share: float, patience: float) -> None:
        self.host, self.port = str(urlsplit(target).hostname), int(urlsplit(target).port or 80)
        self.share = share
        self.patience = patience
        self.injected: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._under_way = 0
        self._connections: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settle(self) -> None:
        """Wait until no request is under way any more: late ones have reached the service.

        One that a busy machine has not read yet is under way too, though its client may have given up.
        """
        with self._idle:
            while self._unread() or self._under_way:
                self._idle.wait(0.01)

    def _unread(self) -> bool:
        return bool(select.select([self._server, *self._connections], [], [], 0)[0])

    def connected(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Note that a connection is read no more."""
        with self._lock:
            self._connections.discard(connection)

    def arrived(self) -> None:
        """Note a request, before anything of it is read."""
        with self._lock:
            self._under_way += 1

    def begin(self, method: str) -> str | None:
        """Draw the fault of a request, if it meets one."""
        with self._lock:
            if self._random.random() >= self.share:
                return None
            fault = self._random.choice(FAULTS)
            if fault == "twice" and method not in _IDEMPOTENT:
                return None
            self.injected[fault] += 1
            return fault

    def end(self) -> None:
        """Note that a request is done with."""
        with self._idle:
            self._under_way -= 1
            self._idle.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what this is about."""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class of short methods, closed over its proxy
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            proxy.connected(self.connection)

        def finish(self) -> None:
            proxy.closed(self.connection)
            super().finish()

        def handle_one_request(self) -> None:
            if not self.connection.recv(1, socket.MSG_PEEK):
                self.close_connection = True
                return
            proxy.arrived()
            try:
                self.pass_one()
            finally:
                proxy.end()

        def pass_one(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.meet(proxy.begin(self.command), body)

        def meet(self, fault: str | None, body: bytes) -> None:
            if fault in ("drop before", "reset before"):
                self.hang_up(reset=fault == "reset before")
            elif fault in ("429", "500", "503"):
                self.answer(int(fault), b'{"message": "not now"}', {"Retry-After": "0"})
            else:
                time.sleep(proxy.patience * {"delay": 0.3, "late": 1.3}.get(fault or "", 0.0))
                if fault == "twice":
                    self.pass_on(body)
                self.give(fault, *self.pass_on(body))

        def give(self, fault: str | None, status: int, answer: bytes) -> None:
            if fault == "drop after":
                self.hang_up()
            elif fault == "503 after":
                self.answer(503, b"upstream went away")
            elif fault == "garbage":
                self.answer(200, b"<html>proxy login</html>", {"Content-Type": "text/html"})
            elif fault == "cut" and len(answer) > 1:
                self.answer(status, answer[: len(answer) // 2], {"Content-Length": str(len(answer))})
                self.hang_up()
            else:
                self.answer(status, answer)

        def pass_on(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=60)
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            connection.request(self.command, self.path, body or None, kept)
            answer = connection.getresponse()
            try:
                return answer.status, answer.read()
            finally:
                connection.close()

        def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            with suppress(OSError):
                self.send_response(status)
                given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
                for name, value in given.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

        def hang_up(self, *, reset: bool = False) -> None:
            self.close_connection = True
            with suppress(OSError):
                if reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
