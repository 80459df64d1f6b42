"""``bucketsnb app``: the panels alone, for this machine only, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from bucketsnb import LocalBackend
from tests.cli.processes import TOKEN, Start, ask, environ, family, read_until, starting
from tests.factory import make_works

pytestmark = pytest.mark.slow

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``bucketsnb app --no-browser`` in an empty folder."""
    with starting(tmp_path, "app", "--no-browser") as starter:
        yield starter


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return str(answer.read().decode())


def test_the_page_shows_the_panels_of_the_service_and_leaves_nothing(
    start: Start, backend: LocalBackend, tmp_path: Path
) -> None:
    backend.store.load(make_works(3, pipeline="fitburst", status="failure"))
    app = start("--url", backend.url)
    address, said = read_until(app, r"Voila: (\S+)")
    (token,) = parse_qs(urlsplit(address).query)["token"]
    assert urlsplit(address).hostname == "127.0.0.1"
    assert (said.count(token), TOKEN in said) == (1, False)

    page = read(address)
    assert "<title>Buckets</title>" in page
    assert "application/vnd.jupyter.widget-view+json" in page
    assert any(request.path.startswith("/status") for request in backend.requests), "the panels have read the status"

    processes = family(app)
    assert [process for process in processes if token in " ".join(process.cmdline())] == []
    assert processes[1].environ()["BUCKETSNB_URL"] == backend.url
    assert "BUCKETSNB_READ_ONLY" not in processes[1].environ()
    assert list(tmp_path.iterdir()) == []

    os.killpg(app.pid, signal.SIGINT)  # Ctrl-C reaches the whole group of the terminal
    assert app.wait(60) == 0
    assert psutil.wait_procs(processes[1:], timeout=20)[1] == []


def test_without_its_token_it_opens_nothing_and_read_only_reaches_the_page(start: Start, backend: LocalBackend) -> None:
    app = start("--url", backend.url, "--read-only")
    address, _ = read_until(app, r"Voila: (\S+)")
    assert "application/vnd.jupyter.widget-view+json" not in read(address.partition("?")[0])
    with pytest.raises(HTTPError, match="403") as refused:
        ask(address, "/api/kernels")
    refused.value.close()
    assert family(app)[1].environ()["BUCKETSNB_READ_ONLY"] == "1"
    app.send_signal(signal.SIGTERM)
    assert app.wait(60) == 0


def test_a_service_that_is_silent_is_said_and_the_page_opens(start: Start) -> None:
    app = start("--url", NOBODY)
    why, _ = read_until(app, r"Warning: the service does not answer as it should\. (.*)")
    assert "127.0.0.1:9" in why
    read_until(app, r"(Voila is starting)")
    app.send_signal(signal.SIGTERM)
    assert app.wait(60) == 0


def test_a_taken_port_is_said(start: Start, backend: LocalBackend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = start("--url", backend.url, "--port", str(port))
        assert app.wait(60) == 1
    assert app.stdout is not None
    said = app.stdout.read()
    assert f"port {port} is already in use" in said.lower()
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import sys; sys.modules['voila'] = None", f"{sys.executable} -m pip install 'bucketsnb[lab]'"),
        ("", "BUCKETSNB_URL"),
    ],
    ids=["no Voila", "no address"],
)
def test_what_is_missing_is_an_error(tmp_path: Path, code: str, named: str) -> None:
    command = f"{code}\nfrom bucketsnb.cli import main; main(['app', '--no-browser'])"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, env=environ(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, named in done.stderr) == (1, True)
