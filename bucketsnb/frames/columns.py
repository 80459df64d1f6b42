"""The columns of a frame of works, their dtypes, and how each is made from the values of its field."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.encoding import decode
from bucketsnb.frames.json_array import JSONArray, JSONDtype, Text
from bucketsnb.schema import FIELDS, STATUSES, TIME_FIELDS, Kind

__all__ = [
    "COLUMNS",
    "DERIVED",
    "DTYPES",
    "GATHERED",
    "LIGHT",
    "NEEDED",
    "NEEDS",
    "NESTED",
    "NUMBERS",
    "PARTS",
    "STORED",
    "WORKS",
    "Columns",
    "column",
    "derived",
    "joined",
    "microseconds",
    "missing",
    "parent_of",
    "parents_of",
]

Columns: TypeAlias = "dict[str, Any]"
"""The stored columns of a frame by name, and what is kept of each work beside its cells."""
Instants: TypeAlias = npt.NDArray[np.int64]

WORKS = "works"
"""The works themselves, as JSON; no column of a frame."""

PARTS = "parts"
"""The fields that were read of a partly read work, as JSON; null for a whole work. No column of a frame."""

LIGHT = ("id", "pipeline", "status", "site", "user", "priority", "attempt", "creation", "event", "tags")
"""The columns of ``columns="light"``; a frame shows the same ones, but ``age`` in place of ``creation``."""

NEEDED = ("id", "pipeline", "status")
"""Columns that a frame of works must have; without them it is an ordinary DataFrame."""

NESTED = tuple(name for name, field in FIELDS.items() if field.kind in {Kind.MAPPING, Kind.TEXTS, Kind.INTEGERS})

NUMBERS = frozenset(name for name, field in FIELDS.items() if field.kind in {Kind.INTEGER, Kind.TIME, Kind.STATUS})
"""Fields whose columns hold numbers: whole ones, times, and the codes of statuses."""

_TEXT = pd.StringDtype("python")
_STATUS = pd.CategoricalDtype(list(STATUSES), ordered=True)
_TIME = pd.DatetimeTZDtype(pd.to_datetime(["2026-01-01"], utc=True).unit, "UTC")
"""The dtype of times, in the unit in which this pandas reads times from text: some joins need equal units."""
_SPAN = np.dtype("m8[ms]")
"""The dtype of spans. Values are whole seconds, which read best; ``pd.cut`` widens bins by less than a second."""

_US = 10**6
_FURTHEST = 9_223_372_036  # whole seconds that fit 64 bits of nanoseconds
_CODES: Mapping[str | None, int] = {None: -1, **{status: code for code, status in enumerate(STATUSES)}}
_NAT = np.iinfo(np.int64).min


def missing(name: str, count: int) -> Any:
    """Return a column of missing values."""
    if name not in DTYPES or isinstance(DTYPES[name], JSONDtype):
        return JSONArray.nulls(count)
    return pd.array([None], dtype=DTYPES[name]).take(np.zeros(count, dtype=np.intp))


def column(name: str, values: Any, count: int) -> Any:
    """Make a stored column of decoded values; a value that does not fit the column is missing in it.

    The values of a nested field are JSON texts. Those of :data:`NUMBERS` come in pieces, others as an array.
    """
    if name == "status":
        codes = np.fromiter(map(_CODES.__getitem__, chain.from_iterable(values)), dtype=np.int8, count=count)
        return pd.Categorical.from_codes(codes, dtype=_STATUS)
    if isinstance(DTYPES[name], pd.Int64Dtype):
        return _integers(values, count)
    if name in TIME_FIELDS:
        return _times(values, count)
    return JSONArray(values) if isinstance(DTYPES[name], JSONDtype) else pd.array(values, dtype=DTYPES[name])


def joined(pages: Iterable[Columns], on_column: Callable[[], None]) -> Columns:
    """Join the columns of several pages, which are emptied, so that only one column is in memory twice.

    `on_column` is called after each column, as a million works take a while.
    """
    pages = list(pages)
    if len(pages) == 1:
        return pages[0]
    whole: Columns = {}
    for name in GATHERED:
        arrays = [page.pop(name) for page in pages]
        whole[name] = type(arrays[0])._concat_same_type(arrays)
        on_column()
    return whole


def _integers(values: Sequence[Sequence[Any]], count: int) -> Any:
    try:
        whole = np.fromiter(chain.from_iterable(values), dtype=np.int64, count=count)
        return pd.arrays.IntegerArray(whole, np.zeros(count, dtype=bool))
    except (TypeError, OverflowError):  # some are missing, or beyond 64 bits
        cells = chain.from_iterable(values)
    fitting = [cell if cell is not None and -(2**63) <= cell < 2**63 else None for cell in cells]
    return pd.array(fitting, dtype="Int64")


def _times(values: Sequence[Sequence[Any]], count: int) -> Any:
    seconds = _seconds(values, count)
    known = np.abs(seconds) < _FURTHEST
    safe = np.where(known, seconds, 0.0)
    whole = np.floor(safe)  # apart from the fraction: the product with 10**6 would need more digits than a float has
    instants = whole.astype(np.int64) * _US + np.rint((safe - whole) * _US).astype(np.int64)
    instants = np.where(known, instants * (1000 if _TIME.unit == "ns" else 1), _NAT)
    return pd.array(instants.view(f"M8[{_TIME.unit}]"), dtype=_TIME, copy=False)


def _seconds(values: Sequence[Sequence[Any]], count: int) -> npt.NDArray[np.float64]:
    """Return times as floats: NaN for a missing one, infinite for an integer larger than any float."""
    try:
        return np.fromiter(chain.from_iterable(values), dtype=np.float64, count=count)
    except (TypeError, OverflowError):
        cells = list(chain.from_iterable(values))
    try:
        return np.array(cells, dtype=np.float64)
    except OverflowError:
        return np.array([np.inf if type(cell) is int and abs(cell) >= 2**1023 else cell for cell in cells], np.float64)


def microseconds(times: Any) -> Instants:
    """Return a column of times as microseconds since 1970."""
    instants: Instants = pd.DatetimeIndex(times).as_unit("us").to_numpy("M8[us]").view(np.int64)
    return instants


class _Parent(msgspec.Struct, gc=False):
    parent: str | None = None


_decode_parents = msgspec.json.Decoder(list[_Parent | None]).decode


def parent_of(config: Any) -> str | None:
    """Return the parent in a decoded ``config``, if it is text."""
    parent = config.get("parent") if isinstance(config, dict) else None
    return parent if isinstance(parent, str) else None


def parents_of(configs: Sequence[Text]) -> list[str | None]:
    """Return the parents in configs that are JSON texts; all at once if each config is regular."""
    try:
        found = _decode_parents(b"[" + b",".join(configs) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return [parent_of(decode(config)) for config in configs]
    return [None if config is None else config.parent for config in found]


def derived(columns: Columns, now: float, read: Container[str]) -> Columns:
    """Compute the derived columns as of `now`, in epoch seconds; a column is empty unless all its fields were read."""
    count = len(columns["id"])
    return {
        name: row.make(columns, round(now * _US)) if all(field in read for field in row.needs) else missing(name, count)
        for name, row in _DERIVED.items()
    }


# -- derived columns: computed from others, as of when the works were read --------------------------------------------


def _age(columns: Columns, now: int) -> Instants:
    return _between(microseconds(columns["creation"]), now)


def _wait(columns: Columns, now: int) -> Instants:
    """Return the time from creation to the last start; until now for a queued work that never started."""
    start = microseconds(columns["start"])
    waits = (columns["status"] == "queued") & (start == _NAT)
    return _between(microseconds(columns["creation"]), np.where(waits, now, start))


def _runtime(columns: Columns, now: int) -> Instants:
    """Return the time from start to stop; until now for a running work."""
    stop = np.where(columns["status"] == "running", now, microseconds(columns["stop"]))
    return _between(microseconds(columns["start"]), stop)


def _between(earlier: Instants, later: Instants | int) -> Instants:
    span: Instants = later - earlier
    span[(earlier == _NAT) | (later == _NAT)] = _NAT
    return span


def _in_seconds(span: Callable[[Columns, int], Instants]) -> Callable[[Columns, int], Any]:
    def make(columns: Columns, now: int) -> Any:
        length = span(columns, now)
        milliseconds = length // _US * 1000
        milliseconds[length == _NAT] = _NAT
        return pd.array(milliseconds.view(_SPAN), dtype=_SPAN, copy=False)

    return make


def _overdue(columns: Columns, now: int) -> Any:
    """Return whether each work is running past its own timeout; missing if its start or its timeout is."""
    running, runtime = columns["status"] == "running", _runtime(columns, now)
    beyond = np.where(runtime == _NAT, np.nan, runtime / _US) - columns["timeout"].to_numpy(np.float64, na_value=np.nan)
    return pd.arrays.BooleanArray(running & (beyond > 0), running & np.isnan(beyond))


@dataclass(frozen=True)
class _Derived:
    """A derived column: its dtype, the fields that it needs, and the function that computes it as of a time."""

    dtype: Any
    needs: tuple[str, ...]
    make: Callable[[Columns, int], Any]


_DERIVED: Mapping[str, _Derived] = {
    "age": _Derived(_SPAN, ("creation",), _in_seconds(_age)),
    "wait": _Derived(_SPAN, ("creation", "start", "status"), _in_seconds(_wait)),
    "runtime": _Derived(_SPAN, ("start", "stop", "status"), _in_seconds(_runtime)),
    "overdue": _Derived(pd.BooleanDtype(), ("start", "stop", "status", "timeout"), _overdue),
}

DERIVED = tuple(_DERIVED)

NEEDS: Mapping[str, Sequence[str]] = {name: row.needs for name, row in _DERIVED.items()}
"""Fields that must be read for each derived column."""

# -- all of them ------------------------------------------------------------------------------------------------------

STORED = (
    *("id", "pipeline", "status", "site", "user", "priority", "attempt", "retries", "timeout"),
    *("creation", "start", "stop", "event", "tags", "parent", "function", "command", "parameters"),
    *("results", "products", "plots", "config", "notify"),
)
"""The columns that hold what was read."""

COLUMNS = (*STORED, *DERIVED)
"""The columns of every frame of works, in this order."""

GATHERED = (*STORED, WORKS, PARTS)
"""What is made of an answer."""

_BY_KIND: Mapping[Kind, Any] = {
    Kind.TEXT: _TEXT,
    Kind.STATUS: _STATUS,
    Kind.INTEGER: pd.Int64Dtype(),
    Kind.TIME: _TIME,
}

DTYPES: Mapping[str, Any] = MappingProxyType(
    {
        **{name: _BY_KIND.get(FIELDS[name].kind, JSONDtype()) if name in FIELDS else _TEXT for name in STORED},
        **{name: row.dtype for name, row in _DERIVED.items()},
    }
)
"""The dtype of each column, the same in every frame of works."""
