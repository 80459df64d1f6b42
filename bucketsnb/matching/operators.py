"""The operators that look at one value, one function each: what a good operand is, and which values satisfy it.

Operators made of others (``$not``, ``$all``, ``$elemMatch``) are in `compiler`. Each function takes the operand and the
path, for its message, and returns a condition. Comparisons keep to their type: text compares with text and numbers with
numbers, and nothing else matches.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from .conditions import Condition, Leaf, Not
from .limits import INT64_MAX, INT64_MIN, QueryNotUnderstood, name_of_type
from .ordering import MISSING, order_key
from .paths import Test

__all__ = ["OPERATORS", "Operator", "equals", "list_operand", "number"]

Operator = Callable[[Any, str], Condition]
Compare = Callable[[Any, Any], bool]


def number(value: object) -> bool:
    """Say whether `value` is a number, which a boolean is not."""
    return value.__class__ is int or value.__class__ is float


def list_operand(name: str, operand: Any, path: str) -> list[Any]:
    """Return the operand of `name`, which must be a list without operators in it.

    Raises
    ------
    QueryNotUnderstood
        It is no list, or one of its elements is an operator.
    """
    if not isinstance(operand, list):
        raise QueryNotUnderstood(f"{name} on {path!r} needs a list, not {name_of_type(operand)}")
    for element in operand:
        if isinstance(element, dict) and next(iter(element), "").startswith("$"):
            inner = next(iter(element))
            raise QueryNotUnderstood(f"{name} on {path!r} takes values, not {inner}; use $or for several conditions")
    return operand


def equals(operand: Any, _path: str = "") -> Condition:
    """Equal by MongoDB's rules; null also means missing."""
    if operand is None:
        return Leaf(lambda value: value is None or value is MISSING)
    if isinstance(operand, bool):
        return Leaf(lambda value: value is operand)
    if isinstance(operand, str):
        return Leaf(lambda value: value == operand)  # only text equals text
    if number(operand):
        return Leaf(_number_test(operator.eq, operand, or_equal=True))
    kind, key, size = operand.__class__, order_key(operand), len(operand)
    return Leaf(lambda value: value.__class__ is kind and len(value) == size and order_key(value) == key)


def _number_test(compare: Compare, operand: float, *, or_equal: bool) -> Test:
    if math.isnan(operand):  # matches NaN where equality counts, and nothing else
        return lambda value: or_equal and value.__class__ is float and math.isnan(value)
    return lambda value: (value.__class__ is int or value.__class__ is float) and compare(value, operand)


def _comparison(compare: Compare, *, or_equal: bool) -> Operator:
    def compared(operand: Any, _path: str) -> Condition:
        if operand is None:
            return equals(None) if or_equal else Leaf(lambda _: False)
        if number(operand):
            return Leaf(_number_test(compare, operand, or_equal=or_equal))
        kind = operand.__class__
        if kind is str or kind is bool:
            return Leaf(lambda value: value.__class__ is kind and compare(value, operand))
        key = order_key(operand)
        return Leaf(lambda value: value.__class__ is kind and compare(order_key(value), key))

    return compared


def _not_equal(operand: Any, path: str) -> Condition:
    return Not(equals(operand, path))


def _among(operand: Any, path: str) -> Condition:
    values = list_operand("$in", operand, path)
    keys = {order_key(value) for value in values}
    if None in values:
        keys.add(order_key(MISSING))
    kinds = {value.__class__ for value in values} | ({int, float} if any(map(number, values)) else set())
    kinds |= {MISSING.__class__} if None in values else set()
    return Leaf(lambda value: value.__class__ in kinds and order_key(value) in keys)


def _not_among(operand: Any, path: str) -> Condition:
    return Not(_among(list_operand("$nin", operand, path), path))


def _exists(operand: Any, _path: str) -> Condition:
    present = Leaf(lambda value: value is not MISSING)
    wanted = operand is not None and not (isinstance(operand, (bool, int, float)) and operand == 0)
    return present if wanted else Not(present)


def _size(operand: Any, path: str) -> Condition:
    wanted = _whole_number("$size", operand, path)
    if wanted < 0:
        raise QueryNotUnderstood(f"$size on {path!r} needs a number from 0, not {wanted}")
    return Leaf(lambda value: value.__class__ is list and len(value) == wanted, whole=True)


def _whole_number(name: str, operand: Any, path: str) -> int:
    if not number(operand):
        raise QueryNotUnderstood(f"{name} on {path!r} needs a whole number, not {name_of_type(operand)}")
    if not math.isfinite(operand) or operand != int(operand):
        raise QueryNotUnderstood(f"{name} on {path!r} needs a whole number, not {operand}")
    return int(operand)


def _modulo(operand: Any, path: str) -> Condition:
    if not (isinstance(operand, list) and len(operand) == 2 and all(map(number, operand))):
        raise QueryNotUnderstood(f"$mod on {path!r} needs a list of two numbers, [divisor, remainder]")
    if not all(map(math.isfinite, operand)):
        raise QueryNotUnderstood(f"$mod on {path!r} needs finite numbers")
    divisor, remainder = (math.trunc(value) for value in operand)
    if divisor == 0:
        raise QueryNotUnderstood(f"$mod on {path!r} cannot divide by 0")
    return Leaf(lambda value: number(value) and _remainder(value, divisor) == remainder)


def _remainder(value: float, divisor: int) -> int | None:
    """Divide as C does, the remainder with the sign of the dividend, fractions cut off; None if it cannot be done."""
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
_NEVER_IN_JSON: Mapping[str, int] = {
    "binData": 5,
    "undefined": 6,
    "objectId": 7,
    "date": 9,
    "regex": 11,
    "dbPointer": 12,
    "javascript": 13,
    "symbol": 14,
    "javascriptWithScope": 15,
    "timestamp": 17,
    "decimal": 19,
    "minKey": -1,
    "maxKey": 127,
}
_BY_NAME: Mapping[str, Test] = (
    {name: test for name, (_, test) in _TYPES.items()}
    | dict.fromkeys(_NEVER_IN_JSON, lambda _: False)
    | {"number": number}
)
_BY_CODE: Mapping[float, Test] = dict(_TYPES.values()) | dict.fromkeys(_NEVER_IN_JSON.values(), lambda _: False)


def _type(operand: Any, path: str) -> Condition:
    wanted = operand if isinstance(operand, list) else [operand]
    if not wanted:
        raise QueryNotUnderstood(f"$type on {path!r} needs at least one type")
    tests = tuple(dict.fromkeys(_type_test(value, path) for value in wanted))
    return Leaf(lambda value: any(test(value) for test in tests))


def _type_test(wanted: Any, path: str) -> Test:
    test = _BY_NAME.get(wanted) if isinstance(wanted, str) else None
    if number(wanted):
        test = _BY_CODE.get(wanted)
    if test is None:
        names = ", ".join([*_TYPES, "number"])
        raise QueryNotUnderstood(f"$type on {path!r} knows no type {wanted!r}; in JSON there are {names}")
    return test


OPERATORS: Mapping[str, Operator] = {
    "$eq": equals,
    "$ne": _not_equal,
    "$gt": _comparison(operator.gt, or_equal=False),
    "$gte": _comparison(operator.ge, or_equal=True),
    "$lt": _comparison(operator.lt, or_equal=False),
    "$lte": _comparison(operator.le, or_equal=True),
    "$in": _among,
    "$nin": _not_among,
    "$exists": _exists,
    "$type": _type,
    "$size": _size,
    "$mod": _modulo,
}
"""Every operator that looks at one value, by its name."""
