"""Plain-text views of values: counts, ages, times, shortened lists and tables; text of the service made printable.

:mod:`bucketsnb.display.markup` draws the same facts as HTML. Neither module knows works, frames or plans.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from numbers import Real
from typing import Any

from bucketsnb.addresses import without_login

__all__ = [
    "age",
    "cell",
    "close_matches",
    "count_of",
    "did_you_mean",
    "format_time",
    "host_of",
    "join_truncated",
    "json_text",
    "numeric_columns",
    "place_of",
    "printable",
    "table",
    "truncate",
]

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Invisible characters that Unicode calls printable: fillers, joiners and an empty Braille cell."""


def printable(text: object, *, keep: str = "") -> str:
    r"""Return text with every character that cannot be seen written as a ``\u`` escape.

    Control characters (newlines too), bidirectional overrides, zero-width characters and lone surrogates could hide or
    reorder text, or move the cursor of a terminal. `keep` has the characters that stay as they are.

    Examples
    --------
    >>> print(printable("a\x1b[31m b\u202ec"))
    a\u001b[31m b\u202ec
    >>> printable("two\nlines", keep="\n")
    'two\nlines'
    """
    text = str(text)
    if text.isprintable() and (text.isascii() or _BLANK.isdisjoint(text)):
        return text
    return "".join(letter if _is_visible(letter) or letter in keep else _escaped(letter) for letter in text)


def _is_visible(letter: str) -> bool:
    return letter.isprintable() and letter not in _BLANK


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if letter <= "\uffff" else f"\\U{ord(letter):08x}"


def json_text(value: object, *, default: Callable[[Any], Any] | None = None) -> str:
    r"""Write a value as indented JSON that reads back the same, with every character that cannot be seen as an escape.

    `default` is as for :func:`json.dumps`.

    Examples
    --------
    >>> print(json_text({"user": "a\u202eb"}))
    {
      "user": "a\u202eb"
    }
    >>> json.loads(json_text("\U000e0001")) == "\U000e0001"
    True
    """
    written = json.dumps(value, indent=2, ensure_ascii=False, default=default)
    return "\n".join(line if printable(line) == line else _escaped_json(line) for line in written.split("\n"))


def _escaped_json(line: str) -> str:
    """Escape invisible characters as JSON does, which has no escape of eight digits."""
    return "".join(letter if _is_visible(letter) else json.dumps(letter)[1:-1] for letter in line)


def count_of(number: int, noun: str, plural: str | None = None, *, at_least: bool = False) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count_of(1, "work"), count_of(1234, "work"), count_of(2, "query")
    ('1 work', '1,234 works', '2 queries')
    >>> count_of(101, "work", at_least=True)
    'at least 101 works'
    """
    word = noun if number == 1 else plural or _plural(noun)
    return f"{'at least ' if at_least else ''}{number:,} {word}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def age(span: float | timedelta | None) -> str:
    """Return a span of seconds, or a timedelta, as text in its two largest units; an unknown one is empty text.

    Examples
    --------
    >>> age(3 * 86400 + 4 * 3600 + 59), age(61), age(0.2), age(None)
    ('3 d 4 h', '1 min 1 s', '0 s', '')
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds is None or seconds != seconds or not math.isfinite(seconds):  # pandas' NaT is no number
        return ""
    whole = int(abs(seconds))
    largest = next((i for i, (_, size) in enumerate(_UNITS) if whole >= size), len(_UNITS) - 1)
    parts: list[str] = []
    for word, size in _UNITS[largest : largest + 2]:
        number, whole = divmod(whole, size)
        if number or not parts:
            parts.append(f"{number} {word}")
    return ("-" if seconds <= -1 else "") + " ".join(parts)


def format_time(time: float | datetime | None) -> str:
    """Say when, to the minute, in UTC; an unknown time is empty text.

    A time is epoch seconds, or a datetime or pandas timestamp (one without a zone is taken as UTC).

    Examples
    --------
    >>> format_time(1795477200.5), format_time(None)
    ('2026-11-23 23:40 UTC', '')
    """
    if time is None or time != time:  # NaN and NaT differ from themselves
        return ""
    if not isinstance(time, datetime):
        try:
            time = datetime.fromtimestamp(time, timezone.utc)
        except (OverflowError, OSError, ValueError):
            return f"{time:g} s since 1970"
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc)
    return f"{time:%Y-%m-%d %H:%M} UTC"


def join_truncated(values: Iterable[object], most: int = 5) -> str:
    """List the first few values and say how many more there are.

    Examples
    --------
    >>> join_truncated(["a", "b", "c"]), join_truncated(range(17), most=3)
    ('a, b, c', '0, 1, 2 ... and 14 more')
    """
    values = list(values)
    more = len(values) - most
    return ", ".join(map(printable, values[:most])) + (f" ... and {more:,} more" if more > 0 else "")


def truncate(text: object, most: int = 300) -> str:
    r"""Return the start of a text on one line, printable, with a mark where it was cut.

    Examples
    --------
    >>> truncate("one\n  two"), truncate("abcdef", most=4)
    ('one two', 'abc…')
    """
    text = str(text)
    line = printable(" ".join(text[: 4 * most].split()))
    whole = len(line) <= most and len(text) <= 4 * most
    return line if whole else line[: max(most - 1, 0)] + "…"


def host_of(url: str) -> str:
    """Return host and port of an address, without user, password or path.

    Examples
    --------
    >>> host_of("https://me:secret@frb-vsop.chime:8004/buckets/")
    'frb-vsop.chime:8004'
    """
    return place_of(url).partition("/")[0]


def place_of(url: str) -> str:
    """Return host, port and path of an address: behind one host there may be several services.

    Examples
    --------
    >>> place_of("https://me:secret@frb-vsop.chime:8004/buckets/")
    'frb-vsop.chime:8004/buckets'
    """
    return printable(without_login(url).split("//", 1)[-1].rstrip("/"))


def close_matches(word: str, words: Iterable[str], most: int = 3) -> list[str]:
    """Return the words that someone who typed `word` may have meant, best first.

    Examples
    --------
    >>> close_matches("sucess", ["queued", "success", "failure"])
    ['success']
    """
    by_folded = {other.casefold(): other for other in words}
    return [by_folded[hit] for hit in get_close_matches(word.casefold(), by_folded, n=most)]


def did_you_mean(word: str, words: Iterable[str], otherwise: str = "") -> str:
    """Suggest the word that was probably meant, or return `otherwise` if none is close.

    Examples
    --------
    >>> did_you_mean("sucess", ["queued", "success"]), did_you_mean("x", ["queued"], "those are: queued")
    ("did you mean 'success'?", 'those are: queued')
    """
    matches = close_matches(word, words, most=1)
    return f"did you mean {matches[0]!r}?" if matches else otherwise


def cell(value: object) -> str:
    r"""Return one value as text for a table cell: empty if missing, with a separator for thousands, on one line.

    Examples
    --------
    >>> cell(12345), cell(None), cell(0.25), cell(True), cell("a\nb")
    ('12,345', '', '0.25', 'yes', 'a\\u000ab')
    """
    return _CELLS.get(type(value), _other)(value)


def _other(value: Any) -> str:
    if hasattr(value, "plain"):  # markup that carries its own text form
        return printable(value.plain)
    if isinstance(value, timedelta):
        return age(value)
    if isinstance(value, datetime):
        return format_time(value)
    item = getattr(value, "item", None)
    if item is not None and isinstance(value, Real):  # a numpy number
        return cell(item())
    return "" if str(value) in {"<NA>", "NaT", "nan"} and not isinstance(value, str) else printable(value)


_CELLS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "yes" if value else "no",
    int: lambda value: f"{value:,}",
    float: lambda value: "" if math.isnan(value) else f"{value:,.6g}",
    str: printable,
}


def numeric_columns(headers: Sequence[object], rows: Sequence[Sequence[object]]) -> list[bool]:
    """Return which columns of a table are aligned to the right: those whose known values are all numbers."""
    known = [[row[i] for row in rows if cell(row[i])] for i in range(len(headers))]
    return [
        bool(values) and all(isinstance(value, Real) and not isinstance(value, bool) for value in values)
        for values in known
    ]


def table(headers: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str | None = None) -> str:
    """Draw a table in plain text; :func:`bucketsnb.display.markup.table` draws the same as HTML.

    Examples
    --------
    >>> print(table(["status", "works"], [["queued", 1200], ["running", 7]], caption="All pipelines"))
    All pipelines
    status   works
    queued   1,200
    running      7
    """
    rows = [list(row) for row in rows]
    numeric = numeric_columns(headers, rows)
    lines = [[cell(value) for value in row] for row in [list(headers), *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    drawn = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, right, width in zip(line, numeric, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([printable(caption), *drawn] if caption else drawn)
