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


def test_one_call_can_have_a_timeout_of_its_own(stub, connect):
    stub.default = silent

    with within(20), pytest.raises(errors.NoAnswer, match=r"0\.2 s"):
        connect(stub.url, timeout=60).request("GET", "/version", idempotency=Idempotency.SAFE, timeout=0.2)


def test_a_slow_call_leaves_no_short_timeout_to_the_next_one(stub, connect):
    transport = connect(stub.url, timeout=20)
    stub.then(answer({}), after(1.1, answer({})))

    transport.request("GET", "/version", idempotency=Idempotency.SAFE, timeout=1)
    assert transport.request("GET", "/version", idempotency=Idempotency.SAFE).status == 200


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


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"], ids=["continue", "processing"]
)
def test_what_only_announces_an_answer_buys_no_time(stub, connect, piece):
    def act(exchange):
        while not exchange.stopping.wait(0.01):
            exchange.send(piece * 100)

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
    with pytest.raises(errors.NoAnswer):
        transport.request("GET", "/version", idempotency=Idempotency.SAFE)

    until(lambda: not [one for one in threading.enumerate() if one.name == "bucketsnb-request"])
    until(lambda: stub.open == 0)


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


def test_a_connection_that_comes_about_too_late_is_closed(stub, connect, monkeypatch):
    look_up, looking = socket.getaddrinfo, threading.Event()

    def late(*about, **more):
        looking.wait(10)
        return look_up(*about, **more)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(errors.Unreachable, match="timed out"):
        connect(f"http://localhost:{stub.port}", timeout=0.2).request("GET", "/version", idempotency=Idempotency.SAFE)
    looking.set()
    for thread in threading.enumerate():
        if thread.name == "bucketsnb-request":
            thread.join(10)

    assert stub.requests == []
