"""Explain a query: which conditions a work does not meet, and which condition leaves an answer empty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bucketsnb.display import markup, texts
from bucketsnb.display.texts import close_matches, join_truncated, truncate
from bucketsnb.matching import MISSING, QueryNotUnderstood, QueryTooSlow, compile_query, values_at
from bucketsnb.query.filters import Filter, list_text, noun, shown, word_of
from bucketsnb.query.times import moment

if TYPE_CHECKING:
    from bucketsnb.query.query import Query

__all__ = ["ConditionReport", "EmptyReport", "Explanation", "explain_empty", "explain_work"]


@dataclass(frozen=True)
class ConditionReport:
    """Whether one work meets one condition.

    Attributes
    ----------
    text
        The condition in words.
    passes
        Whether the work meets it; None if only the service can say.
    value
        The values of the work that the condition is about, as text.
    """

    text: str
    passes: bool | None
    value: str


@dataclass(frozen=True)
class EmptyReport:
    """How many works match without one condition of a query that matches none.

    Attributes
    ----------
    text
        The condition in words.
    without
        How many works match when it alone is left out.
    alone
        How many works match it alone; None if that was not asked.
    suggestion
        Values that were perhaps meant, or empty text.
    """

    text: str
    without: int
    alone: int | None
    suggestion: str


class Explanation(tuple[ConditionReport, ...]):
    """One report for each condition, shown as a short table."""

    __slots__ = ()
    HEADERS = ("condition", "met", "in the work")

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Condition, whether it is met, and what the work holds, as text."""
        return [(report.text, _VERDICTS[report.passes], report.value) for report in self]

    def __repr__(self) -> str:
        return texts.table(self.HEADERS, self.rows)

    def _repr_html_(self) -> str:
        return str(markup.table(self.HEADERS, self.rows))


_VERDICTS = {True: "yes", False: "no", None: "cannot tell here"}


def _conditions(query: Query) -> list[Filter]:
    """Return the filters of a query that all must hold; those under ``$and`` are among them."""
    return [part for found in query.filters for part in found.parts or (found,)]


def explain_work(query: Query, record: Mapping[str, Any], now: float | datetime | None = None) -> Explanation:
    """Report for each condition whether a work, as the service returned it, meets it; `now` as for ``to_document``.

    Examples
    --------
    >>> from bucketsnb.query import Query
    >>> for report in explain_work(Query(attempt=">=retries", event=7), {"attempt": 1, "retries": 2, "event": [7, 8]}):
    ...     print(report.text, "|", report.passes, "|", report.value)
    attempt >= retries | False | attempt 1, retries 2
    event is 7 | True | 7, 8
    """
    moment_now = float(moment(time.time() if now is None else now, "now"))
    return Explanation(
        ConditionReport(found.label, _matches(record, found.to_document(moment_now)), _values_text(record, found))
        for found in _conditions(query)
    )


def _matches(record: Mapping[str, Any], document: Mapping[str, Any]) -> bool | None:
    """Return whether a record meets a query document; None if the matcher does not support it, or takes too long."""
    try:
        return compile_query(document)(record)
    except (QueryNotUnderstood, QueryTooSlow):
        return None


def _values_text(record: Mapping[str, Any], found: Filter) -> str:
    """Return the values of a work at the paths of a filter, as text."""
    if len(found.fields) == 1:
        return _value_text(record, found.fields[0])
    return join_truncated([f"{noun(path)} {_value_text(record, path)}" for path in found.fields])


def _value_text(record: Mapping[str, Any], path: str) -> str:
    values = [value for value in values_at(record, path) if value is not MISSING]
    if not values:
        return "missing"
    value = values[0] if len(values) == 1 else values
    if isinstance(value, list) and value:
        return list_text(path, value)
    return truncate(shown(path, value), most=80)


def explain_empty(
    query: Query,
    count: Callable[[Query], int],
    known: Callable[[str], Iterable[str]] | None = None,
) -> list[EmptyReport]:
    """Report for each condition of a query that matches nothing how many works match without it.

    Makes one count for each condition, and one more for each condition that alone empties the answer (for all of them,
    if no single one does): between n + 1 and 2 n counts for n conditions. No count is made twice.

    Parameters
    ----------
    count
        Returns how many works match a query.
    known
        Returns the values that a keyword's field has in the service, for suggestions; called only for a condition that
        no work meets.

    Examples
    --------
    >>> from bucketsnb.query import Query
    >>> counts = {Query(site="kko"): 12, Query(pipeline="baseband-convertr"): 0}
    >>> query = Query(pipeline="baseband-convertr", site="kko")
    >>> for row in explain_empty(query, counts.__getitem__, lambda word: ["baseband-converter", "notify"]):
    ...     print(f"{row.text}: {row.without} without it, {row.alone} alone; {row.suggestion or '-'}")
    pipeline is baseband-convertr: 12 without it, 0 alone; did you mean baseband-converter?
    site is kko: 0 without it, 12 alone; -
    """
    counts: dict[Query, int] = {}

    def counted(narrowed: Query) -> int:
        if narrowed not in counts:
            counts[narrowed] = count(narrowed)
        return counts[narrowed]

    conditions = _conditions(query)
    without = [counted(query.of(conditions[:place] + conditions[place + 1 :])) for place in range(len(conditions))]
    reports = []
    for found, others in zip(conditions, without, strict=True):
        alone = query.of([found])
        if others or not any(without):
            counted(alone)
        suggestion = _suggestion(found, known) if known and counts.get(alone) == 0 else ""
        reports.append(EmptyReport(found.label, others, counts.get(alone), suggestion))
    return reports


def _suggestion(found: Filter, known: Callable[[str], Iterable[str]]) -> str:
    word, wanted = word_of(found.field), found.limits.get(found.field)
    if word is None or not wanted:
        return ""
    values = list(known(word))
    near = dict.fromkeys(match for text in wanted if text not in values for match in close_matches(text, values))
    return f"did you mean {' or '.join(near)}?" if near else ""
