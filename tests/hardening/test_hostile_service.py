"""Whatever answers in the place of the service, every call ends soon, in little memory, in one of our errors."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bucketsnb import Buckets
from bucketsnb.errors import BadAnswer, BucketsError
from tests.factory import make_work
from tests.patience import PATIENCE, within
from tests.stub import Action, Exchange, Stub, drip, endless, raw, redirect

pytestmark = pytest.mark.slow

TOKEN = "token-0123456789-abcdef"
ID = f"{7:024x}"
MEMORY = 96 * 1024**2
"""Bytes: what may be unpacked before it is weighed, and some more; less than any bomb below unpacks to."""

BLANKS = gzip.compress(b" " * 128 * 1024**2)
DEEP = 200_000


def kept_waiting(exchange: Exchange) -> None:
    """Say that the answer is on its way, for ever."""
    while not exchange.stopping.is_set():
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)


def many_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.stopping.is_set():
        exchange.send(b"X-Some: thing\r\n" * 1_000)


def chunks(data: bytes, extension: int) -> Action:
    """Send the same few bytes for ever, each time with the head of a chunk that says nothing else."""
    chunk = b"%x;%s\r\n%s\r\n" % (len(data), b"x" * extension, data)

    def act(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not exchange.stopping.is_set():
            exchange.send(chunk * (1 + 64_000 // len(chunk)))

    return act


def trailers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n")
    while not exchange.stopping.is_set():
        exchange.send(b"X-Some: thing\r\n" * 1_000)


def deep_work(levels: int) -> bytes:
    head = b'[{"id": "%s", "pipeline": "p", "results": ' % ID.encode()
    return head + b"[" * levels + b"]" * levels + b"}]"


HOSTILE: dict[str, Action] = {
    "an endless body": endless(b"[" * 65_536),
    "an endless body of works": endless(json.dumps([make_work(id=ID)])[1:-1].encode() + b","),
    "endless small chunks": chunks(b" ", 1_000),
    "endless small chunks without more": chunks(b" ", 0),
    "endless chunks with long heads": chunks(b"[" * 16, 60_000),
    "endless trailers": trailers,
    "endless headers": many_headers,
    "endless continuing": kept_waiting,
    "a gzip bomb": raw(BLANKS, content_encoding="gzip"),
    "a gzip bomb in a failure": raw(BLANKS, 500, content_encoding="gzip"),
    "deep lists": raw(b"[" * DEEP + b"]" * DEEP),
    "deep objects": raw(b'[{"id": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}]"),
    "a deep work": raw(deep_work(DEEP)),
    "a page of HTML": raw(b"<html>Log in</html>", content_type="text/html"),
    "JSON that is said to be HTML": raw(b"[]", content_type="text/html"),
    "a picture": raw(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), content_type="image/png"),
    "text that is no UTF-8": raw(b'[{"id": "\xff\xfe"}]'),
    "numbers without end": raw(b"[" + b"9" * 1_000_000 + b"]"),
    "a slow drip": drip(b"x", 0.05),
    "a slow drip of headers": drip(b"x", 0.05, headers_too=True),
}

CALLS: dict[str, Callable[[Buckets], Any]] = {
    "view": lambda client: client.view({"pipeline": "a"}),
    "view of all": lambda client: client.view({}, limit=None, progress=False),
    "count": lambda client: client.count({}),
    "work": lambda client: client.work(ID),
    "status": lambda client: client.status("a"),
    "pipelines": lambda client: client.pipelines(),
    "info": lambda client: client.info(),
    "plan_delete": lambda client: client.plan_delete([ID]),
    "plan_requeue": lambda client: client.plan_requeue(pipeline="a"),
    "deposit": lambda client: client.deposit([make_work()], return_ids=True),
    "withdraw": lambda client: client.withdraw("a"),
    "update": lambda client: client.update([{"id": ID, "priority": 1}]),
    "delete_ids": lambda client: client.delete_ids([ID]),
    "delete_many": lambda client: client.delete_many("a", force=True),
    "audit": lambda client: client.audit(),
}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketsnb.transport.session.pause", lambda _: None)


@pytest.fixture
def hostile() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


def check(stub: Stub, call: Callable[[Buckets], Any]) -> None:
    client = Buckets(stub.url, token=TOKEN, timeout=0.3)
    with client, within(PATIENCE), pytest.raises(BucketsError) as caught:
        call(client)
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 2_000


@pytest.fixture
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an answer be too large sooner, so that a test need not read gigabytes."""
    monkeypatch.setattr("bucketsnb.api.endpoints.MAX_BYTES", 8 * 1024**2)
    monkeypatch.setattr("bucketsnb.api.endpoints._SMALL", 8 * 1024**2)


@pytest.mark.parametrize("action", HOSTILE.values(), ids=HOSTILE)
def test_a_view_ends_in_an_error_of_ours(hostile: Stub, small_answers: None, action: Action) -> None:
    hostile.default = action
    check(hostile, CALLS["view"])


@pytest.mark.parametrize("levels", [500, 1_500, 5_000, 9_000, 15_000])
def test_a_deep_work_is_shown_and_accounted_for_or_refused(hostile: Stub, levels: int) -> None:
    """Some Pythons read a thousand levels, and others ten thousand."""
    hostile.default = raw(deep_work(levels))
    with Buckets(hostile.url, timeout=30) as client:
        try:
            frame = client.view({"pipeline": "p"})
        except BadAnswer as error:
            assert levels > 900
            assert "nested deeper than can be read" in str(error)  # noqa: PT017 - it may be read as well
            return
        assert ID in str(frame)
        assert ID in frame._repr_html_()
        assert sum(client.plan_delete(frame).apply().counts.values()) == 1


@pytest.mark.parametrize("action", ["an endless body", "deep objects", "a page of HTML", "a slow drip"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_call_ends_in_an_error_of_ours(
    hostile: Stub, small_answers: None, action: str, call: Callable[[Buckets], Any]
) -> None:
    hostile.default = HOSTILE[action]
    check(hostile, call)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_call_goes_where_it_is_sent_to(hostile: Stub, status: int, call: Callable[[Buckets], Any]) -> None:
    with Stub() as elsewhere:
        hostile.default = redirect(f"{elsewhere.url}/view", status)
        check(hostile, call)
        assert elsewhere.connections == 0


@pytest.mark.parametrize("action", ["a gzip bomb", "a gzip bomb in a failure", "deep lists", "deep objects"])
def test_an_answer_takes_little_more_memory_than_it_has_bytes(hostile: Stub, action: str) -> None:
    hostile.default = HOSTILE[action]
    tracemalloc.start()
    try:
        check(hostile, CALLS["view"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY
