"""Translate what it can of a query document to SQL, so that the exact matcher sees few works or none.

A condition here never loses a work that the query means: what it cannot say exactly it leaves out, and says so. It
judges no query; `matching` does that first, and decides on each work that is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from bucketsnb.backend.stores.sqlite.schema import OPEN

__all__ = ["LOOSE_COLUMNS", "MARKS", "VALUES_MAX", "Condition", "narrow", "plain_values"]


@dataclass(frozen=True)
class Condition:
    """A WHERE clause over the table of works.

    Parameters
    ----------
    sql
        The clause; ``"1"`` is true of every work.
    values
        What its question marks stand for.
    exact
        Whether it finds the works that the query means and no others.
    table
        What a view selects from: the table, with the index to read where SQLite would choose a worse one.
    parts
        How many comparisons it is made of.
    """

    sql: str
    values: tuple[Any, ...] = ()
    exact: bool = True
    table: str = field(default="works", repr=False)
    parts: int = field(default=1, repr=False)

    @property
    def narrows(self) -> bool:
        """Whether it leaves any work out."""
        return self.sql != _ALL


_ALL = "1"
_UNSURE = Condition(_ALL, exact=False)
_NOTHING = Condition("0")

_NUMBERS = frozenset({"priority", "creation", "start", "timeout", "attempt", "retries"})
_TEXTS = frozenset({"id", "pipeline", "status", "site", "user"})
_COLUMNS = {name: name for name in _NUMBERS | _TEXTS} | {"config.parent": "parent"}
_INTEGERS = frozenset({"priority", "timeout", "attempt", "retries"})
MARKS = ("event", "tags")
"""Fields that a work is found by through a table of their elements, the more telling first."""

LOOSE_COLUMNS = frozenset({"site", "user", "parent"})
"""Columns that are null in a work whose value is neither text nor null; such a work has `odd` set.

So has one with an array among its tags or events, which no mark tells of.
"""

_TELLING = frozenset({"id", "config.parent", *MARKS, "$and", "$or"})
"""What finds fewer works than there run. By anything else SQLite would look through all that are queued as well."""

_BOUND_MAX = 500
"""Values that are bound one by one; a longer list goes to SQLite as one JSON array."""

_PARTS_MAX = 500
"""Parts joined by AND or OR in one condition: SQLite takes a thousand, and plans hundreds slowly."""

VALUES_MAX = 30_000
"""Values bound in one statement: some builds of SQLite take 32,766, and at 250,000 it takes seconds to begin."""

_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def narrow(query: Mapping[str, Any], odd: Callable[[], bool] = lambda: False) -> Condition:
    """Give the narrowest SQL condition that holds for every work the query means.

    Parameters
    ----------
    query
        A query document that the matcher has understood.
    odd
        Tells whether some work has a value of another type than its column (see `LOOSE_COLUMNS`); asked if it matters.

    Examples
    --------
    >>> narrow({"pipeline": "a", "priority": {"$gte": 3}})
    Condition(sql='(pipeline = ?) AND (priority >= ?)', values=('a', 3), exact=True)
    >>> narrow({"results.snr": {"$gt": 8}})
    Condition(sql='1', values=(), exact=False)
    """
    condition = _all_of([_on_field(name, value, odd) for name, value in query.items()])
    only_running = condition.narrows and plain_values(query.get("status")) == ["running"]
    if only_running and _TELLING.isdisjoint(query):
        return replace(condition, table="works INDEXED BY works_running")
    return condition


def _all_of(conditions: Sequence[Condition]) -> Condition:
    exact = all(one.exact for one in conditions)
    said = [one for one in conditions if one.narrows]
    return _joined(" AND ", said, exact=exact) if said else Condition(_ALL, exact=exact)


def _any_of(conditions: Sequence[Condition]) -> Condition:
    exact = all(one.exact for one in conditions)
    if all(one.narrows for one in conditions):
        return _joined(" OR ", conditions, exact=exact)
    return Condition(_ALL, exact=exact)


def _joined(word: str, conditions: Sequence[Condition], *, exact: bool) -> Condition:
    """Join conditions, or leave to the matcher what is too much for SQLite."""
    if len(conditions) == 1:
        return replace(conditions[0], exact=exact)
    values = tuple(value for one in conditions for value in one.values)
    parts = sum(one.parts for one in conditions)
    if parts > _PARTS_MAX or len(values) > VALUES_MAX:
        return _UNSURE
    return Condition(word.join(f"({one.sql})" for one in conditions), values, exact, parts=parts)


def _on_field(name: str, value: Any, odd: Callable[[], bool]) -> Condition:
    if name in ("$and", "$or") and isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        parts = [narrow(part, odd) for part in value]
        return _all_of(parts) if name == "$and" else _any_of(parts)
    if name == "$expr":
        return _expression(value)
    if name not in _COLUMNS and name not in MARKS:
        return _UNSURE
    operators = value if isinstance(value, Mapping) and any(key.startswith("$") for key in value) else {"$eq": value}
    judge = _on_mark if name in MARKS else _on_column
    condition = _all_of([judge(name, operator, operand) for operator, operand in operators.items()])
    loose = _COLUMNS.get(name) in LOOSE_COLUMNS or (name in MARKS and isinstance(operators.get("$eq"), list))
    if loose and condition.narrows and odd():
        return _any_of([replace(condition, exact=False), Condition("odd")])
    return condition


def _expression(value: Any) -> Condition:
    """Two integer columns compared: what the public transfer daemon asks on every pass."""
    if isinstance(value, Mapping) and len(value) == 1:
        operator, operands = next(iter(value.items()))
        if operator in _COMPARISONS and isinstance(operands, list) and len(operands) == 2:
            names = [operand[1:] for operand in operands if isinstance(operand, str) and operand.startswith("$")]
            if len(names) == 2 and _INTEGERS.issuperset(names):
                return Condition(f"{names[0]} {_COMPARISONS[operator]} {names[1]}")
    return _UNSURE


def _plain(value: Any) -> bool:
    """Whether SQLite compares the value as the matcher does: text, or a number that it can hold."""
    if isinstance(value, bool) or value != value:  # SQLite has no NaN, and would be given null
        return False
    return isinstance(value, (str, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _on_column(name: str, operator: str, operand: Any) -> Condition:
    make = _ON_COLUMN.get(operator)
    return _UNSURE if make is None else make(name, _COLUMNS[name], operand)


def _equal(name: str, column: str, operand: Any) -> Condition:
    if name == "status" and isinstance(operand, str):
        return _of_status(operand)
    if operand is None:
        return Condition(f"{column} IS NULL")
    return Condition(f"{column} = ?", (operand,)) if _plain(operand) else _UNSURE


def _of_status(status: str) -> Condition:
    """Say a status so that an index knows: literally where an index holds works of that status only."""
    if status in OPEN:
        return Condition(f"settled IS NULL AND status = '{status}'")
    return Condition("settled = ?", (status,))


def _of_statuses(statuses: Sequence[str]) -> Condition:
    settled = sorted(set(statuses).difference(OPEN))
    parts = [_in("settled", settled)] if settled else []
    if set(OPEN).issubset(statuses):
        parts.append(Condition("settled IS NULL"))
    else:
        parts += [_of_status(status) for status in OPEN if status in statuses]
    return parts[0] if len(parts) == 1 else _any_of(parts)


def _unequal(_name: str, column: str, operand: Any) -> Condition:
    if operand is None:
        return Condition(f"{column} IS NOT NULL")
    return Condition(f"{column} IS NOT ?", (operand,)) if _plain(operand) else _UNSURE


def _among(name: str, column: str, operand: Any) -> Condition:
    found = _list(operand)
    if found is None:
        return _UNSURE
    listed, null = found
    if not listed and not null:
        return _NOTHING
    if name == "status" and listed and not null and all(isinstance(value, str) for value in listed):
        return _of_statuses(listed)
    condition = _in(column, listed)
    return _any_of([Condition(f"{column} IS NULL"), condition]) if null else condition


def _not_among(_name: str, column: str, operand: Any) -> Condition:
    found = _list(operand)
    if found is None:
        return _UNSURE
    listed, null = found
    condition = _in(column, listed)
    if not condition.narrows:
        return _UNSURE
    rest = f"{column} IS NOT NULL AND" if null else f"{column} IS NULL OR"
    return Condition(f"{rest} NOT {condition.sql}", condition.values, condition.exact, parts=2)


def _compared(sign: str) -> Callable[[str, str, Any], Condition]:
    def make(name: str, column: str, operand: Any) -> Condition:
        text = isinstance(operand, str)
        # Values of different types never compare, and SQLite would order them: those are left to the matcher.
        if not _plain(operand) or text == (name in _NUMBERS):
            return _UNSURE
        return Condition(f"{column} {sign} ?", (operand,))

    return make


_ON_COLUMN: Mapping[str, Callable[[str, str, Any], Condition]] = {
    "$eq": _equal,
    "$ne": _unequal,
    "$in": _among,
    "$nin": _not_among,
    **{operator: _compared(sign) for operator, sign in _COMPARISONS.items()},
}


def plain_values(wanted: Any) -> list[Any] | None:
    """Give the texts and numbers of which a query wants one, if that is all it wants of a field."""
    operators = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    if len(operators) != 1:
        return None
    operator, operand = next(iter(operators.items()))
    values = [operand] if operator == "$eq" else operand if operator == "$in" else None
    return values if isinstance(values, list) and all(_plain(value) for value in values) else None


def _on_mark(name: str, operator: str, operand: Any) -> Condition:
    if operator == "$eq" and isinstance(operand, list):
        # The same array has the same elements: one that can be looked for finds few works, which are then compared.
        one = next((element for element in operand if _plain(element)), None)
        return _UNSURE if one is None else replace(_on_mark(name, "$eq", one), exact=False)
    values = plain_values({operator: operand})
    if values is None:
        return _UNSURE
    if not values:
        return _NOTHING
    listed = _in("value", values)
    if not listed.narrows:
        return _UNSURE
    sql = f"works.rowid IN (SELECT work FROM marks WHERE field = '{name}' AND {listed.sql})"  # noqa: S608 - our own names
    return Condition(sql, listed.values, listed.exact)


def _list(operand: Any) -> tuple[list[Any], bool] | None:
    """Split a list into plain values and whether null is among them; None if it holds anything else."""
    if not isinstance(operand, list):
        return None
    listed = [value for value in operand if value is not None]
    return (listed, len(listed) < len(operand)) if all(_plain(value) for value in listed) else None


def _in(column: str, values: list[Any]) -> Condition:
    if not values:
        return Condition("0")
    if len(values) == 1:
        return Condition(f"{column} = ?", (values[0],))
    if len(values) <= _BOUND_MAX:
        return Condition(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))
    # SQLite's JSON reader cuts text at a null character and may round a fraction in its last digit.
    if any(isinstance(value, float) or (isinstance(value, str) and "\0" in value) for value in values):
        return _UNSURE
    text = msgspec.json.encode(values).decode()
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (text,))  # noqa: S608 - our own names
