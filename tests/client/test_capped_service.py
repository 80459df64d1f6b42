"""A service that sends fewer works than were asked for, and does not say so."""

from __future__ import annotations

import json

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from tests.changes.helpers import PIPELINE, filled
from tests.client.shelf import Shelf
from tests.factory import make_work


def first(number):
    """Cap an answer at a number of works."""
    return lambda works: works[:number]


def bytes_at_most(size):
    """Cap an answer at a number of bytes, as a proxy or a database does."""

    def cap(works):
        kept = works[:1]
        while len(kept) < len(works) and len(json.dumps(works[: len(kept) + 1])) <= size:
            kept = works[: len(kept) + 1]
        return kept

    return cap


CAPS = pytest.mark.parametrize(
    "cap",
    [first(1), first(7), first(20), bytes_at_most(8_000)],
    ids=["one", "seven", "twenty", "8 kB"],
)


@pytest.fixture
def capped(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch):
    """Give a function that puts a cap on what the service sends in one answer."""
    view = backend.store.view

    def put(cap):
        def view_some(query, projection=None, skip=0, limit=None):
            works = json.loads(b"".join(view(query, projection, skip, limit)))
            yield json.dumps(cap(works)).encode()

        monkeypatch.setattr(backend.store, "view", view_some)

    return put


@CAPS
class TestEveryReadIsWhole:
    def test_a_view_of_all(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        capped(cap)
        frame = buckets.view(limit=None, progress=False)
        assert frame.id.tolist() == ids[::-1]
        assert (frame.works.matched, frame.works.exact, frame.attrs["moved"]) == (24, True, 0)

    def test_a_view_with_a_limit_and_a_skip(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        capped(cap)
        assert buckets.view(skip=5, limit=17, progress=False).id.tolist() == ids[::-1][5:22]

    def test_a_view_of_small_pages(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        capped(cap)
        assert buckets.view(limit=None, page_size=8, progress=False).id.tolist() == ids[::-1]

    def test_frames_one_after_the_other(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        capped(cap)
        assert [one for frame in buckets.iter_frames(progress=False) for one in frame.id] == ids[::-1]

    def test_counts_count_all(self, backend, buckets, capped, cap):
        filled(backend, 24, site="kko")
        capped(cap)
        assert buckets.count({"site": "kko"}) == 24
        assert buckets.group_count({"site": "kko"}, "site")["n_works"].tolist() == [24]

    def test_records_as_json_are_all_there(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        capped(cap)
        assert [work["id"] for work in buckets.api.view(limit=22)] == ids[::-1][:22]
        assert [work["site"] for work in buckets.api.view({}, {"site": True}, limit=None)] == ["chime"] * 24

    def test_a_plan_names_none_gone_that_is_there_and_changes_all(self, backend, buckets, capped, cap):
        filled(backend, 24)
        capped(cap)
        plan = buckets.plan_delete(pipeline=PIPELINE)
        assert (plan.count, plan.left_out) == (24, ())
        receipt = plan.apply()
        assert receipt.counts == {**receipt.counts, "done": 24}
        assert backend.store.status()["total"] == 0
        undone = receipt.undo()
        assert undone.counts["done"] == backend.store.status()["total"] == 24

    def test_a_plan_of_ids_and_of_a_frame(self, backend, buckets, capped, cap):
        ids = filled(backend, 24)
        frame = buckets.view(limit=None)
        capped(cap)
        assert buckets.plan_delete(ids).count == 24
        assert buckets.plan_delete(frame).count == 24
        frame["priority"] = 5
        assert buckets.plan_update(frame).count == 24

    def test_failures_and_events_count_all(self, backend, buckets, capped, cap):
        backend.store.load([make_work(status="failure", results={"error": "no disk"}, event=[7]) for _ in range(24)])
        capped(cap)
        assert buckets.failures()["n_works"].tolist() == [24]
        assert buckets.events(7)["n_works"].tolist() == [24]

    def test_an_audit_forecasts_all(self, backend, buckets, capped, cap):
        filled(backend, 24, status="failure", attempt=1, retries=3, creation=2_000_000_000.0)
        capped(cap)
        assert buckets.plan_audit().count == 24


def test_after_a_longer_answer_a_shorter_one_takes_one_request(backend, buckets):
    backend.store.load([make_work(site=site) for site in ["kko"] * 30 + ["gbo"] * 20])
    buckets.view(limit=40)
    backend.requests.clear()
    assert len(buckets.view({"site": "kko"})) == 30
    assert len(buckets.api.view({"site": "gbo"}, limit=None)) == 20
    assert len(backend.requests) == 2


def test_ids_of_works_that_are_gone_take_one_request_more_only_where_others_came(backend, buckets):
    ids = filled(backend, 3)
    backend.requests.clear()
    assert buckets.plan_delete([*ids, "f" * 24]).left_out[0].id == "f" * 24
    assert sum(b"$in" in request.body for request in backend.requests) == 2
    backend.requests.clear()
    assert buckets.plan_delete(["f" * 24, "e" * 24]).count == 0
    assert sum(b"$in" in request.body for request in backend.requests) == 1


def test_a_cap_that_comes_down_during_the_session_is_noticed_by_reads_of_ids(backend, buckets, capped):
    ids = filled(backend, 60)
    buckets.view(limit=None)
    capped(first(10))
    assert buckets.plan_delete(ids).count == 60
    assert buckets.count({"site": "chime"}) == 60


def test_works_that_go_between_two_pages_take_no_others_with_them():
    def take_three(shelf, request):
        del shelf.works[:3]

    works = [{"id": f"{number:05}"} for number in range(200)]
    shelf = Shelf(list(works), take_three, cap=20)
    read = [work["id"] for work in shelf.view(limit=None)]
    assert len(read) == len(set(read))
    assert set(read) >= {work["id"] for work in shelf.works}


def test_a_burst_of_removals_between_two_pages_is_seen_and_read_again():
    def take(shelf, request):
        if request == 2:
            del shelf.works[:35]

    shelf = Shelf([{"id": f"{number:05}"} for number in range(200)], take, cap=20)
    assert {work["id"] for work in shelf.view(limit=None)} >= {work["id"] for work in shelf.works}


def test_works_that_come_between_two_pages_are_not_read_twice():
    def add_two(shelf, request):
        shelf.works[:0] = [{"id": f"new-{request}-{number}"} for number in range(2)]

    shelf = Shelf([{"id": f"{number:05}"} for number in range(90)], add_two, cap=20)
    read = [work["id"] for work in shelf.view(limit=None) if not work["id"].startswith("new")]
    assert read == [f"{number:05}" for number in range(90)]


def test_a_service_that_does_not_skip_is_not_asked_for_ever():
    class Deaf(Shelf):
        def _view_answer(self, document, projection, skip, limit):
            return super()._view_answer(document, projection, 0, limit)

    for works in ([{"id": "a"}], [{"id": str(number)} for number in range(9)], [{"id": None}] * 5):
        shelf = Deaf(works, cap=5)
        assert len(shelf.view(limit=None)) == min(len(works), 5)
        assert len(shelf.requests) <= 5


def test_a_query_that_matches_all_of_a_capped_queue_is_planned_whole(backend: LocalBackend, buckets: Buckets, capped):
    filled(backend, 179)
    capped(first(50))
    plan = buckets.plan_delete(Query(pipeline=PIPELINE, status="queued"))
    assert plan.count == 179
