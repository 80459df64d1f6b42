"""``--plan-out``, ``bucketsnb show`` and ``bucketsnb apply``: a plan is made by one and carried out by another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import Run
from tests.factory import make_works

DELETE = ("delete", "--pipeline", "fitburst", "--status", "failure", "--reason", "old ones")


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    backend.store.load(make_works(3, pipeline="fitburst", status="failure"))
    return backend


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "cleanup.plan.json")


def total(queue: LocalBackend) -> int:
    return int(queue.store.status()["total"])


def another_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BUCKETSNB_JOURNAL", str(tmp_path / "of another account"))


def test_one_plans_and_another_looks_and_applies(
    queue: LocalBackend, run: Run, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, err = run(*DELETE, "--plan-out", file, "--yes")
    assert (code, total(queue)) == (0, 3)
    assert "Delete 3 works of fitburst" in out
    assert f"bucketsnb apply {file}" in " ".join(err.split())

    another_account(monkeypatch, tmp_path)
    code, out, err = run("show", file)
    assert (code, err) == (0, "")
    assert "old ones" in out
    assert "Planned by " in out

    code, out, err = run("apply", file, "--yes")
    assert (code, total(queue)) == (0, 0)
    assert ": 3 works deleted" in out
    assert "bucketsnb undo " in err
    assert run("apply", file, "--yes")[0] == 4


def test_show_asks_no_service(queue: LocalBackend, run: Run, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(*DELETE, "--plan-out", file)
    before = len(queue.requests)
    monkeypatch.delenv("BUCKETSNB_URL")
    code, out, _ = run("show", file, "--json")
    told = json.loads(out)
    assert (code, told["verb"], told["reason"], len(told["works"])) == (0, "delete", "old ones", 3)
    assert told["works"][0]["before"]["pipeline"] == "fitburst"
    assert len(queue.requests) == before


def test_show_writes_a_page(queue: LocalBackend, run: Run, file: str, tmp_path: Path) -> None:
    run(*DELETE, "--plan-out", file)
    page = tmp_path / "plan.html"
    assert run("show", file, "--html", str(page))[0] == 0
    assert "Delete 3 works of fitburst" in page.read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        ["requeue", "--pipeline", "fitburst"],
        ["update", "--pipeline", "fitburst", "--set", "priority=5"],
        ["deposit", "works.csv"],
    ],
    ids=lambda change: change[0],
)
def test_every_change_that_can_be_passed_on_is(
    queue: LocalBackend, run: Run, file: str, change: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("works.csv").write_text("pipeline,site,user\nnotify,chime,me\n")
    code, out, _ = run(*change, "--plan-out", file, "--json")
    assert (code, json.loads(out)["plan"]) == (0, file)
    code, out, _ = run("apply", file, "--yes", "--json", "--rate", "1000")
    assert (code, json.loads(out)["ok"]) == (0, True)


def test_a_plan_file_is_applied_after_a_yes(
    queue: LocalBackend, run: Run, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*DELETE, "--plan-out", file)
    assert run("apply", file)[:2] == (4, "")
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    assert run("apply", file, said="no\n")[0] == 4
    assert total(queue) == 3
    assert run("apply", file, said="yes\n")[0] == 0


def test_nothing_matched_writes_no_file(queue: LocalBackend, run: Run, file: str) -> None:
    assert run("delete", "--pipeline", "notify", "--plan-out", file)[:2] == (3, "")
    assert not Path(file).exists()


@pytest.mark.parametrize("command", [["show"], ["apply", "--yes"]], ids=lambda command: command[0])
def test_an_altered_plan_is_refused(queue: LocalBackend, run: Run, file: str, command: list[str]) -> None:
    run(*DELETE, "--plan-out", file)
    Path(file).write_text(Path(file).read_text().replace("old ones", "new ones"))
    code, out, err = run(*command, file)
    assert (code, out, total(queue)) == (4, "", 3)
    assert "altered" in err


def test_a_plan_is_refused_on_another_service(queue: LocalBackend, run: Run, file: str) -> None:
    run(*DELETE, "--plan-out", file)
    with LocalBackend() as other:
        code, _, err = run("apply", file, "--yes", "--url", other.url)
    assert code == 4
    assert "another" in err or "same service" in err
    assert total(queue) == 3


@pytest.mark.parametrize("command", ["show", "apply"])
def test_a_file_that_is_not_there_is_a_wrong_argument(run: Run, command: str) -> None:
    assert run(command, "nowhere.plan.json")[0] == 2


@pytest.mark.parametrize("rate", ["0", "-1", "fast"])
def test_a_rate_is_above_zero(queue: LocalBackend, run: Run, rate: str) -> None:
    assert run(*DELETE, "--rate", rate, "--yes")[:2] == (2, "")
    assert total(queue) == 3


def test_a_rate_is_said_in_the_receipt(queue: LocalBackend, run: Run) -> None:
    code, out, _ = run(*DELETE, "--rate", "500", "--yes")
    assert code == 0
    assert "500 works a second at most" in out
