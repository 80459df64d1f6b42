"""Filters: one condition each, with its part of the query document, its words for people, and its keywords.

What is known of an operator is one row of :data:`OPERATORS`; of a question with a name of its own, such as
``overdue``, one row of :data:`NAMED`. :func:`filters_of` finds the filters in a document; what no filter gives back
exactly is :class:`Raw`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

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
    "Compare",
    "FieldFilter",
    "Filter",
    "Group",
    "Named",
    "Raw",
    "filters_of",
    "limited_to",
    "noun",
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
    text
        What stands between the field and the value for people.
    sign
        How a comparison begins in the text of a keyword, as in ``priority=">=4"``.
    prefix
        Prefix of the keyword that takes the value as it is, as in ``not_site="kko"``.
    time_text
        What stands for `text` where the field is a time.
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

SIGNS = {"$eq": "==", **{name: operator.sign for name, operator in OPERATORS.items()}}
"""How each comparison is written as text."""


def word_of(path: str) -> str | None:
    """Return the keyword for a path of a record, or None if there is none.

    Examples
    --------
    >>> word_of("site"), word_of("config.parent"), word_of("results.snr")
    ('site', 'parent', None)
    """
    return "parent" if path == PARENT_PATH else path if path in FIELDS else None


def noun(path: str) -> str:
    """Return what people call a path of a record."""
    return printable(word_of(path) or path)


def time_keyword(path: str, word: str) -> str:
    """Return the keyword for one end of a period, such as ``"until"`` or ``"started_until"``."""
    return word if path == "creation" else f"{TIME_WORDS[path]}_{word}"


@dataclass(frozen=True, eq=False, repr=False)
class Filter:
    """One condition on works.

    Filters that ask the same are equal, and can be keys.
    """

    @property
    def condition(self) -> Document:
        """Part of the query document, with open moments as they are (``{"$ago": "7d"}``)."""
        raise NotImplementedError

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the record that it looks at."""
        return tuple(dict.fromkeys(path for key, item in self.condition.items() for path in paths_in(key, item)))

    @property
    def field(self) -> str:
        """The one path that it looks at, or empty text if there are none or several."""
        return self.fields[0] if len(self.fields) == 1 else ""

    @property
    def label(self) -> str:
        """The condition in words."""
        raise NotImplementedError

    def to_keywords(self) -> dict[str, Any]:
        """Return the keywords of ``Query`` that ask the same; empty if there are none."""
        return {}

    def values(self, path: str) -> tuple[str, ...] | None:
        """Return the texts of which a path must equal one, or None if it may be anything else too."""
        return None

    def to_document(self, now: float) -> Document:
        """Return its part of the query document as the service reads it.

        Parameters
        ----------
        now
            Epoch seconds that open moments are counted from.
        """
        document: Document = resolved(self.condition, now)
        return document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and canonical(self.condition) == canonical(other.condition)

    def __hash__(self) -> int:
        return hash(canonical(self.condition))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.label}>"


# Conditions on one field ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class FieldFilter(Filter):
    """A condition on one field: one operator, with its operand.

    Attributes
    ----------
    path
        Such as ``"status"`` or ``"config.parent"``.
    operator
        Such as ``"$gt"``; empty where the field simply has the value.
    value
        The value, or the operand.
    """

    path: str
    operator: str
    value: Any

    @property
    def condition(self) -> Document:
        """``{"event": {"$size": 2}}``."""
        return {self.path: {self.operator: self.value}}

    @property
    def label(self) -> str:
        """``"event $size 2"``."""
        return f"{noun(self.path)} {self.operator} {literal(self.value)}"

    def to_keywords(self) -> dict[str, Any]:
        """``event={"$size": 2}``."""
        return self._keyword(self.condition[self.path])

    def values(self, path: str) -> tuple[str, ...] | None:
        """``("kko",)`` for ``{"site": {"$eq": "kko"}}``."""
        return _texts([self.value]) if path == self.path and self.operator == "$eq" else None

    def _text_of(self, value: Any) -> str:
        """Return a value of this field as people read it."""
        if is_ago(value):
            return f"{value[AGO]} ago"
        if self.path in TIME_FIELDS and isinstance(value, int | float):
            return instant_text(value)
        return "null" if value is None else printable(value) if isinstance(value, str) else literal(value)

    def _for_keyword(self, value: Any) -> Any:
        """Return a value of this field as a keyword takes it."""
        return moment_text(value) if self.path in TIME_FIELDS else value

    def _keyword(self, value: Any, prefix: str = "") -> dict[str, Any]:
        word = word_of(self.path)
        return {} if word is None or (prefix == "not_" and word not in NEGATED) else {prefix + word: value}


class _Equals(FieldFilter):
    """The field has this value (or, if it is a list, holds it)."""

    @property
    def condition(self) -> Document:
        return {self.path: self.value}

    @property
    def label(self) -> str:
        return (
            f"has no {noun(self.path)}" if self.value is None else f"{noun(self.path)} is {self._text_of(self.value)}"
        )

    def to_keywords(self) -> dict[str, Any]:
        if self.value is None:
            return self._keyword(False, "has_")
        return {} if isinstance(self.value, dict | list) else self._keyword(self._for_keyword(self.value))

    def values(self, path: str) -> tuple[str, ...] | None:
        return _texts([self.value]) if path == self.path else None


class _Comparison(FieldFilter):
    """The field is other, more, less, later or earlier than a value."""

    @property
    def label(self) -> str:
        if self.operator == "$ne" and self.value is None:
            return f"has {noun(self.path)}"
        row, happened = OPERATORS[self.operator], TIME_WORDS.get(self.path)
        if happened and row.age and is_ago(self.value):
            return f"{happened} {row.age_text} {self._text_of(self.value)}"
        if happened and row.time_text:
            return f"{happened} {row.time_text} {self._text_of(self.value)}"
        return f"{noun(self.path)} {row.text} {self._text_of(self.value)}"

    def to_keywords(self) -> dict[str, Any]:
        row = OPERATORS[self.operator]
        if self.operator == "$ne" and self.value is None:
            return self._keyword(True, "has_")
        if row.period and self.path in TIME_FIELDS:
            if self.path == "creation" and is_ago(self.value):
                return {row.age: self.value[AGO]}
            return {time_keyword(self.path, row.period): moment_text(self.value)}
        return (self._keyword(self.value, row.prefix) if row.prefix else {}) or self._as_text(row.sign)

    def _as_text(self, sign: str) -> dict[str, Any]:
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return self._keyword(f"{sign}{self._for_keyword(self.value)}") if number or is_ago(self.value) else {}


class _Members(FieldFilter):
    """The field has, or holds, one, none or all of several values."""

    @property
    def label(self) -> str:
        values = join_truncated([self._text_of(value) for value in self.value])
        return f"{noun(self.path)} {_LIST_OPERATORS[self.operator].text} {values or 'nothing'}"

    def to_keywords(self) -> dict[str, Any]:
        if self.operator == "$all" and self.path != "tags":
            return {}
        return self._keyword(list(self.value), _LIST_OPERATORS[self.operator].prefix)

    def values(self, path: str) -> tuple[str, ...] | None:
        return _texts(self.value) if path == self.path and self.operator == "$in" else None


class _Present(FieldFilter):
    """The field, a list, has an element (or has none); the path is that of its first element."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.path.removesuffix(".0"),)

    @property
    def label(self) -> str:
        return f"has {'' if self.value else 'no '}{noun(self.field)}"

    def to_keywords(self) -> dict[str, Any]:
        return {f"has_{self.field}": self.value}


@dataclass(frozen=True, eq=False, repr=False)
class _Matches(FieldFilter):
    """The text has a part that a regular expression matches; the operator is ``$regex``."""

    options: str | None = None

    @property
    def condition(self) -> Document:
        tail = {} if self.options is None else {"$options": self.options}
        return {self.path: {"$regex": self.value, **tail}}

    @property
    def label(self) -> str:
        return f"{noun(self.path)} matches {printable(self.value)}"


class _Between(FieldFilter):
    """The number lies between the two of a pair, or is one of them."""

    @property
    def condition(self) -> Document:
        low, high = self.value
        return {self.path: {"$gte": low, "$lte": high}}

    @property
    def label(self) -> str:
        return f"{noun(self.path)} is {' to '.join(map(self._text_of, self.value))}"

    def to_keywords(self) -> dict[str, Any]:
        return self._keyword("..".join(map(literal, self.value)))


# Conditions on several fields -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Compare(Filter):
    """One field of the work against another one of the same work."""

    left: str
    operator: str
    right: str

    @property
    def condition(self) -> Document:
        """``{"$expr": {"$gte": ["$attempt", "$retries"]}}``."""
        return {"$expr": {self.operator: [f"${self.left}", f"${self.right}"]}}

    @property
    def label(self) -> str:
        """``"attempt >= retries"``."""
        return f"{noun(self.left)} {SIGNS[self.operator]} {noun(self.right)}"

    def to_keywords(self) -> dict[str, Any]:
        """``attempt=">=retries"``."""
        left, right = word_of(self.left), word_of(self.right)
        return {left: f"{SIGNS[self.operator]}{right}"} if left and right else {}


@dataclass(frozen=True, eq=False, repr=False)
class Named(Filter):
    """A question with a name of its own.

    Attributes
    ----------
    word
        Its keyword, which is True or False.
    text
        The condition in words.
    document
        What it asks.
    """

    word: str
    text: str
    document: Document

    @property
    def condition(self) -> Document:
        """A copy of the document."""
        return deepcopy(self.document)

    @property
    def label(self) -> str:
        """``"exhausted: failed with no attempts left"``."""
        return self.text

    def to_keywords(self) -> dict[str, Any]:
        """``exhausted=True``."""
        return {self.word: True}

    def values(self, path: str) -> tuple[str, ...] | None:
        """``("failure",)`` for the status of ``exhausted``."""
        return limited_to(path, (found for key, item in self.document.items() for found in _of_entry(key, item)))


NAMED = (
    Named(  # a work without a start is not overdue: null less anything is null, and null is below every number
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


@dataclass(frozen=True, eq=False, repr=False)
class Group(Filter):
    """Several queries under one operator.

    Attributes
    ----------
    operator
        ``"$or"`` (at least one holds), ``"$nor"`` (none holds) or ``"$and"`` (all hold).
    branches
        The filters of each query.
    """

    operator: str
    branches: tuple[tuple[Filter, ...], ...]

    _TEXTS: ClassVar = {"$or": ("either ", " or "), "$nor": ("not ", " nor "), "$and": ("", " and ")}

    @property
    def condition(self) -> Document:
        """``{"$or": [{"site": "kko"}, {"user": "me"}]}``."""
        return {self.operator: [join({}, (found.condition for found in branch)) for branch in self.branches]}

    @property
    def fields(self) -> tuple[str, ...]:
        """Every path in any branch."""
        return tuple(dict.fromkeys(path for branch in self.branches for found in branch for path in found.fields))

    @property
    def label(self) -> str:
        """``"either (site is kko) or (user is me)"``."""
        before, between = self._TEXTS[self.operator]
        branches = (" and ".join(found.label for found in branch) or "any work" for branch in self.branches)
        return before + between.join(f"({branch})" for branch in branches)

    def values(self, path: str) -> tuple[str, ...] | None:
        """``("kko", "gbo")`` for ``{"$or": [{"site": "kko"}, {"site": "gbo"}]}``."""
        if self.operator == "$and":
            return limited_to(path, (found for branch in self.branches for found in branch))
        limits = [limited_to(path, branch) for branch in self.branches]
        if self.operator == "$nor" or None in limits:
            return None
        return tuple(dict.fromkeys(value for limit in limits for value in limit or ()))


@dataclass(frozen=True, eq=False, repr=False)
class Raw(Filter):
    """A part of a query document that no other filter draws, kept as it was given."""

    document: Document

    @property
    def condition(self) -> Document:
        """The part itself."""
        return dict(self.document)

    @property
    def label(self) -> str:
        """Its source."""
        return truncate(literal(self.document), most=120)


def limited_to(path: str, filters: Iterable[Filter]) -> tuple[str, ...] | None:
    """Return the texts that a field must equal where all filters hold, or None if they leave it open.

    Parameters
    ----------
    path
        A field that holds one text.
    """
    limits = [limit for found in filters if (limit := found.values(path)) is not None]
    return reduce(lambda one, other: tuple(value for value in one if value in other), limits) if limits else None


def _texts(values: Iterable[Any]) -> tuple[str, ...] | None:
    unique = tuple(dict.fromkeys(value if isinstance(value, str) else None for value in values))
    return None if None in unique else unique  # type: ignore[return-value]  # all are text


# From a document ------------------------------------------------------------------------------------------------------

_FIELD_NAME = re.compile(r"\$[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)


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
    named = []
    for one in NAMED:
        if all(key in rest and same(rest[key], wanted) for key, wanted in one.document.items()):
            named.append(one)
            for key in one.document:
                del rest[key]
    return (*named, *(found for key, condition in rest.items() for found in _of_entry(key, condition)))


def _of_entry(key: str, condition: Any) -> list[Filter]:
    """Return the filters of one entry, each separable operator its own."""
    found = list(_filters_in(key, condition))
    entry = {key: condition}
    together = join({}, (one.condition for one in found))
    return found if canonical(together) == canonical(entry) else [Raw(entry)]


def _filters_in(key: str, condition: Any) -> Iterator[Filter]:
    if key == "$expr":
        yield from _compared(condition)
    elif key in Group._TEXTS:
        if is_branches(condition):
            yield Group(key, tuple(filters_of(branch) for branch in condition))
    elif not key.startswith("$"):
        yield from _on_field(key, condition)


def _compared(expression: Any) -> Iterator[Filter]:
    if not isinstance(expression, dict) or len(expression) != 1:
        return
    ((operator, sides),) = expression.items()
    if operator not in SIGNS or not isinstance(sides, list) or len(sides) != 2:
        return
    if all(isinstance(side, str) and _FIELD_NAME.fullmatch(side) for side in sides):
        yield Compare(sides[0][1:], operator, sides[1][1:])


def _on_field(path: str, condition: Any) -> Iterator[Filter]:
    if not is_operators(condition):
        if not _is_mixed(condition):
            yield _Equals(path, "", condition)
    elif set(condition) == {"$regex", "$options"}:
        if all(isinstance(item, str) for item in condition.values()):
            yield _Matches(path, "$regex", condition["$regex"], condition["$options"])
    elif set(condition) <= SEPARABLE:
        yield from _separate(path, dict(condition))


def _is_mixed(condition: Any) -> bool:
    """Say whether operators and values stand side by side, which is for the service to judge."""
    return isinstance(condition, dict) and not is_ago(condition) and any(key.startswith("$") for key in condition)


def _separate(path: str, condition: Document) -> Iterator[Filter]:
    field = FIELDS.get(path)
    if field is not None and field.kind is Kind.INTEGER and {"$gte", "$lte"} <= set(condition):
        yield _Between(path, "", (condition.pop("$gte"), condition.pop("$lte")))
    for operator, operand in condition.items():
        yield _class_for(path, operator, operand)(path, operator, operand)


def _class_for(path: str, operator: str, operand: Any) -> type[FieldFilter]:
    if operator in OPERATORS:
        return _Comparison
    if operator in _LIST_OPERATORS and isinstance(operand, list):
        return _Members
    if operator == "$regex" and isinstance(operand, str):
        return _Matches
    if operator == "$exists" and isinstance(operand, bool) and path.endswith(".0") and path[:-2] in LISTS:
        return _Present
    return FieldFilter
