"""Every change from its tab to its receipt, as a person does it, and what the store holds afterwards."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, pick, press, tab, writes
from tests.factory import make_works


def _stored(backend: LocalBackend, pipeline: str = PIPELINE) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(b"".join(backend.store.view({"pipeline": pipeline}, None)))
    return found


def test_requeue(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    panel = tab(page, "Requeue")
    press(panel, "Requeue 5 works …")
    assert writes(backend) == []
    press(panel, f"Requeue 5 works of {PIPELINE} on 127.0.0.1")
    expect(panel.get_by_text("5 of 5 works done").first).to_be_visible()
    notebook.picture("requeue-receipt")
    assert backend.store.status(PIPELINE)["queued"] == 9


def test_bulk_update(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "queued")
    panel = tab(page, "Update")
    panel.get_by_label("Set", exact=True).select_option("priority")
    panel.get_by_label("to", exact=True).fill("5")
    panel.get_by_label("to", exact=True).press("Tab")
    press(panel, "Update 4 works …")
    expect(panel.locator("table").first).to_contain_text("priority")
    notebook.picture("update-plan")
    press(panel, f"Update 4 works of {PIPELINE} on 127.0.0.1")
    expect(panel.get_by_text("4 of 4 works done").first).to_be_visible()
    assert sorted(work["priority"] for work in _stored(backend)) == [3] * 5 + [5] * 4


def test_audit_is_sent_by_its_button_alone(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    panel = tab(page, "Audit")
    press(panel, "Forecast the audit …")
    sentence = panel.get_by_role("button", name=re.compile(r"^Audit .*127\.0\.0\.1"))
    expect(sentence).to_be_visible()
    assert writes(backend) == []
    notebook.picture("audit-plan")
    sentence.click()
    expect(panel.get_by_text("works done").first).to_be_visible()
    assert "/audit/failed" in [one.path for one in backend.requests]
    assert backend.store.status(PIPELINE)["queued"] == 0  # they have waited too long


def test_deposit_from_a_frame(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    panel = notebook.run(
        "import pandas\n"
        "from bucketsnb.widgets import DepositPanel\n"
        "works = pandas.DataFrame({'pipeline': ['fitburst', 'dm'], 'site': 'chime', 'user': 'me'})\n"
        "deposit = DepositPanel(page.state, works)\n"
        "deposit"
    )
    expect(panel.get_by_text("2 works given from Python")).to_be_visible()
    press(panel, "Check and preview …")
    press(panel, "Deposit 2 works")
    expect(panel.get_by_text("2 of 2 works done").first).to_be_visible()
    notebook.picture("deposit-receipt", panel)
    (work,) = _stored(backend, "dm")
    expect(panel.get_by_text(str(work["id"])).first).to_be_attached()
    expect(page.locator(".bnb-status-table tr[data-pipeline='dm'] [data-status='total']")).to_have_text("1")
    notebook.kernel_eval("deposit.close()")


def test_undo_from_the_journal(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    panel = tab(page, "Delete")
    panel.get_by_label("Reason").fill("by mistake")
    panel.get_by_label("Reason").press("Tab")
    press(panel, "Delete 5 works …")
    press(panel, f"Delete 5 works of {PIPELINE} on 127.0.0.1")
    expect(panel.get_by_text("5 of 5 works done").first).to_be_visible()
    journal = tab(page, "Journal")
    entry = journal.locator("tbody tr", has_text="by mistake").first
    expect(entry).to_contain_text("5 done")
    press(journal, "Undo …")
    notebook.picture("journal-plan")
    press(journal, "Undo 20")  # then the rest of the entry's id, which begins with its year
    expect(journal.get_by_text("5 of 5 works done").first).to_be_visible()
    assert backend.store.status(PIPELINE)["failure"] == 5


@pytest.mark.parametrize("way", ["silence", "503"])
def test_a_service_that_dies_half_way_leaves_a_true_receipt(
    notebook: Notebook, page: Locator, backend: LocalBackend, way: str
) -> None:
    backend.store.load(make_works(600, pipeline="fitburst", status="failure"))
    pick(page, "fitburst", "total")
    press(page, "Refresh")
    pick(page, "fitburst", "failure")
    expect(page.locator(".bnb-grid .bnb-counts")).to_contain_text("Shown 600")
    panel = tab(page, "Delete")
    press(panel, "Delete 600 works …")
    panel.get_by_label("Type 600").fill("600")
    fault = {"hang_up": "before"} if way == "silence" else {"status": 503}
    backend.faults.add("DELETE /work", skip=1, times=None, **fault)
    press(panel, "Delete 600 works of fitburst on 127.0.0.1")
    notebook.picture(f"dies-half-way-{way}")
    error = panel.locator(".bnb-message.bnb-error").first
    expect(error).to_be_visible(timeout=8_000)
    left = backend.store.status("fitburst")["failure"]
    assert 0 < left < 600
    expect(panel.get_by_text(f"{600 - left} of 600 works done").first).to_be_visible()
    notebook.picture(f"dies-half-way-{way}")
    backend.faults.clear()
    press(panel, f"Go on: delete the other {left} works")
    expect(panel.get_by_text("600 of 600 works done").first).to_be_visible()
    assert backend.store.status("fitburst")["failure"] == 0
