"""Filters: the conditions of a query document, one each, with its words for people and its keywords.

What is known of an operator is one row of :data:`OPERATORS`; of a question with a name of its own, such as
``overdue``, one row of :data:`NAMED`. :func:`filters_of` finds the filters in a document; what no rule gives back
exactly is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from bucketsnb.display.texts import join_truncated, printable, truncate
from bucketsnb.query.documents import (
    SEPARABLE,
    Document,
    canonical,
    is_branches,
    is_operators,
    join,
    literal,
    paths_in,
    same,
)
from bucketsnb.query.times import AGO, instant_text, is_ago, moment_text, resolved
from bucketsnb.schema import FIELDS, PARENT_PATH, TIME_FIELDS, Kind

__all__ = [
    "LISTS",
    "NAMED",
    "NEGATED",
    "OPERATORS",
    "SIGNS",
    "TIME_WORDS",
    "Filter",
    "Named",
    "compare",
    "filters_of",
    "limits_of",
    "list_text",
    "noun",
    "shown",
    "time_keyword",
    "word_of",
]

TIME_WORDS = {"creation": "created", "start": "started", "stop": "stopped"}
"""What happened at each time of a work."""

NEGATED = frozenset({"pipeline", "status", "event", "tags", "site", "user", "parent", "id", "function"})
"""Keywords that have a ``not_`` form."""

LISTS = tuple(name for name, field in FIELDS.items() if field.kind in {Kind.TEXTS, Kind.INTEGERS})
"""Fields that hold a list."""


@dataclass(frozen=True)
class Operator:
    """How an operator is read and written.

    Parameters
    ----------
    text, time_text
        What stands between the field and the value for people, and between what happened and a time.
    sign
        How a comparison begins in the text of a keyword, as in ``priority=">=4"``.
    prefix
        Prefix of the keyword that takes the value as it is, as in ``not_site="kko"``.
    period
        Keyword for this end of a period, as in ``since="2026-11-20"``.
    age, age_text
        Keyword for an age, as in ``newer_than="36h"``, and what stands before the age for people.
    """

    text: str
    sign: str = ""
    prefix: str = ""
    time_text: str = ""
    period: str = ""
    age: str = ""
    age_text: str = ""


OPERATORS = {
    "$ne": Operator("is not", "!=", prefix="not_"),
    "$gt": Operator("is more than", ">", time_text="after"),
    "$gte": Operator("is at least", ">=", time_text="since", period="since", age="newer_than", age_text="at most"),
    "$lt": Operator("is less than", "<", time_text="before", period="until", age="older_than", age_text="more than"),
    "$lte": Operator("is at most", "<=", time_text="at or before"),
}
"""Operators that compare a field with one value."""

_LIST_OPERATORS = {
    "$in": Operator("is any of"),
    "$nin": Operator("is none of", prefix="not_"),
    "$all": Operator("has all of", prefix="all_"),
}
"""Operators that compare a field with several values."""

_READ = 5
"""Number of values that are shown of a longer list."""

_GROUPS = {"$or": ("either ", " or "), "$nor": ("not ", " nor "), "$and": ("", " and ")}
"""The words before and between the queries under one operator."""

SIGNS = {"$eq": "==", **{name: operator.sign for name, operator in OPERATORS.items()}}
"""How each comparison is written as text."""


@dataclass(frozen=True)
class Named:
    """A question with a name of its own, such as ``overdue``: its keyword, its label, and its document."""

    word: str
    text: str
    document: Document


NAMED = (
    Named(  # a work without a start is not overdue: a difference with null is null, which is below every number
        "overdue",
        "overdue: running past its own timeout",
        {"status": "running", "$expr": {"$gt": [{"$subtract": [{AGO: "0s"}, "$start"]}, "$timeout"]}},
    ),
    Named(
        "exhausted",
        "exhausted: failed with no attempts left",
        {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}},
    ),
    Named(
        "retryable",
        "retryable: failed with attempts left",
        {"status": "failure", "$expr": {"$lt": ["$attempt", "$retries"]}},
    ),
)
"""Every question with a name of its own."""


def word_of(path: str) -> str | None:
    """Return the keyword for a path of a record, or None if there is none."""
    return "parent" if path == PARENT_PATH else path if path in FIELDS else None


def noun(path: str) -> str:
    """Return the name of a path of a record for people."""
    return printable(word_of(path) or path)


def time_keyword(path: str, word: str) -> str:
    """Return the keyword for one end of a period, such as ``"until"`` or ``"started_until"``."""
    return word if path == "creation" else f"{TIME_WORDS[path]}_{word}"


Limits = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False, repr=False)
class Filter:
    """One condition on works. Filters that ask the same are equal, and can be keys.

    Attributes
    ----------
    condition
        Its part of the query document, with open moments as they are (``{"$ago": "7d"}``).
    label
        The condition in words.
    keywords
        Keywords of ``Query`` that may mean the same condition; callers have to check that they do.
    limits
        By path, the texts of which a work must have one; any other path may have any value.
    parts
        The filters of a condition under ``$and``, which must all hold.
    """

    condition: Document
    label: str
    keywords: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=dict)
    parts: tuple[Filter, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the record that it refers to."""
        paths = (path for key, item in self.condition.items() for path in paths_in(key, item))
        return tuple(dict.fromkeys(path.removesuffix(".0") if path[:-2] in LISTS else path for path in paths))

    @property
    def field(self) -> str:
        """The only path that it refers to, or empty text if there are none or several."""
        return self.fields[0] if len(self.fields) == 1 else ""

    def to_document(self, now: float) -> Document:
        """Return its part of the query document as the service reads it; `now` is in epoch seconds."""
        document: Document = resolved(self.condition, now)
        return document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and canonical(self.condition) == canonical(other.condition)

    def __hash__(self) -> int:
        return hash(canonical(self.condition))

    def __repr__(self) -> str:
        return f"<Filter: {self.label}>"


def limits_of(filters: Iterable[Filter]) -> Limits:
    """Return, by path, the texts of which a work must have one if all filters hold."""
    limits: dict[str, tuple[str, ...]] = {}
    for found in filters:
        for path, texts in found.limits.items():
            limits[path] = tuple(text for text in texts if text in limits[path]) if path in limits else texts
    return limits


def filters_of(document: Document) -> tuple[Filter, ...]:
    """Return the filters of a query document; all must hold, and together they are the document.

    Examples
    --------
    >>> for found in filters_of({"status": "failure", "creation": {"$gte": 0.0, "$lt": 60.0}, "$where": "1"}):
    ...     print(found.label)
    status is failure
    created since 1970-01-01 00:00 UTC
    created before 1970-01-01 00:01 UTC
    {"$where": "1"}
    """
    rest = dict(document)
    found = []
    for named in NAMED:
        if all(key in rest and same(rest[key], wanted) for key, wanted in named.document.items()):
            limits = limits_of(_of_entries(named.document))
            found.append(Filter(deepcopy(named.document), named.text, {named.word: True}, limits))
            rest = {key: condition for key, condition in rest.items() if key not in named.document}
    return (*found, *_of_entries(rest))


def _of_entries(document: Document) -> Iterator[Filter]:
    """Yield the filters of each entry, every separable operator on its own."""
    for key, condition in document.items():
        found = list(_of_entry(key, condition))
        entry = {key: condition}
        together = join({}, (part.condition for part in found))
        if canonical(together) == canonical(entry):
            yield from found
        else:
            yield Filter(entry, truncate(literal(entry), most=120))


def _of_entry(key: str, condition: Any) -> Iterator[Filter]:
    if key == "$expr":
        yield from _compared(condition)
    elif key in _GROUPS:
        if is_branches(condition):
            yield _group(key, condition)
    elif not key.startswith("$"):
        yield from _on_field(key, condition)


# Conditions on several fields -----------------------------------------------------------------------------------------

_FIELD_NAME = re.compile(r"\$[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)


def _compared(expression: Any) -> Iterator[Filter]:
    """Yield the filter of ``{"$gte": ["$attempt", "$retries"]}``."""
    for operator, sides in expression.items() if isinstance(expression, dict) and len(expression) == 1 else ():
        if operator in SIGNS and isinstance(sides, list) and len(sides) == 2 and all(map(_is_field, sides)):
            yield compare(sides[0][1:], operator, sides[1][1:])


def _is_field(side: Any) -> bool:
    return isinstance(side, str) and _FIELD_NAME.fullmatch(side) is not None


def compare(left: str, operator: str, right: str) -> Filter:
    """Return the filter that compares one field of a work with another one of the same work."""
    sign, one, other = SIGNS[operator], noun(left), noun(right)
    keywords = {one: f"{sign}{other}"}
    return Filter({"$expr": {operator: [f"${left}", f"${right}"]}}, f"{one} {sign} {other}", keywords)


def _group(operator: str, queries: list[Document]) -> Filter:
    branches = list(map(filters_of, queries))
    before, between = _GROUPS[operator]
    labels = (" and ".join(found.label for found in branch) or "any work" for branch in branches)
    condition = {operator: [join({}, (found.condition for found in branch)) for branch in branches]}
    all_of = [part for branch in branches for found in branch for part in (found.parts or (found,))]
    return Filter(
        condition,
        before + between.join(f"({label})" for label in labels),
        limits=limits_of(all_of) if operator == "$and" else _any_of(branches) if operator == "$or" else {},
        parts=tuple(all_of) if operator == "$and" else (),
    )


def _any_of(branches: Iterable[tuple[Filter, ...]]) -> Limits:
    limits = list(map(limits_of, branches))
    paths = [path for path in limits[0] if all(path in branch for branch in limits)]
    return {path: tuple(dict.fromkeys(text for branch in limits for text in branch[path])) for path in paths}


# Conditions on one field ----------------------------------------------------------------------------------------------


def _on_field(path: str, condition: Any) -> Iterator[Filter]:
    if not is_operators(condition):
        if not _is_mixed(condition):
            yield _equals(path, condition)
    elif set(condition) == {"$regex", "$options"}:
        if all(isinstance(item, str) for item in condition.values()):
            yield _operators(path, condition, f"matches {printable(condition['$regex'])}")
    elif set(condition) <= SEPARABLE:
        yield from _separate(path, dict(condition))


def _is_mixed(condition: Any) -> bool:
    """Return whether operators and values stand side by side, which only the service can judge."""
    return isinstance(condition, dict) and not is_ago(condition) and any(key.startswith("$") for key in condition)


def _separate(path: str, condition: Document) -> Iterator[Filter]:
    if path in FIELDS and FIELDS[path].kind is Kind.INTEGER and {"$gte", "$lte"} <= set(condition):
        yield _between(path, condition.pop("$gte"), condition.pop("$lte"))
    for operator, operand in condition.items():
        yield _one_operator(path, operator, operand)


def _one_operator(path: str, operator: str, operand: Any) -> Filter:
    if operator in OPERATORS:
        return _comparison(path, operator, operand)
    if operator in _LIST_OPERATORS and isinstance(operand, list):
        return _members(path, operator, operand)
    if operator == "$exists" and isinstance(operand, bool) and path.endswith(".0") and path[:-2] in LISTS:
        return _has_elements(path, has=operand)
    if operator == "$regex" and isinstance(operand, str):
        return _operators(path, {operator: operand}, f"matches {printable(operand)}")
    limits = _limits(path, [operand]) if operator == "$eq" else {}
    return _operators(path, {operator: operand}, f"{operator} {literal(operand)}", limits)


def _operators(path: str, condition: Document, text: str, limits: Limits | None = None) -> Filter:
    return Filter({path: condition}, f"{noun(path)} {text}", _keyword(path, condition), limits or {})


def _equals(path: str, value: Any) -> Filter:
    if value is None:
        return Filter({path: None}, f"has no {noun(path)}", _keyword(path, value=False, prefix="has_"))
    label = f"{noun(path)} is {shown(path, value)}"
    return Filter({path: value}, label, _keyword(path, _for_keyword(path, value)), _limits(path, [value]))


def _comparison(path: str, operator: str, value: Any) -> Filter:
    condition = {path: {operator: value}}
    if operator == "$ne" and value is None:
        return Filter(condition, f"has {noun(path)}", _keyword(path, value=True, prefix="has_"))
    row, happened = OPERATORS[operator], TIME_WORDS.get(path)
    words = f"{noun(path)} {row.text}"
    if happened and row.time_text:
        words = f"{happened} {row.age_text if row.age and is_ago(value) else row.time_text}"
    return Filter(condition, f"{words} {shown(path, value)}", _comparing(path, row, value))


def _comparing(path: str, row: Operator, value: Any) -> dict[str, Any]:
    if path == "creation" and row.age and is_ago(value):
        return {row.age: value[AGO]}
    if path in TIME_WORDS and row.period:
        return {time_keyword(path, row.period): moment_text(value)}
    if row.prefix and word_of(path) in NEGATED:
        return _keyword(path, value, row.prefix)
    return _keyword(path, f"{row.sign}{_for_keyword(path, value)}")


def _members(path: str, operator: str, values: list[Any]) -> Filter:
    row = _LIST_OPERATORS[operator]
    label = f"{noun(path)} {row.text} {list_text(path, values) or 'nothing'}"
    limits = _limits(path, values) if operator == "$in" else {}
    return Filter({path: {operator: values}}, label, _keyword(path, list(values), row.prefix), limits)


def _has_elements(path: str, *, has: bool) -> Filter:
    name = path.removesuffix(".0")
    return Filter({path: {"$exists": has}}, f"has {'' if has else 'no '}{noun(name)}", {f"has_{name}": has})


def _between(path: str, low: Any, high: Any) -> Filter:
    label = f"{noun(path)} is {shown(path, low)} to {shown(path, high)}"
    return Filter({path: {"$gte": low, "$lte": high}}, label, _keyword(path, f"{literal(low)}..{literal(high)}"))


def list_text(path: str, values: list[Any]) -> str:
    """Return several values of a field for people: the first few, as a query may have very many ids."""
    return join_truncated([truncate(shown(path, value)) for value in values[:_READ]] + values[_READ:], _READ)


def shown(path: str, value: Any) -> str:
    """Return a value of a field as people read it."""
    if is_ago(value):
        return f"{value[AGO]} ago"
    if path in TIME_FIELDS and isinstance(value, int | float):
        return instant_text(value)
    return "null" if value is None else printable(value) if isinstance(value, str) else literal(value)


def _for_keyword(path: str, value: Any) -> Any:
    """Return a value of a field as a keyword takes it."""
    return moment_text(value) if path in TIME_FIELDS else value


def _keyword(path: str, value: Any, prefix: str = "") -> dict[str, Any]:
    word = word_of(path)
    return {} if word is None else {prefix + word: value}


def _limits(path: str, values: list[Any]) -> Limits:
    """Return the values as the limit of a path, if all are text."""
    texts = [value for value in values if isinstance(value, str)]
    return {path: tuple(dict.fromkeys(texts))} if len(texts) == len(values) else {}
