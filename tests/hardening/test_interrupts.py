"""Ctrl-C in the middle of a call, sixteen threads, a fork: what was done is on record, and the client goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.journal import Journal, read_entry
from tests.backend.serving import HERE
from tests.factory import make_work, make_works
from tests.patience import until

pytestmark = pytest.mark.slow

PIPELINE = "interrupted"

SCRIPT = """
import json, os, sys, warnings
import bucketsnb
client = bucketsnb.Buckets(sys.argv[1])
calls = {
    "view": lambda: client.view({}, limit=None),
    "deposit": lambda: client.deposit([{"pipeline": "interrupted", "site": "chime", "user": "new"}] * 5),
    "delete": lambda: client.plan_delete(pipeline="interrupted", max_affected=None).apply(),
    "requeue": lambda: client.plan_requeue(pipeline="interrupted", max_affected=None).apply(),
    "withdraw": lambda: client.withdraw("interrupted"),
}
client.count({})
print("ready", flush=True)
sys.stdin.readline()
try:
    calls[sys.argv[2]]()
    outcome = "ended"
except KeyboardInterrupt:
    outcome = "interrupted"
client.count({})
print(json.dumps({"outcome": outcome}))
"""

MOMENTS = {
    # What is called, and which request Ctrl-C meets; the service carries that request out a moment later.
    "view": ("view", "POST /view", 0),
    "deposit": ("deposit", "POST /work", 0),
    "delete, look": ("delete", "POST /view", 1),
    "delete, first chunk": ("delete", "DELETE /work", 0),
    "delete, second chunk": ("delete", "DELETE /work", 1),
    "requeue": ("requeue", "PUT /work", 0),
    "withdraw": ("withdraw", "POST /work/withdraw", 0),
}


@pytest.fixture
def alone() -> Iterator[LocalBackend]:
    with LocalBackend() as backend:
        backend.store.load(make_works(400, pipeline=PIPELINE, status="failure", attempt=1))
        yield backend


@pytest.mark.parametrize(("call", "line", "skip"), MOMENTS.values(), ids=MOMENTS)
def test_ctrl_c_in_a_call_leaves_a_true_record_and_a_client_that_works(
    alone: LocalBackend, call: str, line: str, skip: int
) -> None:
    before = works_of(alone)
    command = [sys.executable, "-c", SCRIPT, alone.url, call]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE
    ) as process:
        assert process.stdout is not None

        def interrupt(_store: object) -> None:
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.5)  # the client has had the signal before there is an answer

        assert process.stdout.readline() == "ready\n"
        alone.faults.add(line, skip=skip, change=interrupt)
        output, errors = process.communicate("go\n", timeout=60)
    assert output, errors
    told = json.loads(output)
    assert told["outcome"] == "interrupted", errors
    until(lambda: not len(alone.faults))
    time.sleep(0.2)
    check_records(before, works_of(alone))


def test_a_second_ctrl_c_in_a_command_says_what_was_done_and_how_to_put_it_back(
    alone: LocalBackend, environment: Path
) -> None:
    before = works_of(alone)
    reached, going_on = threading.Event(), threading.Event()

    def stand_still(_store: object) -> None:
        reached.set()
        going_on.wait(60)

    alone.faults.add("DELETE /work", skip=1, acted=stand_still)
    command = ["delete", "--url", alone.url, "--pipeline", PIPELINE, "--yes"]
    with subprocess.Popen(
        [sys.executable, "-m", "bucketsnb", *command],
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
        env={**os.environ, "WORKFLOW_HTTP_TIMEOUT": "600"},
    ) as process:
        assert process.stderr is not None
        assert reached.wait(60)
        process.send_signal(signal.SIGINT)
        assert any("Ctrl-C again" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        going_on.set()
        assert process.wait(60) == 130
    assert "250 of 400 works deleted, 150 unknown" in said
    (entry,) = Journal().entries()
    assert f"`bucketsnb undo {entry}` puts back what was done" in said
    with Buckets(alone.url) as client:
        assert client.undo(entry).ok
    assert len(works_of(alone)) == len(before)


def check_records(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Hold what the journal says against what is there."""
    recorded = {}
    for entry in Journal().entries():
        for work in read_entry(Journal(), entry).works:
            recorded[work.id] = work
            if work.id is not None and work.outcome.value == "not sent":
                assert now.get(work.id) == before.get(work.id)
            if work.id is not None and work.outcome.value == "done":
                assert now.get(work.id) != before.get(work.id)
    changed = {one for one in {*before, *now} if now.get(one) != before.get(one)}
    untold = [
        one for one in changed & set(before) if one not in recorded and now.get(one, {}).get("status") != "running"
    ]
    assert not untold, "a change that is not on record"
    assert all(work.outcome.value in {"done", "unknown"} for one, work in recorded.items() if one in changed)


def works_of(backend: LocalBackend) -> dict[str, Any]:
    """Return what the store holds, by id."""
    return {work["id"]: work for work in json.loads(b"".join(backend.store.view({})))}


def test_one_client_serves_sixteen_threads_at_all_it_does(buckets: Buckets, backend: LocalBackend) -> None:
    def day(number: int) -> tuple[int, int, int]:
        name = f"thread-{number}"
        ids = buckets.deposit([make_work(pipeline=name, creation=None) for _ in range(6)], return_ids=True)
        assert isinstance(ids, list)
        claimed = buckets.withdraw(name)
        assert claimed is not None
        buckets.update([{**claimed, "status": "failure"}])
        deleted = buckets.plan_delete(ids[:3], allow_running=True).apply()
        assert deleted.undo().ok
        return len(set(ids)), buckets.count({"pipeline": name}), len(buckets.view({"pipeline": name}))

    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(day, range(16)))
    assert done == [(6, 6, 6)] * 16
    assert backend.store.status()["total"] == 96


def _child(client: Buckets, number: int, results: Any) -> None:
    ids = client.deposit([make_work(pipeline=f"fork-{number}") for _ in range(3)], return_ids=True)
    receipt = client.plan_delete(pipeline=f"fork-{number}").apply()
    results.put((number, len(set(ids)), receipt.ok, receipt.undo().ok))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_workers_use_the_client_of_their_parent(buckets: Buckets, backend: LocalBackend) -> None:
    assert buckets.count({}) == 0, "the parent has a connection open"
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=_child, args=(buckets, number, results)) for number in range(4)]
    for worker in workers:
        worker.start()
    done = sorted(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(60)
    assert done == [(number, 3, True, True) for number in range(4)]
    assert (backend.store.status()["total"], len(buckets.pipelines())) == (12, 4)
