"""Keywords: the part of a query document that each asks for, or what is wrong with its value.

Each keyword has one builder, found in :data:`WORDS`. A value that says nothing or cannot be right (None, an empty list,
a misspelt status, an inverted range) is an error: a condition is never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, NoReturn

from bucketsnb.display.texts import close_matches, did_you_mean
from bucketsnb.errors import QueryError
from bucketsnb.query.documents import Document, is_operators, join, plain
from bucketsnb.query.filters import LISTS, NAMED, NEGATED, OPERATORS, SIGNS, TIME_WORDS, compare, time_keyword
from bucketsnb.query.times import ago, is_ago, moment, seconds_of
from bucketsnb.schema import (
    FIELDS,
    PARENT_PATH,
    STALE_DAYS,
    STATUSES,
    TIME_FIELDS,
    UNFINISHED,
    Kind,
    value_problems,
)

__all__ = ["WORDS", "document_of", "stale_document"]

Build = Callable[[str, Any], Document]

_NUMBER_WORDS = tuple(name for name, field in FIELDS.items() if field.kind is Kind.INTEGER)
_BOUNDED = ("priority", "attempt", "timeout")
_NULLABLE = {"id", "function", "parent"} | {
    name for name, field in FIELDS.items() if field.kind in {Kind.TIME, Kind.MAPPING}
}
"""Fields that may be null; lists have their own form, as an empty list counts as none."""

_OPERATORS = {sign: operator for operator, sign in SIGNS.items()}
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<)\s*(\S.*)", re.ASCII | re.DOTALL)
_RANGE = re.compile(r"(-?[0-9]+)\s*\.\.\s*(-?[0-9]+)", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

_SYNONYMS = {
    "state": "status",
    "events": "event",
    "tag": "tags",
    "ids": "id",
    "pipelines": "pipeline",
    "age": "older_than, newer_than",
    "created": "since, until",
    "after": "since",
    "before": "until",
    "started": "started_since, started_until",
    "stopped": "stopped_since, stopped_until",
    "finished": "stopped_since, stopped_until",
}
"""Keywords for words that people try, and that do not look like them."""


def document_of(words: Mapping[str, Any]) -> Document:
    """Return the query document that keywords ask for; what cannot be meant is an error that names it.

    Examples
    --------
    >>> document_of({"parent": "6b04a88b", "event": [1, 2], "priority": ">=4"})
    {'config.parent': '6b04a88b', 'event': {'$in': [1, 2]}, 'priority': {'$gte': 4}}
    """
    document = join({}, (_piece(word, value) for word, value in words.items()))
    for path in TIME_WORDS:
        if is_operators(document.get(path)):
            _check_range(path, document[path], words)
    return document


def stale_document(days: float = STALE_DAYS) -> Document:
    """Return the query document of queued and running works that were created more than some days ago.

    Examples
    --------
    >>> stale_document()
    {'status': {'$in': ['queued', 'running']}, 'creation': {'$lt': {'$ago': '7d'}}}
    """
    return {"status": {"$in": sorted(UNFINISHED)}, "creation": {"$lt": ago(timedelta(days=days), "days")}}


def _piece(word: str, value: Any) -> Document:
    if word not in WORDS:
        _unknown(word)
    if value is None:
        absent = f"; has_{word}=False asks for works without one" if f"has_{word}" in WORDS else ""
        raise QueryError(f"{word}=None says nothing; leave the keyword out to ask nothing of it{absent}")
    return WORDS[word](word, value)


def _unknown(word: str) -> NoReturn:
    suggestion = _SYNONYMS.get(word) or "".join(close_matches(word, WORDS, most=1))
    if word.removeprefix("not_") in WORDS:
        suggestion = f"{word.removeprefix('not_')}={{'$ne': ...}}"
    cure = f"did you mean {suggestion}?" if suggestion else f"the keywords are {', '.join(WORDS)}"
    raw = f"; for a path of your own, Query({{{word.replace('__', '.')!r}: ...}})" if "__" in word else ""
    raise QueryError(f"there is no keyword {word!r}; {cure}{raw}")


# One value, several, or operators -------------------------------------------------------------------------------------


def _path(word: str) -> str:
    return PARENT_PATH if word == "parent" else word


def _values(word: str, value: Any) -> list[Any] | None:
    """Return the elements if several were given; an empty list is an error."""
    if hasattr(value, "tolist") and hasattr(value, "__len__"):  # numpy arrays, pandas Series and Index
        value = value.tolist()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return None
    values = sorted(value) if isinstance(value, set | frozenset) else list(value)
    if not values:
        raise QueryError(f"{word}=[] says nothing; give at least one, or leave the keyword out")
    return values


def _operators(word: str, value: Mapping[str, Any]) -> Document:
    condition = plain(value, _path(word))
    if not is_operators(condition):
        raise QueryError(
            f"{word}={condition!r} is not a condition; give a value, a list, or operators such as {{'$ne': 1}}"
        )
    return {_path(word): condition}


def _field_of(one: Callable[[str, Any], Any], text: Callable[[str, str], Document | None] | None = None) -> Build:
    """Return the builder of a field: `one` checks one value, `text` reads a text that is more than a value."""

    def build(word: str, value: Any) -> Document:
        if isinstance(value, Mapping):
            return _operators(word, value)
        if isinstance(value, str) and text is not None and (read := text(word, value)) is not None:
            return read
        values = _values(word, value)
        if values is None:
            return {_path(word): one(word, value)}
        return {_path(word): {"$in": [one(word, item) for item in values]}}

    return build


def _text(word: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return str(plain(value, word))
    raise QueryError(f"{word} is text that is not empty, and {value!r} is not; write {word}='...'")


def _status(word: str, value: Any) -> str:
    status = _text(word, plain(value, word))
    if status in STATUSES:
        return status
    cure = did_you_mean(status, STATUSES, otherwise=f"the statuses are {', '.join(STATUSES)}")
    raise QueryError(f"there is no status {status!r}; {cure}")


def _whole(word: str, value: Any) -> int:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        example = " (or a comparison such as '>=4' or '1..3')" if word in _NUMBER_WORDS else ""
        raise QueryError(f"{word} is a whole number{example}, and {value!r} is not")
    return int(plain(value, word))


def _event(word: str, value: Any) -> int:
    return _whole(word, int(value) if isinstance(value, str) and value.strip().isdecimal() else value)


def _number(word: str, value: Any) -> int:
    number = _whole(word, value)
    wrong = value_problems(FIELDS[word], number, word) if word in _BOUNDED else []
    if wrong:
        raise QueryError(f"{word}={number} matches no work; {wrong[0].expected}")
    return number


# Comparisons written as text ------------------------------------------------------------------------------------------


def _number_text(word: str, text: str) -> Document | None:
    between = _RANGE.fullmatch(text.strip())
    if between is not None:
        low, high = int(between[1]), int(between[2])
        if low > high:
            raise QueryError(f"{word}={text!r} is inverted; write {word}='{high}..{low}'")
        return {word: {"$gte": low, "$lte": high}}
    return _comparison(word, text, _NUMBER_WORDS, _operand)


def _operand(word: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        others = ", ".join(name for name in _NUMBER_WORDS if name != word)
        cure = did_you_mean(text, _NUMBER_WORDS, otherwise=f"give a number or one of {others}")
        raise QueryError(f"{word} cannot be compared with {text!r}; {cure}")
    number: float = plain(float(text) if "." in text else int(text), word)
    return number


def _time_text(word: str, text: str) -> Document | None:
    return _comparison(word, text, TIME_FIELDS, lambda name, operand: moment(operand, name))


def _comparison(word: str, text: str, fields: Iterable[str], operand: Callable[[str, str], Any]) -> Document | None:
    found = _COMPARISON.fullmatch(text.strip())
    if found is None:
        return None
    operator = _OPERATORS[found[1]]
    if found[2] in fields:
        if found[2] == word:
            raise QueryError(f"{word}={text!r} compares {word} with itself; name another field")
        return compare(word, operator, found[2]).condition
    value = operand(word, found[2])
    return {word: value if operator == "$eq" else {operator: value}}


# Words of their own ---------------------------------------------------------------------------------------------------


def _negated(build: Build) -> Build:
    """Return the builder of ``not_...``: not this value, or none of several."""

    def negated(word: str, value: Any) -> Document:
        name = word.removeprefix("not_")
        value = given if (given := _values(word, value)) is not None else value
        if isinstance(value, Mapping):
            return {_path(name): {"$not": _operators(name, value)[_path(name)]}}
        condition = build(name, value)[_path(name)]
        return {_path(name): {"$nin": condition["$in"]} if isinstance(condition, dict) else {"$ne": condition}}

    return negated


def _flag(word: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"{word} is True or False, and {value!r} is neither")
    return value


def _has(word: str, value: Any) -> Document:
    name = word.removeprefix("has_")
    if name in LISTS:
        return {f"{name}.0": {"$exists": _flag(word, value)}}
    return {_path(name): {"$ne": None} if _flag(word, value) else None}


def _named(document: Document) -> Build:
    return lambda word, value: document if _flag(word, value) else {"$nor": [document]}


def _all_of(word: str, value: Any) -> Document:
    values = [value] if isinstance(value, str) else _values(word, value)
    if values is None:
        raise QueryError(f"{word} is a list of text, and {value!r} is not")
    return {"tags": {"$all": [_text("tags", item) for item in values]}}


def _end(path: str, operator: str, read: Callable[[Any, str], Any]) -> Build:
    return lambda word, value: {path: {operator: read(value, word)}}


def _ends_of(path: str) -> dict[str, Build]:
    """Return the keywords for the two ends of a period of a time, the earlier end first."""
    words: dict[str, Build] = {}
    for operator in ("$gte", "$lt"):
        row = OPERATORS[operator]
        words[time_keyword(path, row.period)] = _end(path, operator, moment)
        if path == "creation":
            words[row.age] = _end(path, operator, ago)
    return words


_ENDS = {path: _ends_of(path) for path in TIME_WORDS}


def _check_range(path: str, condition: Document, words: Mapping[str, Any]) -> None:
    named = [word for word in _ENDS[path] if word in words]
    low, high = condition.get("$gte"), condition.get("$lt")
    if len(named) < 2 or low is None or high is None or is_ago(low) != is_ago(high):
        return  # one end alone, or a span against a moment, which some later day will decide
    inverted = float(seconds_of(low) or 0) <= float(seconds_of(high) or 0) if is_ago(low) else low >= high
    if inverted:
        given = " and ".join(f"{word}={words[word]!r}" for word in named)
        raise QueryError(f"{given} leave no time between them; {named[0]} must reach further back")


_BY_KIND: Mapping[Kind, Build] = {
    Kind.TEXT: _field_of(_text),
    Kind.TEXTS: _field_of(_text),
    Kind.STATUS: _field_of(_status),
    Kind.INTEGER: _field_of(_number, _number_text),
    Kind.INTEGERS: _field_of(_event),
    Kind.TIME: _field_of(lambda word, value: moment(value, word), _time_text),
    Kind.MAPPING: _operators,
}
"""What builds the condition on a field, by the kind of the field."""

_FIELDS = {**{name: _BY_KIND[field.kind] for name, field in FIELDS.items()}, "parent": _BY_KIND[Kind.TEXT]}

WORDS: Mapping[str, Build] = {
    **_FIELDS,
    "all_tags": _all_of,
    **{word: build for ends in _ENDS.values() for word, build in ends.items()},
    **{named.word: _named(named.document) for named in NAMED},
    "stale": _named(stale_document()),
    **{f"has_{name}": _has for name in _FIELDS if name in _NULLABLE or name in LISTS},
    **{f"not_{name}": _negated(build) for name, build in _FIELDS.items() if name in NEGATED},
}
"""Every keyword of a query, with what builds its part of the document."""
