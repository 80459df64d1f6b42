"""``$expr``: values computed from a work, as MongoDB's aggregation computes them.

Here the rules differ from those of the operators on fields: a missing field is not null but comes before it, values of
all types compare, a list is a value like others, and numeric parts of a path name no place in a list.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .limits import INT64_MAX, INT64_MIN, QueryNotUnderstood, name_of_type
from .ordering import MISSING, order_key
from .paths import RecordTest

__all__ = ["compile_expression"]

Value = Callable[[Mapping[str, Any]], Any]
"""Computes a value from a record."""


def compile_expression(document: Any) -> RecordTest:
    """Compile the operand of ``$expr``; the test says yes when the value is true by MongoDB's rules.

    Raises
    ------
    QueryNotUnderstood
        Now, when an expression is not supported; from the test, when it computes with what is no number.

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
        return _list([_value(element) for element in expression])
    if isinstance(expression, dict):
        return _object(expression)
    return lambda _: expression


def _field(text: str) -> Value:
    parts = text[1:].split(".")
    if text.startswith("$$"):
        raise QueryNotUnderstood(f"$expr knows no variables, so not {text!r}; write a field as '$attempt'")
    if not all(parts) or any(part.startswith("$") for part in parts):
        raise QueryNotUnderstood(f"{text!r} in $expr is no field path; write it as '$config.parent', or use $literal")
    if len(parts) == 1:
        name = parts[0]
        return lambda record: record.get(name, MISSING)
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


def _list(values: Sequence[Value]) -> Value:
    def build(record: Mapping[str, Any]) -> Any:
        built = [value(record) for value in values]
        return [None if element is MISSING else element for element in built]

    return build


def _object(expression: dict[str, Any]) -> Value:
    name = next(iter(expression), "")
    if name.startswith("$"):
        return _operation(expression)
    wrong = next((key for key in expression if key.startswith("$") or "." in key), None)
    if wrong is not None:
        raise QueryNotUnderstood(f"an object in $expr has plain names, not {wrong!r}; use $literal for it as it is")
    fields = {key: _value(inner) for key, inner in expression.items()}

    def build(record: Mapping[str, Any]) -> Any:
        built = {key: value(record) for key, value in fields.items()}
        return {key: value for key, value in built.items() if value is not MISSING}

    return build


def _operation(expression: dict[str, Any]) -> Value:
    (name, operand), *others = expression.items()
    if others:
        raise QueryNotUnderstood(f"an expression in $expr has one operator, not {' and '.join(expression)}")
    if name == "$literal":
        return lambda _: operand
    if name not in _OPERATIONS:
        raise QueryNotUnderstood(f"$expr knows no {name}; it knows {', '.join(sorted([*_OPERATIONS, '$literal']))}")
    (least, most), make = _OPERATIONS[name]
    arguments = operand if isinstance(operand, list) else [operand]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = f"{least} values" if least == most else f"at least {least} values"
        raise QueryNotUnderstood(f"{name} in $expr needs {wanted.replace('1 values', '1 value')}, not {len(arguments)}")
    return make([_value(argument) for argument in arguments])


def _compare(compare: Callable[[Any, Any], Any]) -> Callable[[Sequence[Value]], Value]:
    def make(values: Sequence[Value]) -> Value:
        left, right = values
        return lambda record: compare(order_key(left(record)), order_key(right(record)))

    return make


def _three_way(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _all(values: Sequence[Value]) -> Value:
    return lambda record: all(_true(value(record)) for value in values)


def _any(values: Sequence[Value]) -> Value:
    return lambda record: any(_true(value(record)) for value in values)


def _not(values: Sequence[Value]) -> Value:
    (value,) = values
    return lambda record: not _true(value(record))


def _arithmetic(name: str, compute: Callable[[Any, Any], Any], start: int | None) -> Callable[[Sequence[Value]], Value]:
    def make(values: Sequence[Value]) -> Value:
        def total(record: Mapping[str, Any]) -> Any:
            numbers = [value(record) for value in values]
            if any(_checked(name, number) is None for number in numbers):
                return None
            result = numbers.pop(0) if start is None else start
            for number in numbers:
                result = _in_64_bits(compute(result, number))
            return result

        return total

    return make


def _checked(name: str, value: Any) -> Any:
    if value is None or value is MISSING:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QueryNotUnderstood(f"{name} in $expr computes with numbers, and a work has {name_of_type(value)} there")
    return value


def _in_64_bits(value: float) -> float:
    return float(value) if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX else value


def _size(values: Sequence[Value]) -> Value:
    (value,) = values

    def size(record: Mapping[str, Any]) -> int:
        found = value(record)
        if not isinstance(found, list):
            what = "nothing" if found is MISSING else name_of_type(found)
            raise QueryNotUnderstood(f"$size in $expr counts a list, and a work has {what} there; use $ifNull")
        return len(found)

    return size


def _if_null(values: Sequence[Value]) -> Value:
    *firsts, last = values

    def first_present(record: Mapping[str, Any]) -> Any:
        for value in firsts:
            found = value(record)
            if found is not None and found is not MISSING:
                return found
        return last(record)

    return first_present


_Make = Callable[[Sequence[Value]], Value]
_OPERATIONS: Mapping[str, tuple[tuple[int, int | None], _Make]] = {
    "$eq": ((2, 2), _compare(operator.eq)),
    "$ne": ((2, 2), _compare(operator.ne)),
    "$gt": ((2, 2), _compare(operator.gt)),
    "$gte": ((2, 2), _compare(operator.ge)),
    "$lt": ((2, 2), _compare(operator.lt)),
    "$lte": ((2, 2), _compare(operator.le)),
    "$cmp": ((2, 2), _compare(_three_way)),
    "$and": ((0, None), _all),
    "$or": ((0, None), _any),
    "$not": ((1, 1), _not),
    "$add": ((0, None), _arithmetic("$add", operator.add, 0)),
    "$multiply": ((0, None), _arithmetic("$multiply", operator.mul, 1)),
    "$subtract": ((2, 2), _arithmetic("$subtract", operator.sub, None)),
    "$size": ((1, 1), _size),
    "$ifNull": ((2, None), _if_null),
}
