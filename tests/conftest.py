"""What every test stands on: an environment of its own, one backend a session, and a client on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bucketsnb import Buckets, LocalBackend

FOREIGN = ("BUCKETSNB_", "WORKFLOW_", "GITHUB_TOKEN", "GITHUB_PAT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NETRC")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No address, token, proxy, workspace or journal of the person who runs the tests; return the empty home."""
    for name in os.environ:
        if name.upper().startswith(FOREIGN):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("BUCKETSNB_JOURNAL", str(home / "journal"))
    monkeypatch.setenv("BUCKETSNB_HISTORY", str(home / "history.db"))
    monkeypatch.setenv("BUCKETSNB_SECRETS", str(home / "secrets"))
    return home


@pytest.fixture(scope="session")
def running_backend() -> Iterator[LocalBackend]:
    """One backend for the whole session; ``backend`` is the same one, cleared."""
    from bucketsnb.backend.server import LocalBackend

    with LocalBackend() as backend:
        yield backend


@pytest.fixture
def backend(running_backend: LocalBackend) -> LocalBackend:
    """Return a backend without works, requests or faults."""
    running_backend.clear()
    return running_backend


@pytest.fixture
def buckets(backend: LocalBackend) -> Iterator[Buckets]:
    """Return a client of ``backend``."""
    from bucketsnb.client import Buckets

    with Buckets(backend.url) as client:
        yield client
