"""GET /status..., GET /audit/..."""

from __future__ import annotations

import time

import pytest

from bucketsnb import LocalBackend
from bucketsnb.schema import COUNTS_AT_ONCE
from tests.factory import make_work, make_works

from .conftest import Asking

DAY = 86_400.0
NONE = '{"total":0,"queued":0,"running":0,"success":0,"failure":0}'


def test_an_empty_service_has_five_zeros_in_their_order(ask: Asking) -> None:
    assert ask("GET", "/status").text == NONE


@pytest.mark.parametrize("pipeline", ["unknown", "a%2Fb", "é", "a%20b%3Fc", "pipelines/x"])
def test_an_unknown_pipeline_has_zeros_and_is_no_error(ask: Asking, pipeline: str) -> None:
    answer = ask("GET", f"/status/details/{pipeline}")
    assert (answer.status_code, answer.text) == (200, NONE)


def test_works_are_counted_by_status_and_pipeline(ask: Asking, service: LocalBackend) -> None:
    statuses = ["queued"] * 4 + ["running"] * 3 + ["success"] * 2 + ["failure"]
    service.store.load([make_work(pipeline="a", status=status) for status in statuses] + [make_work(pipeline="b")])
    assert ask("GET", "/status/details/a").text == '{"total":10,"queued":4,"running":3,"success":2,"failure":1}'
    assert {name: ask.status()[name] for name in ("total", "running")} == {"total": 11, "running": 3}


def test_pipelines_are_those_that_have_works(ask: Asking) -> None:
    first, second, _ = ask.deposit(*(make_work(pipeline=pipeline) for pipeline in ("b", "a", "b")))
    assert ask.json("GET", "/status/pipelines") == ["a", "b"]
    ask.json("DELETE", "/work", params={"ids": [second]})
    assert ask.json("GET", "/status/pipelines") == ["b"]
    ask.update({"id": first, "pipeline": "a"})
    assert ask.json("GET", "/status/pipelines") == ["a", "b"]


def test_the_counts_of_all_pipelines_are_those_of_each(ask: Asking, service: LocalBackend) -> None:
    assert ask("GET", "/status/details").text == "{}"
    service.store.load([make_work(pipeline=name, status=one) for name in "bab" for one in ("running", "created")])
    assert ask("GET", ask("GET", "/status/pipelines").headers[COUNTS_AT_ONCE]).text == (
        '{"a":{"total":2,"queued":0,"running":1,"success":0,"failure":0},'
        '"b":{"total":4,"queued":0,"running":2,"success":0,"failure":0}}'
    )
    assert ask.json("GET", "/status/details")["b"] == ask.json("GET", "/status/details/b")
    assert {ask("GET", path).headers[COUNTS_AT_ONCE] for path in ("/version", "/status")} == {"/status/details"}


def test_a_pipeline_with_a_slash_has_its_own_status(ask: Asking) -> None:
    ask.deposit(make_work(pipeline="a b/c?d"))
    assert ask.json("GET", "/status/details/a%20b/c%3Fd")["queued"] == 1


def test_counts_follow_every_change(ask: Asking) -> None:
    one, two, three = ask.deposit(*make_works(3))
    ask.withdraw()
    ask.update({"id": two, "status": "success"})
    ask.json("DELETE", "/work", params={"ids": [three]})
    assert ask.status() == {"total": 2, "queued": 0, "running": 1, "success": 1, "failure": 0}, one


@pytest.mark.parametrize(("attempt", "retries", "queued"), [(1, 2, 1), (2, 2, 0), (3, 2, 0), (1, 1, 0), (0, 0, 0)])
def test_failed_works_with_attempts_left_are_queued_again(
    ask: Asking, service: LocalBackend, attempt: int, retries: int, queued: int
) -> None:
    work = make_work(status="failure", attempt=attempt, retries=retries, results={"error": "x"}, start=1.0, stop=2.0)
    service.store.load([work])
    (before,) = ask.view()
    assert queued == ask.json("GET", "/audit/failed")
    assert [{**before, "status": "queued" if queued else "failure"}] == ask.view()


@pytest.mark.parametrize(("ago", "failed"), [(3_500, 0), (3_700, 1)])
def test_running_works_past_start_and_timeout_fail(ask: Asking, service: LocalBackend, ago: float, failed: int) -> None:
    now = time.time()
    service.store.load([make_work(status="running", start=now - ago, creation=now - DAY, timeout=3_600, attempt=1)])
    assert failed == ask.json("GET", "/audit/expired")
    assert ["failure" if failed else "running"] == [work["status"] for work in ask.view()]


def test_only_running_works_expire(ask: Asking, service: LocalBackend) -> None:
    service.store.load([make_work(status=status, start=1.0) for status in ("queued", "success", "failure", "created")])
    service.store.load([make_work(status="running", start=None)])
    assert ask.json("GET", "/audit/expired") == 0


@pytest.mark.parametrize("days", ["7.0", "7", "7e0"])
def test_old_queued_and_running_works_are_failed_and_none_is_deleted(
    ask: Asking, service: LocalBackend, days: str
) -> None:
    now = time.time()
    old, young = now - 8 * DAY, now - 6 * DAY
    statuses = ("queued", "running", "success", "failure", "created")
    service.store.load([make_work(status=status, creation=old, user="old", start=now) for status in statuses])
    service.store.load([make_work(status=status, creation=young, user="young") for status in statuses])
    assert ask.json("GET", f"/audit/stale/{days}") == 2
    assert len(ask.view({"user": "old", "status": "failure"})) == 3
    assert sorted(statuses) == sorted(work["status"] for work in ask.view({"user": "young"}))


def test_stale_works_do_not_come_back_with_the_next_pass(ask: Asking) -> None:
    ask.deposit(make_work(creation=time.time() - 60 * DAY))
    passes = [[ask.json("GET", f"/audit/{name}") for name in ("failed", "expired", "stale/7.0")] for _ in range(3)]
    assert passes == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    (work,) = ask.view()
    assert (work["status"], work["attempt"]) == ("failure", 2)


@pytest.mark.parametrize("days", ["x", "nan", "-1", "inf", "1e9", "%20"])
def test_days_that_are_no_number_are_refused(ask: Asking, days: str) -> None:
    ask.deposit(make_work(creation=1.0))
    assert ask("GET", f"/audit/stale/{days}").status_code == 400
    assert ask.status()["queued"] == 1
