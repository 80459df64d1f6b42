"""POST /work/withdraw."""

from __future__ import annotations

import time

import pytest

from bucketsnb import LocalBackend
from tests.factory import make_work, make_works

from .conftest import Asking


def test_a_claim_marks_the_work_and_answers_with_it(ask: Asking, service: LocalBackend) -> None:
    service.store.load([make_work(status="queued", attempt=1, start=1.0, stop=2.0, results={"before": 1})])
    before, moment = ask.view()[0], time.time()
    work = ask.withdraw()
    assert moment <= work["start"] <= time.time()
    assert {**before, "status": "running", "attempt": 2, "stop": None, "start": work["start"]} == work
    assert [work] == ask.view()


def test_the_start_is_a_float_in_the_text(ask: Asking) -> None:
    ask.deposit(make_work())
    work = ask.withdraw()
    assert isinstance(work["start"], float)
    assert f'"start":{work["start"]!r}' in ask("POST", "/view", {"query": {}}).text


@pytest.mark.parametrize("pipeline", ["baseband-converter", {"$in": ["baseband-converter"]}, {"$in": ["a", "b"]}])
def test_an_empty_queue_is_null_with_200(ask: Asking, pipeline: object) -> None:
    ask.deposit(make_work(pipeline="other"))
    answer = ask("POST", "/work/withdraw", {"pipeline": pipeline})
    assert (answer.status_code, answer.text) == (200, "null")


@pytest.mark.parametrize("status", ["created", "running", "success", "failure"])
def test_only_queued_works_are_claimed(ask: Asking, service: LocalBackend, status: str) -> None:
    service.store.load([make_work(status=status)])
    assert ask.withdraw() is None


@pytest.mark.parametrize(
    "pipeline", ["p", {"$in": ["p"]}, {"$in": ["p", "q"]}, {"$in": [f"p{i}" for i in range(200)] + ["p"]}]
)
def test_the_highest_priority_then_the_oldest_then_the_first_deposited(ask: Asking, pipeline: object) -> None:
    order = [(5, 30.0), (5, 40.0), (4, 1.0), (4, 1.0), (1, 0.5)]
    works = [make_work(pipeline="p", priority=priority, creation=creation) for priority, creation in order]
    shuffled = [works[place] for place in (4, 2, 1, 3, 0)]
    ids = ask.deposit(*shuffled)
    expected = [ids[4], ids[2], ids[1], ids[3], ids[0]]
    assert expected == [ask.withdraw(pipeline)["id"] for _ in order]


def test_order_holds_across_several_pipelines(ask: Asking) -> None:
    ids = ask.deposit(
        make_work(pipeline="a", priority=3, creation=2.0),
        make_work(pipeline="b", priority=3, creation=1.0),
        make_work(pipeline="c", priority=5, creation=9.0),
        make_work(pipeline="d", priority=5, creation=0.0),
    )
    claimed = [ask.withdraw({"$in": ["a", "b", "c", "a"]}) for _ in range(4)]
    assert [ids[2], ids[1], ids[0], None] == [work and work["id"] for work in claimed]


@pytest.mark.parametrize(
    "filters",
    [
        {"site": "kko"},
        {"priority": 5},
        {"user": "other"},
        {"event": {"$in": [10, 11]}},
        {"tags": {"$in": ["x", "y"]}},
        {"config.parent": {"$in": ["parent"]}},
        {"config.parent": "parent"},
        {"parameters.snr": {"$gt": 8}},
        {"tags": {"$in": ["x"]}, "parameters.snr": {"$exists": True}, "site": "kko"},
    ],
)
def test_every_filter_chooses_the_work_it_means(ask: Asking, filters: dict[str, object]) -> None:
    wanted = make_work(
        site="kko",
        priority=5,
        user="other",
        event=[9, 10],
        tags=["x", "z"],
        config={"parent": "parent"},
        parameters={"snr": 9},
    )
    other, one, _ = ask.deposit(make_work(), wanted, make_work())
    assert one == ask.withdraw(**filters)["id"]
    assert ask.withdraw(**filters) is None
    assert other in {work["id"] for work in ask.view({"status": "queued"})}


def test_a_site_that_is_an_array_is_claimed_by_its_element(ask: Asking) -> None:
    _, one = ask.deposit(make_work(site="gbo"), make_work(site=["kko", "hco"]))
    assert one == ask.withdraw(site="kko")["id"]
    assert ask.withdraw(site="kko") is None


@pytest.mark.parametrize("body", [{}, {"site": "chime"}, {"pipeline": None}])
def test_a_withdrawal_without_pipeline_is_refused(ask: Asking, body: dict[str, object]) -> None:
    ask.deposit(make_work())
    answer = ask("POST", "/work/withdraw", body)
    assert answer.status_code == 400
    assert "needs a pipeline" in answer.json()["message"]
    assert ask.status()["queued"] == 1


def test_a_withdrawal_of_another_status_is_refused(ask: Asking) -> None:
    ask.deposit(make_work())
    assert ask("POST", "/work/withdraw", {"pipeline": "baseband-converter", "status": "failure"}).status_code == 400
    assert ask.withdraw(status="queued") is not None


def test_no_pipelines_are_none_of_the_works(ask: Asking) -> None:
    ask.deposit(make_work())
    assert ask.withdraw({"$in": []}) is None


def test_a_requeued_work_comes_back_in_its_old_place(ask: Asking) -> None:
    first, _ = ask.deposit(*make_works(2))
    ask.withdraw()
    ask.update({"id": first, "status": "queued"})
    work = ask.withdraw()
    assert (first, 2) == (work["id"], work["attempt"])


def test_a_query_that_cannot_be_decided_claims_nothing(ask: Asking) -> None:
    ask.deposit(make_work())
    answer = ask("POST", "/work/withdraw", {"pipeline": "baseband-converter", "site": {"$near": 1}})
    assert answer.status_code == 400
    assert "$near" in answer.json()["message"]
    assert ask.status()["queued"] == 1
