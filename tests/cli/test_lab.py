"""``bucketsnb lab``: what it starts, what it shows to whom, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from click.testing import CliRunner

from bucketsnb import LocalBackend
from bucketsnb.cli import main
from bucketsnb.cli.notebooks import FIRST, copy_missing, shipped

TOKEN = "hush-the-service-only"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``bucketsnb lab --no-browser`` in an empty folder, as the leader of a process group like a terminal's."""
    started: list[subprocess.Popen[str]] = []
    # Where the tests run in the background, Ctrl-C is ignored, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def starter(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bucketsnb", "lab", "--no-browser", *options],
            cwd=tmp_path,
            env={**environ(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield starter
    signal.signal(signal.SIGINT, before)
    for process in started:
        for left in family(process):
            left.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def environ() -> dict[str, str]:
    """Let the command be found from any folder, installed or not; and no proxy may be in the way of this machine."""
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    return {**os.environ, **proxies, "PYTHONPATH": str(Path(__file__).parents[2]), "WORKFLOW_TOKEN": TOKEN}


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process.pid)
    except psutil.NoSuchProcess:
        return []
    return [parent, *parent.children(recursive=True)]


def read_until(process: subprocess.Popen[str], pattern: str) -> tuple[str, str]:
    """Read the command's output up to the first line that matches; return the match's group and all that was read."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(pattern, line):
            return found.group(1), "".join(lines)
    raise AssertionError(f"{pattern} never came:\n{''.join(lines)}")


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


def ask(address: str, path: str, token: str = "", method: str = "GET") -> dict[str, object]:
    where = urlsplit(address)
    request = urllib.request.Request(f"{where.scheme}://{where.netloc}{path}", method=method)
    if token:
        request.add_header("Authorization", f"token {token}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
    return found
