"""Works whose every text is an attack, on every part of the page: what is text stays text, and can be seen for it."""

from __future__ import annotations

from playwright.sync_api import Dialog, Locator, expect

from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import agree, panel, question, tick
from tests.factory import make_work

OVERRIDE = "\u202e"
HOSTILE = (
    '<img src=x onerror="window.__pwned=1;alert(1)"><script>window.__pwned=1</script>\'"></td><b class=pwned>'
    f'=HYPERLINK("javascript:window.__pwned=1"){OVERRIDE}\u2066\x1b[31m\x07\x00 &lt;i class=pwned&gt;'
)
SHORT = f"<img src=x onerror=alert(1)><script>window.__pwned=1</script></td><b class=pwned>=1+1{OVERRIDE}\x1b[31m\x07"
TEXTS = ("pipeline", "site", "user", "function", "parent")
NESTED = ("parameters", "results", "config", "notify")
LISTS = ("tags", "event", "command", "products", "plots")
ATTACK = {
    **dict.fromkeys(TEXTS, SHORT),
    **{name: {HOSTILE: HOSTILE} for name in NESTED},
    **{name: [HOSTILE] for name in LISTS},
}

_RAW = r"""area => [...area.querySelectorAll('*')].flatMap(one => [
    ...[...one.attributes].filter(it => !it.name.startsWith('data-')).map(it => [one, it.name, it.value]),
    ...[...one.childNodes].filter(it => it.nodeType === 3).map(it => [one, 'text', it.data]),
    [one, 'value', 'value' in one ? String(one.value) : ''],
  ]).filter(([, , text]) => /[\u202e\u2066\x1b\x07\0]/.test(text))
    .map(([one, name, text]) => `${one.tagName}.${one.className} ${name}: ${text}`)"""
"""Where people would meet a raw control character or override: in a text, an attribute or a field."""


def test_hostile_text_stays_text_from_the_status_to_the_receipt(notebook: Notebook, backend: LocalBackend) -> None:
    backend.store.load([make_work(status="failure", **ATTACK) for _ in range(3)])
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    notebook.page.on("dialog", note)
    notebook.page.set_viewport_size({"width": 1400, "height": 2200})
    page = notebook.run("from bucketsnb import Buckets, app\nhostile = app(Buckets())\nhostile")
    expect(page.locator(".bnb-counts")).to_contain_text("3 read")
    expect(page.locator(".bnb-status-table tbody th")).to_contain_text("<img src=x")
    page.locator(".bnb-grid tr[data-row='0'] .bnb-status").click()
    expect(page.locator(".bnb-detail pre")).to_contain_text("<script>")
    _unharmed(notebook, page)

    page.locator(".bnb-status-table tbody th button").click()
    _unharmed(notebook, page)
    expect(page.locator(".bnb-scroll.bnb-stale")).to_have_count(0)
    tick(page, 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    asked = question(page)
    expect(asked.locator("[data-key='yes']")).to_contain_text("<img src=x")
    asked.get_by_text("the 1 work").click()
    notebook.picture("hostile")
    _unharmed(notebook, page)
    agree(page, "1 work deleted")
    panel(page, "journal", "Journal")
    _unharmed(notebook, page)
    assert dialogs == []
    notebook.kernel_eval("hostile.close()")
    notebook.page.remove_listener("dialog", note)
    notebook.page.set_viewport_size({"width": 1280, "height": 900})


def _unharmed(notebook: Notebook, page: Locator) -> None:
    """Nothing ran, no element came out of data, and what turns text around or is not printed is spelt out."""
    assert notebook.page.evaluate("window.__pwned") is None
    assert page.locator("img, script, .pwned").count() == 0
    assert page.evaluate(_RAW) == []
