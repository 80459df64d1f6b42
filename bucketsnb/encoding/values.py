"""Convert any Python value to a plain JSON value, or name the path of the part that has none, and the reason.

Converted: numpy and pandas scalars and arrays, tuples, subclasses of text and numbers, enums (to their value), paths
and UUIDs (to text), missing values of pandas (to null), and datetimes (to epoch seconds) if a time may be there.
Refused: NaN and infinity, other times, spans of time, sets, bytes, decimals, complex numbers, integers beyond 64 bits
(MongoDB has none), keys that are not text, lone surrogates, NUL in keys, and more than MongoDB's 100 levels of nesting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from bucketsnb.display.texts import printable, truncate
from bucketsnb.moments import exact_seconds, instant

__all__ = ["DEEPEST", "UnfitError", "plain", "plain_key", "seconds_of", "whole"]

DEEPEST = 100
"""Most levels of nesting; the limit of a MongoDB document."""

_INT64 = range(-(2**63), 2**63)


class UnfitError(ValueError):
    """A value that has no form in JSON: its path, and the reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}" if path else reason)
        self.path = path
        self.reason = reason


def plain(value: Any, path: str, depth: int, *, as_time: bool = False) -> Any:
    """Return a value as JSON has it: None, bool, int, float, str, list or dict, and no subclass of these.

    `path` is where the value is, for messages; it may have `depth` levels of nesting. With `as_time`, a datetime with
    a time zone is allowed, and becomes epoch seconds.

    Raises
    ------
    UnfitError
        For the first part that JSON, or the service, cannot hold; it has the path of that part.

    Examples
    --------
    >>> plain({"a": (1, 2.5)}, "", DEEPEST)
    {'a': [1, 2.5]}
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind in _ATOMS:
        return _ATOMS[kind](value, path)
    if not isinstance(value, Mapping | list | tuple):
        return _unusual(value, path, depth, as_time=as_time)
    if depth <= 0:
        raise UnfitError(truncate(path, 80), f"is nested deeper than {DEEPEST} levels; send the inner part as text")
    if isinstance(value, Mapping):
        return _mapping(value, path, depth, as_time=as_time)
    return _sequence(value, path, depth, as_time=as_time)


def _mapping(value: Mapping[Any, Any], path: str, depth: int, *, as_time: bool) -> dict[str, Any]:
    plain_items = {}
    for key, element in value.items():
        name = plain_key(key, path)
        plain_items[name] = plain(element, f"{path}.{name}" if path else name, depth - 1, as_time=as_time)
    return plain_items


def _sequence(value: Sequence[Any], path: str, depth: int, *, as_time: bool) -> list[Any]:
    if set(map(type, value)) == {str}:  # for example the many ids of a query, checked all at once
        with suppress(UnicodeEncodeError):
            "".join(value).encode()
            return list(value)
    return [plain(element, f"{path}[{place}]", depth - 1, as_time=as_time) for place, element in enumerate(value)]


def plain_key(key: Any, path: str) -> str:
    """Return a key of a mapping as text; raise UnfitError if it cannot be a key in MongoDB."""
    if not isinstance(key, str):
        raise UnfitError(path, f"has the key {truncate(repr(key), 40)}, which is not text; name it by text")
    if "\0" in key:
        raise UnfitError(path, f"has the key {printable(key)!r} with a NUL in it; leave that out")
    return _text(key, path)


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnfitError(path, "has half a surrogate pair, which is not text; leave it out") from None
    return str.__str__(value)


def _integer(value: int, path: str) -> int:
    if int(value) not in _INT64:
        raise UnfitError(path, "is an integer beyond 64 bits; send it as text")
    return int(value)


def _number(value: float, path: str) -> float:
    if not math.isfinite(value):
        raise UnfitError(path, f"is {float(value)}, which JSON cannot hold; use None")
    return float(value)


def whole(value: Any) -> Any:
    """Return a float such as 5.0 as an integer: pandas makes floats of integers in a column with missing values."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seconds_of(path: str, text: str) -> float:
    """Return the epoch seconds that a text stands for; raise UnfitError if it is not a time."""
    try:
        return instant(text)
    except ValueError as error:
        raise UnfitError(path, f"is {truncate(repr(text), 60)}, which {error}") from None


_ATOMS: Mapping[type, Callable[[Any, str], Any]] = {str: _text, int: _integer, float: _number}

_REFUSED: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((set, frozenset), "a set, which has no order; use a sorted list"),
    ((bytes, bytearray, memoryview), "bytes; use text"),
    (Decimal, "a Decimal, which JSON would round; use a float or text"),
    (complex, "a complex number; use a list of two floats"),
    ((date, time_of_day), "a time; use text (isoformat()) or epoch seconds (timestamp())"),
    (timedelta, "a span of time; use seconds (total_seconds())"),
)


def _unusual(value: Any, path: str, depth: int, *, as_time: bool) -> Any:
    name = type(value).__name__
    if isinstance(value, Enum):
        return plain(value.value, path, depth, as_time=as_time)
    if name in ("NAType", "NaTType") or (name == "datetime64" and str(value) == "NaT"):
        return None
    if as_time and (name == "datetime64" or isinstance(value, datetime)):
        return _epoch(value, path)
    for kind, convert in _ATOMS.items():
        if isinstance(value, kind):
            return convert(value, path)
    if isinstance(value, PurePath | UUID):
        return _text(str(value), path)
    _refuse({"datetime64": datetime.min, "timedelta64": timedelta(0)}.get(name, value), path)
    if hasattr(value, "tolist"):  # arrays and scalars of numpy and pandas
        inner = value.tolist()
        if type(inner) is not type(value):
            return plain(inner, path, depth, as_time=as_time)
    raise UnfitError(path, f"is of type {name}, which JSON cannot hold; use text, numbers, lists or mappings")


def _epoch(value: Any, path: str) -> float:
    if not isinstance(value, datetime):
        return float(value.astype("datetime64[us]").astype("int64").item()) / 1e6
    if value.tzinfo is None:
        raise UnfitError(path, "is a datetime without a time zone; give it one, such as datetime.now(timezone.utc)")
    return exact_seconds(value)


def _refuse(value: Any, path: str) -> None:
    for kinds, words in _REFUSED:
        if isinstance(value, kinds):
            raise UnfitError(path, f"is {words}")
