"""The grid by its messages: what the page is told, and what reaches Python."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bucketsnb.frames import empty, frame_of
from bucketsnb.query import Query
from bucketsnb.widgets import State, WorksGrid
from bucketsnb.widgets.parts import rows
from bucketsnb.widgets.parts.cells import draw, facts_of, pretty
from bucketsnb.widgets.parts.rows import causes_of
from tests.factory import make_work
from tests.widgets.page import Sent

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m"


def _ident(number: int) -> str:
    return f"{number:024x}"


def _works(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [make_work(id=_ident(number), priority=1 + number % 5, **changes) for number in range(count)]


def _frame(count: int, **changes: Any) -> pd.DataFrame:
    return frame_of(_works(count, **changes))


def _ask(grid: WorksGrid, sent: Sent, first: int, count: int = 100) -> list[dict[str, Any]]:
    generation = sent.last(grid.table, "reset")["generation"]
    grid.table.receive({"type": "rows", "generation": generation, "first": first, "count": count})
    rows: list[dict[str, Any]] = sent.last(grid.table, "rows")["rows"]
    return rows


def _open(grid: WorksGrid) -> None:
    grid.table.receive({"type": "hello"})


def _select(grid: WorksGrid, *ids: str, on: bool = True) -> None:
    grid.table.receive({"type": "select", "ids": list(ids), "on": on, "view": "v"})


def test_a_page_that_says_hello_gets_the_shape_and_the_first_rows(sent: Sent):
    grid = WorksGrid(_frame(500))
    _open(grid)
    reset = sent.last(grid.table, "reset")
    assert (reset["shown"], reset["selected"], len(reset["first"])) == (500, 0, 60)
    assert [column["name"] for column in reset["columns"]] == list(grid.columns)


def test_rows_are_sent_by_page_and_never_too_many(sent: Sent):
    grid = WorksGrid(_frame(1000))
    _open(grid)
    rows = _ask(grid, sent, 900, 100)
    assert [row["id"] for row in rows] == [_ident(number) for number in range(900, 1000)]
    assert len(_ask(grid, sent, 0, 100_000)) == 500


def test_no_row_is_in_the_state_that_a_notebook_saves():
    grid = WorksGrid(_frame(50))
    _open(grid)
    assert _ident(7) not in repr(grid.get_state())


def test_a_selection_reaches_python_by_id():
    grid = WorksGrid(_frame(10))
    _select(grid, _ident(7), _ident(2))
    assert grid.selected_ids == (_ident(7), _ident(2))
    assert list(grid.selected["id"]) == [_ident(2), _ident(7)]
    _select(grid, _ident(7), on=False)
    assert grid.selected_ids == (_ident(2),)


def test_the_selection_survives_sort_columns_and_pages(sent: Sent):
    grid = WorksGrid(_frame(300))
    _select(grid, _ident(250))
    grid.sort("priority", descending=True)
    grid.show_columns(["id", "site"])
    assert grid.selected_ids == (_ident(250),)
    selected = [row["id"] for first in (0, 100, 200) for row in _ask(grid, sent, first) if row["selected"]]
    assert selected == [_ident(250)]


def test_a_refresh_keeps_what_is_still_there_and_says_what_is_not():
    grid = WorksGrid(_frame(10))
    _select(grid, _ident(3), _ident(9))
    grid.frame = _frame(5)
    assert grid.selected_ids == (_ident(3),)
    assert "1 selected work is no longer among the works shown" in grid.messages.shown[0].text


def test_a_refresh_keeps_the_sort(sent: Sent):
    grid = WorksGrid(_frame(10))
    grid.sort("priority")
    grid.frame = _frame(20)
    _open(grid)
    assert sent.last(grid.table, "reset")["sort"] == {"name": "priority", "descending": False}


@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_stable_and_puts_what_is_missing_last(sent: Sent, descending: bool):
    starts = [3.0, None, 1.0, 3.0, None]
    works = [make_work(id=_ident(number), start=start) for number, start in enumerate(starts)]
    grid = WorksGrid(frame_of(works))
    grid.sort("start", descending=descending)
    order = [row["id"] for row in _ask(grid, sent, 0)]
    expected = [0, 3, 2, 1, 4] if descending else [2, 0, 3, 1, 4]
    assert order == [_ident(number) for number in expected]


@pytest.mark.parametrize("longest", [1, 3_000_000])
@pytest.mark.parametrize("descending", [False, True])
def test_text_is_sorted_by_its_characters_however_long_it_is(descending: bool, longest: int):
    users = ["b", "é", None, "B", "b" * longest, "a", "\U0001f600", "b", "\uffff"]
    grid = WorksGrid(frame_of([{"id": str(place), "user": user} for place, user in enumerate(users)]))
    grid.sort("user", descending=descending)
    known = [place for place, user in enumerate(users) if user is not None]
    expected = [*sorted(known, key=lambda place: str(users[place]), reverse=descending), 2]
    assert [row["id"] for row in grid.table.rows.page(0, 100)] == [str(place) for place in expected]


@pytest.mark.parametrize("name", ["status", "tags", "event", "age", "config", "overdue", "site", "attempt"])
def test_every_kind_of_column_can_be_sorted(sent: Sent, name: str):
    works = [
        make_work(id=_ident(n), tags=["b", "a"] if n % 2 else None, event=[n] if n % 3 else None) for n in range(9)
    ]
    grid = WorksGrid(frame_of(works))
    grid.sort(name)
    assert sorted(row["id"] for row in _ask(grid, sent, 0)) == [_ident(n) for n in range(9)]
    assert grid.messages.shown == ()


def test_all_none_and_a_range(sent: Sent):
    grid = WorksGrid(_frame(10))
    _open(grid)
    generation = sent.last(grid.table, "reset")["generation"]
    grid.table.receive({"type": "range", "generation": generation, "first": 6, "last": 4, "on": True})
    assert grid.selected_ids == tuple(map(_ident, (4, 5, 6)))
    grid.table.receive({"type": "all"})
    assert len(grid.selected_ids) == 10
    grid.table.receive({"type": "none"})
    assert grid.selected_ids == ()


def test_a_range_of_an_order_that_is_gone_selects_nothing(sent: Sent):
    grid = WorksGrid(_frame(10))
    _open(grid)
    old = sent.last(grid.table, "reset")["generation"]
    grid.sort("priority")
    grid.table.receive({"type": "range", "generation": old, "first": 0, "last": 3, "on": True})
    assert grid.selected_ids == ()


def test_rows_of_an_order_that_is_gone_are_not_sent(sent: Sent):
    grid = WorksGrid(_frame(10))
    _open(grid)
    grid.table.receive({"type": "rows", "generation": -1, "first": 0, "count": 10})
    assert sent.count(grid.table, "rows") == 0


def test_a_status_that_is_not_known_is_shown_and_marked(sent: Sent):
    works = [{**work, "status": status} for work, status in zip(_works(4), ("paused", "queued", None, 7), strict=True)]
    grid = WorksGrid(frame_of(works), columns=["status"])
    _open(grid)
    cells = [row["cells"][0] for row in sent.last(grid.table, "reset")["first"]]
    assert [text for text, _ in cells] == ["paused (unknown)", "queued", "", "7 (unknown)"]
    assert cells[0][1] == "paused: no status that is known here"
    assert "paused (unknown)" in str(grid.static())


def test_works_without_an_id_are_shown_and_cannot_be_selected(sent: Sent):
    grid = WorksGrid(frame_of([make_work(id=None), make_work(id=_ident(1))]))
    _open(grid)
    grid.table.receive({"type": "all"})
    assert grid.selected_ids == (_ident(1),)
    assert [row["id"] for row in _ask(grid, sent, 0)] == [None, _ident(1)]


def test_ids_that_are_not_shown_cannot_be_selected():
    grid = WorksGrid(_frame(3))
    grid.select([_ident(2), _ident(99)])
    assert grid.selected_ids == (_ident(2),)


def test_two_grids_on_one_state_share_frame_and_selection():
    state = State()
    one, other = WorksGrid(state), WorksGrid(state)
    state.frame = _frame(5)
    _select(one, _ident(4))
    assert list(other.selected["id"]) == [_ident(4)]


def test_a_row_opens_the_whole_work(sent: Sent):
    grid = WorksGrid(frame_of([make_work(id=_ident(1), results={"snr": 12.5, "deep": [{"a": None}]})]))
    _open(grid)
    generation = sent.last(grid.table, "reset")["generation"]
    grid.table.receive({"type": "open", "generation": generation, "row": 0, "view": "v"})
    opened = sent.last(grid.table, "work")
    assert _ident(1) in opened["title"]
    assert '"snr": 12.5' in opened["json"]


@pytest.mark.parametrize("field", ["pipeline", "site", "user", "function", "tags", "command", "results", "parameters"])
def test_hostile_text_reaches_the_page_as_visible_text(sent: Sent, field: str):
    value: Any = {"tags": [HOSTILE], "command": [HOSTILE]}.get(field, HOSTILE)
    if field in ("results", "parameters"):
        value = {HOSTILE: HOSTILE}
    grid = WorksGrid(frame_of([make_work(id=_ident(1), **{field: value})]), columns=[field])
    ((text, title),) = _ask_after_opening(grid, sent)[0]["cells"]
    for hidden in ("\u202e", "\x1b"):
        assert hidden not in text + title
    assert "<img" not in grid.static()


def _ask_after_opening(grid: WorksGrid, sent: Sent) -> list[dict[str, Any]]:
    _open(grid)
    return _ask(grid, sent, 0)


def test_what_was_not_read_is_said_and_that_sorting_is_of_what_was(sent: Sent):
    frame = _frame(10)
    frame.attrs.update(matched=25, exact=False)
    grid = WorksGrid(frame)
    _open(grid)
    said = "The newest 10 of {} were read; sorting orders these."
    assert sent.last(grid.table, "state")["order"] == said.format("at least 25")
    assert "10 read, at least 25 match" in grid.static()
    grid.state.counted = 50
    assert sent.last(grid.table, "state")["order"] == said.format("50")


def test_works_that_moved_during_the_read_are_said_beside_the_grid(sent: Sent):
    frame = _frame(10)
    frame.attrs["moved"] = 2
    _open(WorksGrid(frame))
    (told,) = [message for _, message in sent.messages if message["type"] == "state"][-1:]
    assert told["order"] == "2 works moved during the read: deleted, or no longer a match."


def test_an_empty_frame_says_so(sent: Sent):
    grid = WorksGrid(empty(), empty_note="Nothing failed.")
    _open(grid)
    assert sent.last(grid.table, "state")["note"] == "Nothing failed."


def test_columns_without_anything_in_them_are_left_out_unless_they_are_asked_for(sent: Sent):
    frame = _frame(5, status="queued", tags=None, results=None)
    assert not {"tags", "error"} & set(WorksGrid(frame).columns)
    assert WorksGrid(frame, columns=["id", "tags"]).columns == ("id", "tags")


def test_a_failure_shows_its_error_and_its_attempts_of_how_many(sent: Sent):
    results = {"error": {"message": "disk full"}}
    grid = WorksGrid(_frame(2, status="failure", results=results, attempt=2, retries=3), columns=["error", "attempt"])
    _open(grid)
    assert [text for text, _ in sent.last(grid.table, "reset")["first"][0]["cells"]] == ["disk full", "2/3"]


def test_the_errors_can_be_sorted(sent: Sent):
    works = [make_work(id=_ident(n), status="failure", results={"error": text}) for n, text in enumerate("cab")]
    grid = WorksGrid(frame_of(works))
    grid.sort("error")
    assert [row["id"] for row in _ask(grid, sent, 0)] == [_ident(1), _ident(2), _ident(0)]


def test_a_short_id_is_told_by_its_end_and_its_title_is_the_whole(sent: Sent):
    grid = WorksGrid(_frame(1), columns=["id"])
    _open(grid)
    assert sent.last(grid.table, "reset")["first"][0]["cells"] == [("…00000000", _ident(0))]


def test_the_selection_is_exported_by_ids_and_as_csv(sent: Sent):
    grid = WorksGrid(_frame(5))
    _select(grid, _ident(3), _ident(1))
    for kind in ("ids", "csv"):
        grid.table.receive({"type": kind, "view": "v"})
    assert sent.last(grid.table, "ids")["text"] == f"{_ident(3)}\n{_ident(1)}"
    written = sent.last(grid.table, "csv")["text"].splitlines()
    assert len(written) == 3
    assert _ident(1) in written[1]


@pytest.mark.parametrize("text", ["KKO", "disk full", "rare-tag", "9385707"])
def test_what_was_read_can_be_narrowed_by_a_text_in_any_column(sent: Sent, text: str):
    works = _works(6, site="chime", tags=None, event=None, results=None)
    works[3] |= {"site": "kko", "tags": ["rare-tag"], "event": [9385707], "results": {"error": "Disk full"}}
    grid = WorksGrid(frame_of(works), columns=["site", "tags", "event", "error", "id"])
    _select(grid, _ident(1))
    grid.table.receive({"type": "filter", "text": text})
    assert [row["id"] for row in _ask(grid, sent, 0)] == [_ident(3)]
    grid.table.receive({"type": "all"})
    assert grid.selected_ids == (_ident(1), _ident(3))
    last = sent.last(grid.table, "selection")
    assert (last["selected"], last["here"]) == (2, 1)
    grid.sort("id", descending=True)
    grid.table.receive({"type": "filter", "text": ""})
    assert [row["id"] for row in _ask(grid, sent, 0)] == [_ident(n) for n in (5, 4, 3, 2, 1, 0)]


def test_a_text_that_no_work_has_is_said(sent: Sent):
    grid = WorksGrid(_frame(5))
    grid.table.receive({"type": "filter", "text": "nowhere"})
    assert "None of the 5 works" in sent.last(grid.table, "state")["note"]


def _failed(errors: list[Any]) -> pd.DataFrame:
    return frame_of(
        [make_work(id=_ident(number), status="failure", results=error) for number, error in enumerate(errors)]
    )


def _with_causes(frame: pd.DataFrame) -> WorksGrid:
    state = State()
    state.causes, state.frame = causes_of(frame), frame
    return WorksGrid(state)


def test_the_causes_of_failures_are_counted_and_a_press_shows_the_works_of_one(sent: Sent):
    errors = [{"error": HOSTILE}, {"error": "no file /a/1"}, None, {"error": "no file /a/2"}]
    grid = _with_causes(_failed(errors))
    _open(grid)
    drawn = sent.last(grid.table, "reset")["causes"]
    assert [one["count"] for one in drawn] == [2, 1, 1]
    assert drawn[0]["label"] == "no file <path>"
    assert "\u202e" not in "".join(one["label"] for one in drawn)
    _select(grid, _ident(0))
    for one, ids in zip(drawn, ([1, 3], [0], [2]), strict=True):
        grid.table.receive({"type": "cause", "name": one["name"]})
        assert [row["id"] for row in _ask(grid, sent, 0)] == [_ident(number) for number in ids]
        assert [two["on"] for two in sent.last(grid.table, "reset")["causes"]] == [one is two for two in drawn]
    grid.table.receive({"type": "all"})
    assert grid.selected_ids == (_ident(0), _ident(2))
    grid.table.receive({"type": "cause", "name": drawn[2]["name"]})
    assert len(_ask(grid, sent, 0)) == 4


def test_a_cause_that_is_gone_hides_nothing(sent: Sent):
    grid = _with_causes(_failed([{"error": "disk full"}, {"error": "no memory"}]))
    grid.table.receive({"type": "cause", "name": "disk full"})
    newer = _failed([{"error": "no memory"}] * 3)
    grid.state.causes = causes_of(newer)
    grid.state.frame = newer
    assert len(_ask(grid, sent, 0)) == 3
    grid.state.frame = _failed([{"error": "disk full"}] * 2)  # of no reader: its causes are not known
    assert sent.last(grid.table, "reset")["causes"] == []


@pytest.mark.parametrize("narrow", [{"type": "filter", "text": "disk"}, {"type": "cause", "name": "disk full"}])
def test_what_narrows_the_works_of_one_query_does_not_narrow_those_of_another(sent: Sent, narrow: dict[str, str]):
    errors = [{"error": "disk full"}, {"error": "no memory"}]
    grid = _with_causes(_failed(errors))
    grid.table.receive(narrow)
    again, others = _failed(errors), _failed(errors)
    grid.state.causes, grid.frame = causes_of(again), again
    assert len(grid.table.rows) == 1
    grid.state.query = Query(status="failure")
    grid.state.causes, grid.frame = causes_of(others), others
    assert (len(grid.table.rows), grid.table.rows.narrowed) == (2, False)
    assert sent.last(grid.table, "reset")["text"] == ""


def test_what_the_filters_say_of_every_work_gives_its_room_to_the_errors(sent: Sent):
    works = _failed([{"error": "disk full"}])
    grid = _with_causes(works)
    assert {"status", "pipeline", "error"} <= set(grid.columns)
    grid.state.query = Query(pipeline=["a", "b"], exhausted=True)
    grid.frame = works.copy()
    assert "status" not in grid.columns
    assert {"pipeline", "error"} <= set(grid.columns)
    grid.table.receive({"type": "filter", "text": "failure"})
    assert len(grid.table.rows) == 1
    grid.show_columns(["status", "error"])
    grid.frame = works.copy()
    assert set(grid.columns) == {"status", "error"}
    grid.state.query = Query(status="failure")
    other = WorksGrid(grid.state)
    other.frame = _failed([None])
    assert "status" in other.columns


def test_of_very_many_failures_the_newest_tell_the_causes_and_that_is_said(sent: Sent, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "LOOKED_AT", 3)
    grid = _with_causes(_failed([{"error": "disk full"}] * 2 + [{"error": "no memory"}] * 3))
    _open(grid)
    drawn = sent.last(grid.table, "reset")
    assert [(one["name"], one["count"]) for one in drawn["causes"]] == [("disk full", 2), ("no memory", 1)]
    assert drawn["why"] == "Why the newest 3 failed:"
    grid.table.receive({"type": "cause", "name": "no memory"})
    assert [row["id"] for row in _ask(grid, sent, 0)] == [_ident(2)]


def test_the_name_of_its_site_does_not_make_two_causes_of_one():
    errors = {site: {"error": f"too long on {site}-node{n}"} for n, site in enumerate(("chime", "kko"))}
    works = [make_work(site=site, status="failure", results=error) for site, error in errors.items()]
    assert causes_of(frame_of(works)).counts == {"too long on <site>-node#": 2}


def test_causes_are_told_where_all_works_failed_and_only_there():
    assert causes_of(_frame(3, status="queued")) is None
    assert causes_of(empty()) is None
    unknown = pd.DataFrame({"status": pd.array(["failure", None], dtype="string"), "results": [None, None]})
    assert causes_of(unknown) is None


def test_an_opened_work_begins_with_its_error_and_links_its_products():
    facts = facts_of(make_work(results={"error": "disk full"}, products=["https://x.org/a.png", "b.h5"]), 0.0)
    assert facts[0] == {"label": "error", "text": "disk full", "links": []}
    (products,) = [fact for fact in facts if fact["label"] == "products"]
    assert products["links"] == ["https://x.org/a.png"]


def test_a_grid_without_columns_is_refused_in_words():
    grid = WorksGrid(_frame(1))
    grid.table.receive({"type": "columns", "names": ["nonsense"]})
    assert "at least one column" in grid.messages.shown[0].text


def test_a_hundred_thousand_works_send_the_page_no_more_than_a_hundred(sent: Sent):
    few, many = frame_of(_works(100)), frame_of(_works(100) * 1000)
    resets = []
    for frame in (few, many):
        grid = WorksGrid(frame)
        _open(grid)
        resets.append(sent.last(grid.table, "reset"))
    assert [reset["shown"] for reset in resets] == [100, 100_000]
    assert [len(reset["first"]) for reset in resets] == [60, 60]


def test_the_static_form_has_the_first_rows_and_all_the_counts():
    static = WorksGrid(_frame(30)).static()
    assert static.count("<tr") == 21
    assert "20 here, 30 read, 30 match" in static


def test_a_long_work_is_cut_and_says_so():
    text = pretty({"results": {"blob": "x" * 500_000}})
    assert len(text) < 410_000
    assert "cut here" in text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("time", pd.Timestamp(1000, unit="s", tz="UTC"), "1 min 40 s ago"),
        ("time", pd.Timestamp(1200, unit="s", tz="UTC"), "in 1 min 40 s"),
        ("time", "yesterday", "yesterday"),
        ("span", pd.Timedelta(hours=30), "1 d 6 h"),
        ("text", pd.NA, ""),
        ("text", ["a" * 100], "a" * 59 + "…"),
        ("number", 12345, "12,345"),
        ("flag", True, "yes"),
        ("text", {"a": 1}, '{"a": 1}'),
    ],
)
def test_a_cell_is_shown_as_its_kind(kind: str, value: object, text: str):
    assert draw(kind, value, 1100.0)[0] == text
