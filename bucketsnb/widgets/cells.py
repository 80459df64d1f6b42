"""How one value of a frame stands in a cell of the grid: a short text, and the exact value as its title."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from bucketsnb.formatting import age, cell, elide, excerpt, json_text, printable, when
from bucketsnb.schema import STATUSES

__all__ = ["Column", "column_of", "column_title", "draw", "pretty"]

LONGEST = 60
"""Characters of a cell; the title has more of it."""
TITLE = 600
WHOLE = 400_000
"""Characters of a whole work that the page shows."""

_KINDS: Mapping[str, str] = {
    "id": "id",
    "status": "status",
    "creation": "time",
    "start": "time",
    "stop": "time",
    "age": "span",
    "wait": "span",
    "runtime": "span",
    "overdue": "flag",
}
_TITLES = {"event": "events", "overdue": "overdue"}


@dataclass(frozen=True)
class Column:
    """One column of the grid.

    Parameters
    ----------
    name
        Of the frame's column.
    kind
        ``id``, ``status``, ``time``, ``span``, ``flag``, ``number`` or ``text``.
    width
        Characters it needs.
    """

    name: str
    kind: str
    width: int

    def message(self) -> dict[str, Any]:
        """Return what the page needs to draw its heading."""
        return {"name": self.name, "title": column_title(self.name), "kind": self.kind, "width": self.width}


def column_title(name: str) -> str:
    """Return the heading of a column."""
    return printable(_TITLES.get(name, name))


def column_of(series: pd.Series[Any], sample: int = 60) -> Column:
    """Say how a column is drawn, from its name, its dtype and its first values."""
    name = str(series.name)
    kind = _KINDS.get(name) or ("number" if pd.api.types.is_numeric_dtype(series.dtype) else "text")
    drawn = [draw(kind, value, None)[0] for value in series.iloc[:sample]]
    longest = max([len(column_title(name)) + 2, *map(len, drawn)])
    return Column(name, kind, min(max(longest, 5), 24 if kind != "text" else 30))


def draw(kind: str, value: Any, read_at: float | None) -> tuple[str, str]:
    """Return the text of a cell and its title.

    Examples
    --------
    >>> draw("span", pd.Timedelta(days=3, hours=4), None)
    ('3 d 4 h', '273,600 s')
    >>> draw("text", ["a", "b", "c", "d", "e"], None)
    ('a, b, c ... and 2 more', '["a", "b", "c", "d", "e"]')
    >>> draw("number", None, None)
    ('', '')
    """
    if _missing(value):
        return "", ""
    return _DRAWN.get(kind, _text)(value, read_at)


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _time(value: Any, read_at: float | None) -> tuple[str, str]:
    if not isinstance(value, pd.Timestamp):
        return _text(value, read_at)
    exact = f"{value.tz_convert('UTC'):%Y-%m-%d %H:%M:%S} UTC" if value.tzinfo else str(value)
    if read_at is None:
        return when(value), exact
    past = read_at - value.timestamp()
    return (f"{age(past)} ago" if past >= 0 else f"in {age(-past)}"), exact


def _span(value: Any, read_at: float | None) -> tuple[str, str]:
    if not isinstance(value, timedelta):
        return _text(value, read_at)
    return age(value), f"{value.total_seconds():,.6g} s" if abs(value.total_seconds()) < 1e6 else _seconds(value)


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():,.0f} s"


def _flag(value: Any, _: float | None) -> tuple[str, str]:
    return ("yes" if value else ""), ""


def _text(value: Any, _: float | None) -> tuple[str, str]:
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return excerpt(elide(value, most=3), LONGEST), excerpt(json.dumps(value, ensure_ascii=False), TITLE)
    if isinstance(value, list | dict):
        whole = json.dumps(value, ensure_ascii=False, default=str)
        return excerpt(whole, LONGEST), excerpt(whole, TITLE)
    text = value if isinstance(value, str) else cell(value)
    return excerpt(text, LONGEST), excerpt(text, TITLE)


def _number(value: Any, _: float | None) -> tuple[str, str]:
    return cell(value.item() if hasattr(value, "item") else value), ""


def _status(value: Any, read_at: float | None) -> tuple[str, str]:
    text, title = _text(value, read_at)
    if value in STATUSES:
        return text, title
    return excerpt(f"{text} (unknown)", LONGEST), f"{title}: no status that is known here"


_DRAWN: Mapping[str, Callable[[Any, float | None], tuple[str, str]]] = {
    "status": _status,
    "time": _time,
    "span": _span,
    "flag": _flag,
    "number": _number,
}


def pretty(record: Any) -> str:
    """Return a whole work as indented JSON, with invisible characters made visible, cut when it is very long."""
    text = json_text(record, default=str)
    if len(text) <= WHOLE:
        return text
    return f"{text[:WHOLE]}\n… cut here: {len(text) - WHOLE:,} characters more; buckets.api.view(...) has them all"
