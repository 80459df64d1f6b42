"""Withdrawal plans: of a work that will be claimed, or of whichever the service gives."""

from __future__ import annotations

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.journal import Journal, read_entry
from bucketsnb.changes.undo import context_of
from bucketsnb.changes.verbs.withdraw import plan_claim, withdrawal
from tests.changes.helpers import PIPELINE, filled, lines, stored


def test_a_forecast_is_of_a_work_that_runs_then_and_of_none_that_is_removed(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 1, attempt=2)
    plan = buckets.plan_withdraw(PIPELINE)
    (change,) = plan.changes
    assert change.after is not None
    assert (change.before, change.after.status, change.after.record["attempt"]) == (plan.works[0], "running", 3)
    assert not plan.removes


@pytest.mark.parametrize("pipelines", [[PIPELINE], [PIPELINE, "another"]])
def test_a_claim_of_whichever_work_shows_none_before_it_is_made(
    backend: LocalBackend, buckets: Buckets, pipelines: list[str]
) -> None:
    (work_id,) = filled(backend, 1)
    plan = plan_claim(context_of(buckets.api), withdrawal(pipelines), look_first=True)
    assert (plan.count, plan.works, plan.ids, len(plan.frame)) == (1, [], [], 0)
    assert plan.summary.startswith(f"Withdraw 1 work of {', '.join(sorted(pipelines))} on ")
    receipt = plan.apply()
    assert ([one.before for one in receipt.results], receipt.ids) == ([None], [work_id])
    assert receipt.undo().ok
    assert stored(buckets)[work_id]["status"] == "queued"


def test_what_was_claimed_is_on_record_whole(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    receipt = buckets.plan_withdraw(PIPELINE).apply()
    (work,) = read_entry(Journal(), receipt.entry).works
    assert work.left == stored(buckets)[receipt.ids[0]]
    assert work.before is not None
    assert (work.before["status"], work.before["start"]) == ("queued", None)
    assert [line["kind"] for line in lines(receipt.entry)] == ["plan", "works", "chunk", "before", "outcome", "end"]
