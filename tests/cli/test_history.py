"""``bucketsnb watch`` records, and ``bucketsnb history`` tells what was recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bucketsnb import LocalBackend
from bucketsnb.client import Buckets
from tests.cli.conftest import Run
from tests.factory import make_works

HOUR = 3600.0


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    backend.store.load(make_works(4, pipeline="fitburst", status="queued"))
    return backend


@pytest.fixture
def draining(queue: LocalBackend) -> LocalBackend:
    """Keep four snapshots, an hour apart, of a queue that loses two works an hour; 1 is left of 7."""
    with Buckets(queue.url) as buckets:
        status = buckets.status()
        for ago, queued in ((3, 7), (2, 5), (1, 3), (0, 1)):
            status.loc["fitburst", ["total", "queued", "success"]] = [7, queued, 7 - queued]
            buckets.history().record(status, at=time.time() - ago * HOUR, every=HOUR)
    return queue


def test_once_records_one_snapshot_and_ends(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("watch", "--once")
    assert (code, err) == (0, "")
    assert out.endswith(" UTC: 1 pipeline, 4 works\n")
    with Buckets(queue.url) as buckets:
        assert buckets.history().frame()["queued"].tolist() == [4]


def test_a_pipeline_that_cannot_be_read_is_an_exit_code(queue: LocalBackend, run: Run) -> None:
    queue.store.load(make_works(1, pipeline="notify"))
    queue.faults.add("GET /status/details/fitburst", status=400)
    code, out, err = run("watch", "--once", "--json")
    assert (code, json.loads(out)["pipelines"]) == (5, 2)
    assert "fitburst" in err


def test_a_history_that_cannot_be_written_is_an_error(
    queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BUCKETSNB_HISTORY", str(tmp_path))
    code, out, err = run("watch", "--once")
    assert (code, out) == (1, "")
    assert "BUCKETSNB_HISTORY" in err


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_records_until_it_is_stopped(queue: LocalBackend, ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "bucketsnb", "watch", "--every", "1s", "--json"]
    watch = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert watch.stdout is not None
        told = [json.loads(watch.stdout.readline()) for _ in range(2)]
        watch.send_signal(ending)
        rest, _ = watch.communicate(timeout=60)
    finally:
        watch.kill()
    assert (watch.returncode, rest.splitlines()[-1]) == (0, "Stopped.")
    assert told[0]["works"] == 4
    assert told[1]["read_at"] > told[0]["read_at"]


def test_rates_are_works_an_hour(draining: LocalBackend, run: Run) -> None:
    (row,) = json.loads(run("history", "--json")[1])
    assert (row["pipeline"], round(row["finished"], 2), round(row["queued"], 2)) == ("fitburst", 2.0, -2.0)
    code, out, _ = run("history", "rates", "--pipeline", "fitburst")
    assert (code, out.splitlines()[1].split()[0]) == (0, "fitburst")


def test_a_queue_that_drains_says_until_when(draining: LocalBackend, run: Run) -> None:
    code, out, _ = run("history", "drain")
    assert code == 0
    assert "1 queued, empty in about 30 min" in out
    (told,) = json.loads(run("history", "drain", "--json")[1])
    assert (told["queued"], round(told["hours"], 2)) == (1, 0.5)


def test_the_difference_of_two_times(draining: LocalBackend, run: Run) -> None:
    code, out, _ = run("history", "diff", "--since", "2h", "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert (row["queued"], row["success"], row["total"]) == (-4, 4, 0)


def test_history_asks_nothing_of_the_service(draining: LocalBackend, run: Run) -> None:
    before = len(draining.requests)
    run("history")
    assert len(draining.requests) == before


@pytest.mark.parametrize("what", ["rates", "drain", "diff"])
def test_without_snapshots_nothing_is_shown_and_watch_is_named(queue: LocalBackend, run: Run, what: str) -> None:
    code, out, err = run("history", what)
    assert (code, out) == (3, "")
    assert "bucketsnb watch" in err
