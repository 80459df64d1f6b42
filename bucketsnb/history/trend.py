"""Rates, gaps and an estimate of when a queue is empty, read from snapshots of counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bucketsnb.display.texts import age, format_time, printable
from bucketsnb.frames import SummaryFrame
from bucketsnb.schema import STATUS_KEYS

__all__ = ["Drain", "drain", "rates", "with_gaps", "with_zeros"]

Numbers = NDArray[np.floating]

GAP = 2.5
"""A silence longer than this many intervals is a gap."""

_SIGMAS = 2.0
_POINTS = 3


def with_zeros(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a name, and a row of zeros for each pipeline that a snapshot of all does not have.

    A row without a name stands for a snapshot that names no pipeline, or, with missing values, for one that is of some
    pipelines only.
    """
    named = table[table["pipeline"] != ""]
    partial = table.loc[(table["pipeline"] == "") & table["total"].isna(), "time"]
    whole = table.loc[~table["time"].isin(partial), ["time", "every"]].drop_duplicates("time")
    pairs = whole.merge(named[["pipeline"]].drop_duplicates(), how="cross")
    known = pd.MultiIndex.from_frame(named[["time", "pipeline"]])
    zeros = pairs[~pd.MultiIndex.from_frame(pairs[["time", "pipeline"]]).isin(known)]
    zeros = zeros.assign(**dict.fromkeys(STATUS_KEYS, 0)).astype(table.dtypes.to_dict())
    return pd.concat([named, zeros]).sort_values(["time", "pipeline"], kind="stable", ignore_index=True)


def with_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Return snapshots with a row of missing values in the middle of each gap.

    A gap is a silence of more than 2.5 times the interval the snapshots were taken at; snapshots taken by hand have
    no interval, so they have no gaps.
    """
    pipelines = table.groupby("pipeline", sort=False)
    silence = pipelines["time"].diff().dt.total_seconds()
    late = silence > GAP * pipelines["every"].shift()
    holes = table[late].copy()
    holes["time"] = holes["time"] - pd.to_timedelta(silence[late] / 2, unit="s")
    holes.loc[:, list(STATUS_KEYS)] = pd.NA
    whole: pd.DataFrame = pd.concat([table, holes]).drop(columns="every")
    return whole.sort_values(["time", "pipeline"], kind="stable", ignore_index=True)


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return works per hour in and out of each pipeline, from snapshots with their gaps.

    Snapshots see counts, not works: what came and went between two of them cancels out. ``arrived`` adds up the rises
    of the total, ``finished`` the rises of success and failure, ``left`` the falls of the total; each is therefore a
    lower bound. ``queued`` is the net change of the queue, which is exact. Time inside gaps does not count.

    Returns
    -------
    pandas.DataFrame
        Index ``pipeline``; columns ``arrived, finished, left, queued`` (works per hour), ``hours`` (seen).
    """
    rows = {str(name): _rates_of(snapshots) for name, snapshots in table.groupby("pipeline", sort=True)}
    index = pd.Index(list(rows), dtype=pd.StringDtype("python"), name="pipeline")
    columns = ["arrived", "finished", "left", "queued", "hours"]
    return SummaryFrame(list(rows.values()), index=index, columns=columns, dtype="float64")


def _rates_of(snapshots: pd.DataFrame) -> list[float]:
    numbers = snapshots[list(STATUS_KEYS)].astype("Float64").astype("float64")
    change = numbers.diff()
    seen = change["total"].notna()
    hours = snapshots["time"].diff().dt.total_seconds()[seen].sum() / 3600
    if not hours:
        return [np.nan] * 4 + [0.0]
    ended = change["success"].clip(lower=0) + change["failure"].clip(lower=0)
    totals = (change["total"].clip(lower=0), ended, -change["total"].clip(upper=0), change["queued"])
    return [float(column[seen].sum()) / hours for column in totals] + [float(hours)]


@dataclass(frozen=True)
class Drain:
    """When a pipeline's queue is empty, if it goes on as it did until its last snapshot.

    Attributes
    ----------
    pipeline
        Its name.
    queued
        Works queued at the last snapshot.
    per_hour, uncertainty
        Slope of the queue (negative while it drains) and two standard errors of it, works per hour.
    hours
        Hours until empty, or None when the queue does not shrink.
    earliest, latest
        Hours, from the slope's uncertainty; `latest` is None when standing still cannot be excluded.
    as_of
        When the last snapshot was taken, in UTC; the hours count from then.
    """

    pipeline: str
    queued: int
    per_hour: float
    uncertainty: float
    hours: float | None
    earliest: float | None
    latest: float | None
    as_of: pd.Timestamp = field(kw_only=True)

    def __str__(self) -> str:
        return f"{printable(self.pipeline)}, as of {format_time(self.as_of)}: {self._finding()}"

    def _finding(self) -> str:
        if self.queued == 0:
            return "nothing is queued"
        if self.hours is None:
            return f"{self.queued:,} queued, not draining ({self.per_hour:+.1f} works an hour)"
        last = f"to {age(self.latest * 3600)}" if self.latest is not None else "or more: it may stand still"
        span = f"{age((self.earliest or 0.0) * 3600)} {last}"
        return f"{self.queued:,} queued, empty in about {age(self.hours * 3600)} ({span})"


def drain(snapshots: pd.DataFrame, pipeline: str) -> Drain:
    """Estimate when one pipeline's queue is empty: a straight line through its snapshots, extended.

    Raises
    ------
    LookupError
        With fewer than three snapshots: two give a line without an uncertainty.
    """
    came = snapshots["total"].ne(0).fillna(value=True).cummax()  # before, there was nothing to drain
    known = snapshots[came & snapshots["queued"].notna()]
    if len(known) < _POINTS:
        raise LookupError(f"{pipeline!r} has {len(known)} snapshots in this time, and an estimate needs {_POINTS}")
    hours = (known["time"] - known["time"].iloc[0]).dt.total_seconds().to_numpy() / 3600
    queued = known["queued"].astype("float64").to_numpy()
    slope, uncertainty = _slope(hours, queued)
    left = int(queued[-1])
    reach = [_hours(left, value) for value in (slope, slope - uncertainty, slope + uncertainty)]
    return Drain(pipeline, left, slope, uncertainty, *reach, as_of=known["time"].iloc[-1])


def _slope(hours: Numbers, queued: Numbers) -> tuple[float, float]:
    spread = float(((hours - hours.mean()) ** 2).sum())
    slope = float(((hours - hours.mean()) * (queued - queued.mean())).sum()) / spread
    rest = queued - queued.mean() - slope * (hours - hours.mean())
    return slope, _SIGMAS * float(np.sqrt((rest**2).sum() / (len(hours) - 2) / spread))


def _hours(left: int, slope: float) -> float | None:
    if left == 0:
        return 0.0
    return left / -slope if slope < 0 else None
