"""Times as epoch seconds: the parser of their text, for works and queries, and the check of the times of a work."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

from bucketsnb.display.texts import format_time

__all__ = ["LARGEST_SECONDS", "UNIT_SIZES", "exact_seconds", "instant", "moment_problem", "unit_guess"]

LARGEST_SECONDS = 1e11
"""Epoch seconds, some 3,000 years; a larger number must be in a smaller unit."""

_EARLIEST = datetime(2010, 1, 1, tzinfo=timezone.utc).timestamp()
_AHEAD = 86_400.0
"""Seconds that a time of a work may be in the future."""
_DAY = 86_400.0

UNIT_SIZES = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
"""How many of each unit make one second."""

_DAYS = (
    ("days since 1970", 0.0),
    ("the day number of a spreadsheet", 25_569.0),
    ("a modified Julian date", 40_587.0),
    ("a Julian date", 2_440_587.5),
)
"""Ways to count days, each with its number for the start of 1970."""

_NUMBER = re.compile(r"[+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}(?::[0-9]{2}){0,2})(?:[.,](?P<rest>[0-9]{1,9}))?)?"
    r" ?(?P<zone>[Zz]|UTC|(?P<hour>[+-][0-9]{2})(?::?(?P<minute>[0-9]{2}))?)?",
    re.ASCII,
)


def instant(text: str, *, zone: timezone | None = None) -> float:
    """Return the epoch seconds that a text stands for: an ISO time, or a number of epoch seconds.

    An ISO time that names no time zone is taken to be in `zone`.

    Raises
    ------
    ValueError
        If the text is not a time, or names no time zone and `zone` is None. The message has no subject, so that the
        caller can name the field, and says how to write it.

    Examples
    --------
    >>> instant("2026-11-20T18:30:00Z"), instant("2026-11-20 18:30:00.25+00:00"), instant("1795199400")
    (1795199400.0, 1795199400.25, 1795199400.0)
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("is not a time; write ISO text such as 2026-11-20T18:30:00Z, or epoch seconds")
    if match["zone"] is None and zone is None:
        raise ValueError(f"has no time zone; write {match['day']}T{match['clock'] or '00:00'}Z if it is UTC")
    offset = f"{match['hour'] or '+00'}:{match['minute'] or '00'}" if match["zone"] else ""
    try:
        whole = datetime.fromisoformat(f"{match['day']}T{match['clock'] or '00'}{offset}")
    except ValueError as error:
        raise ValueError(f"is not a time: {error}") from None
    return _seconds(whole if whole.tzinfo else whole.replace(tzinfo=zone), match["rest"] or "")


def exact_seconds(value: datetime) -> float:
    """Return the epoch seconds of a datetime with a zone, with the nanoseconds of a pandas Timestamp.

    ``Timestamp.timestamp()`` drops the nanoseconds, which the times of the service may have.
    """
    nanoseconds = value.microsecond * 1000 + int(getattr(value, "nanosecond", 0))
    whole = datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, tzinfo=value.tzinfo, fold=value.fold
    )
    return _seconds(whole, f"{nanoseconds:09d}")


def _seconds(whole: datetime, rest: str) -> float:
    """Return the float nearest to `whole` plus a fraction of a second, whose decimal digits are `rest`."""
    seconds = whole.timestamp()
    if seconds >= 0 and seconds.is_integer():
        return float(f"{int(seconds)}.{rest or '0'}")
    return seconds + float(f"0.{rest or '0'}")


def unit_guess(number: float) -> str | None:
    """Return the likely unit of a number that is too large for epoch seconds, such as ``"milliseconds"``.

    None if it is not too large, or is too large for nanoseconds also.
    """
    if abs(number) <= LARGEST_SECONDS:
        return None
    return next((unit for unit, size in UNIT_SIZES.items() if abs(number) <= LARGEST_SECONDS * size), None)


def moment_problem(seconds: float, *, now: float | None = None) -> str | None:
    """Return why a work cannot have this time, with a guess at what was meant; None if it can.

    A work can have times from 2010, as the service is younger, to one day after `now` (epoch seconds; by default the
    present), as the clock of another machine may be ahead.

    Examples
    --------
    >>> moment_problem(1795199400, now=1795199400.0)
    >>> moment_problem(1795199400000, now=1795199400.0)
    'is 1795199400000, which looks like milliseconds since 1970; divide it by 1000'
    >>> moment_problem(61364.5, now=1795199400.0)
    'is 61364.5, which looks like a modified Julian date, not epoch seconds'
    """
    now = time.time() if now is None else now
    if _EARLIEST <= seconds <= now + _AHEAD:
        return None
    unit = unit_guess(seconds)
    if unit:
        return f"is {seconds:.15g}, which looks like {unit} since 1970; divide it by {UNIT_SIZES[unit]:.0f}"
    if abs(seconds) > LARGEST_SECONDS:
        return f"is {seconds:.15g}, too large for epoch seconds"
    if seconds > now:
        return f"is {format_time(seconds)}, more than a day in the future"
    guess = next((words for words, zero in _DAYS if _EARLIEST <= (seconds - zero) * _DAY <= now + _AHEAD), None)
    if guess:
        return f"is {seconds:.15g}, which looks like {guess}, not epoch seconds"
    return f"is {format_time(seconds)} as epoch seconds, before 2010"
