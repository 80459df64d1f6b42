"""A frame of works shows itself: light, bounded, with what was read above the rows, the same in text and HTML."""

import html.parser
import re

import pandas as pd
import pytest

from bucketsnb.frames import WorksFrame, WorkView, frame_of
from tests.factory import make_work, make_works

HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J"


class _Words(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.tags = [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.words += data.split()


def read(markup):
    reader = _Words()
    reader.feed(markup)
    return reader


def test_text_and_html_show_the_same_words():
    works = [make_work(event=[1, 2], tags=["a"], id="x"), make_work(status="failure"), {"id": None}]
    frame = frame_of(works, query={"pipeline": "x"}, matched=12, now=1.8e9, url="http://host:8004/buckets")
    assert read(frame._repr_html_()).words == repr(frame).split()


def test_above_the_rows_stands_what_was_read():
    frame = frame_of(
        make_works(2), query={"pipeline": "x"}, matched=1234, exact=False, now=1.8e9, url="http://u:p@host/"
    )
    assert repr(frame).split("\n")[:3] == [
        "shown 2 of at least 1,234 matched (buckets.count says how many)",
        'query: {"pipeline": "x"}',
        "read 2027-01-15 08:00 UTC from host",
    ]


def test_rows_taken_out_are_told_from_those_read():
    frame = frame_of(make_works(4), matched=9)
    assert repr(frame[frame.index > 0]).startswith("3 here, of 4 read, of 9 matched")


def test_what_a_light_frame_has_not_read_is_said():
    frame = frame_of([{"id": "a", "priority": 1}], fields=["id", "priority"])
    assert "only id, priority read" in repr(frame)


def test_nothing_in_a_work_is_live():
    work = make_work(id=HOSTILE, pipeline=HOSTILE, tags=[HOSTILE], parameters={HOSTILE: HOSTILE}, **{HOSTILE: HOSTILE})
    frame = frame_of([work], query={HOSTILE: HOSTILE})
    for shown in (frame, frame[["id", "pipeline", "status", "parameters"]], WorkView(work, now=0.0)):
        assert "script" not in read(shown._repr_html_()).tags
        for text in (repr(shown), shown._repr_html_()):
            assert not {"\u202e", "\x1b"} & set(text)
    assert "<script>alert(1)</script>\\u202e\\u001b" in repr(WorkView(work, now=0.0))


def test_a_large_frame_is_shown_in_part():
    frame = frame_of([make_work(id=f"id{n:05}") for n in range(5000)])
    shown = repr(frame)
    assert len(shown.split("\n")) < 70
    assert "id00000" in shown
    assert "id04999" in shown
    assert len(frame._repr_html_()) < 60_000


def test_large_cells_are_shown_in_part():
    frame = frame_of([make_work(tags=["x" * 10_000] * 100, event=list(range(10_000)), user="u" * 10_000)])
    assert len(repr(frame)) < 2_000


@pytest.mark.parametrize(
    ("change", "shown", "hidden"),
    [
        (lambda frame: frame, "tags", "parameters"),
        (lambda frame: frame.assign(mine=1), "mine", "parameters"),
        (lambda frame: frame[["id", "pipeline", "status", "parameters"]], "parameters", "tags"),
    ],
    ids=["whole", "with a column of one's own", "chosen columns"],
)
def test_columns_that_were_chosen_or_added_are_shown(change, shown, hidden):
    header = change(frame_of(make_works(1)))._repr_html_().split("</thead>")[0]
    assert re.search(rf">{shown}<", header)
    assert not re.search(rf">{hidden}<", header)


class TestPandas:
    frame = frame_of([make_work(id=str(n), priority=n % 5 + 1) for n in range(10)])

    @pytest.mark.parametrize(
        "change",
        [
            lambda f: f[f.priority > 2],
            lambda f: f.iloc[:3],
            lambda f: f.sort_values("priority"),
            lambda f: f.drop(columns="results"),
            lambda f: f.assign(x=1),
            lambda f: f.reset_index(drop=True),
            lambda f: f.copy(),
            lambda f: f.query("priority == 3"),
            lambda f: f.rename(columns={"user": "who"}),
            lambda f: pd.concat([f, f]),
            lambda f: f.explode("event"),
            lambda f: f.drop_duplicates("priority"),
        ],
    )
    def test_a_frame_that_still_has_works_is_a_frame_of_works(self, change):
        assert isinstance(change(self.frame), WorksFrame)

    @pytest.mark.parametrize(
        "change",
        [
            lambda f: f[["id", "priority"]],
            lambda f: f.groupby("priority")[["attempt"]].sum(),
            lambda f: f[["id", "creation", "age"]],
            lambda f: f[["priority", "attempt"]].describe(),
            lambda f: f.isna().sum().to_frame(),
            lambda f: f.pivot_table(index="pipeline", columns="status", values="id", aggfunc="count", observed=False),
            lambda f: f.T,
        ],
    )
    def test_anything_else_is_an_ordinary_frame(self, change):
        result = change(self.frame)
        assert type(result) is pd.DataFrame
        assert repr(result)
        assert result._repr_html_()

    @pytest.mark.parametrize("change", [lambda f: f.drop(columns="status"), lambda f: f[["id", "event"]]])
    def test_a_frame_without_statuses_is_shown_as_any_other(self, change):
        result = change(self.frame)
        assert not isinstance(result, WorksFrame)
        assert not hasattr(result, "works")
        assert repr(result) == repr(pd.DataFrame(result))
        assert result._repr_html_() == pd.DataFrame(result)._repr_html_()

    def test_everything_stays_within_reach(self):
        assert "parameters" in self.frame.to_html()
        assert "parameters" in self.frame.to_string()
        assert len(self.frame.to_csv().splitlines()) == 11
        assert len(self.frame.to_dict("records")) == 10

    def test_groups_by_nested_columns_can_be_counted(self):
        frame = frame_of([make_work(tags=["a"]), make_work(tags=["a"]), make_work(tags=None)])
        assert frame.groupby("tags").size().tolist() == [2]


def test_one_work_is_shown_in_full():
    view = WorkView(
        make_work(id="w", timeout=3600, results={"snr": 12.5, "hits": list(range(60))}, group="old"), now=1.8e9
    )
    assert (view["results"]["snr"], "group" in view, len(view)) == (12.5, True, 23)
    for text in (repr(view), " ".join(read(view._repr_html_()).words)):
        assert all(word in text for word in ("Work w", "3600 s (1 h)", "12.5", "59", "old", "d", "ago"))
    assert read(view._repr_html_()).words == repr(view).split()
