"""What is on the disk when the power fails: every change that was acknowledged, and claims a moment later.

A power cut is not to be had here. A copy of the file and its log as they are at a sync stands in for one: what a store
opened on the copy holds had been written before the sync, and so outlives the cut.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bucketsnb.backend.stores.base import StoreUnavailable, Wait
from bucketsnb.backend.stores.sqlite import log as sqlite_log
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.factory import make_works


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "works.db")
    yield opened
    opened.close()


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.01)


def test_a_claim_is_on_the_disk_a_moment_later(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Path] = []

    def copied(log: int) -> None:
        os.fsync(log)
        folder = tmp_path / f"copy-{len(copies)}"
        folder.mkdir()
        for file in store.path.parent.glob("works.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder / file.name)
        copies.append(folder)

    monkeypatch.setattr(sqlite_log, "_to_disk", copied)
    ids = store.deposit(make_works(3, pipeline="p"))
    assert store.withdraw({"pipeline": "p"}) is not None
    until(lambda: bool(copies))
    after_the_cut = SQLiteStore(copies[-1] / "works.db")
    assert after_the_cut.status()["running"] == 1
    assert after_the_cut.status()["total"] == len(ids)
    after_the_cut.close()


def test_claims_that_wait_for_nothing_are_copied_to_the_file_behind_them(store: SQLiteStore, tmp_path: Path) -> None:
    store.deposit(make_works(450, pipeline="p"))
    withdrawal = store.withdrawal({"pipeline": "p"})
    for _ in range(450):
        assert withdrawal.now() is not None

    until(lambda: _running_without_the_log(store.path, tmp_path / "file.db") >= 400)
    assert store.status()["running"] == 450


def _running_without_the_log(file: Path, copy: Path) -> int:
    shutil.copy(file, copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM works WHERE status = 'running'").fetchone()[0])
        except sqlite3.DatabaseError:  # copied amid the copying
            return 0


def test_a_log_that_cannot_be_copied_is_kept_and_nothing_is_lost(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def broken(*_: object, **__: object) -> sqlite3.Connection:
        tried.set()
        raise StoreUnavailable("no more files can be opened")

    monkeypatch.setattr(sqlite_log, "connect", broken)
    store.deposit(make_works(450, pipeline="p"))
    withdrawal = store.withdrawal({"pipeline": "p"})
    for _ in range(450):
        assert withdrawal.now() is not None
    assert tried.wait(30)
    assert store.withdraw({"pipeline": "p"}) is None
    assert store.status()["running"] == 450


def test_every_change_but_a_claim_waits_for_the_disk(store: SQLiteStore) -> None:
    def level() -> int:
        return int(store._writer.connection.execute("PRAGMA synchronous").fetchone()[0])

    waits, does_not = 2, 1
    ids = store.deposit(make_works(3, pipeline="p"))
    assert level() == waits
    store.withdraw({"pipeline": "p"})
    assert level() == does_not
    store.update([{"id": ids[0], "priority": 5}])
    assert level() == waits
    store.withdraw({"pipeline": "p", "results.never": {"$ne": 1}})
    assert level() == does_not
    store.delete(ids[:1])
    assert level() == waits
    with store.together(Wait.TURN):
        store.withdraw({"pipeline": "p"})
        assert level() == does_not
    with store.together():
        store.withdraw({"pipeline": "p"})
        assert level() == waits
    store.withdraw({"pipeline": "p"})
    store.audit_failed()
    assert level() == waits


def test_a_temporary_store_never_waits() -> None:
    store = SQLiteStore()
    store.deposit(make_works(1, pipeline="p"))
    assert store._writer.connection.execute("PRAGMA synchronous").fetchone() == (0,)
    store.withdraw({"pipeline": "p"})
    assert not _syncing()
    store.close()


def test_a_disk_that_takes_nothing_stops_further_claims(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_log: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sqlite_log, "_to_disk", broken)
    store.deposit(make_works(3, pipeline="p"))
    assert store.withdraw({"pipeline": "p"}) is not None
    until(lambda: store._writer._log._error is not None)
    with pytest.raises(StoreUnavailable, match=r"did not take .*works\.db: Input/output error; check the disk"):
        store.withdraw({"pipeline": "p"})
    with pytest.raises(StoreUnavailable, match="nothing was changed"):
        store.deposit(make_works(1, pipeline="p"))
    assert store.status()["queued"] == 2


def test_a_disk_that_takes_no_copy_stops_further_claims(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is told of such an error no second time, and would begin the log anew."""

    def broken(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), store.path.stat()):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sqlite_log, "_to_disk", broken)
    store.deposit(make_works(500, pipeline="p"))
    withdrawal = store.withdrawal({"pipeline": "p"})
    for _ in range(450):
        assert withdrawal.now() is not None
    until(lambda: store._writer._log._error is not None)
    with pytest.raises(StoreUnavailable, match="Input/output error; check the disk"):
        withdrawal.now()
    assert store.status()["queued"] == 50


def test_the_thread_ends_with_the_store(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "more.db")
    store.deposit(make_works(1, pipeline="p"))
    before = len(_syncing())
    store.withdraw({"pipeline": "p"})
    assert len(_syncing()) == before + 1
    store.close()
    assert len(_syncing()) == before


def _syncing() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "bucketsnb-log"]


def test_a_store_that_is_closed_just_as_a_sync_begins_does_not_wait_for_ever(tmp_path: Path) -> None:
    log = sqlite_log.Log(tmp_path / "works.db")

    class ClosedJustThen(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            time_is_over = super().wait(0)
            self.set()
            log._asked.set()
            return time_is_over

    log._closing = ClosedJustThen()
    log.written()
    assert log._thread is not None
    log._thread.join(10)
    assert not log._thread.is_alive()
