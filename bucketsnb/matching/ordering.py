"""The order of values in MongoDB, as Python keys: what equals what, and what comes before what, across types.

Types come before values: missing, null, numbers, text, objects, lists, booleans. Integers and floats are one type and
compare exactly; ``true`` is never ``1``. Objects compare pair by pair (type of the value, name, value), so the order
of their keys counts. NaN equals itself and comes before every other number.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["MISSING", "Missing", "order_key"]


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Stands for a value that is not there; in MongoDB's words, the end of the object."""

_MISSING, _NULL, _NUMBER, _TEXT, _OBJECT, _LIST, _BOOLEAN = 0, 5, 10, 15, 20, 25, 40

Key = tuple[Any, ...]


def order_key(value: Any) -> Key:
    """Return a hashable key that is equal where MongoDB says equal, and less where it says less.

    Examples
    --------
    >>> order_key(1) == order_key(1.0), order_key(1) == order_key(True)
    (True, False)
    >>> sorted([True, [1], {"a": 1}, "text", 3, None], key=order_key)
    [None, 3, 'text', {'a': 1}, [1], True]
    """
    kind = value.__class__
    if kind is str:
        return (_TEXT, value)
    if kind is bool:
        return (_BOOLEAN, value)
    if kind is int or kind is float:
        return (_NUMBER, True, value) if value == value else (_NUMBER, False)  # only NaN differs from itself
    if kind is dict:
        return (_OBJECT, tuple(_pair(name, inner) for name, inner in value.items()))
    if kind is list:
        return (_LIST, tuple(order_key(element) for element in value))
    return (_NULL,) if value is None else (_MISSING,)


def _pair(name: str, value: Any) -> Key:
    rank, *rest = order_key(value)
    return (rank, name, *rest)
