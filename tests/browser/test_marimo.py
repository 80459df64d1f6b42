"""In marimo: frames are tables of its own, and the page is alive, as it is one widget of the kind that marimo takes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import HERE
from tests.browser.processes import free_ports, wait_until_answers
from tests.browser.steps import PIPELINE, agree, tick
from tests.cached import cached
from tests.conftest import FOREIGN
from tests.factory import make_works

MARIMO = "marimo==0.25.2"
NOTEBOOK = """
import marimo
app = marimo.App()

@app.cell
def _():
    import bucketsnb
    buckets = bucketsnb.Buckets()
    return bucketsnb, buckets

@app.cell
def _(buckets):
    frame = buckets.view({}, limit=2)
    frame
    return

@app.cell
def _(bucketsnb, buckets):
    page = bucketsnb.app(buckets)
    page
    return
"""


def _install(folder: Path) -> None:
    """Install marimo beside what is installed here: it needs newer versions of some packages than this project."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n{HERE.parents[1]}\n", "utf-8")
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--quiet", MARIMO], check=True)


@pytest.fixture(scope="module")
def marimo() -> Path:
    here = hashlib.sha256(f"{sys.prefix} {HERE}".encode()).hexdigest()[:12]
    return cached(f"{MARIMO}-{here}", _install) / "bin" / "marimo"


@pytest.fixture
def page(marimo: Path, browser: Browser, backend: LocalBackend, tmp_path: Path) -> Iterator[Page]:
    """Open a notebook of marimo, as an app, on a queue of five works."""
    backend.store.load(make_works(5, pipeline=PIPELINE, status="failure"))
    (tmp_path / "queue.py").write_text(NOTEBOOK, "utf-8")
    (port,) = free_ports(1)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environ = {**inherited, "BUCKETSNB_URL": backend.url, "BUCKETSNB_JOURNAL": str(tmp_path / "journal")}
    command = [marimo, "-y", "run", "queue.py", "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "marimo.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=log, stderr=log)
    try:
        wait_until_answers(process, f"http://127.0.0.1:{port}/", tmp_path / "marimo.log")
        context = browser.new_context(viewport={"width": 1280, "height": 1400})
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        yield page
        context.close()
    finally:
        process.terminate()
        process.wait(30)


def test_a_frame_is_a_table_and_the_page_deletes_works(page: Page, backend: LocalBackend) -> None:
    expect(page.get_by_text("2 rows, 27 columns")).to_be_visible(timeout=90_000)
    expect(page.get_by_text(PIPELINE).first).to_be_visible()
    expect(page.locator(".bnb-counts")).to_contain_text("5 read", timeout=60_000)
    tick(page.locator("body"), 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    agree(page.locator("body"), "1 work deleted")
    expect(page.locator(".bnb-counts")).to_contain_text("4 read")
    assert backend.store.status(PIPELINE)["failure"] == 4
