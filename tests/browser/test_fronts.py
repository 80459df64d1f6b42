"""The same page in Notebook 7 and in Voila: from the preview to a work that is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli.jupyter_server import JupyterLab
from tests.browser.steps import PIPELINE, rest
from tests.factory import make_works

CELL = """
from bucketsnb import Buckets, Query, app
app(Buckets({url!r}), Query(pipeline={pipeline!r}, status="failure"))
"""


@pytest.fixture
def page(browser: Browser, lab_folder: Path, backend: LocalBackend) -> Iterator[Page]:
    """Write a notebook of one cell, and give an empty page."""
    backend.store.load(make_works(5, pipeline=PIPELINE, status="failure"))
    book = nbformat.v4.new_notebook()
    book.cells.append(nbformat.v4.new_code_cell(CELL.format(url=backend.url, pipeline=PIPELINE)))
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, lab_folder / "front.ipynb")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def _thrown(page: Page) -> list[str]:
    """Keep what the page's code throws from now on."""
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    return thrown


def _run_first_cell(page: Page) -> None:
    """Run it until it runs: the page says idle before it has a kernel, and then passes a cell over without a word."""
    cell = page.locator(".jp-CodeCell").first
    for _ in range(5):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with suppress(AssertionError):
            expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=10_000)
            return
    raise AssertionError("Notebook 7 does not run the cell")


def _delete_one(page: Page, backend: LocalBackend) -> None:
    expect(page.locator(".bnb-counts")).to_contain_text("5 read", timeout=90_000)
    page.locator(".bnb-grid tr[data-row='1']").get_by_role("checkbox").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("button", name=re.compile(rf"^Delete 1 work of {PIPELINE} on 127\.0\.0\.1")).click()
    done = page.locator(".bnb-receipt")
    expect(done).to_contain_text("1 work deleted")
    expect(page.locator(".bnb-counts")).to_contain_text("4 read")
    rest(done)
    assert done.evaluate("one => one.contains(document.activeElement)")
    box = done.bounding_box()
    assert box is not None
    assert 0 <= box["y"] <= box["y"] + box["height"] <= 900
    assert backend.store.status(PIPELINE)["failure"] == 4


def test_a_work_is_deleted_in_notebook_7(page: Page, lab: JupyterLab, backend: LocalBackend) -> None:
    page.goto(f"{lab.url}notebooks/front.ipynb?token={lab.token}")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=90_000)
    thrown = _thrown(page)  # after the start, in which extensions of the server complain of each other
    _run_first_cell(page)
    _delete_one(page, backend)
    assert thrown == []


def test_a_work_is_deleted_in_voila(page: Page, lab: JupyterLab, backend: LocalBackend) -> None:
    thrown = _thrown(page)
    page.goto(f"{lab.url}voila/render/front.ipynb?token={lab.token}")
    _delete_one(page, backend)
    assert thrown == []
