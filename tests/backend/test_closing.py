"""A store that is let go of while views are under way: no connection is left open."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from bucketsnb.backend.stores.base import StoreUnavailable
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_work

WORKS = 400
"""Of 10 kB: some eight pieces of an answer, in a temporary file."""

SEARCH = {"parameters": None}
"""A query that Python decides, work by work."""

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "works.db")
    opened.load([make_work(results={"text": "x" * 10_000}) for _ in range(WORKS)])
    yield opened
    opened.close()


def opened_in(folder: Path) -> list[str]:
    """Name the files of a folder that this process has open."""
    return [Path(file.path).name for file in psutil.Process().open_files() if Path(file.path).parent == folder]


@pytest.mark.parametrize("query", [{}, SEARCH], ids=["by SQL", "by matcher"])
def test_a_view_that_nobody_goes_on_with_keeps_nothing_of_its_store(
    store: SQLiteStore, query: dict[str, object]
) -> None:
    begun, other = store.view(query), store.view(query)
    first = next(begun)
    store.close()
    assert opened_in(store.path.parent) == []
    assert not list(store.path.parent.glob("*-wal"))
    assert first + b"".join(begun) == b"".join(other), "though what was read is given whole"
    with pytest.raises(StoreUnavailable, match="is closed"):
        store.view({})


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
        with store._file.reading() as connection:
            holding.set()
            connection.execute(FOREVER).fetchone()

    with ThreadPoolExecutor(1) as thread:
        reader = thread.submit(read)
        assert holding.wait(30)
        store.close()
        assert opened_in(store.path.parent) == []
        with pytest.raises(StoreUnavailable, match="is closed"):
            reader.result()


def test_a_file_of_something_else_is_not_kept_open(tmp_path: Path) -> None:
    file = tmp_path / "works.db"
    file.write_bytes(os.urandom(8_192))
    with pytest.raises(StoreUnavailable, match="not a SQLite database") as caught:
        SQLiteStore(file)
    assert opened_in(tmp_path) == [], caught
