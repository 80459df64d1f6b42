"""What strangers send to a service by bare connections: heads without end, offers of other protocols, odd bodies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import pytest

from bucketsnb import LocalBackend
from tests.backend.serving import HERE
from tests.factory import make_work

MEGABYTE = 1024 * 1024
WORK = json.dumps([make_work()]).encode()


@pytest.fixture(params=["without a token", "with a token"], scope="module")
def process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[psutil.Process, str]]:
    """Serve in a process of its own, and give it and its address."""
    tmp_path = tmp_path_factory.mktemp("door")
    options = []
    if request.param == "with a token":
        (tmp_path / "token").write_text("hush")
        options = ["--token-file", str(tmp_path / "token")]
    store = f"sqlite:///{tmp_path}/works.db"
    command = [sys.executable, "-m", "bucketsnb", "serve", "--port", "0", "--store", store, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE) as running:
        assert running.stdout is not None
        try:
            yield psutil.Process(running.pid), running.stdout.readline().split()[-1]
        finally:
            running.kill()


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as connection:
        yield connection


def status_of(connection: socket.socket) -> int:
    """Read the status of an answer; 0 where the service has hung up without one."""
    answer = b""
    with suppress(ConnectionError):
        while b"\r\n" not in answer and (piece := connection.recv(4096)):
            answer += piece
    return int(answer.split()[1]) if answer else 0


def pour(connection: socket.socket, piece: bytes, size: int) -> int:
    """Send so many bytes, or as many as are taken."""
    sent = 0
    with suppress(ConnectionError, TimeoutError):
        while sent < size:
            connection.sendall(piece)
            sent += len(piece)
    return sent


ENDLESS = {
    "one header": (b"GET /status HTTP/1.1\r\nhost: localhost\r\nx-long: ", b"x" * MEGABYTE),
    "many headers": (b"GET /status HTTP/1.1\r\nhost: localhost\r\n", b"x-many: and more\r\n" * 50_000),
    "an address": (b"GET /status?more=", b"x" * MEGABYTE),
    "a method": (b"", b"X" * MEGABYTE),
    "empty lines": (b"", b"\r\n" * (MEGABYTE // 2)),
    "trailers": (
        b"POST /work HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        b"x-many: and more\r\n" * 50_000,
    ),
    "the length of a chunk": (
        b"POST /work HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1;",
        b"x" * MEGABYTE,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("begun", "more"), ENDLESS.values(), ids=ENDLESS)
def test_a_head_without_end_fills_no_memory(process: tuple[psutil.Process, str], begun: bytes, more: bytes) -> None:
    running, url = process
    before = running.memory_info().rss
    with connected(url) as connection:
        connection.sendall(begun)
        pour(connection, more, 60 * MEGABYTE)
        status = status_of(connection)
    assert status in (0, 400, 401)
    assert running.memory_info().rss - before < 16 * MEGABYTE
    with connected(url) as connection:
        connection.sendall(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert status_of(connection) == 200, "and others are answered"


def test_a_body_that_nobody_asked_for_fills_no_memory() -> None:
    with LocalBackend(token="hush") as backend, connected(backend.url) as connection:
        before = psutil.Process().memory_info().rss
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n")
        pour(connection, b" " * MEGABYTE, 90 * MEGABYTE)
        assert status_of(connection) == 401
        assert psutil.Process().memory_info().rss - before < 24 * MEGABYTE
        assert sum(len(one.body) for one in backend.requests) == 0


@pytest.mark.parametrize("in_address", [True, False], ids=["address", "headers"])
@pytest.mark.parametrize("size", [60_000, 66_000, 200_000])
def test_address_and_headers_have_64_kib_together_and_come_whole(
    backend: LocalBackend, size: int, in_address: bool
) -> None:
    """Also where they come in one piece, which the reader of heads has no objection to."""
    more = b"x" * size
    line = b"GET /status?more=%b HTTP/1.1\r\nhost: localhost\r\n\r\n" % more
    header = b"GET /status HTTP/1.1\r\nhost: localhost\r\n%b\r\n" % (b"x-more: %b\r\n" % more[:1000] * (size // 1000))
    with connected(backend.url) as connection:
        connection.sendall(line if in_address else header)
        status = status_of(connection)
    assert (status == 200) if size < 64_000 else (status in (0, 400, 431))
    if status == 200 and in_address:
        assert backend.requests[-1].query == f"more={more.decode()}"


UPGRADES = {
    "HTTP/2, as by curl": (
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    ),
    "HTTP/2, as by Java": (
        b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\nUpgrade: h2c\r\n"
    ),
    "TLS": b"connection: upgrade\r\nupgrade: TLS/1.2\r\n",
    "websocket": b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\n",
}


@pytest.mark.parametrize("offer", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
def test_an_offer_of_another_protocol_is_passed_over_and_the_body_is_kept(
    backend: LocalBackend, offer: bytes, in_pieces: bool
) -> None:
    head = b"POST /work HTTP/1.1\r\nhost: localhost\r\n%bcontent-length: %d\r\n\r\n" % (offer, len(WORK))
    with connected(backend.url) as connection:
        for expected in (1, 2):  # and the connection goes on
            connection.sendall(head if in_pieces else head + WORK)
            if in_pieces:
                connection.sendall(WORK[:100])
                connection.sendall(WORK[100:])
            answer = b""
            while not answer.endswith(b"true"):
                piece = connection.recv(4096)
                assert piece, answer
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert backend.store.status()["queued"] == expected


SMUGGLED = {
    "two hosts": b"GET /audit/stale/0 HTTP/1.1\r\nhost: localhost\r\nhost: rebound.example\r\n\r\n",
    "no host": b"GET /audit/stale/0 HTTP/1.0\r\n\r\n",
    "a host in the address": b"GET http://localhost/audit/stale/0 HTTP/1.1\r\nhost: rebound.example\r\n\r\n",
    "a host on two lines": b"GET /audit/stale/0 HTTP/1.1\r\nhost: rebound.example\r\n localhost\r\n\r\n",
    "a length and chunks": (
        b"POST /work HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /audit/stale/0 HTTP/1.1\r\nhost: rebound.example\r\n\r\n"
    ),
}


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED)
def test_no_odd_request_makes_an_audit_in_another_name(backend: LocalBackend, request_: bytes) -> None:
    backend.store.load([make_work(status="queued", creation=0.0)])
    with connected(backend.url) as connection:
        connection.sendall(request_)
        assert status_of(connection) in (400, 403)
    assert backend.store.status()["queued"] == 1
