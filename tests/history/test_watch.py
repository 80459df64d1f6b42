"""A watch records what it sees, leaves gaps where it sees nothing, and stops."""

from __future__ import annotations

import threading

import pytest

from bucketsnb.errors import ServiceFailed
from bucketsnb.history import History, Watch
from tests.history.test_history import URL, queue, status


@pytest.fixture
def history(tmp_path):
    return History(URL, tmp_path / "history.db")


def wait_for(event: threading.Event) -> None:
    assert event.wait(10), "the watch did not get there within 10 s"


def test_a_watch_records_until_it_is_stopped(history):
    twice = threading.Event()
    calls = []

    def read():
        calls.append(1)
        if len(calls) > 2:
            twice.set()
        frame = status(a=queue(len(calls)))
        frame.attrs["read_at"] = 1_790_000_000.0 + len(calls)
        return frame

    with Watch(read, history, every=0.01) as watch:
        wait_for(twice)
    assert not watch.running
    assert watch.taken == len(history.times()) == len(calls)


def test_a_failing_service_leaves_a_gap_and_its_reason(history):
    asked = threading.Event()

    def read():
        asked.set()
        raise ServiceFailed("503 from GET /status")

    watch = Watch(read, history, every=0.01)
    wait_for(asked)
    watch.stop()
    assert watch.failures >= 1
    assert "503" in repr(watch)
    assert len(history.times()) == 0


def test_an_interval_of_nothing_is_refused(history):
    with pytest.raises(ValueError, match="above zero"):
        Watch(lambda: status(), history, every=0)
