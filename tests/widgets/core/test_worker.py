from __future__ import annotations

import threading
import time
import warnings

import pytest

from bucketsnb.widgets.core.panel import Panel, Part
from bucketsnb.widgets.core.worker import Run, Worker, warned

PATIENCE = 5.0


def _worker() -> Worker:
    return Worker(Part(Panel(), "part"), name="test")


def test_the_result_is_handed_back():
    worker, ended, got = _worker(), threading.Event(), []
    worker.start(lambda run: 42, lambda result: (got.append(result), ended.set()))
    assert ended.wait(PATIENCE)
    worker.close()
    assert got == [42]


def test_only_the_newest_run_hands_its_result_back():
    worker, release, ended, got = _worker(), threading.Event(), threading.Event(), []
    started = threading.Event()

    def slow(run: Run) -> str:
        started.set()
        release.wait(PATIENCE)
        return "old"

    worker.start(slow, got.append)
    assert started.wait(PATIENCE)
    worker.start(lambda run: "new", lambda result: (got.append(result), ended.set()))
    assert ended.wait(PATIENCE)
    release.set()
    worker.close()
    assert got == ["new"]


def test_a_newer_run_tells_the_older_one_to_stop():
    worker, seen = _worker(), threading.Event()

    def until_told(run: Run) -> None:
        if run.cancel.wait(PATIENCE):
            seen.set()

    worker.start(until_told)
    worker.start(lambda run: None)
    assert seen.wait(PATIENCE)
    worker.close()


def test_stop_still_hands_over_what_was_done():
    worker, ended, got = _worker(), threading.Event(), []
    worker.start(lambda run: run.cancel.wait(PATIENCE) and "partly", lambda r: (got.append(r), ended.set()))
    worker.stop()
    assert ended.wait(PATIENCE)
    worker.close()
    assert got == ["partly"]


def test_what_a_job_raises_is_shown_after_the_panel_knows():
    order: list[str] = []
    ended = threading.Event()

    class Showing(Part):
        def report(self, error: BaseException) -> None:
            order.append(str(error))
            ended.set()

    worker = Worker(Showing(Panel(), "part"), name="test")

    def fail(run: Run) -> None:
        raise RuntimeError("gone wrong")

    worker.start(fail, failed=lambda error: order.append("failed"))
    assert ended.wait(PATIENCE)
    worker.close()
    assert order == ["failed", "gone wrong"]
    assert not worker.running


def test_progress_is_throttled_and_its_last_step_arrives():
    worker, ended, seen = _worker(), threading.Event(), []

    def busy(run: Run) -> None:
        for done in range(1, 10_001):
            run.progress(done, 10_000)

    began = time.monotonic()
    worker.start(busy, lambda _: ended.set(), progress=lambda done, total, text: seen.append(done))
    assert ended.wait(PATIENCE)
    allowed = 10 * (time.monotonic() - began) + 2
    worker.close()
    assert seen[-1] == 10_000
    assert len(seen) <= allowed


def test_closing_waits_for_the_thread_and_drops_its_result():
    worker, started, got = _worker(), threading.Event(), []

    def until_told(run: Run) -> str:
        started.set()
        run.cancel.wait(PATIENCE)
        return "late"

    worker.start(until_told, got.append)
    assert started.wait(PATIENCE)
    worker.close()
    worker.start(lambda run: got.append("after closing"))
    assert got == []
    assert not [thread for thread in threading.enumerate() if thread.name == "bucketsnb test"]


def test_closing_while_a_run_begins_waits_for_it(monkeypatch):
    begins, start = threading.Event(), threading.Thread.start

    def slowly(thread):
        if thread.name == "bucketsnb test":
            begins.set()
            time.sleep(0.1)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slowly)
    worker = _worker()
    starter = threading.Thread(target=worker.start, args=(lambda run: None,))
    starter.start()
    assert begins.wait(PATIENCE)
    worker.close()
    starter.join()
    assert "bucketsnb test" not in [thread.name for thread in threading.enumerate()]


def test_done_may_start_the_next_run():
    worker, ended, got = _worker(), threading.Event(), []
    worker.start(
        lambda run: 1, lambda first: worker.start(lambda run: first + 1, lambda r: (got.append(r), ended.set()))
    )
    assert ended.wait(PATIENCE)
    worker.close()
    assert got == [2]


def test_running_is_over_before_done_is_called():
    worker, ended, seen = _worker(), threading.Event(), []
    worker.start(lambda run: None, lambda _: (seen.append(worker.running), ended.set()))
    assert ended.wait(PATIENCE)
    worker.close()
    assert seen == [False]


def test_progress_that_waits_is_the_newest_and_told_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bucketsnb.widgets.core.worker.PACE", 60)
    seen: list[int] = []
    run = Run(lambda done, total, text: seen.append(done))
    for value in (1, 2, 3):
        run.progress(value, 3)
    run.flush()
    run.flush()
    assert seen == [1, 3]


@pytest.mark.parametrize(
    ("spent", "done", "said"),
    [(30.0, 100, ", about 1 min 30 s left"), (1.0, 100, ""), (30.0, 0, ""), (30.0, 400, ""), (3.0, 390, "")],
    ids=["a while", "too early to tell", "nothing done", "the end", "less than a second"],
)
def test_the_time_left_is_judged_by_the_time_spent(monkeypatch: pytest.MonkeyPatch, spent: float, done: int, said: str):
    told: list[str] = []
    run = Run(lambda done, total, text: told.append(text))
    began = time.monotonic()
    monkeypatch.setattr("bucketsnb.widgets.core.worker.time.monotonic", lambda: began + spent)
    run.progress(done, 400)
    assert told == [f"{done} of 400 works{said}"]


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=1)


def test_the_same_warning_is_caught_each_time_and_once_a_time():
    for _ in range(2):
        assert warned(lambda: (_warn("left out"), _warn("left out"))[0]) == (None, ["left out"])


def test_threads_that_overlap_hear_their_own_and_leave_the_filters_as_they_were():
    filters, show = list(warnings.filters), warnings.showwarning
    first_in, second_in = threading.Event(), threading.Event()
    heard: dict[str, list[str]] = {}

    def first() -> None:
        first_in.set()
        second_in.wait(5)
        _warn("of the first")

    def second() -> None:
        first_in.wait(5)
        second_in.set()
        one.join(5)
        _warn("of the second")

    def listen(name: str, action) -> None:
        heard[name] = warned(action)[1]

    one = threading.Thread(target=listen, args=("first", first))
    two = threading.Thread(target=listen, args=("second", second))
    one.start()
    two.start()
    two.join(5)
    assert heard == {"first": ["of the first"], "second": ["of the second"]}
    assert (warnings.filters, warnings.showwarning) == (filters, show)


def test_an_action_that_fails_ends_the_listening():
    filters = list(warnings.filters)
    with pytest.raises(ZeroDivisionError):
        warned(lambda: 1 / 0)
    assert warnings.filters == filters
