"""No serious fault for people who read by screen reader or need contrast, as axe-core finds them, in both themes."""

from __future__ import annotations

from threading import Event

from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, faults, faults_by_theme, panel, pick, press, question, tick, tick_all
from tests.factory import make_works


def test_no_serious_fault_in_any_state(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    backend.store.load(make_works(3, pipeline="fitburst", status="running"))
    found = {}

    def look(state: str, within: str = ".jp-OutputArea-output") -> None:
        found[state] = faults_by_theme(notebook, f"app-{state}", within)

    look("idle")
    pick(page, PIPELINE, "failure")
    tick(page, 0, 1)
    page.locator(".bnb-grid tr[data-row='2'] .bnb-status").click()
    expect(page.locator(".bnb-detail")).to_be_visible()
    look("work", ".bnb-detail")
    page.get_by_role("button", name="Close this work").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page).get_by_text("options").click()
    look("question", ".bnb-box")
    agree(page, "2 works deleted")
    look("receipt", ".bnb-box")
    page.get_by_role("button", name="Undo", exact=True).click()
    question(page)
    look("undo", ".bnb-box")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="+ Filter").click()
    look("filters", "[data-part=filters]")
    page.get_by_role("button", name="Done").click()
    for part, label in (("deposit", "Deposit"), ("claim", "Claim"), ("check_up", "Check-up"), ("journal", "Journal")):
        panel(page, part, label)
        look(part, f"[data-part={part}]")
    press(page, "Journal")

    held = Event()
    fault = backend.faults.add("POST /view", change=lambda _: held.wait(60), times=None)
    page.locator(".bnb-status-table tr[data-pipeline='fitburst'] [data-status='total']").click()
    expect(page.locator(".bnb-reading")).to_contain_text("Reading")
    look("slow", ".bnb-grid")
    expect(page.locator(".bnb-reading")).to_be_visible()
    fault.times = 0
    held.set()
    expect(page.locator(".bnb-reading")).to_be_hidden()
    tick_all(page)
    press(page, "Delete")
    expect(page.locator(".bnb-refusal")).to_be_visible()
    look("refusal", ".bnb-box")
    sent = Event()
    backend.faults.add("DELETE /work", change=lambda _: sent.wait(14))
    press(page, "Leave running works out")
    question(page).locator("[data-key='yes']").click()
    expect(page.locator(".bnb-working")).to_be_visible()
    look("progress", ".bnb-working")
    expect(page.locator(".bnb-working")).to_be_visible()
    sent.set()
    expect(page.locator(".bnb-receipt")).to_be_visible()
    backend.faults.add("POST /view", status=400, times=None)
    press(page, "Refresh")
    expect(page.locator(".bnb-message.bnb-error").first).to_be_visible(timeout=60_000)
    look("error", ".bnb-box")
    notebook.show_in("light")
    assert {state: faults for state, faults in found.items() if faults} == {}


def test_the_colours_of_a_notebook_are_looked_at(notebook: Notebook, page: Locator) -> None:
    page.locator(".bnb-said").evaluate("one => { one.style.color = '#eee'; }")
    (fault,) = faults(notebook.page, ".jp-OutputArea-output")
    assert fault.startswith("color-contrast")
