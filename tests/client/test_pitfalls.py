"""The known pitfalls of the service's own client, each with a test that bears its number.

What that client does, by number:

- p01: it repeats every request for half a minute, refused ones and mistakes of its own among them.
- p02: its errors name neither the request nor what the service said.
- p03: a delete that fails waits half a minute before it is tried again.
- p04: results that JSON cannot hold are tried for half a minute, never sent, and lost.
- p05: a deposit that is slow, or whose reply is lost, is stored several times.
- p06: some reads are not repeated where others are.
- p07: a withdrawal whose reply is lost leaves a running work that nobody knows of.
- p08: most calls wait for ever on a silent service, whatever timeout was given.
- p09: each call opens a connection of its own.
- p10: building a client asks the service.
- p11: a token goes to the clients that are made after it, whatever their address.
- p12: the argument ``token`` is ignored.
- p13: a projection that is given is changed, and none is an error.
- p14: a service that is away is an AttributeError later.
- p15: ``delete_many`` deletes a hundred works at most and says that all went well.
- p16: ``view`` shows a hundred works at most and does not say so.
- p17: an empty filter of a withdrawal means any work.
- p18: a delete of nothing is sent.
- p19: a deposited work does not know its id, so that it cannot be deleted or updated.
- p20: a deposit is true whatever the service replied.
- p21: ``return_ids`` is sent twice.
- p22: ``delete_many`` is documented to take several statuses, and takes one.
- p23: the name of a pipeline is not escaped in an address.
- p24: an update overwrites what another has changed since.
- p25: a work that does not fit the model is claimed and then lost in an error.
- p26: a runner whose last update fails ends; only a runner has this, so there is no call to test.
- p27: an audit that fails on the way loses its counts, and a service that is away ends the daemon.
- p28: old works go unarchived, by the clock of who made them.
- p29: that clock also decides the order of withdrawals.
- p30: the workspace file is moved away when it is read.
- p31: a slash at the end of an address is doubled.
- p32: ``delete_many`` asks for confirmation where nobody can answer.

Each test runs against a real server: our backend, with faults on demand, or a stub that misbehaves on order.
"""

from __future__ import annotations

import inspect
import re
import time
import warnings

import numpy as np
import pytest

from bucketsnb import Buckets, errors
from tests.factory import make_work, make_works
from tests.patience import within
from tests.stub import Stub, after, answer, fail, hang_up, polite, silent

READS = {
    "view": lambda buckets: buckets.view({}),
    "count": lambda buckets: buckets.count({"pipeline": "p", "user": "me"}),
    "status": lambda buckets: buckets.api.status(),
    "pipelines": lambda buckets: buckets.pipelines(),
    "info": lambda buckets: buckets.info(),
}
CHANGES = {
    "deposit": lambda buckets: buckets.deposit(make_works(1)),
    "withdraw": lambda buckets: buckets.withdraw("p"),
    "update": lambda buckets: buckets.api.update([make_work(id="6" * 24)]),
    "delete_ids": lambda buckets: buckets.api.delete(["6" * 24]),
    "audit": lambda buckets: buckets.audit(),
}
CALLS = {**READS, **CHANGES}


@pytest.fixture
def stub():
    with Stub() as stub:
        yield stub


@pytest.fixture
def at_stub(stub):
    with Buckets(stub.url, timeout=0.4) as buckets:
        yield buckets


def stored(backend) -> int:
    return backend.store.status()["total"]


@pytest.mark.parametrize("status", [400, 401, 404, 413])
@pytest.mark.parametrize("call", CALLS)
def test_p01_a_request_that_was_refused_is_not_sent_again(stub, at_stub, call, status):
    stub.default = fail(status)

    with pytest.raises(errors.Refused):
        CALLS[call](at_stub)
    assert len(stub.routes) == len(set(stub.routes))


def test_p01_a_mistake_of_ours_is_not_tried_for_half_a_minute(stub, at_stub):
    with pytest.raises(errors.WorkError):
        at_stub.deposit([make_work(results={1, 2})])

    assert stub.connections == 0


@pytest.mark.parametrize("call", CALLS)
def test_p02_an_error_says_what_the_service_said_and_to_which_request(stub, at_stub, call):
    stub.default = fail(500, "the disk is full")

    with pytest.raises(errors.ServiceFailed, match="the disk is full") as caught:
        CALLS[call](at_stub)
    error = caught.value
    assert (error.status, error.url) == (500, stub.url)
    assert f"{error.method} {error.path}" in stub.routes


def test_p03_a_delete_that_fails_does_not_wait_half_a_minute(stub, at_stub):
    stub.default = fail(500)
    with within(20), pytest.raises(errors.ServiceFailed):
        at_stub.api.delete(["6" * 24])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
@pytest.mark.parametrize("call", ["deposit", "update"])
def test_p04_results_that_json_cannot_hold_are_named_at_once(backend, buckets, call, value):
    works = [make_work(id="5" * 24), make_work(id="6" * 24, results={"snr": value})]

    with pytest.raises(errors.WorkError, match=r"results\.snr") as caught:
        getattr(buckets.api, call)(works)
    assert (caught.value.index, caught.value.field) == (1, "results.snr")
    assert len(backend.requests) == 0


def test_p04_results_of_numpy_arrive_as_numbers(buckets):
    buckets.api.deposit([make_work(results={"snr": np.float32(12.5), "dms": np.arange(3)})])

    assert buckets.api.view()[0]["results"] == {"snr": 12.5, "dms": [0, 1, 2]}


@pytest.mark.parametrize(("when", "copies"), [("after", 3), ("before", 0)])
def test_p05_a_lost_reply_never_leaves_two_copies(backend, buckets, when, copies):
    backend.faults.add("POST /work", hang_up=when)

    with pytest.raises(errors.OutcomeUnknown) as caught:
        buckets.api.deposit(make_works(3))
    assert len(buckets.api.view(caught.value.check)) == stored(backend) == copies
    assert len(backend.requests.of("POST", "/work")) == 1


def test_p05_a_service_slower_than_the_timeout_is_sent_a_deposit_once(stub, at_stub):
    stub.then(after(1.0, polite))

    with pytest.raises(errors.OutcomeUnknown):
        at_stub.api.deposit(make_works(3))
    assert stub.routes == ["POST /work"]


def test_p05_the_clients_deposit_settles_a_lost_reply_by_looking(backend, buckets):
    backend.faults.add("POST /work", hang_up="after")

    ids = buckets.deposit(make_works(3), return_ids=True)
    assert sorted(ids) == sorted(record["id"] for record in buckets.api.view())
    assert stored(backend) == 3


@pytest.mark.parametrize("call", READS)
def test_p06_every_read_outlives_a_hiccup(stub, at_stub, call):
    stub.then(fail(503))

    READS[call](at_stub)
    assert len(stub.requests) >= 2


def test_p07_a_withdrawal_without_a_reply_says_how_to_find_what_it_claimed(backend, buckets):
    (claimed,) = buckets.api.deposit(make_works(1, pipeline="p"), return_ids=True)
    backend.faults.add("POST /work/withdraw", hang_up="after")

    with pytest.raises(errors.OutcomeUnknown) as caught:
        buckets.api.withdraw({"pipeline": {"$in": ["p"]}})
    assert [record["id"] for record in buckets.api.view(caught.value.check)] == [claimed]
    assert len(backend.requests.of("POST", "/work/withdraw")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_p08_no_call_waits_longer_than_the_timeout_on_a_silent_service(stub, at_stub, call):
    stub.default = silent
    with within(20), pytest.raises(errors.NoAnswer):
        CALLS[call](at_stub)


def test_p09_calls_share_one_connection_but_those_that_may_be_sent_only_once(stub, at_stub):
    for _ in range(20):
        at_stub.pipelines()
    assert stub.connections == 1
    for _ in range(3):
        at_stub.api.deposit(make_works(1))
        at_stub.pipelines()
    assert stub.connections == 4


def test_p10_building_clients_sends_nothing(stub):
    for _ in range(10):
        Buckets(stub.url)
    Buckets([stub.url, stub.url + "/prefix"])

    assert stub.connections == 0


def test_p11_a_token_stays_with_its_client(stub):
    with (
        Buckets(stub.url, token="first") as first,
        Buckets(stub.url) as second,
        Buckets(stub.url, token="third") as third,
    ):
        for buckets in (first, second, third, first):
            buckets.pipelines()

    assert [seen.headers.get("x-access-token") for seen in stub.requests] == ["first", None, "third", "first"]


def test_p12_the_token_argument_is_the_token(stub, monkeypatch):
    monkeypatch.setenv("WORKFLOW_TOKEN", "of the environment")
    Buckets(stub.url, token="of the argument").pipelines()

    assert stub.requests[0].headers["x-access-token"] == "of the argument"


def test_p13_a_projection_is_not_changed_and_none_is_fine(buckets):
    buckets.api.deposit(make_works(1))
    projection = {"pipeline": True}
    buckets.view({}, projection)
    buckets.api.view({}, projection)

    assert projection == {"pipeline": True}
    assert len(buckets.view({}, None)) == len(buckets.view({}, {})) == 1
    assert inspect.signature(Buckets.view).parameters["projection"].default in (None, {})


def test_p14_a_service_that_is_away_is_said_and_is_no_attribute_error():
    with Stub() as gone:
        pass
    with pytest.raises(errors.Unreachable, match="connection refused") as caught:
        Buckets(gone.url).pipelines()
    assert caught.value.tried == {gone.url: "connection refused"}


def test_p15_delete_many_deletes_all_that_match(buckets, backend):
    buckets.api.deposit([*make_works(250, pipeline="p"), *make_works(2, pipeline="other")])

    assert buckets.delete_many("p", force=True) is True
    assert stored(backend) == 2


def test_p15_delete_many_with_a_limit_says_how_many_it_leaves(buckets, backend):
    buckets.api.deposit(make_works(7, pipeline="p"))

    with pytest.warns(UserWarning, match="2 more match"):
        buckets.delete_many("p", force=True, limit=5)
    assert stored(backend) == 2


def test_p16_a_view_says_that_more_match_than_it_shows(buckets):
    buckets.api.deposit(make_works(120))
    frame = buckets.view({})

    assert (len(frame), frame.attrs["shown"]) == (100, 100)
    assert frame.attrs["matched"] > 100
    assert len(buckets.view({}, limit=None)) == 120
    assert len(buckets.api.view({}, limit=-1)) == len(buckets.api.view({}, limit=0)) == 120


@pytest.mark.parametrize(
    "filters", [{"tags": []}, {"event": []}, {"site": ""}, {"user": ""}, {"priority": 0}, {"parent": []}], ids=str
)
def test_p17_an_empty_filter_of_a_withdrawal_never_means_anything(buckets, backend, filters):
    buckets.api.deposit(make_works(1, pipeline="p"))

    with pytest.raises(errors.BucketsError):
        buckets.withdraw("p", **filters)
    assert backend.store.status()["running"] == 0


def test_p18_a_delete_of_nothing_sends_nothing(buckets, backend):
    buckets.api.deposit(make_works(1))
    backend.requests.clear()

    assert buckets.api.delete([]) is False
    with pytest.warns(UserWarning, match="nothing was sent"):
        assert buckets.delete_ids([]) is False
    for call in (buckets.api.delete, buckets.delete_ids):
        with pytest.raises(errors.WorkError):
            call([None])
    assert (len(backend.requests), stored(backend)) == (0, 1)


def test_p19_the_id_of_a_deposited_work_is_known_and_deletes_it(buckets, backend):
    ids = buckets.deposit(make_works(2), return_ids=True)

    assert buckets.delete_ids(ids) is True
    assert stored(backend) == 0


@pytest.mark.parametrize("reply", [False, None, {"error": "x"}, []])
def test_p20_a_deposit_is_true_only_if_the_service_says_so(stub, at_stub, reply):
    stub.then(answer(reply))

    with pytest.raises(errors.OutcomeUnknown, match="true was expected"):
        at_stub.api.deposit(make_works(1))
    assert len(stub.requests) == 1


def test_p20_a_deposit_of_the_client_is_true_only_if_the_works_are_there(buckets, backend, monkeypatch):
    monkeypatch.setattr("bucketsnb.changes.guarded.LOST_PAUSES", (0.0, 0.05))
    backend.faults.add("POST /work", body=b"true")

    with pytest.raises(errors.OutcomeUnknown, match="found on looking"):
        buckets.deposit(make_works(1))


@pytest.mark.parametrize("return_ids", [True, False])
def test_p21_return_ids_is_sent_once(buckets, backend, return_ids):
    buckets.api.deposit(make_works(1), return_ids=return_ids)

    assert backend.requests[-1].params == [("return_ids", str(return_ids))]


def test_p22_delete_many_takes_one_status_or_several(buckets, backend):
    for status in ("queued", "running", "success", "failure"):
        backend.store.load([make_work(id=status.ljust(24, "0"), status=status, pipeline="p")])

    assert buckets.delete_many("p", status="queued", force=True) is True
    assert buckets.delete_many("p", status=["success", "failure"], force=True) is True
    assert [record["status"] for record in buckets.api.view()] == ["running"]


def test_p23_a_pipelines_name_is_escaped(stub, at_stub):
    at_stub.api.status("a b/c?d")

    assert stub.requests[0].target == "/status/details/a%20b%2Fc%3Fd"


def test_p24_an_update_does_not_overwrite_what_moved_since_it_was_seen(buckets, backend):
    buckets.api.deposit(make_works(1, pipeline="p"))
    frame = buckets.view({"pipeline": "p"})
    frame["priority"] = 5
    plan = buckets.plan_update(frame)
    claimed = buckets.api.withdraw({"pipeline": "p"})
    receipt = plan.apply()

    assert not receipt.ok
    assert receipt.counts["drifted"] == 1
    assert buckets.api.view()[0] == claimed


def test_p25_an_odd_work_that_was_claimed_is_returned_and_not_lost(buckets, backend):
    odd = {"id": "6" * 24, "pipeline": "p", "status": "queued", "path": ".", "config": "a text", "event": "x"}
    backend.store.load([odd])

    claimed = buckets.withdraw("p")
    assert claimed["id"] == odd["id"]
    assert (claimed["config"], claimed["path"], claimed["event"]) == ("a text", ".", "x")


def test_p27_an_audit_that_fails_on_the_way_keeps_what_it_counted(buckets, backend):
    backend.store.load([make_work(id="6" * 24, status="failure", attempt=1, retries=2)])
    backend.faults.add("GET /audit/expired", status=500)

    with pytest.raises(errors.ServiceFailed) as caught:
        buckets.audit()
    assert caught.value.counts == {"failed": 1}


def test_p27_an_audit_of_a_service_that_is_away_is_one_of_our_errors():
    with Stub() as gone:
        pass
    with pytest.raises(errors.Unreachable):
        Buckets(gone.url).audit()


def test_p28_p29_a_missing_creation_is_filled_in_and_one_that_is_given_is_kept(buckets):
    before = time.time()
    buckets.api.deposit([make_work(creation=None), make_work(creation=1_790_000_005)])
    created = sorted(record["creation"] for record in buckets.api.view())

    assert created[0] == 1_790_000_005.0
    assert before <= created[1] <= time.time()


def test_p28_p29_a_skew_between_the_clocks_is_known(buckets):
    buckets.pipelines()

    assert abs(buckets.api.clock_skew) < 2


def test_p30_the_workspace_file_is_read_and_left_where_it_is(stub, environment):
    path = environment / ".config/workflow/workspace.yml"
    path.parent.mkdir(parents=True)
    path.write_text(f"http: {{baseurls: {{buckets: '{stub.url}'}}}}\n")
    text, entries = path.read_text(), sorted(path.parent.iterdir())
    Buckets().pipelines()

    assert (path.read_text(), sorted(path.parent.iterdir())) == (text, entries)
    assert len(stub.requests) == 1


def test_p31_a_slash_at_the_end_of_an_address_with_a_path_is_not_doubled(stub):
    with Buckets(stub.url + "/prefix/") as buckets:
        buckets.api.status()
        buckets.pipelines()

    assert [seen.target for seen in stub.requests] == ["/prefix/status", "/prefix/status/pipelines"]


def test_p32_nobody_to_ask_is_an_error_and_force_is_for_scripts(buckets, backend):
    buckets.api.deposit(make_works(1, pipeline="p"))

    with pytest.raises(errors.ConfirmationNeeded, match="force=True"):
        buckets.delete_many("p")
    assert stored(backend) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert buckets.delete_many("p", force=True) is True


def test_the_connection_that_is_lost_is_said_of_each_call(stub, at_stub):
    stub.default = hang_up

    for call in READS.values():
        with pytest.raises(errors.NoAnswer, match="connection was lost"):
            call(at_stub)


def test_every_pitfall_of_the_list_has_its_test():
    listed = set(re.findall(r"^- (p\d\d):", __doc__, flags=re.M))
    assert listed == {f"p{number:02}" for number in range(1, 33)}
    tested = {number for name in globals() for number in re.findall(r"(?<=_)p\d\d(?=_)", name)}
    assert listed - tested == {"p26"}
