"""Withdrawals: forecast by reading, claimed once, ended by hand, given back just as they were."""

from __future__ import annotations

import time

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.api import Clock
from bucketsnb.changes.verbs.withdraw import NotEnded
from bucketsnb.errors import OutcomeUnknown, PlanError, QueryError, WorkError
from tests.changes.helpers import PIPELINE, changes_sent, filled, stored
from tests.factory import make_work


def test_the_forecast_sends_only_reads_and_is_called_one(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    (first,) = filled(backend, 1, priority=5)
    plan = buckets.plan_withdraw(PIPELINE)
    assert plan.ids == [first]
    assert "forecast" in str(plan)
    assert "forecast" in plan._repr_html_()
    assert changes_sent(backend) == []


def test_the_forecast_is_the_highest_priority_and_then_the_oldest(backend: LocalBackend, buckets: Buckets) -> None:
    rows = [(3, 50.0), (5, 90.0), (5, 80.0), (1, 10.0)]
    backend.store.load([make_work(status="queued", priority=priority, creation=at) for priority, at in rows])
    order = []
    for _ in rows:
        (forecast,) = buckets.plan_withdraw(PIPELINE).ids
        claimed = buckets.withdraw(PIPELINE)
        order.append((claimed["priority"], claimed["creation"]))
        assert claimed["id"] == forecast
    assert order == [(5, 80.0), (5, 90.0), (3, 50.0), (1, 10.0)]


def test_applying_a_forecast_sends_one_withdraw(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    receipt = buckets.plan_withdraw(PIPELINE).apply()
    assert (receipt.ids, receipt.counts["done"]) == ([one], 1)
    assert receipt.frame.after.tolist() == ["running"]
    assert changes_sent(backend) == ["POST /work/withdraw"]


def test_a_forecast_that_did_not_hold_is_said(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    plan = buckets.plan_withdraw(PIPELINE)
    backend.store.withdraw({"pipeline": PIPELINE})
    receipt = plan.apply()
    assert receipt.ids == [ids[1]]
    assert f"Another work than forecast ({ids[0]})" in receipt.frame.detail[0]


def test_an_empty_queue_is_none_and_a_false_claim(backend: LocalBackend, buckets: Buckets) -> None:
    assert buckets.withdraw(PIPELINE) is None
    with buckets.claim(PIPELINE) as claim:
        assert not claim
        assert claim.work is None
    with pytest.raises(PlanError, match="Nothing was claimed"):
        claim.success()
    assert changes_sent(backend) == ["POST /work/withdraw"] * 2


def test_withdraw_is_one_request_and_returns_the_record_as_it_is(backend: LocalBackend, buckets: Buckets) -> None:
    odd = make_work(status="queued", event="not a list", config="old", shape=1)
    (one,) = backend.store.load([odd])
    claimed = buckets.withdraw(PIPELINE)
    assert claimed == {**odd, "id": one, "status": "running", "attempt": 1, "start": claimed["start"], "stop": None}
    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    "filters",
    [
        {"priority": 0},
        {"priority": 9},
        {"priority": True},
        {"tags": []},
        {"tags": ""},
        {"tags": [""]},
        {"event": []},
        {"event": ["1"]},
        {"site": ""},
        {"user": ""},
        {"parent": []},
        {"parent": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", ["withdraw", "claim", "plan_withdraw"])
def test_a_falsy_filter_never_means_anything(
    backend: LocalBackend, buckets: Buckets, verb: str, filters: dict[str, object]
) -> None:
    filled(backend, 1)
    with pytest.raises(QueryError, match="Nothing was sent"):
        getattr(buckets, verb)(PIPELINE, **filters)
    assert len(backend.requests) == 0


@pytest.mark.parametrize("pipeline", ["", [], [""], None, 5], ids=repr)
def test_a_pipeline_must_be_named(backend: LocalBackend, buckets: Buckets, pipeline: object) -> None:
    with pytest.raises(QueryError, match="Nothing was sent"):
        buckets.withdraw(pipeline)
    assert len(backend.requests) == 0


def test_filters_are_sent_as_the_service_reads_them(backend: LocalBackend, buckets: Buckets) -> None:
    work = make_work(status="queued", event=[1, 2], tags=["a", "b"], site="kko", user="me", priority=4)
    work["config"]["parent"] = "x"
    backend.store.load([work])
    found = buckets.withdraw(["other", PIPELINE], [2], "kko", 4, "me", ["b"], "x")
    assert found["event"] == [1, 2]


def test_a_lost_claim_is_not_repeated_and_says_what_to_look_for(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    backend.faults.add("POST /work/withdraw", hang_up="after")
    with pytest.raises(OutcomeUnknown) as caught:
        buckets.withdraw(PIPELINE)
    assert [work["id"] for work in buckets.api.view(caught.value.check)] == [one]
    assert changes_sent(backend) == ["POST /work/withdraw"]


def test_a_lost_forecast_claim_is_unknown_and_resume_does_not_repeat_it(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 2)
    plan = buckets.plan_withdraw(PIPELINE)
    backend.faults.add("POST /work/withdraw", hang_up="after")
    receipt = plan.apply()
    assert receipt.counts["unknown"] == 1
    receipt.resume()
    assert changes_sent(backend) == ["POST /work/withdraw"]


def test_a_work_that_failed_once_is_given_back_with_its_own_start_and_stop(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 1, attempt=1, start=5.5, stop=6.5)
    before = stored(buckets)
    claim = buckets.claim(PIPELINE)
    assert (claim.work["attempt"], claim.work["status"]) == (2, "running")
    claim.give_back()
    assert stored(buckets) == before


def test_an_exception_gives_the_work_back_and_comes_out(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    before = stored(buckets)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), buckets.claim(PIPELINE):
            raise error
    assert stored(buckets) == before


def test_success_ends_the_work(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    with buckets.claim(PIPELINE) as claim:
        claim.success(results={"snr": 5.5}, products=["a.h5"])
    work = stored(buckets)[one]
    assert (work["status"], work["results"], work["products"]) == ("success", {"snr": 5.5}, ["a.h5"])
    assert abs(work["stop"] - time.time()) < 60
    assert (work["attempt"], work["start"]) == (1, claim.work["start"])
    assert not claim.held


def test_failure_takes_the_text_of_what_went_wrong(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    with buckets.claim(PIPELINE) as claim:
        claim.failure("boom")
    assert stored(buckets)[one]["results"] == {"error": "boom"}
    assert buckets.failures().error.tolist() == ["boom"]


def test_failure_keeps_the_results_that_are_not_given(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1, results={"old": 1})
    with buckets.claim(PIPELINE) as claim:
        claim.failure()
    assert (stored(buckets)[one]["status"], stored(buckets)[one]["results"]) == ("failure", {"old": 1})


def test_a_work_ends_once(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    claim = buckets.claim(PIPELINE)
    claim.success()
    for end in (claim.success, claim.failure, claim.give_back):
        with pytest.raises(PlanError, match="ended before"):
            end()


def test_giving_back_refuses_if_someone_else_moved_the_work(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    claim = buckets.claim(PIPELINE)
    backend.store.update([{"id": one, "status": "failure"}])
    for end in (claim.give_back, claim.success):
        with pytest.raises(PlanError, match="moved by someone else"):
            end()
    assert stored(buckets)[one]["status"] == "failure"


def test_an_exception_is_not_hidden_by_a_work_that_cannot_be_given_back(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (one,) = filled(backend, 1)

    def fail() -> None:
        with buckets.claim(PIPELINE):
            backend.store.update([{"id": one, "status": "failure"}])
            raise KeyError

    with pytest.warns(NotEnded, match="could not be given back"), pytest.raises(KeyError):
        fail()


def test_a_block_that_does_not_say_how_it_went_gives_back_and_says_so(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    before = stored(buckets)
    with pytest.warns(NotEnded, match="given back"), buckets.claim(PIPELINE):
        pass
    assert stored(buckets) == before


def test_results_that_cannot_be_sent_leave_the_work_held(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    with buckets.claim(PIPELINE) as claim:
        with pytest.raises(WorkError, match=r"results\.snr"):
            claim.success(results={"snr": float("inf")})
        with pytest.raises(WorkError, match="did you mean 'results'"):
            claim.success(result={})
        assert claim.held
        claim.success(results={"snr": 1})
    assert stored(buckets)[one]["status"] == "success"


def test_the_works_own_timeout_counts_down(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, timeout=100)
    claim = buckets.claim(PIPELINE)
    assert 40 < claim.remaining < 101
    for view in (str(claim), claim._repr_html_()):
        assert "time left" in view
        assert claim.work["id"] in view
    claim.give_back()
    assert "time left" not in str(claim)


def test_a_plain_withdrawal_can_be_given_back_from_the_journal(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    before = stored(buckets)
    buckets.withdraw(PIPELINE)
    assert buckets.undo(buckets.journal().entry[0]).ok
    assert stored(buckets) == before


def test_the_claimed_record_is_returned_though_the_disk_is_full(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    filled(backend, 1)
    write = os.write

    def full_after_the_request(file: int, data: bytes) -> int:
        if backend.requests.of("POST", "/work/withdraw"):
            raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", full_after_the_request)
    claimed = buckets.withdraw(PIPELINE)
    assert claimed is not None
    assert claimed["status"] == "running"


def test_the_countdown_is_by_the_services_clock(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, timeout=100)
    claim = buckets.claim(PIPELINE)
    buckets.api.clock = Clock()
    buckets.api.clock.heard(1.0)  # the answers have whole seconds: this says nothing
    unnoticed = claim.remaining
    buckets.api.clock = Clock()
    buckets.api.clock.heard(50.0)
    assert 45 < unnoticed - claim.remaining < 55
    assert unnoticed < 101
