"""No serious fault for people who read by screen reader or need contrast, as axe-core finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, pick, press, tab

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


def test_no_serious_fault_with_a_question_open(notebook: Notebook, theme: str, page: Locator) -> None:
    pick(page, PIPELINE, "failure")
    press(tab(page, "Delete"), "Delete 5 works …")
    expect(page.get_by_role("button", name=re.compile(f"^Delete 5 works of {PIPELINE}"))).to_be_visible()
    notebook.picture("app-light-confirm" if "Light" in theme else "app-dark-confirm")
    assert _faults(notebook) == []


def test_no_serious_fault_in_any_tab(notebook: Notebook, page: Locator) -> None:
    faults = {}
    for name in ("Requeue", "Update", "Withdraw", "Deposit", "Audit", "Journal"):
        tab(page, name)
        faults[name] = _faults(notebook)
    assert {name: found for name, found in faults.items() if found} == {}


def _faults(notebook: Notebook) -> list[str]:
    """Look at our output alone: the notebook around it is not ours."""
    found = Axe().run(notebook.page, context=".jp-OutputArea-output", options={"resultTypes": ["violations"]})
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
