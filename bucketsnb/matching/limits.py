"""Bounds of a query: its two errors, and the check that each query passes before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["INT64_MAX", "INT64_MIN", "QueryNotUnderstood", "QueryTooSlow", "name_of_type", "plain"]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_DEPTH_MAX = 60
"""Levels of objects and lists within one another."""
_VALUES_MAX = 250_000
"""Objects, lists and scalars in a whole query, lists of ids included."""


class QueryNotUnderstood(ValueError):
    """Correct the query: the message names the operator or the field, and what is supported."""


class QueryTooSlow(ValueError):
    """Simplify the regular expression: it would have kept the service busy for too long."""


_NAMES = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}


def name_of_type(value: object) -> str:
    """Name the JSON type of `value`, with its article, such as ``a list``."""
    return "null" if value is None else _NAMES.get(type(value), f"a {type(value).__name__}")


def plain(document: object) -> Any:
    """Copy `document`, made sure to be JSON that MongoDB could be sent, and of bounded size."""
    left = _VALUES_MAX

    def copied(value: object, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise QueryNotUnderstood(f"the query holds more than {_VALUES_MAX:,} values; send it in parts")
        if not isinstance(value, (list, Mapping)):
            return _scalar(value)
        if depth == _DEPTH_MAX:
            raise QueryNotUnderstood(f"the query is nested more than {_DEPTH_MAX} levels deep")
        if isinstance(value, list):
            return [copied(element, depth + 1) for element in value]
        return {_name(name): copied(inner, depth + 1) for name, inner in value.items()}

    return copied(document, 0)


def _scalar(value: object) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise QueryNotUnderstood("the query holds an integer of more than 64 bits, which no work can hold")
    for kind in (bool, int, float):  # numpy's float64 is a kind of float
        if isinstance(value, kind):
            return kind(value)
    if value is not None:
        raise QueryNotUnderstood(f"a query is JSON, and holds no {type(value).__name__}")
    return None


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise QueryNotUnderstood(f"the query holds text that is not Unicode: {text[:60]!a}") from None
    return str(text)


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise QueryNotUnderstood(f"field names are text, and {name!r} is {name_of_type(name)}")
    if "\0" in name:
        raise QueryNotUnderstood(f"field names hold no null character, and {name[:60]!a} does")
    return _text(name)
