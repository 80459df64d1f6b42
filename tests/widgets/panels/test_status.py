from __future__ import annotations

import time
from pathlib import Path

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.widgets import State, StatusPanel
from bucketsnb.widgets.panels.status import _lines
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
    panel.table.receive({"type": "refresh"})
    until(lambda: not panel.table.worker.running)
    assert _paths(backend)
    assert all(path.startswith("/status") for path in _paths(backend))


def test_a_click_on_a_count_becomes_the_query(panel: StatusPanel):
    panel.table.receive({"type": "pick", "pipeline": "fitburst", "status": "failure"})
    assert panel.state.query == Query(pipeline="fitburst", status="failure")
    panel.table.receive({"type": "pick", "pipeline": "fitburst", "status": "total"})
    assert panel.state.query == Query(pipeline="fitburst")
    panel.table.receive({"type": "pick", "pipeline": None, "status": "success"})
    assert panel.state.query == Query(status="success")


def test_a_pipeline_without_a_name_is_never_any_pipeline(panel: StatusPanel):
    before = panel.state.query
    panel.table.receive({"type": "pick", "pipeline": "", "status": "failure"})
    assert panel.state.query == before
    assert "not empty" in panel.messages.shown[0].text


def test_the_page_gets_rows_totals_and_the_cell_that_is_the_query(panel: StatusPanel, sent: Sent):
    panel.table.pick("fitburst", "failure")
    panel.table.receive({"type": "hello"})
    drawn = sent.last(panel.table, "draw")
    assert {row["pipeline"]: row["counts"] for row in drawn["rows"]} == {
        "dm-pipeline": [1, 0, 0, 1, 0],
        "fitburst": [3, 1, 0, 0, 2],
    }
    assert drawn["totals"] == [4, 1, 0, 1, 2]
    assert drawn["picked"] == ["fitburst", "failure"]


def test_an_armed_confirm_holds_the_ticker(panel: StatusPanel, backend: LocalBackend):
    until(lambda: not panel.table.worker.running)
    panel.state.plan = object()
    panel.table.auto = True
    before = len(_paths(backend))
    panel.table._ended_at = -1e9
    panel.table.receive({"type": "tick"})
    assert not panel.table.worker.running
    assert len(_paths(backend)) == before


def test_a_service_that_fails_is_said_and_the_ticker_backs_off(panel: StatusPanel, monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[str]:
        raise RuntimeError("gone")

    until(lambda: not panel.table.worker.running)
    monkeypatch.setattr(panel.state.buckets.api, "pipelines", broken)
    panel.table.refresh()
    until(lambda: panel.messages.shown)
    assert panel.messages.shown[0].text == "gone"
    assert panel.table.wait == 20
    assert panel.state.status is not None


def test_a_first_read_that_fails_is_no_longer_called_reading(buckets: Buckets, backend: LocalBackend, sent: Sent):
    backend.faults.add("GET /status/*", status=400, times=None)
    panel = StatusPanel(buckets)
    until(lambda: panel.messages.shown and not panel.table.worker.running)
    assert sent.last(panel.table, "draw")["summary"].endswith("the status could not be read")
    assert not sent.last(panel.table, "draw")["busy"]


def test_a_change_elsewhere_on_the_page_is_looked_at(panel: StatusPanel, backend: LocalBackend):
    until(lambda: not panel.table.worker.running)
    before = panel.state.status
    panel.state.changes += 1
    until(lambda: panel.state.status is not before)


@pytest.mark.parametrize(("choice", "counts"), [(None, "the service's"), ("local", "this machine's")])
def test_a_clock_that_is_far_off_is_said_and_which_one_counts(
    panel: StatusPanel, monkeypatch: pytest.MonkeyPatch, choice: str | None, counts: str
):
    until(lambda: not panel.table.worker.running)
    panel.state.buckets.api.clock.choice = choice
    monkeypatch.setattr("bucketsnb.api.endpoints._skew", lambda answer: 7200.0)
    panel.table.refresh()
    until(lambda: panel.messages.shown)
    assert "2 h ahead of" in panel.messages.shown[0].text
    assert counts in repr(panel.messages.shown[0])


def test_the_static_form_has_the_counts(panel: StatusPanel):
    assert "fitburst" in panel.static()
    assert "(all)" in panel.static()


def test_a_pipeline_with_a_history_has_a_line_of_its_queue(panel: StatusPanel, buckets: Buckets, sent: Sent):
    until(lambda: not panel.table.worker.running)
    history, now = buckets.history(), time.time()
    for hour, queued in enumerate((4, 9, 1)):
        history.record(panel.state.status.assign(queued=queued), at=now - 7200 + 3600 * hour)
    before = panel.state.status
    panel.table.refresh()
    until(lambda: panel.state.status is not before)
    panel.table.receive({"type": "hello"})
    spark = sent.last(panel.table, "draw")["rows"][1]["spark"]
    assert [queued for _, queued in spark["points"]] == [4, 9, 1]
    assert spark["text"] == "queued over 2 h: 4 then, 1 at last, between 1 and 9"


def test_without_a_history_there_is_no_line(panel: StatusPanel, sent: Sent):
    panel.table.receive({"type": "hello"})
    assert [row["spark"] for row in sent.last(panel.table, "draw")["rows"]] == [None, None]


def test_a_long_history_is_thinned_to_its_newest(buckets: Buckets):
    status = buckets.status().reindex(["fitburst"], fill_value=5)
    history, now = buckets.history(), time.time()
    for minute in range(100):
        history.record(status, at=now + 60 * minute)
    points = _lines(history)["fitburst"]["points"]
    assert len(points) == 50
    assert points[-1] == (pytest.approx(now + 60 * 99), 5)


def test_a_history_that_cannot_be_read_is_said_beside_the_status(panel: StatusPanel, environment: Path):
    until(lambda: not panel.table.worker.running)
    (environment / "history.db").write_text("not a database")
    before = panel.state.status
    panel.table.refresh()
    until(lambda: panel.messages.shown)
    assert panel.state.status is not before
    assert "BUCKETSNB_HISTORY" in panel.messages.shown[0].text
