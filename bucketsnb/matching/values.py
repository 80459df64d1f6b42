"""Values in a work: how MongoDB orders them, and where a dotted path leads.

Types come before values: missing, null, numbers, text, objects, lists, booleans. Integers and floats are one type and
compare exactly; ``true`` is never ``1``. Objects compare pair by pair (type of the value, name, value), so the order
of their keys counts. NaN equals itself and comes before every other number.

A path leads through objects, lists and numeric places. A test is asked about each value that it reaches. A list at the
end of the path is asked about element by element, and then as a whole, unless the operator looks at lists whole. A list
on the way is walked through: into each of its objects, and to the element at a numeric part's place. Where the way ends
early the test is asked about `MISSING`; a list without objects asks nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .limits import QueryNotUnderstood

__all__ = ["MISSING", "PATH_PARTS_MAX", "Missing", "Test", "order_key", "reaching", "values_at"]


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Stands for a missing value; MongoDB calls it the end of the object."""

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


Test = Callable[[Any], bool]
"""Accepts or rejects one value, or a whole work."""

Path = tuple[tuple[str, int], ...]
"""The names of a dotted path, each with the place in a list that it may stand for, or -1."""

PATH_PARTS_MAX = 100


def _parsed(path: str) -> Path:
    parts = path.split(".")
    if len(parts) > PATH_PARTS_MAX:
        raise QueryNotUnderstood(f"the path {path[:60]!r}... has more than {PATH_PARTS_MAX} parts")
    return tuple((part, _place(part)) for part in parts)


def _place(part: str) -> int:
    plain = part.isascii() and part.isdigit() and len(part) <= 9 and (part == "0" or part[0] != "0")
    return int(part) if plain else -1


def reaching(path: str, test: Test, *, whole: bool = False) -> Test:
    """Return a test of a work: whether `test` accepts any value that a dotted path reaches.

    With `whole`, a list at the end of the path is tested itself, and not its elements.
    """
    parts = _parsed(path)
    return lambda record: any(map(test, _reached(record, parts, 0, set(), whole=whole)))


def values_at(record: Mapping[str, Any], path: str) -> list[Any]:
    """Return what a record holds at a dotted path: one value, or one for each that a list on the way leads to.

    Examples
    --------
    >>> values_at({"config": {"parent": None}}, "config.parent"), values_at({"event": [7, 8]}, "event.0")
    ([None], [7])
    >>> values_at({}, "site"), values_at({"blocks": [{"text": "a"}, {}]}, "blocks.text")
    ([MISSING], ['a', MISSING])
    """
    return list(_reached(record, _parsed(path), 0, set(), whole=True))


def _reached(value: Any, path: Path, start: int, entered: set[tuple[int, int]], *, whole: bool) -> Iterator[Any]:
    """Yield each value that the rest of a path reaches; `entered` has the lists that it has led into."""
    for index in range(start, len(path)):
        if value.__class__ is list:
            yield from _reached_in_list(value, path, index, entered, whole=whole)
            return
        value = value.get(path[index][0], MISSING) if isinstance(value, Mapping) else MISSING
    if value.__class__ is list and not whole:
        yield from value
    yield value


def _reached_in_list(
    values: list[Any], path: Path, index: int, entered: set[tuple[int, int]], *, whole: bool
) -> Iterator[Any]:
    # An object in a list is entered at its place and by its own field of that name, so the ways through lists of
    # objects double with each numeric part: fifty of them would be walked for ever.
    if (id(values), index) in entered:
        return
    entered.add((id(values), index))
    for place, element in enumerate(values):
        if element.__class__ is dict:
            yield from _reached(element, path, index, entered, whole=whole)
        if place == path[index][1]:
            if index + 1 == len(path):
                yield element  # looked at whole, a list among lists included
            elif element.__class__ in (dict, list):
                yield from _reached(element, path, index + 1, entered, whole=whole)
