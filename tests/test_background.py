"""The tests themselves, started as scripts start them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INTERRUPTED = "tests/cli/test_history.py::test_it_records_until_it_is_stopped"


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "1"], ids=["in one process", "in a worker"])
def test_what_tests_start_hears_ctrl_c_where_a_script_runs_them_in_the_background(
    processes: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", processes, f"--basetemp={tmp_path / 'base'}", INTERRUPTED]
    done = subprocess.run(
        ["sh", "-c", "trap '' INT HUP; exec \"$@\"", "script", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
