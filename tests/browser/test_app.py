"""The whole page in a real browser: from a status to a receipt and back, and what it looks like."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, pick, writes
from tests.factory import make_work


def test_status_query_preview_delete_receipt_undo(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    expect(page.locator(".bnb-builder")).to_contain_text(f'Query(pipeline="{PIPELINE}", status="failure")')
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 5")
    for row in (0, 2):
        page.locator(f".bnb-grid tr[data-row='{row}']").get_by_role("checkbox").click()
    notebook.picture("app")
    page.get_by_role("button", name="Delete 2 works …").click()
    sentence = page.get_by_role("button", name=re.compile(rf"Delete 2 works of {PIPELINE} on 127\.0\.0\.1:\d+"))
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    assert writes(backend) == []
    notebook.picture("app-confirm")
    sentence.dblclick()
    expect(page.get_by_text("2 of 2 works done").first).to_be_visible()
    assert writes(backend) == ["DELETE"]
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 3")
    expect(page.locator(f".bnb-status-table tr[data-pipeline='{PIPELINE}'] [data-status='failure']")).to_have_text("3")
    notebook.picture("app-receipt")
    page.get_by_role("button", name="Undo", exact=True).last.click()
    page.get_by_role("button", name=re.compile("Undo 20.*: put back 2 works")).click()
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 5")
    assert backend.store.status(PIPELINE)["failure"] == 5


def test_an_edit_takes_the_question_away(page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    page.get_by_role("button", name="Delete 5 works …").click()
    sentence = page.get_by_role("button", name=re.compile("Delete 5 works of"))
    expect(sentence).to_be_visible()
    page.locator(".bnb-grid tr[data-row='1']").get_by_role("checkbox").click()
    expect(sentence).to_be_hidden()
    assert writes(backend) == []


def test_deposit_from_a_paste(page: Locator, backend: LocalBackend) -> None:
    page.get_by_role("tab", name="Deposit").click()
    page.get_by_role("tab", name="Many works").click()
    page.get_by_label("CSV or JSON").fill("pipeline,site,user,tags\nfitburst,chime,me,a\nfit burst,chime,me,a\n")
    page.get_by_role("button", name="Check and preview …").click()
    expect(page.get_by_text("1 row cannot be sent")).to_be_visible()
    page.get_by_label("CSV or JSON").fill("pipeline,site,user,tags\nfitburst,chime,me,a\ndm-pipeline,chime,me,a\n")
    page.get_by_role("button", name="Check and preview …").click()
    page.get_by_role("button", name=re.compile("Deposit 2 works to")).click()
    expect(page.get_by_text("2 of 2 works done").first).to_be_visible()
    assert backend.store.status()["total"] == 14


def test_withdraw_and_give_back(page: Locator, backend: LocalBackend) -> None:
    page.get_by_role("tab", name="Withdraw").click()
    form = page.locator(".bnb").filter(has=page.page.get_by_role("button", name="Forecast …")).last
    form.get_by_label("Pipeline").fill("fitburst")
    form.get_by_label("Pipeline").press("Tab")
    form.get_by_role("button", name="Forecast …").click()
    form.get_by_role("button", name=re.compile("Withdraw 1 work of fitburst")).click()
    expect(form.get_by_text(re.compile(r"Time left: (0:5\d:\d\d|1:00:0\d)"))).to_be_visible()
    assert backend.store.status("fitburst")["running"] == 1
    form.get_by_role("button", name="Give back").click()
    expect(form.get_by_text(re.compile("put back 1 work on .*1 of 1 work done")).last).to_be_visible()
    assert backend.store.status("fitburst")["queued"] == 3


def test_auto_refresh_stops_with_the_switch_and_never_audits(page: Locator, backend: LocalBackend) -> None:
    status = page.locator(".bnb-ticker").first
    before = sum(one.path == "/status/pipelines" for one in backend.requests)
    status.get_by_role("checkbox").check()
    expect(status).to_contain_text("every 10 s")
    page.page.wait_for_function("() => true")
    status.get_by_role("checkbox").uncheck()
    expect(status).not_to_contain_text("every")
    assert sum(one.path == "/status/pipelines" for one in backend.requests) <= before + 1
    assert writes(backend) == []


def test_a_service_that_dies_is_said_where_one_looks(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 12")
    backend.faults.add("POST /view", status=500, times=None)
    page.get_by_role("button", name="Preview").click()
    error = page.locator(".bnb-message.bnb-error")
    expect(error.first).to_be_visible(timeout=60_000)
    error.first.locator("summary").click()
    expect(error.first.locator("pre")).to_contain_text("path: /view")
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 12")


def test_a_long_name_breaks_within_a_narrow_cell(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    backend.store.load([make_work(pipeline="a" * 128, status="failure")])
    notebook.page.set_viewport_size({"width": 700, "height": 2200})
    notebook.kernel_eval("page.status.pick('a' * 128, 'failure')")
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 1")
    page.get_by_role("button", name="Delete 1 work …").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    question = page.locator(".bnb-confirm:visible")
    notebook.picture("app-narrow-long", question)
    assert question.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    columns = "fields => getComputedStyle(fields).gridTemplateColumns.split(' ').length"
    assert page.locator(".bnb-fields").evaluate(columns) == 1


@pytest.mark.parametrize("width", [1400, 700])
def test_nothing_sticks_out_of_the_cell(notebook: Notebook, page: Locator, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 2200})
    pick(page, PIPELINE, "failure")
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 5")
    notebook.picture(f"app-{width}")
    over = page.evaluate(
        "area => [...area.querySelectorAll('.bnb')]"
        ".filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1)"
        ".map(one => one.className)"
    )
    assert over == []
