"""Works come back from a frame as they went in, with the cells that were changed."""

import datetime
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb.errors import WorkError
from bucketsnb.frames import DTYPES, LIGHT, empty, frame_of, to_records
from tests.factory import make_work, make_works
from tests.frames.jsonish import OLD_SHAPES, works


def as_sent(records):
    """JSON text, in which 1, 1.0 and true are three things, and NaN is itself."""
    return json.dumps(records, sort_keys=True)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(works, max_size=5))
def test_works_of_any_shape_come_back_as_they_were(records):
    sent = json.dumps(records)
    frame = frame_of(sent.encode())
    assert as_sent(to_records(frame)) == as_sent(json.loads(sent))
    assert dict(frame.dtypes) == dict(DTYPES)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(works, min_size=1, max_size=5), st.randoms())
def test_any_rows_in_any_order_come_back_as_they_were(records, random):
    records = [{**record, "id": f"{place}"} for place, record in enumerate(records)]
    frame = frame_of(records)
    order = random.choices(range(len(records)), k=random.randint(0, 7))
    assert as_sent(to_records(frame.iloc[order])) == as_sent([records[place] for place in order])


@pytest.mark.parametrize("work", OLD_SHAPES.values(), ids=OLD_SHAPES)
@pytest.mark.parametrize("company", [[], make_works(3)], ids=["alone", "among others"])
def test_old_shapes_come_back_as_they_were(work, company):
    records = [*company, work, *company]
    assert as_sent(to_records(frame_of(records))) == as_sent(json.loads(json.dumps(records)))


@pytest.mark.parametrize("work", OLD_SHAPES.values(), ids=OLD_SHAPES)
def test_a_cell_changed_in_an_old_shape_changes_that_and_no_more(work):
    frame = frame_of([work])
    frame.loc[frame.pipeline.notna() | True, "priority"] = 5
    assert as_sent(to_records(frame)) == as_sent([{**json.loads(json.dumps(work)), "priority": 5}])


def test_cells_changed_with_ordinary_pandas_are_in_the_records():
    works = [make_work(id=str(i), priority=i % 5 + 1) for i in range(6)]
    frame = frame_of(works)
    frame.loc[frame.priority < 3, "priority"] = 5
    frame.loc[frame.id == "3", "status"] = "failure"
    frame.loc[frame.id == "4", ["site", "user"]] = ["kko", "someone"]
    frame["timeout"] = frame["timeout"] * 2
    expected = [
        {
            **work,
            "priority": 5 if work["priority"] < 3 else work["priority"],
            "timeout": 7200,
            **({"status": "failure"} if work["id"] == "3" else {}),
            **({"site": "kko", "user": "someone"} if work["id"] == "4" else {}),
        }
        for work in works
    ]
    assert to_records(frame) == expected


def test_nested_cells_can_be_replaced():
    frame = frame_of([make_work(results={"snr": 1}), make_work()])
    frame.at[0, "results"] = {"snr": np.float64(2.5), "hits": np.arange(2)}
    frame.at[1, "tags"] = ["a", "b"]
    frame.at[1, "event"] = None
    first, second = to_records(frame)
    assert first["results"] == {"snr": 2.5, "hits": [0, 1]}
    assert (second["tags"], second["event"]) == (["a", "b"], None)


@pytest.mark.parametrize(
    ("time", "epoch"),
    [
        (pd.Timestamp("2026-01-02 03:04:05.25", tz="UTC"), 1767323045.25),
        (datetime.datetime(2026, 1, 2, 4, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), 1767323045.0),
        (None, None),
        (pd.NaT, None),
    ],
)
def test_a_changed_time_is_epoch_seconds(time, epoch):
    frame = frame_of(make_works(2))
    frame.loc[0, "start"] = time
    assert to_records(frame)[0]["start"] == epoch


def test_columns_given_other_dtypes_still_say_what_they_mean():
    frame = frame_of(make_works(2))
    frame["priority"] = [4.0, math.nan]
    frame["attempt"] = np.array([1, 2], dtype="int8")
    frame["creation"] = frame["creation"].dt.tz_convert("America/Vancouver").dt.as_unit("us")
    frame["event"] = [[1], [2, 3]]
    frame["site"] = ["kko", None]
    records = to_records(frame)
    assert [record["priority"] for record in records] == [4, None]
    assert [type(record["attempt"]) for record in records] == [int, int]
    assert [record["event"] for record in records] == [[1], [2, 3]]
    assert [record["site"] for record in records] == ["kko", None]
    assert json.loads(json.dumps(records)) == records


def test_a_value_that_does_not_fit_comes_out_for_others_to_refuse():
    frame = frame_of(make_works(1))
    frame["priority"] = "high"
    assert to_records(frame)[0]["priority"] == "high"


class TestParent:
    def test_a_changed_parent_goes_to_config(self):
        frame = frame_of([make_work(), make_work(config=None), {"id": "x"}])
        frame["parent"] = "run-1"
        parents = [record["config"]["parent"] for record in to_records(frame)]
        assert parents == ["run-1"] * 3
        assert to_records(frame)[0]["config"]["orgs"] == ["chimefrb"]

    def test_a_parent_can_be_taken_away(self):
        frame = frame_of([make_work(config={"parent": "run-1"})])
        frame.loc[0, "parent"] = None
        assert to_records(frame)[0]["config"] == {"parent": None}

    def test_a_changed_config_keeps_its_parent(self):
        frame = frame_of([make_work(config={"parent": "run-1"})])
        frame.at[0, "config"] = {"parent": "run-1", "metrics": True}
        assert to_records(frame)[0]["config"] == {"parent": "run-1", "metrics": True}

    def test_config_and_parent_changed_apart_is_an_error_that_says_so(self):
        frame = frame_of([make_work(id="w", config={"parent": "run-1"})])
        frame.at[0, "config"] = {"parent": "run-2"}
        with pytest.raises(WorkError, match=r"work w has a config that was changed here, .*set both") as raised:
            to_records(frame)
        assert (raised.value.index, raised.value.field) == (0, "config.parent")

    def test_a_config_without_room_for_a_parent_is_not_overwritten(self):
        frame = frame_of([make_work(config="flat text")])
        frame["parent"] = "run-1"
        with pytest.raises(WorkError, match="no place for a parent"):
            to_records(frame)

    def test_parents_that_are_not_text_stay_where_they_are(self):
        work = make_work(config={"parent": 5})
        frame = frame_of([work])
        assert frame.parent.isna().all()
        assert to_records(frame) == [work]


def test_a_frame_read_with_fewer_columns_says_so():
    frame = frame_of([{"id": "a", "priority": 3}], fields=["id", "priority"])
    with pytest.raises(WorkError, match="only id, priority"):
        to_records(frame)
    frame["priority"] = 4
    assert to_records(frame, partial=True) == [{"id": "a", "priority": 4}]


def test_a_frame_without_some_columns_says_which():
    with pytest.raises(WorkError, match="it lacks results, config"):
        to_records(frame_of(make_works(1)).drop(columns=["results", "config"]))


def test_frames_put_together_give_the_works_of_all():
    odd, regular = list(OLD_SHAPES.values()), make_works(3)
    frame = pd.concat([frame_of(odd), empty(), frame_of(regular)])
    assert as_sent(to_records(frame)) == as_sent(json.loads(json.dumps([*odd, *regular])))
    assert dict(frame.dtypes) == dict(DTYPES)


def test_frames_put_together_know_which_columns_all_of_them_have():
    works = make_works(2, status="queued", start=1.5e9)
    whole, part = frame_of(works), frame_of(works, fields=LIGHT)
    assert pd.concat([part, part.iloc[:1]]).attrs["columns"] == list(LIGHT)
    assert "columns" not in pd.concat([whole, part]).attrs


def test_whole_works_and_parts_of_works_put_together_are_told_apart():
    whole, part = make_work(tags=["low"], results={"snr": 5}), {"id": "a", "tags": ["low"]}
    frame = pd.concat([frame_of([whole]), frame_of([part], fields=["id", "tags"])])
    with pytest.raises(WorkError, match="only id, tags of 1 of its works"):
        to_records(frame)
    assert to_records(frame, partial=True) == [whole, part]
    joined = pd.concat([frame_of([whole]), frame_of([part], fields=["id", "tags"])], ignore_index=True)
    joined.at[0, "tags"] = None
    assert to_records(joined, partial=True) == [{**whole, "tags": None}, part]


def test_odd_works_of_which_not_all_was_read_are_given_back_as_they_were():
    odd = {"id": "a", "status": "paused", "shape": "old"}
    frame = frame_of([odd], fields=["id", "status"])
    with pytest.raises(WorkError, match="only id, status of its works"):
        to_records(frame)
    assert to_records(frame, partial=True) == [odd]
    assert frame.works.extra()["shape"].tolist() == ["old"]


def test_a_frame_of_which_nothing_is_known_is_not_taken_for_whole_works():
    frame = frame_of(make_works(1, id="a"), fields=["id", "tags"])
    frame.attrs = {}
    with pytest.raises(WorkError, match="not known whether this frame holds whole works"):
        to_records(frame)
    assert to_records(frame, partial=True)[0]["id"] == "a"


def test_changing_frames_put_together_leaves_the_parts_alone():
    part = frame_of(make_works(2))
    whole = pd.concat([part, frame_of(make_works(1))])  # of one frame alone, pandas 2.2 shares its text
    whole["priority"] = 1
    whole.loc[0, "site"] = "kko"
    assert (part.priority.tolist(), part.site.tolist()) == ([3, 3], ["chime", "chime"])
