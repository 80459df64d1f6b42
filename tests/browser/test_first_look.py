"""The first notebook in a real JupyterLab, from the first cell to works that are gone."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli.notebooks import FIRST, shipped
from tests.browser.notebook import Notebook
from tests.browser.steps import receipt, tick_all

PIPELINE = "baseband-converter"


@pytest.fixture
def first_look(open_notebook: Callable[..., Notebook], lab_folder: Path, backend: LocalBackend) -> Notebook:
    """Open the notebook on a queue of one day."""
    backend.store.load(sample_works(5000))
    shutil.copyfile(shipped() / FIRST, lab_folder / FIRST)
    notebook = open_notebook(FIRST, width=1060, height=1440)
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.kernel_eval(f"__import__('os').environ.update(BUCKETSNB_URL={backend.url!r})")
    return notebook


def outputs(notebook: Notebook, words: str) -> Locator:
    """Find what the cell with these words shows."""
    return notebook.page.locator(".jp-CodeCell").filter(has_text=words).locator(".jp-OutputArea")


def stale(backend: LocalBackend) -> int:
    """Count the works that the notebook asks for, in the store."""
    week = {"$lt": time.time() - 7 * 86_400}
    found = backend.store.view({"pipeline": PIPELINE, "status": "queued", "creation": week}, {"creation": True})
    return b"".join(found).count(b"creation")


def test_from_the_first_cell_to_works_that_are_gone(first_look: Notebook, backend: LocalBackend) -> None:
    first_look.run_all()
    expect(outputs(first_look, "buckets.status()").locator("table")).to_contain_text(PIPELINE)
    before, total = stale(backend), backend.store.status()["total"]

    panel = outputs(first_look, "DeletePanel(buckets")
    expect(panel.locator(".bnb-grid tbody tr[data-row='0']")).to_be_visible()
    panel.get_by_role("button", name="+ Filter").click()
    panel.get_by_label("Pipeline", exact=True).fill(PIPELINE)
    panel.get_by_label("Pipeline", exact=True).press("Enter")
    expect(panel.locator(".bnb-chips")).to_contain_text(f"Pipeline: {PIPELINE}")
    panel.get_by_role("button", name="Done").click()
    expect(panel.locator(".bnb-scroll.bnb-stale")).to_have_count(0)
    tick_all(panel)
    panel.get_by_role("button", name="Delete", exact=True).click()
    sentence = panel.get_by_role("button", name=re.compile(rf"Delete (\d+) works of {PIPELINE} on 127\.0\.0\.1"))
    expect(sentence).to_be_visible()
    assert backend.store.status()["total"] == total
    panel.evaluate("element => element.scrollIntoView({block: 'end'})")
    sentence.hover()
    first_look.picture("first-look")

    number = int(re.search(r"\d+", sentence.inner_text()).group())
    sentence.click()
    receipt(panel, f"{number} works deleted")
    first_look.picture("first-look-receipt")
    assert backend.store.status()["total"] == total - number
    assert stale(backend) == before - number
    assert first_look.troubles() == []
