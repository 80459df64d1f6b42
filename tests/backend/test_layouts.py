"""A file of each earlier layout is brought up to date, and then cannot be told from a new one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

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

TO_THIRD = """
DROP INDEX works_status;
DROP INDEX works_any_pipeline;
DROP INDEX works_running;
DROP INDEX works_exhausted;
DROP TRIGGER works_added;
DROP TRIGGER works_removed;
DROP TRIGGER works_moved;
DROP TABLE counts;
ALTER TABLE works ADD COLUMN settled;
UPDATE works SET settled = status WHERE status NOT IN ('queued', 'running');
CREATE INDEX works_settled ON works (pipeline, settled, creation);
CREATE INDEX works_running ON works (creation, pipeline, start, timeout) WHERE status = 'running';
CREATE TABLE counts (pipeline PRIMARY KEY NOT NULL, created, queued, running, success, failure) WITHOUT ROWID;
PRAGMA user_version = 3;
"""
"""Makes of a file of the second layout what tells those of the third and the fourth from it."""


@pytest.fixture(params=[1, 2, 3, 4])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteStore]:
    file = tmp_path / "works.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SECOND.read_text())
        if request.param == 1:
            connection.executescript(TO_FIRST)
        if request.param > 2:
            connection.executescript(TO_THIRD)
            connection.execute(f"PRAGMA user_version = {request.param}")
        assert connection.execute("PRAGMA user_version").fetchone() == (request.param,)
    store = SQLiteStore(file)
    yield store
    store.close()


def viewed(store: SQLiteStore, query: dict[str, Any]) -> list[int | str]:
    works = json.loads(b"".join(store.view(query)))
    return [int(work["id"], 16) if work["id"][0] != "f" else "odd" for work in works]


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


def layout(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
