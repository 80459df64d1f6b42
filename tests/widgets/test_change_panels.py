"""The panels that change works, by traits and clicks, on a real backend: plan, question, receipt, undo."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend, Query
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
from bucketsnb.widgets.change_panel import PlanPanel
from tests.factory import make_work, make_works
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
    state.frame = state.buckets.view(state.query)
    state.read_for = state.query


def _changes(backend: LocalBackend) -> list[str]:
    return [f"{one.method} {one.path}" for one in backend.requests if one.method != "HEAD" and _changing(one)]


def _changing(request: Any) -> bool:
    return request.path not in READS and not request.path.startswith("/status")


def _errors(panel: PlanPanel) -> list[str]:
    return [message.text for message in panel.messages.shown if message.kind == "error"]


def _arm(panel: PlanPanel) -> None:
    panel.plan_button.click()
    until(lambda: panel.box.armed or panel.messages.shown)
    assert _errors(panel) == []


def _apply(panel: PlanPanel) -> Any:
    panel.box.confirm.yes.click()
    until(lambda: panel.state.receipt is not None and not panel.box.busy)
    with panel.state.lock:  # the callback that brought the receipt has ended
        pass
    assert _errors(panel) == []
    return panel.state.receipt


def test_the_button_says_verb_count_pipeline_and_host(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    assert panel.plan_button.description == "Delete 3 works …"
    _arm(panel)
    host = backend.url.removeprefix("http://")
    assert panel.box.confirm.yes.description == f"Delete 3 works of {PIPELINE} on {host}"
    assert _changes(backend) == []


def test_delete_receipt_undo(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _arm(panel)
    assert _apply(panel).counts["done"] == 3
    assert backend.store.status(PIPELINE)["failure"] == 0
    assert "3 of 3 works done" in panel.static()
    state.receipt = None
    _ask_undo(panel)
    assert ": put back 3 works on " in panel.box.confirm.yes.description
    _apply(panel)
    assert backend.store.status(PIPELINE)["failure"] == 3
    assert panel.box.undo.layout.display == "none"


def _ask_undo(panel: PlanPanel) -> None:
    panel.state.receipt = None
    panel.box.undo.click()
    until(lambda: panel.box.armed)
    with panel.state.lock:  # the callback that asks has ended
        pass


def test_the_question_to_undo_counts_what_the_undo_would_do(buckets: Buckets, backend: LocalBackend):
    backend.store.load(make_works(300, pipeline=PIPELINE, status="failure"))
    state = State(buckets)
    state.query = Query(pipeline=PIPELINE)
    panel = DeletePanel(state)
    _arm(panel)
    panel.box.confirm.typed.value = "300"
    backend.faults.add("DELETE /work", hang_up="after", skip=1)
    backend.faults.add("POST /view", status=400, skip=3)  # nobody sees what came of the second request
    panel.box.confirm.yes.click()
    until(lambda: state.receipt is not None and not panel.box.busy)
    assert (state.receipt.counts["done"], state.receipt.counts["unknown"]) == (250, 50)
    with state.lock:  # the callback that brought the receipt has ended
        panel.messages.clear()
    _ask_undo(panel)
    assert ": put back 300 works on " in panel.box.confirm.yes.description
    panel.box.confirm.yes.click()
    assert panel.box.armed
    panel.box.confirm.typed.value = "300"
    assert _apply(panel).counts["done"] == 300
    assert backend.store.status(PIPELINE)["failure"] == 300


def test_the_question_to_undo_a_deposit_says_that_it_deletes(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets), [make_work(), make_work()])
    _arm(panel)
    _apply(panel)
    _ask_undo(panel)
    assert ": delete 2 works on " in panel.box.confirm.yes.description
    _apply(panel)
    assert backend.store.status()["total"] == 0


def test_an_undo_that_is_not_confirmed_can_be_asked_for_again(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _arm(panel)
    _apply(panel)
    sent = _changes(backend)
    _ask_undo(panel)
    panel.box.resume.click()
    panel.box.confirm.no.click()
    assert not state.armed
    assert "3 of 3 works done" in panel.static()
    assert panel.box.undo.layout.display is None
    _ask_undo(panel)
    panel.reason.value = "edited"
    assert not panel.box.armed
    with state.lock:  # the plan arrives after Stop
        panel.box.undo.click()
        panel.box.stop.click()
    until(lambda: not panel.box.busy)
    assert not panel.box.armed
    assert "nothing was sent" in panel.box.progress.value
    assert panel.box.undo.layout.display is None
    assert _changes(backend) == sent


def test_an_undo_that_cannot_be_planned_says_why(state: State, buckets: Buckets):
    panel = DeletePanel(state)
    _arm(panel)
    receipt = _apply(panel)
    receipt.undo()
    panel.box.undo.click()
    until(lambda: panel.messages.shown)
    assert "undone before" in _errors(panel)[0]
    assert not panel.box.armed
    assert panel.box.undo.layout.display is None
    assert panel.box.progress.value == ""


def test_a_double_click_acts_once(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _arm(panel)
    clicks = [threading.Thread(target=panel.box.confirm.yes.click) for _ in range(2)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    until(lambda: state.receipt is not None)
    panel.box.confirm.yes.click()
    until(lambda: not panel.box.busy)
    assert _changes(backend) == ["DELETE /work"]
    assert state.changes == 1


def test_cancel_sends_nothing_and_a_late_click_does_nothing(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _arm(panel)
    panel.box.confirm.no.click()
    panel.box.confirm.yes.click()
    assert not panel.box.busy
    assert _changes(backend) == []
    assert "nothing was sent" in panel.box.progress.value
    assert state.plan is None


def _select_one(panel: DeletePanel) -> None:
    panel.state.selection = (panel.state.frame["id"].iloc[0],)


def _other_query(panel: DeletePanel) -> None:
    panel.state.query = Query(pipeline=PIPELINE)


def _type_reason(panel: DeletePanel) -> None:
    panel.reason.value = "because"


def _widen(panel: DeletePanel) -> None:
    panel.running.value = True


@pytest.mark.parametrize("edit", [_select_one, _other_query, _type_reason, _widen])
def test_any_edit_disarms(state: State, backend: LocalBackend, edit: Any):
    panel = DeletePanel(state)
    _arm(panel)
    edit(panel)
    assert not panel.box.armed
    assert not state.armed
    panel.box.confirm.yes.click()
    assert _changes(backend) == []


def test_an_edit_while_the_plan_is_built_leaves_no_question_and_says_so(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    backend.faults.add("POST /view", delay=0.3)
    panel.plan_button.click()
    assert panel.worker.running
    panel.reason.value = "another"
    until(lambda: not panel.worker.running and not panel.plan_button.disabled)
    assert "edited while the plan was made" in panel.planning.value
    assert not panel.box.armed
    panel.plan_button.click()
    until(lambda: panel.box.armed)
    assert "another" in panel.box.plan_view.value
    assert "edited" not in panel.planning.value


def test_a_plan_that_takes_long_is_said_and_can_be_given_up(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    backend.faults.add("POST /view", delay=0.3)
    panel.plan_button.click()
    assert "Reading what would change" in panel.planning.value
    assert panel.stop.layout.display is None
    panel.stop.click()
    assert not panel.plan_button.disabled
    panel.worker.close()
    assert not panel.box.armed
    assert "nothing was sent" in panel.planning.value
    assert panel.stop.layout.display == "none"


def test_a_selection_is_what_is_meant(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _select_one(panel)
    assert panel.plan_button.description == "Delete 1 work …"
    assert "will act on <b>1 work</b>" in panel.targets.said.value
    _arm(panel)
    assert _apply(panel).counts["done"] == 1
    assert backend.store.status(PIPELINE)["failure"] == 2


def test_running_works_want_the_count_typed(state: State, backend: LocalBackend):
    state.query = Query(pipeline=PIPELINE)
    _read(state)
    panel = DeletePanel(state)
    panel.running.value = True
    _arm(panel)
    panel.box.confirm.yes.click()
    assert _changes(backend) == []
    assert panel.box.confirm.yes.disabled
    panel.box.confirm.typed.value = "4"
    assert _apply(panel).counts["done"] == 4


def test_a_refusal_is_shown_and_leaves_the_panel_usable(state: State):
    state.query = Query(status="failure")
    panel = DeletePanel(state)
    panel.plan_button.click()
    until(lambda: panel.messages.shown)
    assert "allow_all" in panel.messages.shown[0].text
    until(lambda: not panel.plan_button.disabled)
    panel.anywhere.value = True
    _arm(panel)


def test_of_two_panels_on_a_page_only_one_waits(state: State):
    one, other = DeletePanel(state), RequeuePanel(state)
    _arm(one)
    _arm(other)
    assert (one.box.armed, other.box.armed) == (False, True)
    assert state.plan.verb == "requeue"


def test_requeue(state: State, backend: LocalBackend):
    panel = RequeuePanel(state)
    panel.reset.value = True
    _arm(panel)
    assert _apply(panel).counts["done"] == 3
    assert backend.store.status(PIPELINE)["queued"] == 3


def test_update_sets_one_field_and_shows_the_cells(state: State, buckets: Buckets):
    panel = UpdatePanel(state)
    panel.value.value = "5"
    _arm(panel)
    assert "priority" in panel.box.plan_view.value
    assert _apply(panel).counts["done"] == 3
    assert list(buckets.view(state.query)["priority"]) == [5, 5, 5]


@pytest.mark.parametrize(("query", "said"), [(Query(), "every work"), (Query(status="failure"), "not limited")])
def test_update_asks_for_the_pipelines_as_a_deletion_does(state: State, query: Query, said: str):
    panel, deleting = UpdatePanel(state), DeletePanel(state)
    state.query = query
    panel.value.value = "5"
    for one in (deleting, panel):
        one.plan_button.click()
        until(lambda one=one: one.messages.shown and not one.plan_button.disabled)
        assert not one.box.armed
    assert said in _errors(panel)[0]
    assert _errors(panel) == _errors(deleting)
    panel.anywhere.value = panel.running.value = True
    _arm(panel)


def test_update_refuses_more_than_the_most_instead_of_leaving_the_oldest_out(state: State):
    panel, deleting = UpdatePanel(state), DeletePanel(state)
    state.frame = None  # more match than are shown, so they are asked for by the query
    panel.value.value = "5"
    for one in (deleting, panel):
        one.most.value = 2
        one.plan_button.click()
        until(lambda one=one: one.messages.shown and not one.plan_button.disabled)
        assert not one.box.armed
    assert "3 works would be affected" in _errors(panel)[0]
    assert _errors(panel) == _errors(deleting)
    panel.most.value = 3
    _arm(panel)
    assert state.plan.count == 3


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
    panel = UpdatePanel(state)
    panel.field.value, panel.value.value = name, typed
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
    panel = UpdatePanel(state)
    panel.field.value, panel.value.value = name, typed
    panel.plan_button.click()
    until(lambda: panel.messages.shown or panel.box.armed)
    assert not panel.box.armed
    assert name in _errors(panel)[0]
    assert "expected" in _errors(panel)[0]


def test_deposit_one_by_form(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    for name, text in {"pipeline": "fitburst", "site": "chime", "user": "me", "event": "12, 13", "tags": "a"}.items():
        panel.fields[name].value = text
    _arm(panel)
    assert _changes(backend) == []
    _apply(panel)
    (work,) = buckets.api.view({})
    assert (work["event"], work["tags"], work["priority"]) == ([12, 13], ["a"], 3)


def test_deposit_by_form_names_every_field_that_is_wrong(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    for name, text in {"pipeline": "fit burst", "site": "chime", "parameters": "dm=5", "command": "echo hi"}.items():
        panel.fields[name].value = text
    panel.plan_button.click()
    until(lambda: panel.messages.shown)
    assert not panel.box.armed
    shown = panel.box.plan_view.value
    for said in (
        "1 to 128 letters, digits or hyphens",
        "is missing; expected text, not empty",
        "expected a mapping or",
    ):
        assert said in shown


def test_the_bounds_of_the_form_are_those_of_the_model(buckets: Buckets):
    panel = DepositPanel(State(buckets))
    for name, number in panel.numbers.items():
        field = FIELDS[name]
        assert (number.value, number.max) == (field.default, field.most)
        assert number.min == max(0, field.least)


def test_deposit_says_which_rows_are_bad_and_sends_nothing(buckets: Buckets, backend: LocalBackend):
    panel = DepositPanel(State(buckets))
    panel.how.selected_index = 1
    panel.pasted.value = "pipeline,site,user,priority\nfitburst,chime,me,3\nfit burst,chime,me,3\n"
    panel.plan_button.click()
    until(lambda: panel.messages.shown)
    assert not panel.box.armed
    assert "fit burst" in panel.box.plan_view.value
    panel.skip_bad.value = True
    _arm(panel)
    _apply(panel)
    assert backend.store.status()["total"] == 1


def test_withdraw_forecast_claim_give_back(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    panel.pipeline.value = "fitburst"
    _arm(panel)
    assert _changes(backend) == []
    _apply(panel)
    assert backend.store.status("fitburst")["running"] == 1
    assert panel.claim is not None
    assert "fitburst" in panel.work.value
    panel.give_back.click()
    until(lambda: panel.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1
    assert _errors(panel) == []


def test_withdraw_success_with_results(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    panel.pipeline.value = "fitburst"
    _arm(panel)
    _apply(panel)
    panel.results.value = "{broken"
    panel.success.click()
    assert "not JSON" in _errors(panel)[0]
    panel.results.value = '{"snr": 12.5}'
    panel.success.click()
    until(lambda: panel.claim is None)
    (work,) = buckets.api.view({})
    assert (work["status"], work["results"]) == ("success", {"snr": 12.5})


@pytest.fixture
def holding(buckets: Buckets, backend: LocalBackend) -> WithdrawPanel:
    """Return a panel with a claimed work in hand."""
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    panel = WithdrawPanel(State(buckets))
    panel.pipeline.value = "fitburst"
    _arm(panel)
    _apply(panel)
    assert panel.claim.held
    return panel


def _somebody_moves(panel: WithdrawPanel, **cells: Any) -> None:
    panel.state.buckets.api.update([{**panel.claim.work, **cells}])


def test_a_claimed_work_is_given_back_by_one_button(holding: WithdrawPanel, backend: LocalBackend):
    with holding.state.lock:
        assert holding.box.undo.layout.display == "none"
    holding.box.undo.click()
    assert not holding.box.busy
    holding.give_back.click()
    until(lambda: holding.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1


@pytest.mark.parametrize("how", ["success", "failure", "give_back"])
def test_a_work_that_somebody_moved_is_let_go_when_it_cannot_be_ended(holding: WithdrawPanel, how: str):
    _somebody_moves(holding, status="queued")
    holding.results.value = '{"snr": 12.5}'
    getattr(holding, how).click()
    until(lambda: holding.claim is None)
    with holding.state.lock:
        (message,) = [one for one in holding.messages.shown if one.kind == "warning"]
    assert "not in your hands any more" in message.text
    assert "status running -> queued" in message.text
    assert "12.5" in message.details
    assert holding.results.value == ""
    assert holding.held.layout.display == "none"


def test_a_work_that_was_undone_from_the_journal_is_let_go(holding: WithdrawPanel, backend: LocalBackend):
    journal = JournalPanel(holding.state)
    _arm(journal)
    journal.box.confirm.typed.value = "1"
    _apply(journal)
    until(lambda: holding.claim is None)
    assert backend.store.status("fitburst")["queued"] == 1
    _arm(holding)
    assert _apply(holding).verb == "withdraw"
    assert holding.claim.held


def test_a_forecast_lets_go_of_a_work_that_is_gone_and_of_no_other(holding: WithdrawPanel, backend: LocalBackend):
    holding.plan_button.click()
    until(lambda: holding.messages.shown)
    assert "in your hands already" in _errors(holding)[0]
    assert holding.claim.held
    until(lambda: not holding.plan_button.disabled)
    holding.state.buckets.api.delete([holding.claim.work["id"]])
    backend.store.load([make_work(pipeline="fitburst", status="queued")])
    _arm(holding)
    until(lambda: holding.box.armed)
    assert holding.claim is None
    assert "it is gone" in holding.messages.shown[0].text


def test_a_work_stays_in_hand_while_the_service_is_silent_and_when_others_are_changed(
    holding: WithdrawPanel, backend: LocalBackend
):
    requeue = RequeuePanel(holding.state)
    backend.store.load([make_work(pipeline="fitburst", status="failure", attempt=1)])
    holding.state.query = Query(pipeline="fitburst", status="failure")
    _arm(requeue)
    _apply(requeue)
    until(lambda: not holding.looking.running)
    backend.faults.add("POST /view", status=400)
    holding.success.click()
    until(lambda: holding.messages.shown and not holding.ending.running)
    assert holding.claim.held
    holding.success.click()
    until(lambda: holding.claim is None)
    assert backend.store.status("fitburst")["success"] == 1


def test_of_two_panels_on_a_page_the_one_that_claimed_holds(holding: WithdrawPanel, backend: LocalBackend):
    other = WithdrawPanel(holding.state)
    holding.give_back.click()
    until(lambda: holding.claim is None)
    other.pipeline.value = "fitburst"
    _arm(other)
    _apply(other)
    assert other.claim.held
    assert holding.claim is None


def test_audit_is_sent_only_when_confirmed(buckets: Buckets, backend: LocalBackend):
    backend.store.load([make_work(pipeline=PIPELINE, status="failure", attempt=1, retries=3)])
    panel = AuditPanel(State(buckets))
    assert _changes(backend) == []
    _arm(panel)
    assert _changes(backend) == []
    _apply(panel)
    assert any(change.startswith("GET /audit") for change in _changes(backend))


def test_journal_shows_the_past_and_undoes_from_there(state: State, backend: LocalBackend):
    deleting, panel = DeletePanel(state), JournalPanel(state)
    deleting.reason.value = "no longer wanted"
    _arm(deleting)
    _apply(deleting)
    assert "no longer wanted" in panel.entries.value
    state.receipt = None
    _arm(panel)
    _apply(panel)
    assert backend.store.status(PIPELINE)["failure"] == 3


def test_a_panel_that_is_closed_with_its_question_open_holds_nobody_up(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    _arm(panel)
    assert state.armed
    panel.close()
    assert not state.armed
    assert _changes(backend) == []


def test_closing_leaves_no_thread_and_no_observer(state: State):
    panel = DeletePanel(state)
    panel.close()
    state.selection = ("x",)
    assert all(callbacks == [] for callbacks in state._observers.values())


def test_a_panel_on_its_own_brings_query_and_works(buckets: Buckets, state: State):
    panel = DeletePanel(buckets, Query(pipeline=PIPELINE, status="failure"))
    until(lambda: panel.plan_button.description == "Delete 3 works …")


def test_a_work_that_moved_on_since_it_was_shown_stays(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    assert state.frame is not None
    moved = state.buckets.api.view({"id": state.frame["id"].iloc[0]})[0]
    backend.store.update([{**moved, "status": "queued"}])
    _arm(panel)
    receipt = _apply(panel)
    assert backend.store.status(PIPELINE)["queued"] == 1
    assert receipt.counts["done"] == 2


def test_works_of_an_older_query_are_never_taken_for_those_of_the_query(state: State, backend: LocalBackend):
    panel = DeletePanel(state)
    state.query = Query(pipeline=PIPELINE, status="queued")
    assert panel.plan_button.description == "Delete …"
    panel.plan_button.click()
    until(lambda: "Delete 0 works" in panel.box.plan_view.value)
    assert not panel.box.armed


def test_more_than_the_most_is_refused_with_what_raises_it(state: State):
    panel = DeletePanel(state)
    panel.most.value = 2
    panel.plan_button.click()
    until(lambda: panel.messages.shown)
    assert "max_affected" in panel.messages.shown[0].text


def test_a_warning_while_planning_stands_in_the_panel(state: State, monkeypatch: pytest.MonkeyPatch):
    panel = DeletePanel(state)
    plan_delete = state.buckets.plan_delete

    def plan(*given: Any, **options: Any) -> Any:
        warnings.warn("two works are left out", UserWarning, stacklevel=2)
        return plan_delete(*given, **options)

    monkeypatch.setattr(state.buckets, "plan_delete", plan)
    panel.plan_button.click()
    until(lambda: panel.box.armed)
    assert [(message.kind, message.text) for message in panel.messages.shown] == [("warning", "two works are left out")]


def test_what_stood_in_the_way_of_a_change_is_a_message_with_details(state: State, backend: LocalBackend):
    panel = RequeuePanel(state)
    _arm(panel)
    backend.faults.add("PUT /work", status=400, body=b'{"detail": "not today"}', times=None)
    panel.box.confirm.yes.click()
    until(lambda: panel.messages.shown)
    assert "path: /work" in panel.messages.shown[0].details
    assert panel.state.receipt.counts["done"] == 0


def test_the_journal_offers_the_newest_entry(state: State):
    journal = JournalPanel(state)
    panel = DeletePanel(state)
    for _ in range(2):
        _read(state)
        state.selection = tuple(state.frame["id"].head(1))
        _arm(panel)
        receipt = _apply(panel)
        assert journal.entry.value == receipt.entry
