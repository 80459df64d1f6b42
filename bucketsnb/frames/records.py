"""Make works from a frame of works again, with edited cells told apart from those that were read.

:class:`Baseline` has the works as they were read; :func:`to_records` returns them with the cells that were changed.
Cells are compared as the JSON values they stand for, whatever dtype a column has by now.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from operator import ne
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from bucketsnb.display.texts import join_truncated
from bucketsnb.errors import WorkError
from bucketsnb.frames.columns import NESTED, PARTS, WORKS, Columns, microseconds, parent_of
from bucketsnb.frames.decode import columns_of_texts, pausing_collection
from bucketsnb.frames.json_array import Edited, JSONArray
from bucketsnb.schema import FIELD_NAMES, FIELDS, TIME_FIELDS, Kind

__all__ = ["Baseline", "compared", "given_cells", "parts_of", "to_records"]

Work = dict[str, Any]

_KEPT = ("id", WORKS, PARTS)
_CLOSE = 1.5e-6
"""Seconds by which two times of the same microsecond may differ: one was rounded, the other truncated."""
_COARSE = {"s": 1, "ms": 1000}
"""Units in a second, for units that are coarser than the times that were read."""


# Cells as JSON values -------------------------------------------------------------------------------------------------


def _plain(name: str, cells: Any) -> list[Any]:
    """Return the cells of an array as JSON values: times as epoch seconds, missing values as None."""
    if isinstance(cells, JSONArray):
        return cells.decoded()
    if _are_times(cells):
        return [
            None if gone else time / 1e6
            for time, gone in zip(microseconds(cells).tolist(), pd.isna(cells), strict=True)
        ]
    if isinstance(cells.dtype, pd.Int64Dtype) or (
        isinstance(cells.dtype, pd.StringDtype) and cells.dtype.na_value is pd.NA
    ):
        return list(cells.to_numpy(dtype=object, na_value=None))
    values = list(map(_value, cells))
    if name in FIELDS and FIELDS[name].kind is Kind.INTEGER:
        return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return values


def _are_times(cells: Any) -> bool:
    dtype = getattr(cells, "dtype", None)
    return isinstance(dtype, pd.DatetimeTZDtype | np.dtype) and dtype.kind == "M"


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
    """Return a cell with tuples and arrays as lists, as in JSON: an equal list is no edit."""
    if isinstance(cell, np.ndarray):
        return cell.tolist()
    if isinstance(cell, list | tuple):
        return [_listed(part) for part in cell]
    if isinstance(cell, dict):
        return {name: _listed(part) for name, part in cell.items()}
    return cell


def _differing(name: str, now: Sequence[Any], was: Sequence[Any], cells: Any) -> list[bool]:
    """Return which values differ from those that were read.

    `cells` is the array that `now` was taken from: if its unit is seconds or milliseconds, times are compared in it.
    """
    pairs = zip(now, was, strict=True)
    if name in TIME_FIELDS:
        per_second = _COARSE.get(getattr(cells, "unit", ""), 0) if _are_times(cells) else 0
        return [_times_differ(a, b, per_second) for a, b in pairs]
    if name in NESTED:
        return [_nested_differ(a, b) for a, b in pairs]
    return [type(a) is not type(b) or bool(a != b) for a, b in pairs]


def _times_differ(now: Any, was: Any, per_second: int) -> bool:
    if not (_is_number(now) and _is_number(was)):
        return type(now) is not type(was) or bool(now != was)
    if per_second:
        return round(now * per_second) not in {math.floor(was * per_second + slip) for slip in (-0.001, 0.001)}
    return bool(now != was and abs(now - was) > _CLOSE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nested_differ(now: Any, was: Any) -> bool:
    if now is None or was is None or repr(now) == repr(was):
        return (now is None) is not (was is None)
    return json.dumps(now, sort_keys=True) != json.dumps(was, sort_keys=True)


def _identities(name: str, values: Sequence[Any]) -> list[str]:
    """Return texts that are equal where the values are equal."""
    if name in TIME_FIELDS:
        values = [round(value * 1e6) if _is_number(value) and math.isfinite(value) else value for value in values]
    return [json.dumps(value, sort_keys=True, default=repr) for value in values]


# What was read --------------------------------------------------------------------------------------------------------


class Baseline(str):
    """The works of a frame as they were read, hidden behind a short text in ``frame.attrs["as_read"]``.

    pandas copies ``attrs`` with every operation; a copy of this is itself, so that costs nothing. A pickle has it too;
    in any other file it is the plain text, and what was read is then no longer known.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> frame = frame_of([{"id": "a", "priority": 3}])
    >>> frame.loc[0, "priority"] = 5
    >>> Baseline.of(frame).records(["a"])["a"]["priority"]
    3
    """

    _kept: Mapping[str, Any]

    @classmethod
    def keep(cls, columns: Columns) -> Baseline:
        """Keep the works from which the columns of a new frame were made."""
        return _baseline(uuid4().hex, {name: columns[name] for name in _KEPT} | {"id": columns["id"].copy()})

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Baseline | None:
        """Return the baseline of a frame, or None if it is not known."""
        known = frame.attrs.get("as_read")
        return known if isinstance(known, cls) else None

    @classmethod
    def joined(cls, parts: Iterable[Baseline]) -> Baseline | None:
        """Return the joint baseline of several frames, or None if there are none."""
        once = list({id(part): part for part in parts}.values())
        if len(once) < 2:
            return once[0] if once else None
        arrays = {name: [part._kept[name] for part in once] for name in _KEPT}
        return cls.keep({name: type(some[0])._concat_same_type(some) for name, some in arrays.items()})

    @property
    def works(self) -> int:
        """How many works it holds."""
        return len(self._kept["id"])

    def narrowed(self, ids: Iterable[Any]) -> Baseline:
        """Return the baseline of the works with these ids, so that the rest of the answer can be freed."""
        places = sorted(place for name in dict.fromkeys(map(_name, ids)) for place in self._places.get(name, ()))
        return self.keep({name: array.take(places) for name, array in self._kept.items()})

    @cached_property
    def _places(self) -> Mapping[str | None, list[int]]:
        """The places of the works with each id; None stands for all ids that are empty or not text."""
        places: dict[str | None, list[int]] = {}
        for place, value in enumerate(self._kept["id"]):
            places.setdefault(_name(value), []).append(place)
        return places

    @cached_property
    def counts(self) -> Counter[str | None]:
        """The number of works that were read with each id; None stands for all ids that are empty or not text."""
        return Counter({name: len(places) for name, places in self._places.items()})

    def places_of(self, frame: pd.DataFrame) -> dict[int, int]:
        """Return the place here of each work of a frame, by row; works that were not read are left out.

        Works are matched by id. Of several works with one id, each row is matched with the one that differs least.
        """
        ids = list(map(_name, frame["id"])) if "id" in frame else [None] * len(frame)
        found: dict[int, int] = {}
        unclear: dict[str | None, list[int]] = {}
        for row, name in enumerate(ids):
            candidates = self._places.get(name, ())
            if len(candidates) == 1:
                found[row] = candidates[0]
            elif candidates:
                unclear.setdefault(name, []).append(row)
        for name, rows in unclear.items():
            found |= zip(rows, self._nearest(frame.iloc[rows], self._places[name]), strict=True)
        return dict(sorted(found.items())) if unclear else found

    def _nearest(self, rows: pd.DataFrame, candidates: Sequence[int]) -> list[int]:
        """Return which of some works each row is; equal rows are matched in order."""
        names = [name for name in FIELD_NAMES if name in rows]
        columns = self.columns_at(candidates)
        was = list(zip(*(_identities(name, _plain(name, columns[name])) for name in names), strict=True))
        now = zip(*(_identities(name, _plain(name, rows[name].array)) for name in names), strict=True)
        unedited: dict[Any, list[int]] = {}
        for cells, place in zip(was, candidates, strict=True):
            unedited.setdefault(cells, []).append(place)
        taken: Counter[Any] = Counter()
        found = []
        for cells in now:
            same = unedited.get(cells) or unedited[min(was, key=lambda other: sum(map(ne, cells, other)))]
            found.append(same[taken[cells] % len(same)])
            taken[cells] += 1
        return found

    def columns_at(self, places: Sequence[int]) -> Columns:
        """Return the columns of works as the frame showed them when it was read."""
        return columns_of_texts(self._kept[WORKS].take(places).texts)

    def works_at(self, places: Sequence[int]) -> list[Work]:
        """Return works as they were read."""
        works: list[Work] = self._kept[WORKS].take(places).decoded()
        return works

    def parts_at(self, places: Sequence[int]) -> list[list[str] | None]:
        """Return the fields that were read of each work, None for a whole work."""
        parts: list[list[str] | None] = self._kept[PARTS].take(places).decoded()
        return parts

    def records(self, ids: Sequence[str]) -> dict[str, Work]:
        """Return the works with these ids as they were read, by id; those that were not read are left out."""
        places = [self._places[name][-1] for name in ids if name in self._places]
        return {work["id"]: work for work in self.works_at(places)}

    def duplicate_ids(self, ids: Iterable[str]) -> list[Work]:
        """Return the works that were read without an id that is text, or with one of these."""
        wanted = dict.fromkeys([None, *ids])
        return self.works_at([place for name in wanted for place in self._places.get(name, ())])

    def __deepcopy__(self, _: object) -> Baseline:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _baseline, (str(self), dict(self._kept))


def _baseline(name: str, kept: Mapping[str, Any]) -> Baseline:
    made = Baseline(name)
    made._kept = kept
    return made


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# The works of a frame -------------------------------------------------------------------------------------------------


def to_records(frame: pd.DataFrame, *, partial: bool = False) -> list[Work]:
    """Return the works of a frame as the service holds them, with what was changed in the frame.

    A work comes back key for key and value for value: unknown fields, missing fields and values of other kinds
    included. Times are epoch seconds. A changed ``parent`` goes to ``config.parent``. Columns that are no field of a
    work are left out.

    Parameters
    ----------
    frame
        A frame that ``view`` returned, or rows of it, or several such put together.
    partial
        Accept a frame with fewer columns, or of which it is not known what was read: the works then have only the
        fields that it has, or that are not empty.

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
    refuse_twice(frame)
    known = Baseline.of(frame)
    parts = parts_of(frame)
    if not partial:
        _refuse_parts(frame, known, parts)
    with pausing_collection():
        if known is None:
            works = given_cells(frame)
        else:
            works = _works(_cells(frame), len(frame))
            _edit(works, frame, known, with_empty=True)
        _put_parents(works, frame, parts, with_empty=True)
    return works


def given_cells(frame: pd.DataFrame) -> list[Work]:
    """Return the cells of a frame that are not empty, unchanged: a mapping by field for each row."""
    refuse_twice(frame)
    works = _works(_cells(frame), len(frame))
    return [{name: value for name, value in work.items() if value is not None} for work in works]


def compared(frame: pd.DataFrame, given: Sequence[Work], now: Baseline) -> list[Work]:
    """Return the works of a frame whose baseline is not known: the current works with the cells of the frame.

    `given` has these cells by field. A cell that is empty may never have been read: its field stays as it is now.
    """
    works = [dict(work) for work in given]
    _edit(works, frame, now, with_empty=False)
    _put_parents(works, frame, {}, with_empty=False)
    return works


def parts_of(frame: pd.DataFrame) -> dict[int, Sequence[str]]:
    """Return the fields that were read, by row, of works that were read in part."""
    known = Baseline.of(frame)
    if known is not None:
        places = known.places_of(frame)
        parts = known.parts_at(list(places.values()))
        return {row: read for row, read in zip(places, parts, strict=True) if read is not None}
    read = frame.attrs.get("columns", "all")
    if read == "all":
        return {}
    return dict.fromkeys(range(len(frame)), [*read, "config"] if "parent" in read else read)


def refuse_twice(frame: pd.DataFrame) -> None:
    """Refuse a frame that has a column more than once."""
    twice = [str(name) for name in frame.columns[frame.columns.duplicated()]]
    if twice:
        raise WorkError(
            f"the frame has the column {join_truncated(twice, most=3)} more than once: keep one", field=twice[0]
        )


def _refuse_parts(frame: pd.DataFrame, known: Baseline | None, parts: Mapping[int, Sequence[str]]) -> None:
    if parts:
        some = "its works" if len(parts) == len(frame) else f"{len(parts):,} of its works"
        read = frame.attrs.get("columns", "all")
        only = join_truncated(next(iter(parts.values())) if read == "all" else read, most=22)
        raise WorkError(f"this frame has only {only} of {some}: read it with columns='all', or pass partial=True")
    absent = [name for name in FIELD_NAMES if name not in frame]
    if absent:
        raise WorkError(
            f"this frame does not hold whole works: it lacks {join_truncated(absent, most=22)}; or pass partial=True"
        )
    if known is None and len(frame):
        raise WorkError(
            "it is not known whether this frame holds whole works: it was made by hand or came from a file, not from "
            "view; pass partial=True to take what is in it"
        )


def _cells(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {name: _plain(name, frame[name].array) for name in FIELD_NAMES if name in frame}


def _works(cells: Mapping[str, list[Any]], count: int) -> list[Work]:
    if not cells:
        return [{} for _ in range(count)]
    return [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]


def _edit(works: list[Work], frame: pd.DataFrame, known: Baseline, *, with_empty: bool) -> None:
    """Replace works by those that were read, with the edited cells; with `with_empty`, also with the emptied ones."""
    places = known.places_of(frame)
    here = list(places.values())
    was, records = known.columns_at(here), known.works_at(here)
    for name in [name for name in FIELD_NAMES if name in frame]:
        now = [works[row].get(name) for row in places]
        edited = _differing(name, now, _plain(name, was[name]), frame[name].array)
        for record, value, is_edited in zip(records, now, edited, strict=True):
            if is_edited and (with_empty or value is not None):
                record[name] = value
    for row, record in zip(places, records, strict=True):
        works[row] = record


def _put_parents(
    works: list[Work], frame: pd.DataFrame, parts: Mapping[int, Sequence[str]], *, with_empty: bool
) -> None:
    if "parent" not in frame or "config" not in frame:
        return
    edited = _edited(frame["config"].array)
    for row, (work, parent) in enumerate(zip(works, _plain("parent", frame["parent"].array), strict=True)):
        if "config" not in parts.get(row, FIELD_NAMES):
            if parent is not None:  # sent alone, it would remove the rest of config
                raise _parent_error(work, row, "was read without config, where its parent is kept: read config too")
        elif (with_empty or parent is not None) and parent_of(work.get("config")) != parent:
            work["config"] = _with_parent(work, parent, row, edited=row in edited)


def _with_parent(work: Work, parent: Any, row: int, *, edited: bool) -> Work:
    config = work.get("config")
    if edited:
        why = f"has a config that was changed here, and another parent in its column ({parent!r}): set both to the same"
        raise _parent_error(work, row, why)
    if config is not None and not isinstance(config, dict):
        raise _parent_error(work, row, f"has a config of {type(config).__name__}, which has no place for a parent")
    return {**(config or {}), "parent": parent}


def _parent_error(work: Work, row: int, why: str) -> WorkError:
    return WorkError(f"work {work.get('id') or row} {why}", index=row, field="config.parent")


def _edited(configs: Any) -> frozenset[int]:
    if not isinstance(configs, JSONArray):
        return frozenset(range(len(configs)))
    return frozenset(row for row, text in enumerate(configs.texts) if type(text) is Edited)
