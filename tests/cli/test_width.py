"""In a terminal of 80 columns everything fits: what does not is folded, and nothing is cut off."""

from __future__ import annotations

import pytest

from bucketsnb import LocalBackend
from bucketsnb.cli.output import as_rows, fitted
from tests.cli.conftest import Run
from tests.factory import make_work

LONG = "datatrail-replicator-outrigger-kko-minoc"


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    monkeypatch.setenv("COLUMNS", "80")
    error = "ValueError: the checksum of the file that was copied is not the one which was announced"
    works = [
        make_work(pipeline=LONG, status="failure", user="a-rather-long-user", event=[n], results={"error": error})
        for n in range(3)
    ]
    backend.store.load(works)
    return backend


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("command", [["view"], ["status"], ["failures"], ["events", "1"], ["count", "--by", "user"]])
def test_what_is_looked_at_fits(queue: LocalBackend, run: Run, command: list[str]) -> None:
    _, out, err = run(*command)
    assert widest(out + err) <= 80


def test_every_column_of_a_work_is_there_under_its_heading(queue: LocalBackend, run: Run) -> None:
    first, second, *rows = run("view")[1].splitlines()
    assert first.split() + second.split() == [
        *("id", "pipeline", "status", "age", "site", "user", "priority", "attempt", "event")
    ]
    assert len(rows) == 6
    assert second.index("user") == rows[1].index("a-rather-long-user")
    assert first.index("status") == rows[0].index("failure")


def test_the_question_the_receipt_and_the_journal_fit(
    queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    reason = "a reason that goes on for quite a while, and says why these works are not needed any more"
    code, out, err = run("delete", "--pipeline", LONG, "--reason", reason, said="yes\n")
    assert code == 0
    assert widest(out + err) <= 80
    assert " ".join(err.split()).count(reason) == 1
    journal = run("journal")[1]
    assert widest(journal) <= 80
    assert "delete" in journal
    assert reason[:40] in journal


def test_a_pipe_gets_whole_lines(queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    assert len(run("view")[1].splitlines()) == 4


@pytest.mark.parametrize("width", ["20", "40", "80"])
def test_folding_loses_no_word(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    text = "Delete 3 works of a on b\n  query    " + " ".join(f"word{n}" for n in range(40)) + "\n\nid  outcome"
    assert fitted(text).split() == text.split()
    assert widest(fitted(text)) <= int(width)


def test_rows_whose_last_columns_are_empty_are_folded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    rows = as_rows(["pipeline", "event"], [["a" * 16, ""], ["b" * 16, ""]])
    assert [line.strip() for line in rows.split("\n")] == ["pipeline", "event", "a" * 16, "", "b" * 16, ""]
