"""The grid on a real page: mouse, keyboard, what is hostile, what is wide, and what a saved notebook shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.notebook import Notebook

SHOW = """
from bucketsnb.backend.samples import sample_works
from bucketsnb.frames import frame_of
from bucketsnb.widgets import WorksGrid
frame = frame_of([{**work, "id": f"{n:024x}"} for n, work in enumerate(sample_works(%d, seed=7))])
grid = WorksGrid(frame)
grid
"""
HOSTILE = "<img src=x onerror=window.broken=1><script>window.broken=1</script>"


@pytest.fixture
def grid(notebook: Notebook) -> Locator:
    """Show a grid of 500 works."""
    return _shown(notebook, 500)


def _shown(notebook: Notebook, works: int) -> Locator:
    grid = notebook.run(SHOW % works).locator(".bnb-page")
    expect(grid.locator("tbody tr[data-row='0'] .bnb-id")).not_to_have_text("…", timeout=20_000)
    return grid


def _row(grid: Locator, row: int) -> Locator:
    return grid.locator(f"tbody tr[data-row='{row}']")


def _selected(notebook: Notebook) -> list[str]:
    found: list[str] = notebook.kernel_eval("list(grid.selected_ids)")
    return found


def _id(row: int) -> str:
    return f"{row:024x}"


def _sort_by_id(grid: Locator, order: str) -> None:
    grid.locator("thead [data-name='id']").click()
    expect(grid.get_by_role("columnheader", name="id", exact=True)).to_have_attribute("aria-sort", order)


def test_what_is_ticked_is_what_python_gets_whatever_the_order(notebook: Notebook, grid: Locator) -> None:
    _row(grid, 2).get_by_role("checkbox").click()
    grid.get_by_role("button", name="prio").click()
    expect(grid.get_by_role("columnheader", name="prio")).to_have_attribute("aria-sort", "ascending")
    assert _selected(notebook) == [_id(2)]
    third = _row(grid, 3)
    third.get_by_role("checkbox").click()
    expect(grid.locator(".bnb-counts")).to_contain_text("2 selected")
    assert _selected(notebook) == [_id(2), third.locator(".bnb-id").get_attribute("title")]


def test_the_opened_work_is_marked_wherever_it_goes(notebook: Notebook, grid: Locator) -> None:
    _row(grid, 2).locator(".bnb-status").click()
    expect(_row(grid, 2)).to_have_class("bnb-opened")
    _sort_by_id(grid, "ascending")
    _sort_by_id(grid, "descending")
    expect(_row(grid, 0).locator(".bnb-id")).to_have_attribute("title", _id(499))
    expect(grid.locator("tbody tr.bnb-opened")).to_have_count(0)
    _sort_by_id(grid, "none")
    expect(_row(grid, 0).locator(".bnb-id")).to_have_attribute("title", _id(0))
    expect(_row(grid, 2)).to_have_class("bnb-opened")


def test_the_opened_work_follows_the_arrow_keys(notebook: Notebook, grid: Locator) -> None:
    _row(grid, 2).locator(".bnb-status").click()
    expect(grid.get_by_role("region", name=f"Work {_id(2)}")).to_be_visible()
    notebook.page.keyboard.press("ArrowDown")
    expect(grid.get_by_role("region", name=f"Work {_id(3)}")).to_be_visible()
    expect(_row(grid, 3)).to_be_focused()


def test_a_column_is_made_wider_by_keyboard_and_by_mouse(notebook: Notebook, grid: Locator) -> None:
    head = grid.locator("thead [data-name='pipeline']")
    width = "one => one.closest('th').offsetWidth"
    before = head.evaluate(width)
    head.focus()
    notebook.page.keyboard.press("Shift+ArrowRight")
    assert head.evaluate(width) == before + 12
    expect(head).to_be_focused()
    edge = head.locator("xpath=..").locator(".bnb-edge").bounding_box()
    assert edge is not None
    notebook.page.mouse.move(edge["x"] + 3, edge["y"] + 8)
    notebook.page.mouse.down()
    notebook.page.mouse.move(edge["x"] + 43, edge["y"] + 8)
    notebook.page.mouse.up()
    assert abs(head.evaluate(width) - before - 52) <= 1


def test_no_range_begins_at_a_row_that_another_work_has_taken(notebook: Notebook, grid: Locator) -> None:
    _row(grid, 6).get_by_role("checkbox").click()
    _sort_by_id(grid, "ascending")
    _sort_by_id(grid, "descending")
    expect(_row(grid, 0).locator(".bnb-id")).to_have_attribute("title", _id(499))
    _row(grid, 1).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(grid.locator(".bnb-counts")).to_contain_text("2 selected")
    assert _selected(notebook) == [_id(6), _id(498)]


def _ticked(notebook: Notebook, grid: Locator, number: int) -> None:
    """The rows drawn tick what Python holds."""
    expect(grid.locator(".bnb-selected b")).to_have_text(f"{number:,}")
    drawn = grid.locator("tbody input").count()
    expect(grid.locator("tbody input:checked")).to_have_count(min(number, drawn))
    assert len(_selected(notebook)) == number
    shown = grid.locator("tbody tr[data-row]").evaluate_all(
        "all => all.map(one => [one.querySelector('.bnb-id').title, one.querySelector('input').checked])"
    )
    held = set(_selected(notebook))
    assert [ticked for _, ticked in shown] == [ident in held for ident, _ in shown]


def test_ticks_are_the_selection(notebook: Notebook, grid: Locator) -> None:
    _row(grid, 1).get_by_role("checkbox").click()
    _row(grid, 4).locator(".bnb-status").click(modifiers=["Shift"])
    _ticked(notebook, grid, 4)
    for way in ("menu", "heading", "Ctrl+A"):
        if way == "menu":
            grid.get_by_label("Select", exact=True).click()
            grid.get_by_role("button", name="Select all 500 works that were read").click()
        elif way == "heading":
            grid.get_by_label("Select all works that were read").check()
        else:
            _row(grid, 2).focus()
            notebook.page.keyboard.press("Control+a")
        _ticked(notebook, grid, 500)
        grid.get_by_label("Select", exact=True).click()
        grid.get_by_role("button", name="Select no work").click()
        _ticked(notebook, grid, 0)
    grid.get_by_label("Select all works that were read").check()
    _ticked(notebook, grid, 500)
    grid.get_by_label("Select all works that were read").uncheck()  # which passes over a box that is still empty
    _ticked(notebook, grid, 0)
    notebook.kernel_eval(f"grid.select([{_id(3)!r}])")
    _ticked(notebook, grid, 1)


def test_rows_are_chosen_by_keyboard_alone(notebook: Notebook, grid: Locator) -> None:
    page = notebook.page
    _row(grid, 0).focus()
    for key in ("ArrowDown", "ArrowDown", "Space", "End", "Space", "Home", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(_row(grid, 1)).to_be_focused()
    expect(grid.locator(".bnb-counts")).to_contain_text("4 selected")
    assert _selected(notebook) == [_id(2), _id(499), _id(0), _id(1)]
    page.keyboard.press("Enter")
    work = grid.get_by_role("region", name=f"Work {_id(1)}")
    expect(work).to_be_focused()
    expect(work.locator("table")).to_contain_text(_id(1))
    page.keyboard.press("Escape")
    expect(_row(grid, 1)).to_be_focused()


def test_a_hundred_thousand_works_scroll_to_the_last(notebook: Notebook) -> None:
    grid = _shown(notebook, 1000)
    notebook.kernel_eval("setattr(grid, 'frame', __import__('pandas').concat([frame] * 100, ignore_index=True))")
    expect(grid.locator(".bnb-counts")).to_contain_text("100,000 read")
    grid.locator(".bnb-scroll").evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(_row(grid, 99_999).locator(".bnb-id")).to_have_attribute("title", _id(999))
    assert grid.locator("tbody tr").count() < 60


def test_hostile_text_stays_text(notebook: Notebook, grid: Locator) -> None:
    notebook.kernel_eval(
        "setattr(grid, 'frame', frame_of([dict.fromkeys(('pipeline', 'site', 'user', 'function', 'status'), "
        f"{HOSTILE!r}) | {{'id': {HOSTILE!r}, 'tags': [{HOSTILE!r}], 'results': {{{HOSTILE!r}: {HOSTILE!r}}}}}]))"
    )
    expect(_row(grid, 0).locator("td").nth(2)).to_contain_text("<img src=x")
    _row(grid, 0).locator("td").nth(2).click()
    expect(grid.locator(".bnb-detail pre")).to_contain_text("<script>")
    assert notebook.page.evaluate("window.broken") is None
    notebook.page.evaluate("window.kernelTroubles = []")


@pytest.mark.parametrize("width", [1400, 700])
def test_it_fits_its_cell(notebook: Notebook, grid: Locator, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 900})
    boxes = grid.evaluate("grid => [grid.scrollWidth, grid.clientWidth, grid.querySelector('.bnb-scroll').scrollWidth]")
    assert boxes[0] <= boxes[1]
    assert boxes[2] > boxes[1] or width > 1000


def test_columns_are_chosen_from_a_menu(notebook: Notebook, grid: Locator) -> None:
    grid.get_by_label("Columns", exact=True).click()
    grid.get_by_label("creation").check()
    expect(grid.get_by_role("columnheader", name="creation")).to_be_visible()
    grid.get_by_label("user", exact=True).uncheck()
    expect(grid.get_by_role("columnheader", name="user")).to_have_count(0)
    assert "creation" in notebook.kernel_eval("grid.columns")


def test_a_saved_notebook_keeps_the_last_table_and_hides_it_while_alive(
    notebook: Notebook, grid: Locator, lab_folder: Path
) -> None:
    page = notebook.page
    plain = page.locator("[class^=bnb-saved-]")
    expect(plain).to_be_hidden()
    notebook.kernel_eval("setattr(grid, 'frame', frame.head(3))")
    expect(grid.locator(".bnb-counts")).to_contain_text("3 read")
    expect(plain).to_contain_text("3 here, 3 read")
    expect(plain).to_be_hidden()
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads((lab_folder / "shared.ipynb").read_text())
    outputs = [output for cell in saved["cells"] for output in cell.get("outputs", [])]
    assert any("3 here, 3 read" in "".join(one.get("data", {}).get("text/html", "")) for one in outputs)
    assert _id(200) not in json.dumps(saved)
