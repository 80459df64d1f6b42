"""A query as a form holds it: what stands in each field, and the conditions that no field can draw, kept as they are.

A draft may be wrong (``priority`` of ``"9"``); a :class:`bucketsnb.query.Query` cannot. Query to draft and back is
lossless: a condition goes into a field only if that field, read again, gives the very same condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bucketsnb.display.texts import truncate
from bucketsnb.errors import QueryError
from bucketsnb.query import Query
from bucketsnb.query.filters import Filter
from bucketsnb.schema import STATUSES
from bucketsnb.widgets.parts.form import Field

__all__ = ["FIELDS", "Draft"]

Value = tuple[str, ...] | str | bool

FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        field.name: field
        for field in (
            Field("pipeline", "Pipeline", "tokens", (), "any"),
            Field("status", "Status", "toggles", (), choices=STATUSES),
            Field("event", "Event", "tokens", (), "any, such as 9385707"),
            Field("tags", "Tags, any of", "tokens", (), "any"),
            Field("all_tags", "Tags, all of", "tokens", (), "any"),
            Field("site", "Site", "tokens", (), "any"),
            Field("user", "User", "tokens", (), "any"),
            Field("priority", "Priority", hint="1 to 5, >=4 or 1..3"),
            Field("older_than", "Older than", hint="7d, 36h or 1d12h"),
            Field("newer_than", "Newer than", hint="2h"),
            Field("since", "Created from", hint="2026-11-20 or 7d ago"),
            Field("until", "Created before", hint="2026-11-21T18:30Z or 2d ago"),
            Field("parent", "Parent", "tokens", (), "id of the parent run"),
            Field("id", "Id", "tokens", (), "24 hexadecimal digits"),
            Field("overdue", "Past its timeout", "flag", value=False),
            Field("exhausted", "No attempts left", "flag", value=False),
        )
    }
)
"""The fields of the form by the query's keyword, in their order on the page."""

_WHOLE = ("event", "priority")
"""Fields whose texts may be whole numbers."""


class _Listed(tuple[str, ...]):
    """A text that was asked for as a list of one, which is another document than the text alone."""

    __slots__ = ()


@dataclass(frozen=True)
class Draft:
    """The content of a form.

    Examples
    --------
    >>> draft = Draft.of(Query(status="failure", priority=">=4", results={"$ne": None}))
    >>> draft.values["priority"], [other.label for other in draft.others]
    ('>=4', ['has results'])
    >>> draft.query() == Query(status="failure", priority=">=4", results={"$ne": None})
    True
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    """Texts or flags by keyword; a missing field has no condition."""
    others: tuple[Filter, ...] = ()
    """Conditions that no field can show."""

    @classmethod
    def of(cls, query: Query) -> Draft:
        """Return the draft of a query."""
        values: dict[str, Value] = {}
        others: list[Filter] = []
        for found in query.filters:
            word, value = _field_for(found, values)
            if value is None:
                others.append(found)
            else:
                values[word] = value
        draft = cls(values, tuple(others))
        return draft if draft.query() == query else cls({}, query.filters)

    def edit(self, word: str, value: Value) -> Draft:
        """Return the draft with another value in one field."""
        values = {name: old for name, old in self.values.items() if name != word}
        if value != FIELDS[word].value:
            values[word] = value
        return replace(self, values=values)

    def without(self, place: int) -> Draft:
        """Return the draft without one of the other conditions."""
        return replace(self, others=self.others[:place] + self.others[place + 1 :])

    def query(self) -> Query | None:
        """Return the query of the draft, or None if a field is wrong or two contradict each other."""
        words = {word: _keyword(word, self.values[word]) for word in FIELDS if word in self.values}
        try:
            return Query.of(self.others) & Query(**words)
        except QueryError:
            return None

    def problems(self) -> dict[str, str]:
        """Return what is wrong, in words of the page, by the keyword of the field."""
        if self.query() is not None:
            return {}
        wrong = {word: value for word, value in self.values.items() if Draft({word: value}).query() is None}
        found = {word: _problem(word, value) for word, value in wrong.items()}
        return found or {"": "The times leave nothing between them: change one of them."}


def _keyword(word: str, value: Value) -> Any:
    """Return the value for the query's keyword."""
    if isinstance(value, bool):
        return value
    parts = [_typed(word, part) for part in (value if isinstance(value, tuple) else [value])]
    return parts[0] if len(parts) == 1 and not isinstance(value, _Listed) else parts


def _typed(word: str, part: str) -> str | int:
    return int(part) if word in _WHOLE and part.isascii() and part.removeprefix("-").isdecimal() else part


def _problem(word: str, value: Value) -> str:
    """Return why the typed text does not fit, and what does."""
    typed = truncate(", ".join(value) if isinstance(value, tuple) else value, 60)
    example = FIELDS[word].hint.replace("any, such", "a number such").removeprefix("any") or "another text"
    return f"“{typed}” does not fit; type {example}."


def _field_for(found: Filter, taken: Iterable[str]) -> tuple[str, Value | None]:
    """Return the field that shows a condition, and its value there; None if no field does."""
    for word, keyword in found.keywords.items():
        value = _drawn(word, keyword) if word in FIELDS and word not in taken else None
        if value is not None and Draft({word: value}).query() == Query.of([found]):
            return word, value
    return "", None


def _drawn(word: str, keyword: Any) -> Value | None:
    """Return what the field would show for the value of a keyword, which may be read as another value again."""
    kind = FIELDS[word].kind
    if kind == "flag":
        return True if keyword is True else None
    if kind == "text":
        return str(keyword)
    if isinstance(keyword, list):
        return (_Listed if len(keyword) == 1 else tuple)(map(str, keyword))
    return (str(keyword),)
