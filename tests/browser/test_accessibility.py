"""No serious fault for people who read by screen reader or need contrast, as axe-core finds them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, agree, panel, pick, press, question, tick

_THEME = """async (name) => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme: name});
}"""


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"], ids=["light", "dark"])
def theme(request: pytest.FixtureRequest, notebook: Notebook) -> Iterator[str]:
    """Show the notebook in a theme."""
    light = request.param == "JupyterLab Light"
    notebook.page.evaluate(_THEME, request.param)
    notebook.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=str(light).lower())
    yield request.param
    notebook.page.evaluate(_THEME, "JupyterLab Light")
    notebook.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'true'")


def test_no_serious_fault_in_any_state(notebook: Notebook, theme: str, page: Locator, backend: LocalBackend) -> None:
    name = "light" if "Light" in theme else "dark"
    faults = {}

    def look(state: str) -> None:
        notebook.picture(f"app-{name}-{state}")
        faults[state] = _faults(notebook)

    look("idle")
    pick(page, PIPELINE, "failure")
    tick(page, 0, 1)
    page.locator(".bnb-grid tr[data-row='2'] .bnb-status").click()
    expect(page.locator(".bnb-detail")).to_be_visible()
    look("work")
    page.get_by_role("button", name="Close this work").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page).get_by_text("options").click()
    look("question")
    agree(page, "2 works deleted")
    look("receipt")
    page.get_by_role("button", name="+ Filter").click()
    look("filters")
    page.get_by_role("button", name="Done").click()
    for part, label in (("deposit", "Deposit"), ("claim", "Claim"), ("check_up", "Check-up"), ("journal", "Journal")):
        panel(page, part, label)
        look(part)
    backend.faults.add("POST /view", status=400, times=None)
    press(page, "Refresh")
    expect(page.locator(".bnb-message.bnb-error").first).to_be_visible(timeout=60_000)
    look("error")
    assert {state: found for state, found in faults.items() if found} == {}


def _faults(notebook: Notebook) -> list[str]:
    """Look at our output alone: the notebook around it is not ours."""
    found = Axe().run(notebook.page, context=".jp-OutputArea-output", options={"resultTypes": ["violations"]})
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
