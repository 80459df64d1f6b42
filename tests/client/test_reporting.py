"""Summaries straight from a service: which works need a hand, why works failed, and how it went over time."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from bucketsnb import Query
from bucketsnb.summaries import ClockSkew
from tests.factory import make_work
from tests.patience import until

DAY = 86_400.0


def load(backend, *works):
    """Put works into the store as they are, with the ids 1..., and forget the requests."""
    backend.store.load([{**work, "id": str(number) * 24} for number, work in enumerate(works, start=1)])
    backend.requests.clear()


def ids(frame):
    return sorted(one[0] for one in frame["id"])


def test_stale_works_are_the_unfinished_old_ones(backend, buckets):
    now = time.time()
    load(
        backend,
        make_work(status="queued", creation=now - 8 * DAY),
        make_work(status="running", creation=now - 9 * DAY, start=now),
        make_work(status="success", creation=now - 9 * DAY),
        make_work(status="queued", creation=now - 6 * DAY),
    )
    assert ids(buckets.stale()) == ["1", "2"]
    assert ids(buckets.stale(days=5)) == ["1", "2", "4"]
    assert buckets.stale("elsewhere").empty


def test_overdue_works_run_past_their_own_timeout(backend, buckets):
    now = time.time()
    load(
        backend,
        make_work(status="running", start=now - 100, timeout=50),
        make_work(status="running", start=now - 100, timeout=5000),
        make_work(status="running", start=None, timeout=1),
        make_work(status="failure", start=now - 100, timeout=50),
    )
    assert ids(buckets.overdue()) == ["1"]


def test_exhausted_works_failed_with_no_attempts_left(backend, buckets):
    load(
        backend,
        make_work(status="failure", attempt=2, retries=2),
        make_work(status="failure", attempt=1, retries=2),
        make_work(status="queued", attempt=2, retries=2),
    )
    assert ids(buckets.exhausted()) == ["1"]


def test_what_needs_a_hand_goes_straight_into_a_plan(backend, buckets):
    load(backend, make_work(status="failure", attempt=2, retries=2))
    assert buckets.plan_delete(buckets.exhausted()).count == 1


def test_orphans_name_a_parent_that_is_not_in_the_queue(backend, buckets):
    there, gone = make_work(), make_work()
    there["config"]["parent"], gone["config"]["parent"] = "1" * 24, "9" * 24
    load(backend, make_work(), there, gone)
    assert ids(buckets.orphans()) == ["3"]


def test_a_clock_that_is_off_by_more_than_a_minute_is_said_and_the_services_is_used(backend, buckets, monkeypatch):
    ahead = 3600.0
    service_now = time.time() + ahead
    load(
        backend,
        make_work(status="running", creation=service_now - 200, start=service_now - 100, timeout=50),
        make_work(status="running", start=service_now - 10, timeout=50),
    )
    buckets.api.clock.heard(ahead)
    with pytest.warns(ClockSkew, match="1 h ahead of this machine's"):
        assert ids(buckets.overdue()) == ["1"]


@pytest.mark.parametrize("skew", [-3 * 3600.0, 30.0])
@pytest.mark.filterwarnings("ignore::bucketsnb.summaries.ClockSkew")
def test_questions_and_columns_go_by_the_same_clock_the_services(backend, buckets, monkeypatch, skew):
    monkeypatch.setattr("bucketsnb.api.endpoints._skew", lambda answer: skew)
    service_now = time.time() + skew
    load(
        backend,
        make_work(status="running", creation=service_now - 200, start=service_now - 100, timeout=80),
        make_work(status="running", creation=service_now - 200, start=service_now - 100, timeout=120),
        make_work(status="queued", creation=service_now - 7 * DAY - 20),
        make_work(status="queued", creation=service_now - 7 * DAY + 20),
    )
    buckets.api.version()
    overdue, stale = Query(overdue=True), Query(older_than="7d")
    columns = buckets.view({"status": "running"}).set_index("id")["overdue"]
    assert sorted(one[0] for one in columns.index[columns]) == ids(buckets.overdue()) == ids(buckets.view(overdue))
    assert ids(buckets.overdue()) == ["1"]
    assert ids(buckets.view(stale)) == ids(buckets.stale()) == ["3"]
    assert (buckets.count(overdue), buckets.count(stale)) == (1, 1)
    counted = buckets.group_count({"status": "running"}, by="overdue").set_index("overdue")["n_works"]
    assert counted.to_dict() == {True: 1, False: 1}
    assert buckets.group_count(stale, by="site")["n_works"].sum() == 1
    assert buckets.explain(stale).attrs["matched"] == 1


def test_failures_are_grouped_by_their_folded_error(backend, buckets):
    load(
        backend,
        make_work(status="failure", results={"error": "lost /a/1"}),
        make_work(status="failure", results={"error": "lost /b/2"}),
        make_work(status="success", results={"error": "lost /c/3"}),
        make_work(status="failure", results={"error": "lost /d/4"}, pipeline="fitburst"),
    )
    assert buckets.failures()["n_works"].tolist() == [2, 1]
    assert buckets.failures({"pipeline": "fitburst"})["n_works"].tolist() == [1]


def test_failures_of_the_newest_works_only_say_so(backend, buckets):
    load(backend, *(make_work(status="failure", results={"error": "lost"}) for _ in range(3)))
    part = buckets.failures(limit=1)
    assert (part["n_works"].tolist(), part.attrs) == ([1], {"read": 1, "matched": 3, "exact": True})
    for text in (repr(part), part._repr_html_()):
        assert "1 row, made of the newest 1 of 3 failed works" in text
    assert "made of" not in repr(buckets.failures())
    assert "made of" not in repr(buckets.failures(limit=3))


def test_events_show_the_latest_work_of_each_pipeline(backend, buckets):
    load(backend, make_work(event=[7], status="failure"), make_work(event=[7], status="queued"), make_work(event=[8]))
    table = buckets.events(7)
    assert table[["event", "status", "n_works"]].values.tolist() == [[7, "queued", 2]]


def test_the_latest_of_works_created_at_once_is_the_one_that_a_view_shows_first(backend, buckets):
    load(backend, *(make_work(event=[7], creation=1e9, status=status) for status in ("failure", "success")))
    assert buckets.events(7)["id"].tolist() == buckets.view()["id"].tolist()[:1]


@pytest.mark.parametrize("asked", ["9385707", ["9385707"], np.int64(9385707), (9385707,)], ids=repr)
def test_the_digits_of_an_event_are_one_id(backend, buckets, asked):
    load(backend, make_work(event=[9385707]), make_work(event=[3, 7]))
    table = buckets.events(asked)
    assert table["event"].tolist() == [9385707]
    assert table.attrs["without_works"] == []


def test_a_family_has_every_generation(backend, buckets):
    child, grandchild = make_work(), make_work()
    child["config"]["parent"], grandchild["config"]["parent"] = "1" * 24, "2" * 24
    load(backend, make_work(), child, grandchild, make_work())
    assert ids(buckets.family("1" * 24).frame) == ["1", "2", "3"]


@pytest.mark.parametrize(("generations", "complete"), [(10, True), (11, False)])
def test_a_family_that_goes_on_below_what_was_read_says_so(backend, buckets, generations, complete):
    ids = [f"{number:024x}" for number in range(generations + 2)]
    backend.store.load([make_work(id=one, config={"parent": above}) for above, one in pairwise(ids)])
    family = buckets.family(ids[1])
    assert (len(family.frame), family.complete) == (11, complete)
    for text in (repr(family), family._repr_html_()):
        assert ("there are more generations" in text) is not complete


def test_a_watch_fills_the_history_of_this_service_and_never_audits(backend, buckets):
    load(backend, make_work(status="queued"))
    with buckets.watch(every=timedelta(milliseconds=20)) as watch:
        until(lambda: watch.taken >= 2)
    history = buckets.history()
    assert len(history.times()) >= 2
    assert history.frame()["queued"].tolist()[0] == 1
    assert not [request for request in backend.requests if "audit" in request.path]


def test_an_interval_that_is_no_time_is_named(buckets):
    with pytest.raises(ValueError, match="'soon' is not a span of time"):
        buckets.watch(every="soon")
