"""The service under test, once for each kind of store, and what asks it: plain requests and the public clients."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bucketsnb import LocalBackend

from .public import PublicClient, installed, newest
from .results import Results

STORES = ("sqlite", "mongodb")
"""The kinds of store that all tests of this folder run on; a fixture such as `sqlite_store` has the address of each."""


class Asking:
    """A client with no opinions: JSON in, the whole answer out."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        if body is not None:
            options["json"] = body
        return self._session.request(method, self.url + path, timeout=60, **options)

    def json(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self(method, path, body, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deposit(self, *works: dict[str, Any]) -> list[str]:
        return self.json("POST", "/work?return_ids=True", list(works))

    def view(self, query: dict[str, Any] | None = None, **asked: Any) -> list[dict[str, Any]]:
        return self.json("POST", "/view", {"query": query or {}, "limit": 0, **asked})

    def withdraw(self, pipeline: Any = "baseband-converter", **filters: Any) -> Any:
        return self.json("POST", "/work/withdraw", {"pipeline": pipeline, **filters})

    def update(self, *changes: dict[str, Any]) -> Any:
        return self.json("PUT", "/work", list(changes))

    def status(self) -> dict[str, int]:
        return self.json("GET", "/status")

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="session")
def sqlite_store() -> None:
    """Name no store: a service that is given none keeps its works in a temporary SQLite file."""


@pytest.fixture(scope="session", params=STORES)
def running_service(request: pytest.FixtureRequest) -> Iterator[LocalBackend]:
    with LocalBackend(request.getfixturevalue(f"{request.param}_store")) as backend:
        yield backend


@pytest.fixture
def service(running_service: LocalBackend) -> LocalBackend:
    running_service.clear()
    return running_service


@pytest.fixture
def ask(service: LocalBackend) -> Iterator[Asking]:
    asking = Asking(service.url)
    yield asking
    asking.close()


@pytest.fixture(scope="session")
def public_python(request: pytest.FixtureRequest) -> Path:
    """Return the Python of a public client: of a version, or of the newest that the registry has."""
    return installed(request.param if "==" in request.param else newest(request.param))


@pytest.fixture
def public(public_python: Path, service: LocalBackend, environment: Path) -> PublicClient:
    return PublicClient(public_python, service.url, environment)


@pytest.fixture
def results() -> Iterator[Results]:
    stub = Results()
    yield stub
    stub.close()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start `serve` in processes of their own."""
    started: list[subprocess.Popen[str]] = []

    def start(store: Path, **options: Any) -> tuple[subprocess.Popen[str], str]:
        call = f"serve('127.0.0.1', 0, {str(store)!r}, **{options!r})"
        process = subprocess.Popen(
            [sys.executable, "-c", f"from bucketsnb.backend.server import serve; {call}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("bucketsnb: serving sqlite:///"), process.stderr.read() if process.stderr else ""
        return process, line.split()[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
