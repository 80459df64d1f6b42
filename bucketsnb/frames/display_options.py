"""How much of a frame to draw, as pandas' display options say."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

__all__ = ["DisplayOptions"]

_T = TypeVar("_T")
_GAP = "…"


@dataclass(frozen=True)
class DisplayOptions:
    """The display options that decide how much of a frame is drawn; None stands for all.

    Attributes
    ----------
    max_rows, min_rows
        A frame of more rows than the first is drawn with as many as the second.
    max_columns
        A frame of more columns is drawn with its first and its last ones.
    max_colwidth
        Letters that a cell is cut to.
    html
        Whether a notebook shows HTML.
    """

    max_rows: int | None
    min_rows: int | None
    max_columns: int | None
    max_colwidth: int | None
    html: bool

    @classmethod
    def now(cls) -> DisplayOptions:
        """Return the options as they are set at this moment."""
        max_rows = pd.get_option("display.max_rows")
        return cls(
            max_rows=shutil.get_terminal_size().lines if max_rows == 0 else max_rows,
            min_rows=pd.get_option("display.min_rows"),
            max_columns=pd.get_option("display.max_columns") or None,
            max_colwidth=pd.get_option("display.max_colwidth"),
            html=bool(pd.get_option("display.notebook_repr_html")),
        )

    def rows(self, count: int) -> tuple[slice, slice]:
        """Return which rows of so many are drawn: the first ones, and after a gap the last ones, if any."""
        if self.max_rows is None or count <= self.max_rows:
            return slice(count), slice(count, count)
        few = self.max_rows if self.min_rows is None else min(self.min_rows, self.max_rows)
        return slice(few - few // 2), slice(count - few // 2, count)

    def columns(self, names: Sequence[_T]) -> tuple[Sequence[_T], Sequence[_T]]:
        """Return which columns are drawn: the first ones, and after a gap the last ones, if any."""
        if self.max_columns is None or len(names) <= self.max_columns:
            return names, ()
        first = self.max_columns - self.max_columns // 2
        return names[:first], names[len(names) - self.max_columns // 2 :]


def with_gap(first: Sequence[Any], last: Sequence[Any], gap: Any = _GAP) -> list[Any]:
    """Put what is drawn of both ends together, with a gap between them if there is a second."""
    return [*first, gap, *last] if last else list(first)
