"""Changes that share a sync of the disk: each is made once, and the failure of one is its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bucketsnb.backend.http.dispatch import Dispatcher
from bucketsnb.backend.stores.base import UnknownWorks, WouldWait
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_work, make_works

CLAIM = {"pipeline": "baseband-converter"}


@pytest.fixture
def store() -> Iterator[SQLiteStore]:
    opened = SQLiteStore()
    yield opened
    opened.close()


def at_once(store: SQLiteStore, *acts: Callable[[], Any]) -> list[Any]:
    """Do all in one group: they wait while a first change is held up."""

    async def run() -> list[Any]:
        calls = Dispatcher(store)
        held, go = threading.Event(), threading.Event()
        first = asyncio.ensure_future(calls.change(lambda: (held.set(), go.wait(10))))
        while not held.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(calls.change(act)) for act in acts]
        await asyncio.sleep(0)
        go.set()
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        await first
        calls.close()
        return list(outcomes)

    return asyncio.run(run())


def test_a_group_is_made_durable_by_one_commit(store: SQLiteStore) -> None:
    said: list[str] = []
    store._writer.connection.set_trace_callback(said.append)
    outcomes = at_once(store, *(lambda: store.deposit([make_work()]) for _ in range(10)))
    assert len({ids[0] for ids in outcomes}) == 10
    assert said.count("COMMIT") == 1
    assert store.status()["queued"] == 10


def test_one_failure_in_a_group_is_its_own(store: SQLiteStore) -> None:
    outcomes = at_once(
        store,
        lambda: store.deposit([make_work(user="before")]),
        lambda: store.update([{"id": "f" * 24, "user": "nobody"}]),
        lambda: store.deposit([make_work(user="after")]),
    )
    assert [list, UnknownWorks, list] == [type(outcome) for outcome in outcomes]
    assert {"before", "after"} == {work["user"] for work in json.loads(b"".join(store.view({})))}


def test_a_change_that_fails_half_way_leaves_nothing_in_the_group(store: SQLiteStore) -> None:
    (one,) = store.deposit([make_work(user="before")])
    at_once(
        store,
        lambda: store.update([{"id": one, "user": "half done"}, {"id": "f" * 24}]),
        lambda: store.deposit(make_works(1)),
    )
    assert {"before", "tester"} == {work["user"] for work in json.loads(b"".join(store.view({})))}


def test_when_sqlite_undoes_a_whole_group_each_change_is_still_made_once(store: SQLiteStore) -> None:
    def undo_all() -> str:
        # What SQLite does by itself when the disk is full.
        if store._writer._depth:
            store._writer.connection.execute("ROLLBACK")
        return "done"

    ids = store.deposit(make_works(5))
    first, _, deposited, claimed = at_once(
        store,
        lambda: store.deposit([make_work(user="first", priority=1)]),
        undo_all,
        lambda: store.deposit([make_work(user="after", priority=1)]),
        lambda: json.loads(store.withdraw(CLAIM) or b""),
    )
    assert {*ids, *first, *deposited} == {work["id"] for work in json.loads(b"".join(store.view({})))}
    assert store.status() == {"total": 7, "queued": 6, "running": 1, "success": 0, "failure": 0}
    assert claimed["id"] == ids[0]


def test_changes_that_wait_are_made_before_the_threads_end(store: SQLiteStore) -> None:
    async def run() -> list[list[str]]:
        calls = Dispatcher(store)
        waiting = [asyncio.ensure_future(calls.change(lambda: store.deposit([make_work()]))) for _ in range(100)]
        await asyncio.sleep(0)
        calls.close()
        return await asyncio.gather(*waiting)

    before = set(threading.enumerate())
    assert len(asyncio.run(run())) == store.status()["queued"] == 100
    assert set(threading.enumerate()) <= before


def test_a_claim_that_waits_for_nothing_is_made_in_the_loop(store: SQLiteStore) -> None:
    store.deposit(make_works(2))

    async def run() -> tuple[str, bytes | None]:
        calls = Dispatcher(store)
        here: list[str] = []
        store._writer.connection.set_trace_callback(lambda _said: here.append(threading.current_thread().name))
        work = await calls.claim(store.withdrawal(CLAIM))
        store._writer.connection.set_trace_callback(None)
        calls.close()
        return here[-1], work

    thread, work = asyncio.run(run())
    assert work is not None
    assert thread == threading.current_thread().name


@pytest.mark.parametrize("held_by", ["a thread", "another process"])
def test_a_claim_that_would_wait_lets_the_loop_go_on(tmp_path: Path, held_by: str) -> None:
    store = SQLiteStore(tmp_path / "works.db")
    store.deposit(make_works(1))
    other = SQLiteStore(store.path) if held_by == "another process" else store
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with other.together():
            held.set()
            go.wait(30)

    async def run() -> bytes | None:
        calls = Dispatcher(store)
        claim = asyncio.ensure_future(calls.claim(store.withdrawal(CLAIM)))
        for _ in range(20):
            await asyncio.sleep(0.005)  # the loop goes round
            assert not claim.done()
        go.set()
        work = await claim
        calls.close()
        return work

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(30)
    work = asyncio.run(run())
    holding.join()
    assert work is not None
    assert store.status()["running"] == 1
    other.close()
    store.close()


def test_the_log_of_claims_alone_is_copied_to_the_file_too(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "works.db")
    store.deposit(make_works(3_000))
    log = store.path.with_name("works.db-wal")
    before = log.stat().st_size
    withdrawal = store.withdrawal(CLAIM)

    def waited() -> bool:
        with suppress(WouldWait):
            assert withdrawal.now() is not None
            return False
        assert withdrawal() is not None
        return True

    assert sum(waited() for _ in range(3_000)) >= 5
    assert store.status()["running"] == 3_000
    assert log.stat().st_size < before + 80 * 2**20  # 120 MB were written
    store.close()


def test_views_hold_up_no_other_read(store: SQLiteStore) -> None:
    async def run() -> dict[str, int]:
        calls = Dispatcher(store, readers=2)
        go = threading.Event()
        views = [asyncio.ensure_future(calls.view(lambda: go.wait(30))) for _ in range(5)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(calls.read(store.status), 20)
        finally:
            go.set()
            await asyncio.gather(*views)
            calls.close()

    assert asyncio.run(run())["total"] == 0
