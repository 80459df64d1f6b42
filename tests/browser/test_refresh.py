"""Auto-refresh: it rests while nobody sees it, ends with its output, and lets an open question be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import EMPTY_NOTEBOOK
from tests.browser.notebook import Notebook

SHOW = """
from bucketsnb import Buckets
from bucketsnb.widgets import StatusPanel
status = StatusPanel(Buckets(), interval=1)
status
"""
SEEN = "seen => Object.defineProperty(document, 'visibilityState', {value: seen, configurable: true})"
QUIET = 2500
"""Milliseconds in which auto-refresh of one second would have asked twice."""


def _switched_on(notebook: Notebook, backend: LocalBackend) -> tuple[Locator, Callable[[], int]]:
    panel = notebook.run(SHOW)
    expect(panel.locator(".bnb-said")).to_contain_text("0 works")
    notebook.kernel_eval("status.table.switch(1)")
    return panel, lambda: sum(one.path == "/status/pipelines" for one in backend.requests)


def _until(notebook: Notebook, count: Callable[[], int], more_than: int) -> None:
    for _ in range(600):
        if count() > more_than:
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"still {count()} reads")


def _rests(notebook: Notebook, count: Callable[[], int]) -> bool:
    for _ in range(4):  # on a busy machine some may be on their way; one that does not rest asks in every such while
        before = count()
        notebook.page.wait_for_timeout(QUIET)
        if count() == before:
            return True
    return False


def test_it_rests_out_of_sight_and_goes_on_in_sight(notebook: Notebook, backend: LocalBackend) -> None:
    panel, count = _switched_on(notebook, backend)
    _until(notebook, count, 1)
    notebook.page.evaluate(SEEN, "hidden")
    assert _rests(notebook, count)
    notebook.page.evaluate(SEEN, "visible")
    _until(notebook, count, count())
    panel.get_by_label("Auto-refresh").select_option("")
    notebook.kernel_eval("status.close()")


def test_it_ends_with_its_output_and_resumes_when_shown_again(notebook: Notebook, backend: LocalBackend) -> None:
    _, count = _switched_on(notebook, backend)
    _until(notebook, count, 1)
    notebook.clear()
    assert _rests(notebook, count)
    before = count()
    notebook.run("status")
    _until(notebook, count, before)
    notebook.kernel_eval("status.close()")


def test_a_closed_tab_leaves_a_kernel_that_rests_and_no_thread(
    open_notebook: Callable[..., Notebook], lab_folder: Path, backend: LocalBackend
) -> None:
    (lab_folder / "closed.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    notebook = open_notebook("closed.ipynb")
    address = notebook.page.url
    notebook.kernel_eval(f"__import__('os').environ.update(BUCKETSNB_URL={backend.url!r})")
    _, count = _switched_on(notebook, backend)
    _until(notebook, count, 1)
    notebook.page.goto("about:blank")
    assert _rests(notebook, count)
    notebook.open(address)
    names = notebook.kernel_eval("[one.name for one in __import__('threading').enumerate()]")
    assert notebook.kernel_eval("status.label"), "it is the same kernel"
    assert not [name for name in names if name.startswith(("bucketsnb", "tqdm"))]
    notebook.kernel_eval("status.close()")


def test_an_open_question_is_let_be(notebook: Notebook, backend: LocalBackend) -> None:
    _, count = _switched_on(notebook, backend)
    _until(notebook, count, 1)
    notebook.kernel_eval("setattr(status.state, 'plan', object())")
    assert _rests(notebook, count)
    notebook.kernel_eval("setattr(status.state, 'plan', None)")
    _until(notebook, count, count())
    notebook.kernel_eval("status.close()")
