"""``bucketsnb lab``: what it starts, what it shows to whom, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from click.testing import CliRunner

from bucketsnb import LocalBackend
from bucketsnb.cli import main
from bucketsnb.cli.notebooks import FIRST, copy_missing, shipped
from tests.cli.processes import TOKEN, Start, ask, environ, family, read_until, starting

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``bucketsnb lab --no-browser`` in an empty folder."""
    with starting(tmp_path, "lab", "--no-browser") as starter:
        yield starter


def test_lab_runs_jupyter_on_a_practice_queue_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    lab = start("--sample", "50")
    address, said = read_until(lab, r"JupyterLab: (\S+)")
    (token,) = parse_qs(urlsplit(address).query)["token"]
    (queue,) = re.findall(r"Practice queue: (\S+)", said)

    assert (tmp_path / "bucketsnb-notebooks" / FIRST).is_file()
    assert said.count(token) == 1
    assert ask(queue, "/status")["total"] == 50
    assert ask(address, "/api/status", token)["kernels"] == 0

    ask(address, "/api/kernels", token, method="POST")
    processes = family(lab)
    assert [process for process in processes if token in " ".join(process.cmdline())] == []
    assert [process for process in processes if TOKEN in " ".join(process.cmdline())] == []
    assert TOKEN not in said
    assert processes[1].environ()["BUCKETSNB_URL"] == queue

    os.killpg(lab.pid, signal.SIGINT)  # Ctrl-C reaches the whole group of the terminal
    assert lab.wait(60) == 0
    gone, left = psutil.wait_procs(processes[1:], timeout=20)
    assert (len(gone), left) == (len(processes) - 1, [])
    with pytest.raises(OSError, match="refused"):
        ask(queue, "/status")


def test_it_outlives_its_terminal_under_nohup(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lab = start("--sample", "0")
    signal.signal(signal.SIGHUP, before)
    read_until(lab, r"(JupyterLab is starting)")
    lab.send_signal(signal.SIGHUP)
    address, _ = read_until(lab, r"JupyterLab: (\S+)")
    assert address.startswith("http://127.0.0.1:")
    lab.send_signal(signal.SIGTERM)
    assert lab.wait(60) == 0


def test_sigterm_while_it_starts_leaves_nothing(start: Start) -> None:
    lab = start("--sample", "0")
    read_until(lab, r"(JupyterLab is starting)")
    processes = family(lab)
    lab.send_signal(signal.SIGTERM)
    assert lab.wait(60) == 0
    assert psutil.wait_procs(processes, timeout=20)[1] == []


def test_a_killed_launcher_leaves_nothing(start: Start) -> None:
    lab = start("--sample", "0")
    address, _ = read_until(lab, r"JupyterLab: (\S+)")
    ask(address, "/api/kernels", parse_qs(urlsplit(address).query)["token"][0], method="POST")
    processes = family(lab)
    assert len(processes) > 2
    lab.kill()
    lab.wait()
    assert psutil.wait_procs(processes[1:], timeout=60)[1] == []


def test_a_service_is_asked_first_and_one_that_is_silent_is_said(start: Start) -> None:
    with LocalBackend(token=TOKEN) as backend:
        answered = start("--url", backend.url)
        version, said = read_until(answered, r"Service: 127\.0\.0\.1:\d+ \(version (\S+)\)")
    silent = start("--url", backend.url)
    why, more = read_until(silent, r"Warning: the service does not answer as it should\. (.*)")
    assert (version[:1].isdigit(), "127.0.0.1" in why, TOKEN in said + more) == (True, True, False)
    for one in (answered, silent):
        read_until(one, r"(JupyterLab is starting)")  # in either case
        one.send_signal(signal.SIGTERM)
        assert one.wait(60) == 0


def test_a_taken_port_is_said(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lab = start("--sample", "0", "--port", str(port))
        assert lab.wait(60) == 1
    assert lab.stdout is not None
    said = lab.stdout.read()
    assert f"port {port} is already in use" in said.lower()
    assert "Traceback" not in said


def test_a_missing_jupyterlab_is_answered_with_the_line_that_installs_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['jupyterlab'] = None; from bucketsnb.cli import main; main(['lab'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"{sys.executable} -m pip install 'bucketsnb[lab]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [["--store", "sqlite:///works.db"], ["--sample", "5"]], ids=lambda option: option[0])
def test_a_real_service_takes_no_practice_options(option: list[str]) -> None:
    result = CliRunner().invoke(main, ["lab", "--url", "http://frb-vsop.chime:8004", *option])
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_own_versions_of_notebooks_are_kept(tmp_path: Path) -> None:
    total = len(list(shipped().glob("*.ipynb")))
    assert copy_missing(shipped(), tmp_path) == (total, [])
    (tmp_path / FIRST).write_text("mine")
    assert copy_missing(shipped(), tmp_path) == (0, [FIRST])
    assert (tmp_path / FIRST).read_text() == "mine"
