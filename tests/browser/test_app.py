"""The whole page in a real browser: from a status to a receipt and back, where one looks, and what it looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import EMPTY_NOTEBOOK, Opener
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, panel, pick, press, question, receipt, rest, tick, tick_all, writes
from tests.factory import make_work, make_works

APP = "from bucketsnb import Buckets, app\n{name} = app(Buckets())\n{name}"
_IN_SIGHT = """(one) => {
  const box = one.getBoundingClientRect();
  const seen = (y) => one.contains(document.elementFromPoint(box.left + box.width / 2, y));
  return box.height > 0 && seen(box.top + 3) && seen(box.bottom - 3);
}"""
"""Whether the top and the bottom of an element are what is seen there."""


def _in_sight(one: Locator) -> None:
    rest(one)
    assert one.evaluate(_IN_SIGHT), "it is out of sight"


def _focused_in(page: Locator, selector: str) -> None:
    assert page.locator(selector).first.evaluate("one => one.contains(document.activeElement)")


def test_status_selection_delete_receipt_undo(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    expect(page.locator(".bnb-chips")).to_contain_text("Status: failure")
    tick(page, 0, 2)
    notebook.picture("app-selection")
    page.get_by_role("button", name="Delete", exact=True).click()
    asked = question(page)
    sentence = asked.locator("[data-key='yes']")
    expect(sentence).to_have_text(re.compile(rf"Delete 2 works of {PIPELINE} on 127\.0\.0\.1:\d+"))
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    assert writes(backend) == []
    notebook.picture("app-question")
    sentence.dblclick()
    receipt(page, "2 works deleted")
    assert writes(backend) == ["DELETE"]
    expect(page.locator(".bnb-counts")).to_contain_text("3 read")
    expect(page.locator(f".bnb-status-table tr[data-pipeline='{PIPELINE}'] [data-status='failure']")).to_have_text("3")
    notebook.picture("app-receipt")
    page.get_by_role("button", name="Undo", exact=True).click()
    notebook.picture("app-undo")
    agree(page, "2 works put back")
    expect(page.locator(".bnb-counts")).to_contain_text("5 read")
    assert backend.store.status(PIPELINE)["failure"] == 5


def test_four_clicks_from_a_number_to_the_receipt_without_scrolling(notebook: Notebook, backend: LocalBackend) -> None:
    backend.store.load(sample_works(1000))
    notebook.page.set_viewport_size({"width": 1400, "height": 900})
    page = notebook.run(APP.format(name="page"))
    expect(page.locator(".bnb-counts")).to_contain_text("1,000 read")
    first = page.locator(".bnb-status-table tbody tr").first
    _in_sight(page.locator(".bnb-grid tr[data-row='9']"))
    place = "() => document.querySelector('.jp-WindowedPanel-outer').scrollTop"
    before = notebook.page.evaluate(place)
    delete = page.get_by_role("button", name="Delete", exact=True)
    clicks = [
        (first.locator("[data-status='failure']"), page.locator(".bnb-status-table [aria-current]")),
        (page.locator(".bnb-grid thead .bnb-tick"), delete.and_(page.locator(":enabled"))),
        (delete, page.locator(".bnb-question [data-key='yes']:enabled")),
        (page.locator(".bnb-question [data-key='yes']"), page.locator(".bnb-receipt")),
    ]
    for quick in ("No attempts left", "Past its timeout", "Waiting over 7 days"):
        assert page.get_by_role("button", name=quick).evaluate(_IN_SIGHT)
    for where, brings in clicks:
        expect(page.locator(".bnb-scroll.bnb-stale")).to_have_count(0)
        assert where.evaluate(_IN_SIGHT)
        where.click()
        expect(brings).to_be_visible()
        if where is clicks[0][0]:
            expect(page.locator(".bnb-causes .bnb-cause").first).to_be_visible()
            _in_sight(page.locator(".bnb-grid tr[data-row='9']"))
    _in_sight(page.locator(".bnb-receipt"))
    assert (len(clicks), notebook.page.evaluate(place)) == (4, before)
    notebook.kernel_eval("page.close()")


def test_few_tab_stops_lie_between_the_status_and_an_action(page: Locator) -> None:
    pick(page, PIPELINE, "failure")
    tick(page, 0)
    page.locator(".bnb-status-table tr[data-pipeline] button").first.focus()
    action = page.get_by_role("button", name="Requeue", exact=True)
    expect(action).to_be_enabled()
    stops = 0
    while stops <= 15 and not action.evaluate("one => one === document.activeElement"):
        page.page.keyboard.press("Tab")
        stops += 1
    assert stops <= 15


def test_nothing_selected_means_that_no_action_is_awake(page: Locator, backend: LocalBackend) -> None:
    actions = page.get_by_role("group", name="Actions on the selected works").get_by_role("button")
    expect(actions).to_have_count(3)
    for number in range(3):
        expect(actions.nth(number)).to_be_disabled()
    pick(page, PIPELINE, "failure")
    tick(page, 0)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Delete", exact=True).click()
    agree(page, "1 work deleted")
    for number in range(3):
        expect(actions.nth(number)).to_be_disabled()
    assert page.get_by_role("button", name=re.compile("^(Delete|Go on)")).evaluate_all(
        "all => all.map(one => one.disabled)"
    ) == [True]
    assert backend.store.status(PIPELINE)["failure"] == 4


def test_all_that_match_are_offered_in_full_and_only_as_a_step_of_its_own(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    backend.store.load(make_works(140, pipeline="fitburst", status="failure"))
    press(page, "Refresh")
    page.get_by_label("Read at most").select_option("100")
    pick(page, "fitburst", "failure")
    expect(page.locator(".bnb-counts")).to_contain_text(
        "140 match 100 read 0 selected".replace(" 100", "100").replace(" 0", "0")
    )
    tick_all(page)
    expect(page.locator(".bnb-offer")).to_contain_text("The 100 works that were read are selected.")
    press(page, "Select all 140 works that match")
    expect(page.locator(".bnb-offer")).to_contain_text("All 140 works that match are selected")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(question(page)).to_contain_text("Delete 140 works of fitburst")
    tick(page, 0)
    expect(page.locator(".bnb-question")).to_have_count(0)
    expect(page.locator(".bnb-counts")).to_contain_text("99 selected")
    assert writes(backend) == []
    page.get_by_label("Read at most").select_option("all")
    expect(page.locator(".bnb-counts")).to_contain_text("140 read")
    expect(page.get_by_label("Read at most")).to_have_value("all")


def test_a_question_is_read_with_its_warnings_in_one_box(notebook: Notebook, page: Locator) -> None:
    pick(page, PIPELINE, "failure")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    asked = question(page)
    expect(asked).to_contain_text("failure 5")
    expect(asked).to_contain_text("Undo puts deleted works back under new ids")
    works = asked.locator("details", has_text="the 5 works")
    expect(works).not_to_have_attribute("open", "")
    asked.get_by_text("the 5 works").click()
    asked.get_by_text("options").click()
    assert asked.evaluate("one => one.getBoundingClientRect().height") <= 500
    _in_sight(asked)


def test_a_refusal_speaks_of_the_page_and_is_remedied_by_a_button(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    backend.store.load(make_works(2, pipeline="fitburst", status="running"))
    press(page, "Refresh")
    pick(page, "fitburst", "total")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    refused = page.locator(".bnb-refusal")
    expect(refused).to_contain_text("2 of 5 works to be changed are running")
    notebook.picture("app-refusal")
    assert "allow_" not in page.inner_text()
    refused.get_by_role("button", name="Leave running works out").click()
    agree(page, "3 works deleted")
    assert backend.store.status("fitburst") == backend.store.status("fitburst") | {"running": 2, "queued": 0}


def test_an_option_of_the_question_keeps_the_question(page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    tick(page, 0)
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page).get_by_text("options").click()
    question(page).get_by_label("Reason").fill("by mistake")
    agree(page, "1 work deleted")
    expect(panel(page, "journal", "Journal").locator("tbody tr").first).to_contain_text("by mistake")


def test_escape_cancels_and_enter_confirms_what_was_typed(page: Locator, backend: LocalBackend) -> None:
    backend.store.load(make_works(120, pipeline="fitburst", status="failure"))
    press(page, "Refresh")
    pick(page, "fitburst", "failure")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page)
    page.page.keyboard.press("Escape")
    expect(page.locator(".bnb-question")).to_have_count(0)
    expect(page.locator(".bnb-box")).to_contain_text("Cancelled: nothing was changed.")
    _focused_in(page, ".bnb-box")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(question(page).get_by_label("Type 120")).to_be_focused()
    page.page.keyboard.type("12")
    page.page.keyboard.press("Enter")
    assert writes(backend) == []
    page.page.keyboard.type("0")
    page.page.keyboard.press("Enter")
    receipt(page, "120 works deleted")


def test_from_a_work_in_sight_the_priority_of_its_event_is_raised_in_five_clicks(
    page: Locator, backend: LocalBackend
) -> None:
    backend.store.load([make_work(pipeline="fitburst", event=[9385707], status="queued") for _ in range(2)])
    keyboard = page.page.keyboard
    press(page, "Refresh")
    page.locator(".bnb-grid tbody tr", has_text="9385707").first.click()
    page.get_by_title("Show all works of this event").click()
    expect(page.locator(".bnb-counts")).to_contain_text("2 read")
    expect(page.locator(".bnb-detail")).to_be_hidden()  # it was opened among other works
    tick_all(page)
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_label("to", exact=True)).to_be_focused()
    keyboard.type("5")
    keyboard.press("Enter")
    expect(question(page)).to_contain_text("Set priority to 5 in 2 works")
    agree(page, "2 works changed")


def test_a_filter_is_typed_and_the_form_closed_without_the_mouse(page: Locator) -> None:
    page.get_by_role("button", name="+ Filter", exact=True).click()
    page.locator("[data-field='pipeline'] input").press_sequentially("fitburst")
    page.page.keyboard.press("Enter")
    expect(page.locator(".bnb-chips")).to_contain_text("Pipeline: fitburst")
    page.page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Edit the filters")).to_be_hidden()
    expect(page.locator(".bnb-counts")).to_contain_text("3 read")


@pytest.fixture(params=["none", "full"])
def windowing(notebook: Notebook, request: pytest.FixtureRequest) -> Iterator[str]:
    """Let JupyterLab keep all cells in the page, or only those near the place in view."""
    set_mode = """(mode) => {
        const book = window.jupyterapp.shell.currentWidget.content;
        book.notebookConfig = {...book.notebookConfig, windowingMode: mode};
    }"""
    notebook.page.evaluate(set_mode, request.param)
    yield request.param
    assert notebook.troubles() == []
    notebook.page.evaluate(set_mode, "none")
    notebook.clear()  # it stumbles over its own switch


@pytest.fixture
def content_visibility(open_notebook: Opener, lab_folder: Path) -> Iterator[Opener]:
    """Open notebooks that leave the layout of cells out of sight to the browser, as set before they open."""
    settings = lab_folder.parent / "jupyter/settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    before = settings.read_text("utf-8")
    settings.write_text(json.dumps({"windowingMode": "contentVisibility"}), "utf-8")
    (lab_folder / "unseen.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    yield open_notebook
    settings.write_text(before, "utf-8")


def test_what_came_of_a_question_is_in_sight_and_focused_with_two_pages_in_one_notebook(
    notebook: Notebook, windowing: str, page: Locator
) -> None:
    notebook.run("print('\\n' * 60)")
    other = notebook.run("from bucketsnb import Buckets, app\nother = app(Buckets())\nother")
    expect(other.locator(".bnb-counts")).to_contain_text("12 read")
    for one in (other, page):
        pick(one, PIPELINE, "failure")
        tick(one, 0)
        for answer, what_came in (("Cancel", ".bnb-news"), ("Delete 1 work", ".bnb-receipt")):
            one.get_by_role("button", name="Delete", exact=True).click()
            _in_sight(question(one))
            question(one).get_by_role("button", name=re.compile("^" + answer)).click()
            expect(one.locator(what_came)).to_be_visible()
            _in_sight(one.locator(what_came))
            _focused_in(one, what_came)
    notebook.kernel_eval("other.close()")


def test_a_receipt_is_in_sight_and_focused_where_cells_out_of_sight_are_not_laid_out(
    content_visibility: Opener, backend: LocalBackend
) -> None:
    backend.store.load(make_works(5, pipeline=PIPELINE, status="failure"))
    notebook = content_visibility("unseen.ipynb", width=1400, height=900)
    mode = "() => window.jupyterapp.shell.currentWidget.content.notebookConfig.windowingMode"
    assert notebook.page.evaluate(mode) == "contentVisibility"
    for _ in range(3):
        notebook.run("print('\\n' * 60)")
    page = notebook.run(f"from bucketsnb import Buckets, app\npage = app(Buckets({backend.url!r}))\npage")
    expect(page.locator(".bnb-counts")).to_contain_text("5 read")
    notebook.run("print('\\n' * 60)")
    pick(page, PIPELINE, "failure")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    _in_sight(question(page))
    agree(page, "5 works deleted")
    _in_sight(page.locator(".bnb-receipt"))
    _focused_in(page, ".bnb-receipt")
    assert notebook.troubles() == []
    notebook.kernel_eval("page.close()")


def test_no_key_in_any_control_reaches_the_notebook(notebook: Notebook, page: Locator) -> None:
    panel(page, "deposit", "Deposit")
    pasted = page.get_by_label("CSV or JSON")
    expect(pasted).to_be_focused()
    book = "window.jupyterapp.shell.currentWidget.content"
    cells = f"() => {book}.widgets.map((one) => [one.model.type, one.model.sharedModel.source])"
    active = f"() => {book}.activeCellIndex"
    before = notebook.page.evaluate(cells), notebook.page.evaluate(active)
    for control in (
        page.get_by_role("button", name="Refresh"),
        page.get_by_label("Auto-refresh"),
        page.locator(".bnb-status-table tbody button").first,
        page.get_by_role("button", name="+ Filter"),
        page.get_by_label("Columns", exact=True),
        page.get_by_role("button", name="Journal", exact=True),
        page.get_by_label("Select all works that were read"),
        page.locator(".bnb-grid tbody tr[data-row='0']"),
        page.get_by_label("Deposit", exact=True),
        page.get_by_label("Leave rows with mistakes out"),
        page.get_by_role("button", name="Check and preview"),
        page.get_by_label("Read at most"),
    ):
        notebook.page.evaluate(f"() => {{ {book}.mode = 'command' }}")
        control.focus()
        for key in ("r", "x", "m", "a", "b", "y", "c", "z", "ArrowDown", "ArrowUp", "d", "d"):
            notebook.page.keyboard.press(key)
    pasted.focus()
    notebook.page.keyboard.press("Shift+Enter")
    expect(pasted).to_have_value("\n")
    assert (notebook.page.evaluate(cells), notebook.page.evaluate(active)) == before
    expect(page.locator(".bnb-page")).to_be_visible()


def test_a_form_that_comes_late_leaves_the_focus_where_it_went_meanwhile(notebook: Notebook, page: Locator) -> None:
    """The kernel is asked for the form, and the person goes elsewhere before it answers."""
    open_and_leave = """(page) => {
        page.querySelector("[aria-label='Columns']").focus();
        [...page.querySelectorAll("button")].find((one) => one.textContent === "Deposit").click();
        [...page.querySelectorAll("button")].find((one) => one.textContent === "Refresh").focus();
    }"""
    page.evaluate(open_and_leave)
    expect(page.get_by_label("CSV or JSON")).to_be_visible()
    rest(page.locator("[data-part='deposit']"))
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()


def test_running_the_cell_again_closes_the_page_before_models_and_all(
    notebook: Notebook, backend: LocalBackend
) -> None:
    models = (
        "async () => { const m = await window.jupyterapp.shell.currentWidget.content.widgets[0]; return m ? 1 : 0 }"
    )
    assert notebook.page.evaluate(models) == 1
    notebook.run(APP.format(name="page"))
    count = "len(__import__('ipywidgets').widgets.widget._instances)"
    before = notebook.kernel_eval(count)
    index = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    for _ in range(4):
        notebook.page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:run-cell') }")
    assert notebook.kernel_eval(count) == before <= 150
    expect(notebook.output(index).locator(".bnb-page")).to_have_count(1)
    expect(notebook.output(index).locator(".bnb-dead")).to_be_hidden()
    notebook.kernel_eval("page.close()")


def test_a_question_goes_dead_by_itself_and_an_edit_takes_it_away(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    pick(page, PIPELINE, "failure")
    tick(page, 0, 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(question(page).locator("[data-key='yes']")).to_be_enabled()
    over = "__import__('dataclasses').replace(page.box.plan, expires_at=__import__('time').time() + 0.2)"
    notebook.kernel_eval(f"page.box.offer({over})")
    expect(question(page)).to_contain_text("This question has been open for too long.")
    expect(question(page).locator("[data-key='yes']")).to_be_disabled()
    press(page, "Ask again")
    expect(question(page).locator("[data-key='yes']")).to_be_enabled()
    tick(page, 1)
    expect(page.locator(".bnb-question")).to_have_count(0)
    expect(page.locator(".bnb-box")).to_contain_text("nothing was changed")
    assert writes(backend) == []


def test_auto_refresh_stops_with_the_switch_and_never_audits(page: Locator, backend: LocalBackend) -> None:
    before = sum(one.path == "/status/pipelines" for one in backend.requests)
    page.get_by_label("Auto-refresh").select_option("10")
    page.page.wait_for_timeout(300)
    page.get_by_label("Auto-refresh").select_option("")
    assert sum(one.path == "/status/pipelines" for one in backend.requests) <= before + 1
    assert writes(backend) == []


def test_a_service_that_dies_is_said_where_one_looks_until_it_is_back(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    backend.faults.add("POST /view", status=400, times=1)
    press(page, "Refresh")
    error = page.locator(".bnb-message.bnb-error")
    expect(error.first).to_be_visible(timeout=60_000)
    notebook.picture("app-error")
    error.first.locator("summary").click()
    expect(error.first.locator("pre")).to_contain_text("path: /view")
    expect(page.locator(".bnb-counts")).to_contain_text("12 read")
    press(page, "Refresh")
    expect(error).to_have_count(0)


def test_moments_are_in_utc_or_the_readers_zone_by_one_switch(page: Locator) -> None:
    expect(page.locator(".bnb-read-at")).to_have_text(re.compile(r"^read \d\d:\d\d UTC \("))
    page.get_by_role("button", name="UTC", exact=True).click()
    expect(page.locator(".bnb-read-at")).to_have_text(re.compile(r"^read \d\d:\d\d \("))
    page.get_by_role("button", name="local time", exact=True).click()
    expect(page.locator(".bnb-read-at")).to_have_text(re.compile(r"^read \d\d:\d\d UTC \("))


def test_filters_stand_as_chips_that_are_edited_and_removed(page: Locator) -> None:
    pick(page, PIPELINE, "failure")
    chips = page.get_by_role("group", name="Filters", exact=True)
    chips.get_by_role("button", name="Remove the filter Status").click()
    expect(page.locator(".bnb-counts")).to_contain_text("9 read")
    chips.get_by_role("button", name="Edit the filter Pipeline").click()
    field = page.get_by_label("Site", exact=True)
    field.fill("nowhere")
    field.press("Enter")
    expect(chips).to_contain_text("Site: nowhere")
    expect(page.locator(".bnb-why")).to_contain_text("Nothing matches")
    page.get_by_label("Priority", exact=True).fill("9")
    page.get_by_label("Code of the query").click()
    expect(page.get_by_text("There is no code while a filter has a mistake.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the query")).to_have_count(0)
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.locator(".bnb-counts")).to_contain_text("12 read")
    page.get_by_role("button", name="Waiting over 7 days").click()
    expect(chips).to_contain_text("Older than: 7d")
    expect(page.locator(".bnb-notes")).to_contain_text("requeued a minute ago")


def test_a_long_name_breaks_within_a_narrow_page(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    backend.store.load([make_work(pipeline="a" * 128, status="failure")])
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.kernel_eval("page.status.pick('a' * 128, 'failure')")
    expect(page.locator(".bnb-counts")).to_contain_text("1 read")
    tick(page, 0)
    page.get_by_role("button", name="Delete", exact=True).click()
    asked = question(page)
    notebook.picture("app-narrow-long", asked)
    assert asked.evaluate("box => box.scrollWidth - box.clientWidth") == 0


@pytest.mark.parametrize("width", [1920, 1400, 1000, 700])
def test_nothing_sticks_out_of_the_cell(notebook: Notebook, page: Locator, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 900})
    pick(page, PIPELINE, "failure")
    notebook.picture(f"app-{width}")
    over: list[Any] = page.evaluate(
        "area => [...area.querySelectorAll('.bnb, .bnb-part')]"
        ".filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1)"
        ".map(one => one.className)"
    )
    assert over == []
    assert page.locator(".bnb-status-table .bnb-scroll").evaluate("one => one.scrollWidth - one.clientWidth") == 0
