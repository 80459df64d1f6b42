"""Which values of a field a query is limited to, where that can be told without asking the service."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from bucketsnb.query.filters import AnyOf, Equals, Filter, Operator
from bucketsnb.query.phrases import Either, Every, Exhausted, Overdue, Retryable

__all__ = ["limited_to"]

Values = tuple[str, ...]


def limited_to(path: str, filters: Iterable[Filter]) -> Values | None:
    """Return the texts that a field must equal, or None if the filters leave it open.

    Parameters
    ----------
    path
        A field that holds one text.
    filters
        All must hold.
    """
    limits = [limit for found in filters if (limit := _limit(path, found)) is not None]
    return reduce(_both, limits) if limits else None


def _both(one: Values, other: Values) -> Values:
    return tuple(value for value in one if value in other)


def _limit(path: str, found: Filter) -> Values | None:
    if isinstance(found, Either):
        return _either([limited_to(path, branch) for branch in found.branches])
    if isinstance(found, Every):
        return limited_to(path, [inner for branch in found.branches for inner in branch])
    if path == "status" and isinstance(found, Overdue | Exhausted | Retryable):
        return (found.asks["status"],)
    return _texts(_values(found)) if found.fields == (path,) else None


def _either(limits: list[Values | None]) -> Values | None:
    known = [limit for limit in limits if limit is not None]
    return tuple(dict.fromkeys(value for limit in known for value in limit)) if len(known) == len(limits) else None


def _values(found: Filter) -> tuple[object, ...] | None:
    if isinstance(found, AnyOf):
        return found.values
    if isinstance(found, Equals):
        return (found.value,)
    return (found.operand,) if isinstance(found, Operator) and found.operator == "$eq" else None


def _texts(values: tuple[object, ...] | None) -> Values | None:
    if values is None or not all(isinstance(value, str) for value in values):
        return None
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
