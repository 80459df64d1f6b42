"""Read the cells of tables by the kind of their field; the rules are the same for CSV text, files and DataFrames."""

from __future__ import annotations

import ast
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from bucketsnb.display.texts import truncate
from bucketsnb.encoding.values import DEEPEST, UnfitError, plain, seconds_of, whole
from bucketsnb.schema import PARENT_PATH, PATHS, Kind

__all__ = ["NULLS", "is_missing", "path_of", "read_cell", "read_value"]

NULLS = frozenset(
    {
        *("", "None", "null", "NULL", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "-NaN", "-nan", "NaT"),
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
    }
)
"""Texts of an empty cell: those that :func:`pandas.read_csv` takes for missing, and those that pandas writes."""

_BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0*)?", re.ASCII)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_ROUNDED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?P<mark>[,.' \u2019\u00a0\u202f])[0-9]{3}((?P=mark)[0-9]{3})*")
_WITH_COMMAS = re.compile(r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]+)?", re.ASCII)
_MISSING = frozenset({"NAType", "NaTType"})
_SHORT = {"parent": PARENT_PATH}
_NESTED = frozenset({Kind.TEXTS, Kind.INTEGERS, Kind.MAPPING})


def is_missing(value: Any) -> bool:
    """Return whether a value of Python, numpy or pandas is missing: None, NaN, NaT or NA."""
    if value is None or type(value).__name__ in _MISSING:
        return True
    if type(value).__name__ in ("datetime64", "timedelta64"):
        return str(value) == "NaT"
    return type(value).__name__.startswith("float") and math.isnan(value)  # a Python float, or a numpy one of any size


def path_of(column: str) -> str:
    """Return the path in a work of a column: that of ``parent`` is ``config.parent``, others are their own path."""
    return _SHORT.get(column, column)


def read_value(path: str, value: Any) -> Any:
    """Read a value that has a type already, of JSON or Python: it is converted only if it has one meaning in its field.

    A single number in a field of several events becomes a list, the text of a time becomes epoch seconds, and the text
    of a list or a mapping becomes that if the field takes nothing else. Anything else is returned as it is.

    Raises
    ------
    UnfitError
        If the text of a time, a list or a mapping cannot be read.

    Examples
    --------
    >>> read_value("event", 9385707), read_value("creation", "2026-11-20T18:30:00Z"), read_value("priority", "5")
    ([9385707], 1795199400.0, '5')
    >>> read_value("tags", '["low"]'), read_value("user", '["low"]'), read_value("tags", "low")
    (['low'], '["low"]', 'low')
    """
    value, kind = _unwrapped(value), _kind(path)
    if kind is Kind.TIME and isinstance(value, str):
        return seconds_of(path, value)
    if kind is Kind.INTEGERS and _is_number(value):
        return [whole(value)]
    if kind in _NESTED and isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return _structure(path, value.strip())
    return value


def read_cell(path: str, value: Any) -> Any:
    """Read a cell of a table: text by the kind of its field, and numbers as they were before pandas changed them.

    Returns None for an empty cell. A value of another kind than its field stays as it is; the check of the work reports
    it later.

    Raises
    ------
    UnfitError
        If text can be read in more than one way, or is a malformed time, list, mapping or command line, or a number
        that does not fit; the reason says how to write it.

    Examples
    --------
    >>> read_cell("event", "9385707 9385708"), read_cell("parameters.dm", "56.5"), read_cell("user", "007")
    ([9385707, 9385708], 56.5, '007')
    >>> read_cell("config.archive.results", "TRUE"), read_cell("tags", "['a', 'b c']"), read_cell("parent", "NA")
    (True, ['a', 'b c'], None)
    """
    if is_missing(value):
        return None
    path = path_of(path)
    value, kind = _unwrapped(value), _kind(path)
    if not isinstance(value, str):
        return _FROM_NUMBER[kind](value) if kind in _FROM_NUMBER and _is_number(value) else value
    text = value.strip()
    if text in NULLS:
        return None
    if kind in _NESTED and text[0] in ("{[(" if kind is Kind.MAPPING else "[("):
        return _structure(path, text)
    return _READERS[kind](path, text) if kind in _READERS else text


def _kind(path: str) -> Kind | None:
    """Return the kind of a field or of a named part of one; None for a value in a mapping of any values."""
    return PATHS[path].kind if path in PATHS else None


def _unwrapped(value: Any) -> Any:
    """Return a value of numpy as Python's own, except an array or a datetime."""
    if type(value).__module__ != "numpy" or type(value).__name__ in ("ndarray", "datetime64"):
        return value
    return value.item()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- numbers, as pandas has read them ---


def _text_of(value: float) -> Any:
    """Return the text of a number in a text field; a fraction, or a number from 2**53 on, may be rounded: it stays."""
    number = whole(value)
    return str(number) if isinstance(number, int) and abs(number) < 2**53 else value


_FROM_NUMBER: Mapping[Kind | None, Callable[[Any], Any]] = {
    Kind.TEXT: _text_of,
    Kind.INTEGER: whole,
    Kind.INTEGERS: lambda value: [whole(value)],
    Kind.TEXTS: lambda value: [_text_of(value)],
}

# --- text ---


def _integer(path: str, text: str) -> Any:
    match = _INTEGER.fullmatch(text)
    if match:
        return _int(path, match[1])
    if _THOUSANDS.fullmatch(text) or _WITH_COMMAS.fullmatch(text):
        raise UnfitError(path, f"is {text!r}; write a whole number without separators")
    return text


def _int(path: str, digits: str) -> int:
    if len(digits) > 20:
        raise UnfitError(path, f"is {truncate(digits, 40)}, an integer beyond 64 bits")
    return int(digits)


def _boolean(_: str, text: str) -> Any:
    return _BOOLEANS.get(text, text)


def _texts(path: str, text: str) -> list[str]:
    """Split a command line as a shell does, and other texts at semicolons, else at commas, else at white space."""
    if path != "command":
        return _parts(text)
    try:
        return shlex.split(text)
    except ValueError as error:
        shown = truncate(repr(text), 60)
        raise UnfitError(path, f'is {shown}, which is no command line: {error}; write ["echo", "hi"]') from None


def _parts(text: str) -> list[str]:
    mark = next((mark for mark in ";," if mark in text), None)
    return [part.strip() for part in text.split(mark) if part.strip()]


def _integers(path: str, text: str) -> Any:
    if _THOUSANDS.fullmatch(text):
        several = ", ".join(re.split(r"\D+", text.lstrip("+-")))
        joined = re.sub(r"\D", "", text)
        raise UnfitError(
            path, f"is {text!r}: one number with thousands separators, or several? Write {joined} or [{several}]"
        )
    return [_event(path, part) for part in re.split(r"[;,\s]+", text) if part]


def _event(path: str, text: str) -> Any:
    if _ROUNDED.fullmatch(text):
        raise UnfitError(path, f"is {text!r}, which a spreadsheet may have rounded; write all digits")
    match = _INTEGER.fullmatch(text)
    return _int(path, match[1]) if match else text


def _structure(path: str, text: str) -> Any:
    """Read a list or a mapping that is written as JSON or as Python writes it; raise UnfitError if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        problem = f"is {truncate(repr(text), 60)}, which is neither JSON nor as Python writes lists and mappings"
        raise UnfitError(path, f'{problem}; write it like ["a", 1] or {{"a": 1}}') from None
    return plain(value, path, DEEPEST)


def _anything(path: str, text: str) -> Any:
    """Read a value whose kind is not known: a boolean, a JSON number, a list, a mapping, quoted text, or other text."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    number = _JSON_NUMBER.fullmatch(text)
    if number:
        return float(text) if number[1] or number[2] else _int(path, text)
    if text.lstrip("+-").casefold() in ("inf", "infinity"):
        raise UnfitError(path, f"is {text}, which JSON cannot hold")
    if _WITH_COMMAS.fullmatch(text):
        raise UnfitError(
            path,
            f'is {text!r}: a decimal comma, thousands, or a list? Write 1.5, 1500, [1, 5], or text as "1,5" in quotes',
        )
    ends = text[0] + text[-1]
    if len(text) > 1 and ends == '""':
        with suppress(ValueError):
            return json.loads(text)
    return _structure_or_text(path, text) if ends in ("{}", "[]", "()") else text


def _structure_or_text(path: str, text: str) -> Any:
    try:
        return _structure(path, text)
    except UnfitError as error:
        if ":" in text or "," in text:  # more than a pattern or a placeholder, such as [a-z] or {event}
            raise UnfitError(path, f"{error.reason}; if it is text, put it in double quotes") from None
        return text


_READERS: Mapping[Kind | None, Callable[[str, str], Any]] = {
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: seconds_of,
    Kind.TEXTS: _texts,
    Kind.INTEGERS: _integers,
    None: _anything,
}
"""How the text of a cell is read, by the kind of its field; for kinds that are not here, it stays text."""
