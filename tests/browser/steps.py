"""What people do on the page, in steps that several tests share."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook

PIPELINE = "baseband-converter"
_AT_REST = """(one) => new Promise((done) => {
  let top = null, frames = 0;
  const look = () => {
    const now = one.getBoundingClientRect().top;
    frames = now === top ? frames + 1 : 0;
    top = now;
    frames < 24 ? requestAnimationFrame(look) : done();
  };
  look();
})"""
"""Ends when an element has been in one place for 24 frames, 0.4 s where they are drawn in time."""


def rest(one: Locator) -> None:
    """Wait for an element, and until the notebook has settled its layout around it."""
    expect(one).to_be_visible()
    one.evaluate(_AT_REST)


def pick(page: Locator, pipeline: str, status: str) -> None:
    """Click on a count of the status, and wait for its works."""
    count = page.locator(f".bnb-status-table tr[data-pipeline='{pipeline}'] [data-status='{status}']")
    count.click()
    expect(count).to_have_attribute("aria-current", "true")
    expect(page.locator(".bnb-scroll.bnb-stale")).to_have_count(0)


def tick(page: Locator, *rows: int) -> None:
    """Click on the check box of some rows."""
    for row in rows:
        page.locator(f".bnb-grid tr[data-row='{row}']").get_by_role("checkbox").click()


def tick_all(page: Locator) -> None:
    """Click on the check box in the heading of the works."""
    page.get_by_label("Select all works that were read").click()


def panel(page: Locator, name: str, label: str) -> Locator:
    """Open a further panel by its button, and return it."""
    page.get_by_role("button", name=label, exact=True).click()
    found = page.locator(f"[data-part='{name}']")
    expect(found).to_be_visible()
    return found


def press(page: Locator, name: str) -> None:
    """Press the one button whose name begins like this."""
    page.get_by_role("button", name=re.compile("^" + re.escape(name))).click()


def question(page: Locator) -> Locator:
    """Wait for the question, and return it."""
    found = page.locator(".bnb-question")
    expect(found).to_be_visible()
    return found


def receipt(page: Locator, words: str) -> Locator:
    """Wait for a receipt that begins with some words, and return it."""
    found = page.locator(".bnb-receipt")
    expect(found.locator(".bnb-title")).to_have_text(re.compile("^" + re.escape(words) + " at "))
    return found


def agree(page: Locator, words: str) -> Locator:
    """Answer the question with yes, and wait for the receipt."""
    question(page).locator("[data-key='yes']").click()
    return receipt(page, words)


def writes(backend: LocalBackend) -> list[str]:
    """List the requests that change works, by method or by path of the audit."""
    return [one.method for one in backend.requests if one.method in ("PUT", "DELETE") or one.path.startswith("/audit")]


COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""The rules of axe-core on colours that it asks by default."""


def faults(page: Page, within: str | None = None, rules: dict[str, Any] | None = None) -> list[str]:
    """List what axe-core finds serious for people who read by screen reader or need contrast.

    axe takes all for hidden that is within a body without a height, as that of JupyterLab is, and looks at no colour.
    """
    page.evaluate("() => { document.body.style.minHeight = '100vh'; }")
    found = Axe().run(page, context=within, options={"resultTypes": ["violations"], **(rules or {})})
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def faults_by_theme(notebook: Notebook, picture: str, within: str = ".jp-OutputArea-output") -> list[str]:
    """List the serious faults of what cells show, in both themes; one of them stays on. What is around is not ours."""
    found = []
    themes = ("light", "dark") if notebook.theme() == "light" else ("dark", "light")
    for theme in themes:  # first in the one that is shown, as a change of theme takes its time
        notebook.show_in(theme)
        notebook.picture(f"{picture}-{theme}")
        rules = None if theme == themes[0] else COLOURS  # a theme changes nothing else
        found += [f"{theme}: {one}" for one in faults(notebook.page, within, rules)]
    return found
