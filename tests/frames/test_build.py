"""Columns of many pages are those of one answer, however the pages come."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bucketsnb.frames import ColumnBuffer, assemble, columns_of, frame_of
from tests.factory import make_work, make_works

WORKS = [
    {**work, "id": f"{number:02}"}
    for number, work in enumerate([*make_works(5), make_work(status="odd", start=3, tags=None), {"user": "x"}])
]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([7], 7), ([3, 3, 1], 7), ([3, 0, 4], 7), ([3, 2, 2], 9), ([3, 2, 2], 4), ([0, 7], 0), ([7], 9)],
    ids=["one page", "as many as expected", "an empty page", "fewer", "more", "none expected", "one page, fewer"],
)
def test_pages_are_as_one_answer(sizes: list[int], expected: int) -> None:
    gathered, at = ColumnBuffer(), 0
    for size in sizes:
        gathered.add(columns_of(json.dumps(WORKS[at : at + size]).encode()), expected)
        at += size
    whole = assemble(gathered.columns(lambda: None), now=1.8e9)
    pd.testing.assert_frame_equal(whole, frame_of(WORKS, now=1.8e9))
    assert whole.works.to_records() == WORKS
