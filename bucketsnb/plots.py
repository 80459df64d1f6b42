"""Figures of the queue, one call each: status, ages, waits, throughput, backlog.

Every function takes a frame and returns the figure, which is saved in a notebook as a picture. It has no background,
greys that can be read on light and on dark pages, and one colour per status, which colour-blind people can tell apart
and which a label names.
Needs the extra ``plots``; pyplot is not used, so figures can be drawn in threads and in scripts.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bucketsnb.display.markup import STATUS_COLOURS
from bucketsnb.display.texts import age, count_of, host_of, truncate
from bucketsnb.errors import ConfigurationError
from bucketsnb.frames import NEEDS
from bucketsnb.schema import STATUS_KEYS, STATUSES

try:
    from matplotlib.axes import Axes
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
except ImportError as error:
    raise ConfigurationError('plots need matplotlib: pip install "bucketsnb[plots]"') from error

__all__ = ["Picture", "ages", "backlog", "status_bars", "throughput", "waits"]

_INK = "#7b7b7b"
"""Colour of text and lines: the page around a picture may be light or dark, and this grey has a contrast of about 4 to
white and to the near-black of dark themes alike."""
_WIDTH = 6.5
_SMALL = 9
"""Size of all text but titles, in points."""
_LONGEST = 40
_BINS = 40
_PIPELINES = 60
"""Largest number of bars in a figure: more of them could not be read, and would take minutes to draw."""
_SHORTEST = pd.Timedelta("1h")
_MARGIN = 0.02
_TICKS = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)

_UNITS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0))

Numbers = NDArray[np.floating]


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook, whatever backend is active."""

    def _repr_png_(self) -> bytes:
        target = io.BytesIO()
        with warnings.catch_warnings():
            # Characters that the font lacks are drawn as boxes; the whole name is in the frame.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.savefig(target, format="png", dpi=120)
        return target.getvalue()


def status_bars(status: pd.DataFrame) -> Picture:
    """Draw how many works of each status every pipeline has.

    Parameters
    ----------
    status
        The result of ``buckets.status()``; of more than 60 pipelines, the smallest share one bar.
    """
    place = host_of(status.attrs["url"]) if status.attrs.get("url") else "the queue"
    known = _most(status.assign(unread=status["total"].isna().astype("Int64"))).fillna(0)
    figure, (axes,) = _figure(1, height=1.4 + 0.34 * max(len(known), 2))
    _title(axes, f"Works by pipeline and status on {place}", pad=22)
    if known.empty:
        return _nothing(figure, axes, "no works")
    places = np.arange(len(known), dtype="float64")  # shortened names may repeat
    left = np.zeros(len(known))
    for key in STATUS_KEYS[1:]:
        widths = known[key].to_numpy(dtype="float64")
        axes.barh(places, widths, left=left, color=STATUS_COLOURS[key], label=key, height=0.7)
        left = left + widths
    for row, (end, total, unread) in enumerate(zip(left, known["total"], known["unread"], strict=True)):
        axes.text(end, row, f" {_counted(int(total), int(unread))}", va="center", color=_INK, fontsize=_SMALL)
    axes.set_yticks(places, [truncate(name, _LONGEST) for name in known.index], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, float(left.max()) * 1.1 or 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{int(number):,}"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    _legend(axes)
    return figure


def _most(status: pd.DataFrame) -> pd.DataFrame:
    """Return the unread pipelines and those with most works, in order, and one row for all others."""
    if len(status) <= _PIPELINES:
        return status
    kept = status["total"].astype("Float64").fillna(np.inf).nlargest(_PIPELINES - 1).index
    rest = status[~status.index.isin(kept)]
    others = pd.DataFrame([rest.sum()], index=[f"and {len(rest):,} more"])
    return pd.concat([pd.DataFrame(status[status.index.isin(kept)]), others])


def _counted(total: int, unread: int) -> str:
    """Return how many works a row has in total, and how many of its pipelines are unread, as text."""
    if not unread:
        return f"{total:,}"
    return f"{total:,}, and {unread:,} could not be read" if total else "could not be read"


def ages(frame: pd.DataFrame) -> Picture:
    """Draw how old the works of a frame are, one row per status, on a logarithmic axis of time."""
    shown = [status for status in STATUSES if (frame["status"] == status).any()]
    figure, rows = _figure(max(len(shown), 1), height=1.2 + 1.0 * max(len(shown), 1))
    _title(rows[0], f"Age by status, {count_of(len(frame), 'work')}")
    unread = _unread(frame, "status", *NEEDS["age"])
    if unread:
        return _nothing(figure, rows[0], unread)
    spans = {status: _Spans(frame.loc[frame["status"] == status, "age"]) for status in shown}
    bins = _bins(list(spans.values()))
    if bins is None:
        return _nothing(figure, rows[0], "no ages" + _left_out(*spans.values()))
    for axes, status in zip(rows, shown, strict=True):
        _histogram(axes, spans[status], bins, STATUS_COLOURS[status], status)
    return figure


def waits(frame: pd.DataFrame) -> Picture:
    """Draw how long works waited (creation to start) and ran (start to stop), with the medians.

    Works that were not started have no wait yet, and works that are running have no runtime yet.
    """
    figure, rows = _figure(2, height=3.6)
    _title(rows[0], f"Wait and runtime, {count_of(len(frame), 'work')}")
    ended = frame["stop"].notna() & (frame["status"] != "running")
    over = {"wait": frame["start"].notna(), "runtime": ended}
    spans = {name: _Spans(frame.loc[done, name], _unread(frame, *NEEDS[name])) for name, done in over.items()}
    bins = _bins(list(spans.values()))
    if bins is None:
        unread = _unread(frame, *NEEDS["wait"], *NEEDS["runtime"])
        return _nothing(figure, rows[0], unread or "no works were started" + _left_out(*spans.values()))
    for axes, (name, colour) in zip(rows, (("wait", "#0072b2"), ("runtime", "#e69f00")), strict=True):
        _histogram(axes, spans[name], bins, colour, name)
    return figure


def throughput(frame: pd.DataFrame, every: str | None = None) -> Picture:
    """Draw how many works ended in each interval of time, and the median wait of those that started in it.

    Parameters
    ----------
    frame
        Works. Each work with a ``stop`` counts as ended at that time: successes are drawn upwards, failures downwards.
        The number of works that ended without a ``stop`` is given as text.
    every
        Length of an interval, in the form of pandas (``"1h"``); by default there are about 40, of a minute at least.
    """
    figure, (counts, wait) = _figure(2, height=4.4)
    _title(counts, "Works ended, and the median wait of those started")
    times = pd.concat([frame["stop"], frame["start"]]).dropna()
    unread, stopless = _unread(frame, "stop", "status"), _stopless(frame)
    if unread or times.empty:
        return _nothing(figure, counts, unread or stopless or "no work has started or ended")
    step = pd.Timedelta(every) if every else max((times.max() - times.min()) / _BINS, pd.Timedelta("1min"))
    _ended(counts, frame, step)
    _note(counts, stopless)
    _waited(wait, frame, step)
    _dates(wait, pd.concat([times.dt.floor(step), times.dt.floor(step) + step]))
    return figure


def backlog(history: pd.DataFrame) -> Picture:
    """Draw the number of queued and of running works over time, for all pipelines together; gaps stay gaps.

    Parameters
    ----------
    history
        The result of ``buckets.history().frame(gaps=True)``; to see one pipeline only, select its rows.
    """
    figure, (axes,) = _figure(1, height=3.2)
    _title(axes, "Backlog")
    if history.empty:
        return _nothing(figure, axes, "no snapshots yet: buckets.watch() takes them")
    rows = history.groupby("time")["pipeline"].transform("size")
    # A snapshot of only some pipelines gives no total: it is left out, and is not a gap.
    history = history[(rows == history["pipeline"].nunique()) | history["queued"].isna()]
    for key in ("queued", "running"):
        sums = history.groupby("time")[key].sum()
        unread = history[key].isna().groupby(history["time"]).any()
        numbers = sums.astype("Float64").mask(unread).to_numpy(dtype="float64", na_value=np.nan)
        axes.plot(sums.index.to_numpy(), numbers, color=STATUS_COLOURS[key], label=key, marker=".", linewidth=1.2)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    _dates(axes, history["time"])
    _legend(axes)
    return figure


def _figure(rows: int, *, height: float) -> tuple[Picture, list[Axes]]:
    figure = Picture(figsize=(_WIDTH, height), layout="constrained", facecolor="none")
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False)
    drawn = [axes for (axes,) in grid]
    for axes in drawn:
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_INK)
        axes.tick_params(colors=_INK, labelsize=_SMALL)
    return figure, drawn


def _title(axes: Axes, text: str, *, pad: float | None = None) -> None:
    axes.set_title(truncate(text, 100), loc="left", fontsize=11, color=_INK, pad=pad, parse_math=False)


def _legend(axes: Axes) -> None:
    """Put the legend above the axes, where it covers no label and no bar."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=_SMALL, labelcolor=_INK)


def _nothing(figure: Picture, axes: Axes, text: str) -> Picture:
    axes.text(0.5, 0.5, text, ha="center", va="center", color=_INK, transform=axes.transAxes)
    for row in figure.axes:
        row.set_axis_off()
    return figure


def _unread(frame: pd.DataFrame, *names: str) -> str:
    """Return which of the columns for a figure were not read, as text; empty if all were."""
    read = frame.attrs.get("columns", "all")
    lacking = [] if read == "all" else [name for name in dict.fromkeys(names) if name not in read]
    return f"{' and '.join(lacking)} {'was' if len(lacking) == 1 else 'were'} not read" if lacking else ""


class _Spans:
    """Spans of time in seconds; negative ones are wrong, so they are only counted."""

    def __init__(self, column: pd.Series, unread: str = "") -> None:
        seconds: Numbers = column.dropna().dt.total_seconds().to_numpy(dtype="float64")
        self.seconds = seconds[seconds >= 0]
        self.negative = int((seconds < 0).sum())
        self.unread = unread

    def __str__(self) -> str:
        if self.unread:
            return self.unread
        median = float(np.median(self.seconds)) if self.seconds.size else 0.0
        counted = f"{self.seconds.size:,}, median {age(median) if median >= 1 else 'under 1 s'}"
        return (counted if self.seconds.size else "none") + _left_out(self)


def _left_out(*spans: _Spans) -> str:
    number = sum(part.negative for part in spans)
    return f", {number:,} below zero left out" if number else ""


def _bins(spans: Sequence[_Spans]) -> Numbers | None:
    """Return the edges of the bins for all spans, in seconds; None if there is nothing to draw."""
    everything = np.concatenate([np.empty(0), *(part.seconds for part in spans)])
    if not everything.size:
        return None
    low, high = np.maximum((everything.min(), everything.max()), 1.0)
    return np.geomspace(low * 0.9, high * 1.1 + 1, _BINS + 1)


def _histogram(axes: Axes, spans: _Spans, bins: Numbers, colour: str, name: str) -> None:
    drawn = np.maximum(spans.seconds, 1.0)  # a logarithmic axis has no zero
    axes.hist(drawn, bins=bins.tolist(), color=colour)
    axes.set_xscale("log")
    ticks = [tick for tick in _TICKS if bins[0] <= tick <= bins[-1]]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: age(number)))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    if drawn.size:
        axes.axvline(float(np.median(drawn)), color=_INK, linewidth=1, linestyle="--")
    _note(axes, f"{name}: {spans}")


def _note(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="right", fontsize=_SMALL, color=_INK)


def _stopless(frame: pd.DataFrame) -> str:
    """Return, as text, how many works ended at an unknown time, as those that an audit failed; empty if none."""
    without = frame["status"].isin(["success", "failure"]) & frame["stop"].isna()
    number = int(without.sum())
    return f"{count_of(number, 'ended work')} {'has' if number == 1 else 'have'} no stop, and no bar" if number else ""


def _waited(axes: Axes, frame: pd.DataFrame, step: pd.Timedelta) -> None:
    """Draw the median wait of the works that started in each interval of time."""
    started = frame[frame["start"].notna()]
    kept = started[started["wait"] >= pd.Timedelta(0)]
    middle = kept["wait"].dt.total_seconds().groupby(kept["start"].dt.floor(step)).median()
    longest = float(middle.max()) if len(middle) else 0.0
    unit, seconds = next((unit for unit in _UNITS if longest >= unit[1]), ("s", 1.0))
    axes.plot(middle.index.to_numpy(), middle.to_numpy() / seconds, color="#0072b2", marker=".", linewidth=1)
    axes.set_ylabel(f"median wait, {unit}", color=_INK)
    axes.set_ylim(bottom=0)
    _note(axes, _unread(frame, *NEEDS["wait"]) or _left_out(_Spans(started["wait"])).removeprefix(", "))


def _ended(axes: Axes, frame: pd.DataFrame, step: pd.Timedelta) -> None:
    width: Any = step * 0.9
    for status, side in (("success", 1), ("failure", -1)):
        ended = frame[(frame["status"] == status) & frame["stop"].notna()]
        counts = ended.groupby(ended["stop"].dt.floor(step)).size()
        axes.bar(
            counts.index.to_numpy(), side * counts.to_numpy(), width=width.to_timedelta64(), align="edge",
            color=STATUS_COLOURS[status], label=status,
        )  # fmt: skip
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.set_ylabel("failure | success", color=_INK)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{abs(int(number)):,}"))


def _dates(axes: Axes, times: pd.Series) -> None:
    """Limit the axis to these times and a margin, at least to an hour: for a single time, matplotlib shows years."""
    first, last = times.min(), times.max()
    margin = max((last - first) * _MARGIN, (_SHORTEST - (last - first)) / 2)
    axes.set_xlim((first - margin).to_numpy(), (last + margin).to_numpy())
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.set_xlabel("UTC", color=_INK)
