"""A real process is killed at every step: the journal tells sent from unsent, and undo puts all works back once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.api import Api
from bucketsnb.changes.journal import Journal, Writer, read_entry
from bucketsnb.errors import PlanAlreadyApplied, PlanError
from tests.changes.helpers import PIPELINE, but_id, filled, stored

pytestmark = pytest.mark.slow

SIGKILLED = -signal.SIGKILL
MOST_STEPS = 60


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Return a way to start processes that have the package loaded already, and share nothing else with this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bucketsnb.client", "tests.changes.test_kill"])
    return context


class Countdown:
    """Kills this process at the n-th step: there is one before and after each request and each line of the journal."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def stepping(count: Countdown, call: Callable[..., Any]) -> Callable[..., Any]:
    def stepped(*args: Any, **options: Any) -> Any:
        count()
        answer = call(*args, **options)
        count()
        return answer

    return stepped


def torn(count: Countdown, line: Callable[..., None]) -> Callable[..., None]:
    """Write a line with a kill before it, in the middle of it, and after it."""

    def stepped(writer: Writer, kind: str, **content: Any) -> None:
        count()
        if count.left == 0:
            os.write(writer._file, b'{"kind": "' + kind.encode())
            count()
        count.left -= 1
        line(writer, kind, **content)
        count()

    return stepped


def doomed(steps: int, url: str, journal: str, what: str, given: Any) -> None:
    """Do something in a process of its own that is killed at a step."""
    os.environ["BUCKETSNB_JOURNAL"] = journal
    count = Countdown(steps)
    Writer.line = torn(count, Writer.line)  # type: ignore[method-assign]  # this process is for nothing else
    for name in ("deposit", "update", "delete", "view"):
        setattr(Api, name, stepping(count, getattr(Api, name)))
    with Buckets(url) as client:
        TASKS[what](client, given)


def delete(client: Buckets, _: object) -> None:
    client.plan_delete(pipeline=PIPELINE).apply()


def requeue(client: Buckets, _: object) -> None:
    client.plan_requeue(pipeline=PIPELINE, reset_attempt=True).apply()


def undo(client: Buckets, entry: str) -> None:
    client.undo(entry)


TASKS: dict[str, Callable[[Buckets, Any], None]] = {"delete": delete, "requeue": requeue, "undo": undo}


def run(context: ForkServerContext, steps: int, backend: LocalBackend, what: str, given: Any = None) -> bool:
    """Run a task that is killed at a step; return whether it ended before."""
    process = context.Process(target=doomed, args=(steps, backend.url, str(Journal().folder), what, given))
    process.start()
    process.join()
    assert process.exitcode in (0, SIGKILLED)
    return process.exitcode == 0


def restored(buckets: Buckets) -> list[str]:
    return sorted(repr(sorted(but_id(work).items(), key=str)) for work in stored(buckets).values())


def undone(buckets: Buckets, known: set[str]) -> set[str]:
    """Undo the entries that are new; return those that had nothing to undo."""
    return {entry for entry in Journal().entries() if entry not in known and not _undone(buckets, entry)}


def _undone(buckets: Buckets, entry: str) -> bool:
    try:
        buckets.undo(entry)
    except PlanError:
        return False
    return True


def steps_until_done(runs: Callable[[int], bool]) -> int:
    """Kill at each step in turn until the task ends by itself; return the number of steps."""
    for steps in range(MOST_STEPS):
        if runs(steps):
            return steps
    raise AssertionError("the task never ended")


def test_a_delete_killed_anywhere_is_told_and_undone(
    processes: ForkServerContext, backend: LocalBackend, buckets: Buckets
) -> None:
    def killed(steps: int) -> bool:
        backend.store.clear()
        filled(backend, 3, results={"snr": 5})
        before, works = restored(buckets), stored(buckets)
        known = set(Journal().entries())
        ended = run(processes, steps, backend, "delete")
        new = [entry for entry in Journal().entries() if entry not in known]
        here = set(stored(buckets))
        on_record = {work.id: work for entry in new for work in read_entry(Journal(), entry).works}
        for one, work in works.items():
            kept = on_record.get(one)
            sent = kept is not None and kept.outcome.value != "not sent"
            assert one in here or sent, "a work is gone, and the journal says that it was not sent"
            assert not sent or kept.before == work, "the journal has the full work"
            assert kept is None or kept.outcome.value != "done" or one not in here
        assert not undone(buckets, known) or here == set(works), "nothing to undo, and yet works are gone"
        assert restored(buckets) == before
        return ended

    assert steps_until_done(killed) > 15


def test_an_undo_killed_anywhere_resumes_and_brings_every_work_back_once(
    processes: ForkServerContext, backend: LocalBackend, buckets: Buckets
) -> None:
    def killed(steps: int) -> bool:
        backend.store.clear()
        filled(backend, 3, status="failure", attempt=1, start=5.5)
        before = restored(buckets)
        entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
        ended = run(processes, steps, backend, "undo", entry)
        if ended:
            with pytest.raises(PlanAlreadyApplied):
                buckets.undo(entry)
        else:
            try:
                assert buckets.undo(entry).ok
            except PlanAlreadyApplied:
                assert restored(buckets) == before
        assert restored(buckets) == before
        assert backend.store.pipelines() == [PIPELINE]
        return ended

    assert steps_until_done(killed) > 15


def test_a_requeue_killed_anywhere_is_put_back(
    processes: ForkServerContext, backend: LocalBackend, buckets: Buckets
) -> None:
    def killed(steps: int) -> bool:
        backend.store.clear()
        filled(backend, 2, status="failure", attempt=2)
        before = stored(buckets)
        known = set(Journal().entries())
        ended = run(processes, steps, backend, "requeue")
        undone(buckets, known)
        assert stored(buckets) == before
        return ended

    assert steps_until_done(killed) > 15
