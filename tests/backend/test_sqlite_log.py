"""The write-ahead log, which SQLite looks after itself: it stays small, and is gone when the store is closed."""

from __future__ import annotations

from pathlib import Path

from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_work

MEGABYTE = 1024 * 1024


def test_the_log_is_copied_to_the_file_while_works_come_and_go(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "works.db")
    log = tmp_path / "works.db-wal"
    largest = 0
    for _ in range(60):
        ids = store.deposit([make_work(results={"data": "x" * 10_000}) for _ in range(50)])
        assert store.withdraw({"pipeline": "baseband-converter"}) is not None
        assert store.delete(ids) == 50
        largest = max(largest, log.stat().st_size)
    assert largest < 10 * MEGABYTE, "of some 100 MB that were written"
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["works.db"]


def test_a_kill_costs_nothing_and_a_power_cut_leaves_the_file_whole(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "works.db")
    settings = {
        name: store._file.writer.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
    }
    store.close()
    normal = 1
    assert settings == {"journal_mode": "wal", "synchronous": normal, "wal_autocheckpoint": 1_000}
