"""Snapshots of the status in one SQLite file, limited by age and shared by all notebooks of a user."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs

from bucketsnb.display.texts import count_of, format_time
from bucketsnb.errors import ConfigurationError
from bucketsnb.files import absolute
from bucketsnb.frames import SummaryFrame
from bucketsnb.history.trend import Drain, drain, rates, with_gaps, with_zeros
from bucketsnb.schema import STATUS_KEYS

__all__ = ["KEEP_DAYS", "THIN_AFTER_DAYS", "History"]

KEEP_DAYS = 90
"""Snapshots are dropped once they are older than this and as many later days have snapshots."""

THIN_AFTER_DAYS = 3
"""Snapshots older than this are reduced to the first of each hour, once as many later days have snapshots."""

_DAY = 86_400.0
_LATEST = 2.0**33
_ROUNDED = 1e-6
"""Seconds by which the shown time of a snapshot may be off, at most."""
_THINNED = 3600.0
"""Seconds between the older snapshots that are kept."""

_COLUMNS = ("time", "pipeline", *STATUS_KEYS)
_EMPTY = (0,) * len(STATUS_KEYS)
_PARTIAL = (None,) * len(STATUS_KEYS)
"""Counts of the row without a name: `_EMPTY` if there are no pipelines, `_PARTIAL` if only some were read."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS snapshot (
    url TEXT NOT NULL, time REAL NOT NULL, every REAL, pipeline TEXT NOT NULL,
    {", ".join(f"{key} INTEGER" for key in STATUS_KEYS)},
    PRIMARY KEY (url, time, pipeline)
) WITHOUT ROWID
"""


def default_path() -> Path:
    """Return ``BUCKETSNB_HISTORY``, or ``history.db`` in the user's data folder."""
    named = os.environ.get("BUCKETSNB_HISTORY")
    return absolute(named or str(Path(platformdirs.user_data_dir("bucketsnb", appauthor=False)) / "history.db"))


class History:
    """Snapshots of the status of one service.

    Parameters
    ----------
    url
        Address of the service whose snapshots these are.
    path
        The file; by default ``BUCKETSNB_HISTORY`` or ``history.db`` in the user's data folder. It is made when the
        first snapshot is recorded, keeps 90 days, and of what is older than 3 days one snapshot an hour.

    Examples
    --------
    >>> history = buckets.history()                          # doctest: +SKIP
    >>> history.diff("2026-11-20", "2026-11-23")             # doctest: +SKIP
    """

    def __init__(self, url: str, path: str | os.PathLike[str] | None = None) -> None:
        self.url = url
        self.path = default_path() if path is None else absolute(os.fspath(path))

    def __repr__(self) -> str:
        times = self.times()
        span = f", {format_time(times[0])} to {format_time(times[-1])}" if len(times) else ""
        return f"History({self.url!r}, {count_of(len(times), 'snapshot')}{span}, {str(self.path)!r})"

    def record(self, status: pd.DataFrame, *, at: float | None = None, every: float | None = None) -> None:
        """Add one snapshot.

        Parameters
        ----------
        status
            What ``buckets.status()`` returned. A pipeline that is not in it had no works then, unless its ``attrs`` say
            that only some were read.
        at
            Epoch seconds; by default when the status was read.
        every
            Seconds until the next snapshot is due; a much longer silence is then known as a gap.

        Raises
        ------
        ConfigurationError
            If the file cannot be written, or the time is none.
        """
        at = at if at is not None else float(status.attrs.get("read_at") or time.time())
        if not 0 <= at < _LATEST:
            raise ConfigurationError(f"a snapshot is of a time in epoch seconds from 0 to {_LATEST:.0f}, not {at!r}")
        numbers = status[list(STATUS_KEYS)].astype(object).where(status[list(STATUS_KEYS)].notna(), None)
        names = [str(name).encode(errors="replace").decode() for name in numbers.index]  # without lone surrogates
        rows = [(self.url, at, every, name, *row) for name, row in zip(names, numbers.values, strict=True)]
        if status.attrs.get("pipelines", len(status)) != len(status):
            rows.append((self.url, at, every, "", *_PARTIAL))
        # A queue without pipelines is a fact too: it is kept as a row that names none.
        rows = rows or [(self.url, at, every, "", *_EMPTY)]
        marks = ", ".join("?" * (4 + len(STATUS_KEYS)))
        with self._open() as store:
            store.executemany(f"INSERT OR REPLACE INTO snapshot VALUES ({marks})", rows)  # noqa: S608 - only marks
            _bound(store)

    def times(self) -> pd.DatetimeIndex:
        """Return when the snapshots were taken, oldest first."""
        rows = self._rows("SELECT DISTINCT time FROM snapshot WHERE url = ? ORDER BY time", self.url)
        return pd.DatetimeIndex(_moments(pd.Series([row[0] for row in rows], dtype="float64")))

    def frame(self, *, since: object = None, until: object = None, gaps: bool = False) -> pd.DataFrame:
        """Return the snapshots as rows.

        Parameters
        ----------
        since, until
            Limits, as anything ``pandas.Timestamp`` reads (naive is UTC) or epoch seconds.
        gaps
            Put a row of missing values where snapshots should have been and were not, so that a line is not drawn
            across what nobody saw.

        Returns
        -------
        pandas.DataFrame
            Columns ``time`` (UTC), ``pipeline`` (text), ``total`` to ``failure`` (``Int64``); oldest first. A pipeline
            that a snapshot of all pipelines did not have counts 0 in it, and has no row in one of some pipelines only.
        """
        low = _epoch(since) - _ROUNDED if since is not None else 0.0
        high = _epoch(until) + _ROUNDED if until is not None else 1e12
        table = with_zeros(_typed(self._table("time BETWEEN ? AND ?", low, high)))
        return SummaryFrame(with_gaps(table) if gaps else table.drop(columns="every"))

    def at(self, moment: object) -> pd.DataFrame:
        """Return the last snapshot at or before a time, as ``status()`` shows it.

        Returns
        -------
        pandas.DataFrame
            Index ``pipeline``, columns ``total`` to ``failure``; ``attrs["read_at"]`` is when it was taken, and
            ``attrs["pipelines"]`` how many there were, or None if it is of some pipelines only.

        Raises
        ------
        LookupError
            When there is no snapshot that old.
        """
        latest = "time = (SELECT max(time) FROM snapshot WHERE url = ? AND time <= ?)"
        table = self._table(latest, self.url, _epoch(moment) + _ROUNDED)
        if table.empty:
            times = self.times()
            oldest = f"the oldest is of {format_time(times[0])}" if len(times) else "there are none yet"
            raise LookupError(f"no snapshot of {self.url} at {format_time(_epoch(moment))}: {oldest}")
        taken, table = float(table["time"].iloc[0]), _typed(table)
        named = table["pipeline"] != ""
        partial = bool(table.loc[~named, "total"].isna().any())
        snapshot = SummaryFrame(table[named].set_index("pipeline")[list(STATUS_KEYS)])
        snapshot.attrs.update(read_at=taken, url=self.url, pipelines=None if partial else len(snapshot))
        return snapshot

    def diff(self, earlier: object, later: object) -> pd.DataFrame:
        """Return how the counts changed between two times (later minus earlier).

        A pipeline that is in one snapshot only counts as 0 in the other; one that could not be read stays missing, as
        does one that the other, being of some pipelines only, does not have.
        """
        before, after = self.at(earlier), self.at(later)
        names = before.index.union(after.index)
        difference = SummaryFrame(_all_of(names, after) - _all_of(names, before))
        difference.attrs = {"earlier": before.attrs["read_at"], "later": after.attrs["read_at"], "url": self.url}
        return difference

    def rates(self, *, since: object = None, until: object = None) -> pd.DataFrame:
        """Return works per hour going in and out of each pipeline.

        See :func:`bucketsnb.history.trend.rates` for what the columns mean, and why they are lower bounds.
        """
        return rates(self.frame(since=since, until=until, gaps=True))

    def drain(self, pipeline: str, *, since: object = None, until: object = None) -> Drain:
        """Estimate when a pipeline's queue is empty, with its uncertainty."""
        table = self.frame(since=since, until=until)
        return drain(table[table["pipeline"] == pipeline], pipeline)

    def clear(self) -> None:
        """Drop every snapshot of this service."""
        with self._open() as store:
            store.execute("DELETE FROM snapshot WHERE url = ?", (self.url,))

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._open() as store:
            return store.execute(query, values).fetchall()

    def _table(self, condition: str, *values: Any) -> pd.DataFrame:
        columns = (*_COLUMNS, "every")
        query = f"SELECT {', '.join(columns)} FROM snapshot WHERE url = ? AND {condition} ORDER BY time, pipeline"  # noqa: S608 - only our own words
        return pd.DataFrame.from_records(self._rows(query, self.url, *values), columns=columns)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self.path, timeout=30)) as store, store:
                store.execute("PRAGMA journal_mode = WAL")
                store.execute(_SCHEMA)
                yield store
        except (OSError, sqlite3.Error) as error:
            message = f"the history at {self.path} cannot be used ({error}); point BUCKETSNB_HISTORY at another file"
            raise ConfigurationError(message) from error


def _bound(store: sqlite3.Connection) -> None:
    """Keep the store small: 90 days of snapshots, and one snapshot an hour of all but the last 3 days.

    Only days with snapshots count, up to today: a snapshot whose clock is far off pushes no others out. On a day that
    follows a long silence nothing is dropped, as it is this machine's clock that may be far off.
    """
    now = time.time()
    (before,) = store.execute("SELECT max(time) FROM snapshot WHERE time < ?", (now // _DAY * _DAY,)).fetchone()
    if before is not None and now - before > KEEP_DAYS * _DAY:
        return
    store.execute("DELETE FROM snapshot WHERE time < ?", (_cutoff(store, now, KEEP_DAYS),))
    thin = _cutoff(store, now, THIN_AFTER_DAYS)
    store.execute(
        "DELETE FROM snapshot WHERE time < ? AND time NOT IN "
        "(SELECT min(time) FROM snapshot GROUP BY url, CAST(time / ? AS INTEGER))",
        (thin, _THINNED),
    )
    # The snapshots between two of them were dropped here: that is no gap.
    store.execute("UPDATE snapshot SET every = ? WHERE time < ? AND every < ?", (_THINNED, thin, _THINNED))


def _cutoff(store: sqlite3.Connection, now: float, days: int) -> float:
    """Return the time before which snapshots are older than some days, and than as many days with snapshots."""
    query = (
        "SELECT min(day) FROM (SELECT DISTINCT CAST(time / ? AS INTEGER) AS day FROM snapshot WHERE time <= ? "
        "ORDER BY day DESC LIMIT ?)"
    )
    (day,) = store.execute(query, (_DAY, now, days + 1)).fetchone()
    return min(now - days * _DAY, (day or 0) * _DAY)


def _all_of(names: pd.Index, snapshot: pd.DataFrame) -> pd.DataFrame:
    return snapshot.reindex(names) if snapshot.attrs["pipelines"] is None else snapshot.reindex(names, fill_value=0)


def _epoch(moment: Any) -> float:
    if isinstance(moment, Real):
        return float(moment)
    stamp = pd.Timestamp(moment, tz="UTC" if isinstance(moment, str) else None)  # raises if it is no time
    return (stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).timestamp()


def _moments(seconds: pd.Series) -> pd.Series:
    """Return times rounded to the microsecond: further digits of epoch seconds as a float are noise."""
    return pd.to_datetime(seconds, unit="s", utc=True).dt.round("us")


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    table["time"] = _moments(table["time"].astype("float64")).astype("datetime64[ns, UTC]")
    table["pipeline"] = table["pipeline"].astype(pd.StringDtype("python"))
    for key in STATUS_KEYS:
        table[key] = pd.array(table[key].tolist(), dtype="Int64")
    table["every"] = table["every"].astype("float64")
    return table
