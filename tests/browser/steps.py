"""What people do on the page of all panels, in steps that several tests share."""

from __future__ import annotations

import re

from playwright.sync_api import Locator

from bucketsnb.backend.server import LocalBackend

PIPELINE = "baseband-converter"


def pick(page: Locator, pipeline: str, status: str) -> None:
    """Click on a count of the status."""
    page.locator(f".bnb-status-table tr[data-pipeline='{pipeline}'] [data-status='{status}']").click()


def tab(page: Locator, name: str) -> Locator:
    """Open a tab of the actions, and return what is in it."""
    page.get_by_role("tab", name=name, exact=True).click()
    return page.locator(".jupyter-widget-TabPanel-tabContents > .bnb:not(.lm-mod-hidden)").first


def press(panel: Locator, name: str) -> None:
    """Press the one button whose name begins like this."""
    panel.get_by_role("button", name=re.compile("^" + re.escape(name))).click()


def writes(backend: LocalBackend) -> list[str]:
    """List the requests that change works, by method or by path of the audit."""
    return [one.method for one in backend.requests if one.method in ("PUT", "DELETE") or one.path.startswith("/audit")]
