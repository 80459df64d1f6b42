"""The rows behind a grid: their order, the page that is asked for, and the works that are selected, by id.

Nothing here draws or sends. A frame of 100,000 works is never copied: what changes is a list of places in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.frames import JSONArray, to_records
from bucketsnb.summaries.failures import error_text
from bucketsnb.widgets.parts.causes import Causes
from bucketsnb.widgets.parts.cells import Column, cell_of, column_of

__all__ = ["COLUMNS", "Rows"]

COLUMNS = ("status", "pipeline", "event", "error", "tags", "priority", "attempt", "site", "user", "age", "id")
"""The columns a grid opens with, where the works have something in them."""

_WORKED_OUT = {"error": ("results",), "attempt": ("attempt", "retries")}
"""Columns of the grid that are made of others of the frame."""
_NEEDED_IN = 300
"""Works, spread over the frame, that tell which columns are empty and how wide the others are."""


class Rows:
    """The order, the columns and the selection of a frame's works.

    Parameters
    ----------
    frame
        The works; its ``id`` column names them. Works without an id are shown and cannot be selected.
    columns
        Names of the columns to show, or None for those that the works need; those that the frame does not have are
        left out.
    causes
        Why the works failed, where all did.

    Attributes
    ----------
    implied
        Columns that say the same of every work, and give way where there is an error to show.
    """

    def __init__(self, frame: pd.DataFrame, columns: Iterable[str] | None = None, causes: Causes | None = None) -> None:
        self.names: tuple[str, ...] | None = None if columns is None else tuple(columns)
        self.sort: tuple[str, bool] | None = None
        self.text = ""
        self.cause = ""
        self.implied: frozenset[str] = frozenset()
        self.selected: dict[str, None] = {}
        self.replace(frame, causes)

    def replace(self, frame: pd.DataFrame, causes: Causes | None = None) -> None:
        """Take a newer frame, and why its works failed where all did.

        Sort, columns and filters stay; works that are no longer in it are not selected any more.
        """
        self.frame = frame
        self.causes = causes if causes is not None and causes.frame is frame else None
        if self.causes is None or self.cause not in self.causes.names:
            self.cause = ""
        for worked_out in ("ids", "_known"):
            self.__dict__.pop(worked_out, None)
        if self.selected:
            self.selected = {one: None for one in self.selected if one in self._known}
        self._lay_out()
        self.sort_by(*(self.sort or (None, False)))

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """The id of each work, in the frame's order."""
        return (
            self.frame["id"].to_numpy(dtype=object) if "id" in self.frame else np.empty(len(self.frame), dtype=object)
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(one for one in self.ids if isinstance(one, str))

    def __len__(self) -> int:
        return len(self.order)

    @property
    def narrowed(self) -> bool:
        """Whether only some of the works are shown."""
        return bool(self.text or self.cause)

    @property
    def selected_here(self) -> int:
        """How many of the rows that are shown are selected."""
        if not self.narrowed:
            return len(self.selected)
        return sum(one in self.selected for one in self.ids[self.order])

    def filter_by(self, text: str) -> None:
        """Show only works that have a text in one of the columns shown; an empty text shows all."""
        self.text = text.strip()
        self.sort_by(*(self.sort or (None, False)))

    def narrow_to(self, cause: str) -> None:
        """Show only works that failed for this cause; an empty one shows all."""
        self.cause = cause if self.causes is not None and cause in self.causes.names else ""
        self.sort_by(*(self.sort or (None, False)))

    def _filtered(self, order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        if self.cause and self.causes is not None:
            order = order[self.causes.are(self.cause, order)]
        if not self.text:
            return order
        found = np.zeros(len(self.frame), dtype=bool)
        shown = {column.name for column in self.columns} | self.implied
        for name in {source for one in shown for source in self._sources(one)} & set(self.frame.columns):
            found |= _containing(self.frame[name], self.text)
        return order[found[order]]

    def show(self, names: Iterable[str]) -> None:
        """Choose the columns, in the frame's own order where it has one for them."""
        self.names = tuple(names)
        self._lay_out()

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the columns that can be shown: the frame's, and those that are worked out."""
        own = [str(name) for name in self.frame.columns]
        return (*own, *(name for name in _WORKED_OUT if name not in own and set(_WORKED_OUT[name]) <= set(own)))

    def _lay_out(self) -> None:
        names = COLUMNS if self.names is None else self.names
        there = set(self.choices)
        found = [self._column(name) for name in names if name in there]
        filled = [column for column in found if not column.empty or not len(self.frame)]
        if any(column.kind == "error" for column in filled):  # it needs the room that others fill with one value
            filled = [column for column in filled if column.name not in self.implied]
        self.columns: list[Column] = filled if self.names is None and filled else found

    def _column(self, name: str) -> Column:
        step = len(self.frame) // _NEEDED_IN + 1
        return column_of(name, [self.frame[one].iloc[::step] for one in self._sources(name)])

    def _sources(self, name: str) -> tuple[str, ...]:
        wanted = _WORKED_OUT.get(name, (name,))
        return wanted if set(wanted) <= set(self.frame.columns) else (name,)

    def sort_by(self, name: str | None, descending: bool = False) -> None:  # noqa: FBT001, FBT002 - pairs with `sort`
        """Sort by a column, missing values last, ties in the frame's order; by no column: the frame's order."""
        if name is None or name not in self.choices:
            self.sort = None
            self.order: npt.NDArray[np.intp] = self._filtered(np.arange(len(self.frame), dtype=np.intp))
            return
        self.sort = (name, descending)
        self.order = self._filtered(_order(self._sortable(name), descending=descending))

    def _sortable(self, name: str) -> pd.Series[Any]:
        if name in self.frame:
            return self.frame[name]
        texts = [error_text(results) for results in self.frame[self._sources(name)[0]]]
        return pd.Series(texts, index=self.frame.index, dtype=pd.StringDtype("python"))

    def page(self, first: int, count: int) -> list[dict[str, Any]]:
        """Return the rows at some places of the present order, drawn."""
        places = self.order[max(first, 0) : max(first, 0) + count]
        read_at = self.frame.attrs.get("read_at")
        taken = [(column.kind, self._values(column, places)) for column in self.columns]
        drawn = [[cell_of(kind, value, read_at) for value in values] for kind, values in taken]
        return [
            {"id": one, "selected": one in self.selected, "cells": [column[row] for column in drawn]}
            for row, one in enumerate(self.id_at(place) for place in places)
        ]

    def _values(self, column: Column, places: npt.NDArray[np.intp]) -> Any:
        """Return the values of a column; a status that its dtype does not have is in the work as it was read."""
        sources = self._sources(column.name)
        if len(sources) > 1:
            return list(zip(*(self.frame[one].array.take(places) for one in sources), strict=True))
        values = self.frame[sources[0]].array.take(places)
        if column.kind != "status" or not pd.isna(values).any():
            return values
        works = to_records(self.frame.iloc[places], partial=True)
        return [work.get("status") if pd.isna(value) else value for value, work in zip(values, works, strict=True)]

    def id_at(self, place: int) -> str | None:
        """Return the id of the work at a place in the frame, or None if it has none that names it."""
        one = self.ids[place]
        return one if isinstance(one, str) else None

    def place(self, row: int) -> int:
        """Return where in the frame the work at a row of the present order stands."""
        return int(self.order[row])

    def select(self, ids: Iterable[str], *, on: bool = True) -> None:
        """Add works to the selection, or take them out; ids that are not in the frame are passed over."""
        self._select([one for one in ids if one in self._known], on=on)

    def _select(self, ids: Iterable[str], *, on: bool) -> None:
        if on:
            self.selected.update(dict.fromkeys(ids))
        else:
            for one in ids:
                self.selected.pop(one, None)

    def select_rows(self, first: int, last: int, *, on: bool = True) -> None:
        """Select the works from one row of the present order to another, both included."""
        low, high = sorted((first, last))
        self._select([one for one in self.ids[self.order[max(low, 0) : high + 1]] if isinstance(one, str)], on=on)

    def select_all(self) -> None:
        """Select every work that is shown."""
        self._select([one for one in self.ids[self.order] if isinstance(one, str)], on=True)

    def clear(self) -> None:
        """Select nothing."""
        self.selected.clear()

    def chosen(self) -> pd.DataFrame:
        """Return the selected works as a frame, in the frame's order."""
        mask = np.fromiter((one in self.selected for one in self.ids), dtype=bool, count=len(self.ids))
        return self.frame[mask]


def _containing(values: pd.Series[Any], text: str) -> npt.NDArray[np.bool_]:
    """Tell which values have a text in them, in capitals or not."""
    array: Any = values.array
    if isinstance(array, JSONArray):
        sought = text.lower().encode()
        known = ~np.asarray(array.isna())
        return np.array([there and sought in bytes(one).lower() for one, there in zip(array.texts, known, strict=True)])
    texts = values.astype(pd.StringDtype("python"))
    return np.asarray(texts.str.contains(text, case=False, regex=False).fillna(value=False), dtype=bool)


def _order(values: pd.Series[Any], *, descending: bool) -> npt.NDArray[np.intp]:
    """Return the places of the values in order: missing ones last, equal ones as they came."""
    array: Any = values.array
    missing = np.asarray(array.isna())
    known = np.flatnonzero(~missing)
    if isinstance(array, JSONArray):
        keys: Any = np.array(list(map(str, array[known].decoded())), dtype=object)
    elif isinstance(values.dtype, pd.StringDtype) or values.dtype == object:
        keys = np.array(list(map(str, array.to_numpy(dtype=object)[known])), dtype=object)
    else:
        keys = array[known]
    order = len(keys) - 1 - keys[::-1].argsort(kind="stable")[::-1] if descending else keys.argsort(kind="stable")
    return np.concatenate([known[order], np.flatnonzero(missing)])
