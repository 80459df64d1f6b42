"""Filters that compare a field by size or time: more, less, between, since, before, and ages that count from now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bucketsnb.query.filters import EVENTS, Document, FieldFilter, OneValue, noun
from bucketsnb.query.times import AGO, moment_text
from bucketsnb.query.values import literal

__all__ = ["AtLeast", "AtMost", "Between", "LessThan", "MoreThan", "NewerThan", "OlderThan"]


def _time_word(path: str, word: str) -> str:
    """Return the keyword for one end of a period, such as ``"until"`` or ``"started_until"``."""
    return word if path == "creation" else f"{EVENTS[path]}_{word}"


class _Comparison(OneValue):
    """A comparison that is written as text, such as ``">4"``."""

    preposition: ClassVar[str] = ""

    @property
    def label(self) -> str:
        if self.path not in EVENTS:
            return super().label
        return f"{EVENTS[self.path]} {self.preposition} {self.shown(self.value)}"

    def to_keywords(self) -> dict[str, Any]:
        return self._as_text()


class MoreThan(_Comparison):
    """The value is larger, or later."""

    operator, sign, words = "$gt", ">", "is more than"
    preposition = "after"


class AtMost(_Comparison):
    """The value is this or smaller, or not later."""

    operator, sign, words = "$lte", "<=", "is at most"
    preposition = "at or before"


class _End(_Comparison):
    """One end of a period, where the field is a time: it has a keyword of its own."""

    keyword: ClassVar[str] = ""

    def to_keywords(self) -> dict[str, Any]:
        if self.path not in EVENTS:
            return super().to_keywords()
        return {_time_word(self.path, self.keyword): moment_text(self.value)}


class AtLeast(_End):
    """The value is this or larger; of a time: since then (``since="2026-11-20"``)."""

    operator, sign, words = "$gte", ">=", "is at least"
    keyword, preposition = "since", "since"


class LessThan(_End):
    """The value is smaller; of a time: before then (``until="2026-11-20"``)."""

    operator, sign, words = "$lt", "<", "is less than"
    keyword, preposition = "until", "before"


@dataclass(frozen=True, eq=False, repr=False)
class _Aged(FieldFilter):
    """A time against a moment that stays open until the query is sent."""

    age: str
    operator: ClassVar[str] = ""
    words: ClassVar[str] = ""
    relative: ClassVar[str] = ""
    absolute: ClassVar[str] = ""

    @property
    def condition(self) -> Document:
        return {self.path: {self.operator: {AGO: self.age}}}

    @property
    def label(self) -> str:
        return f"{EVENTS[self.path]} {self.words} {self.age} ago"

    def to_keywords(self) -> dict[str, Any]:
        if self.path == "creation":
            return {self.relative: self.age}
        return {_time_word(self.path, self.absolute): f"{self.age} ago"}


class OlderThan(_Aged):
    """The time lies further back than a span (``older_than="7d"``); `age` is text such as ``"7d"``."""

    operator, words, relative, absolute = "$lt", "more than", "older_than", "until"


class NewerThan(_Aged):
    """The time lies no further back than a span (``newer_than="36h"``); `age` is text such as ``"36h"``."""

    operator, words, relative, absolute = "$gte", "at most", "newer_than", "since"


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
