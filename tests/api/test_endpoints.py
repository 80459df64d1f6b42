"""Each endpoint: what goes out, what comes back, and what is refused on either way."""

from __future__ import annotations

import time
from email.utils import formatdate

import numpy as np
import pytest

from bucketsnb import errors
from bucketsnb.api import Api, chunks
from bucketsnb.schema import STATUS_KEYS
from tests.factory import make_work, make_works
from tests.stub import ZEROS, answer, fail, half, hang_up, polite, raw, redirect, silent

ID = "6b04a88bcce5d83e4c9bf3fc"
RECORD = make_work(id=ID, status="queued")


def only(stub):
    (seen,) = stub.requests
    return seen


# --- what goes out ---


@pytest.mark.parametrize(
    ("call", "method", "target", "body"),
    [
        (lambda api: api.version(), "GET", "/version", b""),
        (lambda api: api.status(), "GET", "/status", b""),
        (lambda api: api.status("baseband"), "GET", "/status/details/baseband", b""),
        (lambda api: api.status("a b/c?d#e"), "GET", "/status/details/a%20b%2Fc%3Fd%23e", b""),
        (lambda api: api.status("\u00fcber"), "GET", "/status/details/%C3%BCber", b""),
        (lambda api: api.pipelines(), "GET", "/status/pipelines", b""),
        (lambda api: api.audit_failed(), "GET", "/audit/failed", b""),
        (lambda api: api.audit_expired(), "GET", "/audit/expired", b""),
        (lambda api: api.audit_stale(), "GET", "/audit/stale/7.0", b""),
        (lambda api: api.delete([ID]), "DELETE", f"/work?ids={ID}", b""),
        (
            lambda api: api.withdraw({"pipeline": {"$in": ["p"]}}),
            "POST",
            "/work/withdraw",
            b'{"pipeline":{"$in":["p"]}}',
        ),
        (
            lambda api: api.view({"a": 1}, {"id": True}, skip=3, limit=5),
            "POST",
            "/view",
            b'{"query":{"a":1},"projection":{"id":true,"_id":false},"skip":3,"limit":5}',
        ),
        (lambda api: api.view(), "POST", "/view", b'{"query":{},"projection":{"_id":false},"skip":0,"limit":100}'),
        (
            lambda api: api.view_bytes({}, limit=None),
            "POST",
            "/view",
            b'{"query":{},"projection":{"_id":false},"skip":0,"limit":0}',
        ),
        (
            lambda api: api.view_ids({"a": 1}),
            "POST",
            "/view",
            b'{"query":{"a":1},"projection":{"id":true,"_id":false},"skip":0,"limit":0}',
        ),
    ],
)
def test_a_call_sends_one_request(stub, api, call, method, target, body):
    call(api)

    seen = only(stub)
    assert (seen.method, seen.target, seen.body) == (method, target, body)


@pytest.mark.parametrize("return_ids", [True, False])
def test_a_deposit_says_once_whether_it_wants_ids(stub, api, return_ids):
    api.deposit([make_work()], return_ids=return_ids)

    assert only(stub).query == [("return_ids", str(return_ids))]
    assert only(stub).headers["content-type"] == "application/json; charset=utf-8"


def test_a_deposit_sends_the_payload_as_it_is(stub, api):
    works = make_works(2)
    api.deposit(works)

    assert only(stub).json == works


def test_an_update_sends_the_works(stub, api):
    api.update([RECORD])

    assert (only(stub).method, only(stub).target, only(stub).json) == ("PUT", "/work", [RECORD])


@pytest.mark.parametrize("limit", [None, 0, -1])
def test_no_limit_is_sent_as_the_zero_that_every_service_knows(stub, api, limit):
    api.view({}, limit=limit)

    assert only(stub).json["limit"] == 0


def test_a_projection_is_not_changed_and_nothing_is_kept_for_the_next_call(stub, api):
    projection = {"results": True}
    api.view({}, projection)
    api.view({})

    assert projection == {"results": True}
    assert stub.requests[1].json["projection"] == {"_id": False}


def test_an_integer_of_numpy_is_a_limit(stub, api):
    api.view({}, limit=np.int64(5), skip=np.uint8(2))

    assert (only(stub).json["limit"], only(stub).json["skip"]) == (5, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.view({}, limit=-2),
        lambda api: api.view({}, limit=2.5),
        lambda api: api.view({}, limit=True),
        lambda api: api.view({}, skip=-1),
        lambda api: api.view({}, skip=None),
        lambda api: api.view("pipeline"),
        lambda api: api.view([("a", 1)]),
        lambda api: api.view({"a": {1}}),
        lambda api: api.withdraw("p"),
        lambda api: api.status(""),
        lambda api: api.status(".."),
        lambda api: api.status(["a"]),
        lambda api: api.status("\ud800"),
        lambda api: api.audit_stale(-1),
        lambda api: api.audit_stale("7"),
        lambda api: api.audit_stale(float("nan")),
    ],
)
def test_a_question_that_means_nothing_is_refused_before_it_is_sent(stub, api, call):
    with pytest.raises(errors.QueryError):
        call(api)
    assert stub.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.deposit([make_work(results={"snr": float("nan")})]),
        lambda api: api.deposit(make_work()),
        lambda api: api.update([make_work()]),
        lambda api: api.delete([None]),
        lambda api: api.delete([ID, None]),
        lambda api: api.delete([""]),
        lambda api: api.delete([5]),
        lambda api: api.delete(ID),
        lambda api: api.delete(None),
        lambda api: api.delete({ID: 1}),
    ],
)
def test_a_work_that_cannot_be_sent_is_refused_before_anything_is(stub, api, call):
    with pytest.raises(errors.WorkError):
        call(api)
    assert stub.requests == []


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda api: api.delete([]), False),
        (lambda api: api.delete(iter(())), False),
        (lambda api: api.update([]), False),
        (lambda api: api.deposit([]), False),
        (lambda api: api.deposit([], return_ids=True), []),
    ],
)
def test_nothing_to_send_sends_nothing(stub, api, call, expected):
    assert call(api) == expected
    assert stub.requests == []


# --- deletes in chunks ---


@pytest.mark.parametrize("number", [1, 250, 251, 1000])
@pytest.mark.parametrize("prefix", ["", "/" + "long-prefix/" * 300], ids=["at the root", "below a long prefix"])
def test_any_number_of_ids_goes_in_lines_under_8_kib(connect, stub, number, prefix):
    stub.default = answer(True)
    ids = [f"{index:024x}" for index in range(number)]

    assert connect(stub.url + prefix).delete(ids) is True
    assert [value for seen in stub.requests for _, value in seen.query] == ids
    assert all(len(f"DELETE {seen.target} HTTP/1.1\r\n") <= 8192 for seen in stub.requests)


def test_a_long_token_leaves_room_for_the_line(connect, stub):
    token = "t" * 4000
    connect(token=token).delete([f"{index:024x}" for index in range(300)])

    assert all(len(seen.target) + len(token) + 512 < 8192 for seen in stub.requests)


def test_an_id_given_twice_is_sent_once(stub, api):
    api.delete([ID, ID])

    assert only(stub).query == [("ids", ID)]


def test_a_delete_that_fails_on_the_way_says_which_ids_were_answered(stub, api):
    stub.then(polite, fail(500))
    ids = [f"{index:024x}" for index in range(600)]

    with pytest.raises(errors.ServiceFailed, match="250 of 600 works had been deleted") as caught:
        api.delete(ids)
    assert caught.value.deleted == ids[:250]
    assert caught.value.remaining == ids[250:]
    assert len(stub.requests) == 2


def test_a_delete_outlives_a_lost_answer(stub, api):
    stub.then(hang_up)

    assert api.delete([ID]) is True
    assert len(stub.requests) == 2


def test_a_no_to_one_chunk_is_a_no(stub, api):
    stub.then(answer(True), answer(False))

    assert api.delete([f"{index:024x}" for index in range(300)]) is False


# --- what comes back ---


@pytest.mark.parametrize(
    ("body", "call", "expected"),
    [
        ({"version": "1", "x": 2}, lambda api: api.version(), {"version": "1", "x": 2}),
        (["a", "b"], lambda api: api.pipelines(), ["a", "b"]),
        ([ID], lambda api: api.deposit([make_work()], return_ids=True), [ID]),
        (True, lambda api: api.deposit([make_work()]), True),
        (None, lambda api: api.withdraw({"pipeline": "p"}), None),
        (RECORD, lambda api: api.withdraw({"pipeline": "p"}), RECORD),
        ({"odd": 1}, lambda api: api.withdraw({"pipeline": "p"}), {"odd": 1}),
        (False, lambda api: api.update([RECORD]), False),
        (3, lambda api: api.audit_failed(), 3),
        ([RECORD], lambda api: api.view(), [RECORD]),
        ([{"id": ID, "x": [1]}, {"id": "b"}, {"id": "b"}], lambda api: api.view_ids(), [ID, "b", "b"]),
        ([{"id": ID}, {"id": None}, {}, {"id": 5}], lambda api: api.view_ids(), [ID, None, None, None]),
    ],
)
def test_an_answer_comes_out_as_it_is(stub, api, body, call, expected):
    stub.then(answer(body))

    assert call(api) == expected


def test_counts_come_in_the_contracts_order(stub, api):
    stub.then(answer({"failure": 1, "total": 6, "success": 2, "new": 9, "queued": 3, "running": 0}))

    assert list(api.status().items()) == list(zip(STATUS_KEYS, [6, 3, 0, 2, 1], strict=True))


CALLS = {
    "version": lambda api: api.version(),
    "status": lambda api: api.status(),
    "pipelines": lambda api: api.pipelines(),
    "view": lambda api: api.view(),
    "view_bytes": lambda api: api.view_bytes(),
    "view_ids": lambda api: api.view_ids(),
    "deposit": lambda api: api.deposit([make_work()]),
    "deposit for ids": lambda api: api.deposit(make_works(2), return_ids=True),
    "withdraw": lambda api: api.withdraw({"pipeline": "p"}),
    "update": lambda api: api.update([RECORD]),
    "delete": lambda api: api.delete([ID]),
    "audit_failed": lambda api: api.audit_failed(),
    "audit_expired": lambda api: api.audit_expired(),
    "audit_stale": lambda api: api.audit_stale(),
}
READING = {"version", "status", "pipelines", "view", "view_bytes", "view_ids"}
CHANGING = set(CALLS) - READING
ONCE = CHANGING - {"delete"}

NO_JSON = {
    "empty": raw(b""),
    "no content": raw(b"", 204),
    "html": raw(b"<html>Sign in</html>", content_type="text/html"),
    "html said to be json": raw(b"<html>Sign in</html>"),
    "json said to be html": raw(b'[{"a": 1}]', content_type="text/html; charset=utf-8"),
    "cut": raw(b'[{"id": "6b04'),
    "deep": raw(b"[" * 500_000),
    "text": answer("hello"),
    "another shape": answer([[1]]),
    "a number with a point": answer(1.5),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("action", NO_JSON.values(), ids=NO_JSON)
def test_an_answer_of_another_kind_is_a_bad_answer_and_of_a_change_an_unknown_outcome(stub, api, name, action, request):
    if "view_bytes" in request.node.name and "another shape" in request.node.name:
        stub.then(answer({"a": []}))
    elif request.node.callspec.id == "another shape-deposit":
        stub.then(answer([]))
    else:
        stub.then(action)

    with pytest.raises(errors.OutcomeUnknown if name in ONCE else errors.BadAnswer, match="Buckets service") as caught:
        CALLS[name](api)
    assert caught.value.status in (200, 204)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("value", "call"),
    [
        ({}, "status"),
        ({**ZEROS, "queued": None}, "status"),
        ({**ZEROS, "queued": -1}, "status"),
        ({**ZEROS, "queued": True}, "status"),
        ({**ZEROS, "queued": 2**63}, "status"),
        ({**ZEROS, "total": 10**300}, "status"),
        ([1], "pipelines"),
        ({"a": 1}, "view"),
        ([None], "view"),
        ([5], "view_ids"),
        (False, "deposit"),
        (True, "deposit for ids"),
        ([ID, ID], "deposit for ids"),
        ([ID, ""], "deposit for ids"),
        ([RECORD], "withdraw"),
        (False, "withdraw"),
        (1, "update"),
        (None, "delete"),
        (True, "audit_failed"),
        (-1, "audit_expired"),
        ([3], "audit_stale"),
    ],
)
def test_an_answer_of_another_shape_is_a_bad_answer_and_of_a_change_an_unknown_outcome(stub, api, value, call):
    stub.then(answer(value))

    with pytest.raises(errors.OutcomeUnknown if call in ONCE else errors.BadAnswer, match=r"(?i)expected|missing"):
        CALLS[call](api)


@pytest.mark.parametrize("ids", [[ID], [ID, "a", "b"]])
def test_a_deposit_answered_with_another_number_of_ids_names_both(stub, api, ids):
    stub.then(answer(ids))

    with pytest.raises(errors.OutcomeUnknown, match=f"2 ids were expected, and {len(ids)} came"):
        api.deposit(make_works(2), return_ids=True)


def test_a_bad_answer_shows_what_came(stub, api):
    stub.then(raw(b"<html>Please sign in</html>", content_type="text/html"))

    with pytest.raises(errors.BadAnswer, match="Please sign in") as caught:
        api.pipelines()
    assert (caught.value.method, caught.value.path) == ("GET", "/status/pipelines")
    assert caught.value.excerpt == "<html>Please sign in</html>"


# --- silence ---

SILENCES = {
    "silent": silent,
    "hang up": hang_up,
    "cut off": half(b"[1"),
    "bad gateway": fail(502),
    "gateway": fail(504),
}


@pytest.mark.parametrize("call", sorted(CHANGING - {"delete"}))
@pytest.mark.parametrize("action", SILENCES.values(), ids=SILENCES)
def test_a_change_without_an_answer_is_sent_once_and_says_what_to_look_for(stub, connect, call, action):
    stub.then(action)

    with pytest.raises(errors.OutcomeUnknown, match="look for what `check` finds") as caught:
        CALLS[call](connect(timeout=0.5 if action is silent else 20))
    assert len(stub.requests) == 1
    assert caught.value.check


def test_a_change_whose_answer_was_cut_off_says_so(stub, api):
    stub.then(half(b"["))

    with pytest.raises(errors.OutcomeUnknown, match=r"the answer was cut off \("):
        api.deposit([make_work()])


def test_a_lost_deposit_is_looked_for_by_its_creation_times(stub, api):
    stub.then(hang_up)
    works = make_works(2, creation=None)

    with pytest.raises(errors.OutcomeUnknown) as caught:
        api.deposit(works)
    created = [work["creation"] for work in only(stub).json]
    assert caught.value.check == {"pipeline": {"$in": ["baseband-converter"]}, "creation": {"$in": created}}


def test_a_lost_withdrawal_is_looked_for_among_the_running_works_since(stub, api):
    stub.then(hang_up)

    with pytest.raises(errors.OutcomeUnknown) as caught:
        api.withdraw({"pipeline": "p"})
    since = caught.value.check["start"].pop("$gte")
    assert caught.value.check == {"pipeline": "p", "status": "running", "start": {}}
    assert time.time() - 10 < since < time.time()


def test_a_lost_update_is_looked_for_by_its_ids(stub, api):
    stub.then(hang_up)

    with pytest.raises(errors.OutcomeUnknown) as caught:
        api.update([RECORD])
    assert caught.value.check == {"id": {"$in": [ID]}}


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_change_that_was_answered_with_an_error_is_that_error(stub, api, status):
    stub.then(fail(status))

    with pytest.raises(errors.ServiceError) as caught:
        api.deposit([make_work()])
    assert not isinstance(caught.value, errors.OutcomeUnknown)
    assert caught.value.status == status


def test_a_change_that_never_left_is_no_unknown_outcome(connect):
    with pytest.raises(errors.Unreachable):
        connect("http://127.0.0.1:1").deposit([make_work()])


# --- audit, read-only, clock ---


def test_an_audit_asks_for_the_three_passes_in_order(stub, api):
    stub.then(answer(1), answer(2), answer(3))

    assert api.audit() == {"failed": 1, "expired": 2, "stale": 3}
    assert stub.routes == ["GET /audit/failed", "GET /audit/expired", "GET /audit/stale/7.0"]


def test_an_audit_that_fails_on_the_way_keeps_what_was_counted(stub, api):
    stub.then(answer(4), fail(500))

    with pytest.raises(errors.ServiceFailed) as caught:
        api.audit()
    assert caught.value.counts == {"failed": 4}
    assert len(stub.requests) == 2


@pytest.mark.parametrize("call", [*sorted(CHANGING), "audit"])
def test_a_read_only_client_refuses_every_change_before_any_request(stub, connect, call):
    with pytest.raises(errors.ReadOnly, match="nothing was sent"):
        {**CALLS, "audit": Api.audit}[call](connect(read_only=True))
    assert stub.connections == 0


@pytest.mark.parametrize("call", sorted(READING))
def test_a_read_only_client_reads(stub, connect, call):
    CALLS[call](connect(read_only=True))

    assert len(stub.requests) == 1


@pytest.mark.parametrize("ahead", [-7200, 0, 90])
def test_the_services_clock_is_compared_with_ours(stub, api, ahead):
    stub.then(answer({}, date=formatdate(time.time() + ahead, usegmt=True)))
    api.version()

    assert api.clock_skew == pytest.approx(ahead, abs=1.5)


@pytest.mark.parametrize("date", ["", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 01 Jan 1960 00:00:00 GMT"])
def test_a_service_that_says_no_time_has_no_skew(stub, api, date):
    stub.then(answer({}, date=date))
    api.version()

    assert api.clock_skew is None


def test_a_deposit_is_never_redirected(stub, api):
    stub.then(redirect("/work", 307))

    with pytest.raises(errors.Refused):
        api.deposit([make_work()])


def test_chunks_cover_the_sequence():
    assert list(chunks(range(5), 2)) == [range(2), range(2, 4), range(4, 5)]
    assert list(chunks([], 2)) == []
