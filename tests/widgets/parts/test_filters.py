from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from bucketsnb import Query
from bucketsnb.errors import ConfigurationError
from bucketsnb.frames import frame_of
from bucketsnb.widgets import State
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.parts.draft import Draft
from bucketsnb.widgets.parts.filters import Filters, SavedQueries
from tests.factory import make_work
from tests.query.strategies import queries, some
from tests.widgets.page import Sent
from tests.widgets.waiting import until


class Service:
    """As much of a client as a builder asks."""

    def pipelines(self) -> list[str]:
        return ["fitburst", "dm-pipeline"]


@pytest.fixture
def saved(tmp_path: Path) -> SavedQueries:
    return SavedQueries(tmp_path / "data" / "queries.json")


@pytest.fixture
def builder(saved: SavedQueries) -> Filters:
    return _filters(saved)


def _filters(saved: SavedQueries, state: State | None = None) -> Filters:
    filters = Filters(Panel(state), saved=saved)
    filters.begin()
    return filters


def _edit(builder: Filters, name: str, value: Any) -> None:
    builder.receive({"type": "edit", "name": name, "value": value})


def _field(sent: Sent, builder: Filters, name: str) -> dict[str, Any]:
    return next(one for one in sent.last(builder, "draw")["fields"] if one["name"] == name)


@some
@given(queries)
def test_query_to_draft_and_back_is_lossless(query: Query):
    assert Draft.of(query).query() == query


@pytest.mark.parametrize(
    "words",
    [
        {"pipeline": "fitburst"},
        {"pipeline": ["fitburst", "dm-pipeline"], "status": ["queued", "running"]},
        {"event": 9385707, "tags": ["vip", "night"], "all_tags": ["a", "b"], "site": "chime", "user": "me"},
        {"priority": ">=4", "older_than": "7d", "parent": "6b04a88bcce5d83e4c9bf3fc"},
        {"priority": 3, "since": "2026-11-20", "until": "2026-11-21"},
        {"overdue": True},
        {"exhausted": True},
    ],
    ids=str,
)
def test_what_the_form_has_a_field_for_is_drawn_there(words: dict[str, Any]):
    query = Query(**words)
    draft = Draft.of(query)
    assert set(draft.values) == set(words)
    assert draft.others == ()
    assert draft.query() == query


def test_what_no_field_draws_is_kept_as_it_is_and_shown(builder: Filters, sent: Sent):
    document = {"results.snr": {"$gt": 5}, "$or": [{"site": "kko"}, {"user": "me"}], "status": "failure"}
    builder.query = document
    others = sent.last(builder, "draw")["others"]
    assert [json.loads(other["document"]) for other in others] == [
        {"results.snr": {"$gt": 5}},
        {"$or": [{"site": "kko"}, {"user": "me"}]},
    ]
    assert builder.query == Query(document)
    builder.receive({"type": "drop", "place": 0})
    assert builder.query == Query({"$or": [{"site": "kko"}, {"user": "me"}], "status": "failure"})


def test_edits_become_the_states_query(builder: Filters):
    _edit(builder, "pipeline", ["fitburst"])
    _edit(builder, "status", ["failure"])
    _edit(builder, "event", ["12", "13"])
    assert builder.state.query == Query(pipeline="fitburst", status="failure", event=[12, 13])


def test_document_and_python_stand_side_by_side(builder: Filters, sent: Sent):
    _edit(builder, "tags", ["vip", "night"])
    drawn = sent.last(builder, "draw")
    assert drawn["python"] == 'Query(tags=["vip", "night"])'
    assert json.loads(drawn["document"]) == {"tags": {"$in": ["vip", "night"]}}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("priority", "9", "“9” does not fit; type 1 to 5, >=4 or 1..3."),
        ("older_than", "soon", "“soon” does not fit; type 7d, 36h or 1d12h."),
        ("event", ["twelve"], "“twelve” does not fit; type a number such as 9385707."),
        ("since", "yesterday", "“yesterday” does not fit; type 2026-11-20 or 7d ago."),
    ],
)
def test_what_cannot_be_meant_is_said_next_to_its_field_and_is_no_query(
    builder: Filters, sent: Sent, name: str, value: Any, said: str
):
    _edit(builder, "pipeline", ["fitburst"])
    _edit(builder, name, value)
    assert _field(sent, builder, name)["problem"] == said
    assert not _field(sent, builder, "pipeline")["problem"]
    assert builder.state.query is None
    _edit(builder, name, "" if isinstance(value, str) else [])
    assert builder.state.query == Query(pipeline="fitburst")


def test_two_times_that_leave_nothing_between_them_are_said(builder: Filters, sent: Sent):
    _edit(builder, "since", "2026-11-21")
    _edit(builder, "until", "2026-11-20")
    assert sent.last(builder, "draw")["problem"] == "The times leave nothing between them: change one of them."
    assert builder.state.query is None


def test_undo_and_redo(builder: Filters):
    _edit(builder, "pipeline", ["fitburst"])
    _edit(builder, "priority", "9")
    builder.undo()
    assert builder.query == Query(pipeline="fitburst")
    builder.redo()
    assert builder.query is None
    builder.undo()
    builder.undo()
    builder.undo()
    assert builder.query == Query()
    _edit(builder, "site", ["kko"])
    builder.redo()
    assert builder.query == Query(site="kko")


def test_a_document_can_be_pasted_and_its_slips_are_said(builder: Filters, sent: Sent):
    builder.receive({"type": "paste", "text": '{"pipeline": "fitburst", "stats": "failure"}'})
    assert builder.query is not None
    assert builder.query.to_document() == {"pipeline": "fitburst", "stats": "failure"}
    assert "stats" in sent.last(builder, "draw")["notes"][0]


def test_a_pasted_text_that_is_no_document_changes_nothing_and_says_why(builder: Filters):
    _edit(builder, "site", ["kko"])
    builder.receive({"type": "paste", "text": '{"pipeline": '})
    assert builder.query == Query(site="kko")
    assert builder.panel.messages.shown[0].kind == "error"


def test_saved_queries_come_back_with_their_open_moments(builder: Filters, sent: Sent):
    _edit(builder, "older_than", "7d")
    builder.receive({"type": "save", "name": "old ones"})
    builder.receive({"type": "clear"})
    assert sent.last(builder, "draw")["saved"] == ["old ones"]
    builder.receive({"type": "load", "name": "old ones"})
    assert builder.query == Query(older_than="7d")
    builder.receive({"type": "forget", "name": "old ones"})
    assert sent.last(builder, "draw")["saved"] == []


def test_a_query_without_a_name_is_not_saved_and_says_what_is_missing(builder: Filters, saved: SavedQueries):
    builder.receive({"type": "save", "name": "  "})
    assert saved.names() == []
    (message,) = builder.panel.messages.shown
    assert message.text == "Type a name for the query first."
    assert "token" not in message.advice


def test_a_quick_filter_is_one_press_and_takes_the_place_of_the_one_before(builder: Filters, sent: Sent):
    _edit(builder, "pipeline", ["fitburst"])
    _edit(builder, "status", ["running"])
    for name, asked in (
        ("waiting", Query(status="queued", older_than="7d")),
        ("overdue", Query(overdue=True)),
        ("exhausted", Query(exhausted=True)),
    ):
        builder.receive({"type": "quick", "name": name})
        assert builder.query == Query(pipeline="fitburst") & asked
        assert [one["name"] for one in sent.last(builder, "draw")["quick"] if one["on"]] == [name]
    builder.receive({"type": "quick", "name": "exhausted"})
    assert builder.query == Query(pipeline="fitburst")


def test_that_a_requeued_work_keeps_its_first_date_is_said_where_ages_count(builder: Filters, sent: Sent):
    builder.receive({"type": "quick", "name": "waiting"})
    assert "requeued a minute ago" in sent.last(builder, "draw")["notes"][0]
    builder.receive({"type": "quick", "name": "overdue"})
    assert not sent.last(builder, "draw")["notes"]


def test_filters_stand_as_chips_that_can_be_removed_alone(builder: Filters, sent: Sent):
    _edit(builder, "pipeline", ["fitburst", "dm"])
    _edit(builder, "overdue", True)
    chips = sent.last(builder, "draw")["chips"]
    assert [(one["label"], one["value"]) for one in chips] == [
        ("Pipeline", "fitburst, dm"),
        ("Past its timeout", ""),
    ]
    builder.receive({"type": "remove", "name": "pipeline"})
    assert builder.query == Query(overdue=True)


def test_the_plain_form_keeps_the_lines_of_the_document(builder: Filters):
    _edit(builder, "site", ["kko"])
    assert "\\u000a" not in builder.static()


def test_a_query_that_is_not_whole_is_not_saved(builder: Filters, saved: SavedQueries):
    _edit(builder, "priority", "9")
    builder.receive({"type": "save", "name": "bad"})
    assert saved.names() == []
    assert builder.panel.messages.shown[0].kind == "error"


def test_a_broken_file_of_saved_queries_is_left_alone_and_named(saved: SavedQueries):
    saved.path.parent.mkdir()
    saved.path.write_text("[half")
    with pytest.raises(ConfigurationError, match=r"queries\.json"):
        saved.save("a", Query(site="kko"))
    assert saved.path.read_text() == "[half"


def test_a_broken_file_of_saved_queries_takes_nothing_else_away(saved: SavedQueries, sent: Sent):
    saved.path.parent.mkdir()
    saved.path.write_text("[half")
    builder = _filters(saved)
    builder.receive({"type": "hello"})
    assert sent.last(builder, "draw")["saved"] == []
    _edit(builder, "site", ["kko"])
    assert builder.state.query == Query(site="kko")
    assert str(saved.path) in builder.panel.messages.shown[0].text


def test_pipelines_are_offered_by_the_service_and_the_rest_by_the_works_shown(saved: SavedQueries, sent: Sent):
    builder = _filters(saved, State(Service()))
    until(lambda: "pipeline" in builder.offers)
    builder.state.frame = frame_of(
        [make_work(site="kko", user="me", tags=["b", "a"]), make_work(site="gbo", tags=None)]
    )
    assert _field(sent, builder, "pipeline")["offers"] == ["dm-pipeline", "fitburst"]
    assert _field(sent, builder, "site")["offers"] == ["gbo", "kko"]
    assert _field(sent, builder, "tags")["offers"] == ["a", "b"]


def test_only_the_newest_works_are_looked_at_for_what_is_offered(builder: Filters, sent: Sent):
    builder.state.frame = frame_of([{"id": str(number), "site": f"s{number // 500}"} for number in range(1500)])
    assert _field(sent, builder, "site")["offers"] == ["s0", "s1"]


def test_a_query_set_elsewhere_fills_the_form_and_can_be_undone(builder: Filters, sent: Sent):
    _edit(builder, "site", ["kko"])
    builder.state.query = Query(pipeline="fitburst", status="failure")
    assert _field(sent, builder, "pipeline")["value"] == ("fitburst",)
    builder.undo()
    assert builder.state.query == Query(site="kko")


def test_the_static_form_is_inert(builder: Filters):
    _edit(builder, "user", ["<script>alert(1)</script>"])
    assert "<script>" not in builder.static()


@pytest.mark.parametrize(("word", "value"), [("site", "chime"), ("status", "failure"), ("event", 9385707)])
def test_a_list_of_one_stands_in_its_field_and_stays_a_list(word: str, value: object):
    query = Query.parse({word: {"$in": [value]}})
    draft = Draft.of(query)
    assert draft.others == ()
    assert draft.values[word] == (str(value),)
    assert draft.query() == query
