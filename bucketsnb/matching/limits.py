"""Limits of a query: the two errors, the limits, and the check that each query passes before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DEFAULT_LIMITS", "Budget", "Limits", "QueryNotUnderstood", "QueryTooSlow", "name_of_type", "plain"]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class QueryNotUnderstood(ValueError):
    """Correct the query: the message names the operator or the field, and what is supported."""


class QueryTooSlow(ValueError):
    """Simplify the regular expression: it would have kept the service busy for too long."""


@dataclass(frozen=True)
class Limits:
    """How large and how slow a query may be.

    Parameters
    ----------
    depth
        Levels of objects and lists within one another.
    values
        Objects, lists and scalars in the whole query, lists of ids included.
    clauses
        Conditions that may have to be tried on one work; an ``$in`` is one, however long its list.
    path_parts
        Names in one dotted path.
    pattern_letters
        Length of one regular expression.
    pattern_parts
        Parts of all regular expressions of the query, what repeats counted as often as it is compiled.
    match_seconds
        Time that one value may take under one regular expression.
    query_seconds
        Processor time that a whole query may spend in regular expressions, beyond `look_seconds` for each value.
    look_seconds
        What one look at a value is allowed to cost in any case, so that a long read is not taken for a slow pattern.
    """

    depth: int = 60
    values: int = 250_000
    clauses: int = 2_000
    path_parts: int = 100
    pattern_letters: int = 2_000
    pattern_parts: int = 10_000
    match_seconds: float = 0.05
    query_seconds: float = 1.0
    look_seconds: float = 20e-6


DEFAULT_LIMITS = Limits()

_NAMES = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}


def name_of_type(value: object) -> str:
    """Name the JSON type of `value`, with its article.

    Examples
    --------
    >>> name_of_type([1]), name_of_type(None)
    ('a list', 'null')
    """
    return "null" if value is None else _NAMES.get(type(value), f"a {type(value).__name__}")


class Budget:
    """What one query may spend on regular expressions, all its patterns and works together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.query_seconds
        self.parts = limits.pattern_parts

    def admit(self, parts: int) -> None:
        """Take the parts of one pattern, or refuse to compile it when there are too many."""
        self.parts -= parts
        if self.parts < 0:
            raise QueryNotUnderstood(
                f"the query's regular expressions, with their repeats written out, have more than "
                f"{self.limits.pattern_parts:,} parts; repeat less often, and not within repeats"
            )

    def charge(self, seconds: float) -> None:
        """Take the time of one look at a value, or raise `QueryTooSlow` when none is left."""
        self.left -= seconds - self.limits.look_seconds
        if self.left < 0:
            raise QueryTooSlow(
                f"the query's regular expressions took more than {self.limits.query_seconds:g} s in all; "
                "simplify them, or narrow the query by other fields"
            )
        self.left = min(self.left, self.limits.query_seconds)


def plain(document: object, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Copy `document`, made sure to be JSON that MongoDB could be sent, and within `limits`.

    Raises
    ------
    QueryNotUnderstood
        It holds something that is not JSON, a number over 64 bits, text that is not Unicode, or too much.
    """
    return _Copy(limits).value(document, 0)


class _Copy:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.values

    def value(self, value: object, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise QueryNotUnderstood(f"the query holds more than {self.limits.values:,} values; send it in parts")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, float):
            return float(value)
        if depth >= self.limits.depth:
            raise QueryNotUnderstood(f"the query is nested more than {self.limits.depth} levels deep")
        return self.container(value, depth + 1)

    def container(self, value: object, depth: int) -> Any:
        if isinstance(value, list):
            return [self.value(element, depth) for element in value]
        if isinstance(value, Mapping):
            return {_name(name): self.value(inner, depth) for name, inner in value.items()}
        raise QueryNotUnderstood(f"a query is JSON, and holds no {type(value).__name__}")


def _integer(value: int) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise QueryNotUnderstood("the query holds an integer of more than 64 bits, which no work can hold")
    return int(value)


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
