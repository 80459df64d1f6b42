"""What a saved notebook keeps of a page is printed whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.backend.samples import sample_works
from bucketsnb.widgets import App, app
from tests.browser.steps import faults
from tests.browser.test_report import A4, TOO_WIDE
from tests.widgets.waiting import until


@pytest.fixture
def saved(backend: LocalBackend, buckets: Buckets) -> Iterator[App]:
    """A page of a practice queue, its failed works, and a plan of many of them that waits."""
    works = [{**work, "tags": ["backfill", "priority-event", "x" * 60]} for work in sample_works(500)]
    backend.store.load(works)
    page = app(buckets, Query(status="failure", older_than="1min"))
    until(lambda: page.state.frame is not None and page.state.status is not None and page.state.up_to_date)
    page.grid.receive({"type": "select", "ids": list(page.state.frame["id"]), "on": True, "view": "v"})
    page.actions.receive({"type": "do", "name": "delete"})
    until(lambda: page.box.armed)
    yield page
    page.close()


def test_a_saved_page_has_no_column_that_a_sheet_of_paper_cuts(browser: Browser, saved: App) -> None:
    paper = browser.new_page(viewport={"width": A4, "height": 1000})
    paper.emulate_media(media="print")
    paper.set_content(
        "<html lang='en'><title>Saved</title><body style='margin: 0; font: 13px sans-serif'>"
        f"<div class='jp-OutputArea-child' style='break-inside: avoid'>{saved.static()}</div></body>"
    )
    output = paper.locator(".jp-OutputArea-child")
    assert output.evaluate("one => getComputedStyle(one).breakInside") == "auto", "it begins on the first sheet"
    paper.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    assert paper.locator("tbody tr").count() > 40
    assert paper.evaluate(TOO_WIDE) == []
    assert faults(paper) == []
    paper.emulate_media(media="screen")
    paper.set_viewport_size({"width": 500, "height": 1000})
    errors = paper.locator("td", has_text="Error: ").evaluate_all("all => all.map((one) => one.offsetWidth)")
    assert min(errors) > 100, "an error is read by words, not by letters"
    paper.close()
