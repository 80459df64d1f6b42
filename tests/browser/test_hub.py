"""Behind JupyterHub, its proxy and a base path: the page, its refreshing, and ``bucketsnb lab`` within a session."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import EMPTY_NOTEBOOK, HERE, IN_CI
from tests.browser.hub import PREFIX, hub, npm
from tests.browser.lab import settings
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, tick
from tests.factory import make_works

APP = "import bucketsnb\nbuckets = bucketsnb.Buckets({url!r})\npage = bucketsnb.app(buckets)\npage"
LAB = """
import subprocess
lab = subprocess.Popen({command!r}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
said = []
for line in lab.stdout:
    said.append(line)
    if "Ctrl-C stops it" in line:
        break
print("".join(said))
"""


@pytest.fixture(scope="module")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a hub, under a name that is not one of this machine's own: so a browser comes to it from elsewhere."""
    if npm() is None:
        (pytest.fail if IN_CI else pytest.skip)("no npm here: it installs the proxy of JupyterHub")
    folder = tmp_path_factory.mktemp("hub")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "hub.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    path = os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")]))
    environ = {**settings(folder), "PYTHONPATH": path, "BUCKETSNB_JOURNAL": str(folder / "journal")}
    # The JupyterLab that is started within a session lets the tests in by this file, the others by an option.
    within = Path(environ["JUPYTER_CONFIG_DIR"]) / "jupyter_lab_config.json"
    within.write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}), "utf-8")
    with hub(folder, environ) as url:
        yield url.replace("127.0.0.1", "hub.localhost")


@pytest.fixture(scope="module")
def hub_notebook(browser: Browser, hub_url: str) -> Iterator[Notebook]:
    """Log in, wait for the server of one's own, and open a notebook there."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{hub_url}hub/login?next={PREFIX}hub/spawn")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(rf"{re.escape(PREFIX)}user/ada/lab"), timeout=180_000)
    notebook = Notebook(page)
    notebook.open(f"{hub_url}user/ada/lab/tree/hub.ipynb")
    yield notebook
    context.close()


@pytest.fixture
def notebook(hub_notebook: Notebook) -> Notebook:
    hub_notebook.clear()
    return hub_notebook


def _shown(notebook: Notebook, backend: LocalBackend) -> Locator:
    backend.store.load(make_works(5, pipeline=PIPELINE, status="failure"))
    page = notebook.run(APP.format(url=backend.url))
    expect(page.locator(".bnb-counts")).to_contain_text("5 read")
    return page


def test_works_are_deleted_behind_a_hub(notebook: Notebook, backend: LocalBackend) -> None:
    page = _shown(notebook, backend)
    tick(page, 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    agree(page, "1 work deleted")
    expect(page.locator(".bnb-counts")).to_contain_text("4 read")
    assert backend.store.status(PIPELINE)["failure"] == 4
    assert notebook.troubles() == []
    notebook.kernel_eval("page.close()")


def test_the_page_reads_again_behind_a_hub(notebook: Notebook, backend: LocalBackend) -> None:
    page = _shown(notebook, backend)
    notebook.kernel_eval("page.status.switch(1)")
    backend.store.load(make_works(2, pipeline=PIPELINE, status="failure"))
    failed = page.locator(f".bnb-status-table tr[data-pipeline='{PIPELINE}'] [data-status='failure']")
    expect(failed).to_have_text("7")
    assert notebook.troubles() == []
    notebook.kernel_eval("page.close()")


def test_bucketsnb_lab_opens_behind_a_hub(notebook: Notebook, backend: LocalBackend, hub_url: str) -> None:
    _shown(notebook, backend)
    command = [sys.executable, "-m", "bucketsnb", "lab", "--url", backend.url]
    said = notebook.run(LAB.format(command=command))
    expect(said).to_contain_text("Ctrl-C stops it", timeout=120_000)
    (path,) = re.findall(r"JupyterLab: (/\S+)", said.inner_text())
    assert path.startswith(f"{PREFIX}user/ada/proxy/absolute/")
    inner = Notebook(notebook.page.context.new_page())
    inner.open(hub_url.removesuffix(PREFIX) + path)
    assert inner.kernel_eval("__import__('os').environ['BUCKETSNB_URL']") == backend.url
    page = inner.run("import bucketsnb\nbucketsnb.app(bucketsnb.Buckets())")
    expect(page.locator(".bnb-counts")).to_contain_text("5 read")
    inner.page.close()
    notebook.kernel_eval("(lab.terminate(), lab.wait(60))[1]")
