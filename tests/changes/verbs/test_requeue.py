"""Requeue plans: failed works are queued again, and nothing else of them changes."""

from __future__ import annotations

import pytest

from bucketsnb import Buckets, LocalBackend
from tests.changes.helpers import PIPELINE, filled, stored


@pytest.mark.parametrize(("reset", "attempt"), [(False, 2), (True, 0)])
def test_failed_works_are_queued_again_and_nothing_else_of_them_changes(
    backend: LocalBackend, buckets: Buckets, reset: bool, attempt: int
) -> None:
    failed = filled(backend, 3, status="failure", attempt=2, start=5.0, stop=6.0, results={"error": "x"})
    others = filled(backend, 2, status="success")
    before = stored(buckets)
    receipt = buckets.plan_requeue(pipeline=PIPELINE, reset_attempt=reset).apply()
    after = stored(buckets)
    assert receipt.counts["done"] == 3
    assert set(receipt.frame.before) == {"failure"}
    assert set(receipt.frame.after) == {"queued"}
    for one in failed:
        assert after[one] == {**before[one], "status": "queued", "attempt": attempt}
    assert {one: after[one] for one in others} == {one: before[one] for one in others}


def test_works_that_did_not_fail_are_left_out_and_counted(backend: LocalBackend, buckets: Buckets) -> None:
    ids = [*filled(backend, 1, status="failure"), *filled(backend, 2, status="success")]
    plan = buckets.plan_requeue(ids)
    assert plan.count == 1
    assert "is success, not failure 2" in str(plan)


def test_a_requeued_work_that_a_worker_claims_at_once_is_done(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, status="failure", attempt=1)
    plan = buckets.plan_requeue(pipeline=PIPELINE)
    backend.faults.add("POST /view", skip=1, change=lambda store: store.withdraw({"pipeline": PIPELINE}))
    receipt = plan.apply()
    assert receipt.counts["done"] == 1
    assert "status queued -> running" in receipt.frame.detail[0]


def test_exhausted_works_are_said(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, status="failure", attempt=2, retries=2)
    assert "reset_attempt=True" in str(buckets.plan_requeue(pipeline=PIPELINE))
    assert "reset_attempt=True" not in str(buckets.plan_requeue(pipeline=PIPELINE, reset_attempt=True))
