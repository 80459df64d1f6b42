from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest

from bucketsnb import errors
from bucketsnb.transport import Idempotency
from bucketsnb.transport.failures import retry_after
from tests.stub import Stub, answer, fail, half, hang_up, polite, silent

READING = [pytest.param(Idempotency.SAFE, id="reading"), pytest.param(Idempotency.REPEATABLE, id="settled")]
ALL = [pytest.param(idempotency, id=idempotency.name.lower()) for idempotency in Idempotency]


@pytest.mark.parametrize("idempotency", READING)
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_call_that_may_be_repeated_outlives_a_gateway_that_is_down_for_a_moment(stub, connect, idempotency, status):
    stub.then(fail(status), fail(status))

    assert connect(stub.url).request("GET", "/version", idempotency=idempotency).status == 200
    assert len(stub.requests) == 3


@pytest.mark.parametrize("idempotency", READING)
def test_a_call_that_may_be_repeated_outlives_a_lost_answer(stub, connect, idempotency):
    stub.then(hang_up)

    assert connect(stub.url).request("GET", "/version", idempotency=idempotency).status == 200
    assert len(stub.requests) == 2


@pytest.mark.parametrize("action", [fail(500), fail(502), fail(503), fail(504), hang_up, half(b"{}")])
def test_a_call_that_may_be_sent_once_is_sent_once(stub, connect, action):
    stub.then(action)

    with pytest.raises(errors.ServiceError) as caught:
        connect(stub.url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert len(stub.requests) == 1
    assert caught.value.attempts == 1


def test_a_call_that_may_be_sent_once_and_is_cut_off_has_no_answer(stub, connect):
    stub.then(half(b"[1]"))

    with pytest.raises(errors.NoAnswer):
        connect(stub.url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")


@pytest.mark.parametrize("idempotency", ALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 500])
def test_what_asking_again_would_not_change_is_never_repeated(stub, connect, idempotency, status):
    stub.then(fail(status))

    with pytest.raises(errors.ServiceError) as caught:
        connect(stub.url).request("GET", "/version", idempotency=idempotency)
    assert (len(stub.requests), caught.value.status, caught.value.attempts) == (1, status, 1)


@pytest.mark.parametrize("idempotency", ALL)
def test_a_call_the_service_did_not_take_is_sent_again_after_the_wait_it_names(stub, connect, naps, idempotency):
    stub.then(fail(429, retry_after="3"))

    assert connect(stub.url).request("GET", "/version", idempotency=idempotency).status == 200
    assert 3 <= naps[0] <= 3.5


def test_a_wait_named_as_a_date_is_obeyed(stub, connect, naps):
    stub.then(fail(429, retry_after=formatdate(time() + 8, usegmt=True)))

    connect(stub.url).request("GET", "/version", idempotency=Idempotency.ONCE)
    assert 6 <= naps[0] <= 8.5


def test_a_wait_beyond_our_patience_is_not_waited_for(stub, connect, naps):
    stub.then(fail(429, retry_after="3600"))

    with pytest.raises(errors.TooManyRequests):
        connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE)
    assert (len(stub.requests), naps) == (1, [])


def test_tries_are_bounded_and_the_last_real_error_comes_out(stub, connect):
    stub.default = fail(503, "backup is running")

    with pytest.raises(errors.ServiceFailed, match=r"backup is running.*Tried 4 times") as caught:
        connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE)
    error = caught.value
    assert (len(stub.requests), error.attempts, error.status, error.method) == (4, 4, 503, "GET")
    assert (error.path, error.url) == ("/version", stub.url)


def test_waits_grow_and_differ_between_clients(stub, connect, naps):
    stub.default = fail(503)
    for _ in range(2):
        with pytest.raises(errors.ServiceFailed):
            connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE)

    bounds = [(0.2, 0.4), (0.4, 0.6), (0.8, 1.0)]
    assert all(least <= nap <= most for nap, (least, most) in zip(naps, bounds * 2, strict=True))
    assert len(set(naps)) == len(naps)


def test_a_refused_connection_is_tried_again_for_any_call_and_says_so(connect, naps):
    with Stub() as gone:
        url = gone.url

    with pytest.raises(errors.Unreachable, match="connection refused") as caught:
        connect(url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert (caught.value.attempts, len(naps), caught.value.tried) == (4, 3, {url: "connection refused"})


def test_time_that_ran_out_is_not_spent_a_second_time(stub, connect):
    stub.default = silent

    with pytest.raises(errors.NoAnswer, match=r"0\.2 s"):
        connect(stub.url, timeout=0.2).request("GET", "/version", idempotency=Idempotency.SAFE)
    assert len(stub.requests) == 1


def test_a_host_that_no_name_server_knows_is_said_at_once(connect, naps):
    with pytest.raises(errors.Unreachable, match="name of the host"):
        connect("http://no-such-host.invalid").request("GET", "/version", idempotency=Idempotency.SAFE)
    assert naps == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("0", 0.0), ("1.5", 1.5), (" 2 ", 2.0), ("", None), ("soon", None), ("-1", None)]
)
def test_retry_after_is_read(text, seconds):
    assert retry_after(text) == seconds


def test_a_retry_after_in_the_past_asks_for_no_wait():
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_an_answer_after_failures_is_the_answer(stub, connect):
    stub.then(hang_up, fail(503), answer({"version": "x"}), polite)

    assert connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE).body == b'{"version": "x"}'


def test_an_unreachable_address_is_named_with_where_it_came_from(connect, monkeypatch):
    monkeypatch.setenv("BUCKETSNB_URL", "http://127.0.0.1:1")

    with pytest.raises(errors.Unreachable, match=r"on 127\.0\.0\.1:1: .*came from BUCKETSNB_URL"):
        connect(None).request("GET", "/version", idempotency=Idempotency.SAFE)


def test_an_unreachable_address_that_was_given_is_only_named(connect):
    with pytest.raises(errors.Unreachable) as caught:
        connect("http://127.0.0.1:1").request("GET", "/version", idempotency=Idempotency.SAFE)
    assert "on 127.0.0.1:1: " in str(caught.value)
    assert "came from" not in str(caught.value)
