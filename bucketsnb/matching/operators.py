"""The operators that look at one value, one function each: what a good operand is, and which values satisfy it.

Operators made of others (``$not``, ``$all``, ``$elemMatch``) are in `compiler`. Each function takes the operand and
where it stands, for its message, and returns the test of a value. Comparisons keep to their type: text compares with
text and numbers with numbers, and nothing else matches.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from .limits import INT64_MAX, INT64_MIN, QueryNotUnderstood, name_of_type
from .values import MISSING, Test, order_key

__all__ = ["OPERATORS", "equals", "list_operand"]

Operator = Callable[[Any, str], Test]
Compare = Callable[[Any, Any], bool]


def _is_number(value: object) -> bool:
    return value.__class__ is int or value.__class__ is float


def list_operand(operand: Any, where: str) -> list[Any]:
    """Return an operand that must be a list without operators in it."""
    if not isinstance(operand, list):
        raise QueryNotUnderstood(f"{where} needs a list, not {name_of_type(operand)}")
    for element in operand:
        if isinstance(element, dict) and next(iter(element), "").startswith("$"):
            raise QueryNotUnderstood(f"{where} takes values, not {next(iter(element))}; use $or for several conditions")
    return operand


def equals(operand: Any, _where: str = "") -> Test:
    """Equal by MongoDB's rules; null also means missing."""
    if operand is None:
        return lambda value: value is None or value is MISSING
    if isinstance(operand, bool):
        return lambda value: value is operand
    if isinstance(operand, str):
        return lambda value: value == operand  # only text equals text
    if _is_number(operand):
        return _number_test(operator.eq, operand, or_equal=True)
    kind, key, size = operand.__class__, order_key(operand), len(operand)
    return lambda value: value.__class__ is kind and len(value) == size and order_key(value) == key


def _number_test(compare: Compare, operand: float, *, or_equal: bool) -> Test:
    if math.isnan(operand):  # matches NaN if the operator includes equality, and nothing else
        return lambda value: or_equal and value.__class__ is float and math.isnan(value)
    return lambda value: (value.__class__ is int or value.__class__ is float) and compare(value, operand)


def _comparison(compare: Compare, *, or_equal: bool) -> Operator:
    def compared(operand: Any, _where: str) -> Test:
        if operand is None:
            return equals(None) if or_equal else lambda _: False
        if _is_number(operand):
            return _number_test(compare, operand, or_equal=or_equal)
        kind, key = operand.__class__, order_key(operand)
        return lambda value: value.__class__ is kind and compare(order_key(value), key)

    return compared


def _among(operand: Any, where: str) -> Test:
    values = list_operand(operand, where)
    keys = {order_key(value) for value in values}
    if None in values:
        keys.add(order_key(MISSING))
    return lambda value: order_key(value) in keys


def _exists(_operand: Any, _where: str) -> Test:
    return lambda value: value is not MISSING


def _size(operand: Any, where: str) -> Test:
    if not _is_number(operand):
        raise QueryNotUnderstood(f"{where} needs a whole number, not {name_of_type(operand)}")
    if not (math.isfinite(operand) and operand == int(operand) and operand >= 0):
        raise QueryNotUnderstood(f"{where} needs a whole number from 0, not {operand}")
    return lambda value: value.__class__ is list and len(value) == operand


def _modulo(operand: Any, where: str) -> Test:
    if not (isinstance(operand, list) and len(operand) == 2 and all(map(_is_number, operand))):
        raise QueryNotUnderstood(f"{where} needs a list of two numbers, [divisor, remainder]")
    if not all(map(math.isfinite, operand)):
        raise QueryNotUnderstood(f"{where} needs finite numbers")
    divisor, remainder = (math.trunc(value) for value in operand)
    if divisor == 0:
        raise QueryNotUnderstood(f"{where} cannot divide by 0")
    return lambda value: _is_number(value) and _remainder(value, divisor) == remainder


def _remainder(value: float, divisor: int) -> int | None:
    """Return the remainder as C does: truncated, with the sign of the dividend; None if not finite or above 64 bits."""
    if not math.isfinite(value):
        return None
    dividend = math.trunc(value)
    if not INT64_MIN <= dividend <= INT64_MAX:
        return None
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


def _is_int32(value: Any) -> bool:
    return value.__class__ is int and -(2**31) <= value < 2**31


_TYPES: Mapping[str, tuple[int, Test]] = {
    "double": (1, lambda value: value.__class__ is float),
    "string": (2, lambda value: value.__class__ is str),
    "object": (3, lambda value: value.__class__ is dict),
    "array": (4, lambda value: value.__class__ is list),
    "bool": (8, lambda value: value.__class__ is bool),
    "null": (10, lambda value: value is None),
    "int": (16, _is_int32),
    "long": (18, lambda value: value.__class__ is int and not _is_int32(value)),
}
_BY_NAME_OR_CODE: Mapping[Any, Test] = {
    **{name: test for name, (_, test) in _TYPES.items()},
    **dict(_TYPES.values()),
    "number": _is_number,
}


def _type(operand: Any, where: str) -> Test:
    wanted = operand if isinstance(operand, list) else [operand]
    if not wanted:
        raise QueryNotUnderstood(f"{where} needs at least one type")
    tests = tuple(dict.fromkeys(_type_test(value, where) for value in wanted))
    return lambda value: any(test(value) for test in tests)


def _type_test(wanted: Any, where: str) -> Test:
    test = _BY_NAME_OR_CODE.get(wanted) if isinstance(wanted, str) or _is_number(wanted) else None
    if test is None:
        names = ", ".join([*_TYPES, "number"])
        raise QueryNotUnderstood(f"{where} knows no type {wanted!r}; in JSON there are {names}")
    return test


OPERATORS: Mapping[str, Operator] = {
    "$eq": equals,
    "$ne": equals,  # `compiler` negates it, as it does $nin
    "$gt": _comparison(operator.gt, or_equal=False),
    "$gte": _comparison(operator.ge, or_equal=True),
    "$lt": _comparison(operator.lt, or_equal=False),
    "$lte": _comparison(operator.le, or_equal=True),
    "$in": _among,
    "$nin": _among,
    "$exists": _exists,
    "$type": _type,
    "$size": _size,
    "$mod": _modulo,
}
"""Every operator that looks at one value, by its name."""
