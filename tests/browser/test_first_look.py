"""The first notebook in a real JupyterLab, from the first cell to works that are gone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.cli.notebooks import FIRST, shipped
from tests.browser.notebook import Notebook
from tests.browser.steps import agree, question, tick_all

PIPELINE = "champss-processing"
STALE = 'buckets.count(pipeline="champss-processing", status="queued", older_than="7d")'


@pytest.fixture
def first_look(open_notebook: Callable[..., Notebook], lab_folder: Path) -> Notebook:
    """Open the notebook, with nothing set up."""
    shutil.copyfile(shipped() / FIRST, lab_folder / FIRST)
    notebook = open_notebook(FIRST, width=1400, height=900)
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    return notebook


def outputs(notebook: Notebook, words: str) -> Locator:
    """Find what the cell with these words shows."""
    return notebook.page.locator(".jp-CodeCell").filter(has_text=words).locator(".jp-OutputArea")


def test_from_the_first_cell_to_works_that_are_gone_and_back(first_look: Notebook) -> None:
    first_look.run_all()
    expect(outputs(first_look, "buckets.status()").locator("table")).to_contain_text(PIPELINE)
    stale, total = first_look.kernel_eval(f"[{STALE}, buckets.count()]")
    assert 0 < stale < total

    page = outputs(first_look, "bucketsnb.app(buckets")
    expect(page.locator(".bnb-counts")).to_contain_text(f"{stale} read")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    sentence = question(page).locator("[data-key='yes']")
    expect(sentence).to_have_text(re.compile(rf"Delete {stale} works of {PIPELINE} on 127\.0\.0\.1"))
    assert first_look.kernel_eval("buckets.count()") == total
    page.evaluate("element => element.scrollIntoView({block: 'start'})")
    sentence.hover()
    first_look.picture("first-look")

    agree(page, f"{stale} works deleted")
    first_look.picture("first-look-receipt")
    assert first_look.kernel_eval(f"[{STALE}, buckets.count()]") == [0, total - stale]
    page.get_by_role("button", name="Undo", exact=True).click()
    agree(page, f"{stale} works put back")
    assert first_look.kernel_eval(f"[{STALE}, buckets.count()]") == [stale, total]
    assert first_look.troubles() == []
