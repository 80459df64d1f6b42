"""``bucketsnb serve``: a service in the foreground that says when it is ready and stops when told."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketsnb.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def terminal() -> Iterator[None]:
    """Let a service hear of the end of its terminal: under nohup, what these tests start would be told to ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serve_fills_an_empty_store_once_and_stops_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    store = ["--store", f"sqlite:///{tmp_path}/works.db"]
    assert total_served([*store, "--sample", "40"], stop) == 40
    assert total_served([*store, "--sample", "40"], stop) == 40


def test_ctrl_c_stops_a_serve_that_waits_for_its_store(tmp_path: Path) -> None:
    """Another process keeps the file locked."""
    with closing(sqlite3.connect(tmp_path / "works.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        code = f"""
import os, signal, threading
from bucketsnb.cli import main
threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)).start()
main(["serve", "--port", "0", "--store", "sqlite:///{tmp_path}/works.db"])
"""
        command = [sys.executable, "-c", code]
        ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (130, "bucketsnb: stopped\n")


def total_served(options: list[str], stop: signal.Signals = signal.SIGTERM) -> int:
    """Serve until the first answer, stop by a signal, and return how many works there were."""
    with serving(options) as (process, url):
        with urllib.request.urlopen(f"{url}/status", timeout=20) as answer:
            total: int = json.load(answer)["total"]
        os.kill(process.pid, stop)
        assert process.wait(20) == 0
    return total


@contextmanager
def serving(options: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve in a process of its own, and give that and the address of the service."""
    command = [sys.executable, "-m", "bucketsnb", "serve", "--port", "0", *options]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.search(r"(http://\S+)", process.stdout.readline())
            assert ready is not None
            yield process, ready.group(1)
        finally:
            process.kill()


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
