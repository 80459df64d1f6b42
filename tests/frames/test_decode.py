"""Answers of every kind become the same columns, or an error that says where they are wrong."""

import gc
import json
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.errors import BadAnswer, BucketsError
from bucketsnb.frames import COLUMNS, DTYPES, LIGHT, Baseline, decode, empty, frame_of, to_records
from bucketsnb.frames.columns import DERIVED
from bucketsnb.schema import FIELD_NAMES
from tests.factory import make_work, make_works
from tests.frames.jsonish import OLD_SHAPES

UNIT = pd.to_datetime(["2026-01-01"]).unit  # of times that pandas reads itself: the merges of some versions ask for it

FRAMES = {
    "none": [],
    "one": make_works(1),
    "many": make_works(1200),
    "all null": [dict.fromkeys(FIELD_NAMES)] * 3,
    "odd": list(OLD_SHAPES.values()),
}


def test_an_integer_of_more_digits_than_python_reads_is_infinite_and_hides_no_other():
    works = json.dumps([make_work(id="a", results={"n": 0.5}), make_work(id="b", results=[2])])
    frame = frame_of(works.replace("0.5", "1" + "0" * 5000).encode())

    assert frame["results"].tolist() == [{"n": float("inf")}, [2]]
    assert repr(frame)


def test_every_field_has_a_column():
    assert set(COLUMNS) == {*FIELD_NAMES, *DERIVED, "parent"}


@pytest.mark.parametrize("records", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize(
    "fields", [FIELD_NAMES, ["id"], ["id", "pipeline", "event", "start"]], ids=["all", "id", "few"]
)
def test_columns_and_dtypes_are_always_the_same(records, fields):
    frame = frame_of([{key: work[key] for key in work if key in fields} for work in records], fields=fields)
    assert list(frame.columns) == list(COLUMNS)
    assert dict(frame.dtypes) == dict(DTYPES)
    assert len(frame) == len(records)


def test_dtypes_are_those_that_are_promised():
    assert {name: str(dtype) for name, dtype in empty().dtypes.items()} == {
        **dict.fromkeys(["id", "pipeline", "site", "user", "parent", "function"], "string"),
        **dict.fromkeys(["priority", "attempt", "retries", "timeout"], "Int64"),
        **dict.fromkeys(["creation", "start", "stop"], f"datetime64[{UNIT}, UTC]"),
        **dict.fromkeys(["age", "wait", "runtime"], "timedelta64[ms]"),
        **dict.fromkeys(["event", "tags", "command", "parameters", "results"], "json"),
        **dict.fromkeys(["products", "plots", "config", "notify"], "json"),
        "status": "category",
        "overdue": "boolean",
    }


def test_statuses_compare_in_the_order_of_a_life():
    frame = frame_of([make_work(status=status) for status in ("queued", "failure", "running")])
    assert (frame.status > "queued").tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("attempt", [None, 2**63 - 1]),
        ("attempt", [None, 2**63, -(2**63)]),
        ("creation", [None, 17, 17.0, 5e-324]),
        ("creation", [None, 2**1100, 1e300]),
        ("status", [None, "running"]),
        ("user", [None, ""]),
    ],
)
def test_values_are_kept_wherever_they_stand_among_many(name, odd):
    usual = {"id": "a", "attempt": 1, "creation": 1795580986.5, "status": "queued", "user": "a"}
    step = decode._AT_ONCE // len(usual)  # how many works are gathered at once
    works = [{**usual, "id": f"{number:024x}"} for number in range(2 * step + 2)]
    for number, place in enumerate([0, 1, step // 2, step - 1, step, step + 1, 2 * step, 2 * step + 1]):
        works[place][name] = odd[number % len(odd)]
    frame = frame_of(works, fields=tuple(usual))
    assert to_records(frame, partial=True) == works
    assert dict(frame.dtypes) == dict(DTYPES)


@given(st.lists(st.floats(1e9, 4e9), min_size=1))
def test_times_are_given_back_to_the_last_digit_and_shown_to_the_nearest_microsecond(times):
    frame = frame_of([make_work(creation=time) for time in times])
    assert [work["creation"] for work in to_records(frame)] == times
    shown = (frame.creation - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(microseconds=1)  # whole: a float would round
    assert max(abs(one - Fraction(time) * 10**6) for one, time in zip(shown, times, strict=True)) < 0.75


def test_times_are_utc():
    assert frame_of([make_work(creation=1795477200.5)]).creation[0] == pd.Timestamp("2026-11-23 23:40:00.5Z")


@pytest.mark.parametrize("nested", [{"a": [1, {"b": None}]}, [], {}, "text", 0, False, [[]], {"a": "é\u202e\x00"}])
def test_nested_values_are_given_as_they_are(nested):
    assert frame_of([make_work(results=nested)]).results[0] == nested


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "not JSON at character 0"),
        (b"null", "not a JSON array of works: null"),
        (b'{"description": "Not Found"}', "not a JSON array"),
        (b"<html>login</html>", r"not JSON at character 0 \(Expecting value\): <html>"),
        (b'[{"id": "a"}', r"not JSON at character 12 \(Expecting ',' delimiter\)"),
        (b'[{"id": "a"}, {"id": ', r"not JSON at character 21 \(Expecting value\)"),
        (b'[{"id": "a"}, 5]', "item 1 of the answer is not a work but int: 5"),
        (b'[{"id": NaN}, ["x"]]', "item 1 of the answer is not a work but list"),
        (b"[null]", "item 0 of the answer is not a work but NoneType"),
        (b"[{}] trailing", r"not JSON at character 5 \(Extra data\)"),
        (b'[{"results": "\xff"}]', "not UTF-8"),
        (b"[" * 100_000, "the answer is nested deeper"),
        (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "nested deeper"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_says_where(answer, said):
    with pytest.raises(BadAnswer, match=said):
        frame_of(answer)


def test_what_an_error_quotes_is_printable_and_short():
    with pytest.raises(BadAnswer) as raised:
        frame_of("\x1b[2J\u202e".encode() * 1000)
    assert (str(raised.value).isprintable(), len(str(raised.value)) < 200, len(raised.value.excerpt)) == (
        True,
        True,
        300,
    )


def test_of_repeated_keys_the_last_counts_as_in_the_standard_library():
    answer = json.dumps([make_work(priority=1)]).replace('"priority": 1', '"priority": 1, "priority": 4').encode()
    assert frame_of(answer).priority.tolist() == [4]


def test_spaces_between_values_do_not_matter():
    frame = frame_of(b' [ {"id": "a", "results": NaN } ,\n{"id":"b"} ]\r\n')
    assert frame.id.tolist() == ["a", "b"]


@pytest.mark.parametrize("was_on", [True, False])
@pytest.mark.parametrize("answer", [b"[]", b"nonsense"])
def test_the_collector_is_left_as_it_was(was_on, answer):
    (gc.enable if was_on else gc.disable)()
    try:
        frame_of(answer)
    except BadAnswer:
        pass
    finally:
        now_on = gc.isenabled()
        gc.enable()
    assert now_on is was_on


class TestDerived:
    NOW = 1_800_000_000.0

    def frame(self, **work):
        return frame_of([make_work(creation=self.NOW - 1000, **work)], now=self.NOW).iloc[0]

    def test_age_is_counted_from_creation(self):
        assert self.frame().age == pd.Timedelta(seconds=1000)

    def test_a_queued_work_waits_till_now(self):
        row = self.frame(status="queued")
        assert row.wait == pd.Timedelta(seconds=1000)
        assert row.runtime is pd.NaT
        assert not row.overdue

    @pytest.mark.parametrize(("timeout", "overdue"), [(99, True), (101, False), (None, pd.NA), (2**63 - 1, False)])
    def test_a_running_work_runs_till_now_and_is_overdue_past_its_own_timeout(self, timeout, overdue):
        row = self.frame(status="running", start=self.NOW - 100, timeout=timeout)
        assert (row.wait, row.runtime) == (pd.Timedelta(seconds=900), pd.Timedelta(seconds=100))
        assert row.overdue is overdue or row.overdue == overdue

    def test_a_finished_work_ran_from_start_to_stop(self):
        row = self.frame(status="failure", start=self.NOW - 500, stop=self.NOW - 200, timeout=1)
        assert (row.runtime, row.overdue) == (pd.Timedelta(seconds=300), False)

    @pytest.mark.parametrize(
        ("read", "known"),
        [
            (LIGHT, ["age"]),
            (["creation", "start", "status"], ["age", "wait"]),
            (["start", "stop", "status"], ["runtime"]),
            (["start", "stop", "status", "timeout"], ["runtime", "overdue"]),
            (["start", "stop", "timeout"], []),
        ],
    )
    @pytest.mark.parametrize("status", ["queued", "running", "success"])
    def test_nothing_is_worked_out_of_what_was_not_read(self, read, known, status):
        work = make_work(creation=self.NOW - 1000, start=self.NOW - 500, stop=self.NOW - 200, status=status)
        whole = frame_of([work], now=self.NOW)
        part = frame_of([{name: work[name] for name in read}], now=self.NOW, fields=read)
        assert [name for name in DERIVED if part[name].notna().all()] == known
        assert part[known].equals(whole[known])


def test_the_works_of_a_frame_are_no_list_that_the_collector_walks_through():
    frame = frame_of(make_works(3_000))
    lists = [one for one in gc.get_objects() if type(one) is list and len(one) == len(frame)]  # no proxy

    assert not [one for one in lists if type(one[0]).__name__ == "Work"]


def test_a_frame_says_what_was_read():
    frame = frame_of(make_works(2), query={"pipeline": "x"}, matched=7, exact=False, now=1.8e9, url="http://host")
    told = {key: frame.attrs[key] for key in ("shown", "matched", "exact", "query", "read_at", "url", "columns")}
    assert told == {
        "shown": 2,
        "matched": 7,
        "exact": False,
        "query": {"pipeline": "x"},
        "read_at": 1.8e9,
        "url": "http://host",
        "columns": "all",
    }


def test_a_small_part_does_not_keep_the_answer_alive():
    frame = frame_of(make_works(100))
    part = frame.iloc[:5].copy()
    kinds = {type(text) for text in part.config.array._texts}
    assert kinds == {bytes}
    assert part.config[0] == frame.config[0]


def test_a_small_part_knows_what_its_own_works_were_and_no_more():
    frame = frame_of([make_work(id=f"{place}") for place in range(100)])
    part = frame[frame.id.isin(["7", "70"])]
    known = Baseline.of(part)
    assert (known.works, Baseline.of(frame).works) == (2, 100)
    assert {type(text) for text in known._kept["works"]._texts} == {bytes}
    part.loc[part.index[0], "priority"] = 5
    assert {one: work["priority"] for one, work in known.records(["7", "70", "8"]).items()} == {"7": 3, "70": 3}


def test_a_frame_survives_pickling(tmp_path):
    frame = frame_of([make_work(results={"a": 1}), {"odd": True}])
    frame.to_pickle(tmp_path / "frame.pkl")
    again = pd.read_pickle(tmp_path / "frame.pkl")
    pd.testing.assert_frame_equal(again, frame)
    assert again.works.to_records() == frame.works.to_records()


def test_numbers_too_large_for_a_column_are_missing_there_and_kept():
    frame = frame_of([make_work(attempt=2**63), make_work(attempt=-(2**63))])
    assert frame.attempt.isna().tolist() == [True, False]
    assert frame.attempt[1] == np.iinfo("int64").min
    assert [work["attempt"] for work in frame.works.to_records()] == [2**63, -(2**63)]


def test_a_value_that_does_not_fit_leaves_the_others_alone():
    records = [
        make_work(id=None, function="f" if n % 7 else None, timeout=None if n == 700 else n) for n in range(1500)
    ]
    frame = frame_of(records)
    assert frame.works.to_records() == records
    assert frame.timeout.isna().sum() == 1


def _cell_by_cell(frame):
    frame.loc[0, "priority"] = 9
    frame.at[0, "event"] = [9]
    frame.iloc[0, list(frame).index("user")] = "x"


def _whole_columns(frame):
    frame["priority"] += 1
    frame["event"] = None
    frame["user"] = frame["user"].str.upper()


def _by_mask(frame):
    frame.loc[frame.id == "a", ["status", "user"]] = ["failure", "x"]
    frame.loc[:, "priority"] = 7


def _a_copy(frame):
    other = frame.copy()
    _cell_by_cell(other)
    assert Baseline.of(other).records(["a"]) == Baseline.of(frame).records(["a"])


@pytest.mark.parametrize("edit", [_cell_by_cell, _whole_columns, _by_mask, _a_copy])
def test_a_frame_knows_what_it_was_whatever_is_edited(edit):
    work = make_work(id="a", priority=3, event=[1], user="me")
    frame = frame_of([work, make_work(id="b")])
    edit(frame)
    assert Baseline.of(frame).records(["a"])["a"] == work


@pytest.mark.parametrize("fields", [FIELD_NAMES, LIGHT], ids=["whole", "light"])
def test_works_with_the_same_text_hold_the_same_object(fields):
    works = [{name: work[name] for name in fields} for work in make_works(3_000)]
    frame = frame_of(works, fields=fields)
    for name in ("pipeline", "site", "user"):
        assert len({id(text) for text in frame[name].array}) == frame[name].nunique()


@pytest.mark.parametrize("value", [{1, 2}, {3}, {"a": {1}}, object(), pd.Timestamp(0)], ids=lambda value: type(value))
def test_a_cell_takes_no_value_that_is_not_json_and_the_refusal_says_why(value):
    frame = frame_of(make_works(2))
    before = frame["results"].tolist()
    for cells, key in ((frame.at, (0, "results")), (frame.iat, (0, list(frame).index("results")))):
        with pytest.raises(BucketsError, match="is not JSON: it is"):
            cells[key] = value
    assert frame["results"].tolist() == before


def test_cells_are_read_and_set_by_label_and_by_place():
    frame = frame_of(make_works(2))
    frame.at[1, "results"] = {"snr": 1.5}
    frame.iat[0, list(frame).index("priority")] = 4
    assert (frame.at[1, "results"], frame.iat[0, list(frame).index("priority")]) == ({"snr": 1.5}, 4)
