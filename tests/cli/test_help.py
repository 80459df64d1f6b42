"""The help of every command: what it does, what it ends with, and 80 columns."""

from __future__ import annotations

import pytest
from click import Context

from bucketsnb.cli import main
from tests.cli.conftest import Run

COMMANDS = main.list_commands(Context(main))
ENDLESS = {"lab", "serve"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_fits_and_tells_the_exit_codes(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert command in ENDLESS or "Exit codes:" in out


def test_the_list_of_commands_fits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = run("--help")[1]
    assert max(map(len, out.splitlines())) <= 80
    lines = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line[2:3].strip()]
    assert lines == COMMANDS, "one line a command"
