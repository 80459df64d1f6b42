"""The stop button of a notebook in the middle of every long call, and what is left when a kernel goes.

One real kernel makes all calls. The service stands still in the middle of a request until the kernel has answered, so
that it acts either just before the interruption or only after the client has left.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.journal import UNDO_SUFFIX, Entry, Journal, read_entry
from bucketsnb.errors import PlanError
from tests.factory import make_work, make_works
from tests.hardening.kernel import PATIENCE, Kernel, Moment, running_kernel

pytestmark = pytest.mark.slow

PIPELINES = [f"stopped-{number:02}" for number in range(12)]
NUMBER = 420

SETUP = """
import threading, time
import bucketsnb
from bucketsnb import Buckets, Query
client = Buckets({url!r}, timeout=600)  # nothing ends by itself while a service stands still
threads = lambda: sorted(one.name for one in threading.enumerate())
def half(plan):
    enough = threading.Event()
    return plan.apply(lambda done, _: done and enough.set(), enough)
"""

READS = {
    "view": ("client.view(limit=None, page_size=100)", "POST /view", 3),
    "iter_frames": ("for _ in client.iter_frames(page_size=100): pass", "POST /view", 3),
    # the first tells that there are few pipelines: from then on they are read one by one
    "status": ("client.status(); client.status()", "GET /status/details/*", 5),
    "count": ("client.count(Query(pipeline=[f'stopped-{n:02}' for n in range(12)]))", "GET /status/details/*", 5),
    "group_count": ("client.group_count()", "GET /status/details/*", 5),
    "explain": ("client.explain({'user': 'nobody', 'site': 'chime'})", "POST /view", 1),
    "failures": ("client.failures()", "POST /view", 0),
    "plan_delete": ("client.plan_delete(site='chime', allow_all=True, max_affected=None)", "POST /view", 0),
    "plan_requeue": ("client.plan_requeue(frame, max_affected=None)", "POST /view", 0),
    "plan_update": ("client.plan_update(frame.assign(priority=5))", "POST /view", 0),
    "plan_withdraw": ("client.plan_withdraw('stopped-03')", "POST /view", 0),
    "plan_audit": ("client.plan_audit()", "POST /view", 1),
    "events": ("client.events([1, 2])", "POST /view", 0),
    "family": ("client.family('nobody')", "POST /view", 1),
    "exhausted": ("client.exhausted()", "POST /view", 0),
    "work": ("client.work(frame['id'][0])", "POST /view", 0),
    "watch": ("with client.watch(0.05) as watch: time.sleep(60)", "GET /status/pipelines", 3),
}
BEFORE, AFTER = "before", "after"
HALF = "plan = client.plan_delete(frame, max_affected=None); half(plan)"
CHANGES = [
    # What is called, which request the stop meets, how often such a request passes before, and whether the service has
    # acted by then.
    ("plan = client.plan_delete(frame, max_affected=None); plan.apply()", "DELETE /work", 1, BEFORE),
    ("plan = client.plan_delete(frame, max_affected=None); plan.apply()", "DELETE /work", 1, AFTER),
    ("plan = client.plan_delete(frame, max_affected=None); plan.apply()", "POST /view", 3, BEFORE),
    (f"{HALF}.resume()", "DELETE /work", 1, BEFORE),
    (f"{HALF}.resume()", "DELETE /work", 1, AFTER),
    ("client.delete_ids(list(frame['id']))", "DELETE /work", 1, AFTER),
    ("client.delete_many('stopped-03', force=True)", "DELETE /work", 0, BEFORE),
    ("plan = client.plan_requeue(frame, max_affected=None); plan.apply()", "PUT /work", 1, AFTER),
    ("plan = client.plan_update(frame.assign(priority=5)); plan.apply()", "PUT /work", 1, BEFORE),
    ("client.update([{'id': one, 'user': 'else'} for one in frame['id']])", "PUT /work", 0, AFTER),
    ("client.deposit(fresh)", "POST /work", 1, BEFORE),
    ("plan = client.plan_deposit(fresh); plan.apply()", "POST /work", 0, AFTER),
    ("plan = client.plan_audit(); plan.apply()", "GET /audit/failed", 0, BEFORE),
    ("plan = client.plan_audit(); plan.apply()", "GET /audit/expired", 0, AFTER),
    ("client.undo(deleted)", "POST /work", 1, BEFORE),
    ("client.undo(deleted)", "POST /work", 0, AFTER),
    ("client.undo(deleted)", "PUT /work", 1, BEFORE),
    ("client.undo(deleted)", "PUT /work", 0, AFTER),
    ("client.undo(updated)", "PUT /work", 1, AFTER),
]
FRESH = "fresh = [{'pipeline': 'stopped-new', 'site': 'chime', 'user': f'new-{n}'} for n in range(520)]"


@pytest.fixture(scope="module")
def service() -> Iterator[LocalBackend]:
    with LocalBackend() as backend:
        yield backend


@pytest.fixture(scope="module")
def kernel(service: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("kernel")
    with running_kernel(home, {"BUCKETSNB_HISTORY": str(home / "history.db")}) as kernel:
        assert kernel.run(SETUP.format(url=service.url))["status"] == "ok"
        yield kernel


@pytest.fixture
def stopped(kernel: Kernel, service: LocalBackend, environment: Path) -> Kernel:
    """Give the kernel a queue of failed works, and this test's journal."""
    service.clear()
    service.store.load(
        [work for name in PIPELINES for work in make_works(NUMBER // 12, **{"pipeline": name, **FAILED})]
    )
    journal = f"__import__('os').environ.update(BUCKETSNB_JOURNAL={str(environment / 'journal')!r})"
    assert kernel.run(f"{journal}; client.count(); frame = client.view(limit=None)")["status"] == "ok"
    return kernel


FAILED = {"status": "failure", "attempt": 1, "results": {"error": "no disk"}}


@pytest.mark.parametrize(("call", "line", "skip"), READS.values(), ids=READS)
def test_a_read_that_is_stopped_ends_at_once_and_leaves_a_client_and_no_thread(
    stopped: Kernel, service: LocalBackend, call: str, line: str, skip: int
) -> None:
    threads, moment = stopped.value("threads()"), Moment()
    service.faults.add(line, skip=skip, change=moment)
    if call.startswith("with"):  # what has an end of its own waits for the request under way
        moment.going_on.set()
    try:
        reply = stopped.interrupted(call, moment)
        assert reply["ename"] == "KeyboardInterrupt", "it came while the service still stood still"
    finally:
        moment.going_on.set()
    usable(stopped, service, threads)
    assert Journal().entries() == []


def test_a_wait_between_two_tries_is_stopped(stopped: Kernel, service: LocalBackend) -> None:
    threads, moment = stopped.value("threads()"), Moment()
    service.faults.add("POST /view", status=503, headers={"Retry-After": "25"}, change=moment)
    moment.going_on.set()
    started = len(service.requests)
    reply = stopped.interrupted("client.view()", moment)
    assert reply["ename"] == "KeyboardInterrupt"
    assert len(service.requests) == started + 1, "it was not tried again"
    usable(stopped, service, threads)


@pytest.mark.parametrize(("call", "line", "skip", "when"), CHANGES)
def test_a_change_that_is_stopped_is_told_as_it_is_and_can_be_settled(
    stopped: Kernel, service: LocalBackend, call: str, line: str, skip: int, when: str
) -> None:
    prepare(stopped, call)
    threads, before, moment = stopped.value("threads()"), works_of(service), Moment()
    told_before = Journal().entries()
    service.faults.add(line, skip=skip, **{"change" if when == BEFORE else "acted": moment})
    try:
        reply = stopped.interrupted(call, moment)
    finally:
        moment.going_on.set()
    assert reply["ename"] == "KeyboardInterrupt", reply
    settled(service)
    usable(stopped, service, threads)

    now = works_of(service)
    (name,) = set(Journal().entries()) - set(told_before)
    entry = read_entry(Journal(), name)
    check(entry, before, now)
    counts = dict(Counter(work.outcome.value for work in entry.works))
    assert name.removesuffix(UNDO_SUFFIX) in reply["evalue"]
    assert "of " in reply["evalue"]
    if "plan" in call.split()[0]:
        receipt = stopped.value("plan.receipt.counts")
        assert {word: number for word, number in receipt.items() if number} == counts

    if name.endswith(UNDO_SUFFIX):
        assert stopped.value(f"client.undo({name.removesuffix(UNDO_SUFFIX)!r}).ok")
        assert texts(works_of(service)) == texts(ORIGINAL["works"])
    elif before != now:
        assert stopped.value(f"client.undo({name!r}).ok")
        assert texts(works_of(service)) == texts(before)
    else:
        raise AssertionError("nothing was changed: the stop came too early")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_claim_that_is_stopped_is_unknown_and_never_repeated(
    stopped: Kernel, service: LocalBackend, when: str
) -> None:
    service.store.load(make_works(2, pipeline="stopped-queue", status="queued"))
    threads, moment = stopped.value("threads()"), Moment()
    service.faults.add("POST /work/withdraw", **{"change" if when == BEFORE else "acted": moment})
    try:
        reply = stopped.interrupted("client.claim('stopped-queue')", moment)
    finally:
        moment.going_on.set()
    assert "A work may be running that nobody holds" in reply["evalue"]
    settled(service)
    usable(stopped, service, threads)
    assert service.store.status("stopped-queue")["running"] == 1
    (entry,) = Journal().entries()
    assert [work.outcome.value for work in read_entry(Journal(), entry).works] == ["unknown"]
    with pytest.raises(PlanError, match="cannot be undone: nobody saw what came of the withdraw"):
        Buckets(service.url).undo(entry)
    assert sum(one.path == "/work/withdraw" for one in service.requests) == 1


def test_a_block_with_a_claim_that_is_stopped_gives_the_work_back(stopped: Kernel, service: LocalBackend) -> None:
    service.store.load([make_work(pipeline="stopped-queue", status="queued")])
    before, threads, moment = works_of(service), stopped.value("threads()"), Moment()
    service.faults.add("GET /version", change=moment)
    try:
        reply = stopped.interrupted("with client.claim('stopped-queue') as claim: client.info()", moment)
    finally:
        moment.going_on.set()
    assert reply["ename"] == "KeyboardInterrupt"
    assert works_of(service) == before
    usable(stopped, service, threads)


def test_a_kernel_that_is_shut_leaves_no_process_though_it_watches_and_waits(
    service: LocalBackend, tmp_path: Path
) -> None:
    service.clear()
    service.store.load(make_works(3, pipeline="stopped-queue"))
    moment = Moment()
    with running_kernel(tmp_path, {"BUCKETSNB_HISTORY": str(tmp_path / "history.db")}) as kernel:
        kernel.run(SETUP.format(url=service.url) + "watch = client.watch(0.05)\npage = bucketsnb.app(client)")
        service.faults.add("POST /view", change=moment, times=None)
        kernel.run("page.reader.refresh()")
        assert moment.reached.wait(PATIENCE)
        threads = kernel.value("threads()")
        family = [psutil.Process(kernel.pid), *psutil.Process(kernel.pid).children(recursive=True)]
        kernel.shut()
        left = psutil.wait_procs(family, timeout=PATIENCE / 2)[1]
        moment.going_on.set()
    assert [name for name in threads if name.startswith("bucketsnb")]
    assert not left


ORIGINAL: dict[str, Any] = {}
MADE = {
    "deleted": "client.plan_delete(frame, max_affected=None)",
    "updated": "client.plan_update(frame.assign(priority=5))",
}


def prepare(kernel: Kernel, call: str) -> None:
    """Do what a call needs before."""
    if "fresh" in call:
        kernel.run(FRESH)
    for name, plan in MADE.items():
        if f"({name})" in call:
            whole = json.loads(kernel.value("client.api.view_bytes(limit=None).decode()"))
            ORIGINAL["works"] = {work["id"]: work for work in whole}
            kernel.run(f"{name} = {plan}.apply().entry")


def usable(kernel: Kernel, service: LocalBackend, threads: list[str]) -> None:
    """The same client reads all there is, and no thread is left that was not there before."""
    assert kernel.value("len(client.view(limit=None, page_size=500))") == service.store.status()["total"]
    deadline = time.monotonic() + PATIENCE
    while (left := Counter(kernel.value("threads()")) - Counter(threads)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def settled(service: LocalBackend) -> None:
    """Wait until the service has done what it was still to do."""
    deadline = time.monotonic() + PATIENCE
    while any(one.status is None and one.path != "/view" for one in service.requests) and time.monotonic() < deadline:
        time.sleep(0.02)


def works_of(service: LocalBackend) -> dict[str, Any]:
    return {work["id"]: work for work in json.loads(b"".join(service.store.view({})))}


def texts(works: dict[str, Any]) -> list[str]:
    """Works without their ids, which change when one is brought back."""
    return sorted(json.dumps({**work, "id": None}, sort_keys=True) for work in works.values())


def check(entry: Entry, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Hold every word of the record against the store."""
    words = {work.id: work.outcome.value for work in entry.works if work.id}
    for one in {*before, *now} & words.keys():
        changed = before.get(one) != now.get(one)
        assert words[one] in ({"done", "unknown"} if changed else {"not sent", "unknown"}), (one, words[one])
    new = [work["user"] for one, work in now.items() if one not in before and work["pipeline"] == "stopped-new"]
    may_be = [work for work in entry.works if work.outcome.value in ("done", "unknown")]
    assert set(new) <= {work.after["user"] for work in may_be if work.after}
