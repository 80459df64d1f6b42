"""Works as text, JSON and CSV for a terminal, a script and a spreadsheet."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from numbers import Integral, Real
from typing import IO, TYPE_CHECKING, Any

import click

from bucketsnb.display.texts import cell, join_truncated, json_text, printable, table, truncate

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_csv",
    "as_json",
    "as_rows",
    "as_table",
    "emit",
    "emit_frame",
    "emit_result",
    "fitted",
    "records_of",
    "say",
]

_WIDEST = 60
"""Largest number of characters of a cell in a terminal: a longer one would widen the column in every row."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters other than newlines and tabs, and characters that change the direction of text."""

_INDENT = "    "

_LABEL = re.compile(r"  \S.*?\s\s+")
"""The label before a fact of a plan or receipt."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def emit(text: str, *, nl: bool = True) -> None:
    """Write to stdout; a closed pipe, as after ``head``, is no error, but any other OSError is raised."""
    try:
        click.echo(text, nl=nl)
    except OSError as error:
        _drop(sys.stdout)
        if error.errno != errno.EPIPE:
            raise


def emit_result(text: str) -> None:
    """Write the result of a change to stdout; if that fails, say so on stderr, as the change was made."""
    try:
        emit(text)
    except OSError as error:
        say(f"bucketsnb: the receipt could not be written: {printable(error)}")


def say(text: str) -> None:
    """Write a line to stderr; no error is raised if that fails."""
    try:
        click.echo(text, err=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: IO[str]) -> None:
    """Redirect a stream to the null device: at exit, Python would write its buffer again, and fail again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def emit_frame(frame: pd.DataFrame, columns: Sequence[str] | None = None, *, as_json_: bool) -> None:
    """Write a frame to stdout: all columns as JSON, or the given columns (by default all) as a table."""
    emit(as_json(records_of(frame)) if as_json_ else as_table(frame, columns))


def as_json(value: Any) -> str:
    """Return a value as JSON for a script: NaN and infinity as null, only ASCII unless stdout has a UTF encoding."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    utf = encoding.lower().startswith("utf")
    return json_text(_finite(value)) if utf else json.dumps(_finite(value), indent=2)


def _finite(value: Any) -> Any:
    """Return a JSON value without NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def as_table(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
    """Draw columns, by default all; columns that do not fit in the terminal go on a second line, indented."""
    columns = list(frame.columns) if columns is None else columns
    return as_rows(columns, [list(map(_cell, row, columns)) for row in _rows(frame, columns)])


def as_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Draw rows of text, with several lines per row if the terminal is narrow, as :func:`as_table` does."""
    bands = _bands([max(map(len, column)) for column in zip(columns, *rows, strict=True)], _terminal_width())
    drawn = [table(columns[band], [row[band] for row in rows]).split("\n") for band in bands]
    return "\n".join(f"\n{_INDENT}".join(lines) for lines in zip(*drawn, strict=True))


def fitted(text: str) -> str:
    """Wrap the lines that are wider than the terminal, and indent the rest of a line to the end of its label."""
    width = _terminal_width()
    return text if width is None else "\n".join(_wrapped(line, width) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    label = _LABEL.match(line)
    indent = label.end() if label is not None and label.end() < width // 2 else 4
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _bands(widths: Sequence[int], most: int | None) -> list[slice]:
    """Divide columns into bands of at most `most` characters, counting the indent of all bands but the first."""
    bands, start, used = [], 0, 0
    for place, width in enumerate(widths):
        if most is not None and place > start and used + 2 + width > most:
            bands.append(slice(start, place))
            start, used = place, len(_INDENT) + width
        else:
            used += width + (2 if place > start else 0)
    return [*bands, slice(start, len(widths))]


def _terminal_width() -> int | None:
    """Return the width of the terminal, or ``COLUMNS``; None for a file or a pipe, where lines have no limit."""
    if os.environ.get("COLUMNS") or (sys.stdout is not None and sys.stdout.isatty()):
        return shutil.get_terminal_size().columns
    return None


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON values: times in ISO 8601, spans of time in seconds, missing values as null."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): _json_value(value) for name, value in row.items()} for row in plain.to_dict("records")]


def _json_value(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return getattr(value, "item", lambda: value)()


def as_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV for a spreadsheet: times in ISO 8601, nested values as JSON, no text as a formula."""
    from bucketsnb.frames.columns import STORED

    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(STORED)
    writer.writerows([_csv_value(value) for value in row] for row in _rows(frame, STORED))
    return sink.getvalue()


def _formula_safe(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    # The csv module does not quote a bare carriage return, which would begin a row, and before Python 3.11 it takes no
    # NUL. Spaces may precede a formula.
    text = text.replace("\r", "\\u000d").replace("\0", "\\u0000")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _terminal_safe(text: str) -> str:
    """Write control characters, and those that change the direction of text, as escapes: terminals show files, too."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(frame[name] for name in columns), strict=True)


def _cell(value: Any, column: str) -> str:
    if column == "event" and isinstance(value, Integral):
        return str(value)  # numbers in ids have no separators of thousands
    return truncate(join_truncated(value) if isinstance(value, list) else cell(value), _WIDEST)


def _csv_value(value: Any) -> Any:
    if isinstance(value, str):
        return _terminal_safe(_formula_safe(value))
    if isinstance(value, list | dict):
        return _terminal_safe(json.dumps(_finite(value), ensure_ascii=False))
    if hasattr(value, "isoformat"):
        return value.isoformat() if value == value else ""  # NaT differs from itself
    text = cell(value)
    return getattr(value, "item", lambda: value)() if text and isinstance(value, Real) else _formula_safe(text)
