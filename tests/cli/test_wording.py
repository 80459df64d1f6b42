"""The command line says what lets a command through in its own words, from what errors say as data."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import bucketsnb.cli
from bucketsnb import LocalBackend
from bucketsnb.cli.group import in_shell_words
from bucketsnb.errors import BucketsError, Cure, JournalError
from tests.cli.conftest import Run
from tests.client.test_clock import DAY, Service, works
from tests.factory import make_work

PYTHON_WORDS = re.compile(r"=True|=\.\.\.|max_affected=|buckets\.|Buckets\(|clock=")


@pytest.mark.parametrize("cure", Cure)
def test_every_cure_has_words_for_python_and_for_a_shell(cure: Cure) -> None:
    error = JournalError("It does not go.", cure=cure, value="20261124-01")
    shell = in_shell_words(error)
    assert str(error).startswith("It does not go. ")
    assert shell.startswith("It does not go. ")
    assert PYTHON_WORDS.search(str(error))
    assert not PYTHON_WORDS.search(shell)
    assert any(word in shell for word in ("--", "`bucketsnb ", "BUCKETSNB_")), "an option, a command or a variable"


def test_an_error_without_a_cure_is_told_as_it_is() -> None:
    assert (
        in_shell_words(BucketsError("max_affected=7 is a text of a service")) == "max_affected=7 is a text of a service"
    )
    assert in_shell_words(OSError("disk full")) == "disk full"


def test_text_of_a_service_is_not_reworded(queue: LocalBackend, run: Run) -> None:
    queue.store.load([make_work(pipeline="pass allow_all=True", status="failure")])
    _, out, _ = run("view", "--pipeline", "pass allow_all=True")
    assert "pass allow_all=True" in out
    _, _, err = run("delete", "--pipeline", "pass allow_all=True")
    assert "pass allow_all=True" in err


def test_no_command_reads_the_words_of_a_message() -> None:
    """Regular expressions of the command line are for text of works only: `output` has them."""
    for path in Path(bucketsnb.cli.__file__).parent.glob("*.py"):
        imports = (node.names for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Import))
        assert path.name == "output.py" or all(name.name != "re" for names in imports for name in names), path.name


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    return backend


@pytest.mark.parametrize("command", [["delete", "--older-than", "7d", "-p", "baseband-converter"], ["audit"]])
def test_a_clock_that_is_far_off_names_the_option(run: Run, command: list[str]) -> None:
    with Service(works(40 * DAY), 60 * DAY) as service:
        code, _, err = run(*command, "--url", service.url, "--yes")
        assert code == 4
        assert "--clock service or --clock local" in err
        assert "--clock" not in run(*command, "--url", service.url, "--clock", "local")[2]


def test_the_question_names_no_call_of_python(
    queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    queue.store.load([make_work(pipeline="fitburst", status="failure", attempt=2, results={"a": 1})])
    works = tmp_path / "works.json"
    works.write_text(run("view", "--json")[1])
    for command in (["delete"], ["requeue"], ["update", "--set", "priority=5"]):
        assert "()" not in run(*command, "--pipeline", "fitburst", said="no\n")[2]
    code, _, err = run("deposit", str(works), said="no\n")
    assert (code, "()" in err, "--fresh" in err) == (4, False, True)


def test_an_entry_of_another_address_names_the_option(queue: LocalBackend, run: Run) -> None:
    queue.store.load([make_work(pipeline="fitburst", status="failure")])
    _, _, err = run("delete", "--pipeline", "fitburst", "--yes")
    (entry,) = re.findall(r"bucketsnb undo (\S+)", err)
    with LocalBackend() as other:
        code, _, err = run("undo", entry, "--yes", "--url", other.url)
    assert code == 4
    assert "undo with --allow-other-host" in err
