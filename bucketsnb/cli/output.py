"""Works as text, JSON and CSV for a terminal, a script and a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from bucketsnb.formatting import cell, elide, excerpt, json_text, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSV_COLUMNS", "TABLE_COLUMNS", "as_csv", "as_json", "as_table", "formula_safe"]

TABLE_COLUMNS = ("id", "pipeline", "status", "age", "site", "user", "priority", "attempt", "event")
"""What fits in a terminal."""

CSV_COLUMNS = (
    *("id", "pipeline", "status", "site", "user", "priority", "attempt", "retries", "timeout"),
    *("creation", "start", "stop", "event", "tags", "parent", "function", "command"),
    *("parameters", "results", "products", "plots", "config", "notify"),
)

_WIDEST = 60
"""Characters of a cell in a terminal; one that is longer would push the rest out of sight in every row."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(value: Any) -> str:
    """Write records, or any value of JSON, for a script; what the output cannot write is an escape of JSON's."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json_text(value) if encoding.lower().startswith("utf") else json.dumps(value, indent=2)


def as_table(frame: pd.DataFrame, columns: Sequence[str] = TABLE_COLUMNS) -> str:
    """Draw the columns that fit in a terminal."""
    return table(columns, ([_shown(value) for value in row] for row in _rows(frame, columns)))


def as_csv(frame: pd.DataFrame, columns: Sequence[str] = CSV_COLUMNS) -> str:
    """Write a frame for a spreadsheet: times in ISO 8601, nested values as JSON, and no text that runs as a formula."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_written(value) for value in row] for row in _rows(frame, columns))
    return sink.getvalue()


def formula_safe(text: str) -> str:
    r"""Put an apostrophe before text that a spreadsheet would run as a formula.

    Examples
    --------
    >>> formula_safe("=HYPERLINK(...)"), formula_safe("chime")
    ("'=HYPERLINK(...)", 'chime')
    >>> formula_safe("a\0b")
    'a\\u0000b'
    """
    # The csv module does not quote a bare carriage return, which would begin a row, and before Python 3.11 it takes no
    # NUL. Spaces may precede a formula.
    text = text.replace("\r", "\\u000d").replace("\0", "\\u0000")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(frame[name] for name in columns), strict=True)


def _shown(value: Any) -> str:
    return excerpt(elide(value) if isinstance(value, list) else cell(value), _WIDEST)


def _written(value: Any) -> Any:
    if isinstance(value, str):
        return formula_safe(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if hasattr(value, "isoformat"):
        return value.isoformat() if value == value else ""  # NaT differs from itself
    text = cell(value)
    return getattr(value, "item", lambda: value)() if text and isinstance(value, Real) else formula_safe(text)
