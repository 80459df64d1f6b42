"""A query as a form holds it: what stands in each field, and the conditions that no field can draw, kept as they are.

A draft may be wrong (``priority`` of ``"9"``); a :class:`bucketsnb.query.Query` cannot. Query to draft and back is
lossless: a condition goes into a field only if that field, read again, gives the very same condition.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bucketsnb.display.texts import truncate
from bucketsnb.errors import QueryError
from bucketsnb.query import Query
from bucketsnb.query.filters import Filter
from bucketsnb.schema import STATUSES

__all__ = ["FIELDS", "Draft", "DraftField"]

Value = tuple[str, ...] | str | bool


class _Listed(tuple[str, ...]):
    """A single text that was asked for as a list, which is another document than the text alone."""

    __slots__ = ()


@dataclass(frozen=True)
class DraftField:
    """One field of the form.

    Parameters
    ----------
    word
        The query's keyword.
    label
        What people read.
    kind
        ``tokens`` (several texts), ``toggles`` (some of a few words), ``text`` or ``flag``.
    hint
        An example of what can be typed.
    whole
        Whether its texts may be whole numbers.
    choices
        The words of toggles.
    """

    word: str
    label: str
    kind: str
    hint: str = ""
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def nothing(self) -> Value:
        """What stands in it when it asks nothing."""
        return {"tokens": (), "toggles": (), "text": "", "flag": False}[self.kind]  # type: ignore[return-value]

    def keyword(self, value: Value) -> Any:
        """Return the value for the query's keyword."""
        if isinstance(value, bool):
            return value
        parts = [self._number(part) for part in (value if isinstance(value, tuple) else [value])]
        return parts[0] if len(parts) == 1 and not isinstance(value, _Listed) else parts

    @property
    def example(self) -> str:
        """What can be typed, for the message about a value that does not fit."""
        return self.hint.replace("any, such", "a number such").removeprefix("any") or "another text"

    def _number(self, part: str) -> str | int:
        return int(part) if self.whole and part.isascii() and part.removeprefix("-").isdecimal() else part

    def drawn(self, keyword: Any) -> Value | None:
        """Return what stands in the field for a keyword's value, or None if it cannot be drawn here."""
        if self.kind == "flag":
            return True if keyword is True else None
        if self.kind == "text":
            return str(keyword) if isinstance(keyword, str | int) and not isinstance(keyword, bool) else None
        parts = keyword if isinstance(keyword, list) else [keyword]
        fits = all(isinstance(part, int if self.whole else str) and not isinstance(part, bool) for part in parts)
        drawn = _Listed if isinstance(keyword, list) and len(parts) == 1 else tuple
        return drawn(map(str, parts)) if fits else None


FIELDS: Mapping[str, DraftField] = MappingProxyType(
    {
        one.word: one
        for one in (
            DraftField("pipeline", "Pipeline", "tokens", "any"),
            DraftField("status", "Status", "toggles", choices=STATUSES),
            DraftField("event", "Event", "tokens", "any, such as 9385707", whole=True),
            DraftField("tags", "Tags, any of", "tokens", "any"),
            DraftField("all_tags", "Tags, all of", "tokens", "any"),
            DraftField("site", "Site", "tokens", "any"),
            DraftField("user", "User", "tokens", "any"),
            DraftField("priority", "Priority", "text", "1 to 5, >=4 or 1..3", whole=True),
            DraftField("older_than", "Older than", "text", "7d, 36h or 1d12h"),
            DraftField("newer_than", "Newer than", "text", "2h"),
            DraftField("since", "Created from", "text", "2026-11-20 or 7d ago"),
            DraftField("until", "Created before", "text", "2026-11-21T18:30Z or 2d ago"),
            DraftField("parent", "Parent", "tokens", "id of the parent run"),
            DraftField("id", "Id", "tokens", "24 hexadecimal digits"),
            DraftField("overdue", "Past its timeout", "flag"),
            DraftField("exhausted", "No attempts left", "flag"),
        )
    }
)
"""The fields of the form by keyword, in their order on the page."""


@dataclass(frozen=True)
class Draft:
    """What stands in a form.

    Parameters
    ----------
    values
        By keyword; a field that is not named asks nothing.
    others
        Conditions that no field draws.

    Examples
    --------
    >>> draft = Draft.of(Query(status="failure", priority=">=4", results={"$ne": None}))
    >>> draft.values["priority"], [other.label for other in draft.others]
    ('>=4', ['has results'])
    >>> draft.query() == Query(status="failure", priority=">=4", results={"$ne": None})
    True
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    others: tuple[Filter, ...] = ()

    @classmethod
    def of(cls, query: Query) -> Draft:
        """Lay a query out in the form's fields."""
        values: dict[str, Value] = {}
        others: list[Filter] = []
        for found in query.filters:
            word, value = _field_for(found, values)
            if value is None:
                others.append(found)
            else:
                values[word] = value
        draft = cls(values, tuple(others))
        return draft if _says(draft, query) else cls({}, query.filters)

    def edit(self, word: str, value: Value) -> Draft:
        """Return the draft with another value in one field."""
        values = {name: old for name, old in self.values.items() if name != word}
        if value != FIELDS[word].nothing:
            values[word] = value
        return replace(self, values=values)

    def without(self, place: int) -> Draft:
        """Return the draft without one of the other conditions."""
        return replace(self, others=self.others[:place] + self.others[place + 1 :])

    def query(self) -> Query:
        """Return the query that the draft asks for.

        Raises
        ------
        QueryError
            If a field holds what cannot be meant; :meth:`problems` has them by field.
        """
        asked = {word: FIELDS[word].keyword(self.values[word]) for word in FIELDS if word in self.values}
        return Query.of(self.others) & Query(**asked)

    def problems(self) -> dict[str, str]:
        """Return what is wrong, in words of the page, by the keyword of the field that it stands in."""
        found = {word: self._problem(word) for word in self.values if not self._can_mean(word)}
        if found or self._can_mean(*self.values):
            return found
        for one, other in itertools.combinations([word for word in FIELDS if word in self.values], 2):
            if not self._can_mean(one, other):
                return {other: f"no work can match both this and “{FIELDS[one].label}”."}
        return {"": "These filters cannot be asked for together."}

    def _problem(self, word: str) -> str:
        value = self.values[word]
        typed = truncate(", ".join(value) if isinstance(value, tuple) else value, 60)
        return f"“{typed}” does not fit; type {FIELDS[word].example}."

    def _can_mean(self, *words: str) -> bool:
        try:
            Query(**{word: FIELDS[word].keyword(self.values[word]) for word in words})
        except QueryError:
            return False
        return True


def _field_for(found: Filter, taken: Iterable[str]) -> tuple[str, Value | None]:
    """Return the field that draws a condition and what stands in it then; None if none does."""
    for word, keyword in found.keywords.items():
        if word not in FIELDS or word in taken:
            continue
        value = FIELDS[word].drawn(keyword)
        if value is not None and _reads_back(word, value, found):
            return word, value
    return "", None


def _reads_back(word: str, value: Value, found: Filter) -> bool:
    try:
        return Query(**{word: FIELDS[word].keyword(value)}) == Query.of([found])
    except QueryError:
        return False


def _says(draft: Draft, query: Query) -> bool:
    try:
        return draft.query() == query
    except QueryError:
        return False
