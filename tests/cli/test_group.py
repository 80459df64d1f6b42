"""The command as a whole: quick help, one line an error, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bucketsnb import LocalBackend
from bucketsnb.cli import main
from tests.cli.conftest import invoke as run

NOBODY = "http://127.0.0.1:9"
"""An address where nothing listens (the discard port)."""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom bucketsnb.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numpy', 'ipywidgets', 'msgspec', 'requests', 'starlette', 'yaml'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_in_the_list_can_be_called() -> None:
    for name in main.commands:
        code, out, _ = run(name, "--help")
        assert code == 0, name
        assert f"Usage: main {name} " in out


def test_an_unknown_command_is_a_wrong_argument() -> None:
    code, _, err = run("veiw")
    assert code == 2
    assert "veiw" in err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "view"])
def test_an_error_is_one_line(command: str) -> None:
    code, out, err = run(command, "--url", NOBODY)
    assert (code, out) == (1, "")
    assert err.startswith("bucketsnb: ")
    assert NOBODY.removeprefix("http://") in err
    assert err.count("\n") == 1


def test_debug_shows_where_an_error_came_from() -> None:
    code, _, err = run("--debug", "status", "--url", NOBODY)
    assert code == 1
    assert "Traceback" in err


def test_no_address_at_all_says_what_was_looked_at() -> None:
    code, _, err = run("status")
    assert code == 1
    assert "BUCKETSNB_URL" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["view", "--url", "no scheme"], "that was given cannot be used"),
        (["view"], "Pass one, such as --url http://localhost:8004."),
        (["view", "--url", ""], "is empty. Pass one, such as --url http://localhost:8004."),
        (["undo", "never", "--url", NOBODY], "`bucketsnb journal` lists the entries."),
        (
            ["delete", "--status", "failure", "--url", NOBODY],
            "Name the pipelines (--pipeline ...), or pass --allow-all.",
        ),
    ],
    ids=["url", "no url", "empty url", "journal", "options"],
)
def test_a_message_names_what_can_be_typed_here(arguments: list[str], said: str) -> None:
    _, _, err = run(*arguments)
    assert said in err


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(backend: LocalBackend) -> None:
    command = [sys.executable, "-m", "bucketsnb", "status", "--url", backend.url]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.stderr == ""


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "bucketsnb", "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("bucketsnb, version ")
