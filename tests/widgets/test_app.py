from __future__ import annotations

import gc
import re

import ipywidgets
import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.widgets import App, app
from bucketsnb.widgets.app import _PANELS
from tests.factory import make_work, make_works
from tests.widgets.page import Sent
from tests.widgets.waiting import until

MODELS = 150
"""Widget models of the first page, at most: a reload makes each of them again."""


@pytest.fixture
def page(buckets: Buckets, backend: LocalBackend) -> App:
    backend.store.load([make_work(pipeline="fitburst", status=status) for status in ("queued", "failure", "failure")])
    page = app(buckets)
    _rest(page)
    return page


def _rest(page: App) -> None:
    until(lambda: page.state.frame is not None and page.state.status is not None)
    until(lambda: not (page.status.worker.running or page.reader.worker.running or page.reader.explainer.running))
    with page.state.lock:  # the callbacks that brought the answers have ended
        pass


def _changes(backend: LocalBackend) -> list[str]:
    return [one.path for one in backend.requests if one.path.startswith("/audit") or one.method in ("PUT", "DELETE")]


def _models() -> int:
    gc.collect()
    return len(ipywidgets.widgets.widget._instances)


def test_opening_the_page_only_reads(page: App, backend: LocalBackend):
    _rest(page)
    assert _changes(backend) == []


def test_the_page_is_few_models_and_closing_leaves_none(buckets: Buckets):
    before = _models()
    page = app(buckets)
    for name in ("change", *_PANELS):
        page.show(name)
    assert _models() - before <= MODELS
    page.close()
    assert _models() == before


def test_a_new_page_of_the_same_client_closes_the_one_before(buckets: Buckets, backend: LocalBackend):
    before = _models()
    first = app(buckets)
    one = _models() - before
    for _ in range(5):
        last = app(buckets)
    assert _models() - before == one
    assert first.comm is None
    other = app(Buckets(backend.url))
    assert last.comm is not None
    assert other.comm is not None


def test_panels_are_built_when_they_are_first_opened(page: App):
    assert page.forms == {}
    page.actions.receive({"type": "open", "name": "journal"})
    page.actions.receive({"type": "open", "name": "deposit"})
    assert list(page.forms) == ["journal", "deposit"]
    assert [name for name, _, shown in page.parts if shown and name in page.forms] == ["deposit"]
    page.actions.receive({"type": "open", "name": "deposit"})
    assert not [name for name, _, shown in page.parts if shown and name in page.forms]


def test_counts_of_the_filters_before_are_drawn_as_old_while_the_new_works_are_read(
    page: App, backend: LocalBackend, sent: Sent
):
    backend.faults.add("POST /view", delay=0.3)
    page.status.receive({"type": "pick", "pipeline": "fitburst", "status": "failure"})
    assert sent.last(page.actions, "draw")["old"]
    until(lambda: page.state.up_to_date)
    assert not sent.last(page.actions, "draw")["old"]


def test_works_that_were_requeued_as_asked_are_not_reported_as_lost_from_the_selection(page: App):
    page.status.receive({"type": "pick", "pipeline": "fitburst", "status": "failure"})
    until(lambda: page.state.up_to_date and len(page.state.frame) == 2)
    page.grid.receive({"type": "all"})
    page.actions.receive({"type": "do", "name": "requeue"})
    until(lambda: page.box.armed)
    page.box.receive({"type": "confirm", "typed": ""})
    until(lambda: len(page.state.frame) == 0)
    _rest(page)
    assert not page.messages.shown
    assert page.state.selection == ()


def test_an_event_of_an_opened_work_asks_for_all_works_of_that_event(page: App, backend: LocalBackend, sent: Sent):
    backend.store.load([make_work(event=[5, 2**60 + 1], status=status) for status in ("queued", "success")])
    page.status.receive({"type": "pick", "pipeline": "baseband-converter", "status": "queued"})
    until(lambda: page.state.up_to_date and len(page.state.frame) == 1)
    _rest(page)
    page.grid.receive({"type": "open", "row": 0, "generation": sent.last(page.grid, "reset")["generation"]})
    first, second = sent.last(page.grid, "work")["events"]
    page.grid.receive({"type": "event", "event": second})
    until(lambda: page.state.up_to_date and len(page.state.frame) == 2)
    assert page.filters.query == Query(event=2**60 + 1)
    page.filters.undo()
    assert page.filters.query == Query(pipeline="baseband-converter", status="queued")
    assert first == "5"


def test_where_nothing_matches_the_reason_is_said_once_in_place_of_a_note(page: App, sent: Sent):
    page.filters.query = Query(pipeline="fitburst", overdue=True)
    until(lambda: page.state.why is not None)
    _rest(page)
    drawn = sent.last(page.grid, "state")
    assert drawn["note"] == ""
    assert drawn["why"][0].startswith("Nothing matches.")


def test_a_queue_without_a_work_is_called_empty(buckets: Buckets, sent: Sent):
    page = app(buckets)
    _rest(page)
    page.grid.draw()
    assert sent.last(page.grid, "state")["note"].startswith("The queue is empty.")


def test_the_form_for_a_change_closes_once_its_change_was_made(page: App):
    page.grid.receive({"type": "all"})
    page.actions.receive({"type": "do", "name": "change"})
    form = page.forms["change"]
    form.edit("value", "5")
    form.receive({"type": "press", "name": "plan"})
    until(lambda: page.box.armed)
    assert page.actions.opened == "change"
    page.box.confirm()
    until(lambda: page.state.receipt is not None and not page.box.busy)
    assert page.actions.opened == ""


def test_from_a_count_to_a_receipt_and_back(page: App, backend: LocalBackend):
    page.status.receive({"type": "pick", "pipeline": "fitburst", "status": "failure"})
    until(lambda: page.state.up_to_date and len(page.state.frame) == 2)
    assert page.filters.query == Query(pipeline="fitburst", status="failure")
    page.grid.receive({"type": "select", "ids": list(page.state.frame["id"][:1]), "on": True, "view": "v"})
    assert list(page.selection["id"]) == list(page.state.frame["id"][:1])
    page.actions.receive({"type": "do", "name": "delete"})
    until(lambda: page.box.armed)
    page.box.receive({"type": "confirm", "typed": ""})
    until(lambda: len(page.state.frame) == 1)
    until(lambda: int(page.state.status["failure"].sum()) == 1)
    _rest(page)
    assert ": 1 work deleted" in page.static()


def test_a_long_read_says_how_far_it_is_and_about_how_long_it_takes(
    page: App, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    page.status.follow("reading", said.append)
    text = "1,000 of 4,000 works, about 30 s left"
    monkeypatch.setattr(page.reader.worker, "start", lambda *_, progress, **__: progress(1000, 4000, text))
    page.reader.refresh()
    assert said == ["Reading …", "Reading … 1,000 of 4,000 works, about 30 s left"]


def test_a_query_that_cannot_be_meant_shows_no_works(page: App):
    page.filters.edit("priority", "9")
    assert page.state.query is None
    assert page.state.frame is None
    page.filters.edit("priority", "")
    until(lambda: page.state.frame is not None)


def test_works_that_come_after_the_query_was_spoilt_are_not_shown(page: App, backend: LocalBackend):
    backend.faults.add("POST /view", delay=0.3)
    page.reader.refresh()
    page.filters.edit("priority", "9")
    page.reader.worker.close()
    assert page.state.frame is None
    assert page.state.reading == ""


def test_what_could_not_be_read_is_not_said_to_be_nothing(buckets: Buckets, backend: LocalBackend, sent: Sent):
    backend.faults.add("POST /view", status=400, times=None)
    page = app(buckets, Query(pipeline="fitburst"))
    until(lambda: page.messages.shown)
    page.grid.receive({"type": "hello"})
    page.actions.receive({"type": "hello"})
    assert sent.last(page.grid, "state")["note"] == "No works have been read."
    assert sent.last(page.actions, "draw")["counts"][0] == {"value": "?", "word": "match"}


def test_what_is_read_for_an_older_query_is_dropped_and_shown_as_older_until_then(
    page: App, backend: LocalBackend, sent: Sent
):
    backend.faults.add("POST /view", delay=0.3)
    page.filters.edit("status", ["queued"])
    assert sent.last(page.grid, "state")["stale"]
    page.filters.edit("status", ["failure"])
    until(lambda: page.state.up_to_date)
    _rest(page)
    assert set(page.state.frame["status"]) == {"failure"}
    assert not sent.last(page.grid, "state")["stale"]
    told = [message for part, message in sent.messages if part is page.grid and message["type"] in ("reset", "state")]
    first = next(place for place, one in enumerate(told) if one["type"] == "reset" and one["causes"])
    before = [one["stale"] for one in told[:first] if one["type"] == "state"]
    assert before[before.index(True) :] == [True] * before.count(True), "rows of an older query were shown as new"


def test_a_service_that_fails_leaves_the_last_works_and_says_so_until_it_is_over(page: App, backend: LocalBackend):
    backend.faults.add("POST /view", status=400, times=1)
    page.reader.refresh()
    until(lambda: page.messages.shown)
    assert page.messages.shown[0].kind == "error"
    assert len(page.state.frame) == 3
    page.reader.refresh()
    until(lambda: not page.messages.shown)


def test_names_that_cannot_be_offered_are_said_by_the_status_alone(buckets: Buckets, backend: LocalBackend):
    backend.faults.add("GET /status/pipelines", status=400, times=None)
    page = app(buckets)
    page.show("claim")
    until(lambda: not page.filters.naming.running and not page.forms["claim"].naming.running)
    until(lambda: page.messages.shown)
    assert len(page.messages.shown) == 1


def test_the_page_without_a_kernel_keeps_status_query_works(page: App):
    static = page.static()
    for part in ("fitburst", "Query(", "3 read, 3 match"):
        assert part in static


def test_the_page_without_a_kernel_has_headings_in_the_order_of_the_page(page: App):
    def headings() -> list[str]:
        return re.findall("<h3>([^<]*)</h3>", page.static())

    assert headings() == ["Status", "Query", "Works"]
    page.grid.receive({"type": "select", "ids": list(page.state.frame["id"][:1]), "on": True, "view": "v"})
    page.actions.receive({"type": "do", "name": "delete"})
    until(lambda: page.box.armed)
    assert headings() == ["Status", "Query", "Last change", "Works"]
    page.show("journal")
    assert headings() == ["Status", "Query", "Last change", "Journal", "Works"]


def test_no_work_is_explained_by_the_condition_that_is_to_blame(page: App, sent: Sent):
    page.filters.query = Query(pipeline="fitburst", status="success")
    until(lambda: page.state.why is not None)
    _rest(page)
    assert any("success" in line for line in sent.last(page.grid, "state")["why"])
    page.filters.query = Query(pipeline="fitburst")
    assert page.state.why is None


def test_the_number_that_match_is_counted_where_the_read_was_cut_short(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(30, pipeline="fitburst", status="failure"))
    page = app(buckets, Query(pipeline="fitburst"))
    page.grid.receive({"type": "limit", "limit": 10})
    until(lambda: page.state.read_count == 10 and page.state.is_exact)
    assert page.state.matched == 30
    page.grid.receive({"type": "limit", "limit": None})
    until(lambda: page.state.frame is not None and len(page.state.frame) == 30)


def test_nothing_that_the_page_holds_is_in_the_state_that_a_notebook_saves(page: App):
    work = str(page.state.frame["id"].iloc[0])
    page.show("deposit")
    page.forms["deposit"].receive({"type": "edit", "name": "pasted", "value": "typed-by-hand"})
    state = repr(page.get_state())
    assert work not in state
    assert "typed-by-hand" not in state
