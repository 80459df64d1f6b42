"""What the methods of the client take: works as a query, a document or keywords, numbers, and spans of time."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import timedelta
from inspect import Parameter, signature
from typing import Any, TypeVar

import pandas as pd

from bucketsnb.changes.targets import WorkSelector
from bucketsnb.errors import QueryError
from bucketsnb.query import WORDS, Query
from bucketsnb.query.times import span

__all__ = [
    "QueryLike",
    "deletion_limit",
    "edited_frame",
    "page_numbers",
    "query_of",
    "seconds_of",
    "selector_of",
    "takes_words",
]

QueryLike = Query | Mapping[str, Any] | None

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_words(method: Method) -> Method:
    """Show the keywords of a query in a method's signature, in place of its ``**words``.

    Editors complete them, and Shift+Tab in a notebook shows them.

    Examples
    --------
    >>> @takes_words
    ... def count(query=None, **words): ...
    >>> "older_than" in signature(count).parameters
    True
    """
    declared = signature(method)
    parameters = [one for one in declared.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    taken = {one.name for one in parameters}
    parameters += [
        Parameter(word, Parameter.KEYWORD_ONLY, default=..., annotation="Any") for word in WORDS if word not in taken
    ]
    method.__signature__ = declared.replace(parameters=parameters)  # type: ignore[attr-defined]  # what inspect reads
    return method


def query_of(query: QueryLike | str, words: Mapping[str, Any]) -> Query:
    """Return the query that a query, a document, or the name of a pipeline means together with keywords."""
    if isinstance(query, str):
        return Query(pipeline=query, **words)
    return Query(query, **words) if words else Query.parse(query)


def selector_of(which: WorkSelector, words: Mapping[str, Any]) -> WorkSelector:
    """Return which works a change is about, by keywords too."""
    if not words:
        return which
    if which is not None and not isinstance(which, Query | Mapping):
        raise QueryError("Conditions in words narrow a query; a frame or ids name works already.")
    return Query(which, **words)


def edited_frame(which: WorkSelector, words: Mapping[str, Any]) -> pd.DataFrame:
    """Return a frame whose edited cells are to be sent."""
    if words or not isinstance(which, pd.DataFrame):
        raise QueryError('A plan to update takes a frame with edited cells, or new values: set={"priority": 5}.')
    return which


def page_numbers(limit: int | None, page_size: int) -> tuple[int | None, int]:
    """Return a limit, with None for all, and a page size of at least 1."""
    try:
        most = None if limit is None or operator.index(limit) <= 0 else operator.index(limit)
        size = operator.index(page_size)
    except TypeError:
        raise QueryError(f"limit and page_size are whole numbers, not {limit!r} and {page_size!r}") from None
    if size < 1:
        raise QueryError(f"page_size={page_size!r} reads nothing; give a number from 1 on")
    return most, size


def deletion_limit(limit: int) -> int:
    """Return how many works to delete at most, at least 1."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise QueryError(f"limit={limit!r} deletes nothing: give a number from 1 on, or leave it out for all.")
    return int(limit)


def seconds_of(every: str | float | timedelta) -> float:
    """Return the seconds of a span of time."""
    if isinstance(every, timedelta):
        return every.total_seconds()
    seconds = span(every) if isinstance(every, str) else float(every)
    if seconds is None:
        raise ValueError(f"every={every!r} is not a span of time; write '30s', '5min', a timedelta, or seconds")
    return seconds
