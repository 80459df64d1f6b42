"""What a saved notebook shows once its kernel is gone, and what is not in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import EMPTY_NOTEBOOK
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, faults_by_theme, panel, question, tick, tick_all
from tests.factory import make_works

TOKEN = "token-5c1f9b77"
LONG_NAME = "datatrail-replicator-kko-minoc"
TYPED = "typed-by-hand-81"
SHOW = """
from bucketsnb import Buckets, Query, app
page = app(Buckets({url!r}, token=open("secret").read()), Query(pipeline={pipeline!r}, status="failure"))
page
"""
_SAVE_AND_LEAVE = """async () => {
  const app = window.jupyterapp;
  await app.commands.execute('docmanager:save');
  await app.shell.currentWidget.sessionContext.shutdown();
}"""


def test_the_last_table_plan_and_receipt_stay_and_no_secret_does(
    open_notebook: Callable[..., Notebook], lab_folder: Path, backend: LocalBackend
) -> None:
    backend.store.load(make_works(5, pipeline=PIPELINE, status="failure"))
    backend.store.load(make_works(1, pipeline=LONG_NAME, status="queued"))
    (lab_folder / "saved.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    (lab_folder / "secret").write_text(TOKEN, "utf-8")
    notebook = open_notebook("saved.ipynb", width=1400)
    page = notebook.run(SHOW.format(url=backend.url, pipeline=PIPELINE))
    tick(page, 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    agree(page, "1 work deleted")
    deposit = panel(page, "deposit", "Deposit")
    deposit.get_by_label("CSV or JSON").fill(TYPED)
    deposit.get_by_label("CSV or JSON").press("Tab")
    expect(page.locator(".bnb-counts")).to_contain_text("4 read")
    tick_all(page)
    page.get_by_role("button", name="Requeue", exact=True).click()
    question(page)
    assert notebook.troubles() == []

    notebook.page.evaluate(_SAVE_AND_LEAVE)
    text = (lab_folder / "saved.ipynb").read_text("utf-8")
    assert (TOKEN in text, TYPED in text) == (False, False)
    notebook.page.reload()
    kept = notebook.page.locator(".jp-RenderedHTMLCommon[data-mime-type='text/html']").last
    expect(kept.locator("table", has_text=PIPELINE).first).to_be_visible()
    expect(kept).to_contain_text(re.compile(rf"Delete 1 work of {PIPELINE} on [^:]+:\d+: 1 work deleted"))
    expect(kept).to_contain_text(re.compile(rf"Requeue 4 works of {PIPELINE} on 127"))
    assert faults_by_theme(notebook, "saved") == []
    notebook.show_in("light")

    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.picture("saved-700")
    status = kept.locator("table", has_text="share")
    expect(status).to_contain_text(LONG_NAME)
    hidden = (
        "one => one.getBoundingClientRect().right - one.closest('.jp-OutputArea-output').getBoundingClientRect().right"
    )
    assert status.evaluate(hidden) <= 0, "all of the status is in sight on a narrow screen"
