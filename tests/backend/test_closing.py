"""A store that is let go of, and a client that hangs up, while views are under way: no connection is left open."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from bucketsnb import LocalBackend
from bucketsnb.backend.stores.base import StoreUnavailable
from bucketsnb.backend.stores.sqlite import rows
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_work
from tests.patience import until

WORKS = 400
"""Of 10 kB: some eight pieces of an answer."""

SEARCH = {"parameters": None}
"""A query that Python decides, work by work."""

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "works.db")
    opened.load([make_work(results={"text": "x" * 10_000}) for _ in range(WORKS)])
    yield opened
    opened.close()


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What is left to the garbage collector stays."""
    gc.disable()
    yield
    gc.enable()


def opened_in(folder: Path) -> list[str]:
    """Name the files of a folder that this process has open."""
    return [Path(file.path).name for file in psutil.Process().open_files() if Path(file.path).parent == folder]


@pytest.mark.parametrize("query", [{}, SEARCH], ids=["by SQL", "by matcher"])
def test_a_view_that_rests_is_ended_with_its_store(store: SQLiteStore, query: dict[str, object]) -> None:
    views = [store.view(query) for _ in range(3)]
    assert all(next(view).startswith(b'[{"') for view in views)
    store.status()
    store.close()
    assert opened_in(store.path.parent) == []
    assert not list(store.path.parent.glob("*-wal"))
    for view in views[:2]:
        with pytest.raises(StoreUnavailable, match="is closed"):
            next(view)
    del view, views  # and one never goes on
    gc.collect()
    with pytest.raises(StoreUnavailable, match="is closed"):
        next(store.view({}))


def test_views_that_threads_read_are_ended_with_their_store(store: SQLiteStore) -> None:
    reading = threading.Barrier(5)

    def read() -> str:
        reading.wait()
        try:
            while True:
                for _ in store.view(SEARCH, {"id": True}):
                    pass
        except StoreUnavailable as error:
            return str(error)

    with ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        reading.wait()
        store.close()
        assert opened_in(store.path.parent) == []
        assert {reader.result() for reader in readers} == {f"the store {store.path} is closed"}


def test_a_statement_that_would_take_long_is_interrupted(store: SQLiteStore) -> None:
    holding = threading.Event()

    def read() -> None:
        with store._reading() as connection:
            holding.set()
            connection.execute(FOREVER).fetchone()

    with ThreadPoolExecutor(1) as thread:
        reader = thread.submit(read)
        assert holding.wait(30)
        store.close()
        assert opened_in(store.path.parent) == []
        with pytest.raises(StoreUnavailable, match="is closed"):
            reader.result()


def test_a_thread_that_closes_the_store_amid_a_read_of_its_own_ends_it(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the handler of a signal may."""
    monkeypatch.setattr(rows, "let_others", lambda number: store.close() if number == 100 else None)
    view = store.view(SEARCH)
    assert next(view)
    with pytest.raises(StoreUnavailable, match="is closed"):
        list(view)
    assert opened_in(store.path.parent) == []


def test_a_view_that_is_collected_where_its_thread_opens_a_connection_is_let_go_of(store: SQLiteStore) -> None:
    view = store.view({})
    next(view)

    def collected() -> None:
        with store._readers._lock:
            view.close()

    thread = threading.Thread(target=collected, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert not store._readers._open


def test_a_file_of_something_else_is_not_kept_open(tmp_path: Path) -> None:
    file = tmp_path / "works.db"
    file.write_bytes(os.urandom(8_192))
    with pytest.raises(StoreUnavailable, match="not a SQLite database") as caught:
        SQLiteStore(file)
    assert opened_in(tmp_path) == [], caught


@pytest.mark.usefixtures("uncollected")
def test_a_client_that_hangs_up_while_a_piece_is_read_ends_its_view(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reading, hung_up = threading.Event(), threading.Event()

    def amid_the_second_piece(number: int) -> None:
        if number == 80:
            reading.set()
            assert hung_up.wait(30)

    monkeypatch.setattr(rows, "let_others", amid_the_second_piece)
    with LocalBackend(store) as backend, caplog.at_level(logging.ERROR):
        with requests.post(f"{backend.url}/view", json={"query": SEARCH}, stream=True, timeout=30) as unread:
            assert unread.raw.read(400_000)
            assert reading.wait(30)
        until(lambda: not backend._server.server_state.connections)
        hung_up.set()
        until(lambda: len(opened_in(store.path.parent)) > 0 and not store._readers._open)
    assert caplog.records == []
