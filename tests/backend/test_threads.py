"""Who waits for whom: long views and searches hold up no claim, and a change that waits holds up no read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from bucketsnb import LocalBackend
from bucketsnb.backend.stores.sqlite import narrowing
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_work

SEARCH = {"query": {"results.never": {"$gt": 1}}}
CLAIM = {"pipeline": "baseband-converter"}
MANY = 60
"""More than the threads that any of them have."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalBackend]:
    with LocalBackend(tmp_path / "works.db") as backend:
        yield backend


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as threads:
        yield threads


def post(backend: LocalBackend, path: str, body: object) -> requests.Response:
    return requests.post(backend.url + path, json=body, timeout=60)


def test_views_however_many_and_long_hold_up_no_claim_no_deposit_and_no_status(
    service: LocalBackend, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.store.deposit([make_work() for _ in range(3)])
    reading, go = threading.Event(), threading.Event()

    def rest(_number: int) -> None:
        reading.set()
        assert go.wait(60)

    monkeypatch.setattr(narrowing, "let_others", rest)
    views = [pool.submit(post, service, "/view", SEARCH) for _ in range(MANY)]
    assert reading.wait(30)
    assert post(service, "/work/withdraw", CLAIM).json()["status"] == "running"
    assert post(service, "/work", [make_work()]).json() is True
    assert requests.get(f"{service.url}/status", timeout=30).json()["total"] == 4
    go.set()
    assert {view.result().text for view in views} == {"[]"}


def test_changes_that_wait_for_another_process_hold_up_no_read(service: LocalBackend, pool: ThreadPoolExecutor) -> None:
    with ExitStack() as held:
        other = SQLiteStore(service.store.path)
        held.callback(other.close)
        with other._file.changing():
            deposits = [pool.submit(post, service, "/work", [make_work()]) for _ in range(MANY)]
            assert requests.get(f"{service.url}/status", timeout=30).json()["total"] == 0
            assert post(service, "/view", {"query": {}}).json() == []
            assert not any(deposit.done() for deposit in deposits)
        assert {deposit.result().text for deposit in deposits} == {"true"}
    assert service.store.status()["total"] == MANY


def test_views_that_nobody_reads_hold_up_no_other_view(service: LocalBackend) -> None:
    service.store.load([make_work(results={"text": "x" * 100_000}) for _ in range(200)])
    with ExitStack() as unread:
        for _ in range(MANY):
            answer = requests.post(f"{service.url}/view", json={"query": {}}, stream=True, timeout=60)
            unread.callback(answer.close)
        assert len(post(service, "/view", {"query": {}, "limit": 1}).json()) == 1


def test_a_view_that_fails_at_a_late_work_is_an_error_and_not_half_an_answer(service: LocalBackend) -> None:
    number, text = make_work(results={"n": 1, "text": "x" * 20_000}, creation=2.0), make_work(results={"n": "1"})
    service.store.load([number] * 300 + [{**text, "creation": 1.0}])
    computed = {"$expr": {"$gt": [{"$add": ["$priority", "$results.n"]}, 0]}}
    answer = post(service, "/view", {"query": computed})
    assert (answer.status_code, "computes with numbers" in answer.json()["message"]) == (400, True)
    assert len(post(service, "/view", {"query": computed, "limit": 300}).json()) == 300


def test_an_answer_that_finds_no_room_is_said(service: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    service.store.load([make_work(results={"text": "x" * 100_000}) for _ in range(100)])
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    answer = post(service, "/view", {"query": {}})
    assert (answer.status_code, "cannot be kept in /nowhere" in answer.json()["message"]) == (507, True)
    assert len(post(service, "/view", {"query": {}, "limit": 1}).json()) == 1
