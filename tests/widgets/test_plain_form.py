"""Where no widget can be shown, a panel is plain text and HTML."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from bucketsnb import Buckets, LocalBackend, app
from bucketsnb.widgets import DeletePanel, DepositPanel, JournalPanel, StatusPanel
from bucketsnb.widgets.core.panel import Panel
from tests.factory import make_works
from tests.widgets.waiting import until

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def page(buckets: Buckets, backend: LocalBackend) -> Panel:
    backend.store.load(make_works(3, pipeline="fit<burst>", status="failure"))
    page = app(buckets)
    until(lambda: page.state.frame is not None and page.state.status is not None)
    return page


def test_the_page_is_text_and_html_beside_the_widget(page: Panel):
    shown, _ = page._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html", WIDGET}
    assert shown["text/plain"] == repr(page)
    for fact in ("1 pipeline on 127.0.0.1", "fit&lt;burst&gt;"):
        assert fact in shown["text/html"]


def test_a_front_end_that_asks_for_html_alone_gets_the_same(page: Panel):
    shown, _ = page._repr_mimebundle_()
    assert page._repr_html_() == shown["text/html"]


@pytest.mark.parametrize("panel", [StatusPanel, DeletePanel, DepositPanel, JournalPanel])
def test_a_single_panel_has_a_plain_form(panel: type[Panel], buckets: Buckets):
    made = panel(buckets)
    assert made._repr_mimebundle_()[0]["text/html"].startswith("<div")
    made.close()


def test_what_is_displayed_live_holds_no_second_plain_form(page: Panel, capsys: pytest.CaptureFixture[str]):
    sent: list[dict[str, object]] = []
    shell = InteractiveShell.instance()
    shell.display_pub.publish = lambda data, **_: sent.append(data)  # type: ignore[method-assign]
    try:
        page._ipython_display_()
    finally:
        InteractiveShell.clear_instance()
    live, plain = sent
    assert (WIDGET in live, "text/html" in live) == (True, False)
    assert (WIDGET in plain, "text/html" in plain) == (False, True)
