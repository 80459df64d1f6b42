"""The order of a grid's rows: by the text of each value, equal ones as they came, missing ones last."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.frames import frame_of
from bucketsnb.widgets.parts.rows import Rows

LETTERS = st.characters(exclude_categories=(), exclude_characters="\0")
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "aa"]), st.text(LETTERS, max_size=3))
NUMBERS = st.lists(st.integers(0, 2000), max_size=2)
VALUES = st.one_of(
    st.none(),
    NUMBERS,
    st.integers(),
    st.lists(st.one_of(st.integers(-(10**30), 10**30), st.floats(), st.booleans(), st.none(), TEXTS), max_size=2),
    st.dictionaries(TEXTS.filter(bool), st.integers(), max_size=1),
)


def _check(frame: pd.DataFrame, name: str, *, descending: bool) -> None:
    values = [None if isinstance(one, type(pd.NA)) else one for one in frame[name]]
    known = [place for place, one in enumerate(values) if one is not None]
    expected = sorted(known, key=lambda place: str(values[place]), reverse=descending)
    rows = Rows(frame)
    rows.sort_by(name, descending)
    assert rows.order.tolist() == [*expected, *(place for place, one in enumerate(values) if one is None)]


@given(st.lists(TEXTS, max_size=20), st.integers(1, 60), st.booleans())
def test_texts_are_in_order(texts: list[Any], times: int, descending: bool):
    _check(frame_of([{"user": text} for text in texts] * times, fields=["user"]), "user", descending=descending)
    _check(pd.DataFrame({"user": [*texts, None, 3] * times}, dtype=object), "user", descending=descending)


@given(st.one_of(st.lists(NUMBERS, max_size=20), st.lists(VALUES, max_size=20)), st.integers(1, 60), st.booleans())
def test_json_is_in_the_order_of_its_texts(values: list[Any], times: int, descending: bool):
    _check(frame_of([{"event": value} for value in values] * times, fields=["event"]), "event", descending=descending)


@pytest.mark.parametrize(
    "event", ["[1,2]", "[1, 2]", "[ 1 , 2 ]", "[1,\n2]", "[]", "[[3],4]", "7", "1" * 700, "1" * 5000]
)
@pytest.mark.parametrize("others", [0, 5000])
def test_however_numbers_are_written_their_order_is_that_of_their_texts_in_python(event: str, others: int):
    written = [event, "[1, 3]", "[1, 10]", *(f"[{number}]" for number in range(others))]
    works = ", ".join('{"event": ' + one + "}" for one in written)
    frame = frame_of(f"[{works}]".encode(), fields=["event"])
    _check(frame, "event", descending=False)
