"""The panels that change works, by traits and clicks, on a real backend: plan, question, receipt, undo."""

from __future__ import annotations

import json
import re
import threading
import time
import warnings
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.errors import Cure, ScopeRefused
from bucketsnb.schema import FIELDS
from bucketsnb.widgets import (
    AuditPanel,
    DeletePanel,
    DepositPanel,
    JournalPanel,
    RequeuePanel,
    State,
    UpdatePanel,
    WithdrawPanel,
)
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.parts.wording import question_of, refusal_of
from tests.factory import make_work, make_works
from tests.widgets.page import Sent
from tests.widgets.waiting import until

PIPELINE = "baseband-converter"
READS = {"/view", "/version"}


@pytest.fixture
def state(buckets: Buckets, backend: LocalBackend) -> State:
    """Return a page that shows three failed works and a running one of a pipeline."""
    works = [make_work(pipeline=PIPELINE, status=status, attempt=1) for status in ("failure",) * 3 + ("running",)]
    backend.store.load(works)
    state = State(buckets)
    state.query = Query(pipeline=PIPELINE, status="failure")
    _read(state)
    return state


def _read(state: State) -> None:
    state.frame = state.buckets.view(state.query, limit=1000)
    state.read_for = state.query


def _changes(backend: LocalBackend) -> list[str]:
    return [f"{one.method} {one.path}" for one in backend.requests if one.method != "HEAD" and _changing(one)]


def _changing(request: Any) -> bool:
    return request.path not in READS and not request.path.startswith("/status")


def _errors(panel: Panel) -> list[str]:
    return [message.text for message in panel.messages.shown if message.kind == "error"]


def _select_all(state: State) -> None:
    state.selection = () if state.frame is None else tuple(state.frame["id"])


def _ask(panel: Any) -> None:
    """Press the button that asks, as the page does."""
    if hasattr(panel, "actions"):
        panel.plan()
    elif isinstance(panel, JournalPanel):
        panel.form.receive({"type": "undo", "entry": panel.form.rows[0]["entry"]})
    else:
        panel.form.receive({"type": "press", "name": "plan"})


def _settled(panel: Any) -> None:
    until(lambda: not panel.box.planning and not panel.box.busy)
    with panel.state.lock:  # the callback that brought the answer has ended
        pass


def _arm(panel: Any) -> None:
    _ask(panel)
    _settled(panel)
    assert _errors(panel) == []
    assert panel.box.armed


def _apply(panel: Any, typed: str = "") -> Any:
    panel.state.receipt = None
    panel.box.receive({"type": "confirm", "typed": typed})
    until(lambda: panel.state.receipt is not None and not panel.box.busy)
    with panel.state.lock:  # the callback that brought the receipt has ended
        pass
    assert _errors(panel) == []
    return panel.state.receipt


@pytest.mark.parametrize("make", [DeletePanel, RequeuePanel, UpdatePanel])
def test_nothing_selected_means_nothing(state: State, backend: LocalBackend, make: Any, sent: Sent):
    panel = make(state)
    panel.actions.receive({"type": "hello"})
    assert not any(one["on"] for one in sent.last(panel.actions, "draw")["actions"])
    for name in ("delete", "requeue"):
        panel.actions.receive({"type": "do", "name": name})
    panel.plan()
    assert not panel.box.planning
    assert not panel.box.armed
    assert _errors(panel) == []


def test_the_question_says_verb_count_pipeline_and_host(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    host = backend.url.removeprefix("http://")
    question = panel.box._question()
    assert question["title"] == f"Delete 3 works of {PIPELINE} on {host}"
    assert "failure 3" in question["facts"]
    assert question["list"]["title"] == "the 3 works"
    assert _changes(backend) == []


def test_deleted_works_are_on_the_receipt_and_come_back_by_undo(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    assert _apply(panel).counts["done"] == 3
    assert backend.store.status(PIPELINE)["failure"] == 0
    assert panel.box._receipt()["title"] == "3 works deleted"
    assert ": 3 works deleted" in panel.static()
    _ask_undo(panel)
    assert panel.box._question()["title"].startswith("Put back 3 works on ")
    _apply(panel)
    assert backend.store.status(PIPELINE)["failure"] == 3
    assert not panel.box.can_undo


def test_after_a_deletion_the_same_place_offers_no_other(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    state.query = Query(pipeline=PIPELINE)
    _read(state)
    state.selection = tuple(state.frame.loc[state.frame["status"] == "failure", "id"])
    _arm(panel)
    _apply(panel)
    assert state.selection == ()
    panel.plan()
    panel.box.receive({"type": "confirm", "typed": ""})
    panel.box.receive({"type": "resume"})
    _settled(panel)
    assert _changes(backend) == ["DELETE /work"]
    assert backend.store.status(PIPELINE)["running"] == 1


def _ask_undo(panel: Any) -> None:
    panel.box.receive({"type": "undo"})
    until(lambda: panel.box.armed)
    _settled(panel)


def test_the_question_to_undo_counts_what_the_undo_would_do_and_wants_nothing_typed(
    buckets: Buckets, backend: LocalBackend
):
    backend.store.load(make_works(300, pipeline=PIPELINE, status="failure"))
    state = State(buckets)
    state.query = Query(pipeline=PIPELINE)
    _read(state)
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    assert panel.box._question()["word"] == "300"
    backend.faults.add("DELETE /work", hang_up="after", skip=1)
    backend.faults.add("POST /view", status=400, skip=3)  # nobody sees what came of the second request
    _apply_as_it_comes(panel, "300")
    assert (state.receipt.counts["done"], state.receipt.counts["unknown"]) == (250, 50)
    panel.messages.clear()
    _ask_undo(panel)
    assert panel.box._question()["title"].startswith("Put back 300 works on ")
    assert panel.box._question()["word"] is None
    assert _apply(panel).counts["done"] == 300
    assert backend.store.status(PIPELINE)["failure"] == 300


def _apply_as_it_comes(panel: Any, typed: str) -> None:
    panel.box.receive({"type": "confirm", "typed": typed})
    until(lambda: panel.state.receipt is not None and not panel.box.busy)
    _settled(panel)


def test_the_question_to_undo_a_deposit_says_that_it_deletes(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets), [make_work(), make_work()])
    _arm(panel)
    _apply(panel)
    _ask_undo(panel)
    assert panel.box._question()["title"].startswith("Delete 2 works on ")
    assert panel.box._question()["danger"]
    _apply(panel)
    assert backend.store.status()["total"] == 0


@pytest.mark.parametrize("verb", ["delete", "deposit", "requeue"])
def test_the_list_of_an_undo_has_no_column_that_is_empty(buckets: Buckets, backend: LocalBackend, verb: str):
    backend.store.load([make_work(status="failure", id=f"{n:024x}") for n in (1, 2)])
    plans = {
        "delete": lambda: buckets.plan_delete(pipeline=PIPELINE),
        "deposit": lambda: buckets.plan_deposit([make_work(), make_work()]),
        "requeue": lambda: buckets.plan_requeue(pipeline=PIPELINE),
    }
    undo = buckets.plan_undo(plans[verb]().apply().entry)
    listed = question_of(undo)["list"]
    assert len(listed["rows"]) == undo.count == 2
    assert all(any(column) for column in zip(*listed["rows"], strict=True)), listed["headers"]
    assert ("what changes" in listed["headers"]) is (verb == "requeue")


def test_an_undo_that_is_not_confirmed_leaves_the_receipt_with_its_undo(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    _apply(panel)
    sent = _changes(backend)
    _ask_undo(panel)
    panel.box.receive({"type": "resume"})
    panel.box.receive({"type": "cancel"})
    assert not state.armed
    assert ": 3 works deleted" in panel.static()
    assert panel.box.can_undo
    _ask_undo(panel)
    state.selection = ("x",)  # that is not what this question is about
    assert panel.box.armed
    panel.box.receive({"type": "cancel"})
    with state.lock:  # the plan arrives after Stop
        panel.box.receive({"type": "undo"})
        panel.box.receive({"type": "stop"})
    _settled(panel)
    assert not panel.box.armed
    assert "nothing was changed" in panel.box.notice
    assert panel.box.can_undo
    assert _changes(backend) == sent


def test_an_undo_that_cannot_be_planned_says_why(state: State, buckets: Buckets):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    receipt = _apply(panel)
    receipt.undo()
    panel.box.receive({"type": "undo"})
    until(lambda: panel.messages.shown)
    _settled(panel)
    assert "undone before" in _errors(panel)[0]
    assert not panel.box.armed
    assert panel.box._working is None


def test_a_receipt_stays_until_it_is_dismissed_or_the_next_change(state: State):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    receipt = _apply(panel)
    state.query = Query(pipeline="other")
    assert panel.box.receipt is receipt
    panel.box.receive({"type": "dismiss"})
    assert panel.box.receipt is None
    assert not panel.box.can_undo


def test_a_double_click_acts_once(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    clicks = [threading.Thread(target=panel.box.receive, args=[{"type": "confirm", "typed": ""}]) for _ in range(2)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    until(lambda: state.receipt is not None)
    panel.box.receive({"type": "confirm", "typed": ""})
    _settled(panel)
    assert _changes(backend) == ["DELETE /work"]
    assert state.changes == 1


def test_cancel_sends_nothing_and_a_late_click_does_nothing(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    panel.box.receive({"type": "cancel"})
    panel.box.receive({"type": "confirm", "typed": ""})
    assert not panel.box.busy
    assert _changes(backend) == []
    assert panel.box.notice == "Cancelled: nothing was changed."
    assert state.plan is None


def test_a_question_that_was_open_for_too_long_is_not_acted_on_and_can_be_asked_again(
    state: State, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    now = time.time()
    monkeypatch.setattr("bucketsnb.changes.execution.time.time", lambda: now + 3600)
    panel.box.receive({"type": "confirm", "typed": ""})
    until(lambda: panel.messages.shown)
    _settled(panel)
    assert panel.messages.shown[0].advice == "Ask again: what was shown is too old. Nothing was changed."
    assert _changes(backend) == []
    monkeypatch.undo()
    panel.box.receive({"type": "again"})
    until(lambda: panel.box.armed)


def _select_one(panel: DeletePanel) -> None:
    panel.state.selection = (panel.state.frame["id"].iloc[0],)


def _other_query(panel: DeletePanel) -> None:
    panel.state.query = Query(pipeline=PIPELINE)


def _everything(panel: DeletePanel) -> None:
    panel.actions.select_everything()


def test_a_saved_question_is_not_taken_for_a_change(state: State) -> None:
    _select_one(panel := DeletePanel(state))
    assert "Not applied" not in panel.static()
    _arm(panel)
    assert "Not applied: this was still a question" in panel.static()
    _apply(panel)
    assert "Not applied" not in panel.static()


@pytest.mark.parametrize("edit", [_select_one, _other_query, _everything])
def test_any_edit_disarms(state: State, backend: LocalBackend, edit: Any):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    edit(panel)
    assert not panel.box.armed
    assert not state.armed
    panel.box.receive({"type": "confirm", "typed": ""})
    assert _changes(backend) == []


def test_an_edit_while_the_plan_is_built_leaves_no_question_and_says_so(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    backend.faults.add("POST /view", delay=0.3)
    panel.plan()
    assert panel.box.planning
    _select_one(panel)
    _settled(panel)
    assert "taken away; nothing was changed" in panel.box.notice
    assert not panel.box.armed


def test_an_edit_while_a_change_is_made_does_not_say_that_it_was_not_made(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    backend.faults.add("POST /view", delay=0.5)
    panel.box.receive({"type": "confirm", "typed": ""})
    _select_one(panel)
    panel.box.receive({"type": "cancel"})
    assert panel.box.notice == ""
    _settled(panel)
    assert panel.box.receipt.counts["done"] == 3


def test_an_option_is_taken_over_into_the_question_that_stands(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    panel.box.receive({"type": "option", "name": "reason", "value": "no longer wanted"})
    assert panel.box.armed
    assert state.plan.reason == "no longer wanted"
    panel.box.receive({"type": "option", "name": "max_affected", "value": 2})
    _settled(panel)
    assert not panel.box.armed
    assert panel.box.refusal.count == 3
    panel.box.receive({"type": "remedy", "name": "raise"})
    until(lambda: panel.box.armed)
    _apply(panel)
    assert list(state.buckets.journal()["reason"]) == ["no longer wanted"]


def test_a_plan_that_takes_long_is_said_and_can_be_given_up(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    backend.faults.add("POST /view", delay=0.3)
    panel.plan()
    assert "Reading what would change" in panel.box._working["text"]
    panel.box.receive({"type": "stop"})
    _settled(panel)
    assert not panel.box.armed
    assert panel.box.notice == "Cancelled: nothing was changed."
    assert panel.box._working is None


@pytest.mark.parametrize("at", ["planning", "applying"])
def test_what_is_asked_while_something_is_under_way_is_said_to_be_not_started(
    state: State, backend: LocalBackend, at: str
):
    _select_all(state)
    panel = DeletePanel(state)
    if at == "applying":
        _arm(panel)
    backend.faults.add("POST /view", delay=0.5)
    panel.box.receive({"type": "confirm", "typed": ""}) if at == "applying" else panel.plan()
    request = panel.box.request
    panel.plan()
    (said,) = [message.text for message in panel.messages.shown]
    assert said == "Still at work, so nothing new was started."
    assert panel.box.request is request
    _settled(panel)
    assert panel.messages.shown == ()
    assert panel.box.armed or panel.box.receipt.ok


def test_a_selection_is_what_is_meant(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _select_one(panel)
    _arm(panel)
    assert _apply(panel).counts["done"] == 1
    assert backend.store.status(PIPELINE)["failure"] == 2


def test_all_that_match_is_a_step_of_its_own_that_is_said_in_full(buckets: Buckets, backend: LocalBackend, sent: Sent):
    backend.store.load(make_works(30, pipeline=PIPELINE, status="failure"))
    panel = DeletePanel(buckets, Query(pipeline=PIPELINE), limit=10)
    until(lambda: panel.state.up_to_date)
    _settled(panel)
    until(lambda: panel.state.matched == 30 and panel.state.is_exact)
    panel.grid.receive({"type": "all"})
    assert panel.state.target_count == 10
    offer = sent.last(panel.actions, "draw")["offer"]
    assert offer["label"].endswith("30 works that match")
    panel.actions.receive({"type": "everything"})
    assert panel.state.target_count == 30
    assert sent.last(panel.actions, "draw")["offer"]["text"].startswith("All 30 works that match are selected")
    _arm(panel)
    assert panel.state.plan.count == 30
    panel.grid.receive({"type": "select", "ids": [panel.state.frame["id"].iloc[0]], "on": False, "view": "v"})
    assert not panel.box.armed
    assert panel.state.target_count == 9


def test_running_works_want_the_count_typed(state: State, backend: LocalBackend):
    state.query = Query(pipeline=PIPELINE)
    _read(state)
    _select_all(state)
    panel = DeletePanel(state)
    _ask(panel)
    _settled(panel)
    panel.box.receive({"type": "remedy", "name": "include"})
    until(lambda: panel.box.armed)
    _settled(panel)
    for typed in ("", "3", "yes"):
        panel.box.receive({"type": "confirm", "typed": typed})
        assert panel.box.armed
    assert _changes(backend) == []
    assert _apply(panel, "4").counts["done"] == 4


def test_running_works_can_be_left_out_by_the_refusal_itself(state: State, backend: LocalBackend):
    state.query = Query(pipeline=PIPELINE)
    _read(state)
    _select_all(state)
    panel = DeletePanel(state)
    _ask(panel)
    _settled(panel)
    refusal = refusal_of(panel.box.refusal)
    assert refusal["text"].startswith("1 of 4 works to be changed is running")
    assert [one["label"] for one in refusal["remedies"]] == ["Leave running works out", "Include running works"]
    panel.box.receive({"type": "remedy", "name": "leave_out"})
    until(lambda: panel.box.armed)
    assert _apply(panel).counts["done"] == 3
    assert backend.store.status(PIPELINE)["running"] == 1


@pytest.mark.parametrize(
    ("running", "count", "said"),
    [
        (1, 1, "1 of 1 work to be changed is running: a worker may be busy with it."),
        (2, 11, "2 of 11 works to be changed are running: a worker may be busy with them."),
    ],
)
def test_a_refusal_counts_the_running_works_among_those_to_be_changed(running: int, count: int, said: str):
    ids = [str(number) for number in range(running)]
    assert refusal_of(ScopeRefused("...", cure=Cure.ALLOW_RUNNING, count=count, running=ids))["text"] == said


def test_running_works_among_all_that_match_can_be_left_out_too(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(30, pipeline=PIPELINE, status="failure"))
    backend.store.load(make_works(2, pipeline=PIPELINE, status="running"))
    panel = DeletePanel(buckets, Query(pipeline=PIPELINE), limit=10)
    until(lambda: panel.state.up_to_date)
    panel.actions.receive({"type": "everything"})
    _ask(panel)
    _settled(panel)
    panel.box.receive({"type": "remedy", "name": "leave_out"})
    until(lambda: panel.box.armed)
    assert _apply(panel).counts["done"] == 30
    assert backend.store.status(PIPELINE)["running"] == 2


def test_all_pipelines_is_a_remedy_and_no_refusal_speaks_of_python(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(30, pipeline=PIPELINE, status="failure"))
    panel = DeletePanel(buckets, Query(status="failure"), limit=10)
    until(lambda: panel.state.up_to_date)
    panel.actions.receive({"type": "everything"})
    _ask(panel)
    _settled(panel)
    said = refusal_of(panel.box.refusal)
    assert [one["label"] for one in said["remedies"]] == ["All pipelines"]
    assert "allow_" not in said["text"] + panel.static()
    panel.box.receive({"type": "remedy", "name": "all"})
    until(lambda: panel.box.armed)
    assert panel.state.plan.count == 30


def test_of_two_panels_on_a_page_only_one_waits(state: State):
    _select_all(state)
    one, other = DeletePanel(state), RequeuePanel(state)
    _arm(one)
    _arm(other)
    assert (one.box.armed, other.box.armed) == (False, True)
    assert state.plan.verb == "requeue"


def test_requeue_and_reset_the_attempts(state: State, backend: LocalBackend):
    _select_all(state)
    panel = RequeuePanel(state)
    _arm(panel)
    panel.box.receive({"type": "option", "name": "reset", "value": True})
    until(lambda: panel.box.armed)
    assert any(fact.startswith("attempt: 1 → 0") for fact in panel.box._question()["facts"])
    assert _apply(panel).counts["done"] == 3
    assert panel.box._receipt()["title"] == "3 works requeued"
    assert backend.store.status(PIPELINE)["queued"] == 3


def test_what_a_question_advises_is_on_the_page(state: State, backend: LocalBackend):
    backend.store.load(make_works(2, pipeline="fitburst", status="failure", attempt=2, retries=2))
    state.query = Query(pipeline="fitburst")
    _read(state)
    _select_all(state)
    panel = RequeuePanel(state)
    _arm(panel)
    said = " ".join(panel.box._question()["warnings"])
    assert "tick “Reset attempts to 0” under options" in said
    assert "reset_attempt" not in said


_PYTHON = re.compile(
    r"=(?:True|False|None)|limit=|allow_|plan_|max_affected|fresh=|reset_attempt|(?:buckets|client|receipt)\."
)
"""What only those who write Python understand."""


def _texts(value: Any) -> list[str]:
    """Return the texts in a message to the page, but for the details of errors."""
    if isinstance(value, dict):
        return [text for name, one in value.items() if name != "details" for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


def test_no_sentence_of_the_box_speaks_of_python(buckets: Buckets, backend: LocalBackend, sent: Sent):
    works = make_works(3, pipeline=PIPELINE, status="failure", attempt=2, retries=2, results={"error": "x"})
    backend.store.load([*works, make_work(pipeline=PIPELINE, status="running", attempt=1)])
    state, looking = State(buckets), State(Buckets(backend.url, read_only=True))
    for one in (state, looking):
        one.query = Query(pipeline=PIPELINE)
        _read(one)
        _select_all(one)
    claim, update = WithdrawPanel(state), _update(state)
    claim.form.edit("pipeline", PIPELINE)
    deposit = DepositPanel(state, works=buckets.view(state.query))
    for panel in (
        DeletePanel(looking),
        DeletePanel(state),
        RequeuePanel(state),
        update,
        AuditPanel(state),
        claim,
        deposit,
    ):
        _ask(panel)
        _settled(panel)
        panel.box.remedy("leave_out")
        _settled(panel)
        panel.box.cancel()
    _ask(_update(state, "priority", "6"))
    said = "\n".join(_texts([message for part, message in sent.messages if part.kind == "box"]))
    for part in ("a client that may change", "to be changed is running", "Reset attempts to 0", "copies as new works"):
        assert part in said
    assert _PYTHON.findall(said) == []


def _update(state: State, name: str = "priority", typed: str = "5") -> UpdatePanel:
    _select_all(state)
    panel = UpdatePanel(state)
    panel.form.receive({"type": "edit", "name": "field", "value": name})
    panel.form.receive({"type": "edit", "name": "value", "value": typed})
    return panel


def test_update_sets_one_field_and_says_how_many_have_it_already(state: State, buckets: Buckets):
    work = buckets.api.view({"id": state.frame["id"].iloc[0]})[0]
    buckets.api.update([{**work, "priority": 5}])
    _read(state)
    panel = _update(state)
    _arm(panel)
    asked = panel.box._question()
    assert asked["title"] == "Set priority to 5 in 2 works"
    assert "1 more already has it" in asked["facts"]
    assert not any("left out" in text for text in asked["warnings"])
    assert "priority: 3 → 5 (2)" in panel.box._question()["facts"]
    assert _apply(panel).counts["done"] == 2
    assert list(buckets.view(state.query)["priority"]) == [5, 5, 5]


def test_a_value_that_does_not_fit_is_named_by_its_field_and_not_by_a_work(state: State):
    panel = _update(state, "priority", "6")
    _ask(panel)
    (said,) = _errors(panel)
    assert said.startswith("priority is 6; expected an integer from 1 to 5")
    assert not panel.box.planning


def test_the_form_says_which_priority_comes_first(state: State):
    panel = _update(state)
    assert any("5 is the most urgent" in note for note in panel.form.content()["notes"])
    panel.form.edit("field", "status")
    assert panel.form.content()["notes"] == []


def test_an_edit_of_the_value_takes_the_question_away(state: State):
    panel = _update(state)
    _arm(panel)
    panel.form.receive({"type": "edit", "name": "value", "value": "4"})
    assert not panel.box.armed
    assert "taken away" in panel.box.notice


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("creation", "1795467403.5", 1795467403.5),
        ("start", "1795467403", 1795467403.0),
        ("stop", "null", None),
        ("tags", "a, b", ["a", "b"]),
        ("event", "[12, 13]", [12, 13]),
        ("results", '{"snr": {"best": 12.5}}', {"snr": {"best": 12.5}}),
        ("results", "null", None),
        ("site", "kko", "kko"),
        ("status", "queued", "queued"),
        ("timeout", "60", 60),
    ],
)
def test_update_plans_the_very_value_that_was_typed(state: State, name: str, typed: str, value: Any):
    works = state.buckets.api.view({"pipeline": PIPELINE})
    state.buckets.api.update([{**work, "stop": 1795467400.0, "results": {"snr": 1}} for work in works])
    _read(state)
    panel = _update(state, name, typed)
    _arm(panel)
    assert [change.after.record[name] for change in state.plan.changes] == [value] * 3


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("priority", "true"),
        ("priority", "null"),
        ("priority", "five"),
        ("priority", " "),
        ("timeout", "3.5"),
        ("status", "bogus"),
        ("creation", '"2026-11-20"'),
        ("config", "a.yml"),
        ("config", '{"archive": {"results": "True"}}'),
        ("parameters", "[1]"),
    ],
)
def test_update_refuses_what_a_frame_would_refuse(state: State, name: str, typed: str):
    panel = _update(state, name, typed)
    _ask(panel)
    until(lambda: _errors(panel))
    assert not panel.box.armed
    assert name in _errors(panel)[0]
    assert "expected" in _errors(panel)[0]


def test_update_of_all_that_match_asks_for_the_pipelines_as_a_deletion_does(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(30, pipeline=PIPELINE, status="failure"))
    panel = UpdatePanel(buckets, Query(status="failure"), limit=10)
    until(lambda: panel.state.up_to_date)
    panel.form.receive({"type": "edit", "name": "value", "value": "5"})
    panel.actions.receive({"type": "everything"})
    _ask(panel)
    _settled(panel)
    panel.box.receive({"type": "remedy", "name": "all"})
    until(lambda: panel.box.armed)
    assert panel.state.plan.count == 30


def _fill(panel: Any, **values: Any) -> None:
    for name, value in values.items():
        panel.form.receive({"type": "edit", "name": name, "value": value})


def test_rows_that_were_all_deposited_are_not_left_to_be_deposited_again(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    _fill(panel, pasted="pipeline\tsite\tuser\nfitburst\tchime\tme\nfitburst\tkko\tme\n")
    _arm(panel)
    _apply(panel)
    assert panel.form.values["pasted"] == ""
    _ask(panel)
    assert "paste rows first" in " ".join(_errors(panel))
    assert backend.store.status()["total"] == 2


def test_deposit_one_by_form(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    _fill(panel, how="one", pipeline="fitburst", site="chime", user="me", event="12, 13", tags="a")
    _arm(panel)
    assert _changes(backend) == []
    _apply(panel)
    (work,) = buckets.api.view({})
    assert (work["event"], work["tags"], work["priority"]) == ([12, 13], ["a"], 3)


def test_deposit_by_form_names_every_field_that_is_wrong(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    _fill(panel, how="one", pipeline="fit burst", site="chime", parameters="dm=5", command="echo hi")
    _ask(panel)
    _settled(panel)
    assert not panel.box.armed
    shown = " ".join(problem for _, _, problem in panel.box._question()["list"]["rows"])
    for said in (
        "1 to 128 letters, digits or hyphens",
        "is missing; expected text, not empty",
        "expected a mapping or",
    ):
        assert said in shown


def test_the_bounds_of_the_form_are_those_of_the_model(buckets: Buckets):
    form = DepositPanel(State(buckets)).form
    for name in ("priority", "retries", "timeout"):
        field, model = form.fields[name], FIELDS[name]
        assert (form.values[name], field.most) == (model.default, model.most)
        assert field.least == max(0, model.least)


def test_deposit_says_which_rows_are_bad_and_sends_nothing(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    _fill(panel, pasted="pipeline,site,user,priority\nfitburst,chime,me,3\nfit burst,chime,me,3\n")
    _ask(panel)
    _settled(panel)
    assert not panel.box.armed
    question = panel.box._question()
    assert question["title"].startswith("1 row has mistakes, so nothing will be sent")
    assert question["warnings"] == []
    assert question["list"]["open"]
    assert question["list"]["rows"][0][0] == "line 3"
    assert "fit burst" in question["list"]["rows"][0][2]
    _fill(panel, skip_bad=True)
    assert panel.box._question() is None
    _arm(panel)
    _apply(panel)
    assert backend.store.status()["total"] == 1


@pytest.mark.parametrize(
    "pasted",
    [
        "pipeline,site,user,parameters.dm\nfitburst,chime,me,348.8\n",
        "pipeline\tsite\tuser\tparameters.dm\nfitburst\tchime\tme\t348.8\n",
        '[{"pipeline": "fitburst", "site": "chime", "user": "me", "parameters.dm": 348.8}]',
    ],
)
def test_the_preview_of_a_deposit_shows_the_persons_own_columns(buckets: Buckets, pasted: str):
    panel = DepositPanel(State(buckets))
    _fill(panel, pasted=pasted)
    _arm(panel)
    listed = panel.box._question()["list"]
    assert listed["headers"] == ["pipeline", "site", "user", "parameters.dm"]
    assert listed["rows"] == [["fitburst", "chime", "me", "348.8"]]


def test_a_new_paste_takes_the_old_preview_and_the_old_error_away(buckets: Buckets):
    panel = DepositPanel(State(buckets))
    _fill(panel, pasted="a sentence that is no table")
    _ask(panel)
    assert "One line is no table" in panel.messages.shown[0].text
    _fill(panel, pasted="pipeline,site,user\nfitburst,chime,me\n")
    assert panel.messages.shown == ()
    _arm(panel)
    _fill(panel, pasted="pipeline,site,user\nfitburst,chime,me\nfitburst,kko,me\n")
    assert not panel.box.armed
    assert panel.box._question() is None


def test_rows_are_pasted_from_a_spreadsheet_as_they_come(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    _fill(panel, pasted='pipeline\tsite\tuser\ttags\nfitburst\tchime\tme\t"a,b"\nfitburst\tkko\tme\t\n')
    _arm(panel)
    _apply(panel)
    assert sorted(work["site"] for work in buckets.api.view({})) == ["chime", "kko"]


def _claim(panel: WithdrawPanel) -> None:
    _fill(panel, pipeline="fitburst")
    _arm(panel)
    _apply(panel)


def test_claim_forecast_claim_return(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    _fill(panel, pipeline="fitburst")
    _arm(panel)
    assert panel.box._question()["title"].startswith("Claim 1 work of fitburst")
    assert _changes(backend) == []
    _apply(panel)
    assert backend.store.status("fitburst")["running"] == 1
    assert panel.form.claim is not None
    assert "fitburst" in panel.form.content()["intro"]
    panel.form.receive({"type": "press", "name": "give_back"})
    until(lambda: panel.form.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1
    assert _errors(panel) == []


def test_claim_success_with_results(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    _claim(panel)
    _fill(panel, results="{broken")
    panel.form.receive({"type": "press", "name": "success"})
    assert "not JSON" in _errors(panel)[0]
    _fill(panel, results="[12.5]")
    panel.form.receive({"type": "press", "name": "success"})
    until(lambda: _errors(panel))
    assert "results is [12.5], a list; expected a mapping or null" in _errors(panel)[0]
    assert panel.form.holds
    _fill(panel, results='{"snr": 12.5}')
    assert _errors(panel) == []
    panel.form.receive({"type": "press", "name": "success"})
    until(lambda: panel.form.claim is None)
    (work,) = buckets.api.view({})
    assert (work["status"], work["results"]) == ("success", {"snr": 12.5})


@pytest.fixture
def holding(buckets: Buckets, backend: LocalBackend) -> WithdrawPanel:
    """Return a panel with a claimed work in hand."""
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    _claim(panel)
    assert panel.form.claim.held
    return panel


def _somebody_moves(panel: WithdrawPanel, **cells: Any) -> None:
    panel.state.buckets.api.update([{**panel.form.claim.work, **cells}])


def test_a_claimed_work_is_returned_by_its_own_button_alone(holding: WithdrawPanel, backend: LocalBackend):
    assert not holding.box.can_undo
    holding.box.receive({"type": "undo"})
    assert not holding.box.planning
    holding.form.receive({"type": "press", "name": "give_back"})
    until(lambda: holding.form.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1


@pytest.mark.parametrize("how", ["success", "failure", "give_back"])
def test_a_work_that_somebody_moved_is_let_go_when_it_cannot_be_ended(holding: WithdrawPanel, how: str):
    _somebody_moves(holding, status="queued")
    _fill(holding, results='{"snr": 12.5}')
    holding.form.receive({"type": "press", "name": how})
    until(lambda: holding.form.claim is None)
    with holding.state.lock:
        (message,) = [one for one in holding.messages.shown if one.kind == "warning"]
    assert "not in your hands any more" in message.text
    assert "status running -> queued" in message.text
    assert "12.5" in message.details
    assert holding.form.values["results"] == ""
    assert "results" not in holding.form.content()["fields"]


def test_a_work_that_was_undone_from_the_journal_is_let_go(holding: WithdrawPanel, backend: LocalBackend):
    journal = JournalPanel(holding.state)
    _arm(journal)
    _apply(journal)
    until(lambda: holding.form.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1
    _arm(holding)
    assert _apply(holding).verb == "withdraw"
    assert holding.form.claim.held


def test_a_forecast_lets_go_of_a_work_that_is_gone_and_of_no_other(holding: WithdrawPanel, backend: LocalBackend):
    holding.form.plan()
    until(lambda: _errors(holding))
    assert "in your hands already" in _errors(holding)[0]
    assert holding.form.claim.held
    holding.state.buckets.api.delete([holding.form.claim.work["id"]])
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    holding.form.plan()
    _settled(holding)
    assert holding.box.armed
    assert holding.form.claim is None
    assert "it is gone" in holding.messages.shown[0].text


def test_a_work_stays_in_hand_while_the_service_is_silent_and_when_others_are_changed(
    holding: WithdrawPanel, backend: LocalBackend
):
    backend.store.load([make_work(pipeline="fitburst", status="failure", attempt=1)])
    holding.state.query = Query(pipeline="fitburst", status="failure")
    _read(holding.state)
    _select_all(holding.state)
    requeue = RequeuePanel(holding.state)
    _arm(requeue)
    _apply(requeue)
    until(lambda: not holding.form.looking.running)
    backend.faults.add("POST /view", status=400)
    holding.form.end("success")
    until(lambda: holding.messages.shown and not holding.form.ending.running)
    assert holding.form.claim.held
    holding.form.end("success")
    until(lambda: holding.form.claim is None)
    assert backend.store.status("fitburst")["success"] == 1


def test_of_two_panels_on_a_page_the_one_that_claimed_holds(holding: WithdrawPanel, backend: LocalBackend):
    other = WithdrawPanel(holding.state)
    holding.form.end("give_back")
    until(lambda: holding.form.claim is None)
    _claim(other)
    assert other.form.claim.held
    assert holding.form.claim is None


def test_a_check_up_is_sent_only_when_confirmed(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline=PIPELINE, status="failure", attempt=1, retries=3)])
    panel = AuditPanel(State(buckets))
    assert _changes(backend) == []
    _arm(panel)
    assert _changes(backend) == []
    _apply(panel)
    assert any(change.startswith("GET /audit") for change in _changes(backend))


def test_the_journal_shows_the_past_and_undoes_from_there(state: State, backend: LocalBackend):
    _select_all(state)
    deleting, panel = DeletePanel(state), JournalPanel(state)
    _arm(deleting)
    deleting.box.receive({"type": "option", "name": "reason", "value": "no longer wanted"})
    _apply(deleting)
    assert "no longer wanted" in panel.static()
    assert f"Delete 3 works of {PIPELINE} on " in panel.static()
    _arm(panel)
    _apply(panel)
    assert backend.store.status(PIPELINE)["failure"] == 3


def test_the_journal_leaves_out_columns_with_nothing_in_them(state: State, backend: LocalBackend, sent: Sent):
    _select_all(state)
    deleting, panel = DeletePanel(state), JournalPanel(state)
    _arm(deleting)
    _apply(deleting)
    drawn = sent.last(panel.form, "draw")
    assert drawn["headers"] == ["when", "what", "outcome", "who"]
    assert [len(row["cells"]) for row in drawn["rows"]] == [3]
    assert not {"reason", "undone"} & set(re.findall(r"<th[^>]*>(\w+)", panel.static()))
    _arm(panel)
    _apply(panel)
    assert sent.last(panel.form, "draw")["headers"][-1] == "undone"


def test_a_receipt_from_before_a_cancelled_question_is_called_earlier(state: State, backend: LocalBackend, sent: Sent):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    _apply(panel)
    assert not sent.last(panel.box, "draw")["receipt"]["earlier"]
    panel.box.receive({"type": "undo"})
    until(lambda: panel.box.armed)
    panel.box.receive({"type": "cancel"})
    drawn = sent.last(panel.box, "draw")
    assert drawn["notice"] == "Cancelled: nothing was changed."
    assert drawn["receipt"]["earlier"]
    assert drawn["receipt"]["undo"]


def test_the_journal_shows_the_query_of_what_was_changed_by_one(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(3, pipeline=PIPELINE, status="failure"))
    buckets.plan_delete(pipeline=PIPELINE).apply()
    panel = JournalPanel(buckets)
    (row,) = panel.form.rows
    assert row["undo"]
    assert json.loads(row["cells"][2]) == {"pipeline": PIPELINE}


def test_each_entry_of_the_journal_has_its_own_undo(state: State, backend: LocalBackend):
    journal, panel = JournalPanel(state), DeletePanel(state)
    for _ in range(2):
        _read(state)
        state.selection = tuple(state.frame["id"].head(1))
        _arm(panel)
        _apply(panel)
    rows = journal.form.rows
    assert [row["undo"] for row in rows] == [True, True]
    journal.form.receive({"type": "undo", "entry": rows[1]["entry"]})
    until(lambda: journal.box.armed)
    assert state.plan.undoes == rows[1]["entry"]
    journal.form.receive({"type": "undo", "entry": "nonsense"})
    assert state.plan.undoes == rows[1]["entry"]


def test_a_panel_that_is_closed_with_its_question_open_holds_nobody_up(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    _arm(panel)
    assert state.armed
    panel.close()
    assert not state.armed
    assert _changes(backend) == []


def test_closing_leaves_no_thread_and_no_observer(state: State):
    for make in (DeletePanel, UpdatePanel, DepositPanel, WithdrawPanel, JournalPanel):
        make(state).close()
    state.selection = ("x",)
    assert all(callbacks == [] for callbacks in state._observers.values())


def test_a_panel_on_its_own_brings_filters_and_works(buckets: Buckets, state: State):
    panel = DeletePanel(buckets, Query(pipeline=PIPELINE, status="failure"))
    until(lambda: panel.state.matched == 3)
    assert panel.state.target_count == 0


def test_a_work_that_moved_on_since_it_was_shown_stays(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    assert state.frame is not None
    moved = state.buckets.api.view({"id": state.frame["id"].iloc[0]})[0]
    backend.store.update([{**moved, "status": "queued"}])
    _arm(panel)
    assert any("left out" in warning for warning in panel.box._question()["warnings"])
    receipt = _apply(panel)
    assert backend.store.status(PIPELINE)["queued"] == 1
    assert receipt.counts["done"] == 2


def test_works_of_an_older_query_are_never_taken_for_those_of_the_query(state: State, backend: LocalBackend):
    _select_all(state)
    panel = DeletePanel(state)
    state.query = Query(pipeline=PIPELINE, status="queued")
    assert panel.state.target_count == 0
    panel.plan()
    assert not panel.box.planning


def test_more_than_was_counted_is_refused_with_a_button_that_allows_it(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(30, pipeline=PIPELINE, status="failure"))
    panel = DeletePanel(buckets, Query(pipeline=PIPELINE), limit=10)
    until(lambda: panel.state.up_to_date)
    panel.actions.receive({"type": "everything"})
    _arm(panel)
    panel.box.receive({"type": "option", "name": "max_affected", "value": 20})
    _settled(panel)
    said = refusal_of(panel.box.refusal)
    assert "max_affected" not in said["text"]
    assert [one["label"] for one in said["remedies"]] == ["Allow 30"]


def test_a_warning_while_planning_stands_in_the_question(state: State, monkeypatch: pytest.MonkeyPatch):
    _select_all(state)
    panel = DeletePanel(state)
    plan_delete = state.buckets.plan_delete

    def plan(*given: Any, **options: Any) -> Any:
        warnings.warn("two works are left out", UserWarning, stacklevel=2)
        return plan_delete(*given, **options)

    monkeypatch.setattr(state.buckets, "plan_delete", plan)
    _arm(panel)
    assert "two works are left out" in panel.box._question()["warnings"]


def test_what_stood_in_the_way_of_a_change_is_a_message_with_details(state: State, backend: LocalBackend):
    _select_all(state)
    panel = RequeuePanel(state)
    _arm(panel)
    backend.faults.add("PUT /work", status=400, body=b'{"detail": "not today"}', times=None)
    panel.box.receive({"type": "confirm", "typed": ""})
    until(lambda: panel.messages.shown)
    assert "path: /work" in panel.messages.shown[0].details
    assert panel.state.receipt.counts["done"] == 0
    assert panel.box._receipt()["title"] == "Nothing was requeued"


def test_an_old_error_never_stands_beside_a_new_receipt(state: State):
    _select_all(state)
    panel = _update(state, typed="five")
    _ask(panel)
    until(lambda: panel.messages.shown)
    panel.form.receive({"type": "edit", "name": "value", "value": "5"})
    assert panel.messages.shown == ()
    panel.messages.show(Message("error", "an older one"), "box")
    _arm(panel)
    _apply(panel)
    assert panel.messages.shown == ()
