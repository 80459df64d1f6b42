"""One JupyterLab and kernel for all tests that need it, and one Chromium a process; each test gets fresh cells."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli.jupyter_server import JupyterLab
from tests.browser.lab import started
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE
from tests.factory import make_work

IN_CI = bool(os.environ.get("CI"))
SCREENSHOTS = os.environ.get("BUCKETSNB_SCREENSHOTS")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
EMPTY_NOTEBOOK = {
    "cells": [],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
HERE = Path(__file__).parent
_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        (pytest.fail if IN_CI else pytest.skip)(f"no browser here: looked for {', '.join(CHROMIUM_NAMES)}")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_OPTIONS, ignore_default_args=["--hide-scrollbars"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    folder.mkdir()
    (folder / "shared.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    return folder


@pytest.fixture(scope="session")
def lab(lab_folder: Path) -> Iterator[JupyterLab]:
    """Start JupyterLab, with this Python as the kernel."""
    environ = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")])),
        "BUCKETSNB_JOURNAL": str(lab_folder.parent / "journal"),
    }
    with started(lab_folder, lab_folder.parent / "lab.log", environ) as lab:
        yield lab


Opener = Callable[..., Notebook]


@contextmanager
def opened(browser: Browser, lab: JupyterLab, name: str, *, width: int = 1280, height: int = 900) -> Iterator[Notebook]:
    """Open a notebook of the folder in a window of its own: Chromium draws what is behind another tab once a second."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(30_000)
    notebook = Notebook(context.new_page(), Path(SCREENSHOTS) if SCREENSHOTS else None)
    # A workspace of its own, so that two pages do not share one layout.
    notebook.open(f"{lab.url}lab/workspaces/w{next(_NUMBERS)}/tree/{name}?token={lab.token}")
    yield notebook
    context.close()


@pytest.fixture
def open_notebook(browser: Browser, lab: JupyterLab) -> Iterator[Opener]:
    """Open notebooks for one test: ``open_notebook("name.ipynb", width=1280, height=900)``."""
    with ExitStack() as windows:
        yield lambda name, **size: windows.enter_context(opened(browser, lab, name, **size))


@pytest.fixture(scope="session")
def shared_notebook(browser: Browser, lab: JupyterLab) -> Iterator[Notebook]:
    with opened(browser, lab, "shared.ipynb") as notebook:
        yield notebook


@pytest.fixture
def notebook(shared_notebook: Notebook, backend: LocalBackend) -> Iterator[Notebook]:
    """Give a fresh cell in the shared kernel, which finds `backend`; fail on any error that nobody saw."""
    shared_notebook.clear()
    shared_notebook.kernel_eval(f"__import__('os').environ.update(BUCKETSNB_URL={backend.url!r})")
    yield shared_notebook
    assert shared_notebook.troubles() == []


@pytest.fixture
def page(notebook: Notebook, backend: LocalBackend) -> Iterator[Locator]:
    """Show the page on a queue of twelve works, at the size it is made for."""
    works = [make_work(pipeline=PIPELINE, status=status) for status in ("failure",) * 5 + ("queued",) * 4]
    backend.store.load([*works, *(make_work(pipeline="fitburst", status="queued") for _ in range(3))])
    notebook.page.set_viewport_size({"width": 1400, "height": 900})
    shown = notebook.run("from bucketsnb import Buckets, app\npage = app(Buckets())\npage")
    expect(shown.locator(".bnb-counts")).to_contain_text("12 read")
    yield shown
    notebook.kernel_eval("page.close()")
    notebook.page.set_viewport_size({"width": 1280, "height": 900})
