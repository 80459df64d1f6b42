"""``$expr``: values computed from a work, as MongoDB's aggregation computes them.

Here the rules differ from those of the operators on fields: a missing field is not null but comes before it, values of
all types compare, a list is a value like others, and numeric parts of a path name no place in a list.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from .limits import INT64_MAX, INT64_MIN, QueryNotUnderstood, name_of_type
from .values import MISSING, Test, order_key

__all__ = ["compile_expression"]

Value = Callable[[Mapping[str, Any]], Any]
"""Computes a value from a record."""
Operation = Callable[[Iterator[Any]], Any]
"""Computes a value from other values, each computed when it is needed."""


def compile_expression(document: Any) -> Test:
    """Compile the operand of ``$expr``; the test says yes when the value is true by MongoDB's rules.

    It raises `QueryNotUnderstood` where it would compute with what is no number.

    Examples
    --------
    >>> exhausted = compile_expression({"$gte": ["$attempt", "$retries"]})
    >>> exhausted({"attempt": 2, "retries": 2}), exhausted({"attempt": 1, "retries": 2})
    (True, False)
    """
    value = _value(document)
    return lambda record: _true(value(record))


def _true(value: Any) -> bool:
    return not (value is None or value is MISSING or (isinstance(value, (bool, int, float)) and value == 0))


def _value(expression: Any) -> Value:
    if isinstance(expression, str) and expression.startswith("$"):
        return _field(expression)
    if isinstance(expression, list):
        values = [_value(element) for element in expression]
        return lambda record: [None if (found := value(record)) is MISSING else found for value in values]
    if isinstance(expression, dict):
        return _operation(expression)
    return lambda _: expression


def _field(text: str) -> Value:
    parts = text[1:].split(".")
    if text.startswith("$$"):
        raise QueryNotUnderstood(f"$expr knows no variables, so not {text!r}; write a field as '$attempt'")
    if not all(parts) or any(part.startswith("$") for part in parts):
        raise QueryNotUnderstood(f"{text!r} in $expr is no field path; write it as '$config.parent', or use $literal")
    return lambda record: _inside(record, parts)


def _inside(record: Mapping[str, Any], parts: Sequence[str]) -> Any:
    value: Any = record
    for index, part in enumerate(parts):
        if value.__class__ is list:
            found = [_inside(element, parts[index:]) for element in value if element.__class__ is dict]
            return [element for element in found if element is not MISSING]
        if value.__class__ is not dict and index:
            return MISSING
        value = value.get(part, MISSING)
    return value


def _operation(expression: dict[str, Any]) -> Value:
    if len(expression) != 1:
        names = " and ".join(expression) or "none"
        raise QueryNotUnderstood(f"an expression in $expr has one operator, not {names}; use $literal for an object")
    ((name, operand),) = expression.items()
    if name == "$literal":
        return lambda _: operand
    if name not in _OPERATIONS:
        raise QueryNotUnderstood(f"$expr knows no {name}; it knows {', '.join(sorted([*_OPERATIONS, '$literal']))}")
    least, most, compute = _OPERATIONS[name]
    arguments = operand if isinstance(operand, list) else [operand]
    if not least <= len(arguments) <= most:
        wanted = f"{least} value{'s' * (least > 1)}"
        raise QueryNotUnderstood(f"{name} in $expr needs {'at least ' * (most > least)}{wanted}, not {len(arguments)}")
    values = [_value(argument) for argument in arguments]
    return lambda record: compute(value(record) for value in values)


def _comparison(compare: Callable[[Any, Any], Any]) -> Operation:
    return lambda values: compare(*map(order_key, values))


def _arithmetic(name: str, compute: Callable[[Any, Any], Any], *start: int) -> Operation:
    def step(left: Any, right: Any) -> Any:
        result = compute(left, right)
        return float(result) if isinstance(result, int) and not INT64_MIN <= result <= INT64_MAX else result

    def total(values: Iterator[Any]) -> Any:
        numbers = list(values)
        if any(_is_nothing(name, number) for number in numbers):
            return None
        return reduce(step, [*start, *numbers])

    return total


def _is_nothing(name: str, value: Any) -> bool:
    if value is None or value is MISSING:
        return True
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QueryNotUnderstood(f"{name} in $expr computes with numbers, and a work has {name_of_type(value)} there")
    return False


def _size(values: Iterator[Any]) -> int:
    (found,) = values
    if not isinstance(found, list):
        what = "nothing" if found is MISSING else name_of_type(found)
        raise QueryNotUnderstood(f"$size in $expr counts a list, and a work has {what} there; use $ifNull")
    return len(found)


def _if_null(values: Iterator[Any]) -> Any:
    found = None
    for found in values:
        if found is not None and found is not MISSING:
            break
    return found


_MANY = 1_000_000
_OPERATIONS: Mapping[str, tuple[int, int, Operation]] = {
    "$eq": (2, 2, _comparison(operator.eq)),
    "$ne": (2, 2, _comparison(operator.ne)),
    "$gt": (2, 2, _comparison(operator.gt)),
    "$gte": (2, 2, _comparison(operator.ge)),
    "$lt": (2, 2, _comparison(operator.lt)),
    "$lte": (2, 2, _comparison(operator.le)),
    "$cmp": (2, 2, _comparison(lambda left, right: int(left > right) - int(left < right))),
    "$and": (0, _MANY, lambda values: all(map(_true, values))),
    "$or": (0, _MANY, lambda values: any(map(_true, values))),
    "$not": (1, 1, lambda values: not _true(next(values))),
    "$add": (0, _MANY, _arithmetic("$add", operator.add, 0)),
    "$multiply": (0, _MANY, _arithmetic("$multiply", operator.mul, 1)),
    "$subtract": (2, 2, _arithmetic("$subtract", operator.sub)),
    "$size": (1, 1, _size),
    "$ifNull": (2, _MANY, _if_null),
}
"""The fewest and the most values that each operation takes, and its function."""
