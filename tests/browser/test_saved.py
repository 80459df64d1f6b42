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
from tests.browser.steps import PIPELINE, press, tab
from tests.factory import make_works

TOKEN = "token-5c1f9b77"
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
    (lab_folder / "saved.ipynb").write_text(json.dumps(EMPTY_NOTEBOOK), "utf-8")
    (lab_folder / "secret").write_text(TOKEN, "utf-8")
    notebook = open_notebook("saved.ipynb", height=1800)
    page = notebook.run(SHOW.format(url=backend.url, pipeline=PIPELINE))
    page.locator(".bnb-grid tr[data-row='1']").get_by_role("checkbox").click()
    panel = tab(page, "Delete")
    press(panel, "Delete 1 work …")
    press(panel, f"Delete 1 work of {PIPELINE}")
    expect(panel.get_by_text("1 of 1 work done").first).to_be_visible()
    deposit = tab(page, "Deposit")
    for name in ("user", "parameters"):
        deposit.get_by_label(name, exact=True).fill(TYPED)
        deposit.get_by_label(name, exact=True).press("Tab")
    requeue = tab(page, "Requeue")
    press(requeue, "Requeue 4 works …")
    expect(requeue.get_by_role("button", name=f"Requeue 4 works of {PIPELINE}")).to_be_visible()
    assert notebook.troubles() == []

    notebook.page.evaluate(_SAVE_AND_LEAVE)
    text = (lab_folder / "saved.ipynb").read_text("utf-8")
    assert (TOKEN in text, TYPED in text) == (False, False)
    notebook.page.reload()
    kept = notebook.page.locator(".jp-RenderedHTMLCommon[data-mime-type='text/html']").last
    expect(kept.locator("table", has_text=PIPELINE).first).to_be_visible()
    expect(kept).to_contain_text(re.compile(rf"Delete 1 work of {PIPELINE} on [^:]+:\d+: 1 of 1 work done"))
    expect(kept).to_contain_text(re.compile(rf"Requeue 4 works of {PIPELINE} on 127"))
    notebook.picture("saved")
