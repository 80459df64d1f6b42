"""The fixed columns of a frame of works, their dtypes, and how each is made from the values of its field.

Every maker also says which values its column cannot give back exactly; the works they are of keep their own record.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.frames.json_array import JSONArray, JSONDtype
from bucketsnb.frames.json_text import Objects, Text, are_none, decode_json
from bucketsnb.schema import FIELDS, STATUSES, TIME_FIELDS, Kind

__all__ = [
    "COLUMNS",
    "DERIVED",
    "DTYPES",
    "GATHERED",
    "HEAVY",
    "HOLDS",
    "LIGHT",
    "MARKS",
    "NEEDED",
    "NEEDS",
    "NESTED",
    "STORED",
    "codes_of",
    "column",
    "derived",
    "epochs",
    "marks_of",
    "missing",
    "parent_of",
    "parents_of",
    "shown",
]

Flags: TypeAlias = npt.NDArray[np.bool_]
Instants: TypeAlias = npt.NDArray[np.int64]

COLUMNS = (
    *("id", "pipeline", "status", "site", "user", "priority", "attempt", "retries", "timeout"),
    *("creation", "start", "stop", "event", "tags", "parent", "function", "command", "parameters"),
    *("results", "products", "plots", "config", "notify", "age", "wait", "runtime", "overdue"),
)
"""The columns of every frame of works, in this order."""

MARKS = "marks"
"""What is kept of each work beside its cells; no column of a frame: see :func:`marks_of`."""

LIGHT = ("id", "pipeline", "status", "site", "user", "priority", "attempt", "creation", "event", "tags")
"""The columns of ``columns="light"``, and those that a frame shows of itself."""

HEAVY = ("command", "parameters", "results", "products", "plots", "config", "notify")
"""Nested columns that are large, and shown only when asked for."""

NEEDS: Mapping[str, Sequence[str]] = {
    "age": ("creation",),
    "wait": ("creation", "start", "status"),
    "runtime": ("start", "stop", "status"),
    "overdue": ("start", "stop", "status", "timeout"),
}
"""What has to be read for a column that is worked out here from the times, as of when the works were read."""

NEEDED = ("id", "pipeline", "status")
"""What a frame must have to be shown as works; without them it is an ordinary DataFrame."""

DERIVED = tuple(NEEDS)

STORED = tuple(name for name in COLUMNS if name not in DERIVED)
"""The columns that hold what was read."""

GATHERED = (*STORED, MARKS)
"""What is made of an answer: the stored columns, their times to the nanosecond, and the marks."""

NESTED = tuple(name for name, field in FIELDS.items() if field.kind in {Kind.MAPPING, Kind.TEXTS, Kind.INTEGERS})

TEXT = pd.StringDtype("python")
STATUS = pd.CategoricalDtype(list(STATUSES), ordered=True)
TIME = pd.DatetimeTZDtype(pd.to_datetime(["2026-01-01"], utc=True).unit, "UTC")
"""The dtype of times in a frame, in the unit that this pandas reads times of text in: some joins take only the same."""
_EXACT = pd.DatetimeTZDtype("ns", "UTC")
_SPAN = np.dtype("m8[ms]")
"""The dtype of spans. They are whole seconds, which are read best; ``pd.cut`` widens bins by less than a second."""

_BY_KIND: Mapping[Kind, Any] = {Kind.TEXT: TEXT, Kind.STATUS: STATUS, Kind.INTEGER: pd.Int64Dtype(), Kind.TIME: TIME}
_APART: Mapping[str, Any] = {
    "parent": TEXT,
    "overdue": pd.BooleanDtype(),
    **dict.fromkeys(("age", "wait", "runtime"), _SPAN),
}

DTYPES: Mapping[str, Any] = MappingProxyType(
    {name: _APART.get(name) or _BY_KIND.get(FIELDS[name].kind) or JSONDtype() for name in COLUMNS}
)
"""The dtype of each column, the same in every frame of works."""

HOLDS: Mapping[Kind, Any] = MappingProxyType({Kind.INTEGER: np.int64, Kind.TIME: np.float64, Kind.STATUS: np.int8})
"""What decoded values of a kind are gathered into, where not objects; a status as :func:`codes_of` says."""

_NS = 10**9
_YEARS_SAFE = 9_223_372_036  # whole seconds that fit 64 bits of nanoseconds
_AT_ONCE = 8_192  # values that are worked on while they are in the processor's cache, and in memory that is used again
_CODES: Mapping[str | None, int] = {status: code for code, status in enumerate(STATUSES)}
_CODE_BYTES: Mapping[str | None, int] = {None: 255, **_CODES}  # 255 is the byte of -1, which is none of them
_NAT = np.iinfo(np.int64).min


def missing(name: str, count: int) -> Any:
    """Return what a column with nothing in it is gathered into: its dtype, with times to the nanosecond."""
    if name == MARKS or isinstance(DTYPES[name], JSONDtype):
        return JSONArray.later(lambda: np.full(count, None, dtype=object), count)
    if isinstance(DTYPES[name], pd.Int64Dtype):  # zeros that nobody looks at take no memory
        return pd.arrays.IntegerArray(np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool))
    if DTYPES[name] == TEXT:
        return _texts(np.full(count, pd.NA, dtype=object))[0]
    dtype = _EXACT if name in TIME_FIELDS else DTYPES[name]
    some: Any = pd.array([None], dtype=dtype).take(np.zeros(min(count, _AT_ONCE), dtype=np.intp))
    return type(some)._concat_same_type([some] * (count // _AT_ONCE) + [some[: count % _AT_ONCE]])


def column(name: str, values: Any, given: Callable[[int], Any]) -> tuple[Any, Flags | None]:
    """Make the column of a field that is not nested of its decoded values.

    Parameters
    ----------
    name
        A field of the schema, or ``"parent"``.
    values
        Array of text, codes of statuses, whole numbers or times (epoch seconds), as :data:`HOLDS` says of the field's
        kind; an array of objects where some value did not fit that.
    given
        Returns the value at a place as it was decoded.

    Returns
    -------
    array, odd
        The column, and which of its cells do not give the value back exactly (None if all do).
    """
    kind = Kind.TEXT if name == "parent" else FIELDS[name].kind
    made: tuple[Any, Flags | None] = _MAKERS[kind](values, given)
    return made


def _texts(values: Objects, _: Any = None) -> tuple[Any, None]:
    """Make the array without looking at each value once more: all are known to be text or ``pd.NA``."""
    return type(_NO_TEXT)._from_backing_data(_NO_TEXT, values), None


def shown(column: Any) -> Any:
    """Return a column of times in the unit of frames, rounded; any other as it is."""
    if column.dtype != _EXACT or column.dtype == TIME:
        return column
    rounded = column.asi8 + 500
    microseconds = np.where(column.asi8 == _NAT, _NAT, rounded // 1000)
    return pd.array(microseconds.view(f"M8[{TIME.unit}]"), dtype=TIME, copy=False)


def marks_of(mark: Any) -> tuple[list[str] | None, Any]:
    """Return what a mark says of a work: the fields read, if that was a part, and the work, if its columns lose it.

    Examples
    --------
    >>> marks_of(None), marks_of({"shape": "old"})
    ((None, None), (None, {'shape': 'old'}))
    >>> marks_of(["id", "site"]), marks_of(["id", {"id": 5}])
    ((['id', 'site'], None), (['id'], {'id': 5}))
    """
    if not isinstance(mark, list):
        return None, mark
    read = [name for name in mark if isinstance(name, str)]
    return read, next((work for work in mark if isinstance(work, dict)), None)


def codes_of(statuses: Iterable[str | None]) -> npt.NDArray[np.int8]:
    """Return the codes of statuses in their dtype, -1 for none; by way of bytes, which are made fastest."""
    codes = itemgetter(None, None, *statuses)(_CODE_BYTES)  # of two items and more it gives a tuple
    return np.frombuffer(bytes(codes), dtype=np.int8, offset=2)


def _statuses(values: npt.NDArray[np.int8], _: Any) -> tuple[Any, None]:
    return pd.Categorical.from_codes(values, dtype=STATUS), None


def _integers(values: Any, _: Any) -> tuple[Any, Flags | None]:
    if values.dtype == np.int64:
        return pd.arrays.IntegerArray(values, np.zeros(len(values), dtype=bool)), None
    fits = np.fromiter((_is_int64(value) for value in values), dtype=bool, count=len(values))
    return pd.arrays.IntegerArray(np.where(fits, values, 0).astype(np.int64), ~fits), ~(fits | are_none(values))


def _is_int64(value: Any) -> bool:
    return value is not None and -(2**63) <= value < 2**63


def _times(values: Any, given: Callable[[int], Any]) -> tuple[Any, Flags]:
    seconds = values if values.dtype == np.float64 else _floats(values)
    nanoseconds, odd = np.empty(len(seconds), dtype=np.int64), np.empty(len(seconds), dtype=bool)
    for start in range(0, len(seconds), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        nanoseconds[some], odd[some], whole = _instants(seconds[some])
        for place in (np.flatnonzero(whole) + start).tolist():
            odd[place] |= type(given(place)) is int
    return pd.array(nanoseconds.view("M8[ns]"), dtype=_EXACT, copy=False), odd


def _instants(seconds: npt.NDArray[np.float64]) -> tuple[Instants, Flags, Flags]:
    """Return times in nanoseconds, which of them are not given back exactly, and which may have had no fraction."""
    finite = np.isfinite(seconds) & (np.abs(seconds) < _YEARS_SAFE)
    safe = np.where(finite, seconds, 0.0)
    whole = np.floor(safe)
    # whole seconds apart from the rest: their product with 10**9 would need more digits than a float has
    nanoseconds = whole.astype(np.int64) * _NS + np.rint((safe - whole) * 1e9).astype(np.int64)
    nanoseconds[~finite] = _NAT
    return nanoseconds, epochs(nanoseconds).view(np.int64) != seconds.view(np.int64), finite & (whole == safe)


def _floats(values: Objects) -> npt.NDArray[np.float64]:
    """Return the values as floats; a whole number beyond every float is infinite, so that it is seen to be odd."""
    infinite = (np.inf if type(value) is int and abs(value) >= 2**1023 else value for value in values)
    return np.array(list(infinite), dtype=np.float64)


def epochs(nanoseconds: Instants) -> npt.NDArray[np.float64]:
    """Return epoch seconds of nanoseconds since 1970, NaN for NaT; exact for times read from epoch seconds."""
    known = nanoseconds != _NAT
    whole, rest = np.divmod(np.where(known, nanoseconds, 0), _NS)
    return np.where(known, whole + rest / 1e9, np.nan)


_NO_TEXT: Any = pd.array([], dtype=TEXT)

_MAKERS: Mapping[Kind, Any] = {
    Kind.TEXT: _texts,
    Kind.STATUS: _statuses,
    Kind.INTEGER: _integers,
    Kind.TIME: _times,
}


class _Parent(msgspec.Struct, gc=False):
    parent: str | None = None


_decode_parents = msgspec.json.Decoder(list[_Parent | None]).decode


def parent_of(config: Any) -> str | None:
    """Return the parent that a decoded ``config`` names, if it names one by text."""
    parent = config.get("parent") if isinstance(config, dict) else None
    return parent if isinstance(parent, str) else None


def parents_of(configs: Sequence[Text]) -> list[str | None]:
    """Return the parents that configs name, given as JSON texts: all in one go, where each is as it should be."""
    try:
        found = _decode_parents(b"[" + b",".join(configs) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return [parent_of(decode_json(config)) for config in configs]
    return [None if one is None else one.parent for one in found]


def derived(columns: Mapping[str, Any], now: float, read: Container[str] = STORED) -> dict[str, Any]:
    """Work out the derived columns; there is nothing in those that need what was not read.

    ``age`` is the time since creation; ``wait`` from creation to the last start, or till now for a work that is queued
    and was never started; ``runtime`` from start to stop, or till now for a running work: all in whole seconds.
    ``overdue`` says whether a running work is past its own timeout.

    Parameters
    ----------
    columns
        The stored columns by name.
    now
        Epoch seconds.
    read
        The stored columns that were read.
    """
    known = [name for name, needed in NEEDS.items() if all(one in read for one in needed)]
    at = {name: columns[name].asi8 for name in TIME_FIELDS}
    codes = columns["status"].codes
    spans = {name: np.empty(len(codes), dtype=np.int64) for name in known if name in _SPANS}
    for start in range(0, len(codes), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        times = {name: values[some] for name, values in at.items()}
        for name, values in spans.items():
            values[some] = _SPANS[name](times, codes[some], round(now * 1e9))
    made = {name: missing(name, len(codes)) for name in DERIVED if name not in known}
    made |= {name: _whole_seconds(values) for name, values in spans.items()}
    if "overdue" in known:
        made["overdue"] = _overdue(codes, spans["runtime"], columns["timeout"])
    return made


def _whole_seconds(nanoseconds: Instants) -> Any:
    milliseconds = np.where(nanoseconds == _NAT, _NAT, nanoseconds // _NS * 1000)
    return pd.array(milliseconds.view(_SPAN), dtype=_SPAN, copy=False)


def _overdue(codes: npt.NDArray[np.int8], runtimes: Instants, timeouts: Any) -> Any:
    overdue, unknown = np.zeros(len(codes), dtype=bool), np.zeros(len(codes), dtype=bool)
    running = np.flatnonzero(codes == _CODES["running"])
    ran = np.where(runtimes[running] == _NAT, np.nan, runtimes[running] / 1e9)
    allowed = timeouts[running].to_numpy(dtype=np.float64, na_value=np.nan)
    overdue[running] = ran > allowed
    unknown[running] = np.isnan(ran - allowed)
    return pd.arrays.BooleanArray(overdue, unknown)


def _age(at: Mapping[str, Instants], _: npt.NDArray[np.int8], now: int) -> Instants:
    return _between(at["creation"], np.full(len(at["creation"]), now, dtype=np.int64))


def _wait(at: Mapping[str, Instants], codes: npt.NDArray[np.int8], now: int) -> Instants:
    waiting = (codes == _CODES["queued"]) & (at["start"] == _NAT)
    return _between(at["creation"], np.where(waiting, now, at["start"]))


def _runtime(at: Mapping[str, Instants], codes: npt.NDArray[np.int8], now: int) -> Instants:
    return _between(at["start"], np.where(codes == _CODES["running"], now, at["stop"]))


def _between(earlier: Instants, later: Instants) -> Instants:
    span = later - earlier
    wrapped = (later ^ earlier) & (later ^ span) < 0  # not the sign of the true difference
    span[(earlier == _NAT) | (later == _NAT) | wrapped] = _NAT
    return span


_SPANS: Mapping[str, Callable[[Mapping[str, Instants], npt.NDArray[np.int8], int], Instants]] = {
    "age": _age,
    "wait": _wait,
    "runtime": _runtime,
}
"""How each span is worked out of times, codes of statuses and the time by now, all in nanoseconds."""
