"""Filters: values that stand for one condition each, which a form can draw and turn back into a query.

A filter knows its field, how to say itself to people, its part of the query document, and the keywords of
:class:`~bucketsnb.query.document.Query` that make it. Conditions over several fields are in
:mod:`bucketsnb.query.phrases`; :mod:`bucketsnb.query.reading` finds the filters in a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bucketsnb.formatting import elide, printable, when
from bucketsnb.query.times import AGO, is_ago, moment_text, resolved
from bucketsnb.query.values import canonical, literal
from bucketsnb.schema import FIELDS, PARENT_PATH, TIME_FIELDS, Field, Kind

__all__ = [
    "EVENTS",
    "NEGATED",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "AtMost",
    "Between",
    "Equals",
    "FieldFilter",
    "Filter",
    "LessThan",
    "Matches",
    "MoreThan",
    "NewerThan",
    "NoneOf",
    "NotEquals",
    "OlderThan",
    "Operator",
    "Present",
    "noun",
    "schema_field",
    "word_of",
]

Document = dict[str, Any]

EVENTS = {"creation": "created", "start": "started", "stop": "stopped"}
"""What happened at each time of a work."""

NEGATED = frozenset({"pipeline", "status", "event", "tags", "site", "user", "parent", "id", "function"})
"""Words that have a ``not_`` form."""


def word_of(path: str) -> str | None:
    """Return the keyword for a path of a record, or None if there is none.

    Examples
    --------
    >>> word_of("site"), word_of("config.parent"), word_of("results.snr")
    ('site', 'parent', None)
    """
    return "parent" if path == PARENT_PATH else path if path in FIELDS else None


def schema_field(path: str) -> Field | None:
    """Return the field of the schema that a path names whole, ``config.parent`` among them."""
    return Field("parent", Kind.TEXT, "id of the parent run") if path == PARENT_PATH else FIELDS.get(path)


def noun(path: str) -> str:
    """Return what people call a path of a record."""
    return printable(word_of(path) or path)


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
        raise NotImplementedError

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

    def to_document(self, now: float) -> Document:
        """Return its part of the query document as the service reads it.

        Parameters
        ----------
        now
            Epoch seconds that open moments are counted from.
        """
        made: Document = resolved(self.condition, now)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and canonical(self.condition) == canonical(other.condition)

    def __hash__(self) -> int:
        return hash(canonical(self.condition))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.label}>"


@dataclass(frozen=True, eq=False, repr=False)
class FieldFilter(Filter):
    """A condition on one path of the record.

    Attributes
    ----------
    path
        Such as ``"status"`` or ``"config.parent"``.
    """

    path: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The path alone."""
        return (self.path,)

    def shown(self, value: Any) -> str:
        """Return a value of this field as people read it."""
        if is_ago(value):
            return f"{value[AGO]} ago"
        if self.path in TIME_FIELDS and isinstance(value, int | float):
            return when(value)
        return "null" if value is None else printable(value) if isinstance(value, str) else literal(value)

    def _keyword(self, value: Any, prefix: str = "") -> dict[str, Any]:
        word = word_of(self.path)
        return {} if word is None or (prefix == "not_" and word not in NEGATED) else {prefix + word: value}


@dataclass(frozen=True, eq=False, repr=False)
class _OneValue(FieldFilter):
    """One operator against one value."""

    value: Any
    operator: ClassVar[str] = ""
    sign: ClassVar[str] = ""
    words: ClassVar[str] = ""

    @property
    def condition(self) -> Document:
        return {self.path: {self.operator: self.value}}

    @property
    def label(self) -> str:
        return f"{noun(self.path)} {self.words} {self.shown(self.value)}"


class Equals(_OneValue):
    """The field has this value (or, if it is a list, holds it)."""

    words = "is"

    @property
    def condition(self) -> Document:
        """``{"status": "failure"}``."""
        return {self.path: self.value}

    def to_keywords(self) -> dict[str, Any]:
        """``status="failure"``; ``has_parent=False`` for a null."""
        if self.value is None:
            return self._keyword(False, "has_")
        if isinstance(self.value, dict | list):
            return {}
        return self._keyword(moment_text(self.value) if self.path in TIME_FIELDS else self.value)


class NotEquals(_OneValue):
    """The field has another value, or none."""

    operator = "$ne"
    words = "is not"

    def to_keywords(self) -> dict[str, Any]:
        """``not_event=9385707``; ``has_parent=True`` for a null."""
        return self._keyword(True, "has_") if self.value is None else self._keyword(self.value, "not_")


class _Comparison(_OneValue):
    def to_keywords(self) -> dict[str, Any]:
        """``priority=">=4"``."""
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not number and not is_ago(self.value):
            return {}
        return self._keyword(f"{self.sign}{moment_text(self.value) if self.path in TIME_FIELDS else self.value}")


class MoreThan(_Comparison):
    """The value is larger, or later."""

    operator, sign, words = "$gt", ">", "is more than"


class AtMost(_Comparison):
    """The value is this or smaller, or not later."""

    operator, sign, words = "$lte", "<=", "is at most"


class AtLeast(_Comparison):
    """The value is this or larger; of a time: since then."""

    operator, sign, words = "$gte", ">=", "is at least"

    @property
    def label(self) -> str:
        """``"created since 2026-11-20 00:00 UTC"``."""
        return f"{EVENTS[self.path]} since {self.shown(self.value)}" if self.path in EVENTS else super().label

    def to_keywords(self) -> dict[str, Any]:
        """``since="2026-11-20"``."""
        return (
            {_time_word(self.path, "since"): moment_text(self.value)} if self.path in EVENTS else super().to_keywords()
        )


class LessThan(_Comparison):
    """The value is smaller; of a time: before then."""

    operator, sign, words = "$lt", "<", "is less than"

    @property
    def label(self) -> str:
        """``"created before 2026-11-20 00:00 UTC"``."""
        return f"{EVENTS[self.path]} before {self.shown(self.value)}" if self.path in EVENTS else super().label

    def to_keywords(self) -> dict[str, Any]:
        """``until="2026-11-20"``."""
        return (
            {_time_word(self.path, "until"): moment_text(self.value)} if self.path in EVENTS else super().to_keywords()
        )


def _time_word(path: str, word: str) -> str:
    return word if path == "creation" else f"{EVENTS[path]}_{word}"


@dataclass(frozen=True, eq=False, repr=False)
class _Aged(FieldFilter):
    """A time against a moment that stays open until the query is sent."""

    age: str
    operator: ClassVar[str] = ""
    words: ClassVar[str] = ""
    keyword: ClassVar[tuple[str, str]] = ("", "")

    @property
    def condition(self) -> Document:
        return {self.path: {self.operator: {AGO: self.age}}}

    @property
    def label(self) -> str:
        return f"{EVENTS[self.path]} {self.words} {self.age} ago"

    def to_keywords(self) -> dict[str, Any]:
        """``older_than="7d"``; ``started_until="7d ago"`` for the other times."""
        relative, absolute = self.keyword
        return {relative: self.age} if self.path == "creation" else {_time_word(self.path, absolute): f"{self.age} ago"}


class OlderThan(_Aged):
    """The time lies further back than a span; `age` is text such as ``"7d"``."""

    operator, words, keyword = "$lt", "more than", ("older_than", "until")


class NewerThan(_Aged):
    """The time lies no further back than a span; `age` is text such as ``"36h"``."""

    operator, words, keyword = "$gte", "at most", ("newer_than", "since")


@dataclass(frozen=True, eq=False, repr=False)
class _Values(FieldFilter):
    """One operator against several values."""

    values: tuple[Any, ...]
    operator: ClassVar[str] = ""
    words: ClassVar[str] = ""
    joint: ClassVar[str] = ", "

    @property
    def condition(self) -> Document:
        return {self.path: {self.operator: list(self.values)}}

    @property
    def label(self) -> str:
        return f"{noun(self.path)} {self.words} {elide([self.shown(value) for value in self.values]) or 'nothing'}"


class AnyOf(_Values):
    """The field has, or holds, one of these values."""

    operator, words = "$in", "is any of"

    def to_keywords(self) -> dict[str, Any]:
        """``event=[1, 2]``."""
        return self._keyword(list(self.values))


class NoneOf(_Values):
    """The field has, and holds, none of these values."""

    operator, words = "$nin", "is none of"

    def to_keywords(self) -> dict[str, Any]:
        """``not_site=["kko", "gbo"]``."""
        return self._keyword(list(self.values), "not_")


class AllOf(_Values):
    """The field holds every one of these values."""

    operator, words = "$all", "has all of"

    def to_keywords(self) -> dict[str, Any]:
        """``all_tags=["basecat", "beamformed"]``."""
        return {"all_tags": list(self.values)} if self.path == "tags" else {}


@dataclass(frozen=True, eq=False, repr=False)
class Between(FieldFilter):
    """The value lies between two others, or is one of them."""

    low: Any
    high: Any

    @property
    def condition(self) -> Document:
        """``{"priority": {"$gte": 1, "$lte": 3}}``."""
        return {self.path: {"$gte": self.low, "$lte": self.high}}

    @property
    def label(self) -> str:
        """``"priority is 1 to 3"``."""
        return f"{noun(self.path)} is {self.shown(self.low)} to {self.shown(self.high)}"

    def to_keywords(self) -> dict[str, Any]:
        """``priority="1..3"``."""
        return self._keyword(f"{literal(self.low)}..{literal(self.high)}")


@dataclass(frozen=True, eq=False, repr=False)
class Present(FieldFilter):
    """The field, a list, has an element (or has none)."""

    present: bool

    @property
    def condition(self) -> Document:
        """``{"event.0": {"$exists": True}}``."""
        return {f"{self.path}.0": {"$exists": self.present}}

    @property
    def label(self) -> str:
        """``"has event"``."""
        return f"has {'' if self.present else 'no '}{noun(self.path)}"

    def to_keywords(self) -> dict[str, Any]:
        """``has_event=True``."""
        return self._keyword(self.present, "has_")


@dataclass(frozen=True, eq=False, repr=False)
class Matches(FieldFilter):
    """The text has a part that a regular expression matches."""

    pattern: str
    options: str | None = None

    @property
    def condition(self) -> Document:
        """``{"pipeline": {"$regex": "^baseband-"}}``."""
        tail = {} if self.options is None else {"$options": self.options}
        return {self.path: {"$regex": self.pattern, **tail}}

    @property
    def label(self) -> str:
        """``"pipeline matches ^baseband-"``."""
        return f"{noun(self.path)} matches {printable(self.pattern)}"

    def to_keywords(self) -> dict[str, Any]:
        """``pipeline={"$regex": "^baseband-"}``."""
        return self._keyword(self.condition[self.path])


@dataclass(frozen=True, eq=False, repr=False)
class Operator(FieldFilter):
    """One operator that has no filter of its own, with its operand as it is."""

    operator: str
    operand: Any

    @property
    def condition(self) -> Document:
        """``{"event": {"$size": 2}}``."""
        return {self.path: {self.operator: self.operand}}

    @property
    def label(self) -> str:
        """``"event $size 2"``."""
        return f"{noun(self.path)} {self.operator} {literal(self.operand)}"

    def to_keywords(self) -> dict[str, Any]:
        """``event={"$size": 2}``."""
        return self._keyword(self.condition[self.path])
