"""The latest work of an event in each pipeline, and families as trees."""

from __future__ import annotations

import pandas as pd

from bucketsnb.frames import frame_of
from bucketsnb.summaries import Family, events_of
from tests.factory import make_work


def child(number: str, parent: str | None, **changes):
    work = make_work(id=number * 24, **changes)
    work["config"]["parent"] = parent
    return work


def test_an_event_has_a_row_a_pipeline_with_its_latest_work():
    frame = frame_of(
        [
            make_work(id="1" * 24, event=[7], pipeline="a", status="failure", creation=100.0, attempt=2),
            make_work(id="2" * 24, event=[7, 8], pipeline="a", status="success", creation=200.0, attempt=1),
            make_work(id="3" * 24, event=[7], pipeline="b", status="queued", creation=50.0),
            make_work(id="4" * 24, event=None, pipeline="b"),
        ]
    )
    table = events_of(frame, [7, 8, 9])
    assert table[["event", "pipeline", "status", "n_works"]].values.tolist() == [
        [7, "a", "success", 2],
        [7, "b", "queued", 1],
        [8, "a", "success", 1],
    ]
    assert table.attrs["without_works"] == [9]


def test_events_of_odd_works_hide_no_others():
    odd = [make_work(event={"a": 7}), make_work(event=[{"a": 1}, [7], None, "7", 7.5]), make_work(event=7)]
    table = events_of(frame_of([*odd, make_work(event=[[1], 7], pipeline="b")]), [7])
    assert table["n_works"].tolist() == [1, 1]


def test_no_events_have_the_columns_and_dtypes_of_some():
    some = events_of(frame_of([make_work(event=[7])]), [7])
    none = events_of(frame_of([]), [7])
    assert none.dtypes.to_dict() == some.dtypes.to_dict()


def test_a_family_is_a_tree_with_statuses():
    works = [child("1", None), child("2", "1" * 24, status="running"), child("3", "2" * 24, status="failure")]
    family = Family("1" * 24, frame_of(works))
    lines = repr(family).splitlines()
    assert lines[0].endswith("1 running, 1 failure")
    assert [len(line) - len(line.lstrip()) for line in lines[1:]] == [0, 3, 6]
    assert family._repr_html_().count("<div") == 4


def test_a_work_without_a_creation_is_drawn():
    assert repr(Family("1" * 24, frame_of([{"id": "1" * 24, "pipeline": "old"}]))).endswith(") " + "1" * 24)


def test_a_parent_that_is_gone_is_said():
    family = Family("9" * 24, frame_of([child("1", "9" * 24)]))
    assert "the parent itself is not in the queue" in repr(family)


def test_works_that_are_each_others_parents_are_drawn_once():
    works = [child("1", "2" * 24), child("2", "1" * 24)]
    assert len(repr(Family("1" * 24, frame_of(works))).splitlines()) == 3


def test_hostile_text_in_a_family_is_only_text():
    family = Family("1" * 24, frame_of([child("2", "1" * 24, pipeline="<img src=x onerror=alert(1)>\u202e")]))
    assert "<img" not in family._repr_html_()
    assert "\u202e" not in family._repr_html_() + repr(family)


def test_a_large_family_is_cut_and_says_so():
    works = [{**child("2", "1" * 24), "id": f"{number:024x}"} for number in range(300)]
    family = Family("1" * 24, frame_of(works))
    assert "... and 100 more works in .frame" in repr(family)
    assert isinstance(family.frame, pd.DataFrame)
