"""``bucketsnb update``: new values for works that match."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import Run
from tests.factory import make_work

NEW = ("update", "--pipeline", "fitburst", "--status", "queued")


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    statuses = ["queued", "queued", "running"]
    backend.store.load([make_work(pipeline="fitburst", status=status, priority=3) for status in statuses])
    return backend


def held(queue: LocalBackend, status: str = "queued") -> list[dict[str, Any]]:
    return list(json.loads(b"".join(queue.store.view({"status": status}))))


def test_values_are_set_in_the_works_that_match(queue: LocalBackend, run: Run) -> None:
    options = ["--set", "priority=5", "--set", "config.parent=6b04a88b", "--set", "event=7,8", "--set", "user=007"]
    code, out, err = run(*NEW, *options, "--yes")
    assert code == 0
    assert ": 2 works changed" in out
    assert "bucketsnb undo " in err
    for work in held(queue):
        assert (work["priority"], work["config"]["parent"], work["event"], work["user"]) == (
            5,
            "6b04a88b",
            [7, 8],
            "007",
        )
        assert work["config"]["archive"]["results"] is True
    assert held(queue, "running")[0]["priority"] == 3


def test_nothing_after_the_sign_is_null(queue: LocalBackend, run: Run) -> None:
    run(*NEW, "--set", "event=7", "--yes")
    assert run(*NEW, "--set", "event=", "--yes")[0] == 0
    assert [work["event"] for work in held(queue)] == [None, None]


def test_works_that_have_the_values_are_left_out(queue: LocalBackend, run: Run) -> None:
    code, out, err = run(*NEW, "--set", "priority=3", "--yes")
    assert (code, out) == (3, "")
    assert "has these values already 2" in err


def test_the_question_shows_old_and_new_values(queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    code, _, err = run(*NEW, "--set", "priority=5", said="no\n")
    assert code == 4
    assert "priority 3 -> 5" in err
    assert [work["priority"] for work in held(queue)] == [3, 3]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--set", "priority"],
        ["--set", "=5"],
        ["--set", "priority=high"],
        ["--set", "priority=9"],
        ["--set", "prioriti=5"],
        ["--set", "id=5"],
        ["--set", "priority=5", "--set", "priority=4"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_set_is_a_wrong_argument(queue: LocalBackend, run: Run, options: list[str]) -> None:
    code, out, _ = run(*NEW, *options, "--yes")
    assert (code, out) == (2, "")
    assert [work["priority"] for work in held(queue)] == [3, 3]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["update", "--set", "priority=5", "--yes"], "--allow-all"),
        (["update", "-p", "fitburst", "--set", "priority=5", "--yes"], "--allow-running"),
        ([*NEW, "--set", "priority=5", "--max-affected", "1", "--yes"], "--max-affected"),
        ([*NEW, "--set", "priority=5"], "--yes"),
    ],
    ids=["no pipeline", "running", "too many", "nobody to ask"],
)
def test_what_is_too_wide_is_refused(queue: LocalBackend, run: Run, options: list[str], named: str) -> None:
    code, out, err = run(*options)
    assert (code, out) == (4, "")
    assert named in err
    assert [work["priority"] for work in held(queue)] == [3, 3]


def test_ids_need_no_pipeline(queue: LocalBackend, run: Run) -> None:
    one, other = held(queue)
    assert run("update", "--id", one["id"], "--set", "priority=5", "--yes")[0] == 0
    assert {work["id"]: work["priority"] for work in held(queue)} == {one["id"]: 5, other["id"]: 3}
