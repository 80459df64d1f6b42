"""A small DataFrame that reads well where it is shown: times and ages in words, escaped and bounded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pandas as pd

from bucketsnb.display import markup, texts
from bucketsnb.display.texts import count_of, truncate

__all__ = ["SummaryFrame", "most_rows"]

_LONGEST = 120
_NARROW = 50
"""Characters of a cell that pandas shows by default: too few for an error."""
_NAMES = ["event"]
"""Columns whose numbers are identifiers, shown without separators of thousands."""


def most_rows() -> int | None:
    """Return how many rows of a frame pandas' display options allow; None for all."""
    most: int | None = pd.get_option("display.max_rows")
    return shutil.get_terminal_size().lines if most == 0 else most


class SummaryFrame(pd.DataFrame):
    """An ordinary DataFrame whose text and HTML views agree and show the first rows, as many as pandas' options say.

    Text is cut in the views only, after 120 characters unless ``display.max_colwidth`` says otherwise.
    """

    @property
    def _constructor(self) -> Callable[..., SummaryFrame]:
        return SummaryFrame

    def __repr__(self) -> str:
        """Draw the first rows as plain text."""
        table = texts.table(self._headers(), self._cells(), caption=self._caption())
        return "\n".join(filter(None, [table, self._footer()]))

    def _repr_html_(self) -> str | None:
        if not pd.get_option("display.notebook_repr_html"):
            return None
        table = markup.table(self._headers(), self._cells(), caption=self._caption())
        below = [markup.element("p", self._footer())] if self._footer() else []
        return str(markup.element("div", table, *below))

    def _caption(self) -> str | None:
        """Return the text above the rows, or None."""
        return None

    def _displayed(self) -> pd.DataFrame:
        """Return the columns that are drawn, in their order."""
        return pd.DataFrame(self)

    def _named_index(self) -> list[Any]:
        """Return the names of the index unless it is plain row numbers."""
        return [] if isinstance(self.index, pd.RangeIndex) else list(self.index.names)

    def _headers(self) -> list[str]:
        return [*(str(name or "") for name in self._named_index()), *map(str, self._displayed().columns)]

    def _cells(self) -> list[list[Any]]:
        head = self._displayed().head(self._most()).astype(object)
        for name in head.columns.intersection(_NAMES):
            head[name] = head[name].map(str, na_action="ignore")
        rows = head.to_numpy().tolist()
        if self._named_index():
            keys = [key if isinstance(key, tuple) else (key,) for key in head.index]
            rows = [[*key, *row] for key, row in zip(keys, rows, strict=True)]
        return [list(map(_short, row)) for row in rows]

    def _footer(self) -> str:
        whole = count_of(len(self), "row")
        return whole if len(self) <= self._most() else f"the first {self._most()} of {whole}"

    def _most(self) -> int:
        most = most_rows()
        return len(self) if most is None else most


def _short(value: Any) -> Any:
    width = pd.get_option("display.max_colwidth")
    most = _LONGEST if width == _NARROW else width
    return truncate(value, most) if isinstance(value, str) and most is not None else value
