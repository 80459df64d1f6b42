"""Keywords make the document they say, and what cannot be meant is an error that names the culprit and the cure."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bucketsnb.errors import QueryError
from bucketsnb.query import WORDS, Query, any_of, not_
from bucketsnb.schema import FIELDS
from tests.query.strategies import NOW

DAY = 86_400.0


def document(**words: Any) -> dict[str, Any]:
    return Query(**words).to_document(now=NOW)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"pipeline": "dm-pipeline"}, {"pipeline": "dm-pipeline"}),
        ({"site": ["kko", "gbo"]}, {"site": {"$in": ["kko", "gbo"]}}),
        ({"event": "9385707"}, {"event": 9385707}),
        ({"event": [9385707, 9385708]}, {"event": {"$in": [9385707, 9385708]}}),
        ({"tags": "low"}, {"tags": "low"}),
        ({"all_tags": ["low", "kko"]}, {"tags": {"$all": ["low", "kko"]}}),
        ({"parent": "6b04"}, {"config.parent": "6b04"}),
        ({"not_site": "kko"}, {"site": {"$ne": "kko"}}),
        ({"not_parent": ["6b04", "6b05"]}, {"config.parent": {"$nin": ["6b04", "6b05"]}}),
        ({"has_event": True}, {"event.0": {"$exists": True}}),
        ({"has_event": False}, {"event.0": {"$exists": False}}),
        ({"has_parent": False}, {"config.parent": None}),
        ({"has_parent": True}, {"config.parent": {"$ne": None}}),
        ({"priority": 4}, {"priority": 4}),
        ({"priority": ">=4"}, {"priority": {"$gte": 4}}),
        ({"priority": " != 4 "}, {"priority": {"$ne": 4}}),
        ({"attempt": "1..3"}, {"attempt": {"$gte": 1, "$lte": 3}}),
        ({"attempt": ">=retries"}, {"$expr": {"$gte": ["$attempt", "$retries"]}}),
        ({"stop": ">start"}, {"$expr": {"$gt": ["$stop", "$start"]}}),
        ({"older_than": "7d"}, {"creation": {"$lt": NOW - 7 * DAY}}),
        ({"newer_than": "1d12h"}, {"creation": {"$gte": NOW - 1.5 * DAY}}),
        ({"since": "2026-11-20"}, {"creation": {"$gte": 1795132800.0}}),
        ({"until": "2026-11-21T06:00:00Z"}, {"creation": {"$lt": 1795240800.0}}),
        ({"started_until": "2h ago"}, {"start": {"$lt": NOW - 7200}}),
        ({"stopped_since": 5}, {"stop": {"$gte": 5}}),
        ({"exhausted": True}, {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}}),
        ({"retryable": False}, {"$nor": [{"status": "failure", "$expr": {"$lt": ["$attempt", "$retries"]}}]}),
        (
            {"overdue": True},
            {"status": "running", "$expr": {"$gt": [{"$subtract": [NOW, "$start"]}, "$timeout"]}},
        ),
        ({"stale": True}, {"status": {"$in": ["queued", "running"]}, "creation": {"$lt": NOW - 7 * DAY}}),
        ({"pipeline": {"$regex": "^baseband-"}}, {"pipeline": {"$regex": "^baseband-"}}),
        ({"results": {"$ne": None}}, {"results": {"$ne": None}}),
        ({"status": "failure", "exhausted": True}, {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}}),
        ({"since": 1, "until": 9}, {"creation": {"$gte": 1, "$lt": 9}}),
    ],
    ids=str,
)
def test_a_keyword_makes_its_document(words: dict[str, Any], expected: dict[str, Any]):
    assert document(**words) == expected


def test_every_field_of_a_work_has_a_keyword():
    assert set(FIELDS) | {"parent"} <= set(WORDS)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-20",
        "2026-11-20T00:00:00",
        "2026-11-19T16:00:00-08:00",
        date(2026, 11, 20),
        datetime(2026, 11, 20),
        datetime(2026, 11, 20, 2, tzinfo=timezone(timedelta(hours=2))),
        pd.Timestamp("2026-11-20"),
        pd.Timestamp("2026-11-19 17:00", tz="America/Phoenix"),  # a zone whose law did not change in our time
        np.datetime64("2026-11-20"),
        1795132800,
        np.float64(1795132800),
    ],
    ids=repr,
)
def test_every_way_to_write_a_moment_is_the_same_moment(moment: Any):
    assert document(since=moment) == {"creation": {"$gte": 1795132800}}


@pytest.mark.parametrize(
    "span", ["7d", "1w", "168h", " 7 days ", "6d24h", timedelta(days=7), pd.Timedelta("7D"), np.timedelta64(7, "D")]
)
def test_every_way_to_write_a_span_asks_the_same(span: Any):
    assert Query(older_than=span) == Query(older_than="7d")


@pytest.mark.parametrize("events", [(1, 2), {2, 1}, range(1, 3), np.array([1, 2]), pd.Series([1, 2]), iter([1, 2])])
def test_any_collection_is_any_of_its_values(events: Any):
    assert document(event=events) == {"event": {"$in": [1, 2]}}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"stats": "failure"}, "no keyword 'stats'; did you mean status?"),
        ({"state": "failure"}, "did you mean status?"),
        ({"results__snr": 5}, r"Query\(\{'results.snr': ...\}\)"),
        ({"not_priority": 3}, r"priority=\{'\$ne': ...\}"),
        ({"status": "sucess"}, "no status 'sucess'; did you mean 'success'?"),
        ({"status": ["queued", "Failure"]}, "no status 'Failure'; did you mean 'failure'?"),
        ({"not_status": "runing"}, "did you mean 'running'?"),
        ({"parent": None}, "parent=None says nothing; .* has_parent=False"),
        ({"pipeline": None}, "pipeline=None says nothing"),
        ({"event": [1, None]}, "event is a whole number, and None is not"),
        ({"tags": []}, r"tags=\[\] says nothing"),
        ({"not_event": []}, r"not_event=\[\] says nothing"),
        ({"all_tags": []}, r"all_tags=\[\] says nothing"),
        ({"event": pd.Series([], dtype="int64")}, r"event=\[\] says nothing"),
        ({"site": ""}, "site is text that is not empty"),
        ({"pipeline": 5}, "pipeline is text"),
        ({"priority": 0}, "priority=0 matches no work; expected an integer from 1 to 5"),
        ({"priority": [3, 6]}, "priority=6 matches no work"),
        ({"attempt": -1}, "expected an integer of 0 or more"),
        ({"priority": True}, "priority is a whole number"),
        ({"priority": "4"}, "a comparison such as '>=4'"),
        ({"priority": 2.5}, "priority is a whole number"),
        ({"priority": "3..1"}, "inverted; write priority='1..3'"),
        ({"attempt": ">=retrys"}, "did you mean 'retries'?"),
        ({"attempt": ">=attempt"}, "compares attempt with itself"),
        ({"stop": ">strat"}, "not a moment"),
        ({"event": 2**70}, "beyond 64 bits"),
        ({"older_than": 7}, "older_than=7 is not a span of time; write one such as .*'7d'"),
        ({"older_than": "5m"}, "'5min'"),
        ({"newer_than": timedelta(days=-1)}, "is not a span of time"),
        ({"since": "7d"}, "older_than='7d' or since='7d ago'"),
        ({"since": "yesterday"}, "since='yesterday' is not a moment"),
        ({"since": "2026-13-01"}, "is not a moment"),
        ({"since": pd.NaT}, "since=NaT is not a moment"),
        ({"until": float("nan")}, "until=nan is not a moment"),
        ({"since": True}, "is not a moment"),
        ({"since": 10**400}, "too large for epoch seconds"),
        ({"since": 1795132800000}, "divide milliseconds by 1000"),
        ({"since": "2026-11-20", "until": "2026-11-20"}, "leave no time between them; since must reach further back"),
        ({"older_than": "7d", "newer_than": "36h"}, "newer_than='36h' and older_than='7d' leave no time"),
        ({"started_since": 9, "started_until": 5}, "started_since=9 and started_until=5 leave no time"),
        ({"overdue": 1}, "overdue is True or False"),
        ({"has_event": "yes"}, "has_event is True or False"),
        ({"priority": {"gte": 4}}, "operators such as"),
        ({"results": {"snr": 5}}, "operators such as"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_an_error_that_names_the_culprit(words: dict[str, Any], says: str):
    with pytest.raises(QueryError, match=says):
        Query(**words)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_no_keyword_takes_none_for_anything(word: str):
    with pytest.raises(QueryError, match=f"{word}=None says nothing"):
        Query(**{word: None})


@pytest.mark.parametrize("join", [any_of, not_])
def test_groups_of_nothing_are_refused(join: Any):
    with pytest.raises(QueryError, match="at least one query"):
        join()
    with pytest.raises(QueryError, match="empty query, which matches every work"):
        join(Query(site="kko"), {})


def test_two_conditions_on_one_field_are_both_kept():
    both = Query({"pipeline": "a"}, pipeline="b").where(pipeline=["c"])
    assert both.to_document() == {"pipeline": "a", "$and": [{"pipeline": "b"}, {"pipeline": {"$in": ["c"]}}]}


def test_a_period_stays_relative_until_it_is_sent():
    query = Query(older_than="60s")
    assert [query.to_document(now=now) for now in (100, datetime(1970, 1, 1, 0, 2, tzinfo=timezone.utc))] == [
        {"creation": {"$lt": 40.0}},
        {"creation": {"$lt": 60.0}},
    ]
