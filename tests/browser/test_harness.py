"""The tools of the tests in this folder: what they promise to see, they see."""

from __future__ import annotations

import sys

from playwright.sync_api import expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook


def test_a_cell_runs_in_this_python_and_finds_the_backend(notebook: Notebook, backend: LocalBackend) -> None:
    output = notebook.run("import os, sys; print(sys.executable, os.environ['BUCKETSNB_URL'])")
    expect(output).to_contain_text(f"{sys.executable} {backend.url}")
    assert notebook.kernel_eval("6 * 7") == 42


def test_an_error_in_a_callback_is_seen(notebook: Notebook) -> None:
    notebook.run(
        "import ipywidgets\nbutton = ipywidgets.Button(description='Break')\nbutton.on_click(lambda _: 1 / 0)\nbutton"
    )
    notebook.page.get_by_role("button", name="Break").click()
    notebook.kernel_eval("1")  # the kernel answers in turn, so the click is over
    (trouble,) = notebook.troubles()
    assert "ZeroDivisionError" in trouble
    notebook.clear()


def test_an_error_of_the_page_is_seen(notebook: Notebook) -> None:
    notebook.page.evaluate("() => { setTimeout(() => { throw new Error('torn') }) }")
    notebook.page.wait_for_function("() => true", polling=50)
    assert any("torn" in trouble for trouble in notebook.troubles())
    notebook.clear()
