"""A frame of works -> the works as the service holds them, with the cells that were changed here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pandas as pd

from bucketsnb.errors import WorkError
from bucketsnb.formatting import elide, excerpt
from bucketsnb.frames.columns import DTYPES, NESTED, epochs, parent_of
from bucketsnb.frames.decode import columns_of_records, pausing_collection
from bucketsnb.frames.json_array import JSONArray
from bucketsnb.frames.json_text import Edited
from bucketsnb.schema import FIELD_NAMES, FIELDS, Kind

__all__ = ["kept_of", "parts_of", "to_records"]


def to_records(frame: pd.DataFrame, *, partial: bool = False) -> list[dict[str, Any]]:
    """Return the works of a frame as the service holds them, with what was changed in the frame.

    A work comes back key for key and value for value: unknown fields, missing fields and values of other kinds
    included. Times are epoch seconds. A changed ``parent`` goes to ``config.parent``. Columns that are no field of a
    work are left out.

    Parameters
    ----------
    frame
        A frame that ``view`` returned, or rows of it.
    partial
        Accept a frame with fewer columns: the works then have only those fields.

    Raises
    ------
    WorkError
        If the frame does not hold whole works, or ``config`` and ``parent`` of one were changed to different parents.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> frame = frame_of([{"id": "a", "priority": 3, "shape": "old"}])
    >>> frame["priority"] = 5
    >>> to_records(frame)
    [{'id': 'a', 'priority': 5, 'shape': 'old'}]
    """
    twice = [str(name) for name in frame.columns[frame.columns.duplicated()]]
    if twice:
        raise WorkError(f"the frame has the column {elide(twice, most=3)} more than once: keep one", field=twice[0])
    with pausing_collection():
        kept = _kept(frame)
        parts, records = _parts(frame, kept), [odd for _, odd in kept]
        if not partial:
            _refuse_parts(frame, parts)
        cells = {name: _plain(name, frame[name]) for name in FIELD_NAMES if name in frame}
        works = _works(cells, len(frame))
        _leave_unread(works, parts)
        _restore_odd(works, cells, records)
        if "parent" in frame and "config" in frame:
            _refuse_parents(frame, parts)
            _put_parents(works, _plain("parent", frame["parent"]), _edited(frame["config"].array))
    return works


def kept_of(record: Any) -> tuple[list[str] | None, Any]:
    """Return what a cell of the column ``record`` says: the fields read of a part of a work, and the work, if odd.

    Examples
    --------
    >>> kept_of(None), kept_of({"shape": "old"})
    ((None, None), (None, {'shape': 'old'}))
    >>> kept_of(["id", "site"]), kept_of(["id", {"id": 5}])
    ((['id', 'site'], None), (['id'], {'id': 5}))
    """
    if not isinstance(record, list):
        return None, record
    read = [name for name in record if isinstance(name, str)]
    return read, next((odd for odd in record if isinstance(odd, dict)), None)


def parts_of(frame: pd.DataFrame) -> dict[int, Sequence[str]]:
    """Return which fields were read of works of which not all was, by place.

    Each work knows that itself, in the column ``record``; what the frame knows counts where none does.
    """
    return _parts(frame, _kept(frame))


def _kept(frame: pd.DataFrame) -> list[tuple[list[str] | None, Any]]:
    records = _plain("record", frame["record"]) if "record" in frame else [None] * len(frame)
    return [kept_of(record) for record in records]


def _parts(frame: pd.DataFrame, kept: Sequence[tuple[list[str] | None, Any]]) -> dict[int, Sequence[str]]:
    parts: dict[int, Sequence[str]] = {place: read for place, (read, _) in enumerate(kept) if read is not None}
    read = frame.attrs.get("columns", "all")
    if read == "all" or parts:
        return parts
    return dict.fromkeys(range(len(frame)), [*read, "config"] if "parent" in read else read)


def _refuse_parts(frame: pd.DataFrame, parts: Mapping[int, Sequence[str]]) -> None:
    read = frame.attrs.get("columns", "all")
    if read != "all" or parts:
        only = read if read != "all" else next(iter(parts.values()))
        some = "its works" if read != "all" or len(parts) == len(frame) else f"{len(parts):,} of its works"
        raise WorkError(
            f"this frame has only {elide(only, most=22)} of {some}: read it with columns='all', or pass partial=True"
        )
    absent = [name for name in (*FIELD_NAMES, "record") if name not in frame]
    if absent:
        raise WorkError(
            f"this frame does not hold whole works: it lacks {elide(absent, most=22)}; or pass partial=True"
        )


def _leave_unread(works: list[dict[str, Any]], parts: Mapping[int, Sequence[str]]) -> None:
    """Take out what is empty as it was not read; what someone has put there since stays."""
    for place, read in parts.items():
        works[place] = {name: value for name, value in works[place].items() if name in read or value is not None}


def _works(cells: Mapping[str, list[Any]], count: int) -> list[dict[str, Any]]:
    names = list(cells)
    if not names:
        return [{} for _ in range(count)]
    return [dict(zip(names, values, strict=True)) for values in zip(*cells.values(), strict=True)]


def _refuse_parents(frame: pd.DataFrame, parts: Mapping[int, Sequence[str]]) -> None:
    """Refuse a parent that was put where ``config`` was not read: sent alone, it would take the rest of that away."""
    places = [place for place, read in parts.items() if "config" not in read]
    for place, parent in zip(places, _plain("parent", frame["parent"].iloc[places]), strict=True):
        if parent is not None:
            raise WorkError(
                f"work {frame['id'].iloc[place] if 'id' in frame else place} was read without config, where its parent "
                "is kept: read config too",
                index=place,
                field="config.parent",
            )


def _restore_odd(works: list[dict[str, Any]], cells: Mapping[str, list[Any]], records: Sequence[Any]) -> None:
    """Put the own records of odd works in place, with those cells that differ from what the record gives."""
    places = [place for place, whole in enumerate(records) if whole is not None]
    if not places:
        return
    for place in places:
        _check_record(records[place], works[place].get("id"))
    was = columns_of_records([records[place] for place in places])
    for name in cells:
        before = _plain(name, pd.Series(was[name]))
        for place, old in zip(places, before, strict=True):
            new = cells[name][place]
            if _differs(name, old, new):
                records[place][name] = new
    for place in places:
        works[place] = records[place]


def _check_record(record: Any, name: Any) -> None:
    if not isinstance(record, dict):
        raise WorkError(
            f"record of work {name} holds {excerpt(repr(record), 40)}, which is no work: that column keeps odd works "
            "as they were read, and cannot be set. To fill or replace values, name the columns that are meant, such as "
            "frame['user'] = frame['user'].fillna('nobody').",
            field="record",
        )


def _differs(name: str, old: Any, new: Any) -> bool:
    if name in NESTED:
        return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)
    return type(old) is not type(new) or bool(old != new)


def _put_parents(works: list[dict[str, Any]], parents: Sequence[Any], edited: frozenset[int]) -> None:
    for place, (work, parent) in enumerate(zip(works, parents, strict=True)):
        config = work.get("config")
        if parent_of(config) == parent:
            continue
        if place in edited:
            raise WorkError(
                f"config of work {work.get('id') or place} was changed here and its parent is not the one in the column"
                f" parent ({parent!r}): set both to the same",
                index=place,
                field="config.parent",
            )
        if config is not None and not isinstance(config, dict):
            raise WorkError(
                f"config of work {work.get('id') or place} is {type(config).__name__}, which has no place for a parent",
                index=place,
                field="config.parent",
            )
        work["config"] = {**(config or {}), "parent": parent}


def _edited(configs: Any) -> frozenset[int]:
    if not isinstance(configs, JSONArray):
        return frozenset(range(len(configs)))
    return frozenset(place for place, text in enumerate(configs.texts) if type(text) is Edited)


def _plain(name: str, series: pd.Series) -> list[Any]:
    """Return the cells of a column as the JSON values they stand for, whatever dtype it has by now."""
    cells: Any = series.array
    if isinstance(cells, JSONArray):
        return cells.decoded()
    if isinstance(series.dtype, pd.DatetimeTZDtype | np.dtype) and series.dtype.kind == "M":
        try:
            return _values(epochs(pd.DatetimeIndex(cells).as_unit("ns").asi8))
        except pd.errors.OutOfBoundsDatetime:  # put in beside what was read, which has no such years
            return _values(cells)
    if series.dtype == DTYPES[name] and isinstance(series.dtype, pd.Int64Dtype | pd.StringDtype):
        return list(cells.to_numpy(dtype=object, na_value=None))
    values = _values(cells)
    if name in FIELDS and FIELDS[name].kind is Kind.INTEGER:
        return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return values


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
