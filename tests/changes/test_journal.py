"""The journal: on disk before anything leaves, private, bounded, readable whatever happened."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bucketsnb import Buckets, LocalBackend, encoding
from bucketsnb.changes import journal as journal_module
from bucketsnb.changes.execution import Execution
from bucketsnb.changes.journal import Journal, Writer, journal_frame, lines_of, read_entry, summary_of
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.receipt import Receipt
from bucketsnb.errors import JournalError, PlanAlreadyApplied, PlanError
from tests.changes.helpers import PIPELINE, changes_sent, filled, journal_file, lines, stored
from tests.factory import make_work


def test_only_the_owner_can_read_it(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    path = journal_file(buckets.plan_delete(pipeline=PIPELINE).apply().entry)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_token_and_no_password_of_the_address_are_in_it(backend: LocalBackend) -> None:
    filled(backend, 1)
    url = backend.url.replace("//", "//me:hidden-password@")
    with Buckets(url, token="hidden-token") as client:
        plan = client.plan_delete(pipeline=PIPELINE)
        receipt = plan.apply()
        undone = receipt.undo()
    for text in (str(plan), plan._repr_html_(), repr(plan.url), str(receipt), repr(undone)):
        assert "hidden" not in text
    for entry in (receipt.entry, undone.entry):
        assert "hidden" not in journal_file(entry).read_text()


def test_each_line_is_forced_to_the_disk_before_the_request_leaves(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    order: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("fsync"), fsync(file)))
    backend.faults.add("DELETE /work", change=lambda _: order.append("DELETE"))
    plan.apply()
    assert order.index("DELETE") >= 3
    assert order[-2:] == ["fsync", "fsync"]


def test_the_frame_has_the_same_columns_and_dtypes_when_empty(backend: LocalBackend, buckets: Buckets) -> None:
    empty = buckets.journal()
    filled(backend, 2)
    buckets.plan_delete(pipeline=PIPELINE, reason="why").apply()
    frame = buckets.journal()
    assert list(frame.columns) == [
        *("entry", "time", "verb", "host", "user", "machine", "reason", "n_works"),
        *("done", "drifted", "gone", "still there", "refused", "not sent", "unknown", "state", "undone"),
    ]
    assert empty.dtypes.to_dict() == frame.dtypes.to_dict()
    row = frame.iloc[0]
    assert (row.verb, row.reason, row["n_works"], row.done, row.state, row.undone) == (
        *("delete", "why", 2, 2, "finished", "no"),
    )
    assert abs(row.time - pd.Timestamp.now("UTC")) < pd.Timedelta(minutes=1)


def test_entries_are_listed_newest_first(backend: LocalBackend, buckets: Buckets) -> None:
    entries = [buckets.plan_delete(filled(backend, 1)).apply().entry for _ in range(3)]
    assert buckets.journal().entry.tolist() == entries[::-1]


def test_only_the_entries_that_are_asked_for_are_read(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 1)
    for _ in range(3):
        buckets.plan_delete(pipeline=PIPELINE).apply().undo()
    newest = buckets.journal().head(2)
    read: list[Path] = []
    ends_of = journal_module._ends_of
    monkeypatch.setattr(journal_module, "_ends_of", lambda path: (read.append(path), ends_of(path))[1])
    pd.testing.assert_frame_equal(buckets.journal(2), newest)
    assert len(read) == 4, "each entry, and its undo"


def test_a_torn_last_line_is_passed_over(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    path = journal_file(entry)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b'{"kind":"outcome"') + 20])
    assert [work.outcome.value for work in read_entry(Journal(), entry).works] == ["unknown", "unknown"]
    row = buckets.journal().iloc[0]
    assert (row.state, row.unknown) == ("cut short", 2)


def test_a_line_after_a_torn_one_starts_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.begin({"verb": "delete"}, ["a"]) as writer:
        entry = writer.entry
    with journal.path(entry).open("ab") as file:
        file.write(b'{"kind":"chu')
    with journal.reopen(entry) as writer:
        writer.line("end", counts={})
    assert [line["kind"] for line in lines_of(journal.path(entry))] == ["plan", "works", "end"]


def test_a_file_that_is_no_entry_does_not_hide_the_others(backend: LocalBackend, buckets: Buckets) -> None:
    buckets.plan_delete(filled(backend, 1)).apply()
    (Journal().folder / "zzz.jsonl").write_text("what?\n")
    assert buckets.journal().state.tolist() == ["unreadable", "finished"]


@pytest.mark.parametrize("entry", ["", "../../etc/passwd", "a/b", ".hidden", "nobody"])
def test_what_is_no_entry_is_refused(buckets: Buckets, entry: str) -> None:
    with pytest.raises(JournalError, match=r"buckets\.journal\(\)"):
        buckets.undo(entry)


def test_a_journal_that_cannot_be_kept_stops_the_change(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("BUCKETSNB_JOURNAL", str(blocked / "journal"))
    other = buckets.plan_delete(pipeline=PIPELINE)
    with pytest.raises(JournalError, match="BUCKETSNB_JOURNAL"):
        other.apply()
    assert changes_sent(backend) == []
    assert plan.apply().ok


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_full_disk_stops_the_delete_and_the_same_plan_goes_once_there_is_room(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    filled(backend, 3)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    _fill_disk_at(monkeypatch, fails_at)
    with pytest.raises(JournalError, match="No space left"):
        plan.apply()
    assert changes_sent(backend) == []
    assert len(stored(buckets)) == 3
    assert plan.receipt is None
    monkeypatch.undo()
    assert plan.apply().ok


def _fill_disk_at(monkeypatch: pytest.MonkeyPatch, line: int) -> None:
    """Let the disk take half of a line and then be full, as disks do."""
    write, count = os.write, iter(range(1, 100))

    def limited(file: int, data: bytes) -> int:
        if next(count) < line:
            return write(file, data)
        monkeypatch.setattr(os, "write", full)
        return write(file, bytes(data)[: len(data) // 2])

    def full(_file: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", limited)


def test_a_disk_that_fills_later_keeps_the_receipt_and_sends_no_more(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 600)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    _fill_disk_at(monkeypatch, 5)  # plan, works, chunk, outcome; then the second chunk
    receipt = plan.apply()
    assert (receipt.counts["done"], receipt.counts["not sent"]) == (250, 350)
    assert isinstance(receipt.errors[0], JournalError)
    assert len(stored(buckets)) == 350
    assert [line["kind"] for line in lines(receipt.entry)] == ["plan", "works", "chunk", "outcome"]
    monkeypatch.undo()
    assert receipt.resume().counts["done"] == 600


def test_a_real_file_size_limit_stops_the_delete(backend: LocalBackend, buckets: Buckets) -> None:
    import resource

    filled(backend, 20)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    try:
        with pytest.raises(JournalError, match="could not be kept"):
            plan.apply()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert changes_sent(backend) == []
    assert plan.apply().ok


def old_entry(journal: Journal, age_days: float, size: int) -> Path:
    with journal.begin({"verb": "delete"}, []) as writer:
        writer.line("filler", text="x" * size)
    then = time.time() - age_days * 86_400
    os.utime(writer.path, (then, then))
    return writer.path


def test_old_entries_are_dropped_oldest_first_when_there_is_too_much(tmp_path: Path) -> None:
    journal = Journal(tmp_path, limit=3000)
    paths = [old_entry(journal, days, 1000) for days in (50, 40, 20)]
    journal.begin({}, []).close()
    assert [path.exists() for path in paths] == [False, True, True]


def test_entries_younger_than_a_month_are_never_dropped_and_too_many_stop_changes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, limit=1000)
    paths = [old_entry(journal, 20, 1000) for _ in range(3)]
    old_entry(journal, 20, 2000)
    with pytest.raises(JournalError, match="Move its files away"):
        journal.begin({}, [])
    assert all(path.exists() for path in paths)


def test_an_entry_that_another_process_drops_at_the_same_moment_stops_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, limit=10)
    path = old_entry(journal, 40, 10)
    really_lock = journal_module.try_lock

    def dropped_first(file: int) -> bool:
        path.unlink(missing_ok=True)
        return really_lock(file)

    monkeypatch.setattr(journal_module, "try_lock", dropped_first)
    journal.limit = 10
    with pytest.raises(JournalError, match="Move its files away"):
        journal.begin({}, [])
    assert not path.exists()


def test_an_entry_that_was_given_up_between_opening_and_lock_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)

    def lock_after_unlink(file: int) -> bool:
        journal.path("one").unlink()
        return True

    monkeypatch.setattr(journal_module, "try_lock", lock_after_unlink)
    with pytest.raises(JournalError, match="being written"):
        journal.begin({}, [], entry="one")


def interrupted_at(monkeypatch: pytest.MonkeyPatch, line: int) -> None:
    """Press Ctrl-C while that line is forced to the disk, the slowest part of a change on a network's disk."""
    forced = count()
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        if next(forced) == line:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)


def plan_of(verb: str, backend: LocalBackend, buckets: Buckets) -> Plan:
    filled(backend, 3)
    if verb == "delete":
        return buckets.plan_delete(pipeline=PIPELINE)
    if verb == "deposit":
        return buckets.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}] * 3)
    if verb == "withdraw":
        return buckets.plan_withdraw(PIPELINE)
    return buckets.plan_undo(buckets.plan_delete(pipeline=PIPELINE).apply().entry)


@pytest.mark.parametrize("verb", ["delete", "deposit", "withdraw", "undo"])
@pytest.mark.parametrize("line", range(8))
def test_an_interruption_while_a_line_is_written_leaves_receipt_and_journal_at_one(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, verb: str, line: int
) -> None:
    plan = plan_of(verb, backend, buckets)
    with monkeypatch.context() as patched:
        interrupted_at(patched, line)
        with suppress(KeyboardInterrupt):
            plan.apply()
    if plan.receipt is None:
        assert not plan.spent
        assert not [one for one in Journal().entries() if summary_of(Journal(), one).state != "finished"]
        assert plan.apply().ok
        return
    kept = read_entry(Journal(), plan.receipt.entry)
    assert [work.outcome for work in kept.works] == [fate.outcome for fate in plan.receipt.results]
    receipt = plan.receipt.resume()
    assert receipt.ok
    if verb != "undo":
        assert receipt.undo().ok
        assert len(stored(buckets, {"status": "queued"})) == 3


def test_an_interruption_after_all_was_done_takes_no_receipt_away(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of("delete", backend, buckets)
    real, presses = Execution._receipt, iter([KeyboardInterrupt])

    def interrupted(*args: Any) -> Receipt:
        if press := next(presses, None):
            raise press
        return real(*args)

    monkeypatch.setattr(Execution, "_receipt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plan.apply()
    assert plan.receipt is not None
    assert plan.receipt.ok


DAMAGED = {
    "a work lost": ('{"kind":"chunk"', "not JSON", PlanError),
    "a work that is none": ('"before":[{', '"before":[5,{', JournalError),
    "a time that is none": ('"kind":"plan","at":1', '"kind":"plan","at":1e300,"was":1', None),
    "a number that is none": ('{"done":2', '{"done":"two"', None),
    "counts that are none": ('"counts":{', '"counts":5,"were":{', None),
    "a count beyond numbers": ('"count":2', '"count":1e999', None),
    "a count that no column holds": ('"count":2', '"count":1e30', None),
    "a count of five thousand digits": ('"count":2', '"count":' + "9" * 5000, PlanError),
    "counts beyond numbers": ('{"done":2', '{"done":1e999', None),
    "a time beyond numbers": ('"kind":"plan","at":1', '"kind":"plan","at":1e999,"was":1', None),
    "a position beyond numbers": ('"positions":[0,1]', '"positions":[0,1e999]', JournalError),
    "a position from the end": ('"positions":[0,1]', '"positions":[0,-1]', JournalError),
    "a fate of no work": ('"fates":[[0,', '"fates":[[7,', JournalError),
    "an id that is none": ('"ids":["', '"ids":[1e999,"', JournalError),
    "nested too deep": ('"reason":""', '"reason":' + "[" * 100_000, PlanError),
}


@pytest.mark.parametrize(("old", "new", "error"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_entry_is_refused_or_undone_and_hides_no_others(
    backend: LocalBackend, buckets: Buckets, old: str, new: str, error: type[Exception] | None
) -> None:
    filled(backend, 2)
    buckets.plan_delete(pipeline=PIPELINE).apply().undo()
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    text = journal_file(entry).read_text()
    assert old in text
    journal_file(entry).write_text(text.replace(old, new, 1))
    assert len(buckets.journal()) == 2
    backend.requests.clear()
    if error is None:
        assert buckets.undo(entry).ok
        return
    with pytest.raises(error):
        buckets.undo(entry)
    assert changes_sent(backend) == []


@pytest.mark.parametrize(
    "number", ['"priority":1e999', '"attempt":1e999', f'"creation":{"9" * 500}', '"retries":-1e999']
)
def test_a_work_with_a_damaged_number_is_refused_by_name_and_the_others_come_back(
    backend: LocalBackend, buckets: Buckets, number: str
) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    name = number.partition(":")[0]
    text = journal_file(entry).read_text()
    journal_file(entry).write_text(text.replace(f"{name}:", f'{number},"was":', 1))
    counts = buckets.undo(entry).counts
    assert (counts["done"], counts["refused"]) == (1, 1)
    assert len(stored(buckets)) == 1


def test_two_applications_of_one_entry_exclude_each_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.begin({}, [], entry="one"), pytest.raises(JournalError, match="being written"):
        Writer(journal.path("one"), new=False)
    with pytest.raises(PlanAlreadyApplied):
        journal.begin({}, [], entry="one")


def test_processes_and_threads_share_a_folder(backend: LocalBackend, buckets: Buckets) -> None:
    plans = [buckets.plan_delete(filled(backend, 3)) for _ in range(8)]
    threads = [threading.Thread(target=plan.apply) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    frame = journal_frame(Journal())
    assert len(frame) == 8
    assert set(frame.state) == {"finished"}
    assert frame.done.sum() == 24


def test_an_entry_is_json_lines(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, results={"note": "line\nline \u202e é"})
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    assert [line["kind"] for line in lines(entry)] == ["plan", "works", "chunk", "outcome", "end"]
    assert json.loads(journal_file(entry).read_text().splitlines()[0])["version"] == 1


def forked(act: Callable[[], object]) -> int:
    """Run something in a forked process; return 0 if it raised nothing."""
    child = os.fork()
    if child == 0:
        threading.Timer(10, os._exit, (2,)).start()
        with suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
class TestFork:
    def test_a_child_that_lives_on_does_not_keep_its_parents_entry(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path)
        writer = journal.begin({"verb": "delete"}, ["a"])
        end, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(end, 1)
            os._exit(0)
        try:
            writer.close()
            journal.reopen(writer.entry).close()
        finally:
            os.close(go)
            os.waitpid(child, 0)

    def test_a_child_outlives_its_parents_lock(self, tmp_path: Path) -> None:
        """The parent may be killed: what holds its lock after that are the files of its children."""
        writer = Journal(tmp_path).begin({"verb": "delete"}, ["a"])
        assert forked(lambda: os.fstat(writer._file)) == 1
        with pytest.raises(JournalError, match="being written by another"):
            Journal(tmp_path).reopen(writer.entry)

    def test_a_child_that_goes_on_with_its_parents_plan_sends_and_writes_nothing(
        self, backend: LocalBackend, buckets: Buckets
    ) -> None:
        filled(backend, 600)
        plan = buckets.plan_delete(pipeline=PIPELINE)
        parent, children = os.getpid(), []

        def fork(done: int, total: int) -> None:
            if os.getpid() == parent and done < total:
                children.append(os.fork())

        errors: tuple[BaseException, ...] = ()
        try:
            errors = plan.apply(progress=fork).errors
        except JournalError as error:  # of the child that had sent nothing when it began
            errors = (error,)
        finally:
            if os.getpid() != parent:
                os._exit(0 if errors and isinstance(errors[0], JournalError) else 1)
        receipt = plan.receipt
        assert receipt is not None
        assert receipt.ok
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)
        assert changes_sent(backend) == ["DELETE /work"] * (len(children))
        kinds = [line["kind"] for line in lines(receipt.entry)]
        assert (kinds[:2], kinds[-1], kinds.count("end")) == (["plan", "works"], "end", 1)

    def test_a_lock_that_another_thread_held_stops_no_child(self, buckets: Buckets) -> None:
        with encoding._CLOCK_LOCK:
            assert forked(lambda: buckets.deposit([make_work(pipeline=PIPELINE)])) == 0
