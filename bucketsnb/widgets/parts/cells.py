"""How a value of a frame is shown in a cell of the grid: a short text, and the exact value as its title."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd

from bucketsnb.display.texts import age, cell, format_time, join_truncated, json_text, printable, truncate
from bucketsnb.frames.work_view import WorkView
from bucketsnb.schema import STATUSES, TIME_FIELDS
from bucketsnb.summaries.failures import error_text

__all__ = ["Column", "cell_of", "column_of", "draw", "facts_of", "pretty", "title_of"]

LONGEST = 60
"""Characters of a cell; the title has more of it."""
LONGEST_ERROR = 200
TITLE = 600
_MOMENT = "Mon 30 Nov 11:16 UTC"
SHORT_ID = 8
"""Characters that are shown of an id, from its end."""
WHOLE = 400_000
"""Characters of a whole work that the page shows."""

_KINDS: Mapping[str, str] = {
    "id": "id",
    "status": "status",
    "error": "error",
    "overdue": "flag",
    **dict.fromkeys(TIME_FIELDS, "time"),
    **dict.fromkeys(("age", "wait", "runtime"), "span"),
}
_TITLES = {"priority": "prio", "attempt": "tries"}
_WIDEST = {"error": 60, "text": 26, "id": 10}
_LINK = re.compile(r"https?://[^\s]+")

Drawn = tuple[str, str]


class Column(NamedTuple):
    """One column of the grid."""

    name: str
    title: str
    kind: str
    """What draws it: a value of ``_KINDS``, ``attempts``, ``number`` or ``text``."""
    width: int
    """Its width, in characters."""
    empty: bool
    """Whether it is empty in all works that were checked."""


def title_of(name: str) -> str:
    """Return the heading of a column."""
    return printable(_TITLES.get(name, name))


def column_of(name: str, sources: Sequence[pd.Series[Any]]) -> Column:
    """Return how a column is drawn, by its name, its dtype and some of its values."""
    first, whole = sources[0], len(sources) == 1
    usual = "number" if pd.api.types.is_numeric_dtype(first.dtype) else "text"
    kind = _KINDS.get(name, usual) if whole else "attempts"
    drawn = [draw(kind, value, None)[0] for value in (first if whole else zip(*sources, strict=True))]
    moment = [_MOMENT] if kind == "time" else []
    longest = max(5, len(title_of(name)) + 2, *map(len, [*drawn, *moment]))
    return Column(name, title_of(name), kind, min(longest, _WIDEST.get(kind, 24)), not any(drawn))


def draw(kind: str, value: Any, read_at: float | None) -> Drawn:
    """Return the text of a cell and its title.

    An id is cut to its end, which tells works apart; its title is the whole.

    Examples
    --------
    >>> draw("span", pd.Timedelta(days=3, hours=4), None)
    ('3 d 4 h', '273,600 s')
    >>> draw("text", ["a", "b", "c", "d", "e"], None)
    ('a, b, c ... and 2 more', '["a", "b", "c", "d", "e"]')
    >>> draw("number", None, None)
    ('', '')
    """
    if _is_missing(value):
        return "", ""
    if kind == "time" and isinstance(value, pd.Timestamp):
        return _time(value, read_at)
    return _DRAWN.get(kind, _text)(value)


def cell_of(kind: str, value: Any, read_at: float | None) -> tuple[str | float, ...]:
    """Return the text and the title of a cell, and for a moment its epoch seconds: the page knows the reader's zone."""
    drawn = draw(kind, value, read_at)
    return (*drawn, value.timestamp()) if isinstance(value, pd.Timestamp) and not _is_missing(value) else drawn


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _time(value: pd.Timestamp, read_at: float | None) -> Drawn:
    exact = f"{value.tz_convert('UTC'):%Y-%m-%d %H:%M:%S} UTC" if value.tzinfo else str(value)
    if read_at is None:
        return format_time(value), exact
    past = read_at - value.timestamp()
    return (f"{age(past)} ago" if past >= 0 else f"in {age(-past)}"), exact


def _span(value: Any) -> Drawn:
    if not isinstance(value, timedelta):
        return _text(value)
    return age(value), f"{value.total_seconds():,.3f}".rstrip("0").rstrip(".") + " s"


def _error(value: Any) -> Drawn:
    text = error_text(value) or ""
    return truncate(text, LONGEST_ERROR), truncate(text, TITLE)


def _attempts(value: Any) -> Drawn:
    used, allowed = ("?" if _is_missing(one) else cell(one) for one in value)
    return f"{used}/{allowed}", f"attempt {used} of {allowed} retries"


def _id(value: Any) -> Drawn:
    text = truncate(value, TITLE)
    return (f"…{text[-SHORT_ID:]}" if len(text) > SHORT_ID + 1 else text), text


def _text(value: Any) -> Drawn:
    text = value if isinstance(value, str) else cell(value)
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    listed = isinstance(value, list) and not any(isinstance(part, list | dict) for part in value)
    return truncate(join_truncated(value, most=3) if listed else text, LONGEST), truncate(text, TITLE)


def _status(value: Any) -> Drawn:
    text, title = _text(value)
    if value in STATUSES:
        return text, title
    return truncate(f"{text} (unknown)", LONGEST), f"{title}: no status that is known here"


_DRAWN: Mapping[str, Callable[[Any], Drawn]] = {
    "status": _status,
    "span": _span,
    "flag": lambda value: ("yes" if value else "", ""),
    "number": lambda value: (cell(value), ""),
    "error": _error,
    "attempts": _attempts,
    "id": _id,
}


def pretty(record: Any) -> str:
    """Return a whole work as indented JSON, with invisible characters made visible, cut when it is very long."""
    text = json_text(record, default=str)
    if len(text) <= WHOLE:
        return text
    return f"{text[:WHOLE]}\n… cut here: {len(text) - WHOLE:,} characters more, which a page cannot show"


def facts_of(record: Mapping[str, Any], now: float | None) -> list[dict[str, Any]]:
    """Return a work as labels and texts, the error first, with the addresses that are among its products and plots."""
    error, view = error_text(record.get("results")), WorkView(record, now=now or 0.0)
    facts = [] if error is None else [{"label": "error", "text": truncate(error, TITLE), "links": []}]
    for name, value in view._rows():
        if value is None or value in ("", [], {}):
            continue
        parts = value if isinstance(value, list) else []
        links = [one for one in parts if isinstance(one, str) and _LINK.fullmatch(one)]
        fact: dict[str, Any] = {"label": printable(name), "text": view._text(name, value), "links": links}
        if name in TIME_FIELDS and type(value) in {int, float} and value:
            fact["time"] = float(value)
        facts.append(fact)
    return facts
