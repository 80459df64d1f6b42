"""Filters: values that stand for one condition each, which a form can draw and turn back into a query.

A filter knows its field, how to say itself to people, its part of the query document, and the keywords of
:class:`~bucketsnb.query.document.Query` that make it. Those that compare by size or time are in
:mod:`bucketsnb.query.comparisons`, those over several fields in :mod:`bucketsnb.query.phrases`;
:mod:`bucketsnb.query.reading` finds the filters in a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bucketsnb.display.texts import join_truncated, printable
from bucketsnb.query.times import AGO, instant_text, is_ago, moment_text, resolved
from bucketsnb.query.values import canonical, literal
from bucketsnb.schema import FIELDS, PARENT_PATH, TIME_FIELDS, Field, Kind

__all__ = [
    "EVENTS",
    "NEGATED",
    "AllOf",
    "AnyOf",
    "Equals",
    "FieldFilter",
    "Filter",
    "Matches",
    "NoneOf",
    "NotEquals",
    "OneValue",
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
            return instant_text(value)
        return "null" if value is None else printable(value) if isinstance(value, str) else literal(value)

    def _keyword(self, value: Any, prefix: str = "") -> dict[str, Any]:
        word = word_of(self.path)
        return {} if word is None or (prefix == "not_" and word not in NEGATED) else {prefix + word: value}


@dataclass(frozen=True, eq=False, repr=False)
class OneValue(FieldFilter):
    """One operator against one value."""

    value: Any
    operator: ClassVar[str] = ""
    sign: ClassVar[str] = ""
    words: ClassVar[str] = ""

    @property
    def condition(self) -> Document:
        """The path, with the operator and the value."""
        return {self.path: {self.operator: self.value}}

    @property
    def label(self) -> str:
        """What people call the path, and the condition in words."""
        return f"{noun(self.path)} {self.words} {self.shown(self.value)}"

    def _as_text(self) -> dict[str, Any]:
        """Return the keyword with a comparison written as text, such as ``priority=">=4"``."""
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not self.sign or not (number or is_ago(self.value)):
            return {}
        return self._keyword(f"{self.sign}{moment_text(self.value) if self.path in TIME_FIELDS else self.value}")


class Equals(OneValue):
    """The field has this value (or, if it is a list, holds it)."""

    words = "is"

    @property
    def condition(self) -> Document:
        """``{"status": "failure"}``."""
        return {self.path: self.value}

    @property
    def label(self) -> str:
        """``"status is failure"``; ``"has no parent"`` for a null."""
        return f"has no {noun(self.path)}" if self.value is None else super().label

    def to_keywords(self) -> dict[str, Any]:
        """``status="failure"``; ``has_parent=False`` for a null."""
        if self.value is None:
            return self._keyword(False, "has_")
        if isinstance(self.value, dict | list):
            return {}
        return self._keyword(moment_text(self.value) if self.path in TIME_FIELDS else self.value)


class NotEquals(OneValue):
    """The field has another value, or none."""

    operator, sign, words = "$ne", "!=", "is not"

    @property
    def label(self) -> str:
        """``"event is not 9385707"``; ``"has parent"`` for a null."""
        return f"has {noun(self.path)}" if self.value is None else super().label

    def to_keywords(self) -> dict[str, Any]:
        """``not_event=9385707``; ``has_parent=True`` for a null; ``priority="!=1"``."""
        if self.value is None:
            return self._keyword(True, "has_")
        return self._keyword(self.value, "not_") or self._as_text()


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
        values = join_truncated([self.shown(value) for value in self.values])
        return f"{noun(self.path)} {self.words} {values or 'nothing'}"


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
