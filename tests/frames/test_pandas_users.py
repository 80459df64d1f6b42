"""Columns of works do what people who know pandas expect of them, on every supported pandas."""

import io

import pandas as pd
import pytest

from bucketsnb.frames import DTYPES, empty, frame_of
from tests.factory import make_work

EVENTS = [[434893045], [9385707], None, [9385707, 5], [10]]
TAGS = [["b"], ["B", "a"], ["a"], None, ["a", "b"]]
RESULTS = [{"error": "disk full"}, None, {"snr": 5.5}, {}, {"error": None}]


@pytest.fixture
def works():
    made = [
        make_work(id=f"{place}", event=event, tags=tag, results=result, creation=1.79e9 + 1000.1234567 * place)
        for place, (event, tag, result) in enumerate(zip(EVENTS, TAGS, RESULTS, strict=True))
    ]
    return frame_of(made, now=1.79e9 + 500_000.987654321)


def test_events_are_in_the_order_of_their_numbers(works):
    assert works.sort_values("event").event.tolist() == [[10], [9385707], [9385707, 5], [434893045], None]
    assert works.sort_values("event", ascending=False).event.tolist()[0] == [434893045]
    assert works.sort_values(["event", "id"]).id.tolist() == ["4", "1", "3", "0", "2"]
    assert (works.event.idxmax(), works.event.idxmin()) == (0, 4)
    assert works.event.rank().fillna(-1).tolist() == [4, 2, -1, 3, 1]
    assert works.groupby("event").size().index.tolist() == [[10], [9385707], [9385707, 5], [434893045]]
    assert works.set_index("event").sort_index().id.tolist() == ["4", "1", "3", "0", "2"]


def test_tags_are_in_the_order_of_their_letters(works):
    assert works.sort_values("tags").tags.tolist() == [["B", "a"], ["a"], ["a", "b"], ["b"], None]


def test_values_of_any_kind_are_in_the_order_that_mongodb_gives_them():
    column = pd.Series([{"a": 1}, [2, "x"], [2, 1.5], "text", 3, 2.5, True, None], dtype="json")
    assert column.sort_values().tolist() == [2.5, 3, "text", {"a": 1}, [2, 1.5], [2, "x"], True, None]


def test_text_of_nested_cells_is_json(works):
    assert works.event.astype(str).tolist()[:2] == ["[434893045]", "[9385707]"]
    assert works.results.astype(str).tolist()[0] == '{"error":"disk full"}'
    assert works.event.astype("string").isna().tolist() == [False, False, True, False, False]
    assert works.astype(str)["event"].tolist()[3] == "[9385707,5]"


def test_str_reaches_into_nested_cells_as_into_plain_lists(works):
    plain = works.astype(object)
    for ask in (
        lambda frame: frame.event.str[0],
        lambda frame: frame.event.str[-1],
        lambda frame: frame.event.str.len(),
        lambda frame: frame.tags.str.join("+"),
        lambda frame: frame.results.str.get("error"),
        lambda frame: frame.results.str["snr"],
        lambda frame: frame[["id", "event"]].event.str[0],
    ):
        pd.testing.assert_series_equal(ask(works), ask(plain), check_dtype=False)


@pytest.mark.parametrize(
    "bins",
    [
        3,
        [pd.Timedelta(0), pd.Timedelta("5D"), pd.Timedelta("30D")],
        pd.to_timedelta([0, 5, 30], unit="D"),
        pd.timedelta_range("0h", "30D", freq="1D"),
    ],
    ids=["number", "list", "index", "range"],
)
def test_ages_can_be_cut(works, bins):
    assert pd.cut(works.age, bins).notna().all()
    assert pd.qcut(works.age, 2).notna().all()


@pytest.mark.parametrize(
    "bins",
    [
        3,
        pd.to_datetime(["2026-01-01", "2027-01-01"], utc=True),
        pd.date_range("2026-01-01", periods=20, freq="MS", tz="UTC"),
    ],
    ids=["number", "index", "range"],
)
def test_creations_can_be_cut(works, bins):
    assert pd.cut(works.creation, bins).notna().all()


def test_works_can_be_merged_by_the_time_that_came_before(works):
    shifts = pd.DataFrame({"since": pd.to_datetime(["2026-09-20", "2026-09-22"], utc=True), "who": ["a", "b"]})
    merged = pd.merge_asof(works.sort_values("creation"), shifts, left_on="creation", right_on="since")
    assert merged.who.tolist() == ["a"] * 5


def test_spans_are_shown_to_the_second_in_a_plain_frame(works):
    shown = str(pd.DataFrame(works)[["age"]])
    assert "5 days 18:53:20" in shown
    assert "." not in shown


@pytest.mark.parametrize("name", list(DTYPES))
def test_no_column_of_works_bears_the_name_of_what_every_frame_has(name):
    assert not hasattr(pd.DataFrame(), name)


def test_a_frame_of_no_works_is_written_and_sorted_like_any():
    frame = empty()
    assert frame.sort_values("event").event.tolist() == []
    assert pd.read_csv(io.StringIO(frame.to_csv(index=False))).columns.tolist() == list(DTYPES)


class TestDisplay:
    @pytest.fixture
    def many(self):
        return frame_of([make_work(id=f"id{place:03}", user="u" * 60) for place in range(100)])

    @staticmethod
    def rows(text):
        return [line for line in text.split("\n") if " id0" in line]

    @pytest.mark.parametrize(
        ("options", "rows"),
        [
            ({}, 10),
            ({"display.max_rows": 100}, 100),
            ({"display.max_rows": None}, 100),
            ({"display.max_rows": 20, "display.min_rows": 4}, 4),
            ({"display.max_rows": 8, "display.min_rows": 20}, 8),
            ({"display.max_rows": 30, "display.min_rows": None}, 30),
        ],
        ids=str,
    )
    def test_as_many_rows_are_shown_as_pandas_shows(self, many, options, rows):
        with pd.option_context(*[part for option in options.items() for part in option] or ["display.max_rows", 60]):
            assert len(self.rows(repr(many))) == rows
            assert many._repr_html_().count("id0") == rows
            plain = pd.DataFrame(many)[["id"]]
            assert len([line for line in str(plain).split("\n") if " id0" in line]) == rows

    def test_as_many_columns_and_letters_are_shown_as_was_set(self, many):
        with pd.option_context("display.max_columns", 4):
            header = repr(many).split("\n")[3].split()
            assert header == ["id", "pipeline", "…", "tags", "age"]
        with pd.option_context("display.max_colwidth", 10):
            assert "u" * 10 not in repr(many)
        with pd.option_context("display.max_colwidth", None):
            assert "u" * 60 in repr(many)
            assert "u" * 60 in many._repr_html_()

    def test_a_notebook_shows_text_where_html_was_switched_off(self, many):
        with pd.option_context("display.notebook_repr_html", False):
            assert many._repr_html_() is None
