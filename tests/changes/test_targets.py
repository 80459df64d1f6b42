"""Too wide is refused, before any request where that can be known, and the message names the argument."""

from __future__ import annotations

import json

import pytest

from bucketsnb import Buckets, LocalBackend, Query, any_of
from bucketsnb.errors import Cure, PlanError, QueryError, ScopeRefused, WorkError
from tests.changes.helpers import PIPELINE, changes_sent, filled


@pytest.mark.parametrize("verb", ["plan_delete", "plan_requeue"])
@pytest.mark.parametrize(
    "which",
    [None, {}, Query(), Query(status="failure"), {"site": "kko"}, any_of(Query(pipeline="a"), Query(site="kko"))],
    ids=["nothing", "empty document", "empty query", "no pipeline", "raw, no pipeline", "one side open"],
)
def test_a_query_without_a_pipeline_is_refused_before_any_request(
    backend: LocalBackend, buckets: Buckets, verb: str, which: object
) -> None:
    with pytest.raises(ScopeRefused, match="allow_all=True"):
        getattr(buckets, verb)(which)
    assert len(backend.requests) == 0


def test_allow_all_allows_it(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    filled(backend, 1, pipeline="other")
    assert buckets.plan_delete(Query(), allow_all=True).count == 3


def test_the_cap_is_a_thousand_and_names_the_argument_that_raises_it(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1001)
    with pytest.raises(ScopeRefused, match=r"1,001 works .* at most 1,000 .* max_affected=1001"):
        buckets.plan_delete(pipeline=PIPELINE)
    assert [json.loads(request.body)["projection"] for request in backend.requests] == [{"id": True, "_id": False}] * 2
    assert buckets.plan_delete(pipeline=PIPELINE, max_affected=1001).count == 1001
    assert buckets.plan_delete(pipeline=PIPELINE, max_affected=None).count == 1001


def test_the_cap_holds_for_ids_and_frames_before_any_request(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    frame = buckets.plan_delete(ids).frame
    backend.requests.clear()
    for which in (ids, frame):
        with pytest.raises(ScopeRefused, match="max_affected=3"):
            buckets.plan_delete(which, max_affected=2)
    assert len(backend.requests) == 0


def test_a_refusal_carries_its_reason_as_data(backend: LocalBackend, buckets: Buckets) -> None:
    failed, running = filled(backend, 2, status="failure"), filled(backend, 1, status="running", start=1.0)
    refusals = []
    for which, limits in (({}, {}), ([*failed, *running], {}), ({"pipeline": PIPELINE}, {"max_affected": 2})):
        with pytest.raises(ScopeRefused) as refused:
            buckets.plan_delete(which, **limits)
        refusals.append(refused.value)
    assert [one.cure for one in refusals] == [Cure.NAME_PIPELINES, Cure.ALLOW_RUNNING, Cure.RAISE_MAXIMUM]
    assert [one.count for one in refusals] == [None, 3, 3]
    assert (refusals[1].running, refusals[1].others) == (tuple(running), tuple(failed))


@pytest.mark.parametrize("verb", ["plan_delete", "plan_requeue"])
def test_running_works_are_refused_unless_allowed(backend: LocalBackend, buckets: Buckets, verb: str) -> None:
    ids = [*filled(backend, 2, status="failure"), *filled(backend, 1, status="running", start=1.0)]
    plan = getattr(buckets, verb)
    with pytest.raises(ScopeRefused, match=r"1 of 3 works is running.*allow_running=True"):
        plan(ids)
    allowed = plan(ids, allow_running=True)
    assert (allowed.count, allowed.running) == (3, 1)
    assert changes_sent(backend) == []


def test_an_update_of_running_works_is_refused_unless_allowed(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 1, status="running", start=1.0)
    frame = buckets.plan_delete(ids, allow_running=True).frame
    frame["priority"] = 5
    with pytest.raises(ScopeRefused, match="allow_running=True"):
        buckets.plan_update(frame)
    assert buckets.plan_update(frame, allow_running=True).count == 1


@pytest.mark.parametrize("ids", ["6b04d725c09792a9430d6ee2", [None], ["a", ""], [7]])
def test_what_is_no_list_of_ids_is_refused_before_any_request(
    backend: LocalBackend, buckets: Buckets, ids: object
) -> None:
    for call in (buckets.plan_delete, buckets.delete_ids):
        with pytest.raises(WorkError):
            call(ids)
    assert len(backend.requests) == 0


def test_conditions_in_words_do_not_narrow_ids(buckets: Buckets) -> None:
    with pytest.raises(QueryError, match="narrow a query"):
        buckets.plan_delete(["a"], pipeline=PIPELINE)


def test_a_slip_in_a_word_is_caught(buckets: Buckets) -> None:
    with pytest.raises(QueryError):
        buckets.plan_delete(pipelin=PIPELINE)


def test_a_frame_without_ids_is_refused(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame.drop(columns="id")
    with pytest.raises(PlanError, match="no column id"):
        buckets.plan_delete(frame)
