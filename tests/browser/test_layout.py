"""What of the layout a machine can judge, with scroll bars as people have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event

import pytest
from playwright.sync_api import Locator, expect

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend
from tests.browser.notebook import Notebook
from tests.browser.steps import PIPELINE, panel, pick, press, question, rest, tick
from tests.factory import make_works

CUT = """(page) => [...page.querySelectorAll('.bnb-scroll, .bnb-list')].flatMap((box) => {
  const edge = box.getBoundingClientRect().top + box.clientTop + box.clientHeight;
  return [...box.querySelectorAll('tr:not(.bnb-space)')].map((row) => [row, row.getBoundingClientRect()])
    .filter(([, row]) => row.height && row.top < edge - 1 && row.bottom > edge + 1)
    .map(([row, { bottom }]) => `${Math.round(bottom - edge)} px of: ${row.textContent.slice(0, 60)}`);
})"""
"""Rows of which a part is below the lower edge of their list."""

DEPOSIT = """[
    page.state.buckets.plan_deposit([{"pipeline": "p", "site": "chime", "user": "me"}]).apply().ok for _ in range(%d)
]"""


LINES = """(all) => all.map((one) => {
  const text = new Range();
  text.selectNodeContents(one);
  return text.getClientRects().length;
})"""
"""How many lines the text of each has."""

CUT_CHOICES = """(all) => all.filter((one) => {
  const whole = one.cloneNode(true);
  whole.style.cssText = "width: max-content; position: absolute";
  one.after(whole);
  const cut = whole.offsetWidth > one.offsetWidth;
  whole.remove();
  return cut;
}).map((one) => one.textContent)"""
"""Lists of which the longest choice does not fit."""


WATCH_BOX = """() => {
  window.boxAtFirst = new Promise((done) => new MutationObserver((_, observer) => {
    const box = document.querySelector("[data-part='box']");
    if (!box) return;
    observer.disconnect();
    done(getComputedStyle(box).display);
  }).observe(document.body, {childList: true, subtree: true}));
}"""
"""Keeps how the box is displayed when it comes into the page, before any message of the kernel can come."""

MANY = f"""pipeline="{PIPELINE}", status="queued", site=["chime", "kko"], user="chimefrb", priority=">=2",
all_tags=["one", "two"]"""
"""Conditions of six filters."""


def _cut(page: Locator) -> list[str]:
    """List the rows that are cut once the sizes have settled, which are observed a frame later."""
    for _ in range(20):
        found: list[str] = page.evaluate(CUT)
        if not found:
            break
        page.page.wait_for_timeout(100)
    return found


def _hidden(scrolled: Locator, side: str) -> int:
    """Return the pixels that only scrolling shows once the sizes have settled, of the Width or the Height."""
    for _ in range(20):
        pixels: int = scrolled.evaluate(f"one => one.scroll{side} - one.client{side}")
        if pixels == 0:
            break
        scrolled.page.wait_for_timeout(100)
    return pixels


def _show_many(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    backend.store.load([*sample_works(1500), *make_works(30, pipeline=PIPELINE, status="failure", tags=["t" * 200])])
    press(page, "Refresh")
    expect(page.locator(".bnb-counts")).to_contain_text("1,000 read")


@pytest.mark.parametrize("width", [1400, 700])
def test_no_list_ends_with_half_a_row(notebook: Notebook, page: Locator, backend: LocalBackend, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 1200})
    _show_many(notebook, page, backend)
    assert notebook.kernel_eval(DEPOSIT % 12) == [True] * 12
    assert _cut(page) == []
    pick(page, PIPELINE, "failure")
    form = panel(page, "deposit", "Deposit")
    form.get_by_label("CSV or JSON").fill("pipeline,site,user,tags\n" + "fitburst,chime,me,a b\n" * 14)
    press(form, "Check and preview")
    question(page).locator("summary").first.click()
    page.get_by_role("button", name="Show all").click()
    panel(page, "journal", "Journal")
    expect(page.locator(".bnb-journal tbody tr").nth(11)).to_be_attached()
    expect(page.locator(".bnb-question .bnb-list tbody tr").nth(13)).to_be_attached()
    notebook.picture(f"app-lists-{width}")
    undo, entries = (
        page.get_by_label("Undo ").first.bounding_box(),
        page.locator(".bnb-journal .bnb-list").bounding_box(),
    )
    assert undo is not None
    assert entries is not None
    assert undo["x"] + undo["width"] <= entries["x"] + entries["width"], "the way back is in sight"
    assert _cut(page) == []


@pytest.fixture
def without_sidebar(notebook: Notebook) -> Iterator[None]:
    """Close the list of files, which takes a fifth of a laptop's width."""
    toggle = "() => window.jupyterapp.commands.execute('application:toggle-left-area')"
    notebook.page.evaluate(toggle)
    yield
    notebook.page.evaluate(toggle)


def test_as_many_works_as_fit_need_no_scroll_bar(page: Locator, backend: LocalBackend) -> None:
    backend.store.load(make_works(11, pipeline="dm", status="queued"))
    press(page, "Refresh")
    pick(page, "dm", "queued")
    expect(page.locator(".bnb-counts")).to_contain_text("11 read")
    assert _hidden(page.locator(".bnb-grid .bnb-scroll"), "Height") == 0


@pytest.mark.usefixtures("without_sidebar")
def test_all_columns_of_the_works_fit_a_laptop(notebook: Notebook, page: Locator, backend: LocalBackend) -> None:
    _show_many(notebook, page, backend)
    assert _hidden(page.locator(".bnb-grid .bnb-scroll"), "Width") == 0
    pick(page, PIPELINE, "failure")
    expect(page.locator(".bnb-grid thead th").last).to_have_text("id")
    assert _hidden(page.locator(".bnb-grid .bnb-scroll"), "Width") == 0
    tools = page.get_by_role("button", name="Requeue"), page.get_by_role("button", name="Journal")
    assert _y(tools[0]) == pytest.approx(_y(tools[1]), abs=4), "all buttons stand in one line"
    cut = "all => all.filter(one => /^[0-9]+$/.test(one.textContent) && one.scrollWidth > one.clientWidth).length"
    assert page.locator(".bnb-grid td.bnb-text").evaluate_all(cut) == 0, "no event is cut"


@pytest.mark.usefixtures("without_sidebar")
def test_what_is_being_read_is_said_where_it_will_stand(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    held = Event()
    fault = backend.faults.add("POST /view", change=lambda _: held.wait(60), times=None)
    rest(page.locator(".bnb-grid"))
    before = page.locator(".bnb-grid").bounding_box()
    page.locator(f".bnb-status-table tr[data-pipeline='{PIPELINE}'] [data-status='failure']").click()
    said = page.locator(".bnb-reading")
    expect(said).to_contain_text("Reading")
    place, rows = said.bounding_box(), page.locator(".bnb-grid .bnb-scroll").bounding_box()
    assert place is not None
    assert rows is not None
    assert rows["y"] < place["y"]
    assert place["y"] + place["height"] < min(rows["y"] + rows["height"], 900)
    assert page.locator(".bnb-grid").bounding_box() == before, "nothing moves for it"
    fault.times = 0
    press(said, "Stop")
    expect(said).to_contain_text("Stopping")
    held.set()
    expect(said).to_be_hidden()


def test_a_list_in_a_narrow_question_breaks_no_word(notebook: Notebook, page: Locator) -> None:
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    pick(page, PIPELINE, "failure")
    tick(page, 0, 1)
    page.get_by_role("button", name="Delete", exact=True).click()
    question(page).locator("summary").first.click()
    expect(page.locator(".bnb-question td").first).to_be_visible()
    lines = page.locator(".bnb-question td", has_text=re.compile("^(failure|chime)$")).evaluate_all(LINES)
    assert lines == [1, 1, 1, 1]


@pytest.mark.usefixtures("without_sidebar")
def test_chips_do_not_move_the_works(notebook: Notebook, page: Locator) -> None:
    rows = page.locator(".bnb-grid .bnb-scroll")
    rest(rows)
    before = rows.bounding_box()
    pick(page, PIPELINE, "queued")
    expect(page.locator(".bnb-chips .bnb-token")).to_have_count(2)
    assert rows.bounding_box() == before
    notebook.kernel_eval(f"setattr(page.filters, 'query', __import__('bucketsnb').Query({MANY}))")
    expect(page.locator(".bnb-chips .bnb-token")).to_have_count(6)
    assert rows.bounding_box() == before
    expect(page.get_by_role("button", name=f"Edit the filter Pipeline: {PIPELINE}")).to_have_attribute(
        "title", f"Edit the filter Pipeline: {PIPELINE}"
    )
    three = f"pipeline={PIPELINE!r}, status='queued', older_than='7d'"
    notebook.kernel_eval(f"setattr(page.filters, 'query', __import__('bucketsnb').Query({three}))")
    expect(page.locator(".bnb-chips .bnb-token")).to_have_count(3)
    for width in (1000, 1100, 1400):  # a list of files takes 245 of them
        notebook.page.set_viewport_size({"width": width, "height": 900})
        values = page.locator(".bnb-chips .bnb-token-text span:last-child")
        assert values.evaluate_all("all => all.map((one) => one.scrollWidth > one.clientWidth + 1)") == [False] * 3


def test_a_work_that_opens_below_the_rows_is_in_sight(notebook: Notebook, page: Locator) -> None:
    notebook.page.set_viewport_size({"width": 1000, "height": 900})
    page.locator(".bnb-grid tr[data-row='1'] td").nth(2).click()
    opened = page.locator(".bnb-detail")
    expect(opened).to_be_in_viewport(ratio=0.99)
    assert _y(opened) > _y(page.locator(".bnb-grid .bnb-scroll"))


@pytest.mark.usefixtures("backend")
def test_what_the_kernel_has_not_described_yet_takes_no_place(notebook: Notebook) -> None:
    notebook.page.evaluate(WATCH_BOX)
    notebook.run("from bucketsnb import Buckets, app\npage = app(Buckets())\npage")
    expect(notebook.page.locator("[data-part='box']")).to_have_count(1)
    assert notebook.page.evaluate("() => window.boxAtFirst") == "none"
    notebook.kernel_eval("page.close()")


def test_the_forms_cut_no_choice_and_no_label(notebook: Notebook, page: Locator) -> None:
    form = panel(page, "deposit", "Deposit")
    for width in (1000, 1400, 1920):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        assert form.locator("select").evaluate_all(CUT_CHOICES) == []
        assert form.locator(".bnb-field-flag .bnb-label").evaluate_all(LINES) == [1, 1]
    form.get_by_label("Deposit", exact=True).select_option("one")
    for flag in form.locator(".bnb-field-flag").all():
        expect(flag).to_be_hidden()
    number, text = form.get_by_label("priority").bounding_box(), form.get_by_label("user").bounding_box()
    assert number is not None
    assert text is not None
    assert (number["width"], number["height"]) == (text["width"], text["height"])


def test_at_a_zoom_of_150_percent_the_buttons_of_the_head_stand_at_the_right(
    notebook: Notebook, page: Locator, backend: LocalBackend
) -> None:
    _show_many(notebook, page, backend)
    notebook.page.set_viewport_size({"width": 933, "height": 600})
    right = "one => Math.round(one.getBoundingClientRect().right)"
    head = page.locator(".bnb-status-table .bnb-head")
    refresh = head.get_by_role("button", name="Refresh")
    assert refresh.evaluate(right) == head.evaluate(right)
    assert _y(refresh) == pytest.approx(_y(head.locator("select")), abs=4), "no button is alone in a line"


def test_the_way_back_in_the_journal_stands_on_the_colour_of_its_row(notebook: Notebook, page: Locator) -> None:
    assert notebook.kernel_eval(DEPOSIT % 1) == [True]
    journal = panel(page, "journal", "Journal")
    expect(page.get_by_label("Undo ").first).to_be_visible()
    colour = "one => getComputedStyle(one).backgroundColor"
    assert journal.locator("td").last.evaluate(colour) == journal.evaluate(colour)


def _y(one: Locator) -> float:
    place = one.bounding_box()
    assert place is not None
    return place["y"]
