"""Every text of a work is markup, script, formula, control or override: wherever it is shown it is dead."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bucketsnb import Buckets, LocalBackend, Query, plots
from bucketsnb.cli import main
from bucketsnb.errors import BucketsError
from tests.factory import make_work

pytestmark = pytest.mark.slow

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg/onload=alert(1)>', "</td></table><h1>x",
    "'; alert(1); '", "{{7*7}}${7*7}", "javascript:alert(1)", '=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)",
    "\t=1+1", "\r=1+1", " =1+1", "=cmd|' /C calc'!A0", "a\x1b[31mred\x1b]0;title\x07", "a\u202egnp.exe",
    "a\u2066b\u2069", "a\x00b", "a\u200bb", "$\\frac{1}{0}$", "$x_", "<!-- x", "&lt;b&gt;",
]  # fmt: skip
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
LIVE = {"script", "img", "svg", "iframe", "object", "embed", "h1", "link", "a"}


class Elements(HTMLParser):
    """Names of elements, and what of them could act."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.acting: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.acting += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def hostile(text: str) -> dict[str, Any]:
    """Return a work with a payload in every place for text."""
    return make_work(
        pipeline=text[:128],
        site=text,
        user=text,
        function=text,
        command=[text],
        tags=[text],
        parameters={text: text},
        results={text: [text]},
        products=[text],
        plots=[text],
        **{"config": {"parent": text, text: text}, "notify": {text: text}, "status": "failure", text: text},
        attempt=2,
        start=1.79e9,
        stop=1.79e9 + 50,
    )


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    backend.store.load([hostile(text) for text in PAYLOADS])
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    return backend


def shown(client: Buckets) -> dict[str, Any]:
    """Return everything a client makes that draws itself."""
    frame = client.view({})
    plan = client.plan_delete(frame)
    receipt = plan.apply()
    things = {"frame": frame, "plan": plan, "receipt": receipt, "journal": client.journal(), "undone": receipt.undo()}
    things |= {
        "status": client.status(),
        "requeue": client.plan_requeue({}, allow_all=True),
        "work": client.view({}).iloc[:1],
    }
    things |= {"explain": client.explain({"user": "nobody", "site": PAYLOADS[0]})}
    return {**things, **summed_up(client), **acted_on(client)}


def summed_up(client: Buckets) -> dict[str, Any]:
    """Return what sums works up, and one work in full."""
    history, now = client.history(), time.time()
    for ago in (180, 120, 60):
        history.record(client.status(), at=now - ago)
    works = {f"work {number}": client.work(one) for number, one in enumerate(client.view({})["id"])}
    families = {f"family {number}": client.family(text) for number, text in enumerate(PAYLOADS)}
    return {
        **works,
        **families,
        "failures": client.failures(),
        "exhausted": client.exhausted(),
        "orphans": client.orphans(),
        "counts": client.group_count(by=("pipeline", "site", "tags")),
        "history": history,
        "past": history.frame(),
        "snapshot": history.at(now),
        "difference": history.diff(now - 90, now),
        "rates": history.rates(),
        **{f"drain {number}": history.drain(name) for number, name in enumerate(client.pipelines())},
    }


def acted_on(client: Buckets) -> dict[str, Any]:
    """Return the plans and receipts of what puts in, changes and claims."""
    frame = client.view({})
    edited = client.plan_update(frame.assign(user=[text + "!" for text in frame["user"]]), reason=PAYLOADS[1])
    deposit = client.plan_deposit([make_work(pipeline="p", user=text, site=text) for text in PAYLOADS])
    bad = client.plan_deposit([{"pipeline": "p", text: text, "site": [text]} for text in PAYLOADS])
    things = {"edited": edited, "cells": edited.cells, "problems": bad.problems, "bad": bad, "deposit": deposit}
    things |= {"updated": edited.apply(), "deposited": deposit.apply(), "audit": client.plan_audit()}
    things["requeued"] = client.plan_requeue({}, allow_all=True).apply()
    for number, text in enumerate(PAYLOADS):
        claim = client.claim(text[:128])
        assert claim or "\x00" in text, "the service takes no work with that in a key, so it was not put back"
        things |= {f"claim {number}": claim, f"withdrawal {number}": client.plan_withdraw(text[:128])}
    return things


def test_nothing_that_draws_itself_is_live_or_moves_a_cursor(queue: LocalBackend, buckets: Buckets) -> None:
    for name, thing in shown(buckets).items():
        for text in (str(thing), repr(thing)):
            assert not UNSEEN.search(text.replace("\n", "")), (name, UNSEEN.search(text.replace("\n", "")))
        html = thing._repr_html_() if hasattr(thing, "_repr_html_") else ""
        elements = Elements(html)
        assert not elements.names & LIVE, name
        assert not elements.acting, name
        assert not UNSEEN.search(html.replace("\n", "")), name


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_error_moves_a_cursor(queue: LocalBackend, buckets: Buckets, text: str) -> None:
    queue.faults.add("*", status=422, body=json.dumps({"message": text, text: text}).encode(), times=None)
    calls: list[Callable[[], Any]] = [
        lambda: buckets.view({"user": text}),
        lambda: buckets.work(text),
        lambda: buckets.view({}, columns=text),
        lambda: buckets.group_count(by=text),
        lambda: buckets.update([{"id": text, text: text}]),
        lambda: buckets.deposit([{"pipeline": text, "priority": text, text: text}]),
        lambda: buckets.withdraw("p", priority=text),  # type: ignore[arg-type]
        lambda: buckets.plan_delete([text]),
        lambda: buckets.undo(text),
        lambda: Query(**{text: text}),
        lambda: Query({text: text}).to_document() and buckets.count({f"${text}": text}),
    ]
    for number, call in enumerate(calls):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with pytest.raises(BucketsError) as caught:
                call()
        for told in (caught.value, *(one.message for one in said)):
            assert not UNSEEN.search(str(told).replace("\n", "")), (number, str(told))


@pytest.mark.parametrize("command", [["status"], ["view"], ["view", "--csv"], ["journal"]], ids=" ".join)
def test_no_command_sends_a_control_character_to_the_terminal(queue: LocalBackend, command: list[str]) -> None:
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    if "--csv" not in command:
        assert not UNSEEN.search(result.output.replace("\n", ""))


def test_no_cell_of_a_csv_is_a_formula(queue: LocalBackend) -> None:
    rows = list(csv.reader(io.StringIO(CliRunner().invoke(main, ["view", "--csv"]).stdout, newline="")))
    assert len(rows) == len(PAYLOADS) + 1
    formulas = [
        cell for row in rows for cell in row if cell.lstrip()[:1] in {"=", "+", "@"} or re.match(r"\s*-(?!\d)", cell)
    ]
    assert not [cell for cell in formulas if not cell.startswith("'")]


def test_names_in_figures_are_text(queue: LocalBackend, buckets: Buckets) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figures = [made for name in plots.__all__ if (made := drawn(buckets, name)) is not None]
    assert figures
    for figure in figures:
        texts = [text for text in figure.findobj(lambda one: hasattr(one, "get_parse_math")) if text.get_text()]
        assert not [text for text in texts if UNSEEN.search(text.get_text().replace("\n", ""))]
        assert not [text for text in texts if text.get_text().startswith("$") and text.get_parse_math()], "mathematics"


def drawn(client: Buckets, name: str) -> Any:
    """Draw a figure of what the client shows, if it takes that."""
    for made in (client.status, lambda: client.view({})):
        try:
            found = getattr(plots, name)(made())
        except (TypeError, AttributeError, ValueError, KeyError):
            continue
        figure = getattr(found, "figure", found)
        if hasattr(figure, "savefig"):
            figure.savefig(io.BytesIO(), format="png")
            return figure
    return None


def test_a_report_holds_no_live_part_of_a_work(queue: LocalBackend, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["report", "--out", str(file)])
    assert result.exit_code == 0, result.output
    html = file.read_text("utf-8")
    assert not [text for text in PAYLOADS[:4] if text in html]
    assert "onerror=alert(1)>" not in html or "&lt;img" in html
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", html)


def test_json_for_scripts_keeps_every_letter(queue: LocalBackend) -> None:
    found = json.loads(CliRunner().invoke(main, ["view", "--json"]).stdout)
    assert {work["user"] for work in found} == set(PAYLOADS)
