"""A query selects the works that its words say: by the backend's matcher, and by plain Python beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given

from bucketsnb.matching import QueryNotUnderstood, compile_query
from bucketsnb.query import Query, any_of, explain_work, not_
from tests.factory import make_work
from tests.query.strategies import (
    IDS,
    NOW,
    a_work,
    many,
    queries,
    seeded,
    some,
    tens,
    words,
    wordy,
)

pytestmark = pytest.mark.slow

Work = dict[str, Any]

crowds = seeded(lambda chance: [a_work(chance) for _ in range(12)])


def selected(query: Query, works: list[Work]) -> list[bool]:
    """Return which works the backend would give back."""
    matches = compile_query(query.to_document(now=NOW))
    return [matches(work) for work in works]


# What the words mean, written down once more without a query document -------------------------------------------------


def value_of(work: Work, word: str) -> Any:
    return work["config"]["parent"] if word == "parent" else work[word]


def holds(work: Work, word: str, wanted: Any) -> bool:
    """Say whether a field has, or holds, one of the values."""
    wanted = wanted if isinstance(wanted, list) else [wanted]
    value = value_of(work, word)
    return any(item in wanted for item in value) if isinstance(value, list) else value in wanted


def span(text: str) -> float:
    return {"36h": 36, "7d": 168, "1d12h": 36, "1w": 168, "0s": 0}[text] * 3600.0


def instant(value: Any) -> float:
    if isinstance(value, str) and value.endswith(" ago"):
        return NOW - span(value.removesuffix(" ago"))
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "")).replace(tzinfo=timezone.utc).timestamp()
    return value


def compared(work: Work, word: str, text: Any) -> bool:
    if not isinstance(text, str):
        return holds(work, word, text)
    if ".." in text:
        low, high = text.split("..")
        return int(low) <= work[word] <= int(high)
    sign = text[:2] if text[1] == "=" else text[:1]
    rest = text[len(sign) :]
    other = work[rest] if rest in work else instant(rest) if word == "stop" else int(rest)
    if word == "stop" and rest not in work and work[word] is None:
        return False
    # Between fields, the service places null below every number.
    one, other = (float("-inf") if value is None else value for value in (work[word], other))
    return {">=": one >= other, "<=": one <= other, ">": one > other, "<": one < other, "==": one == other}.get(
        sign, one != other
    )


def ended(work: Work, path: str, side: Callable[[float], bool]) -> bool:
    return work[path] is not None and side(work[path])


def stale(work: Work) -> bool:
    return work["status"] in {"queued", "running"} and work["creation"] < NOW - 7 * 86400


def overdue(work: Work) -> bool:
    return work["status"] == "running" and work["start"] is not None and work["start"] + work["timeout"] < NOW


def exhausted(work: Work) -> bool:
    return work["status"] == "failure" and work["attempt"] >= work["retries"]


def retryable(work: Work) -> bool:
    return work["status"] == "failure" and work["attempt"] < work["retries"]


FLAGS = {"stale": stale, "overdue": overdue, "exhausted": exhausted, "retryable": retryable}
EVENTS = {"started": "start", "stopped": "stop"}


def says(work: Work, word: str, value: Any) -> bool:
    """Say in plain Python whether a work meets one keyword."""
    if word in FLAGS:
        return FLAGS[word](work) is value
    if word.startswith("not_"):
        return not holds(work, word.removeprefix("not_"), value)
    if word.startswith("has_"):
        return (value_of(work, word.removeprefix("has_")) not in (None, [])) is value
    if word == "all_tags":
        return set([value] if isinstance(value, str) else value) <= set(work["tags"] or [])
    if word == "older_than":
        return work["creation"] < NOW - span(value)
    if word == "newer_than":
        return work["creation"] >= NOW - span(value)
    if word.endswith(("since", "until")):
        path = EVENTS.get(word.split("_")[0], "creation")
        since = word.endswith("since")
        return ended(work, path, lambda time: (time >= instant(value)) is since)
    return (
        compared(work, word, value) if word in {"attempt", "priority", "retries", "stop"} else holds(work, word, value)
    )


@many
@given(tens(words), crowds)
def test_words_select_the_works_that_plain_python_selects(asked: list[dict[str, Any]], works: list[Work]):
    for keywords in asked:
        expected = [all(says(work, word, value) for word, value in keywords.items()) for work in works]
        assert selected(Query(**keywords), works) == expected


@some
@given(wordy, wordy, crowds)
def test_joining_and_negating_select_as_logic_does(one: Query, other: Query, works: list[Work]):
    first, second = selected(one, works), selected(other, works)
    assert selected(one & other, works) == [a and b for a, b in zip(first, second, strict=True)]
    if not one.is_empty and not other.is_empty:
        assert selected(any_of(one, other), works) == [a or b for a, b in zip(first, second, strict=True)]
        assert selected(not_(one, other), works) == [not (a or b) for a, b in zip(first, second, strict=True)]


@some
@given(wordy, crowds)
def test_the_words_of_this_package_can_always_be_told_here(query: Query, works: list[Work]):
    told = [all(report.passes for report in explain_work(query, work, now=NOW)) for work in works]
    assert told == selected(query, works)


@some
@given(queries, crowds)
def test_a_query_is_limited_to_the_pipelines_and_statuses_it_names(query: Query, works: list[Work]):
    try:
        chosen = selected(query, works)
    except QueryNotUnderstood:
        return
    for work in (work for work, wanted in zip(works, chosen, strict=True) if wanted):
        assert query.pipelines is None or work["pipeline"] in query.pipelines
        assert query.statuses is None or work["status"] in query.statuses


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        (Query(), (None, None)),
        (Query(pipeline="a", status=["queued", "running"]), (("a",), ("queued", "running"))),
        (Query(pipeline=["a", "b"]) & Query(pipeline=["b", "c"]), (("b",), None)),
        (Query(pipeline="a") & Query(pipeline="b"), ((), None)),
        (any_of(Query(pipeline="a"), Query(pipeline="b", overdue=True)), (("a", "b"), None)),
        (any_of(Query(pipeline="a"), Query(site="kko")), (None, None)),
        (not_(Query(pipeline="a")), (None, None)),
        (Query(not_pipeline="a", retryable=True), (None, ("failure",))),
        (Query({"pipeline": {"$in": []}}), ((), None)),
        (Query({"pipeline": {"$in": ["a", None]}}), (None, None)),
        (Query({"$and": [{"pipeline": "a"}, {"status": {"$eq": "failure"}}]}), (("a",), ("failure",))),
        (Query(pipeline={"$regex": "^a$"}), (None, None)),
    ],
)
def test_limits_are_told_only_where_names_say_them(asked: Query, limits: tuple[Any, Any]):
    assert (asked.pipelines, asked.statuses) == limits


@pytest.mark.parametrize(
    ("asked", "only"),
    [
        (Query(), True),
        (Query(pipeline="a"), True),
        (Query(pipeline=["a", "b"], status=["queued", "failure"]), True),
        (Query(status="created"), False),
        (Query(pipeline="a", site="kko"), False),
        (Query(not_status="failure"), False),
        (Query(pipeline="a") & Query(pipeline="b"), False),
        (Query({"pipeline": {"$eq": "a"}}), True),
        (Query({"pipeline": {"$in": ["a", "b"], "$ne": "a"}}), False),
        (Query({"pipeline": None}), False),
        (Query({"pipeline": {"$regex": "a"}}), False),
    ],
)
def test_a_status_answer_can_count_only_names_of_pipelines_and_statuses(asked: Query, only: bool):
    assert asked.only_pipeline_and_status is only


def test_a_running_work_without_a_start_is_not_overdue():
    assert selected(Query(overdue=True), [make_work(status="running", start=None)]) == [False]


def test_half_open_periods_share_no_work_and_leave_none_out():
    works = [a_work(Random(seed)) for seed in range(50)]
    before, after = Query(until="36h ago"), Query(since="36h ago")
    assert [a + b for a, b in zip(selected(before, works), selected(after, works), strict=True)] == [1] * 50


def test_parent_means_the_parent_in_the_configuration():
    child = make_work()
    child["config"]["parent"] = IDS[0]
    assert selected(Query(parent=IDS[0]), [child, make_work(), make_work(parent=IDS[0])]) == [True, False, False]
