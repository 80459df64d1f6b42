"""``bucketsnb serve``: a service in the foreground that says when it is ready and stops when told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketsnb.cli import main


def test_serve_fills_an_empty_store_once_and_stops_on_sigterm(tmp_path: Path) -> None:
    store = ["--store", f"sqlite:///{tmp_path}/works.db"]
    assert total_served([*store, "--sample", "40"]) == 40
    assert total_served([*store, "--sample", "40"]) == 40


def total_served(options: list[str]) -> int:
    """Serve until the first answer, stop by SIGTERM, and return how many works there were."""
    command = [sys.executable, "-m", "bucketsnb", "serve", "--port", "0", *options]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = re.search(r"(http://\S+)", process.stdout.readline())
        assert ready is not None
        with urllib.request.urlopen(f"{ready.group(1)}/status", timeout=20) as answer:
            total: int = json.load(answer)["total"]
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    return total


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--host", "0.0.0.0", "--store", "sqlite:///never.db"], "--token-file"),
        (["--store", "postgres://here/works"], "postgres"),
        (["--port", "70000"], "--port"),
    ],
    ids=["open to others without a token", "a store of an unknown kind", "a port that cannot be"],
)
def test_serve_refuses_what_cannot_be_meant(options: list[str], named: str) -> None:
    result = CliRunner().invoke(main, ["serve", *options])
    assert result.exit_code == 2
    assert named in result.stderr


def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "works.db").write_bytes(b"not a database" * 100)
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/works.db"])
    assert result.exit_code == 1
    assert result.stderr.startswith("bucketsnb: ")
    assert result.stderr.count("\n") == 1
