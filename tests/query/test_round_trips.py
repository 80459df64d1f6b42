"""A query survives its document, its source and its filters, and comes back equal."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import bucketsnb.query
from bucketsnb.query import Query, any_of, not_
from bucketsnb.query.filters import NAMED, Named
from tests.query.strategies import (
    NOW,
    a_document,
    a_query,
    an_object,
    has_open_moment,
    in_words,
    many,
    queries,
    quiet,
    seeded,
    some,
    tens,
)

pytestmark = pytest.mark.slow


def evaluated(source: str) -> Query:
    """Return what source makes where only the documented names are known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = eval(source, {"__builtins__": {}}, {"Query": Query, "any_of": any_of, "not_": not_})
    assert isinstance(made, Query)
    return made


@many
@given(tens(a_document) | tens(an_object))
def test_a_document_comes_back_exactly_with_its_types_and_its_order_of_keys(documents: list[dict[str, Any]]):
    for document in documents:
        query = quiet(document)
        if not has_open_moment(document):
            assert json.dumps(query.to_document(now=NOW)) == json.dumps(document)
        assert json.dumps(query.document) == json.dumps(document)


@pytest.mark.timeout(60)  # each level once took twice as long as the one in it
@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"$or": [inner, {"site": "x"}]},
        lambda inner: {"$nor": [inner]},
        lambda inner: {"$and": [{"user": "me"}], "$or": [inner, {"site": "x"}]},
        lambda inner: {"$and": [inner, {"user": "me"}], "$nor": [{"site": "x"}]},
    ],
    ids=["any", "none", "any within all", "all"],
)
def test_the_source_of_a_query_of_many_levels_is_written_and_read_back(around: Callable[[Any], Any]):
    document: dict[str, Any] = {"user": "me"}
    for _ in range(45):
        document = around(document)
    query = Query(document)
    assert Query.parse(query.to_code()) == query


@many
@given(tens(a_query))
def test_source_makes_an_equal_query(queries: list[Query]):
    for query in queries:
        assert evaluated(query.to_code()) == query


@some
@given(queries)
def test_pasted_source_makes_an_equal_query(query: Query):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Query.parse(query.to_code()) == query


@many
@given(tens(a_query))
def test_filters_make_an_equal_query(queries: list[Query]):
    for query in queries:
        assert Query.of(query.filters) == query


@some
@given(queries)
def test_a_saved_document_makes_an_equal_query_with_an_equal_hash(query: Query):
    again = quiet(query.document)
    assert (again, hash(again)) == (query, hash(query))


@some
@given(queries)
def test_json_text_makes_an_equal_query(query: Query):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Query.parse(json.dumps(query.document)) == query


@some
@given(queries)
def test_pickling_and_copying_make_an_equal_query(query: Query):
    assert pickle.loads(pickle.dumps(query)) == query
    assert copy.deepcopy(query) == copy.copy(query) == query


@some
@given(queries)
def test_asking_twice_or_for_nothing_more_changes_nothing(query: Query):
    assert query & query == query
    assert Query() & query == query & Query() == query


@some
@given(seeded(in_words))
def test_what_was_said_in_words_is_written_without_a_document(query: Query):
    for condition in (part for found in query.filters for part in found.parts or (found,)):
        alone = Query.of([condition])
        assert evaluated(alone.to_code()) == alone
        assert "Query({" not in alone.to_code()


@some
@given(queries)
def test_nothing_given_out_can_change_the_query(query: Query):
    before = query.to_code()
    for given_out in (query.document, query.to_document(now=NOW)):
        _spoil(given_out)
    for found in query.filters:
        _spoil(found.condition)
    assert query.to_code() == before


def _spoil(part: Any) -> None:
    for item in list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else ():
        _spoil(item)
    if isinstance(part, dict | list):
        part.clear()


def test_a_document_given_in_can_change_without_changing_the_query():
    document = {"event": {"$in": [1]}}
    query = Query(document)
    document["event"]["$in"].append(2)
    assert query.to_document() == {"event": {"$in": [1]}}


@pytest.mark.parametrize(
    ("query", "source"),
    [
        (Query(), "Query()"),
        (Query(status="failure", older_than="7d"), 'Query(status="failure", older_than="7d")'),
        (Query(older_than="36h"), 'Query(older_than="36h")'),
        (Query(exhausted=True), "Query(exhausted=True)"),
        (Query(overdue=False), "not_(Query(overdue=True))"),
        (Query(event=[1, 2]), "Query(event=[1, 2])"),
        (Query({"event": [1, 2]}), 'Query({"event": [1, 2]})'),
        (Query({"config.parent": None}), "Query(has_parent=False)"),
        (Query({"priority": {"$gt": 1, "$lt": 4}}), 'Query({"priority": {"$gt": 1, "$lt": 4}})'),
        (Query(since="2026-11-20T00:00:00Z"), 'Query(since="2026-11-20")'),
        (Query(pipeline={"$regex": "^dm"}), 'Query(pipeline={"$regex": "^dm"})'),
        (Query(site="kko") & Query(site="gbo"), 'Query(site="kko") & Query(site="gbo")'),
        (any_of(Query(site="kko"), Query(user="me")), 'any_of(Query(site="kko"), Query(user="me"))'),
    ],
)
def test_source_reads_as_a_person_would_write_it(query: Query, source: str):
    assert query.to_code() == repr(query) == source


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.word)
def test_one_row_makes_a_keyword_its_document_its_source_its_words_and_its_explanation(named: Named):
    query = Query(**{named.word: True})
    assert query.document == named.document
    assert query.to_code() == f"Query({named.word}=True)"
    assert Query.parse(query.to_code()) == query
    assert [found.keywords for found in query.filters] == [{named.word: True}]
    assert [report.text for report in query.explain({})] == [named.text]
    assert Query(**{named.word: False}) == not_(query)
    assert f"``{named.word}=True``" in (bucketsnb.query.__doc__ or "")


def test_long_source_is_one_keyword_a_line():
    query = Query(pipeline="baseband-localizer-outrigger-buffer", status="failure", site="kko", user="a-name", event=1)
    assert query.to_code().splitlines()[:2] == ["Query(", '    pipeline="baseband-localizer-outrigger-buffer",']
    assert evaluated(query.to_code()) == query
