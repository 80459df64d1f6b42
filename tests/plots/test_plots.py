"""Every figure draws what its frame says, also when there is nothing, and no label is more than text."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.dates import num2date
from matplotlib.text import Text

from bucketsnb import plots
from bucketsnb.display.markup import STATUS_COLOURS
from bucketsnb.schema import STATUS_KEYS, STATUSES
from tests.factory import make_work

NOW = pd.Timestamp("2026-11-23T12:00:00Z")


def status(rows: dict[str, tuple[int | None, ...]]) -> pd.DataFrame:
    index = pd.Index(list(rows), dtype=pd.StringDtype("python"), name="pipeline")
    columns = {key: pd.array([row[i] for row in rows.values()], dtype="Int64") for i, key in enumerate(STATUS_KEYS)}
    return pd.DataFrame(columns, index=index)


def works(rows: list[tuple[str, float, float | None, float | None]]) -> pd.DataFrame:
    """Return works of (status, age, wait, runtime), in hours."""
    frame = pd.DataFrame(rows, columns=["status", "age", "wait", "runtime"])
    frame["status"] = pd.Categorical(frame["status"], categories=list(STATUSES), ordered=True)
    for name in ("age", "wait", "runtime"):
        frame[name] = pd.to_timedelta(frame[name].astype("float64"), unit="h")
    frame["creation"] = NOW - frame["age"]
    frame["start"] = frame["creation"] + frame["wait"]
    frame["stop"] = frame["start"] + frame["runtime"]
    return frame


WORKS = works([("queued", 50, None, None), ("running", 20, 1, None), ("success", 30, 2, 4), ("failure", 9, 1, 1)])
SNAPSHOTS = pd.DataFrame(
    {
        "time": pd.date_range(NOW, periods=3, freq="1h"),
        "pipeline": "a",
        "queued": pd.array([5, None, 3], dtype="Int64"),
        "running": pd.array([1, None, 2], dtype="Int64"),
    }
)
FIGURES = {
    "status_bars": (plots.status_bars, status({"a": (10, 1, 2, 3, 4)})),
    "ages": (plots.ages, WORKS),
    "waits": (plots.waits, WORKS),
    "throughput": (plots.throughput, WORKS),
    "backlog": (plots.backlog, SNAPSHOTS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_shows_itself_as_a_picture(name):
    draw, frame = FIGURES[name]
    assert draw(frame)._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_nothing_says_so(name):
    draw, frame = FIGURES[name]
    figure = draw(frame[:0])
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "no " in words
    assert figure._repr_png_()


def test_bars_are_as_long_as_the_counts():
    figure = plots.status_bars(status({"a": (10, 1, 2, 3, 4)}))
    widths = {bar.get_label(): bar[0].get_width() for bar in figure.axes[0].containers}
    assert widths == {"queued": 1, "running": 2, "success": 3, "failure": 4}


def test_a_status_has_its_colour():
    figure = plots.status_bars(status({"a": (10, 1, 2, 3, 4)}))
    drawn = figure.axes[0].containers[3][0].get_facecolor()
    assert tuple(round(255 * part) for part in drawn[:3]) == tuple(bytes.fromhex(STATUS_COLOURS["failure"][1:]))


def test_a_pipeline_that_could_not_be_read_is_marked():
    figure = plots.status_bars(status({"a": (10, 1, 2, 3, 4), "b": (None,) * 5}))
    assert [text.get_text() for text in figure.axes[0].texts] == [" 10", " could not be read"]


def test_very_many_pipelines_are_still_a_picture_that_can_be_looked_at():
    counts = {f"p{n:04}": (n, n, 0, 0, 0) for n in range(1, 2001)}
    figure = plots.status_bars(status({**counts, "unread": (None,) * 5}))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert figure.get_figheight() < 25
    assert (names[0], names[-2], names[-1]) == ("p1943", "unread", "and 1,942 more")
    said = [text.get_text().strip() for text in figure.axes[0].texts]
    assert said[-2:] == ["could not be read", f"{sum(range(1, 1943)):,}"]


def test_a_bar_says_the_total_of_the_table(backend, buckets):
    backend.store.load([*(make_work(pipeline="a", status="created") for _ in range(5)), make_work(pipeline="a")])
    status = buckets.status()
    said = [text.get_text().strip() for text in plots.status_bars(status).axes[0].texts]
    assert said == [str(status["total"]["a"])] == ["6"]


def test_the_bar_of_all_others_says_how_many_of_them_could_not_be_read():
    counts = {f"p{n}": (1, 1, 0, 0, 0) for n in range(5)}
    figure = plots.status_bars(status({**{f"u{n}": (None,) * 5 for n in range(65)}, **counts}))
    assert figure.axes[0].texts[-1].get_text() == " 5, and 6 could not be read"


def test_a_name_is_text_not_mathematics():
    figure = plots.status_bars(status({r"$\frac{1}{2$": (1, 1, 0, 0, 0), "名前\u202e": (1, 1, 0, 0, 0)}))
    assert figure._repr_png_()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [r"$\frac{1}{2$", "名前\\u202e"]


def test_a_gap_breaks_the_line():
    queued, _running = plots.backlog(SNAPSHOTS).axes[0].lines
    assert np.isnan(queued.get_ydata()).tolist() == [False, True, False]


def test_a_snapshot_of_some_pipelines_has_no_sum_and_breaks_no_line():
    both = pd.concat([SNAPSHOTS.assign(queued=5), SNAPSHOTS.assign(queued=7, pipeline="b")[::2]]).sort_values("time")
    queued, _running = plots.backlog(both).axes[0].lines
    assert queued.get_ydata().tolist() == [12, 12]


def test_throughput_counts_what_ended_above_and_below():
    counts = plots.throughput(WORKS, every="1D").axes[0]
    heights = [bar.get_height() for bars in counts.containers for bar in bars]
    assert heights == [1, -1]


def test_waits_name_their_medians():
    titles = [axes.get_title(loc="right") for axes in plots.waits(WORKS).axes]
    assert titles == ["wait: 3, median 1 h", "runtime: 2, median 2 h 30 min"]


def words(figure: plots.Picture) -> str:
    titles = [axes.get_title(loc="right") for axes in figure.axes]
    return "; ".join(one for one in [*titles, *(text.get_text() for axes in figure.axes for text in axes.texts)] if one)


@pytest.mark.parametrize(
    ("draw", "columns", "said"),
    [
        (plots.waits, "light", "start and stop were not read"),
        (plots.waits, ["status", "creation", "start"], "wait: 2, median 1 h; runtime: stop was not read"),
        (plots.throughput, "light", "stop was not read"),
        (plots.throughput, ["status", "stop"], "creation and start were not read"),
        (plots.ages, ["status"], "creation was not read"),
        (plots.ages, ["creation"], "status was not read"),
    ],
)
def test_what_was_not_read_is_said_and_not_taken_for_what_is_not_there(backend, buckets, draw, columns, said):
    times = {"creation": 1e9, "start": 1e9 + 3600, "stop": 1e9 + 7200}
    backend.store.load([make_work(status=status, **times) for status in ("success", "failure")])
    assert words(draw(buckets.view(columns=columns))) == said


def test_what_has_not_started_has_no_wait_and_what_runs_no_runtime(backend, buckets):
    now = time.time()
    backend.store.load(
        [
            *(make_work(status="queued", creation=now - 5 * 86_400, start=None, stop=None) for _ in range(9)),
            make_work(status="running", creation=now - 9000, start=now - 7200, stop=None),
            make_work(status="success", creation=now - 100, start=now - 90, stop=now - 80),
        ]
    )
    assert words(plots.waits(buckets.view())) == "wait: 2, median 15 min 5 s; runtime: 1, median 10 s"
    assert words(plots.waits(buckets.view({"status": "queued"}))) == "no works were started"


def test_spans_below_zero_are_left_out_and_counted():
    odd = works([("success", 2, -1, 0.5), ("success", 2, 1, -0.5), ("failure", 2, -1, -1)])
    assert words(plots.waits(odd)) == (
        "wait: 1, median 1 h, 2 below zero left out; runtime: 1, median 30 min, 2 below zero left out"
    )
    assert words(plots.waits(odd[2:])) == "no works were started, 2 below zero left out"
    figure = plots.throughput(odd, every="1D")
    assert words(figure) == "2 below zero left out"
    assert figure.axes[1].lines[0].get_ydata().tolist() == [1.0]


def test_less_than_a_second_is_not_a_second():
    quick = works([("success", 2, 0.2 / 3600, 0.0)])
    assert words(plots.waits(quick)) == "wait: 1, median under 1 s; runtime: 1, median under 1 s"


def test_works_that_ended_without_a_stop_are_counted_beside_the_bars(backend, buckets):
    lost = {"status": "running", "creation": 1e9, "start": 1e9 + 60, "attempt": 2, "retries": 2}
    backend.store.load([make_work(**lost), make_work(**lost)])
    buckets.audit()
    assert words(plots.throughput(buckets.view())) == "2 ended works have no stop, and no bar"
    alone = works([("failure", 2, None, None)])
    assert words(plots.throughput(alone)) == "1 ended work has no stop, and no bar"


def contrast(one: str, other: str) -> float:
    """Return how far two colours stand apart to the eye, from 1 to 21, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        red, green, blue = ((c + 0.055) / 1.055 for c in to_rgb(colour))
        return 0.2126 * red**2.4 + 0.7152 * green**2.4 + 0.0722 * blue**2.4

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_no_background_and_its_words_read_on_light_and_dark_pages(name):
    draw, frame = FIGURES[name]
    figure = draw(frame)
    assert [one.get_facecolor()[3] for one in (figure, *figure.axes)] == [0] * (1 + len(figure.axes))
    figure.canvas.draw()
    words = [text for text in figure.findobj(Text) if text.get_text().strip()]
    assert words
    colours = {to_hex(text.get_color()) for text in words}
    assert [paper for paper in ("#ffffff", "#111111", "#1e1e1e") for ink in colours if contrast(ink, paper) < 3.9] == []


@pytest.mark.parametrize(
    ("draw", "frame"),
    [
        (plots.backlog, SNAPSHOTS.head(1)),
        (plots.backlog, SNAPSHOTS.head(1).assign(queued=pd.array([None], dtype="Int64"))),
        (plots.throughput, WORKS[WORKS["status"] == "running"]),
        (plots.throughput, works([("failure", 9, None, None)]).assign(stop=NOW)),
    ],
    ids=["one snapshot", "one snapshot that was not read", "one start", "one stop"],
)
def test_the_axis_of_one_moment_is_an_hour_around_it(draw, frame):
    moment = frame[next(name for name in ("time", "stop", "start") if name in frame and frame[name].notna().any())]
    low, high = (num2date(end) for end in draw(frame).axes[-1].get_xlim())
    assert low <= moment.iloc[0] <= high
    assert high - low <= pd.Timedelta("62min")


def test_an_axis_of_time_ends_where_the_snapshots_do():
    low, high = (num2date(end) for end in plots.backlog(SNAPSHOTS).axes[0].get_xlim())
    assert (low, high) == (NOW - pd.Timedelta("144s"), NOW + pd.Timedelta("2h") + pd.Timedelta("144s"))
