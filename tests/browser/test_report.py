"""The weekly report reads on a phone, on a screen and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend
from bucketsnb.cli import main
from tests.browser.steps import faults

ROOT = Path(__file__).parents[2]
A4 = round((210 - 2 * 15) / 25.4 * 96)
"""Pixels across a sheet, between the margins."""

LONG = [letter * 128 for letter in "xyz"]

TOO_WIDE = """() => [...document.querySelectorAll("*")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 || one.scrollWidth > one.clientWidth + 1)
  .filter((one) => one.clientWidth).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)"""


def _written(backend: LocalBackend, works: list[dict[str, Any]], folder: Path) -> Path:
    backend.clear()  # what earlier tests left
    backend.store.load(works)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUCKETSNB_HISTORY", str(folder / "history.db"))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        done = CliRunner().invoke(main, ["report", "--url", backend.url, "--out", str(folder / "report.html")])
    assert done.exit_code == 0, done.output
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(running_backend: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(running_backend, sample_works(2000), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def long_report(running_backend: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report on pipelines and errors without a space in them, each as long as it may be."""
    works = [{**work, "pipeline": LONG[i % 3]} for i, work in enumerate(sample_works(300))]
    for work in works:
        if work["status"] == "failure":
            work["results"] = {"error": "e" * 300}
    return _written(running_backend, works, tmp_path_factory.mktemp("long"))


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(report.as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("width", [360, 400, 700, 1000])
def test_a_screen_of_any_width_shows_all_of_a_report_without_scrolling_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("width", [360, 700, 1000, "print"])
def test_names_of_128_letters_make_no_table_wider_than_the_page(
    browser: Browser, long_report: Path, width: int | str
) -> None:
    page = browser.new_page(viewport={"width": width if isinstance(width, int) else A4, "height": 800})
    page.emulate_media(media="print" if width == "print" else "screen")
    page.goto(long_report.as_uri())
    assert page.evaluate(TOO_WIDE) == []
    assert [page.locator("td", has_text=name[:100]).count() for name in LONG] == [3, 3, 3], "status, failures, waiting"
    assert [page.locator("td", has_text=name).count() for name in LONG] == [1, 1, 1], "the status shortens no name"
    page.close()


@pytest.mark.parametrize("how", ["light", "dark", "print"])
def test_no_serious_fault_of_access_on_a_phone_or_on_paper(page: Page, how: str) -> None:
    page.set_viewport_size({"width": A4 if how == "print" else 400, "height": 800})
    page.emulate_media(media="print" if how == "print" else "screen", color_scheme="dark" if how == "dark" else "light")
    assert faults(page) == []


def test_no_column_and_no_figure_of_a_printed_report_is_cut(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4, "height": 1000})
    assert page.evaluate(TOO_WIDE) == []


def test_a_printed_report_is_dark_on_white_whatever_the_reader_likes(page: Page) -> None:
    colours = "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    page.emulate_media(media="screen", color_scheme="dark")
    assert page.evaluate(colours) == ["rgb(230, 233, 236)", "rgb(21, 25, 29)"]
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(colours) == ["rgb(29, 35, 39)", "rgb(255, 255, 255)"]


def test_the_five_sentences_are_on_the_first_screen_of_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    last = page.locator("li").last.bounding_box()
    assert page.locator("li").count() == 5
    assert last is not None
    assert last["y"] + last["height"] < 800


def test_headings_stay_with_what_follows_and_rows_and_figures_are_not_split(page: Page) -> None:
    style = "(names) => names.map(([one, name]) => getComputedStyle(document.querySelector(one))[name])"
    rules = [["h2", "breakAfter"], ["h2 + p", "breakAfter"], *([one, "breakInside"] for one in ("tr", "img", "table"))]
    assert page.evaluate(style, rules) == ["avoid"] * len(rules)
