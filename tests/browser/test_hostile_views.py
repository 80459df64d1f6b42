"""Everything that draws itself, and every action of the page, on works whose every text is an attack, in a browser.

What is drawn is looked at as a person meets it: no element came out of data, nothing ran, nothing was asked of another
host, nothing turns text around or cannot be seen, and no line is there that only the data could have written.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli import main
from bucketsnb.widgets.core.panel import PRINT_STYLE
from tests.browser.notebook import Notebook
from tests.browser.steps import panel, press, question, receipt, tick, tick_all
from tests.factory import make_work

IMITATION = "Undone: all 9 works are back, nothing else to do."
ATTACKS = {
    "markup": '<img src=x onerror="window.__pwned=1;alert(1)"><b class=pwned>',
    "script": '"></pre></td></tr></table></div><script>window.__pwned=1;alert(1)</script><h1 class=pwned>',
    "svg": "'><svg/onload=window.__pwned=1><a class=pwned href=javascript:window.__pwned=1>x</a>",
    "template": "{{constructor.constructor('window.__pwned=1')()}}${window.__pwned=1}<%=window.__pwned=1%>",
    "formula": '=HYPERLINK("http://evil.invalid/x")',
    "terminal": f"a\x1b[31mred\x1b]8;;http://evil.invalid\x07b\x00\x08\r{IMITATION}\n{IMITATION}\n",
    "override": "a\u202egnp.exe\u2066b\u2069\u200b\u2028c",
    "blank": "a\u3164b\u2800",
    "maths": rf"$\href{{javascript:window.__pwned=1}}{{x}}$ $$\class{{pwned}}{{x}}$$ \(x^2\) \[\text{{{IMITATION}}}\]",
    "markdown": "![x](http://evil.invalid/x) <style>*{display:none}</style> <link rel=stylesheet href=http://evil.invalid>",
}
TEXTS = ("pipeline", "site", "user", "function")
NESTED = ("parameters", "results", "notify")
LISTS = ("tags", "command", "products", "plots")
EVENT = 424242

SETUP = f"""
import io, warnings
from IPython import get_ipython
from IPython.display import SVG, display
from bucketsnb import Buckets, Query, app, plots
warnings.simplefilter("ignore")
buckets = Buckets()
attacks = {json.dumps(ATTACKS)}

def shown(*things):
    for thing in things:
        display(thing)
        print(thing)
        print(repr(thing))

def told(*calls):
    for call in calls:
        try:
            call()
        except Exception:
            get_ipython().showtraceback()

def drawn(*figures):
    for figure in figures:
        display(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg")
        display(SVG(file.getvalue()))
"""
VIEWS = {
    "frames": """
works = buckets.view(limit=None)
shown(works, works.head(3), works.iloc[:1], buckets.view(columns="light"), buckets.work(works["id"].iloc[0]))
""",
    "summaries": f"""
shown(buckets.status(), buckets.failures(), buckets.events([{EVENT}]), buckets.family(attacks["markup"]))
shown(buckets.group_count(by=["site", "user"]), buckets.group_count(by="tags"), buckets.exhausted(), buckets.overdue())
shown(buckets.stale(days=0.5), buckets.orphans())
shown(*(buckets.explain({{"user": text + "x", "site": text}}) for text in attacks.values()))
""",
    "queries": """
shown(*(Query(pipeline=text, user=text, tags=text, results={'$ne': text}) for text in attacks.values()))
""",
    "plans": """
failed = buckets.view(Query(status="failure"), limit=None)
edited = failed.assign(user=attacks["terminal"], site=attacks["override"], function=attacks["maths"])
plans = [buckets.plan_delete(works), buckets.plan_requeue(failed), buckets.plan_update(edited), buckets.plan_audit()]
plans.append(buckets.plan_withdraw(list(attacks.values())))
good = [{"pipeline": "p", "site": text, "user": text, "tags": [text]} for text in attacks.values()]
bad = [{"pipeline": text, "site": 1, text: text} for text in attacks.values()]
plans += [buckets.plan_deposit(good), buckets.plan_deposit(bad, skip_bad=True)]
shown(*plans, plans[2].cells, plans[-1].problems)
""",
    "receipts": """
question = buckets.delete_many(attacks["markup"])
shown(question)
receipts = [plan.apply() for plan in (buckets.plan_update(edited), buckets.plan_delete(works[::3]), plans[0])]
shown(*receipts, *(one.frame for one in receipts), receipts[1].undo(), buckets.journal())
claim = buckets.claim(list(attacks.values()))
shown(claim, claim.give_back())
""",
    "figures": """
works = buckets.view(limit=None)
drawn(plots.status_bars(buckets.status()), plots.ages(works), plots.waits(works), plots.throughput(works))
""",
    "errors": """
del attacks["blank"]  # a person's own words are shown as Python writes them
for text in attacks.values():
    told(lambda: buckets.work(text), lambda: buckets.view({text: {"$" + text: 1}}), lambda: buckets.undo(text))
    told(lambda: buckets.view(columns=text), lambda: Query(**{text: 1}), lambda: buckets.plan_deposit([{text: text}]))
    told(lambda: Buckets(text), lambda: buckets.plan_update(works.rename(columns={"user": text})))
told(buckets.pipelines)
""",
}

_LIVE = """(area, own_style) => [...area.querySelectorAll(
    "script, style, iframe, object, embed, link, meta, form, h1, .pwned, img[src='x'], img[src^='http:'],"
    + "mjx-container, [onerror], [onload], [onclick], [href^='javascript'], .MathJax"
  )].filter(one => !(one.localName === "style" && one.textContent === own_style))
  .map(one => one.outerHTML.slice(0, 200))"""
_RAW = r"""area => [...area.querySelectorAll('*')].flatMap(one => [
    ...[...one.attributes].filter(it => !it.name.startsWith('data-')).map(it => [one, it.name, it.value]),
    ...[...one.childNodes].filter(it => it.nodeType === 3).map(it => [one, 'text', it.data]),
    [one, 'value', 'value' in one ? String(one.value) : ''],
  ]).filter(([, , text]) => text !== '\u200b')  // the front end's own, in labels that say nothing
    .filter(([, , text]) => /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\u3164]/.test(text))
    .map(([one, name, text]) => `${one.tagName}.${one.className} ${name}: ${JSON.stringify(text.slice(0, 200))}`)"""


_HERE = re.compile(r"(https?://(127\.0\.0\.1|localhost)[:/]|data:|blob:|file:)")


def attacked(attack: str, **changes: Any) -> dict[str, Any]:
    """Return a work with an attack in every place for text."""
    text = ATTACKS[attack]
    return make_work(
        **{**dict.fromkeys(TEXTS, text), "pipeline": text[:128]},
        **{name: {text: text} for name in NESTED},
        **{name: [text] for name in LISTS},
        **{"config": {"parent": text, text: text}, "event": [EVENT], text: text, **changes},
    )


class Watched:
    """A page of which everything that should not happen is noted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.asked: list[str] = []
        page.on("dialog", self._note_dialog)
        page.on("request", lambda request: self.asked.append(request.url))

    def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def unharmed(self, area: Locator) -> None:
        """Nothing ran, left, came to life or hides, and no line stands there that only the data could have written."""
        assert self.page.evaluate("window.__pwned") is None
        assert self.dialogs == []
        assert [url for url in self.asked if not _HERE.match(url)] == []
        assert area.evaluate(_LIVE, PRINT_STYLE) == []
        assert area.evaluate(_RAW) == []
        lines = [line.strip() for line in area.inner_text().splitlines()]
        assert IMITATION not in lines


@pytest.fixture
def queue(backend: LocalBackend) -> LocalBackend:
    backend.store.load([attacked(name, status="failure", attempt=2, start=1.79e9, stop=1.79e9 + 9) for name in ATTACKS])
    backend.store.load([attacked(name, status="failure", attempt=1) for name in ATTACKS])
    backend.store.load([attacked(name, status="queued") for name in ATTACKS])
    return backend


@pytest.fixture
def watched(notebook: Notebook) -> Watched:
    return Watched(notebook.page)


def test_whatever_draws_itself_is_text(notebook: Notebook, queue: LocalBackend, watched: Watched) -> None:
    notebook.run(SETUP)
    for name, source in VIEWS.items():
        if name == "errors":
            body = "".join(ATTACKS.values()).encode()
            queue.faults.add("GET /status/pipelines", status=418, body=body, headers={"content-type": "text/html"})
        area = notebook.run(source)
        notebook.picture(f"hostile-{name}")
        troubles = notebook.troubles()
        notebook.page.evaluate("window.kernelTroubles = []")
        assert (len(troubles) > 5 * len(ATTACKS)) if name == "errors" else troubles == [], (name, troubles)
        watched.unharmed(area)
    notebook.kernel_eval("question.no()")


def test_every_action_on_hostile_works_is_done_and_shown_as_text(
    notebook: Notebook, queue: LocalBackend, watched: Watched
) -> None:
    notebook.page.set_viewport_size({"width": 1400, "height": 2400})
    source = "from bucketsnb import Buckets, Query, app\nhostile = app(Buckets(), Query(status='failure'))\nhostile"
    page = notebook.run(source)
    expect(page.locator(".bnb-counts")).to_contain_text(f"{2 * len(ATTACKS)} read")
    watched.unharmed(page)
    for act in (requeue, update, deposit, claim, check_up, undo):
        act(page, watched)
        notebook.picture(f"hostile-{act.__name__}")
        watched.unharmed(page)
    body = "".join(ATTACKS.values()).encode()
    queue.faults.add("POST /view", status=418, body=body, headers={"content-type": "text/html"}, times=None)
    press(page, "Refresh")
    error = page.locator(".bnb-message.bnb-error").first
    expect(error).to_contain_text("418")
    error.locator("summary").click()
    watched.unharmed(page)
    queue.faults.clear()
    press(page, "Refresh")
    expect(page.locator(".bnb-message.bnb-error").filter(has_text="418")).to_have_count(0)
    expect(page.locator(".bnb-grid [aria-busy='true']")).to_have_count(0)  # a row of before is not opened
    page.locator(".bnb-grid tr[data-row='0'] .bnb-status").click()
    expect(page.locator(".bnb-detail pre")).to_contain_text('"status": "failure"')
    watched.unharmed(page)
    notebook.kernel_eval("hostile.close()")
    notebook.page.set_viewport_size({"width": 1280, "height": 900})


def agreed(page: Locator, watched: Watched, sentence: str) -> None:
    """Look at the question, answer it with yes, and wait for the receipt."""
    button = question(page).get_by_role("button", name=re.compile("^" + sentence))
    expect(button).to_be_visible()
    watched.unharmed(page)
    button.click()
    expect(page.locator(".bnb-receipt")).to_be_visible()


def requeue(page: Locator, watched: Watched) -> None:
    tick(page, 0, 1)
    page.get_by_role("button", name="Requeue", exact=True).click()
    agreed(page, watched, "Requeue 2 works of")


def update(page: Locator, watched: Watched) -> None:
    expect(page.locator(".bnb-counts")).to_contain_text(f"{2 * len(ATTACKS) - 2} read")
    tick_all(page)
    form = panel(page, "change", "Change")
    form.get_by_label("Set", exact=True).select_option("tags")
    form.get_by_label("to", exact=True).fill(json.dumps([ATTACKS["maths"], ATTACKS["markup"], ATTACKS["override"]]))
    press(form, "Show the change")
    agreed(page, watched, "Set tags to ")  # some hold what cannot be sent


def deposit(page: Locator, watched: Watched) -> None:
    form = panel(page, "deposit", "Deposit")
    good = [{"pipeline": "fitburst", "site": text, "user": text, "tags": [text]} for text in ATTACKS.values()]
    bad = [{"pipeline": text, "site": text, "user": text} for text in ATTACKS.values()]
    expect(page.locator(".bnb-grid [aria-busy='true']")).to_have_count(0)  # the last receipt may still move the form
    form.get_by_label("CSV or JSON").fill(json.dumps(good + bad))
    press(form, "Check and preview")
    expect(question(page)).to_contain_text("rows have mistakes")
    watched.unharmed(page)
    form.get_by_label("Leave rows with mistakes out").check()
    press(form, "Check and preview")
    agreed(page, watched, r"Deposit \d+ works to")


def claim(page: Locator, watched: Watched) -> None:
    form = panel(page, "claim", "Claim")
    form.get_by_label("Pipeline").fill(ATTACKS["maths"][:128])
    press(form, "Show which one")
    agreed(page, watched, "Claim 1 work of")
    form.get_by_text("The whole work").click()
    watched.unharmed(page)
    press(form, "Return it to the queue")
    receipt(page, "1 work put back")


def check_up(page: Locator, watched: Watched) -> None:
    press(panel(page, "check_up", "Check-up"), "Show what it would change")
    agreed(page, watched, "Run the check-up: change .*127")


def undo(page: Locator, watched: Watched) -> None:
    press(panel(page, "journal", "Journal").locator("tbody tr").first, "Undo")
    agreed(page, watched, "Put back")


def test_the_report_is_text(browser: Browser, queue: LocalBackend, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["report", "--url", queue.url, "--out", str(file)])
    assert result.exit_code == 0, result.output
    context = browser.new_context()
    watched = Watched(context.new_page())
    watched.page.goto(file.as_uri())
    area = watched.page.locator("body")
    expect(area).to_contain_text("<img src=x")
    area.evaluate("area => area.querySelectorAll('h1:not(.pwned), style').forEach(one => one.remove())")  # its own
    watched.unharmed(area)
    context.close()
