"""Tell whether one record meets a query document, here, without asking the service.

This serves explanations only: it knows MongoDB's common operators, and answers None ("cannot tell here") where it does
not, or where the service's own rules would decide. The service has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bucketsnb.query.values import is_operators

__all__ = ["MISSING", "meets", "reach"]

Verdict = bool | None


class _Missing:
    """What a record has where it has no such field."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()

_PLAIN_PATTERN = re.compile(r"[\w\s^$.,:;/@#=<>'\"!%&~`-]*")
"""Patterns that mean the same to every engine and cannot run away: no groups, no repetition."""


def reach(value: Any, path: str) -> list[Any]:
    """Return what a record holds at a dotted path: one value, or one for each element of an array on the way.

    Examples
    --------
    >>> reach({"config": {"parent": None}}, "config.parent"), reach({"event": [7, 8]}, "event.0"), reach({}, "site")
    ([None], [7], [missing])
    """
    return list(_reach(value, path.split(".")))


def _reach(value: Any, parts: list[str]) -> Iterable[Any]:
    if not parts:
        yield value
    elif isinstance(value, Mapping):
        yield from _reach(value.get(parts[0], MISSING), parts[1:])
    elif isinstance(value, list):
        if parts[0].isdecimal() and int(parts[0]) < len(value):
            yield from _reach(value[int(parts[0])], parts[1:])
        for item in value:
            if isinstance(item, Mapping):
                yield from _reach(item, parts)
    else:
        yield MISSING


# Three-valued logic ---------------------------------------------------------------------------------------------------


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    known = list(verdicts)
    return False if False in known else None if None in known else True


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    return _not(_all(_not(verdict) for verdict in verdicts))


def _not(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


# Documents and conditions ---------------------------------------------------------------------------------------------


def meets(record: Any, document: Mapping[str, Any]) -> Verdict:
    """Say whether a record meets a query document; None if that cannot be told here.

    Parameters
    ----------
    document
        With every moment resolved to a number.

    Examples
    --------
    >>> meets({"event": [7, 8]}, {"event": {"$in": [8, 9]}}), meets({"event": []}, {"$where": "1"})
    (True, None)
    """
    return _all(_entry(record, key, condition) for key, condition in document.items())


def _entry(record: Any, key: str, condition: Any) -> Verdict:
    if key in _GROUPS:
        if not isinstance(condition, list) or not condition or not all(isinstance(one, dict) for one in condition):
            return None
        return _GROUPS[key](meets(record, branch) for branch in condition)
    if key == "$expr":
        return _expression(record, condition)
    if key.startswith("$"):
        return None
    return _field(reach(record, key), condition)


_GROUPS: dict[str, Callable[[Iterable[Verdict]], Verdict]] = {
    "$and": _all,
    "$or": _any,
    "$nor": lambda verdicts: _not(_any(verdicts)),
}


def _field(values: list[Any], condition: Any) -> Verdict:
    if not is_operators(condition):
        return _equal(values, condition)
    return _all(_operator(values, name, operand, condition) for name, operand in condition.items())


def _operator(values: list[Any], name: str, operand: Any, condition: Mapping[str, Any]) -> Verdict:
    if name == "$regex" and "$options" in condition:
        return None
    judge = _OPERATORS.get(name)
    return None if judge is None else judge(values, operand)


# Operators: each takes the values at the path, and the operand ------------------------------------------------------


def _candidates(values: list[Any]) -> list[Any]:
    """Return the values, and the elements of those that are arrays."""
    return [*values, *(item for value in values if isinstance(value, list) for item in value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(values: list[Any], wanted: Any) -> Verdict:
    if isinstance(wanted, dict) and any(key.startswith("$") for key in wanted):
        return None
    if wanted is None:
        if not values:
            return None  # an array without documents on the way: the service's rules decide
        return any(value is None or value is MISSING for value in _candidates(values))
    return any(_comparable(value) == _comparable(wanted) for value in _candidates(values) if value is not MISSING)


def _comparable(value: Any) -> Any:
    """Return a value that compares as the service compares: numbers by value, mappings in their order."""
    if isinstance(value, Mapping):
        return ("mapping", [(key, _comparable(item)) for key, item in value.items()])
    if isinstance(value, list):
        return ("list", [_comparable(item) for item in value])
    return ("number", value) if _is_number(value) else (type(value).__name__, value)


def _in(values: list[Any], operand: Any) -> Verdict:
    return _any([_equal(values, wanted) for wanted in operand]) if isinstance(operand, list) else None


def _every(values: list[Any], operand: Any) -> Verdict:
    if not isinstance(operand, list):
        return None
    return _all(_equal(values, wanted) for wanted in operand) if operand else False


def _ordered(compare: Callable[[Any, Any], bool], *, or_equal: bool) -> Callable[[list[Any], Any], Verdict]:
    def judge(values: list[Any], operand: Any) -> Verdict:
        if operand is None and or_equal:
            return _equal(values, None)
        if _is_number(operand):
            return any(compare(value, operand) for value in _candidates(values) if _is_number(value))
        if isinstance(operand, str):
            return any(compare(value, operand) for value in _candidates(values) if isinstance(value, str))
        return None

    return judge


def _exists(values: list[Any], operand: Any) -> Verdict:
    return any(value is not MISSING for value in values) is operand if isinstance(operand, bool) else None


def _size(values: list[Any], operand: Any) -> Verdict:
    return any(isinstance(value, list) and len(value) == operand for value in values) if type(operand) is int else None


def _element(values: list[Any], operand: Any) -> Verdict:
    if not isinstance(operand, dict):
        return None
    items = [item for value in values if isinstance(value, list) for item in value]
    if is_operators(operand) and not set(operand) & set(_GROUPS):
        return _any([_field([item], operand) for item in items])
    return _any([meets(item, operand) for item in items if isinstance(item, Mapping)])


def _matches(values: list[Any], operand: Any) -> Verdict:
    texts = [value for value in _candidates(values) if isinstance(value, str)]
    if not isinstance(operand, str) or not _PLAIN_PATTERN.fullmatch(operand):
        return None
    return any(re.search(operand, text) is not None for text in texts)


def _negation(values: list[Any], operand: Any) -> Verdict:
    return _not(_field(values, operand)) if is_operators(operand) else None


_OPERATORS: dict[str, Callable[[list[Any], Any], Verdict]] = {
    "$eq": _equal,
    "$ne": lambda values, operand: _not(_equal(values, operand)),
    "$in": _in,
    "$nin": lambda values, operand: _not(_in(values, operand)),
    "$all": _every,
    "$gt": _ordered(lambda one, other: bool(one > other), or_equal=False),
    "$gte": _ordered(lambda one, other: bool(one >= other), or_equal=True),
    "$lt": _ordered(lambda one, other: bool(one < other), or_equal=False),
    "$lte": _ordered(lambda one, other: bool(one <= other), or_equal=True),
    "$exists": _exists,
    "$size": _size,
    "$elemMatch": _element,
    "$regex": _matches,
    "$not": _negation,
}


# Comparisons between fields -------------------------------------------------------------------------------------------


_COMPARISONS: dict[str, Callable[[float], bool]] = {
    "$eq": lambda difference: difference == 0,
    "$ne": lambda difference: difference != 0,
    "$gt": lambda difference: difference > 0,
    "$gte": lambda difference: difference >= 0,
    "$lt": lambda difference: difference < 0,
    "$lte": lambda difference: difference <= 0,
}


def _expression(record: Any, expression: Any) -> Verdict:
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    ((name, sides),) = expression.items()
    if name not in _COMPARISONS or not isinstance(sides, list) or len(sides) != 2:
        return None
    one, other = (_rank(_operand(record, side)) for side in sides)
    if one is None or other is None:
        return None
    return _COMPARISONS[name]((one > other) - (one < other))


def _rank(value: Any) -> tuple[int, float] | None:
    """Place a value in the service's order: what is missing, then null, then numbers; None if it is another kind."""
    if value is MISSING:
        return (0, 0.0)
    return (1, 0.0) if value is None else (2, value) if _is_number(value) else None


_UNKNOWN = object()


def _operand(record: Any, part: Any) -> Any:
    if isinstance(part, str) and part.startswith("$") and not part.startswith("$$"):
        found = reach(record, part[1:])
        return found[0] if len(found) == 1 and not isinstance(found[0], list) else _UNKNOWN
    if isinstance(part, dict) and len(part) == 1:
        ((name, terms),) = part.items()
        return _arithmetic(name, [_operand(record, term) for term in terms]) if isinstance(terms, list) else _UNKNOWN
    return part if _is_number(part) or part is None else _UNKNOWN


def _arithmetic(name: str, terms: list[Any]) -> Any:
    if any(term is None or term is MISSING for term in terms):
        return None
    if not all(_is_number(term) for term in terms):
        return _UNKNOWN
    if name == "$add":
        return sum(terms)
    return terms[0] - terms[1] if name == "$subtract" and len(terms) == 2 else _UNKNOWN
