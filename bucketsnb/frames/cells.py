"""The cells of a column as the JSON values they stand for, whatever dtype it has by now, and which of them differ."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.frames.columns import NESTED, epochs
from bucketsnb.frames.json_array import JSONArray
from bucketsnb.schema import FIELDS, TIME_FIELDS, Kind

__all__ = ["differing", "identities", "plain"]

Flags: TypeAlias = npt.NDArray[np.bool_]

_CLOSE = 1.5e-6
"""Seconds by which two times of the same microsecond may differ, as one was rounded and the other cut."""
_COARSE = {"s": 1, "ms": 1000}
"""How many there are in a second of the units that say less than a time was read with."""


def plain(name: str, cells: Any) -> list[Any]:
    """Return the cells of an array as JSON values: times are epoch seconds, what is missing is None."""
    if isinstance(cells, JSONArray):
        return cells.decoded()
    if _are_times(cells):
        try:
            return _values(epochs(pd.DatetimeIndex(cells).as_unit("ns").to_numpy("M8[ns]").view(np.int64)))
        except pd.errors.OutOfBoundsDatetime:  # put in beside what was read, which has no such years
            return _values(cells)
    if isinstance(cells.dtype, pd.Int64Dtype) or (
        isinstance(cells.dtype, pd.StringDtype) and cells.dtype.na_value is pd.NA
    ):
        return list(cells.to_numpy(dtype=object, na_value=None))
    values = _values(cells)
    if name in FIELDS and FIELDS[name].kind is Kind.INTEGER:
        return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return values


def differing(name: str, now: Sequence[Any], was: Sequence[Any], cells: Any = None) -> Flags:
    """Say which values are not the ones they were.

    Parameters
    ----------
    name
        The field.
    now, was
        The values, as :func:`plain` returns them.
    cells
        The array that `now` was taken from: of one that holds whole seconds, times differ by whole seconds.
    """
    pairs = zip(now, was, strict=True)
    if name in TIME_FIELDS:
        per_second = _coarse(cells)
        return _flags((_times_differ(a, b, per_second) for a, b in pairs), len(now))
    if name in NESTED:
        return _flags((_nested_differ(a, b) for a, b in pairs), len(now))
    return _flags((type(a) is not type(b) or bool(a != b) for a, b in pairs), len(now))


def identities(name: str, values: Sequence[Any]) -> list[str]:
    """Return texts that are the same where values, as :func:`plain` returns them, are the same."""
    if name in TIME_FIELDS:
        return [
            f"{round(value * 1e6)}" if _is_number(value) and math.isfinite(value) else repr(value) for value in values
        ]
    return [json.dumps(value, sort_keys=True, default=repr) for value in values]


def _flags(values: Any, count: int) -> Flags:
    return np.fromiter(values, dtype=bool, count=count)


def _coarse(cells: Any) -> int:
    """Return how many of the unit of a column of times are in a second, if that unit is a coarse one; else 0."""
    return _COARSE.get(getattr(cells, "unit", ""), 0) if _are_times(cells) else 0


def _times_differ(now: Any, was: Any, per_second: int) -> bool:
    if not (_is_number(now) and _is_number(was)):
        return type(now) is not type(was) or bool(now != was)
    if per_second:
        return round(now * per_second) not in {math.floor(was * per_second + slip) for slip in (-0.001, 0.001)}
    return bool(now != was and abs(now - was) > _CLOSE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nested_differ(now: Any, was: Any) -> bool:
    if now is None or was is None:
        return now is not was
    return json.dumps(now, sort_keys=True) != json.dumps(was, sort_keys=True)


def _are_times(cells: Any) -> bool:
    dtype = getattr(cells, "dtype", None)
    return isinstance(dtype, pd.DatetimeTZDtype | np.dtype) and dtype.kind == "M"


def _values(cells: Any) -> list[Any]:
    return [_value(cell) for cell in cells]


def _value(cell: Any) -> Any:
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and cell != cell:
        return None
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=timezone.utc)).timestamp()
    return _listed(cell)


def _listed(cell: Any) -> Any:
    """Return a cell with the lists that JSON makes of tuples and arrays: a list that is equal is no edit."""
    if isinstance(cell, np.ndarray):
        return cell.tolist()
    if isinstance(cell, list | tuple):
        return [_listed(part) for part in cell]
    if isinstance(cell, dict):
        return {name: _listed(part) for name, part in cell.items()}
    return cell
