"""Like errors fall together, and nothing else does."""

from __future__ import annotations

import pandas as pd
import pytest

from bucketsnb.frames import frame_of
from bucketsnb.summaries import error_text, failures_of, fold
from tests.factory import make_work

FOLDS = {
    "path": ("no file /data/kko/9385707.h5", "no file <path>"),
    "relative path": ("cannot open ./out/a.npz now", "cannot open <path> now"),
    "number": ("snr -7.25e-3 < 8", "snr # < #"),
    "inside a word": ("event9385707 lost", "event# lost"),
    "id": ("work 6b04a88bcce5d83e4c9bf3fc gone", "work <id> gone"),
    "uuid": ("run 123e4567-e89b-12d3-a456-426614174000", "run <id>"),
    "address": ("GET http://frb-vsop.chime:8004/view?x=1 failed", "GET <url> failed"),
    "time": ("at 2026-11-23T10:11:12.5Z", "at <time>"),
    "words": ("disk quota exceeded", "disk quota exceeded"),
}


@pytest.mark.parametrize(("text", "folded"), FOLDS.values(), ids=FOLDS)
def test_what_differs_from_case_to_case_is_folded(text, folded):
    assert fold(text) == folded


TEXTS = {
    "plain": ({"error": "disk full"}, "disk full"),
    "nested": ({"fit": {"exception": {"message": "no convergence"}}}, "no convergence"),
    "traceback": (
        {"traceback": "Traceback (most recent call last):\n  File x\nValueError: bad dm"},
        "ValueError: bad dm",
    ),
    "several lines": ({"stderr": "\nfirst\nsecond"}, "first"),
    "list": ({"errors": ["", "the second"]}, "the second"),
    "none": ({"snr": 9.1}, None),
    "null": (None, None),
    "not a mapping": ("old text", None),
    "empty": ({"error": "  "}, None),
}


@pytest.mark.parametrize(("results", "text"), TEXTS.values(), ids=TEXTS)
def test_the_error_is_found_where_results_carry_it(results, text):
    assert error_text(results) == text


def failed(**changes):
    return make_work(status="failure", **changes)


def test_like_errors_fall_together_with_counts_times_and_the_latest_example():
    frame = frame_of(
        [
            failed(id="1" * 24, results={"error": "lost /a/1"}, stop=100.0),
            failed(id="2" * 24, results={"error": "lost /b/2"}, stop=300.0),
            failed(id="3" * 24, results={"error": "lost /b/2"}, stop=200.0, site="kko"),
            failed(id="4" * 24, function="f.g", stop=50.0),
            failed(id="5" * 24, command=["fit", "-x"]),
        ]
    )
    table = failures_of(frame)
    assert table["n_works"].tolist() == [2, 1, 1, 1]
    top = table.iloc[0]
    assert (top["error"], top["example"], top["text"]) == ("lost <path>", "2" * 24, "lost /b/2")
    assert (top["first_seen"].timestamp(), top["last_seen"].timestamp()) == (100.0, 300.0)
    assert set(table["function"].dropna()) == {"f.g", "fit"}
    assert table["error"].isna().sum() == 2


def test_no_failures_have_the_columns_and_dtypes_of_some():
    some, none = failures_of(frame_of([failed(results={"error": "x"})])), failures_of(frame_of([]))
    assert none.dtypes.to_dict() == some.dtypes.to_dict()


def test_missing_cells_are_grouped_not_lost():
    table = failures_of(frame_of([failed(user=None), failed(user=None)]))
    assert table["n_works"].sum() == 2
    assert pd.isna(table["user"][0])


def test_failures_are_drawn_with_the_room_for_their_error_and_keep_all_columns():
    frame = failures_of(frame_of([failed(results={"error": "disk 7 full"}, stop=100.0)]))
    for view in (repr(frame), frame._repr_html_()):
        assert "disk # full" in view
        assert "disk 7 full" not in view
        assert "1 row; not shown: function, first_seen, text" in view
    assert frame["text"][0] == "disk 7 full"
    assert "first_seen" in repr(frame[["first_seen", "error"]])
