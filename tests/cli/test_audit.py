"""``bucketsnb audit``: what the passes would change is shown first, and what they did is read back."""

from __future__ import annotations

import json
import time

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import Run
from tests.factory import make_work


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    """Serve a failed work with an attempt left, one past its timeout, and one that is as it should be."""
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    now = time.time()
    backend.store.load(
        [
            make_work(status="failure", attempt=1, retries=2, creation=now - 60),
            make_work(status="running", attempt=1, start=now - 7200, timeout=3600, creation=now - 7300),
            make_work(status="success", attempt=1, creation=now - 50),
        ]
    )
    return backend


def test_what_it_would_change_is_shown_and_nothing_done_without_a_yes(
    queue: LocalBackend, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bucketsnb.cli.carry_out.at_a_terminal", lambda: True)
    code, out, err = run("audit", said="no\n")
    assert (code, out) == (4, "")
    assert "failed: 1 work to queued; expired: 1 work to failure" in err
    assert [request.path for request in queue.requests if "audit" in request.path] == []


def test_it_runs_and_is_on_record(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("audit", "--yes", "--json", "--reason", "Monday")
    receipt = json.loads(out)
    assert (code, receipt["counts"]["done"]) == (0, 2)
    assert queue.store.status()["queued"] == 1
    assert f"bucketsnb undo {receipt['entry']}" in err


def test_nothing_to_change_is_an_exit_code(backend: LocalBackend, run: Run) -> None:
    code, out, err = run("audit", "--url", backend.url, "--yes")
    assert (code, out) == (3, "")
    assert "an audit would change nothing" in err
    assert [request.path for request in backend.requests if "audit" in request.path] == []


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--yes", "--max-affected", "1"], "--max-affected 2"), ([], "--yes")],
    ids=["many", "nobody"],
)
def test_what_is_refused_runs_nothing(queue: LocalBackend, run: Run, options: list[str], named: str) -> None:
    code, out, err = run("audit", *options)
    assert (code, out) == (4, "")
    assert named in err
    assert [request.path for request in queue.requests if "audit" in request.path] == []
