"""POST /view."""

from __future__ import annotations

import json

import pytest
import requests

from bucketsnb import LocalBackend
from tests.factory import make_work, make_works

from .conftest import Asking


def names(works: list[dict[str, object]]) -> list[object]:
    return [work["user"] for work in works]


def test_the_newest_creation_comes_first_then_the_latest_deposit(ask: Asking) -> None:
    times = {"a": 5.0, "b": 9.0, "c": 5.0, "d": 7.0}
    ask.deposit(*(make_work(user=user, creation=creation) for user, creation in times.items()))
    assert names(ask.view()) == ["b", "d", "c", "a"]


@pytest.mark.parametrize("query", [{}, {"status": "queued"}, {"parameters": None}], ids=["all", "by SQL", "by matcher"])
@pytest.mark.parametrize(
    ("skip", "limit", "expected"),
    [
        (0, 2, [7, 6]),
        (5, 1, [2]),
        (6, 10, [1, 0]),
        (20, 5, []),
        (0, 0, list(range(7, -1, -1))),
        (0, None, list(range(7, -1, -1))),
        (0, -1, list(range(7, -1, -1))),
        (3, 0, [4, 3, 2, 1, 0]),
        (None, 1, [7]),
        (0, 1_000_000, list(range(7, -1, -1))),
    ],
)
def test_skip_and_limit_count_after_the_sort(
    ask: Asking, query: dict[str, object], skip: int | None, limit: int | None, expected: list[int]
) -> None:
    ask.deposit(*(make_work(user=str(number)) for number in range(8)))
    works = ask.json("POST", "/view", {"query": query, "projection": {"_id": False}, "skip": skip, "limit": limit})
    assert [str(number) for number in expected] == names(works)


def test_all_are_answered_when_nothing_is_asked(ask: Asking) -> None:
    ask.deposit(*make_works(150))
    assert len(ask.json("POST", "/view", {})) == 150


@pytest.mark.parametrize(
    ("projection", "expected"),
    [
        ({"results": True}, {"results": {"snr": 9, "locked": True}}),
        ({"results": 1, "_id": False}, {"results": {"snr": 9, "locked": True}}),
        ({"results.locked": True}, {"results": {"locked": True}}),
        ({"user": True, "priority": True}, {"user": "tester", "priority": 3}),
        ({"nothing": True}, {}),
        ({"config.archive.logs": True}, {"config": {"archive": {"logs": "move"}}}),
    ],
)
def test_a_projection_gives_what_it_names(ask: Asking, projection: dict[str, object], expected: object) -> None:
    ask.deposit(make_work(results={"snr": 9, "locked": True}))
    assert [expected] == ask.view(projection=projection)


@pytest.mark.parametrize("projection", [{}, None, {"_id": False}, {"_id": 0}])
def test_an_empty_projection_gives_whole_works(ask: Asking, projection: object) -> None:
    (one,) = ask.deposit(sent := make_work())
    assert [{**sent, "id": one, "status": "queued"}] == ask.view(projection=projection)


def test_a_projection_may_give_the_ids_alone(ask: Asking) -> None:
    ids = ask.deposit(*make_works(3))
    assert [{"id": one} for one in reversed(ids)] == ask.view(projection={"id": True, "_id": False})


def test_a_projection_may_leave_out(ask: Asking) -> None:
    ask.deposit(make_work())
    assert "config" not in ask.view(projection={"config": False})[0]


MEANINGS = [
    ({"user": "a"}, "a"),
    ({"id": {"$in": []}}, ""),
    ({"event": {"$in": [10]}}, "a"),
    ({"event": [9, 10]}, "a"),
    ({"event": 9}, "ab"),
    ({"event": {"$in": [9, "9"]}}, "ab"),
    ({"event": 9.0}, "ab"),
    ({"event": None}, "c"),
    ({"tags": {"$in": ["x", "nobody"]}}, "ab"),
    ({"tags": {"$all": ["x", "y"]}}, "a"),
    ({"tags": {"$size": 1}}, "b"),
    ({"tags": "x", "event": {"$ne": 10}}, "b"),
    ({"creation": {"$gt": 1.0}}, "bc"),
    ({"creation": {"$gte": 2.0, "$lt": 3.0}}, "b"),
    ({"creation": {"$gt": "1"}}, ""),
    ({"priority": {"$in": [1, 5]}}, "ac"),
    ({"priority": {"$nin": [1, 5]}}, "b"),
    ({"priority": True}, ""),
    ({"priority": {"$ne": 5}}, "bc"),
    ({"start": None}, "ac"),
    ({"start": {"$lt": 100}}, "b"),
    ({"start": {"$ne": None}}, "b"),
    ({"site": {"$in": [None, "kko"]}}, "bc"),
    ({"site": {"$nin": [None, "kko"]}}, "a"),
    ({"site": {"$ne": "chime"}}, "bc"),
    ({"site": {"$gt": "chime"}}, "b"),
    ({"config.parent": {"$in": ["p"]}}, "b"),
    ({"config.parent": "p"}, "b"),
    ({"config.parent": None}, "ac"),
    ({"$expr": {"$gte": ["$attempt", "$retries"]}}, "bc"),
    ({"$expr": {"$gte": ["attempt", "retries"]}}, ""),
    ({"$or": [{"user": "a"}, {"priority": 1}]}, "ac"),
    ({"$and": [{"event": 9}, {"priority": {"$lt": 5}}]}, "b"),
    ({"$nor": [{"user": "a"}]}, "bc"),
    ({"user": {"$not": {"$eq": "a"}}}, "bc"),
    ({"user": {"$regex": "^[ab]$"}}, "ab"),
    ({"results.snr": {"$exists": True}}, "b"),
    ({"results": {"snr": 9}}, "b"),
    ({"_id": "x"}, ""),
    ({"user": {"$in": ["a"]}, "$or": [{"event": 9}, {"results.snr": 9}]}, "a"),
]


@pytest.mark.parametrize(("query", "expected"), MEANINGS, ids=[json.dumps(query) for query, _ in MEANINGS])
def test_a_query_finds_the_works_it_means(ask: Asking, query: dict[str, object], expected: str) -> None:
    ask.deposit(
        make_work(user="a", creation=1.0, event=[9, 10], tags=["x", "y"], priority=5),
        make_work(
            user="b",
            creation=2.0,
            event=[9],
            tags=["x"],
            start=50.0,
            site="kko",
            attempt=2,
            config={"parent": "p"},
            results={"snr": 9},
        ),
        make_work(user="c", creation=3.0, priority=1, site=None, attempt=2, retries=1),
    )
    assert sorted(expected) == sorted(names(ask.view(query)))


def test_odd_works_are_found_by_what_is_inside_them(ask: Asking) -> None:
    ask.deposit(
        make_work(user="a", site=["kko", "gbo"]),
        make_work(user="b", config=[{"parent": "p"}, {"parent": "q"}]),
        make_work(user="c", site={"name": "kko"}),
        make_work(user=7),
    )
    assert names(ask.view({"site": "kko"})) == ["a"]
    assert names(ask.view({"config.parent": "q"})) == ["b"]
    assert names(ask.view({"site": {"name": "kko"}})) == ["c"]
    assert names(ask.view({"user": 7})) == [7]
    assert names(ask.view({"site.name": "kko"})) == ["c"]


@pytest.mark.slow
def test_a_hundred_thousand_ids_in_a_query(ask: Asking) -> None:
    ids = ask.deposit(*make_works(3))
    many = [f"{number:024x}" for number in range(100_000)]
    assert [ids[1]] == [work["id"] for work in ask.view({"id": {"$in": [*many, ids[1]]}})]
    assert len(ask.view({"id": {"$nin": [*many, ids[1]]}})) == 2


def test_text_with_a_null_character_is_found(ask: Asking) -> None:
    ask.deposit(make_work(user="a\0b"), make_work(user="a"))
    assert names(ask.view({"user": "a\0b"})) == ["a\0b"]
    assert names(ask.view({"user": {"$in": ["a\0b", *map(str, range(1_000))]}})) == ["a\0b"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"query": {"user": {"$gtt": 1}}}, "$gtt"),
        ({"query": {"$where": "1"}}, "$where"),
        ({"query": {"user": {"$regex": "("}}}, "regular expression"),
        ({"query": {"$or": []}}, "$or"),
        ({"query": []}, "Expected `object | null`, got `array` - at `$.query`"),
        ({"query": {}, "projection": ["id"]}, "`$.projection`"),
        ({"query": {}, "projection": {"id": True, "user": False}}, "projection"),
        ({"query": {}, "skip": -1}, "Expected `int` >= 0 - at `$.skip`"),
        ({"query": {}, "skip": "1"}, "Expected `int | null`, got `str` - at `$.skip`"),
        ({"query": {}, "limit": 1.5}, "`$.limit`"),
        ({"query": {}, "limit": 10**30}, "`$.limit`"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_a_400_that_names_it(ask: Asking, asked: dict[str, object], message: str) -> None:
    ask.deposit(make_work())
    answer = ask("POST", "/view", asked)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_catastrophic_regular_expression_ends_soon(ask: Asking) -> None:
    ask.deposit(make_work(user="a" * 40 + "b"))
    answer = ask("POST", "/view", {"query": {"user": {"$regex": "^(a|a)*$"}}})
    assert answer.status_code in (200, 400)
    assert answer.elapsed.total_seconds() < 40, "that is no busy machine, that is a hang"


@pytest.mark.slow
def test_a_large_answer_is_whole_json(ask: Asking) -> None:
    text = "é" * 2_000
    ask.deposit(*(make_work(user=str(number), results={"text": text}) for number in range(1_500)))
    works = ask.view()
    assert [str(number) for number in reversed(range(1_500))] == names(works)
    assert {text} == {work["results"]["text"] for work in works}


@pytest.mark.slow
def test_an_answer_that_nobody_reads_on_holds_up_nobody(ask: Asking, service: LocalBackend) -> None:
    ask.deposit(*(make_work(results={"text": "x" * 5_000}) for _ in range(3_000)))
    with requests.post(f"{service.url}/view", json={"query": {}}, stream=True, timeout=30) as unread:
        assert unread.raw.read(10) == b'[{"pipelin'
        assert ask.withdraw() is not None
        ask.deposit(make_work())
        assert len(ask.view({"status": "running"})) == 1
