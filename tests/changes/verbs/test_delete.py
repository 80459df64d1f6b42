"""A delete plan: what it shows, what it does, and what its receipt says when works or the service do not keep still."""

from __future__ import annotations

import threading
import time

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.errors import (
    OutcomeUnknown,
    PartlyDone,
    PlanAlreadyApplied,
    PlanExpired,
    ReadOnly,
    Refused,
    ServiceError,
)
from tests.changes.helpers import PIPELINE, changes_sent, filled, lines, stored
from tests.factory import make_work


def test_building_a_plan_sends_only_reads(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    str(plan), plan._repr_html_(), plan.frame
    assert plan.count == 3
    assert {one.path for one in backend.requests} == {"/view", "/version"}


def test_a_plan_deletes_what_it_shows_and_nothing_else(backend: LocalBackend, buckets: Buckets) -> None:
    shown = filled(backend, 3)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    later = filled(backend, 2)
    receipt = plan.apply()
    assert receipt.ok
    assert receipt.counts["done"] == 3
    assert set(receipt.ids) == set(shown)
    assert set(stored(buckets)) == set(later)


def test_a_work_that_turned_running_is_left_alone_with_old_and_new_status(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 10)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    receipt = plan.apply()
    drifted = receipt.frame[receipt.frame.outcome == "drifted"].iloc[0]
    assert receipt.counts == {**dict.fromkeys(receipt.counts, 0), "done": 9, "drifted": 1}
    assert (drifted.id, drifted.before, drifted.after) == (claimed["id"], "queued", "running")
    assert "status queued -> running" in drifted.detail
    assert stored(buckets) == {claimed["id"]: claimed}
    assert not receipt.ok


def test_any_changed_field_is_drift(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1, results={"a.b": {"c": 1}})
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.store.update([{"id": one, "results": {"a.b": {"c": 2}}}])
    assert plan.apply().counts["drifted"] == 1
    assert list(stored(buckets)) == [one]


def test_a_work_that_was_removed_meanwhile_is_gone_and_no_error(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.store.delete(ids[:1])
    receipt = plan.apply()
    assert (receipt.counts["done"], receipt.counts["gone"]) == (2, 1)
    assert receipt.ok
    assert receipt.errors == ()


def test_a_second_apply_raises_and_sends_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    plan.apply()
    backend.requests.clear()
    with pytest.raises(PlanAlreadyApplied, match="applied before"):
        plan.apply()
    assert len(backend.requests) == 0
    assert plan.spent


def test_a_double_click_acts_once(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 5)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("POST /view", delay=0.1)
    outcomes: list[object] = []
    together = threading.Barrier(8)

    def click() -> None:
        together.wait()
        try:
            outcomes.append(plan.apply())
        except PlanAlreadyApplied as spent:
            outcomes.append(spent)

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, PlanAlreadyApplied) for one in outcomes) == 7
    assert changes_sent(backend) == ["DELETE /work"]


def test_an_expired_plan_refuses_and_sends_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE, expires_after=0.0)
    backend.requests.clear()
    time.sleep(0.001)
    with pytest.raises(PlanExpired, match="expired at"):
        plan.apply()
    assert len(backend.requests) == 0
    assert not plan.spent


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_makes_no_plan_younger(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """The clock of the wall jumps by an hour; or the machine sleeps for one, and the other clock stands still."""
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE, expires_after=600.0)
    wall, steady = time.time, time.monotonic
    with monkeypatch.context() as clocks:
        clocks.setattr(time, "time", lambda: wall() + jump)
        clocks.setattr(time, "monotonic", lambda: steady() + max(-jump, 0.0))
        with pytest.raises(PlanExpired):
            plan.apply()
    assert plan.apply().ok


def test_a_service_that_says_yes_and_deletes_half_is_caught(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 10)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", body=b"true", change=lambda store: store.delete(ids[:5]))
    receipt = plan.apply()
    assert (receipt.counts["done"], receipt.counts["still there"]) == (5, 5)
    assert set(stored(buckets)) == set(ids[5:])
    assert not receipt.ok
    with pytest.raises(PartlyDone, match="5 still there") as caught:
        receipt.raise_for_outcome()
    assert caught.value.receipt is receipt


def test_a_service_that_says_false_is_believed_only_after_a_look(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", body=b"false", change=lambda store: store.delete(ids[:1]))
    receipt = plan.apply()
    assert (receipt.counts["done"], receipt.counts["still there"]) == (1, 1)
    assert "answered false" in receipt.frame.set_index("id").detail[ids[1]]


def test_a_refusal_is_said_and_the_rest_is_not_sent(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 300)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", status=403)
    receipt = plan.apply()
    assert (receipt.counts["refused"], receipt.counts["not sent"]) == (250, 50)
    assert len(stored(buckets)) == 300
    assert isinstance(receipt.errors[0], Refused)
    with pytest.raises(Refused):
        receipt.raise_for_outcome()


def test_a_connection_that_hangs_up_after_acting_is_settled_by_reading(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", hang_up="after", times=None)
    receipt = plan.apply()
    assert receipt.counts["done"] == 4
    assert receipt.ok
    assert stored(buckets) == {}


def test_silence_with_the_works_still_there_is_unknown_and_can_be_resumed(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", hang_up="before", times=None)
    receipt = plan.apply()
    assert receipt.counts["unknown"] == 4
    assert isinstance(receipt.errors[0], ServiceError)
    backend.faults.clear()
    again = receipt.resume()
    assert again.counts["done"] == 4
    assert again.ok


def test_a_service_that_cannot_be_read_afterwards_leaves_the_outcome_unknown(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("POST /view", status=500, skip=1, times=None)
    receipt = plan.apply()
    assert receipt.counts["unknown"] == 4
    assert not receipt.ok
    backend.faults.clear()
    assert receipt.resume().counts["done"] == 4
    assert changes_sent(backend) == ["DELETE /work"]


def test_a_service_that_cannot_be_read_before_gets_no_delete(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("POST /view", status=500, times=None)
    receipt = plan.apply()
    assert receipt.counts["not sent"] == 4
    assert changes_sent(backend) == []


@pytest.mark.slow
def test_ten_thousand_works_go_in_chunks_with_monotonic_progress(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 10_000)
    plan = buckets.plan_delete(pipeline=PIPELINE, max_affected=10_000)
    told: list[tuple[int, int]] = []
    receipt = plan.apply(progress=lambda done, total: told.append((done, total)))
    assert receipt.counts["done"] == 10_000
    assert told[0] == (0, 10_000)
    assert told[-1] == (10_000, 10_000)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(backend.requests.of("DELETE")) >= 40
    assert max(len(one.query) for one in backend.requests.of("DELETE")) < 8192


def test_cancel_stops_before_the_next_chunk_and_resume_acts_only_on_the_rest(
    backend: LocalBackend, buckets: Buckets
) -> None:
    ids = filled(backend, 1000)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    cancel = threading.Event()
    receipt = plan.apply(progress=lambda done, _: cancel.set() if done >= 250 else None, cancel=cancel)
    assert (receipt.counts["done"], receipt.counts["not sent"]) == (250, 750)
    assert "750 works left as they were" in str(receipt)
    assert len(stored(buckets)) == 750
    backend.requests.clear()
    again = receipt.resume()
    asked = [value for one in backend.requests.of("DELETE") for _, value in one.params]
    assert len(asked) == 750
    assert set(asked) == set(ids) - set(receipt.ids)
    assert again.counts["done"] == 1000
    assert again.entry == receipt.entry
    backend.requests.clear()
    assert again.resume().counts == again.counts
    assert len(backend.requests) == 0


def test_a_failing_chunk_does_not_lose_the_receipt_of_those_before(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 600)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", status=403, skip=1)
    receipt = plan.apply()
    assert [receipt.counts[word] for word in ("done", "refused", "not sent")] == [250, 250, 100]
    assert receipt.resume().counts["done"] == 350


def test_works_that_are_refused_together_are_deleted_in_halves(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", status=400)
    assert plan.apply().counts["done"] == 4
    assert changes_sent(backend) == ["DELETE /work"] * 3


def test_an_interrupt_leaves_a_true_receipt(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 600)
    plan = buckets.plan_delete(pipeline=PIPELINE)

    def interrupt(done: int, _: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan.apply(progress=interrupt)
    assert plan.receipt is not None
    assert (plan.receipt.counts["done"], plan.receipt.counts["not sent"]) == (250, 350)
    assert lines(plan.receipt.entry)[-1]["kind"] == "end"
    assert plan.receipt.resume().counts["done"] == 600


def test_an_interrupt_between_request_and_answer_is_unknown(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 3)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    monkeypatch.setattr(buckets.api, "delete", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        plan.apply()
    assert plan.receipt is not None
    assert plan.receipt.counts["unknown"] == 3
    monkeypatch.undo()
    assert plan.receipt.resume().counts["done"] == 3


def test_the_full_works_are_on_record_before_the_first_delete(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3, results={"snr": 5})
    plan = buckets.plan_delete(pipeline=PIPELINE, reason="weekly clean-up")
    works = stored(buckets)
    seen: list[dict[str, object]] = []

    def look(_: object) -> None:
        (entry,) = buckets.journal().entry
        seen.extend(lines(entry))

    backend.faults.add("DELETE /work", change=look)
    plan.apply()
    assert [line["kind"] for line in seen] == ["plan", "works", "chunk"]
    assert seen[0]["reason"] == "weekly clean-up"
    assert {work["id"]: work for work in seen[2]["before"]} == works


def test_a_work_that_drifted_is_not_put_on_record_as_sent(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    entry = plan.apply().entry
    (chunk,) = [line for line in lines(entry) if line["kind"] == "chunk"]
    assert claimed["id"] not in [work["id"] for work in chunk["before"]]


def test_nothing_to_delete_is_no_error_and_sends_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    receipt = buckets.plan_delete(pipeline="nobody").apply()
    assert receipt.ok
    assert receipt.frame.empty
    assert "nothing to do" in str(receipt)
    assert changes_sent(backend) == []
    assert buckets.journal().empty


def test_a_read_only_client_plans_nothing(backend: LocalBackend) -> None:
    filled(backend, 1)
    with Buckets(backend.url, read_only=True) as client:
        for plan in (
            lambda: client.plan_delete(pipeline=PIPELINE),
            lambda: client.plan_requeue(pipeline=PIPELINE),
            lambda: client.plan_deposit([]),
            lambda: client.plan_withdraw(PIPELINE),
            client.plan_audit,
            lambda: client.claim(PIPELINE),
            lambda: client.deposit([]),
            lambda: client.delete_many(PIPELINE, force=True),
        ):
            with pytest.raises(ReadOnly):
                plan()
    assert len(backend.requests) == 0


def test_a_plan_names_works_by_query_frame_or_ids(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    assert sorted(buckets.plan_delete(Query(pipeline=PIPELINE)).ids) == sorted(ids)
    assert sorted(buckets.plan_delete({"pipeline": PIPELINE}).ids) == sorted(ids)
    assert buckets.plan_delete(ids[:2]).ids == ids[:2]
    assert buckets.plan_delete(frame[frame.id.isin(ids[:2])]).count == 2


def test_a_work_without_id_is_named_and_left_out(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    backend.faults.add("POST /view", body=b'[{"id": null}, {}]')
    plan = buckets.plan_delete(pipeline=PIPELINE)
    assert [left.id for left in plan.left_out] == [None, None]
    assert "has no id" in str(plan)


def test_a_frame_of_works_that_moved_since_leaves_them_out(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    backend.store.update([{"id": ids[0], "status": "failure"}])
    plan = buckets.plan_delete(frame)
    assert set(plan.ids) == set(ids[1:])
    assert [left.id for left in plan.left_out] == [ids[0]]
    assert "status queued -> failure" in plan.left_out[0].why


def test_outcome_unknown_is_raised_first(backend: LocalBackend, buckets: Buckets) -> None:
    unknown, other = OutcomeUnknown("lost"), ServiceError("other")
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", body=b"true")
    receipt = plan.apply()
    object.__setattr__(receipt, "errors", (other, unknown))
    with pytest.raises(OutcomeUnknown):
        receipt.raise_for_outcome()


@pytest.mark.parametrize(("number", "said"), [(3, "of p-0, p-1, p-2 on "), (4, "of 4 pipelines on ")])
def test_the_summary_names_few_pipelines_and_counts_more(
    backend: LocalBackend, buckets: Buckets, number: int, said: str
) -> None:
    backend.store.load([make_work(pipeline=f"p-{place}", status="queued") for place in range(number)])
    assert said in buckets.plan_delete(status="queued", allow_all=True).summary
