"""Where a dotted path leads in a record, through objects, lists and numeric places, as MongoDB walks it.

A test is asked about each value that the path reaches. A list at the end of the path is asked about element by element,
and then as a whole, unless the operator looks at lists whole. A list on the way is walked through: into each of its
objects, and to the element at a numeric part's place. Where the way ends early the test is asked about `MISSING`;
a list without objects asks nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .limits import DEFAULT_LIMITS, Limits, QueryNotUnderstood
from .ordering import MISSING

__all__ = ["Path", "RecordTest", "Test", "parse_path", "reaching", "values_at"]

Test = Callable[[Any], bool]
"""Says yes or no to one value."""

RecordTest = Callable[[Mapping[str, Any]], bool]
"""Says yes or no to one record."""


Path = tuple[tuple[str, int], ...]
"""A dotted path taken apart: its names, each with the place in a list that it may stand for, or -1."""


def parse_path(text: str, limits: Limits) -> Path:
    """Take a dotted path apart.

    Raises
    ------
    QueryNotUnderstood
        It has too many parts.
    """
    parts = text.split(".")
    if len(parts) > limits.path_parts:
        raise QueryNotUnderstood(f"the path {text[:60]!r}... has more than {limits.path_parts} parts")
    return tuple((part, _place(part)) for part in parts)


def _place(part: str) -> int:
    plain = part.isascii() and part.isdigit() and len(part) <= 9 and (part == "0" or part[0] != "0")
    return int(part) if plain else -1


def reaching(path: Path, test: Test, *, whole: bool = False) -> RecordTest:
    """Return the test of a record that says whether `test` says yes to any value that `path` reaches.

    Parameters
    ----------
    whole
        Ask about a list at the end of the path as it is, and not about its elements.
    """
    return lambda record: _Walk(path, test, whole=whole).from_object(record, 0)


def values_at(record: Mapping[str, Any], path: str) -> list[Any]:
    """Return what a record holds at a dotted path: one value, or one for each that a list on the way leads to.

    Examples
    --------
    >>> values_at({"config": {"parent": None}}, "config.parent"), values_at({"event": [7, 8]}, "event.0")
    ([None], [7])
    >>> values_at({}, "site"), values_at({"blocks": [{"text": "a"}, {}]}, "blocks.text")
    ([MISSING], ['a', MISSING])
    """
    found: list[Any] = []

    def collected(value: Any) -> bool:
        found.append(value)
        return False

    reaching(parse_path(path, DEFAULT_LIMITS), collected, whole=True)(record)
    return found


class _Walk:
    """One walk through a record, which enters no list twice for the same part of the path.

    An object in a list is entered at its place and by its own field of that name, so the ways through lists of objects
    double with each numeric part: fifty of them would be walked for ever.
    """

    def __init__(self, path: Path, test: Test, *, whole: bool) -> None:
        self.path = path
        self.test = test
        self.whole = whole
        self.entered: set[tuple[int, int]] = set()

    def from_object(self, value: Any, start: int) -> bool:
        for index, (part, _) in enumerate(self.path[start:], start):
            if value.__class__ is list:
                return self.from_list(value, index)
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
        if value.__class__ is list and not self.whole and any(map(self.test, value)):
            return True
        return self.test(value)

    def from_list(self, values: list[Any], index: int) -> bool:
        entry = (id(values), index)
        if entry in self.entered:
            return False  # what was found the first time would have ended the walk
        self.entered.add(entry)
        place = self.path[index][1]
        for at, element in enumerate(values):
            if element.__class__ is dict and self.from_object(element, index):
                return True
            if at == place and self.from_place(element, index + 1):
                return True
        return False

    def from_place(self, element: Any, index: int) -> bool:
        if index == len(self.path):
            return self.test(element)  # the element in this place is looked at whole, a list among lists included
        if element.__class__ is dict:
            return self.from_object(element, index)
        return element.__class__ is list and self.from_list(element, index)
