"""Nothing is sent without a record, and making room for records costs nobody anything else."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes import journal as journal_module
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.journal import Journal, JournalWarning
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.verbs.delete import DeleteExecutor
from bucketsnb.changes.verbs.deposit import DepositExecutor
from bucketsnb.errors import ConfigurationError, JournalError, PlanAlreadyApplied
from bucketsnb.files import absolute
from tests.changes.helpers import PIPELINE, changes_sent, filled, journal_file, stored

ENTRY = "20260101-000000-000000-abcd.jsonl"
LONG_AGO = time.time() - 60 * 86_400


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))


def old_entry(journal: Journal, size: int = 1000) -> Path:
    with journal.begin({"verb": "delete"}, []) as writer:
        writer.line("filler", text="x" * size)
        writer.line("end", counts={"done": 1})
    age(writer.path)
    return writer.path


# --- making room ---


def plain_lines(folder: Path) -> Path:
    path = folder / "results.jsonl"
    path.write_text('{"snr": 5}\n' * 1000)
    return path


def a_kept_copy(folder: Path) -> Path:
    entry = old_entry(Journal(folder))
    return entry.rename(entry.with_name("before the cleanup " + entry.name))


def a_folder(folder: Path) -> Path:
    path = folder / ENTRY
    path.mkdir()
    return path


def a_link(folder: Path) -> Path:
    target = folder / "elsewhere.txt"
    target.write_text("x" * 9000)
    path = folder / ENTRY
    path.symlink_to(target)
    return path


FOREIGN = [plain_lines, a_kept_copy, a_folder, a_link]


@pytest.mark.parametrize("make", FOREIGN)
def test_only_entries_of_ours_are_dropped_to_make_room(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    foreign = make(tmp_path)
    age(foreign)
    ours = old_entry(Journal(tmp_path))
    Journal(tmp_path, limit=500).begin({}, []).close()
    assert foreign.exists()
    assert not ours.exists()


def test_files_of_others_fill_no_journal(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("x" * 100_000)
    Journal(tmp_path, limit=1000).begin({}, []).close()


HOLDER = """
import sys
from pathlib import Path
from bucketsnb.changes.journal import Journal
writer = Journal(Path(sys.argv[1])).reopen(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", ["", ".undo"])
def test_what_another_process_has_open_is_not_dropped_until_it_ends(tmp_path: Path, suffix: str) -> None:
    journal = Journal(tmp_path)
    path = old_entry(journal)
    entry = path.name.removesuffix(".jsonl")
    with journal.begin({"verb": "undo"}, [], entry=f"{entry}.undo") as undo:
        undo.line("end", counts={"done": 1})
    age(undo.path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path), entry + suffix]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        age(path, undo.path)
        Journal(tmp_path, limit=500).begin({}, []).close()
        assert path.exists()
        assert undo.path.exists()
        process.send_signal(signal.SIGKILL)
    Journal(tmp_path, limit=500).begin({}, []).close()
    assert not path.exists()
    assert not undo.path.exists()


@pytest.mark.parametrize(
    "counts", [{"unknown": 1}, {"done": 2, "not sent": 1}, {"refused": 3}, {"still there": 1}, None]
)
def test_an_entry_whose_undo_is_not_settled_is_kept(tmp_path: Path, counts: dict[str, int] | None) -> None:
    journal = Journal(tmp_path)
    path = old_entry(journal)
    entry = path.name.removesuffix(".jsonl")
    with journal.begin({"verb": "undo"}, [], entry=f"{entry}.undo") as undo:
        if counts is not None:
            undo.line("end", counts=counts)
    age(path, undo.path)
    Journal(tmp_path, limit=500).begin({}, []).close()
    assert path.exists()
    assert undo.path.exists()


def test_the_undo_of_an_old_entry_does_not_drop_it(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 3, results={"text": "x" * 2000})
    before = list(stored(buckets).values())
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    age(journal_file(entry))
    make_room = journal_module._make_room
    monkeypatch.setattr("bucketsnb.changes.journal._make_room", lambda folder, _: make_room(folder, 3000))
    plan = buckets.plan_undo(entry)
    age(journal_file(entry))  # as if the plan had waited for long
    assert plan.apply().ok
    assert journal_file(entry).exists()
    assert len(stored(buckets)) == len(before)
    assert backend.store.pipelines() == [PIPELINE]


def test_an_entry_that_somebody_plans_to_undo_counts_as_young(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    age(journal_file(entry))
    plan = buckets.plan_undo(entry)
    old_entry(Journal())
    Journal(limit=1500).begin({}, []).close()
    assert plan.apply().ok


# --- nothing without a record ---


def removed_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def removed_file(path: Path) -> None:
    path.unlink()


def moved_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def another_folder(path: Path) -> None:
    moved_folder(path)
    path.parent.mkdir(mode=0o700)


def replaced_by_a_copy(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    copy.replace(path)


def replaced_by_a_link(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".copy"))
    path.unlink()
    path.symlink_to(path.with_suffix(".copy"))


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def written_by_another(path: Path) -> None:
    with path.open("a") as file:
        file.write("a note\n")


def read_only_file(path: Path) -> None:
    path.chmod(0o400)


def read_only_folder(path: Path) -> None:
    path.parent.chmod(0o500)


TRICKS = [
    *(removed_folder, removed_file, moved_folder, another_folder, replaced_by_a_copy, replaced_by_a_link),
    *(emptied, written_by_another, read_only_file, read_only_folder),
]


WORKS = 30


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a plan of few works take several requests."""
    for act in (DeleteExecutor, PutExecutor, DepositExecutor):
        monkeypatch.setattr(act, "size", 10)


def plan_of(verb: str, backend: LocalBackend, buckets: Buckets) -> Plan:
    if verb == "deposit":
        return buckets.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}] * WORKS)
    filled(backend, WORKS, status="failure")
    if verb == "delete":
        return buckets.plan_delete(pipeline=PIPELINE)
    return buckets.plan_requeue(pipeline=PIPELINE)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("verb", ["delete", "requeue", "deposit"])
@pytest.mark.parametrize("trick", TRICKS)
def test_without_its_record_the_next_request_is_not_sent_and_the_receipt_says_so(
    backend: LocalBackend, buckets: Buckets, verb: str, trick: Callable[[Path], None]
) -> None:
    plan = plan_of(verb, backend, buckets)
    sent: list[int] = []

    def play(done: int, total: int) -> None:
        if 0 < done < total and not sent:
            (entry,) = Journal().entries()
            sent.append(len(changes_sent(backend)))
            trick(journal_file(entry))

    receipt = plan.apply(progress=play)
    assert len(changes_sent(backend)) == sent[0] == 1
    assert not receipt.ok
    assert receipt.counts["done"] + receipt.counts["not sent"] == WORKS
    assert receipt.counts["not sent"] > 0
    (error,) = receipt.errors
    assert isinstance(error, JournalError)
    assert "without a record" in str(receipt)
    with pytest.raises(JournalError):
        receipt.raise_for_outcome()


def test_what_lost_its_record_is_neither_gone_on_with_nor_undone_and_the_message_says_why(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 300)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    receipt = plan.apply(progress=lambda done, _: removed_folder(journal_file("any")) if done == 250 else None)
    sent = changes_sent(backend)
    for call in (receipt.resume, receipt.undo, lambda: buckets.undo(receipt.entry)):
        with pytest.raises(JournalError, match=f"There is no entry {receipt.entry}"):
            call()
    assert changes_sent(backend) == sent


@pytest.mark.parametrize("trick", TRICKS)
def test_a_record_that_is_lost_while_the_last_request_is_under_way_is_said(
    backend: LocalBackend, buckets: Buckets, trick: Callable[[Path], None]
) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", change=lambda _: trick(journal_file(Journal().entries()[0])))
    receipt = plan.apply()
    assert receipt.counts["done"] == 2
    assert not receipt.ok
    assert isinstance(receipt.errors[0], JournalError)


def test_the_second_request_of_an_undo_is_not_sent_without_its_record(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    backend.faults.add("POST /work", change=lambda _: removed_folder(journal_file(entry)))
    backend.requests.clear()
    receipt = buckets.undo(entry)
    assert changes_sent(backend) == ["POST /work"]
    assert not receipt.ok
    assert receipt.counts["unknown"] == 2
    assert "Held in pipeline" in receipt.frame.detail[0]


def test_a_record_lost_before_the_first_request_stops_it_and_the_plan_may_go_later(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)

    def lose(done: int, total: int) -> None:
        removed_folder(journal_file("any"))

    with pytest.raises(JournalError, match="was removed"):
        plan.apply(progress=lose)
    assert changes_sent(backend) == []
    assert plan.apply().ok


# --- the folder ---


@pytest.mark.parametrize("named", ["kept-here", "./kept/in/there", "../kept-beside"])
def test_a_relative_folder_stays_where_it_was_when_the_working_folder_changes(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    start, elsewhere = tmp_path / "start", tmp_path / "else" / "where"
    for folder in (start, elsewhere):
        folder.mkdir(parents=True)
    absolute.cache_clear()
    monkeypatch.setenv("BUCKETSNB_JOURNAL", named)
    monkeypatch.chdir(start)
    filled(backend, 2)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    monkeypatch.chdir(elsewhere)
    assert len(buckets.journal()) == 1
    assert receipt.undo().ok
    assert {path.name for path in (start / named).iterdir()} == {f"{receipt.entry}{end}.jsonl" for end in ("", ".undo")}
    absolute.cache_clear()


def test_a_folder_in_the_home_of_nobody_is_refused(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKETSNB_JOURNAL", "~nobody-of-this-name/journal")
    with pytest.raises(ConfigurationError, match="nobody-of-this-name"):
        buckets.journal()


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_warned", set())


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750, 0o701])
def test_a_folder_that_others_can_look_into_is_made_private_and_that_is_said_once(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.warns(JournalWarning, match=f"mode was {mode:04o}"):
        Journal(folder).begin({}, []).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Journal(folder).begin({}, []).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("mode", [0o2770, 0o1777, 0o3775])
def test_a_folder_that_is_shared_on_purpose_is_left_so_and_that_is_said(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.warns(JournalWarning, match="sticky or group bit"):
        writer = Journal(folder).begin({}, [])
    writer.close()
    assert stat.S_IMODE(folder.stat().st_mode) == mode
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("untold")
def test_a_folder_that_holds_more_such_as_the_home_folder_is_not_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home").chmod(0o755)
    (tmp_path / "home" / ".profile").write_text("")
    with pytest.warns(JournalWarning, match="holds more than your journal"):
        Journal(tmp_path / "home").begin({}, []).close()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o755


@pytest.mark.usefixtures("untold")
def test_a_folder_of_another_owner_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    folder.chmod(0o755)
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.warns(JournalWarning, match="belongs to another user"):
        Journal(folder).begin({}, []).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


# --- what is no entry ---


def test_a_folder_named_like_an_entry_is_an_error_of_ours(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    (Journal().folder / ENTRY).mkdir()
    assert buckets.journal().state.tolist() == ["finished", "unreadable"]
    with pytest.raises(JournalError, match="directory"):
        buckets.undo("20260101-000000-000000-abcd")
    journal_file(f"{entry}.undo").mkdir()
    with pytest.raises(JournalError):
        buckets.undo(entry)
    assert changes_sent(backend) == ["DELETE /work"]


@pytest.mark.parametrize("entry", ["a" * 5000, "ä" * 120, None, 5, b"a", "a\x00b", "a\nb", ".."])
def test_what_cannot_be_the_id_of_an_entry_is_an_error_of_ours(buckets: Buckets, entry: object) -> None:
    with pytest.raises(JournalError, match="is not an entry") as raised:
        buckets.undo(entry)  # type: ignore[arg-type]  # that is the test
    assert len(str(raised.value)) < 300


def test_an_entry_begun_twice_by_processes_at_once_is_begun_by_one(tmp_path: Path) -> None:
    Journal(tmp_path).begin({}, [], entry="one").close()
    with pytest.raises(PlanAlreadyApplied, match="applied it, so nothing was sent"):
        Journal(tmp_path).begin({}, [], entry="one")
