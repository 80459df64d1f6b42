"""The rows behind a grid: their order, their columns, and the rows that the page asks for.

Nothing here draws or sends. A frame of 100,000 works is never copied: only a list of places in it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.frames import JSONArray, to_records
from bucketsnb.summaries.failures import error_text, fold
from bucketsnb.widgets.parts.cells import Column, cell_of, column_of

__all__ = ["Causes", "Rows", "causes_of"]

COLUMNS = ("status", "pipeline", "event", "error", "tags", "priority", "attempt", "site", "user", "age", "id")
"""The columns that a grid opens with, unless they are empty."""

_WORKED_OUT = {"error": ("results",), "attempt": ("attempt", "retries")}
"""Columns of the grid that are computed from columns of the frame."""
_NEEDED_IN = 300
"""Works, spread over the frame, from which empty columns and widths are determined."""
LOOKED_AT = 5000
"""Newest works whose errors are compared: a hundred thousand would block the page for seconds."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Causes:
    """Why the works of a frame failed."""

    frame: pd.DataFrame
    of: npt.NDArray[np.object_]
    """The cause of each work that was checked, from the start of the frame."""
    counts: Mapping[str, int]
    """How many of them have each cause, the most frequent first."""


def causes_of(frame: pd.DataFrame) -> Causes | None:
    """Return why the works of a frame failed, for the first 5,000 of them; None unless all failed."""
    if frame.empty or not {"status", "results", "site"} <= set(frame.columns):
        return None
    if not frame["status"].eq("failure").fillna(value=False).all():
        return None
    newest = frame.iloc[:LOOKED_AT]
    sites = newest["site"].fillna("")
    errors = [(error_text(results), site) for results, site in zip(newest["results"], sites, strict=True)]
    folded = {(text, site): fold(text, site) if text else "no error text in the results" for text, site in set(errors)}
    of = np.array([folded[error] for error in errors], dtype=object)
    return Causes(frame, of, dict(Counter(of).most_common()))


class Rows:
    """The order and the columns of a frame's works; those without an id cannot be selected."""

    def __init__(self, frame: pd.DataFrame, columns: Iterable[str] | None = None, causes: Causes | None = None) -> None:
        self.names = None if columns is None else tuple(columns)  # names of the columns; none for the default ones
        self.sort: tuple[str, bool] | None = None  # a column, and whether descending; none for the order of the frame
        self.text = ""  # only works with this text in a column shown are rows
        self.cause = ""  # only works with this cause are rows
        self.implied: frozenset[str] = frozenset()  # columns with one value for all, replaced by the errors
        self.replace(frame, causes)

    def replace(self, frame: pd.DataFrame, causes: Causes | None = None) -> None:
        """Take a newer frame, and why its works failed if all did; sort, columns and filters stay."""
        self.frame = frame
        # The id of each work, in the order of the frame, or the value in its place.
        self.ids: npt.NDArray[np.object_] = (
            frame["id"].to_numpy(dtype=object) if "id" in frame else np.full(len(frame), None)
        )
        self.causes = causes if causes is not None and causes.frame is frame else None
        self._lay_out()
        self.arrange()

    @property
    def known(self) -> frozenset[str]:
        """The ids of the works that can be selected."""
        return frozenset(work for work in self.ids if isinstance(work, str))

    def __len__(self) -> int:
        return len(self.order)

    @property
    def narrowed(self) -> bool:
        """Whether only some of the works are shown."""
        return bool(self.text or self.cause)

    # ---- columns

    def show(self, names: Iterable[str]) -> None:
        """Choose the columns."""
        self.names = tuple(names)
        self._lay_out()

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the columns that can be shown: the frame's, and computed ones."""
        own = [str(name) for name in self.frame.columns]
        return (*own, *(name for name in _WORKED_OUT if name not in own and set(_WORKED_OUT[name]) <= set(own)))

    def _lay_out(self) -> None:
        there, step = set(self.choices), len(self.frame) // _NEEDED_IN + 1
        found = [
            column_of(name, [self.frame[source].iloc[::step] for source in self._sources(name)])
            for name in (COLUMNS if self.names is None else self.names)
            if name in there
        ]
        filled = [column for column in found if not column.empty or not len(self.frame)]
        if any(column.kind == "error" for column in filled):  # it takes the place of columns with one value
            filled = [column for column in filled if column.name not in self.implied]
        self.columns: list[Column] = filled if self.names is None and filled else found

    def _sources(self, name: str) -> tuple[str, ...]:
        wanted = _WORKED_OUT.get(name, (name,))
        return wanted if set(wanted) <= set(self.frame.columns) else (name,)

    # ---- order

    def arrange(self) -> None:
        """Sort and filter again: missing values last, ties in the order of the frame."""
        if self.cause and (self.causes is None or self.cause not in self.causes.counts):
            self.cause = ""
        if self.sort is not None and self.sort[0] not in self.choices:
            self.sort = None
        order: Places = np.arange(len(self.frame), dtype=np.intp)
        if self.sort is not None:
            order = _order(self._sortable(self.sort[0]), descending=self.sort[1])
        if self.cause and self.causes is not None:
            order = order[order < len(self.causes.of)]
            order = order[self.causes.of[order] == self.cause]
        self.order = order[self._has_text()[order]] if self.text else order

    def sort_by(self, name: str | None, descending: bool = False) -> None:  # noqa: FBT001, FBT002 - pairs with `sort`
        """Sort by a column; None means the order of the frame."""
        self.sort = None if name is None else (name, descending)
        self.arrange()

    def _has_text(self) -> npt.NDArray[np.bool_]:
        shown = {column.name for column in self.columns} | self.implied
        found = np.zeros(len(self.frame), dtype=bool)
        for name in {source for column in shown for source in self._sources(column)} & set(self.frame.columns):
            found |= _containing(self.frame[name], self.text)
        return found

    def _sortable(self, name: str) -> pd.Series[Any]:
        if name in self.frame:
            return self.frame[name]
        texts = [error_text(results) for results in self.frame[self._sources(name)[0]]]
        return pd.Series(texts, index=self.frame.index, dtype=pd.StringDtype("python"))

    def page(self, first: int, count: int, selected: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the rows at some places of the current order, drawn."""
        places = self.order[max(first, 0) : max(first, 0) + count]
        read_at = self.frame.attrs.get("read_at")
        drawn = [
            [cell_of(column.kind, value, read_at) for value in self._values(column, places)] for column in self.columns
        ]
        return [
            {"id": self.id_at(place), "selected": self.ids[place] in selected, "cells": [cells[row] for cells in drawn]}
            for row, place in enumerate(places)
        ]

    def id_at(self, place: int) -> str | None:
        """Return the id of the work at a place in the frame, or None if its id is not text."""
        return self.ids[place] if isinstance(self.ids[place], str) else None

    def _values(self, column: Column, places: Places) -> Any:
        """Return the values of a column; a status that the dtype lacks is taken from the work as read."""
        sources = [self.frame[source].array.take(places) for source in self._sources(column.name)]
        if len(sources) > 1:
            return list(zip(*sources, strict=True))
        if column.kind != "status" or not pd.isna(sources[0]).any():
            return sources[0]
        works = to_records(self.frame.iloc[places], partial=True)
        return [work.get("status") if pd.isna(value) else value for value, work in zip(sources[0], works, strict=True)]


def _containing(values: pd.Series[Any], text: str) -> npt.NDArray[np.bool_]:
    """Return which values contain a text, ignoring case."""
    array: Any = values.array
    if isinstance(array, JSONArray):
        sought = text.lower().encode()
        known = ~np.asarray(array.isna())
        return np.array([there and sought in bytes(raw).lower() for raw, there in zip(array.texts, known, strict=True)])
    texts = values.astype(pd.StringDtype("python"))
    return np.asarray(texts.str.contains(text, case=False, regex=False).fillna(value=False), dtype=bool)


def _order(values: pd.Series[Any], *, descending: bool) -> Places:
    """Return the places of the values in order: missing ones last, equal ones as they came."""
    array: Any = values.array
    missing = np.asarray(array.isna())
    known = np.flatnonzero(~missing)
    keys: Any = array[known]
    if isinstance(array, JSONArray):
        keys = np.array(list(map(str, keys.decoded())), dtype=object)
    elif isinstance(values.dtype, pd.StringDtype) or values.dtype == object:
        keys = np.array(list(map(str, keys)), dtype=object)
    order = len(keys) - 1 - keys[::-1].argsort(kind="stable")[::-1] if descending else keys.argsort(kind="stable")
    return np.concatenate([known[order], np.flatnonzero(missing)])
