from __future__ import annotations

import gzip
import json
import os
import tracemalloc
import zlib

import pytest

from bucketsnb import errors
from bucketsnb.transport import Idempotency
from tests.stub import drip, endless, fail, gzip_bomb, half, head, raw

WORKS = json.dumps([{"id": f"{number:024x}", "pipeline": "p"} for number in range(20_000)]).encode()


def view(transport, **options):
    return transport.request("POST", "/view", idempotency=Idempotency.SAFE, body=b"{}", **options)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:1000]) + gzip.compress(body[1000:])),
        ("deflate", zlib.compress),
    ],
    ids=["plain", "identity", "gzip", "in capitals", "two members", "deflate"],
)
def test_a_packed_body_comes_out_as_it_went_in(stub, connect, encoding, pack):
    stub.then(raw(pack(WORKS), content_encoding=encoding))

    assert view(connect(stub.url)).body == WORKS


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(raw(WORKS), id="large"),
        pytest.param(raw(gzip.compress(WORKS), content_encoding="gzip"), id="large when unpacked"),
        pytest.param(endless(b"[" * 65536), id="endless"),
    ],
)
def test_a_body_over_the_limit_is_not_read_to_its_end(stub, connect, action):
    stub.then(action)

    with pytest.raises(errors.BadAnswer, match="more than"):
        view(connect(stub.url), max_bytes=500_000)


def test_a_bomb_is_stopped_in_little_memory(stub, connect, monkeypatch):
    monkeypatch.setattr("bucketsnb.transport.session.FREE_OF_RATIO", 4 * 1024**2)
    stub.then(gzip_bomb(256 * 1024**2))
    transport = connect(stub.url)
    tracemalloc.start()
    with pytest.raises(errors.BadAnswer, match="250 times"):
        view(transport)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100 * 1024**2


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"", gzip.compress(b"")), (gzip.compress(b"")[:10], b"\0\0\0\xff\xff")],
    ids=["empty members", "empty blocks"],
)
def test_what_unpacks_to_nothing_is_not_read_for_ever(stub, connect, start, piece):
    def act(exchange):
        exchange.send(head(200, None, {"Content-Encoding": "gzip", "Connection": "close"}) + start)
        while not exchange.stopping.is_set():
            exchange.send(piece * 1_000)

    stub.then(act)
    with pytest.raises(errors.BadAnswer, match="unpacks to next to nothing"):
        view(connect(stub.url, timeout=20))


@pytest.mark.parametrize("extension", [0, 1_000, 10_000], ids=lambda size: f"{size} bytes of head")
def test_a_body_in_chunks_that_hold_next_to_nothing_is_not_read_for_ever(stub, connect, extension):
    def act(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"1;" + b"x" * extension + b"\r\n \r\n"
        while not exchange.stopping.is_set():
            exchange.send(chunk * (1 + 60_000 // len(chunk)))

    stub.then(act)
    with pytest.raises(errors.BadAnswer, match="so many small parts"):
        view(connect(stub.url, timeout=20))


def test_what_packs_well_and_is_no_bomb_is_read(stub, connect):
    body = b"[" + b",".join([b'{"pipeline": "the same", "tags": []}'] * 20_000) + b"]"
    stub.then(raw(gzip.compress(body), content_encoding="gzip"))

    assert view(connect(stub.url)).body == body


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_an_unknown_packing_is_said(stub, connect, encoding):
    stub.then(raw(b"{}", content_encoding=encoding))

    with pytest.raises(errors.BadAnswer, match="content encoding"):
        view(connect(stub.url))


@pytest.mark.parametrize("body", [os.urandom(64), gzip.compress(WORKS)[:-20]], ids=["rubbish", "too short"])
def test_a_packed_body_that_does_not_unpack_is_said(stub, connect, body):
    stub.then(raw(body, content_encoding="gzip"))

    with pytest.raises(errors.BadAnswer, match=r"decompressing|too early"):
        view(connect(stub.url))


def test_a_body_that_is_always_cut_off_is_a_bad_answer(stub, connect):
    stub.default = half(b'[{"id": ')

    with pytest.raises(errors.BadAnswer, match="cut off") as caught:
        view(connect(stub.url))
    assert caught.value.attempts == 4


def test_a_body_cut_off_once_is_asked_for_again(stub, connect):
    stub.then(half(b"[1, 2"))

    assert view(connect(stub.url)).body == b"[]"


def test_an_error_is_quoted_in_300_printable_characters(stub, connect):
    stub.then(raw(b"\x1b[31mboom\x00 \xe2\x80\xae" + b"y" * 10_000, 400))

    with pytest.raises(errors.Refused) as caught:
        view(connect(stub.url))
    assert len(caught.value.excerpt) <= 300
    assert caught.value.excerpt.isprintable()
    assert "boom" in caught.value.excerpt
    assert caught.value.excerpt in str(caught.value)


@pytest.mark.parametrize("body", [endless(b"x" * 65536), drip(b"x", 0.05)], ids=["endless", "a drip"])
def test_the_body_of_an_error_is_not_waited_for(stub, connect, body):
    def act(exchange):
        exchange.send(b"HTTP/1.1 500 Broken\r\nConnection: close\r\n\r\n" + b"oh no ")
        body(exchange)

    stub.then(act)
    with pytest.raises(errors.ServiceFailed):
        view(connect(stub.url, timeout=0.3))


def test_a_packed_error_is_readable(stub, connect):
    stub.then(raw(gzip.compress(b'{"message": "no such operator"}'), 400, content_encoding="gzip"))

    with pytest.raises(errors.Refused, match="no such operator"):
        view(connect(stub.url))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Refused),
        (401, errors.Unauthorized),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (413, errors.TooLarge),
        (414, errors.TooLarge),
        (431, errors.TooLarge),
        (429, errors.TooManyRequests),
        (500, errors.ServiceFailed),
        (503, errors.ServiceFailed),
    ],
)
def test_each_status_has_its_error(stub, connect, status, kind):
    stub.default = fail(status, "because")

    with pytest.raises(errors.ServiceError, match="because") as caught:
        connect(stub.url).request("PUT", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.method, caught.value.path) == (status, "PUT", "/work")


def chunked(*pieces: bytes, whole: bool = True):
    def act(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        exchange.send(b"0\r\n\r\n" if whole else b"")
        exchange.keep = whole

    return act


def test_a_body_in_chunks_comes_out_whole_and_keeps_the_connection(stub, connect):
    stub.then(chunked(b"[1,", b"2]"))
    transport = connect(stub.url)

    assert view(transport).body == b"[1,2]"
    view(transport)
    assert stub.connections == 1


def test_what_says_that_an_answer_will_come_is_passed_over(stub, connect):
    stub.then(
        lambda exchange: exchange.send(b"HTTP/1.1 100 Word\r\n\r\n" * 3 + head(200, 5) + b"first"), raw(b"second")
    )
    transport = connect(stub.url)

    assert [view(transport).body for _ in range(2)] == [b"first", b"second"]
    assert stub.connections == 1


@pytest.mark.parametrize("status", [101, 102, 103, 199])
def test_an_answer_that_is_none_ends_the_connection_so_that_what_follows_answers_no_other_request(
    stub, connect, status
):
    stub.then(
        lambda exchange: exchange.send(b"HTTP/1.1 %d Word\r\n\r\n" % status + head(200, 5) + b"first"), raw(b"second")
    )
    transport = connect(stub.url)

    with pytest.raises(errors.BadAnswer, match=f"answered {status}"):
        view(transport)
    assert view(transport).body == b"second"
    assert stub.connections == 2


def test_a_body_in_chunks_that_ends_early_is_cut_off(stub, connect):
    stub.default = chunked(b"[1,", whole=False)

    with pytest.raises(errors.BadAnswer, match="cut off"):
        view(connect(stub.url))


@pytest.mark.parametrize(
    "line", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"\0" * 100]
)
def test_what_is_no_http_is_one_of_our_errors(stub, connect, line):
    def act(exchange):
        exchange.send(line)
        exchange.keep = False

    stub.default = act
    with pytest.raises(errors.ServiceError):
        view(connect(stub.url))


def test_a_packed_answer_without_a_body_is_an_empty_one(stub, connect):
    stub.then(raw(b"", content_encoding="gzip"))

    assert connect(stub.url).request("HEAD", "/version", idempotency=Idempotency.SAFE).body == b""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no such field.", "answered 400: no such field. Correct"),
        ("", r'answered 400: \{"description"'),
        ("x" * 5000, "answered 400: x{250,299}.* Correct"),
    ],
    ids=["message", "none", "long"],
)
def test_a_service_that_describes_its_error_is_quoted_with_the_message_alone(stub, connect, text, said):
    stub.then(fail(400, text))

    with pytest.raises(errors.Refused, match=said) as caught:
        view(connect(stub.url))
    assert "Correct the request" not in caught.value.problem
    assert caught.value.excerpt.startswith('{"description"')
