"""Every change from its tab to its receipt, as a person does it, and what the store holds afterwards."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, panel, pick, press, question, receipt, tick_all, writes
from tests.factory import make_works


def _stored(backend: LocalBackend, pipeline: str = PIPELINE) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(b"".join(backend.store.view({"pipeline": pipeline}, None)))
    return found


def test_ticked_works_are_requeued_after_a_question(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    tick_all(page)
    page.get_by_role("button", name="Requeue", exact=True).click()
    expect(question(page)).to_contain_text(f"Requeue 5 works of {PIPELINE} on 127.0.0.1")
    assert writes(backend) == []
    agree(page, "5 works requeued")
    assert backend.store.status(PIPELINE)["queued"] == 9


def test_change_a_field_of_many(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "queued")
    tick_all(page)
    form = panel(page, "change", "Change")
    form.get_by_label("Set", exact=True).select_option("priority")
    form.get_by_label("to", exact=True).fill("5")
    press(form, "Show the change")
    expect(question(page)).to_contain_text("Set priority to 5 in 4 works")
    notebook.picture("change-question")
    agree(page, "4 works changed")
    assert sorted(work["priority"] for work in _stored(backend)) == [3] * 5 + [5] * 4


def test_a_check_up_is_sent_by_its_button_alone(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    form = panel(page, "check_up", "Check-up")
    press(form, "Show what it would change")
    question(page)
    assert writes(backend) == []
    notebook.picture("check-up")
    question(page).locator("[data-key='yes']").click()
    expect(page.locator(".bnb-receipt")).to_be_visible()
    assert "/audit/failed" in [one.path for one in backend.requests]
    assert backend.store.status(PIPELINE)["queued"] == 0  # they have waited too long


def test_deposit_from_a_paste(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    form = panel(page, "deposit", "Deposit")
    pasted = form.get_by_label("CSV or JSON")
    pasted.fill("pipeline,site,user,tags\nfitburst,chime,me,a\nfit burst,chime,me,a\n")
    press(form, "Check and preview")
    expect(question(page)).to_contain_text("1 row has mistakes")
    expect(page.locator(".bnb-question [data-key='yes']")).to_have_count(0)
    notebook.picture("deposit-mistakes")
    pasted.fill("pipeline\tsite\tuser\ttags\nfitburst\tchime\tme\ta\ndm-pipeline\tchime\tme\ta\n")
    # Leaving the field takes the question above away; the button stays under the pointer until it is released.
    form.get_by_role("button", name="Check and preview").click(delay=500)
    expect(question(page)).to_contain_text("Deposit 2 works to")
    agree(page, "2 works deposited")
    assert backend.store.status()["total"] == 14


def test_deposit_from_a_frame(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    own = notebook.run(
        "import pandas\n"
        "from bucketsnb.widgets import DepositPanel\n"
        "works = pandas.DataFrame({'pipeline': ['fitburst', 'dm'], 'site': 'chime', 'user': 'me'})\n"
        "deposit = DepositPanel(page.state, works)\n"
        "deposit"
    )
    expect(own.get_by_text("2 works given from Python")).to_be_visible()
    press(own, "Check and preview")
    done = agree(own, "2 works deposited")
    (work,) = _stored(backend, "dm")
    done.get_by_text("details").click()
    expect(done).to_contain_text(str(work["id"]))
    expect(page.locator(".bnb-status-table tr[data-pipeline='dm'] [data-status='total']")).to_have_text("1")
    notebook.kernel_eval("deposit.close()")


def test_a_work_is_claimed_and_given_back(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    form = panel(page, "claim", "Claim")
    form.get_by_label("Pipeline").fill("fitburst")
    press(form, "Show which one")
    expect(question(page)).to_contain_text("Claim 1 work of fitburst")
    agree(page, "1 work claimed")
    expect(form.get_by_text(re.compile(r"Time left: (0:5\d:\d\d|1:00:0\d)"))).to_be_visible()
    notebook.picture("claim")
    assert backend.store.status("fitburst")["running"] == 1
    press(form, "Return it to the queue")
    receipt(page, "1 work put back")
    assert backend.store.status("fitburst")["queued"] == 3


def test_undo_from_the_journal(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    pick(page, PIPELINE, "failure")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    agree(page, "5 works deleted")
    journal = panel(page, "journal", "Journal")
    entry = journal.locator("tbody tr").first
    expect(entry).to_contain_text("5 done")
    expect(entry.locator("td").first).to_have_text(re.compile(r"^\d\d:\d\d UTC \(just now\)$"))
    press(page, "UTC")
    expect(entry.locator("td").first).to_have_text(re.compile(r"^\d\d:\d\d \(just now\)$"))
    press(page, "local time")
    notebook.picture("journal")
    press(entry, "Undo")
    expect(question(page)).to_contain_text("Put back 5 works")
    agree(page, "5 works put back")
    assert backend.store.status(PIPELINE)["failure"] == 5


@pytest.mark.parametrize("way", ["silence", "503"])
def test_a_service_that_dies_half_way_leaves_a_true_receipt(
    notebook: Notebook, page: Locator, backend: LocalBackend, way: str
) -> None:
    backend.store.load(make_works(600, pipeline="fitburst", status="failure"))
    press(page, "Refresh")
    pick(page, "fitburst", "failure")
    expect(page.locator(".bnb-counts")).to_contain_text("600 read")
    tick_all(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page).get_by_label("Type 600").fill("600")
    fault = {"hang_up": "before"} if way == "silence" else {"status": 503}
    backend.faults.add("DELETE /work", skip=1, times=None, **fault)
    page.locator(".bnb-question [data-key='yes']").click()
    expect(page.locator(".bnb-message.bnb-error").first).to_be_visible(timeout=8_000)
    left = backend.store.status("fitburst")["failure"]
    assert 0 < left < 600
    receipt(page, f"{600 - left} of 600 works deleted")
    notebook.picture(f"dies-half-way-{way}")
    backend.faults.clear()
    press(page, f"Go on with the other {left} works")
    receipt(page, "600 works deleted")
    expect(page.locator(".bnb-message.bnb-error")).to_have_count(0)
    assert backend.store.status("fitburst")["failure"] == 0
