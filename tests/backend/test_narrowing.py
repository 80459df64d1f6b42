"""SQL narrows a query and never loses a work; where it says that it is exact, it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb.backend.stores.sqlite.narrowing import any_irregular, narrow
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from bucketsnb.matching import QueryNotUnderstood, compile_query
from tests.budget import examples
from tests.factory import make_work

VALUES = [None, True, 0, 1, 2, 3, 2.5, float("nan"), "", "a", "b", "é", "a\0b", "3", 2**63 - 1, -1]
PLACES = ["site", "user", "tags", "event", "config", "start", "priority", "attempt", "retries", "creation", "pipeline"]
PATHS = [*(place for place in PLACES if place != "config"), "config.parent", "id", "status", "parameters", "stop"]

value = st.sampled_from(VALUES)
anything = value | st.lists(value, max_size=3) | st.dictionaries(st.sampled_from(["parent", "x"]), value, max_size=2)
work = st.builds(
    make_work,
    site=anything,
    user=value,
    tags=anything | st.lists(anything, max_size=2),
    event=anything | st.lists(anything, max_size=2),
    config=anything | st.lists(st.builds(dict, parent=anything), max_size=2),
    start=st.sampled_from([None, 0.0, 1.0, 2.5]),
    creation=st.sampled_from([0.0, 1.0, 2.5, 3.0]),
    priority=st.integers(1, 3),
    attempt=st.integers(0, 3),
    retries=st.integers(0, 3),
    pipeline=st.sampled_from(["a", "b"]),
    status=st.sampled_from(["queued", "running", "failure"]),
)
condition = st.one_of(
    anything,
    st.builds(lambda word, of: {word: of}, st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), anything),
    st.builds(lambda word, of: {word: of}, st.sampled_from(["$in", "$nin", "$all"]), st.lists(anything, max_size=4)),
    st.builds(lambda least, most: {"$gte": least, "$lt": most}, value, value),
    st.builds(lambda yes: {"$exists": yes}, st.booleans()),
    st.builds(lambda of: {"$not": {"$eq": of}}, value),
)
simple = st.dictionaries(st.sampled_from(PATHS), condition, max_size=3)
compared = st.builds(
    lambda sign, left, right: {"$expr": {sign: [f"${left}", f"${right}"]}},
    st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
    st.sampled_from(["attempt", "retries", "priority", "start"]),
    st.sampled_from(["attempt", "retries", "timeout", "site"]),
)
query = st.one_of(
    simple,
    compared,
    st.builds(
        lambda word, parts, rest: {word: parts, **rest},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(simple | compared, min_size=1, max_size=3),
        simple,
    ),
)


@pytest.fixture(scope="module")
def store() -> Iterator[SQLiteStore]:
    opened = SQLiteStore()
    yield opened
    opened.close()


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works=st.lists(work, max_size=8), queries=st.lists(query, min_size=1, max_size=12))
def test_sql_never_loses_a_work_and_is_exact_where_it_says_so(
    store: SQLiteStore, works: list[dict[str, Any]], queries: list[dict[str, Any]]
) -> None:
    store.clear()
    store.load(works)
    held = json.loads(b"".join(store.view({})))
    for document in queries:
        try:
            matches = compile_query(document)
        except QueryNotUnderstood:
            continue
        meant = {one["id"] for one in held if matches(one)}
        with store._file.reading() as reader:
            found = narrow(document, irregular=any_irregular(reader))
            sql = f"SELECT body FROM works WHERE {found.sql}"
            narrowed = {msgspec.json.decode(body)["id"] for (body,) in reader.execute(sql, found.values)}
        assert meant <= narrowed, document
        assert meant == narrowed or not found.exact, document
        assert meant == {one["id"] for one in json.loads(b"".join(store.view(document)))}, document


INDEXED = [
    ({"id": "x"}, "works_id"),
    ({"pipeline": {"$in": ["x"]}}, "works_pipeline"),
    ({"pipeline": "x", "status": "queued"}, "works_pipeline_status"),
    ({"pipeline": "x", "status": "success"}, "works_pipeline_status"),
    ({"pipeline": "x", "status": {"$in": ["queued", "running"]}, "creation": {"$lt": 1.0}}, "works_pipeline ("),
    ({"status": "queued"}, "works_status"),
    ({"status": "failure"}, "works_status"),
    ({"status": {"$in": ["success", "failure"]}}, "works_status"),
    ({"status": {"$in": ["queued", "failure"]}}, "works_status"),
    ({"status": {"$in": ["running", "failure"]}}, "works_status"),
    ({"$or": [{"status": "running"}, {"site": "x"}]}, "works_status"),
    ({"status": "running"}, "works_status"),
    ({"status": {"$in": ["running"]}, "pipeline": "x", "site": "x"}, "works_pipeline_status"),
    ({"status": "running", "creation": {"$lt": 1.0}}, "works_status (status=? AND creation<?)"),
    ({"status": "running", "id": "x"}, "works_id"),
    ({"status": "running", "tags": "x"}, "SEARCH marks"),
    ({"site": "x"}, "works_site"),
    ({"user": "x"}, "works_user"),
    ({"config.parent": {"$in": ["x"]}}, "works_parent"),
    ({"creation": {"$lt": 1.0}}, "works_newest"),
    ({"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}, "creation": {"$gt": 1.0}}, "works_exhausted"),
    ({"event": {"$in": [1]}}, "SEARCH marks"),
    ({"tags": {"$in": ["x", "y"]}}, "SEARCH marks"),
    ({"id": {"$in": [f"{number:024x}" for number in range(40_000)]}}, "works_id"),
]


@pytest.mark.parametrize(("document", "index"), INDEXED, ids=[index + str(n) for n, (_, index) in enumerate(INDEXED)])
def test_what_the_clients_ask_is_exact_and_reads_an_index(
    store: SQLiteStore, document: dict[str, Any], index: str
) -> None:
    found = narrow(document)
    with store._file.reading() as reader:
        sql = f"EXPLAIN QUERY PLAN SELECT body FROM works WHERE {found.sql} ORDER BY creation DESC, rowid DESC"
        plan = " ".join(row[3] for row in reader.execute(sql, found.values))
    assert found.exact
    assert index in plan, plan
    assert "SCAN works" not in plan


def test_an_array_that_is_asked_for_is_looked_up_by_an_element_of_it(store: SQLiteStore) -> None:
    store.clear()
    store.load([make_work(event=event, user=user) for event, user in [([7], "same"), ([7, 8], "more"), ([8], "none")]])

    def found() -> set[str]:
        return {one["user"] for one in json.loads(b"".join(store.view({"event": [7]})))}

    assert "SELECT work FROM marks" in narrow({"event": [7]}).sql
    assert found() == {"same"}
    (nested,) = store.load([make_work(event=[[7], 9], user="an array among the events")])
    assert found() == {"same", "an array among the events"}
    store.update([{"id": nested, "event": [9]}])
    assert found() == {"same"}
    assert not narrow({"event": []}).exact


NAMES = [f"n{number}" for number in range(490)]
LARGE = [
    ({"$or": [{"pipeline": name} for name in NAMES * 4]}, True),
    ({"$or": [{"$or": [{"site": name} for name in NAMES]} for _ in range(4)], "pipeline": "a"}, True),
    ({"$and": [{"user": "u"} for _ in NAMES * 3]}, True),
    ({"$or": [{"pipeline": {"$in": [*NAMES, "a"]}} for _ in range(100)]}, True),
    ({"$and": [{"tags": {"$in": [*NAMES, "x"]}} for _ in range(100)]}, False),
]


@pytest.mark.parametrize(("document", "expected"), LARGE, ids=range(len(LARGE)))
def test_what_is_too_large_for_sqlite_is_left_to_the_matcher(
    store: SQLiteStore, document: dict[str, Any], expected: bool
) -> None:
    store.clear()
    held = [make_work(pipeline="a", site="n7", user="u"), make_work(pipeline="n7", site="a", user="n7")]
    store.load(held)
    matches = compile_query(document)
    found = json.loads(b"".join(store.view(document)))
    assert [one["user"] for one in found] == [one["user"] for one in reversed(held) if matches(one)]
    assert bool(found) is expected
    assert len(narrow(document).values) <= 32_766, "some builds of SQLite take no more"


def test_a_claim_from_many_queues_by_long_lists_is_no_failure(store: SQLiteStore) -> None:
    store.clear()
    (queued,) = store.deposit([make_work(pipeline="n7", site="n7", user="u")])
    lists = {name: {"$in": NAMES, "$nin": NAMES[8:]} for name in ("site", "priority", "id", "config.parent")}
    asked = {**lists, "pipeline": {"$in": NAMES[:100]}, "id": {"$nin": NAMES}, "priority": {"$nin": NAMES}}
    assert store.withdraw(asked) is None
    asked["config.parent"] = {"$nin": NAMES}
    assert json.loads(store.withdraw(asked) or b"{}")["id"] == queued


@pytest.mark.parametrize("document", [{}, {"parameters": None}], ids=str)
def test_skip_and_limit_may_be_as_large_as_they_get(store: SQLiteStore, document: dict[str, Any]) -> None:
    store.clear()
    store.load([make_work(), make_work()])
    most = 2**63 - 1
    found = [len(json.loads(b"".join(store.view(document, {}, skip, most)))) for skip in (1, most)]
    assert found == [1, 0]
