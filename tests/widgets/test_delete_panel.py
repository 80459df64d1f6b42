"""The delete panel by its traits and clicks, on a real backend: what it shows, when it asks, and what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.widgets import DeletePanel
from tests.factory import make_work

PIPELINE = "baseband-converter"


@pytest.fixture
def panel(buckets: Buckets, backend: LocalBackend) -> DeletePanel:
    """Show a panel on a queue with three failed works, a running one, and two of another pipeline."""
    statuses = ["failure", "failure", "failure", "running"]
    works = [make_work(pipeline=PIPELINE, status=status, id=None) for status in statuses]
    works += [make_work(pipeline="fitburst", status="failure", id=None) for _ in range(2)]
    backend.store.load(works)
    return DeletePanel(buckets, Query(pipeline=PIPELINE))


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def idle(panel: DeletePanel) -> None:
    until(lambda: not panel.worker.running)
    with panel.state.lock:  # held while a result is taken over
        pass
    assert [message.text for message in panel.messages.shown if message.kind == "error"] == []


def preview(panel: DeletePanel, status: str | None = None) -> None:
    panel.builder.edit("status", [status] if status else [])
    panel.preview.click()
    idle(panel)


def arm(panel: DeletePanel) -> None:
    panel.delete.click()
    until(lambda: panel.confirm.armed)


def left(backend: LocalBackend) -> int:
    return int(backend.store.status()["total"])


def changing(backend: LocalBackend) -> list[str]:
    return [request.method for request in backend.requests if request.method in {"DELETE", "PUT"}]


def test_preview_confirm_delete(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel, "failure")
    assert panel.delete.description == "Delete 3 works …"
    arm(panel)
    host = backend.url.removeprefix("http://")
    assert panel.confirm.yes.description == f"Delete 3 works of {PIPELINE} on {host}"
    assert changing(backend) == []

    panel.confirm.yes.click()
    until(lambda: panel.state.receipt is not None)
    idle(panel)
    assert panel.state.receipt.counts["done"] == 3
    assert backend.store.status(PIPELINE)["failure"] == 0
    assert left(backend) == 3
    assert "3 of 3 works done" in panel.receipt.value
    assert len(panel.state.frame) == 0


def test_undo_brings_them_back(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel, "failure")
    arm(panel)
    panel.confirm.yes.click()
    until(lambda: panel.state.receipt is not None)
    idle(panel)
    panel.undo.click()
    until(lambda: left(backend) == 6)
    idle(panel)
    assert backend.store.status(PIPELINE)["failure"] == 3
    assert panel.undo.layout.display == "none"


def test_cancel_sends_nothing(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel, "failure")
    arm(panel)
    panel.confirm.no.click()
    panel.confirm.yes.click()
    idle(panel)
    assert left(backend) == 6
    assert changing(backend) == []


def test_only_the_selected_works_go(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel, "failure")
    chosen = list(panel.state.frame["id"][:2])
    panel.grid.select(chosen)
    assert panel.delete.description == "Delete 2 works …"
    arm(panel)
    panel.confirm.yes.click()
    until(lambda: panel.state.receipt is not None)
    idle(panel)
    assert left(backend) == 4
    assert sorted(panel.state.receipt.frame["id"]) == sorted(chosen)


@pytest.mark.parametrize(
    "edit",
    [
        lambda panel: panel.builder.edit("pipeline", ["fitburst"]),
        lambda panel: panel.builder.edit("older_than", "7d"),
        lambda panel: panel.grid.select(list(panel.state.frame["id"][:1])),
    ],
    ids=["pipeline", "age", "selection"],
)
def test_any_edit_disarms(panel: DeletePanel, backend: LocalBackend, edit: Callable[[DeletePanel], None]) -> None:
    preview(panel, "failure")
    arm(panel)
    edit(panel)
    panel.confirm.yes.click()
    idle(panel)
    assert not panel.confirm.armed
    assert left(backend) == 6


def test_an_edit_takes_the_old_works_away(panel: DeletePanel) -> None:
    preview(panel, "failure")
    panel.builder.edit("pipeline", ["fitburst"])
    assert panel.state.frame is None
    assert panel.delete.layout.display == "none"
    panel.delete.click()
    assert not panel.worker.running


def test_running_works_want_the_count_typed(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel)
    arm(panel)
    assert "1 running" in panel.confirm.question.value
    panel.confirm.yes.click()
    assert left(backend) == 6
    panel.confirm.typed.value = "4"
    panel.confirm.yes.click()
    until(lambda: left(backend) == 2)
    idle(panel)


def test_a_work_that_moved_on_since_the_preview_stays(panel: DeletePanel, backend: LocalBackend) -> None:
    preview(panel, "failure")
    moved = panel.state.frame["id"].iloc[0]
    arm(panel)
    backend.store.update([{"id": moved, "status": "running"}])
    panel.confirm.yes.click()
    until(lambda: panel.state.receipt is not None)
    idle(panel)
    assert panel.state.receipt.counts["drifted"] == 1
    assert backend.store.status(PIPELINE)["running"] == 2


def test_more_matches_than_the_limit_are_said(buckets: Buckets, backend: LocalBackend) -> None:
    backend.store.load([make_work(pipeline=PIPELINE, id=None) for _ in range(5)])
    panel = DeletePanel(buckets, {"pipeline": PIPELINE}, limit=3)
    panel.preview.click()
    idle(panel)
    assert "newest 3" in panel.note.value
    assert panel.grid.counts_text == "5"


def test_a_word_that_cannot_be_meant_stops_the_preview(panel: DeletePanel, backend: LocalBackend) -> None:
    panel.builder.edit("older_than", "soon")
    assert panel.preview.disabled
    panel.preview.click()
    assert not panel.worker.running
    panel.builder.edit("older_than", "7d")
    assert not panel.preview.disabled


def test_a_service_that_fails_leaves_the_panel_usable(panel: DeletePanel, backend: LocalBackend) -> None:
    backend.faults.add("POST /view", status=400, times=1)
    panel.preview.click()
    until(lambda: panel.messages.shown)
    assert not panel.preview.disabled
    preview(panel, "failure")
    assert panel.delete.description == "Delete 3 works …"


def test_the_saved_form_shows_works_and_receipt(panel: DeletePanel) -> None:
    preview(panel, "failure")
    assert panel.static().count("<tr") == 1 + 3
