"""Servers of other projects, started for a test: a port to listen on, and the wait until they answer."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from pathlib import Path


def free_ports(number: int) -> list[int]:
    """Find ports of loopback that nobody listens on."""
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in found]
    for one in found:
        one.close()
    return ports


def wait_until_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until a server answers; one that ends, or takes two minutes, fails with the end of its log."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return
        time.sleep(0.2)
    raise AssertionError(f"no answer from {url}:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except OSError:
        return False
