"""Filters over several fields: fields compared, questions with a name, groups of filters, documents kept raw."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from bucketsnb.display.texts import truncate
from bucketsnb.query.filters import Document, Filter, noun, word_of
from bucketsnb.query.merging import join
from bucketsnb.query.values import literal

__all__ = [
    "PHRASES",
    "SIGNS",
    "Compare",
    "Either",
    "Every",
    "Exhausted",
    "Group",
    "Neither",
    "Overdue",
    "Raw",
    "Retryable",
    "paths_in",
]

SIGNS = {"$eq": "==", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
"""How each comparison is written as text."""


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
    def fields(self) -> tuple[str, ...]:
        """Both paths."""
        return (self.left, self.right)

    @property
    def label(self) -> str:
        """``"attempt >= retries"``."""
        return f"{noun(self.left)} {SIGNS[self.operator]} {noun(self.right)}"

    def to_keywords(self) -> dict[str, Any]:
        """``attempt=">=retries"``."""
        left, right = word_of(self.left), word_of(self.right)
        return {left: f"{SIGNS[self.operator]}{right}"} if left and right else {}


class _Phrase(Filter):
    """A question that has a name of its own."""

    word: ClassVar[str]
    says: ClassVar[str]
    looks_at: ClassVar[tuple[str, ...]]
    asks: ClassVar[Document]

    @property
    def condition(self) -> Document:
        return deepcopy(self.asks)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.looks_at

    @property
    def label(self) -> str:
        return self.says

    def to_keywords(self) -> dict[str, Any]:
        return {self.word: True}


class Overdue(_Phrase):
    """The work has been running for longer than its own timeout.

    A work without a start is not overdue: null less anything is null, and null is below every number.
    """

    word, says = "overdue", "overdue: running past its own timeout"
    looks_at = ("status", "start", "timeout")
    asks: ClassVar[Document] = {
        "status": "running",
        "$expr": {"$gt": [{"$subtract": [{"$ago": "0s"}, "$start"]}, "$timeout"]},
    }


class Exhausted(_Phrase):
    """The work failed and has no attempts left."""

    word, says = "exhausted", "exhausted: failed with no attempts left"
    looks_at = ("status", "attempt", "retries")
    asks: ClassVar[Document] = {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}}


class Retryable(_Phrase):
    """The work failed and has attempts left, so the service's audit will queue it again."""

    word, says = "retryable", "retryable: failed with attempts left"
    looks_at = ("status", "attempt", "retries")
    asks: ClassVar[Document] = {"status": "failure", "$expr": {"$lt": ["$attempt", "$retries"]}}


PHRASES: tuple[type[_Phrase], ...] = (Overdue, Exhausted, Retryable)
"""Every question that has a name of its own."""


@dataclass(frozen=True, eq=False, repr=False)
class Group(Filter):
    """Several conditions under one word; each branch is the filters of one query.

    Attributes
    ----------
    branches
        The filters of each query in the group.
    """

    branches: tuple[tuple[Filter, ...], ...]
    operator: ClassVar[str] = ""
    words: ClassVar[str] = ""
    joint: ClassVar[str] = ""

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
        branches = f" {self.joint} ".join(f"({_conjunction(branch)})" for branch in self.branches)
        return f"{self.words} {branches}".lstrip()


def _conjunction(branch: Iterable[Filter]) -> str:
    return " and ".join(found.label for found in branch) or "any work"


class Either(Group):
    """At least one branch holds (``$or``)."""

    operator, words, joint = "$or", "either", "or"


class Neither(Group):
    """No branch holds (``$nor``)."""

    operator, words, joint = "$nor", "not", "nor"


class Every(Group):
    """All branches hold (``$and``): where one document cannot hold the conditions side by side."""

    operator, words, joint = "$and", "", "and"


@dataclass(frozen=True, eq=False, repr=False)
class Raw(Filter):
    """A part of a query document that no other filter draws, kept as it was given."""

    document: Document

    @property
    def condition(self) -> Document:
        """The part itself."""
        return dict(self.document)

    @property
    def fields(self) -> tuple[str, ...]:
        """Every path in it."""
        return tuple(dict.fromkeys(path for key, item in self.document.items() for path in paths_in(key, item)))

    @property
    def label(self) -> str:
        """Its source."""
        return truncate(literal(self.document), most=120)


def paths_in(key: str, condition: Any) -> list[str]:
    """List the paths of the record that one entry of a query document looks at.

    Examples
    --------
    >>> paths_in("$expr", {"$gt": ["$stop", "$start"]}), paths_in("$or", [{"site": "kko"}]), paths_in("user", "me")
    (['stop', 'start'], ['site'], ['user'])
    """
    if not key.startswith("$"):
        return [key]
    return _named(condition) if key == "$expr" else _asked(condition)


def _named(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part[1:]] if part.startswith("$") and not part.startswith("$$") and len(part) > 1 else []
    items = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [path for item in items for path in _named(item)]


def _asked(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [path for key, item in part.items() for path in paths_in(key, item)]
    return [path for item in part for path in _asked(item)] if isinstance(part, list) else []
