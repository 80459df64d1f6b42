"""Counts of works, each by the fewest requests that the service allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb.api import Api, ask_together, is_path_segment
from bucketsnb.client.reading import count, selected
from bucketsnb.display.texts import count_of, did_you_mean, join_truncated, printable
from bucketsnb.errors import QueryError
from bucketsnb.frames import DTYPES, SummaryFrame, WorksAccessor, frame_of
from bucketsnb.query import EmptyReport, Query, explain_empty
from bucketsnb.schema import STATUS_KEYS, STATUSES

__all__ = ["Counts", "explain", "group_count"]

_SAMPLE = 1000
_LISTS = ("event", "tags", "products", "plots")
_SUMMARISED = frozenset({"pipeline", "status"})


class Counts(SummaryFrame):
    """A small frame of counts; a line above its rows says what was counted."""

    def _caption(self) -> str | None:
        return self.attrs.get("summary")

    def _footer(self) -> str:
        return super()._footer() if len(self) > self._most() else ""


def group_count(api: Api, query: Query, by: Sequence[str]) -> Counts:
    """Count the works that match by the values of columns; see ``Buckets.group_count``."""
    _check(by)
    by = list(dict.fromkeys(by))
    summarised = _SUMMARISED.issuperset(by) and query.only_pipeline_and_status and query.statuses is None
    try:
        table, requests, read = _from_status(api, query, by) if summarised else _from_works(api, query, by)
    except _Uncountable as error:
        table, requests, read = _from_works(api, query, by)
        requests += error.requests
    counts = Counts(table.sort_values("n_works", ascending=False, kind="stable", ignore_index=True))
    total = count_of(read or int(counts["n_works"].sum()), "work")  # a work with several elements is in several rows
    cost = f"{count_of(requests, 'request')}, {count_of(read, 'work')} read"
    counts.attrs = {
        "query": query.document_by(api.now),
        "cost": {"requests": requests, "works_read": read},
        "summary": f"{total} by {join_truncated(by)} ({cost})",
    }
    return counts


def _check(by: Sequence[str]) -> None:
    known = [
        name for name, dtype in DTYPES.items() if name in _LISTS or not str(dtype).startswith(("json", "timedelta"))
    ]
    if not by:
        raise QueryError("by=[] counts by nothing; buckets.count(query) counts all")
    for name in by:
        if name not in known:
            hint = did_you_mean(str(name), known, otherwise=f"those that can be are {join_truncated(known, 30)}")
            raise QueryError(f"works cannot be counted by {printable(repr(name))}; {hint}")


def _from_status(api: Api, query: Query, by: Sequence[str]) -> tuple[pd.DataFrame, int, int]:
    names: list[str | None]
    requests = 0
    if query.pipelines is not None:
        names = list(query.pipelines)
    elif "pipeline" in by:
        names, requests = list(api.pipelines()), 1
    else:
        names = [None]
    if (requests and api.have_nameless) or not all(name is None or is_path_segment(name) for name in names):
        raise _Uncountable(requests)
    answers = ask_together(api.status, names)
    rows = [
        (pipeline, status, works)
        for pipeline, answer in zip(names, answers, strict=True)
        for status, works in _by_status(answer)
        if works
    ]
    table = pd.DataFrame(rows, columns=["pipeline", "status", "n_works"]).astype(
        {"pipeline": DTYPES["pipeline"], "status": DTYPES["status"], "n_works": "Int64"}
    )
    counts = table.groupby(list(by), observed=True, dropna=False, sort=False)["n_works"].sum().reset_index()
    return counts, requests + len(names), 0


class _Uncountable(Exception):
    """Some works have no pipeline, or one that no path can contain: the service's status does not count those.

    `requests` were sent until that was known.
    """

    def __init__(self, requests: int) -> None:
        self.requests = requests


def _by_status(answer: Mapping[str, int]) -> Iterable[tuple[str | None, int]]:
    yield from ((status, answer[status]) for status in STATUS_KEYS[1:])
    yield None, answer["total"] - sum(answer[status] for status in STATUS_KEYS[1:])  # of an unreported status


def _from_works(api: Api, query: Query, by: Sequence[str]) -> tuple[pd.DataFrame, int, int]:
    selection = selected(by, None)
    projection = {path: True for path in selection.projection or () if path != "id"}
    document = query.document_by(api.now)
    fields = [name for name in selection.fields if name != "id"]
    data: bytes | list[dict[str, Any]] = api.view_bytes(document, projection, limit=None)
    frame: pd.DataFrame = frame_of(data, fields=fields, now=api.clock.now())
    requests, read = 1, len(frame)
    if api.longest_answer.may_be_cut(read, len(data), None):
        requests += 1
        if api.view(document, {"id": True}, skip=read, limit=1):
            whole = api.view(document, selection.projection, limit=None)
            frame = frame_of(whole, fields=fields, now=api.clock.now())
            requests, read = requests + -(-len(whole) // read), len(whole)
    for name in by:
        if name in _LISTS:
            frame = WorksAccessor(frame).explode(name)
    once = pd.DataFrame(frame[list(by)]).assign(work=frame.index).drop_duplicates()
    sizes = once.groupby(list(by), observed=True, dropna=False, sort=True).size()
    return sizes.rename("n_works").astype("Int64").reset_index(), requests, read


def explain(api: Api, query: Query) -> Counts:
    """Return how many works match without each condition of a query, and by it alone; see ``Buckets.explain``."""
    total = count(api, query)
    reports = explain_empty(query, lambda narrowed: count(api, narrowed), lambda word: _known_values(api, word))
    counts = Counts(
        {
            "condition": pd.array([report.text for report in reports], dtype=DTYPES["site"]),
            "without": pd.array([report.without for report in reports], dtype="Int64"),
            "alone": pd.array([report.alone for report in reports], dtype="Int64"),
            "suggestion": pd.array([report.suggestion for report in reports], dtype=DTYPES["site"]),
        }
    )
    blamed = [report for report in reports if report.without]
    document = query.document_by(api.now)
    counts.attrs = {"query": document, "matched": total, "summary": _finding(total, blamed, len(reports))}
    return counts


def _finding(total: int, blamed: Sequence[EmptyReport], conditions: int) -> str:
    if total:
        return f"{count_of(total, 'work')} {'matches' if total == 1 else 'match'}."
    if not conditions:
        return "There are no works, and the query asks for any."
    if not blamed:
        return "Nothing matches, whichever one condition is left out."
    best = max(blamed, key=lambda report: report.without)
    verb = "matches" if best.without == 1 else "match"
    return f'Nothing matches. Without "{best.text}", {count_of(best.without, "work")} {verb}.'


def _known_values(api: Api, word: str) -> Iterable[str]:
    """Return the texts in a column: all pipelines or statuses, and of other columns those of the newest works."""
    if word == "pipeline":
        return api.pipelines()
    if word == "status":
        return STATUSES
    if word not in DTYPES:
        return ()
    selection = selected([word], None)
    frame = frame_of(api.view_bytes({}, selection.projection, limit=_SAMPLE), fields=selection.fields)
    values = (WorksAccessor(frame).explode(word) if word in _LISTS else frame)[word]
    return [value for value in values.dropna().unique() if isinstance(value, str)]
