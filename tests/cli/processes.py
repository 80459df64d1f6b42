"""Commands that run until they are stopped, as processes: what they write, what they start, and what they serve."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

TOKEN = "hush-the-service-only"
Start = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def starting(folder: Path, *command: str) -> Iterator[Start]:
    """Give what starts a command in a folder, as the leader of a process group like a terminal's."""
    started: list[subprocess.Popen[str]] = []

    def starter(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bucketsnb", *command, *options],
            cwd=folder,
            env={**environ(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield starter
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


def ask(address: str, path: str, token: str = "", method: str = "GET") -> dict[str, object]:
    where = urlsplit(address)
    request = urllib.request.Request(f"{where.scheme}://{where.netloc}{path}", method=method)
    if token:
        request.add_header("Authorization", f"token {token}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
    return found
