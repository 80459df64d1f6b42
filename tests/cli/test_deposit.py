"""``bucketsnb deposit``: works from a file or a pipe, judged first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import Run

GOOD = "pipeline,site,user,event\nfitburst,chime,tester,7\nfitburst,chime,tester,8\n"
BAD = "pipeline,site,user,priority\nfitburst,chime,tester,3\nfitburst,chime,tester,high\n"
WORKS = [{"pipeline": "fitburst", "site": "chime", "user": user} for user in ("a", "b")]


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    return backend


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "works.csv"
    path.write_text(GOOD)
    return path


def total(queue: LocalBackend) -> int:
    return int(queue.store.status()["total"])


def test_a_file_is_deposited(queue: LocalBackend, run: Run, file: Path) -> None:
    code, out, err = run("deposit", str(file), "--yes", "--json", "--reason", "new events")
    receipt = json.loads(out)
    assert (code, receipt["ok"], receipt["counts"]["done"], total(queue)) == (0, True, 2, 2)
    assert "bucketsnb undo " in err
    assert run("undo", receipt["entry"], "--yes")[0] == 0
    assert total(queue) == 0


@pytest.mark.parametrize(
    "given",
    [
        GOOD,
        GOOD.replace(",", "\t"),
        json.dumps(WORKS),
        "\n".join(map(json.dumps, WORKS)),
    ],
    ids=["commas", "tabs", "json", "json lines"],
)
def test_a_pipe_is_deposited(queue: LocalBackend, run: Run, given: str) -> None:
    code, out, _ = run("deposit", "-", "--yes", said=given)
    assert code == 0
    assert ": 2 works deposited" in out
    assert queue.store.status("fitburst")["queued"] == 2


def test_a_pipe_leaves_nobody_to_ask(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("deposit", "-", said=GOOD)
    assert (code, out, total(queue)) == (4, "", 0)
    assert "--yes" in err


def test_bad_rows_are_named_by_their_line_and_nothing_is_sent(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("deposit", "-", "--yes", said=BAD)
    assert (code, out, total(queue)) == (2, "", 0)
    assert err.splitlines()[1].split()[:2] == ["3", "priority"]
    assert "--skip-bad" in err


def test_the_good_rows_go_if_asked_for(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("deposit", "-", "--yes", "--skip-bad", said=BAD)
    assert (code, total(queue)) == (0, 1)
    assert ": 1 work deposited" in out
    assert "priority" in err


def test_check_judges_without_a_service(run: Run, file: Path) -> None:
    assert run("deposit", str(file), "--check") == (0, "", "2 rows, 2 good, 0 bad; nothing was sent\n")
    code, out, err = run("deposit", "-", "--check", said=BAD)
    assert (code, err) == (2, "2 rows, 1 good, 1 bad; nothing was sent\n")
    assert out.splitlines()[1].split()[:2] == ["3", "priority"]


def test_a_check_as_json_names_the_row_the_line_and_the_field(run: Run) -> None:
    code, out, _ = run("deposit", "-", "--check", "--json", said=BAD)
    told = json.loads(out)
    assert (code, told["rows"], told["good"]) == (2, 2, 1)
    assert [(one["row"], one["line"], one["field"]) for one in told["problems"]] == [(1, 3, "priority")]


def test_check_sends_nothing(queue: LocalBackend, run: Run, file: Path) -> None:
    run("deposit", str(file), "--check", "--url", queue.url)
    assert len(queue.requests) == 0


@pytest.mark.parametrize("given", ["", "pipeline,user\n"], ids=["empty", "only a head"])
def test_no_rows_are_nothing_to_do_or_an_error(queue: LocalBackend, run: Run, given: str) -> None:
    code, _, err = run("deposit", "-", "--yes", said=given)
    assert (code in (2, 3), total(queue)) == (True, 0)
    assert "Traceback" not in err


def test_too_many_are_refused(queue: LocalBackend, run: Run, file: Path) -> None:
    code, _, err = run("deposit", str(file), "--yes", "--max-affected", "1")
    assert (code, total(queue)) == (4, 0)
    assert "--max-affected 2" in err


def test_a_file_that_is_not_there_is_a_wrong_argument(run: Run) -> None:
    code, _, err = run("deposit", "nowhere.csv")
    assert code == 2
    assert "nowhere.csv" in err
