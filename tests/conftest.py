"""What every test stands on: an environment of its own, one backend a session, and a client on it."""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import platformdirs
import pytest
from click.testing import CliRunner
from hypothesis.configuration import set_hypothesis_home_dir

from tests.budget import register_profiles
from tests.engine import REAL_SERVER, running_engine

if TYPE_CHECKING:
    from bucketsnb import Buckets, LocalBackend

# Every program that a test starts would compile the whole package anew, and every run the tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# It would hide what a program leaves unwritten when it ends.
os.environ.pop("PYTHONUNBUFFERED", None)
sys.dont_write_bytecode = False

if "mix_stderr" in inspect.signature(CliRunner.__init__).parameters:
    # Until 8.2 click's runner gave both streams as one, unless told.
    CliRunner.__init__ = partialmethod(CliRunner.__init__, mix_stderr=False)

# What Hypothesis keeps goes beside the checkout, which may be read-only.
set_hypothesis_home_dir(platformdirs.user_cache_path("bucketsnb-tests") / "hypothesis")
register_profiles()

FOREIGN = ("BUCKETSNB_", "WORKFLOW_", "GITHUB_TOKEN", "GITHUB_PAT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NETRC")
FROM_OUTSIDE = frozenset(os.environ)
WITHOUT_LAB = re.compile("tests/browser/test_(door|hub|marimo|print|report)[.]py")
"""Tests in a browser that need no JupyterLab, or have one of their own."""
LONGEST = ("tests/browser/test_hub.py", "tests/soak/", "tests/notebooks/")
DAILY = "not browser and not slow"
ALL_SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the files of which the daily loop runs nothing: what they import takes seconds."""
    if config.option.markexpr != DAILY:
        return None
    whole_file = collection_path.suffix == ".py" and ALL_SLOW.search(collection_path.read_text())
    return True if whole_file or collection_path.name == "browser" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: not (_in_lab(item.nodeid) or item.nodeid.startswith(LONGEST)))


def _in_lab(nodeid: str) -> bool:
    return nodeid.startswith("tests/browser/") and not WITHOUT_LAB.match(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker of ``pytest -n`` whole files, and all that needs the JupyterLab of the tests to one of them.

    What the tests of a file share is then made once, and there is one such JupyterLab. The files go out in their order,
    as the last ones are short.
    """
    from xdist.scheduler import LoadFileScheduling

    class Whole(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/browser" if _in_lab(nodeid) else super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return Whole(config, log)


@pytest.fixture(scope="session", autouse=True)
def signals_are_heard() -> Iterator[None]:
    """Let the programs that tests start hear Ctrl-C and the end of a terminal, whoever started the tests.

    A script's ``pytest &`` and ``nohup`` have them ignored, and a child inherits that. A handler is not inherited: the
    child starts with the default. One that does nothing leaves the tests themselves as deaf as they were started.
    """
    ignored = [one for one in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_IGN]
    for one in ignored:
        signal.signal(one, lambda *_: None)
    yield
    for one in ignored:
        signal.signal(one, signal.SIG_IGN)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No address, token, proxy, workspace or journal of the person who runs the tests; return the empty home."""
    foreign = {name for name in os.environ if name.upper().startswith(FOREIGN)}
    assert foreign <= FROM_OUTSIDE, f"an earlier test has left {', '.join(foreign - FROM_OUTSIDE)} to the others"
    for name in foreign:
        monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # the width of a terminal, which workers of ``pytest -n`` are given
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


@pytest.fixture(scope="session")
def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB-protocol engine, or of the real server that was named."""
    given = nullcontext(REAL_SERVER) if REAL_SERVER else running_engine(tmp_path_factory.mktemp("engine"))
    with given as url:
        yield url


@pytest.fixture(scope="session")
def mongodb_store(mongodb_url: str) -> Iterator[str]:
    """Address of a MongoDB store, in a database of its own that goes away with the session."""
    with mongodb_database(mongodb_url) as address:
        yield address


@contextmanager
def mongodb_database(server: str) -> Iterator[str]:
    """Give the address of a database of its own on a server, for as long as it is needed."""
    import pymongo

    name = f"bucketsnb-test-{uuid4().hex[:12]}"
    hosts, _, options = server.partition("?")
    yield f"{hosts.rstrip('/')}/{name}?{options}"
    with pymongo.MongoClient(server) as client:
        client.drop_database(name)
