"""Find the filters in a query document; what no filter gives back exactly becomes :class:`Raw`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bucketsnb.query.comparisons import AtLeast, AtMost, Between, LessThan, MoreThan, NewerThan, OlderThan
from bucketsnb.query.filters import (
    EVENTS,
    AllOf,
    AnyOf,
    Document,
    Equals,
    Filter,
    Matches,
    NoneOf,
    NotEquals,
    Operator,
    Present,
)
from bucketsnb.query.merging import SEPARABLE
from bucketsnb.query.phrases import PHRASES, SIGNS, Compare, Either, Every, Neither, Raw
from bucketsnb.query.times import AGO, is_ago
from bucketsnb.query.values import canonical, is_branches, is_operators, same
from bucketsnb.schema import FIELDS, Kind

__all__ = ["LISTS", "filters_of"]

LISTS = tuple(name for name, field in FIELDS.items() if field.kind in {Kind.TEXTS, Kind.INTEGERS})
"""Fields that hold a list."""

_GROUPS = {"$or": Either, "$nor": Neither, "$and": Every}
_ONE_VALUE = {"$ne": NotEquals, "$gt": MoreThan, "$gte": AtLeast, "$lt": LessThan, "$lte": AtMost}
_VALUES = {"$in": AnyOf, "$nin": NoneOf, "$all": AllOf}
_AGED = {"$lt": OlderThan, "$gte": NewerThan}
_NAMED = re.compile(r"\$[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)


def filters_of(document: Document) -> tuple[Filter, ...]:
    """Return the filters of a query document; all must hold, and together they are the document.

    Examples
    --------
    >>> for found in filters_of({"status": "failure", "creation": {"$gte": 0.0, "$lt": 60.0}, "$where": "1"}):
    ...     print(found)
    <Equals: status is failure>
    <AtLeast: created since 1970-01-01 00:00 UTC>
    <LessThan: created before 1970-01-01 00:01 UTC>
    <Raw: {"$where": "1"}>
    """
    rest = dict(document)
    phrases: list[Filter] = []
    for phrase in PHRASES:
        if all(key in rest and same(rest[key], wanted) for key, wanted in phrase.asks.items()):
            phrases.append(phrase())
            for key in phrase.asks:
                del rest[key]
    return (*phrases, *(found for key, condition in rest.items() for found in _entry(key, condition)))


def _entry(key: str, condition: Any) -> list[Filter]:
    """Return the filters of one entry, each separable operator its own."""
    found = list(_drawn(key, condition))
    together = canonical_of(found)
    return found if found and together == canonical({key: condition}) else [Raw({key: condition})]


def canonical_of(found: list[Filter]) -> str:
    """Return the canonical text of the entry that filters of one key make."""
    entry: Document = {}
    for one in found:
        for key, condition in one.condition.items():
            both = is_operators(condition) and is_operators(entry.get(key))
            entry[key] = {**entry[key], **condition} if both else condition
    return canonical(entry)


def _drawn(key: str, condition: Any) -> Iterator[Filter]:
    if key == "$expr":
        yield from _compared(condition)
    elif key in _GROUPS:
        if is_branches(condition):
            yield _GROUPS[key](tuple(filters_of(branch) for branch in condition))
    elif not key.startswith("$"):
        yield from _field(key, condition)


def _field(path: str, condition: Any) -> Iterator[Filter]:
    if not is_operators(condition):
        if not _mixed(condition):
            yield Equals(path, condition)
    elif set(condition) == {"$regex", "$options"}:
        yield from _matches(path, condition)
    elif set(condition) <= SEPARABLE:
        yield from _separate(path, dict(condition))


def _mixed(condition: Any) -> bool:
    """Say whether operators and values stand side by side, which is for the service to judge."""
    return isinstance(condition, dict) and not is_ago(condition) and any(key.startswith("$") for key in condition)


def _matches(path: str, condition: Document) -> Iterator[Filter]:
    if isinstance(condition["$regex"], str) and isinstance(condition["$options"], str):
        yield Matches(path, condition["$regex"], condition["$options"])


def _separate(path: str, condition: Document) -> Iterator[Filter]:
    field = FIELDS.get(path)
    if field is not None and field.kind is Kind.INTEGER and {"$gte", "$lte"} <= set(condition):
        yield Between(path, condition.pop("$gte"), condition.pop("$lte"))
    for operator, operand in condition.items():
        yield _one(path, operator, operand)


def _one(path: str, operator: str, operand: Any) -> Filter:
    if operator in _AGED and path in EVENTS and is_ago(operand):
        return _AGED[operator](path, operand[AGO])
    if operator in _ONE_VALUE:
        return _ONE_VALUE[operator](path, operand)
    return _OTHERS.get(operator, Operator)(path, operator, operand)


def _several(path: str, operator: str, operand: Any) -> Filter:
    return _VALUES[operator](path, tuple(operand)) if isinstance(operand, list) else Operator(path, operator, operand)


def _regex(path: str, operator: str, operand: Any) -> Filter:
    return Matches(path, operand) if isinstance(operand, str) else Operator(path, operator, operand)


def _exists(path: str, operator: str, operand: Any) -> Filter:
    if isinstance(operand, bool) and path.endswith(".0") and path[:-2] in LISTS:
        return Present(path[:-2], operand)
    return Operator(path, operator, operand)


_OTHERS: dict[str, Callable[[str, str, Any], Filter]] = {
    "$exists": _exists,
    "$regex": _regex,
    **dict.fromkeys(_VALUES, _several),
}


def _compared(expression: Any) -> Iterator[Filter]:
    if not isinstance(expression, dict) or len(expression) != 1:
        return
    ((operator, sides),) = expression.items()
    if operator not in SIGNS or not isinstance(sides, list) or len(sides) != 2:
        return
    if all(isinstance(side, str) and _NAMED.fullmatch(side) for side in sides):
        yield Compare(sides[0][1:], operator, sides[1][1:])
