from __future__ import annotations

import base64
import copy
import io
import logging
import pickle
import traceback
from urllib.parse import quote

import pytest

from bucketsnb import errors
from bucketsnb.client import Buckets
from bucketsnb.transport import Idempotency
from tests.stub import Stub, fail, half, hang_up, raw, redirect, then_close

TOKEN = "ghp_hush-hush-0123456789"


def everything_said_by(error: BaseException) -> str:
    """Return the traceback with the locals of every frame of our code, as debuggers and rich print them."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for level in _levels(told):
        level.stack = traceback.StackSummary.from_list(
            [frame for frame in level.stack if "/tests/" not in frame.filename or not frame.locals]
        )
    return "".join(told.format()) + repr(vars(error)) + repr(error.args)


def _levels(told):
    while told is not None:
        yield told
        told = told.__cause__ or told.__context__


@pytest.mark.parametrize(
    "action",
    [
        hang_up,
        half(b"["),
        fail(401, f"bad token {TOKEN}"),
        fail(500),
        raw(f"no {TOKEN}".encode()),
        redirect(f"/x{TOKEN}"),
        then_close(lambda exchange: exchange.send(f"{TOKEN}\r\n\r\n".encode())),
        raw(f"{TOKEN}\r\n".encode(), transfer_encoding="chunked", content_length=""),
    ],
    ids=[
        "hang up",
        "half",
        "echoed by a 401",
        "500",
        "echoed by a 200",
        "echoed by a redirect",
        "echoed in place of HTTP",
        "echoed as the size of a chunk",
    ],
)
def test_no_error_shows_the_token_not_even_to_a_debugger(action):
    work = {"pipeline": "p", "site": "s", "user": "u"}
    with Stub(default=action) as stub, pytest.raises(errors.ServiceError) as caught:
        Buckets(stub.url, token=TOKEN).api.deposit([work])

    assert stub.requests[0].headers["x-access-token"] == TOKEN
    assert TOKEN not in everything_said_by(caught.value)


@pytest.mark.parametrize("token", ["to/ken+0123=", 'to"ken\\0123', "token-0123"])
@pytest.mark.parametrize(
    "repeated",
    [lambda token: quote(token, safe=""), lambda token: token, lambda token: base64.b64encode(token.encode()).decode()],
    ids=["percent-encoded", "escaped in JSON", "in base64"],
)
def test_no_error_shows_the_token_in_another_form(connect, stub, token, repeated):
    stub.default = fail(400, f"I got {repeated(token)} from you")
    with pytest.raises(errors.Refused, match=r"I got .*<hidden>.* from you") as caught:
        connect(stub.url, token=token).request("GET", "/version", idempotency=Idempotency.SAFE)
    assert repeated(token).rstrip("=") not in str(caught.value) + caught.value.excerpt


def test_an_unreachable_service_does_not_bring_out_the_token(connect):
    with pytest.raises(errors.Unreachable) as caught:
        connect("http://127.0.0.1:1", token=TOKEN).request("GET", "/version", idempotency=Idempotency.SAFE)

    assert TOKEN not in everything_said_by(caught.value)


@pytest.mark.parametrize("token", [TOKEN + "\n", TOKEN + "\u2713", f"{TOKEN}\r\nx: y", f" {TOKEN}", TOKEN + "\x00"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token):
    with pytest.raises(errors.ConfigurationError, match="token=") as caught:
        Buckets("http://localhost:8004", token=token)

    assert TOKEN not in everything_said_by(caught.value)


def test_no_log_line_shows_the_token(stub, connect):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        connect(stub.url, token=TOKEN).request("GET", "/version", idempotency=Idempotency.SAFE)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    assert "GET /version" in written.getvalue()
    assert TOKEN not in written.getvalue()


def test_a_client_names_the_source_of_its_token_and_not_the_token(monkeypatch):
    monkeypatch.setenv("WORKFLOW_TOKEN", TOKEN)
    buckets = Buckets("http://localhost:8004/", read_only=True)

    assert repr(buckets) == "Buckets('http://localhost:8004', token from WORKFLOW_TOKEN, read only)"
    assert TOKEN not in f"{buckets!s} {buckets.settings} {buckets.api} {vars(buckets)} {buckets.api.transport}"


def test_a_client_with_a_token_is_not_pickled_or_copied():
    buckets = Buckets("http://localhost:8004", token=TOKEN)
    for spill in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="in the process that uses it"):
            spill(buckets)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(buckets.settings)


def test_an_error_can_be_pickled_and_holds_no_token():
    with Stub(default=fail(401, TOKEN)) as stub, pytest.raises(errors.Unauthorized) as caught:
        Buckets(stub.url, token=TOKEN).pipelines()

    assert TOKEN.encode() not in pickle.dumps(caught.value)


def test_an_error_for_want_of_a_token_says_which_was_sent(stub, connect):
    stub.default = fail(401)
    with pytest.raises(errors.Unauthorized, match="came from token="):
        connect(stub.url, token=TOKEN).request("GET", "/version", idempotency=Idempotency.SAFE)
    with pytest.raises(errors.Unauthorized, match="No token was sent"):
        connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/version", "/status"])
def test_a_password_in_the_address_is_in_no_error(path):
    with pytest.raises(errors.Unreachable) as caught:
        Buckets("http://me:hunter2@127.0.0.1:1").api.transport.request("GET", path, idempotency=Idempotency.SAFE)

    assert "hunter2" not in everything_said_by(caught.value)


def test_an_error_survives_pickling_with_what_it_carries():
    with Stub(default=fail(400, "no")) as stub, pytest.raises(errors.Refused) as caught:
        Buckets(stub.url).pipelines()
    again = pickle.loads(pickle.dumps(caught.value))

    assert (type(again), str(again), vars(again)) == (errors.Refused, str(caught.value), vars(caught.value))
