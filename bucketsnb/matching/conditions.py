"""What a field's part of a query says: one test, several that must all hold, or one that must not.

A condition is bound in one of two ways: at a path of a record, where each test is asked about every value the path
reaches, or alone, on one element of a list (``$elemMatch``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .paths import Path, RecordTest, Test, reaching

__all__ = ["Condition", "Every", "Leaf", "Not", "alone", "any_of", "at", "every"]

T = TypeVar("T")


@dataclass(frozen=True)
class Leaf:
    """Some value satisfies `test`; with `whole`, a list is asked about as it is and not element by element."""

    test: Test
    whole: bool = False


@dataclass(frozen=True)
class Every:
    """All of `conditions` hold, each by any value."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """`condition` does not hold."""

    condition: Condition


Condition = Leaf | Every | Not


def at(condition: Condition, path: Path) -> RecordTest:
    """Bind `condition` to the values that `path` reaches in a record."""
    if isinstance(condition, Leaf):
        return reaching(path, condition.test, whole=condition.whole)
    if isinstance(condition, Every):
        return every([at(part, path) for part in condition.conditions])
    return _opposite(at(condition.condition, path))


def alone(condition: Condition) -> Test:
    """Bind `condition` to a single value, which is not walked into."""
    if isinstance(condition, Leaf):
        return condition.test
    if isinstance(condition, Every):
        return every([alone(part) for part in condition.conditions])
    return _opposite(alone(condition.condition))


def _opposite(test: Callable[[T], bool]) -> Callable[[T], bool]:
    return lambda value: not test(value)


def every(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    """Return the test that says yes when all of `tests` do; of none, always."""
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def any_of(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    """Return the test that says yes when one of `tests` does; of none, never."""
    return lambda value: any(test(value) for test in tests)
