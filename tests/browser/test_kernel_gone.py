"""A page whose kernel is gone says so, and does nothing more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli.jupyter import JupyterLab
from tests.browser.conftest import EMPTY_NOTEBOOK, opened
from tests.browser.notebook import Notebook
from tests.browser.steps import faults_by_theme
from tests.factory import make_works

SHOW = "from bucketsnb import Buckets, app\npage = app(Buckets({url!r}))\npage"
SESSION = "window.jupyterapp.shell.currentWidget.sessionContext"


@pytest.fixture(scope="module")
def window(browser: Browser, lab: JupyterLab, lab_folder: Path) -> Iterator[Notebook]:
    """Open a notebook whose kernel may be lost."""
    (lab_folder / "gone.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    with opened(browser, lab, "gone.ipynb", width=1400) as notebook:
        yield notebook
        notebook.page.evaluate(f"async () => {{ await {SESSION}.shutdown() }}")


@pytest.mark.parametrize("way", ["shutdown()", "restartKernel()", "session.kernel.shutdown()"])
def test_a_dead_kernel_is_said_on_the_page_and_its_buttons_are_off(
    window: Notebook, backend: LocalBackend, way: str
) -> None:
    backend.store.load(make_works(3, pipeline="fitburst", status="failure"))
    window.clear()
    window.page.evaluate(f"async () => {{ await {SESSION}.changeKernel({{name: 'python3'}}) }}")
    page = window.run(SHOW.format(url=backend.url))
    expect(page.locator(".bnb-counts")).to_contain_text("3 read")
    expect(page.locator(".bnb-dead")).to_be_hidden()
    window.page.evaluate(f"async () => {{ await {SESSION}.{way} }}")
    said = page.get_by_role("alert").filter(has_text="The kernel is gone")
    expect(said).to_contain_text("Run this cell again")
    if way == "shutdown()":
        assert faults_by_theme(window, "app-dead-kernel") == []
        window.show_in("light")
    parts = page.locator("section[data-part]")
    assert parts.evaluate_all("all => all.map(one => one.inert)") == [True] * parts.count()
    if way == "restartKernel()":
        again = window.page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:run-cell') }")
        assert again is None
        expect(window.output(0).locator(".bnb-counts")).to_contain_text("3 read")
        expect(window.output(0).locator(".bnb-dead")).to_be_hidden()
