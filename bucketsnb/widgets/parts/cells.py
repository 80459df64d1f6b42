"""How a value of a frame is shown in a cell of the grid: a short text, and the exact value as its title."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from bucketsnb.display.texts import age, cell, format_time, join_truncated, json_text, printable, truncate
from bucketsnb.frames.work_view import WorkView
from bucketsnb.schema import STATUSES, TIME_FIELDS
from bucketsnb.summaries.failures import error_text

__all__ = ["Column", "cell_of", "column_of", "column_title", "draw", "facts_of", "pretty"]

LONGEST = 60
"""Characters of a cell; the title has more of it."""
LONGEST_ERROR = 200
TITLE = 600
_MOMENT = "Mon 30 Nov 11:16 UTC"
SHORT_ID = 8
"""Characters of an id that are shown: its end."""
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
    "error": "error",
    "attempt": "attempts",
}
_TITLES = {"priority": "prio", "attempt": "tries"}
_WIDEST = {"error": 60, "text": 26, "id": 10}
_LINK = re.compile(r"https?://[^\s]+")


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
    empty
        Whether the works that were looked at have nothing in it.
    """

    name: str
    kind: str
    width: int
    empty: bool = False

    def message(self) -> dict[str, Any]:
        """Return what the page needs to draw its heading."""
        return {"name": self.name, "title": column_title(self.name), "kind": self.kind, "width": self.width}


def column_title(name: str) -> str:
    """Return the heading of a column."""
    return printable(_TITLES.get(name, name))


def column_of(name: str, sources: Sequence[pd.Series[Any]]) -> Column:
    """Say how a column is drawn, from its name, and the dtype and some values of what it is made of."""
    number = len(sources) == 1 and pd.api.types.is_numeric_dtype(sources[0].dtype)
    kind = _KINDS.get(name) or ("number" if number else "text")
    if kind == "attempts" and len(sources) == 1:
        kind = "number"
    values = sources[0] if len(sources) == 1 else zip(*sources, strict=True)
    drawn = [draw(kind, value, None)[0] for value in values]
    moment = [_MOMENT] if kind == "time" else []
    longest = max([len(column_title(name)) + 2, *map(len, drawn), *map(len, moment)])
    return Column(name, kind, min(max(longest, 5), _WIDEST.get(kind, 24)), empty=not any(drawn))


def draw(kind: str, value: Any, read_at: float | None) -> tuple[str, str]:
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
    if _missing(value):
        return "", ""
    return _DRAWN.get(kind, _text)(value, read_at)


def cell_of(kind: str, value: Any, read_at: float | None) -> tuple[str | float, ...]:
    """Return the text and the title of a cell, and for a moment its epoch seconds: the page knows the reader's zone."""
    drawn = draw(kind, value, read_at)
    return (*drawn, value.timestamp()) if isinstance(value, pd.Timestamp) and not _missing(value) else drawn


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _time(value: Any, read_at: float | None) -> tuple[str, str]:
    if not isinstance(value, pd.Timestamp):
        return _text(value, read_at)
    exact = f"{value.tz_convert('UTC'):%Y-%m-%d %H:%M:%S} UTC" if value.tzinfo else str(value)
    if read_at is None:
        return format_time(value), exact
    past = read_at - value.timestamp()
    return (f"{age(past)} ago" if past >= 0 else f"in {age(-past)}"), exact


def _span(value: Any, read_at: float | None) -> tuple[str, str]:
    if not isinstance(value, timedelta):
        return _text(value, read_at)
    return age(value), f"{value.total_seconds():,.6g} s" if abs(value.total_seconds()) < 1e6 else _seconds(value)


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():,.0f} s"


def _error(value: Any, _: float | None) -> tuple[str, str]:
    text = error_text(value)
    return ("", "") if text is None else (truncate(text, LONGEST_ERROR), truncate(text, TITLE))


def _attempts(value: Any, _: float | None) -> tuple[str, str]:
    used, allowed = ("?" if _missing(one) else cell(one) for one in value)
    return f"{used}/{allowed}", f"attempt {used} of {allowed} retries"


def _id(value: Any, _: float | None) -> tuple[str, str]:
    text = truncate(value, TITLE)
    return (f"…{text[-SHORT_ID:]}" if len(text) > SHORT_ID + 1 else text), text


def _flag(value: Any, _: float | None) -> tuple[str, str]:
    return ("yes" if value else ""), ""


def _text(value: Any, _: float | None) -> tuple[str, str]:
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return truncate(join_truncated(value, most=3), LONGEST), truncate(json.dumps(value, ensure_ascii=False), TITLE)
    if isinstance(value, list | dict):
        whole = json.dumps(value, ensure_ascii=False, default=str)
        return truncate(whole, LONGEST), truncate(whole, TITLE)
    text = value if isinstance(value, str) else cell(value)
    return truncate(text, LONGEST), truncate(text, TITLE)


def _number(value: Any, _: float | None) -> tuple[str, str]:
    return cell(value.item() if hasattr(value, "item") else value), ""


def _status(value: Any, read_at: float | None) -> tuple[str, str]:
    text, title = _text(value, read_at)
    if value in STATUSES:
        return text, title
    return truncate(f"{text} (unknown)", LONGEST), f"{title}: no status that is known here"


_DRAWN: Mapping[str, Callable[[Any, float | None], tuple[str, str]]] = {
    "status": _status,
    "time": _time,
    "span": _span,
    "flag": _flag,
    "number": _number,
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
    """Return a work as labels and texts, the error first, with the addresses that are among its products and plots.

    Examples
    --------
    >>> facts_of({"id": "a", "results": {"error": "disk full"}}, 0.0)[0]
    {'label': 'error', 'text': 'disk full', 'links': []}
    """
    error = error_text(record.get("results"))
    first = [] if error is None else [{"label": "error", "text": truncate(error, TITLE), "links": []}]
    return [*first, *_facts(record, now)]


def _facts(record: Mapping[str, Any], now: float | None) -> Iterator[dict[str, Any]]:
    view = WorkView(record, now=now or 0.0)
    for name, value in view._rows():
        if value is None or value in ("", [], {}):
            continue
        links = (
            [one for one in value if isinstance(one, str) and _LINK.fullmatch(one)] if isinstance(value, list) else []
        )
        time = float(value) if name in TIME_FIELDS and type(value) in {int, float} else None
        yield {
            "label": printable(name),
            "text": view._text(name, value),
            "links": links,
            **({"time": time} if time else {}),
        }
