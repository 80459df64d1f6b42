"""Explanations: which condition a work fails, and which one leaves an answer empty, in few counts."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bucketsnb.matching import compile_query
from bucketsnb.query import Query, any_of, explain_empty, explain_work, not_
from tests.factory import CREATION, make_work


def verdicts(query: Query, **changes: Any) -> list[bool | None]:
    work = make_work(**{"creation": CREATION, **changes})
    return [report.passes for report in explain_work(query, work, now=CREATION + 60)]


def test_each_condition_is_judged_alone():
    query = Query(status="failure", site="kko", event=[1, 2], older_than="30s", priority=">=4")
    assert verdicts(query, status="failure", site="gbo", event=[2, 3], priority=3) == [True, False, True, True, False]


def test_what_the_work_holds_stands_beside_each_condition():
    query = Query({"results.snr": {"$gt": 5}}, exhausted=True, since=CREATION, has_parent=True, tags="low")
    work = make_work(status="failure", attempt=1, creation=CREATION, tags=["high", "low"])
    assert [(report.text, report.value) for report in explain_work(query, work)] == [
        ("exhausted: failed with no attempts left", "status failure, attempt 1, retries 2"),
        ("results.snr is more than 5", "missing"),
        ("created since 2026-09-21 14:13:20 UTC", "2026-09-21 14:13:20 UTC"),
        ("has parent", "null"),
        ("tags is low", "high, low"),
    ]


def test_times_are_told_to_what_decides():
    (report,) = explain_work(Query(until="2026-11-20T12:00:30Z"), make_work(creation=1795176030.5))
    assert (report.text, report.value) == ("created before 2026-11-20 12:00:30 UTC", "2026-11-20 12:00:30.5 UTC")
    (report,) = explain_work(Query(until="2026-11-20"), make_work(creation=1e300))
    assert (report.text, report.value) == ("created before 2026-11-20 00:00 UTC", "1e+300 s since 1970")


@pytest.mark.parametrize(
    "document",
    [
        {"$where": "true"},
        {"event": {"$bitsAllSet": 1}},
        {"user": {"$regex": "(?C1)a"}},
        {"$or": [{"site": "chime"}, {"$where": "true"}]},
        {"$expr": {"$gt": [{"$strLenCP": "$user"}, 3]}},
        {"$or": [{"site": "kko"}, {"$where": "true"}]},
        {"$and": []},
        {"$or": "text"},
    ],
)
def test_what_is_not_known_here_is_not_guessed(document: dict[str, Any]):
    assert verdicts(Query(document)) == [None]


def test_regular_expressions_are_told_too():
    assert verdicts(Query({"user": {"$regex": "^TEST", "$options": "i"}})) == [True]
    assert verdicts(Query({"user": {"$regex": "(x+)+$"}})) == [False]


def test_without_the_library_for_them_regular_expressions_are_not_guessed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "bucketsnb.matching.patterns", raising=False)
    monkeypatch.setitem(sys.modules, "regex", None)
    assert verdicts(Query({"user": {"$regex": "^t"}}, site="chime")) == [None, True]


def test_an_explanation_shows_the_same_facts_as_text_and_as_html():
    shown = Query(site="<b>", status="created").explain(make_work())
    assert str(shown).splitlines()[1:] == ["site is <b>        no   chime", "status is created  yes  created"]
    assert "site is &lt;b&gt;" in shown._repr_html_()


def test_each_condition_that_must_hold_is_explained_on_its_own():
    query = Query(site="kko") & Query(site="gbo") & any_of(Query(user="me"), Query(overdue=True)) & not_(event=1)
    assert [report.text for report in explain_work(query, {})] == [
        "site is kko",
        "site is gbo",
        "either (user is me) or (overdue: running past its own timeout)",
        "not (event is 1)",
    ]


class Counter:
    """Counts matching works among a few, and how often it was asked."""

    def __init__(self, *works: dict[str, Any]) -> None:
        self.works = works
        self.asked: list[Query] = []

    def __call__(self, query: Query) -> int:
        self.asked.append(query)
        return sum(map(compile_query(query.to_document()), self.works))


def test_the_condition_that_empties_an_answer_is_named_with_what_may_have_been_meant():
    count = Counter(make_work(site="kko", status="failure"), make_work(site="gbo", status="queued"))
    query = Query(pipeline="baseband-convertr", site="kko", status="failure")
    rows = explain_empty(query, count, {"pipeline": ["baseband-converter", "notify"]}.__getitem__)
    assert [(row.text, row.without, row.alone, row.suggestion) for row in rows] == [
        ("pipeline is baseband-convertr", 1, 0, "did you mean baseband-converter?"),
        ("site is kko", 0, None, ""),
        ("status is failure", 0, None, ""),
    ]
    assert len(count.asked) == 4


def test_where_no_single_condition_is_to_blame_each_is_counted_alone():
    count = Counter(make_work(site="kko", user="me", priority=1))
    rows = explain_empty(Query(site="gbo", user="you", priority=1), count)
    assert [(row.without, row.alone) for row in rows] == [(0, 0), (0, 0), (0, 1)]
    assert len(count.asked) == 6


def test_no_count_is_asked_for_twice():
    count = Counter(make_work(site="kko"))
    rows = explain_empty(Query(site="gbo", user="tester"), count)
    assert [(row.without, row.alone) for row in rows] == [(1, 0), (0, 1)]
    assert len(count.asked) == len(set(count.asked)) == 2


def test_a_query_that_asks_nothing_has_nothing_to_explain():
    assert explain_empty(Query(), Counter()) == []
