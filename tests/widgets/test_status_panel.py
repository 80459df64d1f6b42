from __future__ import annotations

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.widgets import State, StatusPanel
from tests.factory import make_work
from tests.widgets.page import Sent
from tests.widgets.waiting import until


@pytest.fixture
def panel(buckets: Buckets, backend: LocalBackend) -> StatusPanel:
    backend.store.load([make_work(pipeline="fitburst", status=status) for status in ("queued", "failure", "failure")])
    backend.store.load([make_work(pipeline="dm-pipeline", status="success")])
    panel = StatusPanel(State(buckets))
    until(lambda: panel.state.status is not None)
    return panel


def _paths(backend: LocalBackend) -> list[str]:
    return [request.path for request in backend.requests]


def test_showing_and_refreshing_reads_the_status_and_nothing_else(panel: StatusPanel, backend: LocalBackend):
    panel.button.click()
    until(lambda: not panel.worker.running)
    assert _paths(backend)
    assert all(path.startswith("/status") for path in _paths(backend))


def test_a_click_on_a_count_becomes_the_query(panel: StatusPanel):
    panel.table.receive({"type": "pick", "pipeline": "fitburst", "status": "failure"})
    assert panel.state.query == Query(pipeline="fitburst", status="failure")
    panel.table.receive({"type": "pick", "pipeline": "fitburst", "status": "total"})
    assert panel.state.query == Query(pipeline="fitburst")
    panel.table.receive({"type": "pick", "pipeline": None, "status": "success"})
    assert panel.state.query == Query(status="success")


def test_the_page_gets_rows_totals_and_the_cell_that_is_the_query(panel: StatusPanel, sent: Sent):
    panel.pick("fitburst", "failure")
    panel.table.receive({"type": "hello"})
    drawn = sent.last(panel.table, "draw")
    assert {row["pipeline"]: row["counts"] for row in drawn["rows"]} == {
        "dm-pipeline": [1, 0, 0, 1, 0],
        "fitburst": [3, 1, 0, 0, 2],
    }
    assert drawn["totals"] == [4, 1, 0, 1, 2]
    assert drawn["picked"] == ["fitburst", "failure"]


def test_an_armed_confirm_holds_the_ticker(panel: StatusPanel, backend: LocalBackend):
    until(lambda: not panel.worker.running)
    panel.state.plan = object()
    panel.ticker.on = True
    before = len(_paths(backend))
    panel.ticker._ended = -1e9
    panel.ticker.receive({"type": "tick"})
    assert not panel.worker.running
    assert len(_paths(backend)) == before


def test_a_service_that_fails_is_said_and_the_ticker_backs_off(panel: StatusPanel, monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[str]:
        raise RuntimeError("gone")

    until(lambda: not panel.worker.running)
    monkeypatch.setattr(panel.state.buckets.api, "pipelines", broken)
    panel.refresh()
    until(lambda: panel.messages.shown)
    assert panel.messages.shown[0].text == "gone"
    assert panel.ticker.wait == 20
    assert panel.state.status is not None


def test_a_change_elsewhere_on_the_page_is_looked_at(panel: StatusPanel, backend: LocalBackend):
    until(lambda: not panel.worker.running)
    before = panel.state.status
    panel.state.changes += 1
    until(lambda: panel.state.status is not before)


def test_a_clock_that_is_far_off_is_said(panel: StatusPanel, monkeypatch: pytest.MonkeyPatch):
    until(lambda: not panel.worker.running)
    monkeypatch.setattr("bucketsnb.api.endpoints._skew", lambda answer: 7200.0)
    panel.refresh()
    until(lambda: panel.messages.shown)
    assert "2 h ahead of" in panel.messages.shown[0].text


def test_the_static_form_has_the_counts(panel: StatusPanel):
    assert "fitburst" in panel.static()
    assert "(all)" in panel.static()
