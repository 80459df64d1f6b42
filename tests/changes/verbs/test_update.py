"""Update plans: only what is on the plan changes, and works that moved are left alone and named."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.errors import BucketsError, OutcomeUnknown, PlanError, WorkError
from bucketsnb.frames import to_records
from tests.changes.helpers import PIPELINE, changes_sent, filled, stored


def view(buckets: Buckets) -> pd.DataFrame:
    return buckets.plan_delete(pipeline=PIPELINE, allow_running=True).frame


def test_only_the_edited_cells_change(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4, results={"a.b": 1}, tags=["x"])
    before = stored(buckets)
    frame = view(buckets)
    frame.loc[frame.id == ids[0], "priority"] = 5
    frame.loc[frame.id == ids[1], "site"] = "kko"
    plan = buckets.plan_update(frame)
    assert plan.cells.sort_values("id").values.tolist() == [
        [ids[0], "priority", "3", "5"],
        [ids[1], "site", "chime", "kko"],
    ]
    assert plan.apply().ok
    after = stored(buckets)
    assert after[ids[0]] == {**before[ids[0]], "priority": 5}
    assert after[ids[1]] == {**before[ids[1]], "site": "kko"}
    assert [after[one] for one in ids[2:]] == [before[one] for one in ids[2:]]


def test_a_mapping_that_pandas_spread_over_rows_is_said_before_it_empties_them(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 3, results={"kept": 1})
    frame = view(buckets)
    frame.loc[frame.status == "queued", "results"] = {"verdict": "good"}
    assert "results becomes null in 3 works" in str(buckets.plan_update(frame))
    frame.loc[frame.status == "queued", "results"] = [{"verdict": "good"}] * 3
    plan = buckets.plan_update(frame)
    assert "becomes null" not in str(plan)
    assert plan.apply().ok
    assert [work["results"] for work in stored(buckets).values()] == [{"verdict": "good"}] * 3


def test_building_sends_only_reads(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    frame = view(buckets)
    frame["priority"] = 1
    plan = buckets.plan_update(frame)
    assert "priority 3 -> 1" in str(plan)
    assert "priority 3 -&gt; 1" in plan._repr_html_()
    assert changes_sent(backend) == []


def test_the_whole_work_is_sent_so_that_a_service_that_replaces_loses_nothing(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (one,) = filled(backend, 1, shape="of an old work")
    frame = view(buckets)
    frame["priority"] = 1
    buckets.plan_update(frame).apply()
    (put,) = backend.requests.of("PUT")
    assert b'"shape"' in put.body
    assert stored(buckets)[one]["shape"] == "of an old work"


def test_drift_since_the_view_is_told_from_an_edit(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    frame = view(buckets)
    frame.loc[frame.id == ids[0], "priority"] = 5
    frame.loc[frame.id == ids[1], "priority"] = 5
    backend.store.update([{"id": ids[0], "status": "failure"}, {"id": ids[2], "status": "failure"}])
    plan = buckets.plan_update(frame)
    assert plan.ids == [ids[1]]
    assert [(left.id, "status queued -> failure" in left.why) for left in plan.left_out] == [(ids[0], True)]
    plan.apply()
    assert [stored(buckets)[one]["status"] for one in ids] == ["failure", "queued", "failure"]


def test_drift_is_told_from_an_edit_after_any_pandas(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4)
    frame = view(buckets).sort_values("creation")
    frame = frame[frame.id != ids[3]].copy().reset_index(drop=True).assign(user="someone")
    backend.store.update([{"id": ids[0], "attempt": 1}])
    plan = buckets.plan_update(frame)
    assert plan.ids == ids[1:3]
    assert set(plan.cells.field) == {"user"}


def test_a_work_that_moves_between_plan_and_apply_is_skipped_and_named(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    frame = view(buckets)
    frame["priority"] = 5
    plan = buckets.plan_update(frame)
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    receipt = plan.apply()
    drifted = receipt.frame[receipt.frame.outcome == "drifted"]
    assert drifted[["id", "before", "after"]].values.tolist() == [[claimed["id"], "queued", "running"]]
    assert stored(buckets)[claimed["id"]] == claimed
    assert [stored(buckets)[one]["priority"] for one in ids if one != claimed["id"]] == [5, 5]


def test_a_parent_goes_into_the_config_and_nothing_else_of_it_changes(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    before = stored(buckets)[one]
    frame = view(buckets)
    frame["parent"] = "6b04a88bcce5d83e4c9bf3fc"
    plan = buckets.plan_update(frame)
    assert plan.cells.field.tolist() == ["config.parent"]
    plan.apply()
    config = {**before["config"], "parent": "6b04a88bcce5d83e4c9bf3fc"}
    assert stored(buckets)[one] == {**before, "config": config}


def test_light_columns_of_a_work_that_ran_before_can_be_edited(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1, start=time.time() - 50, stop=time.time() - 20)
    frame = buckets.view(columns="light")
    frame["priority"] = 5
    buckets.plan_update(frame).apply()
    assert stored(buckets)[one]["priority"] == 5
    frame["wait"] = pd.Timedelta(1)
    with pytest.raises(WorkError, match="wait is worked out"):
        buckets.plan_update(frame)


TOGETHER = {
    "concat of reads": lambda read: pd.concat([read().iloc[:1], read().iloc[1:]], ignore_index=True),
    "merge": lambda read: read().merge(pd.DataFrame({"id": read()["id"], "more": 1}), on="id").drop(columns="more"),
    "a frame made of it": lambda read: pd.DataFrame(read()),
}


@pytest.mark.parametrize("together", TOGETHER.values(), ids=TOGETHER)
@pytest.mark.parametrize(
    "read",
    [
        {"columns": "light"},
        {"projection": {"results": False}},
        {"projection": {"results.dm": False}},
        {"columns": ["priority", "parent", "results.snr"]},
        {"columns": ["priority", "shape", "results.snr"]},
    ],
    ids=["light", "but one", "but a part", "parts of mappings", "a part and an unknown field"],
)
@pytest.mark.parametrize("more", [{}, {"shape": "old"}], ids=["regular", "odd"])
def test_what_was_not_read_is_no_edit_wherever_the_works_stand_by_now(
    backend: LocalBackend, buckets: Buckets, together: Callable[..., pd.DataFrame], read: dict[str, Any], more: Any
) -> None:
    filled(backend, 3, **more, results={"snr": 5, "dm": 7}, config={"parent": "run", "archive": {"logs": "copy"}})
    before = stored(buckets)
    frame = together(lambda: buckets.view({"pipeline": PIPELINE}, **read))
    with pytest.raises(WorkError, match=r"this frame has only .* of its works|not known whether this frame holds"):
        to_records(frame)
    assert buckets.plan_update(frame).count == 0
    frame["priority"] = 5
    plan = buckets.plan_update(frame)
    assert plan.cells[["field", "old", "new"]].values.tolist() == [["priority", "3", "5"]] * 3
    plan.apply()
    assert stored(buckets) == {one: {**work, "priority": 5} for one, work in before.items()}


def test_a_column_that_was_not_read_can_be_set(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1, config={"parent": "run", "archive": {"logs": "copy"}})
    before = stored(buckets)[one]
    frame = buckets.view(columns="light")
    frame["timeout"] = 77
    buckets.plan_update(frame).apply()
    assert stored(buckets)[one] == {**before, "timeout": 77}
    frame["parent"] = "another"
    with pytest.raises(WorkError, match=f"work {one} was read without config, where its parent is kept"):
        buckets.plan_update(frame)


PARTS = {"parameters": {"dm": 5, "of": {"a": 1, "b": 2}}, "results": {"snr": 1}}
COLUMNS = [["priority", "parent"], ["priority", "parameters.dm"], ["priority", "parameters.of.a", "results"]]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_what_was_read_in_part_has_not_moved_for_what_was_not_read(
    backend: LocalBackend, buckets: Buckets, columns: list[str]
) -> None:
    ids = filled(backend, 2, **PARTS)
    before = stored(buckets)
    frame = buckets.view(columns=columns)
    assert buckets.plan_delete(frame).count == 2
    frame["priority"] = 5
    assert buckets.plan_update(frame).apply().ok
    assert stored(buckets) == {one: {**before[one], "priority": 5} for one in ids}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {"parent": "b"}}, "config.parent null -> b"),
        ({"parameters": {"dm": 6}}, "parameters.dm 5 -> 6"),
        ({"parameters": {"of": {}}}, "parameters.dm 5 -> (none)"),
        ({"parameters": None}, 'parameters {"dm": 5} -> null'),
    ],
    ids=str,
)
def test_what_was_read_in_part_and_moved_is_left_out(
    backend: LocalBackend, buckets: Buckets, change: dict[str, object], said: str
) -> None:
    (one,) = filled(backend, 1, **PARTS)
    frame = buckets.view(columns=["priority", "parent", "parameters.dm"])
    backend.store.update([{"id": one, **change}])
    (left,) = buckets.plan_delete(frame).left_out
    assert left.why == f"changed since the frame was read: {said}"
    frame["priority"] = 5
    assert buckets.plan_update(frame).left_out == (left,)


@pytest.mark.parametrize(
    ("cell", "after"),
    [
        ({"dm": 6, "of": {"a": 1}}, {"dm": 6, "of": {"a": 1, "b": 2}, "x": 1}),
        ({"dm": 5, "of": {"a": 3, "c": {"d": 4}}}, {"dm": 5, "of": {"a": 3, "b": 2, "c": {"d": 4}}, "x": 1}),
        ({"dm": [7], "of": {}}, {"dm": [7], "of": {"b": 2}, "x": 1}),
        ({"of": {"a": 1}, "y": 8}, {"of": {"a": 1, "b": 2}, "x": 1, "y": 8}),
    ],
    ids=str,
)
def test_an_edit_of_what_was_read_in_part_keeps_the_rest(
    backend: LocalBackend, buckets: Buckets, cell: dict[str, object], after: dict[str, object]
) -> None:
    (one,) = filled(backend, 1, parameters={**PARTS["parameters"], "x": 1})
    before = stored(buckets)[one]
    frame = buckets.view(columns=["parameters.dm", "parameters.of.a"])
    frame["parameters"] = [cell]
    assert buckets.plan_update(frame).apply().ok
    assert stored(buckets)[one] == {**before, "parameters": after}


def test_a_parent_is_set_also_where_it_is_all_that_was_read_of_the_config(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (one,) = filled(backend, 1)
    before = stored(buckets)[one]
    frame = buckets.view(columns=["status", "parent"])
    frame["parent"] = "6b04a88bcce5d83e4c9bf3fc"
    assert buckets.plan_update(frame).apply().ok
    assert stored(buckets)[one] == {**before, "config": {**before["config"], "parent": "6b04a88bcce5d83e4c9bf3fc"}}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, 'parameters {"dm": 5} -> {"dm": 5, "of": {"a": 1, "b": 2}}'),
        ({"dm": 5, "of": 7}, 'parameters.of (none) -> {"a": 1, "b": 2}'),
    ],
    ids=str,
)
def test_an_edit_that_would_end_what_was_not_read_is_left_out(
    backend: LocalBackend, buckets: Buckets, cell: object, said: str
) -> None:
    filled(backend, 1, **PARTS)
    frame = buckets.view(columns=["parameters.dm"])
    frame["parameters"] = [cell]
    plan = buckets.plan_update(frame)
    assert (plan.count, [left.why for left in plan.left_out]) == (
        0,
        [f"holds more than was read where it was edited: {said}"],
    )


def test_a_time_is_set_as_a_time(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    frame = view(buckets)
    frame["creation"] = pd.Timestamp("2026-11-23", tz="UTC")
    buckets.plan_update(frame).apply()
    assert stored(buckets)[one]["creation"] == 1795392000.0


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("id", "6b04a88bcce5d83e4c9bf3fc", "cannot be set"),
        ("age", pd.Timedelta(0), "cannot be set"),
        ("overdue", True, "cannot be set"),
        ("prioritty", 3, "did you mean 'priority'"),
        ("status", "sucess", "did you mean 'success'"),
        ("status", "created", "no worker and no count"),
        ("priority", 9, "1 to 5"),
        ("priority", pd.NA, "priority is null; expected an integer from 1 to 5"),
        ("pipeline", "a b", "letters, digits or hyphens"),
        ("timeout", 0, "timeout"),
        ("attempt", -1, "attempt"),
    ],
)
def test_what_a_client_may_not_set_is_refused_by_name(
    backend: LocalBackend, buckets: Buckets, column: str, value: object, said: str
) -> None:
    filled(backend, 2)
    frame = view(buckets)
    if column == "status":
        frame["status"] = frame["status"].astype(object)
    frame[column] = value
    with pytest.raises(WorkError, match=said):
        buckets.plan_update(frame)
    assert changes_sent(backend) == []


@pytest.mark.parametrize(("name", "value"), [("age", "abc"), ("age", pd.NaT), ("wait", [1]), ("overdue", "yes")])
def test_what_is_worked_out_is_refused_by_name_whatever_was_put_there(
    backend: LocalBackend, buckets: Buckets, name: str, value: object
) -> None:
    filled(backend, 2)
    frame = buckets.view()
    frame[name] = pd.Series([value] * 2)
    with pytest.raises(WorkError, match=f"{name} is worked out"):
        buckets.plan_update(frame)


def test_values_of_numpy_and_times_of_the_standard_library_are_set_as_what_they_are(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (work_id,) = filled(backend, 1)
    frame = buckets.view().assign(
        event=[np.array([3, 4])], results=[{"dm": np.float64(1.5)}], creation=datetime(2010, 1, 1, tzinfo=timezone.utc)
    )
    plan = buckets.plan_update(frame)
    assert plan.cells["new"].tolist() == ['{"dm": 1.5}', "[3, 4]", "1262304000.0"]
    assert plan.apply().ok
    work = stored(buckets)[work_id]
    assert (work["event"], work["results"], work["creation"]) == ([3, 4], {"dm": 1.5}, 1262304000.0)


@pytest.mark.parametrize("name", ["priority", "id"])
def test_a_column_that_is_there_twice_is_refused(backend: LocalBackend, buckets: Buckets, name: str) -> None:
    filled(backend, 2)
    frame = buckets.view()
    frame = pd.concat([frame, frame[[name]]], axis=1)
    with pytest.raises(WorkError, match=f"column {name} more than once"):
        buckets.plan_update(frame)
    if name == "id":
        with pytest.raises(PlanError, match="column id more than once"):
            buckets.plan_delete(frame)


def test_lists_that_are_equal_are_no_edit_whatever_they_are_made_of(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, event=[1, 2], parameters={"of": [1, [2]]})
    frame = buckets.view(limit=None)
    frame["event"] = pd.Series([(1, 2)], index=frame.index, dtype=object)
    frame["parameters"] = pd.Series([{"of": (1, (2,))}], index=frame.index, dtype=object)
    assert buckets.plan_update(frame).count == 0
    frame["event"] = pd.Series([np.array([1, 2])], index=frame.index, dtype=object)
    assert buckets.plan_update(frame).count == 0
    frame["event"] = pd.Series([(2, 1)], index=frame.index, dtype=object)
    assert buckets.plan_update(frame).cells.values.tolist() == [[frame["id"].iloc[0], "event", "[1, 2]", "[2, 1]"]]


@pytest.mark.parametrize("columns", ["all", "parameters.flags"])
def test_true_in_place_of_one_is_an_edit(backend: LocalBackend, buckets: Buckets, columns: str) -> None:
    (one,) = filled(backend, 1, parameters={"flags": {"a": 1, "b": 0, "c": [1]}})
    frame = buckets.view(columns=[columns] if "." in columns else columns)
    frame["parameters"] = [{"flags": {"a": 1.0, "b": 0, "c": [1.0]}}]
    assert buckets.plan_update(frame).count == 0
    frame["parameters"] = [{"flags": {"a": True, "b": False, "c": [True]}}]
    plan = buckets.plan_update(frame)
    assert plan.cells.field.tolist() == ["parameters.flags.a", "parameters.flags.b", "parameters.flags.c"]
    assert plan.apply().ok
    assert str(stored(buckets)[one]["parameters"]) == "{'flags': {'a': True, 'b': False, 'c': [True]}}"


def test_true_in_place_of_one_is_done_only_if_it_is_there(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, parameters={"flag": 1})
    frame = buckets.view()
    frame["parameters"] = [{"flag": True}]
    backend.faults.add("PUT /work", status=400)
    receipt = buckets.plan_update(frame).apply()
    assert receipt.frame.outcome.tolist() == ["refused"]


@pytest.mark.parametrize("value", [{1, 2}, {"a": pd.Timestamp("2026-01-01")}, object()])
def test_a_cell_that_is_no_json_is_refused_with_a_cure(backend: LocalBackend, buckets: Buckets, value: object) -> None:
    filled(backend, 1)
    frame = buckets.view(limit=None)
    with pytest.raises(BucketsError, match=r"a cell of this column cannot be set: \w+ is not JSON"):
        frame.at[0, "parameters"] = value
    with pytest.raises(BucketsError, match="is not JSON"):
        frame.iat[0, list(frame.columns).index("parameters")] = value


def test_an_unedited_frame_plans_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    plan = buckets.plan_update(view(buckets))
    assert plan.count == 0
    assert plan.apply().ok
    assert changes_sent(backend) == []


def test_a_small_frame_made_by_hand_is_enough(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    plan = buckets.plan_update(pd.DataFrame({"id": ids, "priority": [5, 3]}))
    assert plan.cells.values.tolist() == [[ids[0], "priority", "3", "5"]]
    assert "every difference" in str(plan)
    assert plan.apply().ok


def test_a_pickled_frame_still_knows_what_it_was(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    frame = pickle.loads(pickle.dumps(view(buckets)))
    backend.store.update([{"id": ids[0], "attempt": 1}])
    frame["priority"] = 5
    plan = buckets.plan_update(frame)
    assert "not known what this frame was" not in str(plan)
    assert plan.ids == [ids[1]]


def test_a_work_twice_in_a_frame_is_refused(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, event=[1, 2])
    with pytest.raises(WorkError, match="more than once"):
        buckets.plan_update(view(buckets).explode("event"))


def test_an_update_is_never_sent_twice_on_silence_but_settled_by_reading(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 3)
    frame = view(buckets)
    frame["priority"] = 5
    backend.faults.add("PUT /work", hang_up="after", times=None)
    receipt = buckets.plan_update(frame).apply()
    assert receipt.counts["done"] == 3
    assert changes_sent(backend) == ["PUT /work"]


def test_silence_with_the_works_as_they_were_is_unknown(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3)
    frame = view(buckets)
    frame["priority"] = 5
    backend.faults.add("PUT /work", hang_up="before")
    receipt = buckets.plan_update(frame).apply()
    assert receipt.counts["unknown"] == 3
    with pytest.raises(OutcomeUnknown):
        receipt.raise_for_outcome()
    assert receipt.resume().counts["done"] == 3


def test_a_service_that_says_yes_and_updates_half_is_caught(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4)
    frame = view(buckets)
    frame["priority"] = 5
    half = [{"id": one, "priority": 5} for one in ids[:2]]
    backend.faults.add("PUT /work", body=b"true", change=lambda store: store.update(half))
    receipt = buckets.plan_update(frame).apply()
    assert (receipt.counts["done"], receipt.counts["still there"]) == (2, 2)
    assert not receipt.ok


def test_a_service_that_refuses_changes_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    frame = view(buckets)
    frame["priority"] = 5
    backend.faults.add("PUT /work", status=400, times=None)
    receipt = buckets.plan_update(frame).apply()
    assert receipt.counts["refused"] == 2
    assert {work["priority"] for work in stored(buckets).values()} == {3}
