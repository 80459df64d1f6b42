"""Warnings about probable mistakes in a raw query document; the service decides what a document means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bucketsnb.display.texts import close_matches, printable
from bucketsnb.errors import warn_caller
from bucketsnb.query.documents import GROUPS, is_operators, paths_in
from bucketsnb.schema import FIELDS, PARENT_PATH, STATUSES, Kind

__all__ = ["QueryWarning", "UnknownField", "UnknownOperator", "UnknownValue", "lint", "warn_suspicious"]


class QueryWarning(UserWarning):
    """Something in a raw query document is probably a mistake."""


class UnknownField(QueryWarning):
    """Correct the name: works have no such field, so the condition matches none of them (or, negated, all)."""


class UnknownOperator(QueryWarning):
    """Correct the operator: it is nearly one of MongoDB's."""


class UnknownValue(QueryWarning):
    """Correct the value: no work can have it."""


_MEANT = {
    "parent": f"a work's parent is at {PARENT_PATH!r}; write that, or the keyword parent=",
    "_id": "works are known by 'id', the text of '_id'; the service shows no '_id'",
}
"""What to write for names that people try, and that do not look like fields."""

_OPERATORS = (
    *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$and", "$or", "$nor", "$not", "$exists", "$type"),
    *("$size", "$all", "$elemMatch", "$regex", "$options", "$mod", "$expr", "$where", "$text", "$comment", "$ago"),
    *("$jsonSchema", "$bitsAllSet", "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear", "$geoWithin", "$near", "$rand"),
)

Finding = tuple[type[QueryWarning], str]


def warn_suspicious(document: dict[str, Any]) -> None:
    """Warn, once each and at the caller's own line, of every probable mistake in a raw query document."""
    for kind, message in dict.fromkeys(lint(document)):
        warn_caller(message, kind)


def lint(document: dict[str, Any]) -> Iterator[Finding]:
    """Yield a warning's class and message for every probable mistake in a query document.

    Examples
    --------
    >>> for kind, message in lint({"stats": "failure", "priority": {"$gtt": 3}}):
    ...     print(kind.__name__, message)
    UnknownField works have no field 'stats'; did you mean 'status' or 'start'?
    UnknownOperator priority: there is no operator $gtt; did you mean $gt?
    """
    for key, condition in document.items():
        if key in GROUPS:
            for branch in condition if isinstance(condition, list) else ():
                yield from lint(branch) if isinstance(branch, dict) else ()
        elif key == "$expr":
            for path in paths_in(key, condition):
                yield from _field(path)
        elif key.startswith("$"):
            yield from _operator(key, "the query")
        else:
            yield from _field(key)
            yield from _condition(key, condition)


def _field(path: str) -> Iterator[Finding]:
    first = path.partition(".")[0]
    if first not in FIELDS:
        hint = _MEANT.get(first) or f"works have no field {printable(first)!r}{_cure(first, FIELDS)}"
        yield UnknownField, hint


def _cure(word: str, words: Any) -> str:
    matches = close_matches(word, words, most=2)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def _condition(path: str, condition: Any) -> Iterator[Finding]:
    for operator, operand in condition.items() if is_operators(condition) else ():
        yield from _operator(operator, path)
        if operator == "$not":
            yield from _condition(path, operand)
    if isinstance(condition, dict) and path in FIELDS and FIELDS[path].kind is not Kind.MAPPING:
        for name in condition:
            if f"${name}" in _OPERATORS:
                yield UnknownOperator, f"{printable(path)}: {name!r} is no operator; did you mean '${name}'?"
    if path == "status":
        for status in _statuses(condition):
            if status not in STATUSES:
                yield UnknownValue, f"there is no status {printable(status)!r}{_cure(status, STATUSES)}"


def _statuses(condition: Any) -> list[str]:
    if is_operators(condition):
        condition = [item for name in ("$eq", "$ne", "$in", "$nin") for item in _as_list(condition.get(name))]
    return [item for item in _as_list(condition) if isinstance(item, str)]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _operator(name: str, place: str) -> Iterator[Finding]:
    if name in _OPERATORS:
        return
    matches = close_matches(name, _OPERATORS, most=1)
    if matches:
        yield UnknownOperator, f"{printable(place)}: there is no operator {printable(name)}; did you mean {matches[0]}?"
