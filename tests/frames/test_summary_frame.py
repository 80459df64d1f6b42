"""A summary shows the same in text and HTML, bounded, and nothing in it is live."""

from __future__ import annotations

import re

import pandas as pd

from bucketsnb.frames import SummaryFrame


def test_times_ages_and_event_ids_read_as_words():
    frame = SummaryFrame(
        {"event": [9385707], "last": [pd.Timestamp("2026-11-23T10:11:12Z")], "age": [pd.Timedelta(days=3)]}
    )
    for view in (repr(frame), frame._repr_html_()):
        assert "9385707" in view
        assert "2026-11-23 10:11 UTC" in view
        assert "3 d" in view


def test_a_named_index_is_shown_and_row_numbers_are_not():
    assert repr(SummaryFrame({"n": [7]})).splitlines()[0].split() == ["n"]
    named = SummaryFrame({"n": [7]}, index=pd.Index(["fitburst"], name="pipeline"))
    assert repr(named).splitlines()[:2] == ["pipeline  n", "fitburst  7"]


def test_long_summaries_and_long_texts_are_cut_and_say_so():
    frame = SummaryFrame({"text": ["x" * 500] * 100})
    for view in (repr(frame), frame._repr_html_()):
        assert "the first 60 of 100 rows" in view
        assert "x" * 121 not in view
    assert len(frame["text"][0]) == 500


def test_hostile_text_is_only_text():
    frame = SummaryFrame({"<b>": ["<img src=x onerror=alert(1)>\u202e", None]})
    assert "<img" not in frame._repr_html_()
    assert "<b>" not in frame._repr_html_()
    assert "\u202e" not in repr(frame) + frame._repr_html_()


def test_as_much_of_a_summary_is_shown_as_was_set():
    frame = SummaryFrame({"text": ["x" * 500] * 100})
    with pd.option_context("display.max_rows", 7, "display.max_colwidth", 10):
        assert "the first 7 of 100 rows" in repr(frame)
        assert "x" * 11 not in frame._repr_html_()
    with pd.option_context("display.max_rows", None, "display.max_colwidth", None):
        assert repr(frame).count("x" * 500) == frame._repr_html_().count("x" * 500) == 100
    with pd.option_context("display.notebook_repr_html", False):
        assert frame._repr_html_() is None


def test_the_id_of_an_undo_in_the_journal_stays_on_one_line():
    entry = "20261130-145323-111043-38c2.undo"
    assert re.search(rf"<td[^>]*white-space: nowrap[^>]*>{entry}<", SummaryFrame({"entry": [entry]})._repr_html_())
