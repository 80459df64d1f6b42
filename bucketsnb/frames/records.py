"""A frame of works -> the works as the service holds them, with the cells that were changed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb.display.texts import join_truncated
from bucketsnb.errors import WorkError
from bucketsnb.frames.baseline import Baseline
from bucketsnb.frames.cells import differing, plain
from bucketsnb.frames.columns import parent_of
from bucketsnb.frames.decode import pausing_collection
from bucketsnb.frames.json_array import JSONArray
from bucketsnb.frames.json_text import Edited
from bucketsnb.schema import FIELD_NAMES, TIME_FIELDS

__all__ = ["compared", "given_cells", "parts_of", "refuse_twice", "to_records"]

Cells = Mapping[str, "list[Any]"]
Work = dict[str, Any]


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
    if not partial:
        _refuse_parts(frame, known)
    with pausing_collection():
        cells = {name: plain(name, frame[name].array) for name in FIELD_NAMES if name in frame}
        works = _works(cells, len(frame))
        parts = parts_of(frame)
        for place, read in parts.items():  # what is empty as it was not read; what someone has put there since stays
            works[place] = {name: value for name, value in works[place].items() if name in read or value is not None}
        if known is None:
            works = [_filled(work) for work in works]
        else:
            _restore(works, frame, cells, known)
        _put_parents(works, frame, parts)
    return works


def given_cells(frame: pd.DataFrame) -> list[Work]:
    """Return the cells of a frame that are not empty, as they are, by field: a mapping for each row."""
    refuse_twice(frame)
    cells = {name: plain(name, frame[name].array) for name in FIELD_NAMES if name in frame}
    return [_filled(work) for work in _works(cells, len(frame))]


def compared(frame: pd.DataFrame, given: Sequence[Work], now: Baseline) -> list[Work]:
    """Return the works of a frame of which it is not known what was read, as the works as they are now with its cells.

    What is empty in it may never have been read, and stays as it is now.

    Parameters
    ----------
    frame
        Rows with ids.
    given
        Their cells, by field, without those that are empty.
    now
        The works as they are now.
    """
    works = [dict(work) for work in given]
    places = now.places_of(frame)
    rows = [row for row, place in enumerate(places) if place is not None]
    here = [place for place in places if place is not None]
    for row, work in zip(rows, now.works_at(here), strict=True):
        works[row] = work
    for name in [name for name in FIELD_NAMES if name in frame]:
        new = [given[row].get(name) for row in rows]
        edited = differing(name, new, now.cells(name, here), frame[name].array)
        for row, value, is_edited in zip(rows, new, edited.tolist(), strict=True):
            if is_edited and value is not None:
                works[row][name] = value
    _put_parents(works, frame, {}, known=False)
    return works


def parts_of(frame: pd.DataFrame) -> dict[int, Sequence[str]]:
    """Return which fields were read of works of which not all was, by row."""
    known = Baseline.of(frame)
    if known is not None:
        places = known.places_of(frame)
        rows = [row for row, place in enumerate(places) if place is not None]
        marks = known.marks([place for place in places if place is not None])
        return {row: read for row, (read, _) in zip(rows, marks, strict=True) if read is not None}
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


def _refuse_parts(frame: pd.DataFrame, known: Baseline | None) -> None:
    parts = parts_of(frame)
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


def _works(cells: Cells, count: int) -> list[Work]:
    names = list(cells)
    if not names:
        return [{} for _ in range(count)]
    return [dict(zip(names, values, strict=True)) for values in zip(*cells.values(), strict=True)]


def _filled(work: Work) -> Work:
    return {name: value for name, value in work.items() if value is not None}


def _restore(works: list[Work], frame: pd.DataFrame, cells: Cells, known: Baseline) -> None:
    """Put back what the cells that were not edited do not show: works of their own kind, and the digits of times."""
    places = known.places_of(frame)
    rows = [row for row, place in enumerate(places) if place is not None]
    here = [place for place in places if place is not None]
    for name in TIME_FIELDS:
        if name in cells:
            now = [cells[name][row] for row in rows]
            edited = differing(name, now, known.cells(name, here), frame[name].array).tolist()
            for row, exact, is_edited in zip(rows, known.exact(name, here), edited, strict=True):
                if not is_edited and name in works[row]:
                    works[row][name] = exact
    marked = [
        (row, place, irregular)
        for row, place, (_, irregular) in zip(rows, here, known.marks(here), strict=True)
        if irregular is not None
    ]
    for name in cells if marked else ():
        now = [cells[name][row] for row, _, _ in marked]
        edited = differing(name, now, known.cells(name, [place for _, place, _ in marked]), frame[name].array).tolist()
        for (_, _, irregular), value, is_edited in zip(marked, now, edited, strict=True):
            if is_edited:
                irregular[name] = value
    for row, _, irregular in marked:
        works[row] = irregular


def _put_parents(
    works: list[Work], frame: pd.DataFrame, parts: Mapping[int, Sequence[str]], *, known: bool = True
) -> None:
    if "parent" not in frame or "config" not in frame:
        return
    edited = _edited(frame["config"].array)
    for row, (work, parent) in enumerate(zip(works, plain("parent", frame["parent"].array), strict=True)):
        read = parts.get(row)
        if read is not None and "config" not in read:
            _refuse_parent(work, parent, row)
        elif (known or parent is not None) and parent_of(work.get("config")) != parent:
            work["config"] = _with_parent(work, parent, row, edited=row in edited)


def _refuse_parent(work: Work, parent: Any, row: int) -> None:
    """Refuse a parent that was put where ``config`` was not read: sent alone, it would take the rest of that away."""
    if parent is not None:
        raise WorkError(
            f"work {work.get('id') or row} was read without config, where its parent is kept: read config too",
            index=row,
            field="config.parent",
        )


def _with_parent(work: Work, parent: Any, row: int, *, edited: bool) -> Work:
    config = work.get("config")
    if edited:
        raise WorkError(
            f"config of work {work.get('id') or row} was changed here and its parent is not the one in the column"
            f" parent ({parent!r}): set both to the same",
            index=row,
            field="config.parent",
        )
    if config is not None and not isinstance(config, dict):
        raise WorkError(
            f"config of work {work.get('id') or row} is {type(config).__name__}, which has no place for a parent",
            index=row,
            field="config.parent",
        )
    return {**(config or {}), "parent": parent}


def _edited(configs: Any) -> frozenset[int]:
    if not isinstance(configs, JSONArray):
        return frozenset(range(len(configs)))
    return frozenset(row for row, text in enumerate(configs.texts) if type(text) is Edited)
