from __future__ import annotations

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.widgets import App, app
from bucketsnb.widgets.preview import Preview
from bucketsnb.widgets.query_builder import QueryBuilder
from bucketsnb.widgets.withdraw_panel import WithdrawPanel
from tests.factory import make_work
from tests.widgets.page import Sent
from tests.widgets.waiting import until


@pytest.fixture
def page(buckets: Buckets, backend: LocalBackend) -> App:
    backend.store.load([make_work(pipeline="fitburst", status=status) for status in ("queued", "failure", "failure")])
    page = app(buckets)
    until(lambda: page.state.frame is not None and page.state.status is not None)
    return page


def _audits(backend: LocalBackend) -> list[str]:
    return [one.path for one in backend.requests if one.path.startswith("/audit") or one.method in ("PUT", "DELETE")]


def test_opening_the_page_only_reads(page: App, backend: LocalBackend):
    until(lambda: not page.status.worker.running and not page.preview.worker.running)
    assert _audits(backend) == []


def test_from_a_count_to_a_receipt_and_back(page: App, backend: LocalBackend):
    page.status.pick("fitburst", "failure")
    until(lambda: page.state.frame is not None and len(page.state.frame) == 2)
    assert page.builder.query == Query(pipeline="fitburst", status="failure")
    page.preview.grid.select(page.state.frame["id"][:1])
    delete = page.actions["Delete"]
    delete.plan_button.click()
    until(lambda: delete.box.armed)
    delete.box.confirm.yes.click()
    until(lambda: page.state.frame is not None and len(page.state.frame) == 1)
    until(lambda: page.state.status is not None and int(page.state.status["failure"].sum()) == 1)
    assert "1 of 1 work done" in page.static()


def test_a_query_that_cannot_be_meant_shows_no_works(page: App):
    page.builder.edit("priority", "9")
    assert page.state.query is None
    assert page.state.frame is None
    page.builder.edit("priority", "")
    until(lambda: page.state.frame is not None)


def test_works_that_come_after_the_query_was_spoilt_are_not_shown(page: App, backend: LocalBackend):
    backend.faults.add("POST /view", delay=0.3)
    page.preview.refresh()
    page.builder.edit("priority", "9")
    until(lambda: not page.preview.worker.running)
    page.preview.worker.close()
    assert page.state.frame is None
    assert "not complete" in page.preview.said.value


def test_what_could_not_be_read_is_not_said_to_be_nothing(buckets: Buckets, backend: LocalBackend, sent: Sent):
    backend.faults.add("POST /view", status=400, times=None)
    preview = Preview(buckets)
    preview.state.query = Query(pipeline="fitburst")
    until(lambda: preview.messages.shown)
    preview.grid.table.receive({"type": "hello"})
    shown = sent.last(preview.grid.table, "reset")
    assert (shown["note"], shown["matched"]) == ("No works have been read.", "?")
    assert "read before" not in preview.said.value


def test_what_is_read_for_an_older_query_is_dropped(page: App, backend: LocalBackend):
    backend.faults.add("POST /view", delay=0.3)
    page.builder.edit("status", ["queued"])
    page.builder.edit("status", ["failure"])
    until(lambda: page.state.frame is not None and len(page.state.frame) == 2)
    until(lambda: not page.preview.worker.running)
    page.preview.worker.close()
    assert set(page.state.frame["status"]) == {"failure"}


def test_a_service_that_fails_leaves_the_last_works_and_says_so(page: App, backend: LocalBackend):
    backend.faults.add("POST /view", status=500, times=None)
    page.preview.refresh()
    until(lambda: page.preview.messages.shown)
    assert page.preview.messages.shown[0].kind == "error"
    assert len(page.state.frame) == 3


def test_names_that_cannot_be_offered_are_said_by_the_status_alone_where_there_is_one(
    buckets: Buckets, backend: LocalBackend
):
    backend.faults.add("GET /status/pipelines", status=400, times=None)
    page = app(buckets)
    withdraw = page.actions["Withdraw"]
    assert isinstance(withdraw, WithdrawPanel)
    until(lambda: not page.builder._pipelines.running and not withdraw.names.running)
    until(lambda: page.status.messages.shown)
    assert not page.builder.messages.shown
    assert not withdraw.messages.shown
    alone = QueryBuilder(buckets)
    until(lambda: alone.messages.shown)


def test_the_page_without_a_kernel_keeps_status_query_works(page: App):
    static = page.static()
    for part in ("fitburst", "Query(", "3 shown, 3 matched"):
        assert part in static


def test_no_work_is_explained_by_the_condition_that_is_to_blame(page: App):
    page.builder.query = Query(pipeline="fitburst", status="success")
    until(lambda: page.preview.why.value)
    assert "success" in page.preview.why.value
    page.builder.query = Query(pipeline="fitburst")
    until(lambda: not page.preview.why.value)
