"""A file of each earlier layout is brought up to date, and then cannot be told from a new one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bucketsnb.backend.stores.sqlite.schema import COLUMNS, SCHEMA_VERSION, STEPS
from bucketsnb.backend.stores.sqlite.store import SQLiteStore

SECOND = Path(__file__).with_name("layouts") / "second.sql"
"""A file that was written when the second layout was the newest: works 0 to 9, two of each status, and an odd one."""

TO_FIRST = """
DROP TRIGGER works_requeued;
DROP TRIGGER works_ended;
DROP INDEX marks_queue;
DROP INDEX works_site_queue;
DROP INDEX works_parent_queue;
ALTER TABLE marks DROP COLUMN queue;
ALTER TABLE marks DROP COLUMN urgency;
ALTER TABLE marks DROP COLUMN born;
PRAGMA user_version = 1;
"""
"""Takes from a file of the second layout all that the first did not have."""


@pytest.fixture(params=[1, 2])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteStore]:
    file = tmp_path / "works.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SECOND.read_text())
        if request.param == 1:
            connection.executescript(TO_FIRST)
        assert connection.execute("PRAGMA user_version").fetchone() == (request.param,)
    store = SQLiteStore(file)
    yield store
    store.close()


def viewed(store: SQLiteStore, query: dict[str, Any]) -> list[int | str]:
    works = json.loads(b"".join(store.view(query)))
    return [int(work["id"], 16) if work["id"][0] != "f" else "odd" for work in works]


def test_every_layout_before_this_one_has_a_way_to_it() -> None:
    assert set(STEPS) == set(range(SCHEMA_VERSION))


def test_an_older_file_is_brought_up_to_date_with_its_works(upgraded: SQLiteStore) -> None:
    assert upgraded.statuses() == {
        "a": {"total": 5, "queued": 1, "running": 1, "success": 1, "failure": 1},
        "b": {"total": 6, "queued": 2, "running": 1, "success": 1, "failure": 1},
    }
    assert viewed(upgraded, {}) == ["odd", 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert viewed(upgraded, {"status": "queued"}) == ["odd", 3, 2]
    assert viewed(upgraded, {"status": "running"}) == [5, 4]
    assert viewed(upgraded, {"status": "created", "pipeline": "a"}) == [0]
    assert viewed(upgraded, {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}}) == [9]
    claims = [json.loads(upgraded.withdraw({"pipeline": {"$in": ["a", "b"]}, "tags": "x"}) or b"{}") for _ in range(3)]
    assert [work.get("event") for work in claims] == [[3], [2], None]
    assert (upgraded.audit_failed(), upgraded.audit_expired()) == (1, 2)
    assert upgraded.status("b") == {"total": 6, "queued": 1, "running": 1, "success": 1, "failure": 2}


def test_an_upgraded_file_is_as_a_new_one(upgraded: SQLiteStore, tmp_path: Path) -> None:
    new = SQLiteStore(tmp_path / "new.db")
    assert layout(upgraded.path) == layout(new.path)
    new.close()


def layout(file: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(file)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')").fetchall()
        columns = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in ("marks", "counts")}
        works = {name for _, name, *_ in connection.execute("PRAGMA table_info(works)")}
    assert works == {"rowid", *COLUMNS, "body"}  # a column that was added stands last
    return {**columns, **dict(made)}
