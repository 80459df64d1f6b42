"""``frame.works``: what only a frame of works can do."""

import pandas as pd
import pytest

from bucketsnb.errors import WorkError
from bucketsnb.frames import frame_of
from tests.factory import make_work, make_works


def test_explode_gives_one_row_an_event():
    frame = frame_of([make_work(id="a", event=[1, 2]), make_work(id="b", event=None), make_work(id="c", event=[])])
    rows = frame.works.explode("event")
    assert rows.id.tolist() == ["a", "a", "b", "c"]
    assert rows.event.tolist() == [1, 2, pd.NA, pd.NA]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(WorkError, match="this frame has no column 'evnt'"):
        frame_of(make_works(1)).works.explode("evnt")


@pytest.mark.parametrize(
    "records", [[], make_works(2), [make_work(event=[1], tags=["a"])]], ids=["none", "null", "some"]
)
def test_exploded_columns_have_the_same_dtype_however_many_there_are(records):
    works = frame_of(records).works
    assert str(works.explode("event").event.dtype) == "Int64"
    assert str(works.explode("tags").tags.dtype) == "string"


def test_it_knows_the_three_numbers_also_after_filtering():
    frame = frame_of(make_works(5), query={"pipeline": "x"}, matched=9, exact=False)
    part = frame[frame.index < 2]
    assert (part.works.shown, part.works.matched, part.works.exact, part.works.query) == (
        2,
        9,
        False,
        {"pipeline": "x"},
    )


def test_the_query_it_gives_is_a_copy():
    frame = frame_of([], query={"pipeline": "x"})
    frame.works.query.clear()
    assert frame.works.query == {"pipeline": "x"}


def test_unknown_fields_are_a_frame_of_their_own():
    frame = frame_of([make_work(), make_work(group="a", precursors=[1]), make_work(group=None, shape="old")])
    extra = frame.works.extra()
    assert extra.index.tolist() == [1, 2]
    assert extra.group.tolist() == ["a", None]
    assert extra.precursors.tolist() == [[1], None]
    assert frame_of(make_works(2)).works.extra().empty


@pytest.mark.parametrize("labels", [[7, 7, 7], ["a", "b", "a"], [["a", "b", "a"], [1, 1, 1]]], ids=str)
def test_unknown_fields_of_works_with_the_same_label_are_all_there(labels):
    frame = frame_of([make_work(group="a"), make_work(), make_work(group="c")])
    frame.index = pd.Index(labels) if len(labels) == 3 else pd.MultiIndex.from_arrays(labels)
    extra = frame.works.extra()
    assert extra.group.tolist() == ["a", "c"]
    assert extra.index.equals(frame.index[[0, 2]])


def test_unknown_fields_of_works_read_in_part_are_not_said_to_be_none():
    frame = frame_of([{"id": "a", "status": "queued"}], fields=["id", "status"])
    with pytest.raises(WorkError, match="this frame has only id, status of its works: read it with columns='all'"):
        frame.works.extra()
    with pytest.raises(WorkError, match="this frame has only id, status of its works"):
        pd.concat([frame, frame_of(make_works(1))]).works.extra()


def test_light_keeps_what_tells_works_apart_and_what_was_added():
    frame = frame_of(make_works(1)).assign(mine=1)
    light = frame.works.light()
    assert {"id", "status", "age", "mine"} <= set(light)
    assert not {"results", "config"} & set(light)


def test_frames_of_something_else_have_nothing_of_ours():
    assert pd.DataFrame({"works": [1]}).works.tolist() == [1]
    assert not hasattr(pd.DataFrame({"a": [1]}), "works")
    assert not hasattr(frame_of(make_works(1))[["id", "user"]], "works")


def test_a_joined_frame_says_that_its_numbers_are_not_known():
    joined = pd.concat([frame_of(make_works(1), matched=1), frame_of(make_works(1), matched=2)])
    with pytest.raises(WorkError, match="does not say its matched"):
        _ = joined.works.matched
