"""Cells of JSON: read and written one by one, compared by value, bounded when shown."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.errors import BucketsError
from bucketsnb.frames import JSONArray, frame_of
from tests.factory import make_work
from tests.frames.jsonish import values


def series(cells):
    return pd.Series(JSONArray._from_sequence(cells))


@given(st.lists(values))
def test_values_come_out_as_they_went_in(cells):
    array = JSONArray._from_sequence(cells)
    assert list(array) == cells
    assert array.isna().tolist() == [cell is None for cell in cells]


@given(st.lists(values), st.randoms())
def test_equal_values_are_one_group_whatever_the_order_of_their_keys(cells, random):
    keys = [f"k{place}" for place in range(len(cells))]
    random.shuffle(keys)
    first = series([dict(zip(keys, cells, strict=True))])
    again = series([dict(sorted(first[0].items()))])
    assert (first == again).all()
    assert pd.concat([first, again]).duplicated().tolist() == [False, True]


def test_a_value_taken_out_is_a_copy():
    column = series([{"a": 1}])
    column[0]["a"] = 2
    assert column[0] == {"a": 1}


def test_a_cell_that_is_not_json_is_refused():
    column = series([[1]])
    with pytest.raises(BucketsError, match="set is not JSON"):
        column.array[0] = {1, 2}


def test_numbers_of_numpy_and_missing_values_of_pandas_are_json():
    array = JSONArray._from_sequence([np.int64(1), [np.float32(0.5), pd.NA], np.arange(2), pd.NA, math.nan, pd.NaT])
    assert list(array) == [1, [0.5, None], [0, 1], None, None, None]
    array[0] = np.datetime64("NaT", "s")
    assert array.isna().tolist() == [True, False, False, True, True, True]


@pytest.mark.parametrize("of", [slice(0, 2), [0, 1], np.array([True, True, False])], ids=["slice", "list", "mask"])
def test_nulls_put_in_place_count_as_missing(of):
    """A column that was looked at holds None for a null; one that was not holds a window on its text."""
    looked_at = frame_of([make_work(results=[number]) for number in range(3)])["results"].array.copy()
    looked_at[2] = [1]
    assert not looked_at.isna().any()
    looked_at[of] = frame_of([make_work(), make_work()])["results"].array
    assert looked_at.isna().tolist() == [True, True, False]
    part = looked_at[1:]
    part[1:] = frame_of([make_work()])["results"].array
    assert part.isna().tolist() == [True, True]
    assert looked_at.isna().tolist() == [True, True, list(looked_at)[2] is None]


def test_answers_are_full_of_nulls_and_none_of_them_counts_as_a_value():
    frame = frame_of([make_work(), make_work(event=[1])])
    assert frame.event.isna().tolist() == [True, False]
    assert frame.event.iloc[:1].copy().isna().tolist() == [True]
    assert frame.event.dropna().tolist() == [[1]]
    assert frame.event.array.nbytes < frame.config.array.nbytes


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (lambda cells: cells[40:43], [40, 41, 42]),
        (lambda cells: cells[-2:], [98, 99]),
        (lambda cells: cells[50:44:-2], [50, 48, 46]),
        (lambda cells: cells[7:7], []),
        (lambda cells: cells[20:80], range(20, 80)),
        (lambda cells: cells.take([3, -1]), [3, 99]),
        (lambda cells: cells.take([3, -1], allow_fill=True), [3, None]),
        (lambda cells: cells.take(range(0, 100, 2)), range(0, 100, 2)),
    ],
)
def test_some_cells_of_many_that_nobody_has_looked_at(look, expected):
    unseen = frame_of([make_work(event=number) for number in range(100)]).event.array
    assert list(look(unseen)) == list(expected)


def test_what_is_put_into_a_view_is_in_the_array():
    cells = JSONArray._from_sequence([[1], None])
    cells.view()[1] = [2]
    assert list(cells) == [[1], [2]]


def test_a_shown_cell_is_bounded_and_printable():
    shown = repr(series([{"text": "\u202e\x1b" + "a" * 1000}]))
    assert "\u202e" not in shown
    assert "\\u202e" in shown
    assert len(shown) < 200


def test_exploded_numbers_are_numbers_and_exploded_text_is_text():
    assert str(series([[1, 2], [], None]).explode().dtype) == "Int64"
    assert str(series([["a"], None]).explode().dtype) == "string"
    assert series([[1, "a"], [{"b": 2}]]).explode().tolist() == [1, "a", {"b": 2}]


def test_as_text_a_cell_is_its_json():
    assert series([{"a": [1]}, None]).astype("string").tolist() == ['{"a":[1]}', pd.NA]


def test_equal_values_are_counted_as_one():
    counts = series([[1], {"a": 1}, [1], None]).value_counts()
    assert (list(counts.index), counts.tolist()) == ([[1], {"a": 1}], [2, 1])
