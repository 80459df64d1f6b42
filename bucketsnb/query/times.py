"""Moments and spans of time as people write them, and as a query document holds them.

A moment is a number (epoch seconds, UTC), or is open until the query is sent: ``{"$ago": "7d"}`` is seven days before
that. ``$ago`` is an operator of this package, not of MongoDB: :func:`resolved` replaces it by a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from bucketsnb.display.texts import format_time
from bucketsnb.errors import QueryError
from bucketsnb.moments import LARGEST_SECONDS, UNIT_SIZES, instant, unit_guess

__all__ = [
    "AGO",
    "ago",
    "instant_text",
    "is_ago",
    "moment",
    "moment_text",
    "resolved",
    "seconds_of",
    "span",
]

AGO = "$ago"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNITS = {
    word: size
    for words, size in {
        "w wk week weeks": 604_800,
        "d day days": 86_400,
        "h hr hour hours": 3_600,
        "min mins minute minutes": 60,
        "s sec secs second seconds": 1,
    }.items()
    for word in words.split()
}
_PIECE = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-z]+)\s*", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def span(text: str) -> float | None:
    """Return the seconds that a text such as ``"1d12h"`` stands for, or None if it stands for none.

    Examples
    --------
    >>> span("90s"), span("5min"), span("2 hours"), span("7d"), span("3w"), span("1d12h")
    (90.0, 300.0, 7200.0, 604800.0, 1814400.0, 129600.0)
    >>> span("7"), span("5m"), span("soon")
    (None, None, None)
    """
    total, place = 0.0, 0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None or piece[2] not in _UNITS:
            return None
        total += float(piece[1]) * _UNITS[piece[2]]
        place = piece.end()
    return total if text and total <= LARGEST_SECONDS else None


def _span_text(seconds: float) -> str:
    """Return seconds as the text of a span, largest unit first."""
    parts = []
    for unit in ("d", "h", "min"):
        number, seconds = divmod(seconds, _UNITS[unit])
        if number:
            parts.append(f"{number:.0f}{unit}")
    if seconds or not parts:
        parts.append(f"{seconds:.9f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def ago(value: object, word: str) -> dict[str, str]:
    """Return the open moment that lies a span of time back: text such as ``"7d"``, or a timedelta."""
    text = value.strip() if isinstance(value, str) else _span_of_delta(value)
    if text is None or span(text) is None:
        raise QueryError(
            f"{word}={value!r} is not a span of time; write one such as '90s', '5min', '36h', '7d' or '1d12h'"
        )
    return {AGO: text}


def _span_of_delta(value: Any) -> str | None:
    if type(value).__name__ == "timedelta64":
        value = value.astype("timedelta64[us]").item()
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else math.nan
    return _span_text(seconds) if 0 <= seconds <= LARGEST_SECONDS else None


def is_ago(value: object) -> bool:
    """Return whether a part of a document is an open moment, such as ``{"$ago": "7d"}``."""
    return isinstance(value, dict) and len(value) == 1 and seconds_of(value) is not None


def seconds_of(value: Mapping[str, Any]) -> float | None:
    """Return how many seconds back an open moment lies, or None if it is none."""
    text = value.get(AGO)
    return span(text) if isinstance(text, str) else None


def moment(value: object, word: str) -> Any:
    """Return what a query document holds for a moment: epoch seconds, or an open moment.

    A moment is a datetime or pandas Timestamp (UTC where it has no zone), a date (its first instant in UTC), ISO text,
    epoch seconds, or text such as ``"7d ago"``. An error names `word`, the keyword it was given for.

    Examples
    --------
    >>> moment("2026-11-20", "since"), moment("2026-11-20T12:00:00-08:00", "since"), moment("2h ago", "since")
    (1795132800.0, 1795204800.0, {'$ago': '2h'})
    """
    found = _moment_of(_without_numpy(value))
    if isinstance(found, dict):
        return found
    if found is None or (isinstance(found, float) and not math.isfinite(found)):
        is_span = isinstance(value, str) and span(value) is not None
        cure = f"; older_than={value!r} or {word}='{value} ago' count from now" if is_span else ""
        raise QueryError(
            f"{word}={value!r} is not a moment; give a datetime, ISO text such as '2026-11-20T18:30:00Z', a date, "
            f"epoch seconds, or '7d ago'{cure}"
        )
    if abs(found) > LARGEST_SECONDS:
        unit = unit_guess(found)
        guess = f": it looks like {unit}; divide {unit} by {UNIT_SIZES[unit]:.0f}" if unit else ""
        raise QueryError(f"{word}={value!r} is too large for epoch seconds{guess}")
    return found


def _without_numpy(value: Any) -> Any:
    """Return the Python value of a numpy scalar."""
    if type(value).__name__ == "datetime64":
        value = value.astype("datetime64[us]")
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value


def _moment_of(value: object) -> float | dict[str, str] | None:
    match value:
        case str():
            return _moment_of_text(value.strip())
        case datetime():
            return _seconds_since_1970(value)
        case date():
            return _seconds_since_1970(datetime.combine(value, time(), timezone.utc))
        case int() | float() if not isinstance(value, bool):
            return value
    return None


def _seconds_since_1970(value: datetime) -> float | None:
    try:
        aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        return float((aware - _EPOCH).total_seconds())
    except (TypeError, ValueError, OverflowError):  # pandas' NaT is a datetime in name only
        return None


def _moment_of_text(text: str) -> float | dict[str, str] | None:
    if text.endswith("ago"):
        back = text[:-3].strip()
        return {AGO: back} if span(back) is not None else None
    if not _DAY.match(text):
        return None
    try:
        return instant(text, zone=timezone.utc)
    except ValueError:
        return None


def moment_text(value: Any) -> Any:
    """Return the text that stands for a moment in Python source: one that :func:`moment` reads back exactly.

    A number that no such text gives back stays a number.

    Examples
    --------
    >>> moment_text(1795132800.0), moment_text(1795204800.25), moment_text({"$ago": "7d"}), moment_text(5)
    ('2026-11-20', '2026-11-20T20:00:00.250000Z', '7d ago', 5)
    """
    if is_ago(value):
        return f"{value[AGO]} ago"
    if not isinstance(value, float):
        return value
    try:
        text = (_EPOCH + timedelta(seconds=value)).replace(tzinfo=None).isoformat()
    except OverflowError:
        return value
    text = text.removesuffix("T00:00:00") if text.endswith("T00:00:00") else f"{text}Z"
    return text if _moment_of_text(text) == value else value


def instant_text(seconds: float) -> str:
    """Return a time as :func:`~bucketsnb.display.texts.format_time` does, with its seconds if there are any."""
    try:
        instant = _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return format_time(seconds)
    if not (instant.second or instant.microsecond):
        return format_time(seconds)
    return f"{instant:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".") + " UTC"


def resolved(part: Any, now: float) -> Any:
    """Return a copy of a part of a document in which every open moment is a number; `now` is in epoch seconds."""
    if isinstance(part, dict):
        if is_ago(part):
            return now - float(seconds_of(part) or 0.0)
        return {key: resolved(value, now) for key, value in part.items()}
    return [resolved(value, now) for value in part] if isinstance(part, list) else part
