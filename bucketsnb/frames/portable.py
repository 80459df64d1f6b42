"""A frame of works in the forms that files and databases take."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from bucketsnb.errors import WorkError
from bucketsnb.frames.json_array import JSONArray

__all__ = ["for_cells", "for_excel", "for_text"]

_TEXT = pd.StringDtype("python")
_SHEET_CELL = 32_767
"""Letters that a cell of a spreadsheet holds."""


def for_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an ordinary frame with nested cells as JSON text: a file that names our dtype, only we could read."""
    whole = _mapped(frame, lambda column: column.astype(_TEXT) if isinstance(column.array, JSONArray) else column)
    whole.attrs = {name: _plain(value) for name, value in frame.attrs.items() if name != "as_read"}
    return whole


def for_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an ordinary frame of text, numbers and booleans: as for text, times as ISO text, spans as seconds."""
    return _mapped(frame, _plain_column)


def for_excel(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an ordinary frame as :func:`for_cells` does, for a sheet.

    Raises
    ------
    WorkError
        If a cell has more letters than a sheet holds.
    """
    whole = for_cells(frame)
    for place, name in enumerate(whole.columns):
        for row, cell in enumerate(whole.iloc[:, place]):
            if isinstance(cell, str) and len(cell) > _SHEET_CELL:
                raise WorkError(
                    f"{name} of the work in row {row} has {len(cell):,} letters, and a cell of a sheet holds "
                    f"{_SHEET_CELL:,}: leave that column out, or write CSV or Parquet",
                    index=row,
                    field=str(name),
                )
    return whole


def _plain_column(column: pd.Series) -> pd.Series:
    if isinstance(column.array, JSONArray):
        return column.astype(_TEXT)
    kind = getattr(column.dtype, "kind", "")
    if kind == "M":
        texts = [None if cell is pd.NaT else cell.isoformat() for cell in column]
        return pd.Series(pd.array(texts, dtype=_TEXT), index=column.index, name=column.name)
    return column.dt.total_seconds() if kind == "m" else column


def _mapped(frame: pd.DataFrame, change: Any) -> pd.DataFrame:
    """Return an ordinary frame of changed columns, which may bear the same name twice."""
    whole = pd.DataFrame({place: change(frame.iloc[:, place]) for place in range(frame.shape[1])}, index=frame.index)
    whole.columns = frame.columns
    return whole


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
