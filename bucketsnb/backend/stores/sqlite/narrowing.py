"""Translate a query document to SQL, as far as possible, so that the exact matcher has to decide on few works or none.

An SQL condition here is true of every work that matches the query. If it may be true of other works too, its `exact` is
False, and :mod:`bucketsnb.matching` decides on each work that is found. The query was checked by that module before.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from bucketsnb.backend.stores.sqlite.schema import MARKS, is_plain
from bucketsnb.matching import Matcher

__all__ = ["Condition", "any_irregular", "matching", "narrow", "plain_values"]

Row = TypeVar("Row", bound=tuple[Any, ...])

_LETTERS_MAX = 6_000
"""Most characters of a condition, some hundreds of comparisons: SQLite allows a thousand, and is slow to plan them."""

_BOUND_MAX = 20
"""Most values that are bound one by one, so that SQLite knows their number; more are bound as one JSON array."""

_NUMBERS = frozenset({"priority", "creation", "start", "timeout", "attempt", "retries"})
_INTEGERS = _NUMBERS - {"creation", "start"}
_COLUMNS = {name: name for name in (*_NUMBERS, "id", "pipeline", "status", "site", "user")} | {
    "config.parent": "parent"
}
_LOOSE = frozenset({"site", "user", "config.parent"})
"""Fields whose column is null if their value is not text; unless that is null, the work is marked `irregular`."""

_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


@dataclass(frozen=True)
class Condition:
    """A WHERE clause on the table of works, and the values of its parameters."""

    sql: str
    values: tuple[Any, ...] = ()
    exact: bool = True
    """Whether it finds exactly the works that match the query."""


def any_irregular(connection: sqlite3.Connection) -> bool:
    """Return whether there is a work whose fields the columns and marks do not represent fully."""
    return connection.execute("SELECT 1 FROM works WHERE irregular LIMIT 1").fetchone() is not None


def matching(rows: Iterable[Row], condition: Condition, matches: Matcher) -> Iterator[Row]:
    """Yield the rows that match the query, of those that the condition found; the last value of a row is its JSON."""
    return iter(rows) if condition.exact else _decided(rows, matches)


def _decided(rows: Iterable[Row], matches: Matcher) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if matches(msgspec.json.decode(row[-1])):
            yield row
        let_others(number)


def let_others(number: int) -> None:
    """Let other threads run at every 32nd row, so that a long search does not block claims."""
    if number % 32 == 0:
        time.sleep(0)


_ALL, _NOTHING = "1", "0"
_UNSURE = Condition(_ALL, exact=False)


def narrow(query: Mapping[str, Any], *, irregular: bool = False) -> Condition:
    """Return the narrowest SQL condition that is true of every work that matches the query.

    `irregular` says whether there may be works that the columns do not represent fully; see `any_irregular`.

    Examples
    --------
    >>> narrow({"pipeline": "a", "priority": {"$gte": 3}})
    Condition(sql='(pipeline = ?) AND (priority >= ?)', values=('a', 3), exact=True)
    >>> narrow({"results.snr": {"$gt": 8}})
    Condition(sql='1', values=(), exact=False)
    """
    condition = _all_of([_on_field(name, value, irregular=irregular) for name, value in query.items()])
    return condition if len(condition.sql) <= _LETTERS_MAX else _UNSURE


def _all_of(conditions: Sequence[Condition]) -> Condition:
    joined = _joined(" AND ", [condition for condition in conditions if condition.sql != _ALL], _ALL)
    return replace(joined, exact=all(condition.exact for condition in conditions))


def _any_of(conditions: Sequence[Condition]) -> Condition:
    joined = _joined(" OR ", [condition for condition in conditions if condition.sql != _NOTHING], _NOTHING)
    return Condition(_ALL, exact=joined.exact) if any(condition.sql == _ALL for condition in conditions) else joined


def _joined(word: str, conditions: Sequence[Condition], of_none: str) -> Condition:
    if len(conditions) == 1:
        return conditions[0]
    sql = word.join(f"({condition.sql})" for condition in conditions) or of_none
    values = tuple(value for condition in conditions for value in condition.values)
    return Condition(sql, values, all(condition.exact for condition in conditions))


def _on_field(name: str, wanted: Any, *, irregular: bool) -> Condition:
    if name in ("$and", "$or"):
        parts = [narrow(part, irregular=irregular) for part in wanted]
        return _all_of(parts) if name == "$and" else _any_of(parts)
    if name == "$expr":
        return _expression(wanted)
    if name not in _COLUMNS and name not in MARKS:
        return _UNSURE
    judge = _on_mark if name in MARKS else _on_column
    condition = _all_of([judge(name, operator, operand) for operator, operand in _operators(wanted)])
    if irregular and (name in _LOOSE or (name in MARKS and not condition.exact)):
        return _any_of([replace(condition, exact=False), Condition("irregular")])
    return condition


def _operators(wanted: Any) -> list[tuple[str, Any]]:
    """Return the condition on a field as operators and operands; equality becomes ``$in`` with one value."""
    if not (isinstance(wanted, Mapping) and next(iter(wanted), "").startswith("$")):
        return [("$in", [wanted])]
    lists = {"$eq": "$in", "$ne": "$nin"}
    return [(lists[name], [operand]) if name in lists else (name, operand) for name, operand in wanted.items()]


def plain_values(wanted: Any) -> list[Any] | None:
    """Return the texts and numbers one of which the query requires of a field; None if it requires anything else."""
    (operator, values), *others = _operators(wanted)
    return values if operator == "$in" and not others and all(map(is_plain, values)) else None


def _expression(value: Any) -> Condition:
    """Return the condition that compares two integer columns, as the public transfer daemon does on every pass."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((operator, operands),) = value.items()
        if operator in _COMPARISONS and isinstance(operands, list) and len(operands) == 2:
            names = [operand[1:] for operand in operands if isinstance(operand, str) and operand.startswith("$")]
            if len(names) == 2 and _INTEGERS.issuperset(names):
                return Condition(f"{names[0]} {_COMPARISONS[operator]} {names[1]}")
    return _UNSURE


def _on_column(name: str, operator: str, operand: Any) -> Condition:
    column = _COLUMNS[name]
    if operator in _COMPARISONS:
        # In MongoDB, values of different types are never greater or less; in SQLite they are. The matcher decides.
        comparable = is_plain(operand) and isinstance(operand, str) != (name in _NUMBERS)
        return Condition(f"{column} {_COMPARISONS[operator]} ?", (operand,)) if comparable else _UNSURE
    if operator not in ("$in", "$nin"):
        return _UNSURE
    condition = _in(column, [value for value in operand if value is not None])
    if None in operand:
        condition = _any_of([Condition(f"{column} IS NULL"), condition])
    if operator == "$in":
        return condition
    return replace(condition, sql=f"({condition.sql}) IS NOT TRUE") if condition.exact else _UNSURE


def _on_mark(name: str, operator: str, operand: Any) -> Condition:
    if operator != "$in":
        return _UNSURE
    # An array equals another only if its elements do: search for one element, and compare the works that are found.
    values = [next(filter(is_plain, item), None) if isinstance(item, list) else item for item in operand]
    condition = _in("value", values)
    if condition.sql in (_ALL, _NOTHING):
        return condition
    sql = f"works.rowid IN (SELECT work FROM marks WHERE field = '{name}' AND ({condition.sql}))"  # noqa: S608 - our own names
    return Condition(sql, condition.values, exact=not any(isinstance(item, list) for item in operand))


def _in(column: str, values: Sequence[Any]) -> Condition:
    if not all(map(is_plain, values)):
        return _UNSURE
    if not values:
        return Condition(_NOTHING)
    if len(values) == 1:
        return Condition(f"{column} = ?", (values[0],))
    # The JSON functions of SQLite cut text at a null character and may round the last digit of a fraction.
    fragile = any(isinstance(value, float) or (isinstance(value, str) and "\0" in value) for value in values)
    if fragile or len(values) <= _BOUND_MAX:
        return Condition(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (msgspec.json.encode(values).decode(),))  # noqa: S608 - our own names
