from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from bucketsnb import errors
from bucketsnb.transport import Idempotency
from bucketsnb.transport.connection import LEAST_RATE, Attempt
from tests.patience import until, within
from tests.stub import after, answer, drip, hang_up, silent


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(silent, id="silence"),
        pytest.param(drip(b"x", 0.05), id="a drip of the body"),
        pytest.param(drip(b"x", 0.05, headers_too=True), id="a drip of the headers"),
    ],
)
def test_no_call_waits_longer_than_its_timeout(stub, connect, action):
    stub.default = action

    def call(idempotency):
        with pytest.raises(errors.NoAnswer):
            connect(stub.url, timeout=0.6).request("POST", "/view", idempotency=idempotency, body=b"{}")
        return idempotency

    with within(20), ThreadPoolExecutor(len(Idempotency)) as pool:
        called = list(pool.map(call, Idempotency))
    assert len(stub.requests) == len(called)


def test_a_service_that_reads_nothing_does_not_hold_a_large_body_for_ever(connect, monkeypatch):
    monkeypatch.setattr("bucketsnb.transport.connection.LEAST_RATE", 1024**3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        transport = connect(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.4)
        with within(20), pytest.raises(errors.NoAnswer):
            transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"x" * 30_000_000)


@pytest.mark.parametrize("headers_too", [False, True], ids=["body", "headers"])
def test_a_large_body_that_was_taken_at_once_buys_no_time_for_a_drip_of_the_answer(stub, connect, headers_too):
    stub.default = drip(b"x", 0.05, headers_too=headers_too)
    body = b"x" * (100 * LEAST_RATE)

    with within(20), pytest.raises(errors.NoAnswer):
        connect(stub.url, timeout=0.4).request("POST", "/work", idempotency=Idempotency.ONCE, body=body)


def test_a_large_body_buys_no_time_before_there_is_a_connection():
    ended = threading.Event()
    with within(20), pytest.raises(TimeoutError):
        Attempt(0.2, 100 * LEAST_RATE).run(lambda: ended.wait(60))
    ended.set()


def test_an_address_that_takes_no_connection_is_given_up_after_the_timeout(connect):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with within(20), pytest.raises((errors.Unreachable, errors.NoAnswer)):
            connect(f"http://127.0.0.1:{port}", timeout=0.3).request("GET", "/version", idempotency=Idempotency.SAFE)
        for one in waiting:
            one.close()


def test_an_answer_that_comes_late_but_in_time_is_taken(stub, connect):
    stub.then(after(0.3, answer({"version": "slow"})))

    assert b"slow" in connect(stub.url, timeout=20).request("GET", "/version", idempotency=Idempotency.SAFE).body


def test_bytes_buy_time_but_never_more_than_the_timeout(monkeypatch):
    now = [100.0]
    # The module's own clock only: one that stands still for the whole process would put every event loop to sleep.
    monkeypatch.setattr("bucketsnb.transport.connection.time", SimpleNamespace(monotonic=lambda: now[0]))
    attempt = Attempt(10)
    now[0] += 9
    attempt.arrived(2 * LEAST_RATE)
    assert attempt.ends_at == pytest.approx(now[0] + 3)
    attempt.arrived(10**9)
    assert attempt.ends_at == pytest.approx(now[0] + 10)


def test_a_lost_connection_is_no_timeout(stub, connect):
    stub.default = hang_up

    with pytest.raises(errors.NoAnswer, match="connection was lost"):
        connect(stub.url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")


def test_what_only_announces_an_answer_buys_no_time(stub, connect):
    def act(exchange):
        while not exchange.stopping.wait(0.01):
            exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    stub.default = act
    with within(20), pytest.raises(errors.NoAnswer, match=r"0\.4 s"):
        connect(stub.url, timeout=0.4).request("GET", "/version", idempotency=Idempotency.SAFE)


@pytest.mark.parametrize("headers_too", [False, True], ids=["body", "headers"])
@pytest.mark.parametrize("kept", [False, True], ids=["a fresh connection", "a kept one"])
def test_a_drip_that_was_given_up_holds_no_thread_and_no_connection(stub, connect, headers_too, kept):
    transport = connect(stub.url, timeout=0.3)
    if kept:
        transport.request("GET", "/version", idempotency=Idempotency.SAFE)
    stub.default = drip(b"x", 0.05, headers_too=headers_too)
    with pytest.raises((errors.NoAnswer, errors.Unreachable)):  # a busy machine may not connect in time
        transport.request("GET", "/version", idempotency=Idempotency.SAFE)

    until(lambda: not [one for one in threading.enumerate() if one.name == "bucketsnb-request"])
    until(lambda: stub.open == 0)


def test_a_proxy_that_drips_its_answer_holds_no_thread_and_no_connection(stub, connect):
    def act(exchange):
        exchange.send(b"HTTP/1.1 ")
        while not exchange.stopping.wait(0.05):
            exchange.send(b"x")

    stub.default = act
    transport = connect("https://buckets.invalid", timeout=0.3, proxies={"https": stub.url})
    with pytest.raises(errors.Unreachable):
        transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")

    until(lambda: not [one for one in threading.enumerate() if one.name == "bucketsnb-request"])
    until(lambda: stub.open == 0)


def test_a_request_is_sent_where_no_thread_can_be_had_as_when_python_is_about_to_exit(stub, connect, monkeypatch):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "bucketsnb-request":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert connect(stub.url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]").status == 200
    stub.default = silent
    with pytest.raises(errors.NoAnswer):
        connect(stub.url, timeout=0.2).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert stub.routes == ["POST /work"] * 2


# --- names ---

HANGING = """
import socket, sys, threading, time

look_up = socket.getaddrinfo


def hang(host, *about, **more):
    if "hanging" in str(host):
        time.sleep(3600)
    return look_up(host, *about, **more)


socket.getaddrinfo = hang
"""
"""A stand-in for a name server that never answers: the system's look-up cannot be cut short either."""


@pytest.mark.slow
@pytest.mark.parametrize("url", ["http://hanging.example:8004", "https://hanging.example"])
@pytest.mark.parametrize("proxies", ["None", "{'all': 'http://hanging-proxy.example:1'}"], ids=["direct", "by a proxy"])
def test_a_look_up_of_a_name_that_hangs_is_given_up_after_the_timeout_and_holds_up_no_exit(url, proxies):
    code = f"""{HANGING}
from bucketsnb import Buckets, errors
try:
    Buckets({url!r}, timeout=0.2, proxies={proxies}).pipelines()
except errors.Unreachable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert "no connection (timed out)" in done.stdout
    assert ("hanging-proxy.example:1" in done.stdout) is (proxies != "None")
    assert "Tried" not in done.stdout


@pytest.mark.slow
def test_an_address_whose_look_up_hangs_is_passed_over_for_the_next(stub):
    code = f"""{HANGING}
from bucketsnb import Buckets
buckets = Buckets(["http://hanging.example:8004", {stub.url!r}], timeout=0.5)
print(buckets.pipelines(), buckets.api.url)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == f"[] {stub.url}\n"


@pytest.fixture
def looking(monkeypatch):
    """Have every look-up of a name wait for this event."""
    look_up, looking = socket.getaddrinfo, threading.Event()

    def late(*about, **more):
        looking.wait(10)
        return look_up(*about, **more)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    return looking


def let_go(looking):
    """Let look-ups end, and wait for the threads of all requests."""
    looking.set()
    for thread in threading.enumerate():
        if thread.name == "bucketsnb-request":
            thread.join(10)


def test_a_connection_that_comes_about_too_late_is_closed(stub, connect, looking):
    with pytest.raises(errors.Unreachable, match="timed out"):
        connect(f"http://localhost:{stub.port}", timeout=0.2).request("GET", "/version", idempotency=Idempotency.SAFE)
    let_go(looking)

    assert stub.requests == []


def test_a_request_that_is_interrupted_as_its_thread_starts_is_not_sent(stub, connect, looking, monkeypatch):
    start, transport = threading.Thread.start, connect(f"http://localhost:{stub.port}")

    def interrupted(thread):
        start(thread)
        if thread.name == "bucketsnb-request":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    let_go(looking)
    assert stub.requests == []
    assert transport.request("GET", "/version", idempotency=Idempotency.SAFE).status == 200
