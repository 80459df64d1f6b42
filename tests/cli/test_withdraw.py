"""``bucketsnb withdraw``: one work is claimed and printed, and can be given back."""

from __future__ import annotations

import json
import re

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import Run
from tests.factory import make_work

CLAIM = ("withdraw", "--pipeline", "fitburst", "--yes")


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    works = [make_work(pipeline="fitburst", status="queued", priority=n, event=[n], user="ann") for n in (1, 2)]
    backend.store.load(works)
    return backend


def running(queue: LocalBackend) -> list[str]:
    return [work["id"] for work in json.loads(b"".join(queue.store.view({"status": "running"})))]


def test_the_claimed_work_is_printed(queue: LocalBackend, run: Run) -> None:
    code, out, err = run(*CLAIM)
    (claimed,) = running(queue)
    assert code == 0
    assert out.startswith(f"Work {claimed}\n")
    assert ": 1 work claimed" in err


def test_as_json_it_is_the_whole_work(queue: LocalBackend, run: Run) -> None:
    code, out, _ = run(*CLAIM, "--json", "--event", "1", "--user", "ann", "--site", "chime", "--priority", "1")
    (held,) = json.loads(b"".join(queue.store.view({"status": "running"})))
    assert (code, json.loads(out)) == (0, held)
    assert held["event"] == [1]


def test_it_is_given_back_as_it_was(queue: LocalBackend, run: Run) -> None:
    before = json.loads(b"".join(queue.store.view({})))
    (entry,) = re.findall(r"--give-back (\S+)", run(*CLAIM)[2])
    code, out, _ = run("withdraw", "--give-back", entry, "--yes")
    assert code == 0
    assert ": 1 work put back" in out
    assert json.loads(b"".join(queue.store.view({}))) == before


def test_only_a_claim_is_given_back(queue: LocalBackend, run: Run) -> None:
    run("update", "-p", "fitburst", "--set", "priority=5", "--yes")
    (entry,) = json.loads(run("journal", "--json")[1])
    code, _, err = run("withdraw", "--give-back", entry["entry"], "--yes")
    assert code == 4
    assert f"bucketsnb undo {entry['entry']}" in err


@pytest.mark.parametrize(("options", "shown"), [([], ""), (["--json"], "null\n")], ids=["text", "json"])
def test_nothing_queued_is_an_exit_code(queue: LocalBackend, run: Run, options: list[str], shown: str) -> None:
    code, out, err = run(*CLAIM, "--event", "99", *options)
    assert (code, out, running(queue)) == (3, shown, [])
    assert "nothing is queued that matches" in err
    assert "did you mean fitburst?" in run("withdraw", "-p", "fitbust", "--yes")[2]


def test_a_work_that_others_took_after_the_question_is_an_exit_code(queue: LocalBackend, run: Run) -> None:
    def all_taken(_: object) -> None:
        queue.store.update(
            [{"id": work["id"], "status": "success"} for work in json.loads(b"".join(queue.store.view({})))]
        )

    queue.faults.add("POST /work/withdraw", change=all_taken)
    code, out, err = run(*CLAIM)
    assert (code, out) == (3, "")
    assert "any more" in err


def test_where_nobody_can_be_asked_nothing_is_claimed(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("withdraw", "--pipeline", "fitburst")
    assert (code, out, running(queue)) == (4, "", [])
    assert "--yes" in err


@pytest.mark.parametrize(
    "options",
    [["withdraw"], ["withdraw", "--event", "1"], [*CLAIM, "--give-back", "x"], [*CLAIM, "--priority", "9"]],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_a_wrong_argument(queue: LocalBackend, run: Run, options: list[str]) -> None:
    assert run(*options)[:2] == (2, "")
    assert running(queue) == []


def test_a_service_that_refuses_is_an_error(queue: LocalBackend, run: Run) -> None:
    queue.faults.add("POST /work/withdraw", status=400, times=None)
    code, out, _ = run(*CLAIM)
    assert code == 1
    assert "refused" in out
