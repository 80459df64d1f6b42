"""``bucketsnb delete``: asks, refuses, does, and says by its exit code which it was."""

from __future__ import annotations

import json

import pytest

from bucketsnb import LocalBackend
from bucketsnb.cli.carry_out import at_a_terminal
from tests.cli.conftest import invoke as run
from tests.factory import make_work

PIPELINE = "baseband-converter"


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    """Serve three failed works and a running one."""
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    statuses = ["failure", "failure", "failure", "running"]
    backend.store.load([make_work(pipeline=PIPELINE, status=status, id=None) for status in statuses])
    return backend


def left(queue: LocalBackend) -> int:
    return int(queue.store.status()["total"])


FAILED = ("delete", "--pipeline", PIPELINE, "--status", "failure")


def test_delete_does_what_it_says(queue: LocalBackend) -> None:
    code, out, err = run(*FAILED, "--yes")
    assert code == 0
    assert ": 3 works deleted" in out
    assert "bucketsnb undo " in err
    assert left(queue) == 1


def test_the_receipt_as_json(queue: LocalBackend) -> None:
    code, out, _ = run(*FAILED, "--yes", "--json", "--reason", "retired")
    receipt = json.loads(out)
    assert code == 0
    assert receipt["ok"] is True
    assert receipt["counts"]["done"] == 3
    assert [work["outcome"] for work in receipt["works"]] == ["done"] * 3


def test_where_nothing_matched_the_exit_code_says_so(queue: LocalBackend) -> None:
    code, out, err = run("delete", "--pipeline", "never-seen", "--yes")
    assert (code, out) == (3, "")
    assert "nothing matched" in err


def test_nothing_matched_is_still_json_for_a_script(queue: LocalBackend) -> None:
    code, out, _ = run("delete", "--pipeline", "never-seen", "--yes", "--json")
    receipt = json.loads(out)
    assert (code, receipt["ok"], receipt["works"], receipt["entry"]) == (3, True, [], "")
    assert set(receipt["counts"].values()) == {0}


def test_without_any_stdin_there_is_nobody_to_ask(queue: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.sys.stdin", None)
    assert at_a_terminal() is False


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["delete", "--status", "failure", "--yes"], "--allow-all"),
        ([*FAILED, "--max-affected", "2", "--yes"], "--max-affected 3"),
        (["delete", "--pipeline", PIPELINE, "--yes"], "--allow-running"),
        ([*FAILED], "--yes"),
    ],
    ids=["no pipeline", "too many", "running", "nobody to ask"],
)
def test_what_is_refused_changes_nothing(queue: LocalBackend, options: list[str], named: str) -> None:
    code, out, err = run(*options)
    assert (code, out) == (4, "")
    assert named in err
    assert left(queue) == 4


@pytest.mark.parametrize(("said", "code", "remain"), [("y\n", 0, 1), ("n\n", 4, 4), ("\n", 4, 4)])
def test_the_question_is_asked_at_a_terminal(
    queue: LocalBackend, monkeypatch: pytest.MonkeyPatch, said: str, code: int, remain: int
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    given, _, err = run(*FAILED, said=said)
    assert given == code
    assert f"Delete 3 works of {PIPELINE}" in err
    assert left(queue) == remain


def test_partly_done_says_which_were_left(queue: LocalBackend) -> None:
    def one_runs_again(store: object) -> None:
        found = json.loads(b"".join(queue.store.view({"status": "failure"}, limit=1)))
        queue.store.update([{"id": found[0]["id"], "status": "queued"}])

    # The last look before the deletion sees it as it was; the service changes it then.
    queue.faults.add("POST /view", change=one_runs_again, skip=3)
    code, out, _ = run(*FAILED, "--yes", "--json")
    assert code == 5
    assert json.loads(out)["counts"]["drifted"] == 1
    assert left(queue) == 2


def test_a_service_that_stops_answering_is_an_error(queue: LocalBackend) -> None:
    queue.faults.add("DELETE /work", status=400, times=None)
    code, out, _ = run(*FAILED, "--yes")
    assert code == 1
    assert "refused" in out
    assert left(queue) == 4


def test_requeue_queues_again_with_all_attempts(queue: LocalBackend) -> None:
    code, _, _ = run("requeue", "--pipeline", PIPELINE, "--status", "failure", "--reset-attempt", "--yes")
    assert code == 0
    assert queue.store.status(PIPELINE)["queued"] == 3
    attempts = json.loads(b"".join(queue.store.view({"status": "queued"}, {"attempt": True})))
    assert [work["attempt"] for work in attempts] == [0, 0, 0]


def test_the_journal_names_what_undo_takes_back(queue: LocalBackend) -> None:
    run(*FAILED, "--yes", "--reason", "retired")
    (entry,) = json.loads(run("journal", "--json")[1])
    assert (entry["verb"], entry["n_works"], entry["reason"]) == ("delete", 3, "retired")
    assert entry["entry"] in run("journal")[1]

    code, out, _ = run("undo", entry["entry"], "--yes")
    assert (code, queue.store.status(PIPELINE)["failure"]) == (0, 3)
    assert ": 3 works put back" in out
    assert run("undo", entry["entry"], "--yes")[0] == 4


def ids_of(queue: LocalBackend, status: str) -> list[str]:
    return [work["id"] for work in json.loads(b"".join(queue.store.view({"status": status})))]


@pytest.mark.parametrize("command", ["delete", "requeue"])
def test_ids_name_works_and_need_no_pipeline(queue: LocalBackend, command: str) -> None:
    first, second, _ = ids_of(queue, "failure")
    code, out, _ = run(command, "--id", first, "--id", second, "--yes")
    assert code == 0
    assert f": 2 works {command}d" in out
    assert queue.store.status(PIPELINE)["failure"] == 1


def test_ids_narrow_what_else_is_asked(queue: LocalBackend) -> None:
    (running,) = ids_of(queue, "running")
    assert run("delete", "--id", running, "--status", "failure", "--yes")[0] == 3
    assert left(queue) == 4


def test_ids_of_works_that_are_gone_are_said(queue: LocalBackend) -> None:
    code, _, err = run("delete", "--id", "0" * 24, "--yes")
    assert code == 3
    assert "nothing matched" in err


@pytest.mark.parametrize(("said", "code"), [("yes\n", 4), ("y\n", 4), ("100\n", 4), ("101\n", 0), ("\n", 4)])
def test_above_a_hundred_works_the_number_is_typed_as_everywhere(
    queue: LocalBackend, monkeypatch: pytest.MonkeyPatch, said: str, code: int
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    queue.store.load([make_work(pipeline="many", status="failure") for _ in range(101)])
    given, _, err = run("delete", "--pipeline", "many", said=said)
    assert given == code
    assert "Type 101 to go on" in err
    assert queue.store.status("many")["total"] == (0 if code == 0 else 101)


@pytest.mark.parametrize(("said", "code"), [("y\n", 4), ("1\n", 0)])
def test_a_running_work_asks_for_the_number_too(
    queue: LocalBackend, monkeypatch: pytest.MonkeyPatch, said: str, code: int
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    given, _, err = run("delete", "--pipeline", PIPELINE, "--status", "running", "--allow-running", said=said)
    assert given == code
    assert "1 of them running: workers may be busy with them" in err
