"""Claims from a SQLite file: the work that comes first by the rules, found without reading the queue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from bucketsnb.matching import compile_query
from tests.budget import examples
from tests.factory import make_work, make_works

TAGS = ["x", "y", 1, True, None, ["x"]]

tags = st.lists(st.sampled_from(TAGS), max_size=3) | st.sampled_from([None, "x", 1])
texts = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)
fields = {
    "pipeline": st.sampled_from(["a", "b"]),
    "site": st.sampled_from(["chime", "kko", None, ["kko"]]),
    "user": st.sampled_from(["u", "v"]),
    "tags": tags,
    "event": st.lists(st.sampled_from([1, 2, 2.0]), max_size=2),
    "priority": st.integers(1, 3),
    "creation": st.sampled_from([1.0, 2.0]),
    "config": st.sampled_from([None, {"parent": "p"}, {"parent": "q"}]),
    "status": st.sampled_from(["queued", "queued", "failure"]),
}
work = st.builds(make_work, **fields)
query = st.fixed_dictionaries(
    {"pipeline": st.sampled_from(["a", "b", "c"]) | st.builds(lambda names: {"$in": names}, texts)},
    optional={
        "site": st.sampled_from(["chime", "kko"]),
        "user": st.just("u"),
        "tags": st.sampled_from(["x", {"$in": ["x", "y"]}, {"$in": [1]}, {"$in": ["x", None]}, {"$in": []}]),
        "event": st.sampled_from([1, {"$in": [2, 1]}, {"$in": [2.0]}]),
        "priority": st.sampled_from([2, {"$gte": 2}]),
        "config.parent": st.sampled_from(["p", {"$in": ["p", "q"]}, {"$in": ["p"]}]),
    },
)


@pytest.fixture(scope="module")
def store() -> Iterator[SQLiteStore]:
    opened = SQLiteStore()
    yield opened
    opened.close()


def expected(held: list[dict[str, Any]], asked: dict[str, Any]) -> list[str]:
    """Give the ids of the queued works that match, in the order of the rules."""
    matches = compile_query(asked)
    queued = [one for one in held if one["status"] == "queued" and matches(one)]
    return [one["id"] for one in sorted(queued, key=lambda one: (-one["priority"], one["creation"], one["id"]))]


def claimed(store: SQLiteStore, asked: dict[str, Any]) -> list[str]:
    return [json.loads(one)["id"] for one in iter(lambda: store.withdraw(asked), None)]


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works=st.lists(work, max_size=8), changes=st.lists(st.builds(dict, **fields), max_size=8), asked=query)
def test_works_are_claimed_in_the_order_of_the_rules_whatever_became_of_them_before(
    store: SQLiteStore, works: list[dict[str, Any]], changes: list[dict[str, Any]], asked: dict[str, Any]
) -> None:
    store.clear()
    # The ids rise in the order of deposit, which decides where all else is equal.
    works = [{**one, "id": f"{number:024x}"} for number, one in enumerate(works)]
    store.load(works)
    assert claimed(store, asked) == expected(works, asked)
    held = [{**one, **change} for one, change in zip(works, changes, strict=False)]
    store.update([{**change, "id": one["id"]} for one, change in zip(works, changes, strict=False)])
    store.delete([one["id"] for one in works[len(held) :]])
    assert claimed(store, asked) == expected(held, asked)


FILTERS: list[dict[str, Any]] = [
    {},
    {"site": "kko"},
    {"site": "nowhere"},
    {"priority": 3},
    {"priority": {"$gte": 3}},
    {"tags": {"$in": ["common"]}},
    {"tags": {"$in": ["rare"]}},
    {"tags": {"$in": ["rare", "none"]}, "site": "kko", "priority": 2},
    {"event": {"$in": [7]}},
    {"config.parent": {"$in": ["p"]}},
    {"config.parent": "none"},
    {"id": "x"},
]


@pytest.fixture(scope="module")
def queues() -> Iterator[tuple[SQLiteStore, SQLiteStore]]:
    """A short queue and one of a hundred times its length, alike in what can be claimed."""
    short, long = SQLiteStore(), SQLiteStore()
    rare = make_work(pipeline="a", tags=["rare"], event=[7], site="kko", priority=2, config={"parent": "p"})
    for store, length in ((short, 20), (long, 2_000)):
        store.deposit([rare, *(common(number) for number in range(length))])
    yield short, long
    short.close()
    long.close()


def common(number: int) -> dict[str, Any]:
    marks = {"tags": ["common", f"own-{number}"], "event": [10 + number]}
    return make_work(pipeline="ab"[number % 2], site="chime", priority=1 + number % 5, **marks)


def steps(store: SQLiteStore, asked: dict[str, Any]) -> int:
    """Count what SQLite does for a claim, in tens of its instructions; the work is queued again."""
    counted = [0]
    store._file.writer.set_progress_handler(lambda: counted.__setitem__(0, counted[0] + 1), 10)
    claimed = store.withdraw(asked)
    store._file.writer.set_progress_handler(None, 0)
    if claimed is not None:
        store.update([{"id": json.loads(claimed)["id"], "status": "queued"}])
    return counted[0]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("pipeline", ["a", {"$in": ["a"]}, {"$in": ["a", "b", "c"]}], ids=str)
def test_what_runners_ask_for_costs_the_same_in_a_queue_a_hundred_times_as_long(
    queues: tuple[SQLiteStore, SQLiteStore], pipeline: object, filters: dict[str, Any]
) -> None:
    short, long = (steps(store, {"pipeline": pipeline, **filters}) for store in queues)
    assert 0 < long < 2 * short + 10


def test_a_claim_by_tag_does_not_pay_for_the_works_that_run(store: SQLiteStore) -> None:
    store.clear()
    ids = store.deposit([make_work(pipeline="a", tags=["x"]) for _ in range(2_000)])
    asked = {"pipeline": "a", "tags": {"$in": ["x"]}}
    fresh = steps(store, asked)
    for _ in range(1_500):
        store.withdraw({"pipeline": "a"})
    assert steps(store, asked) < 2 * fresh
    assert [json.loads(store.withdraw(asked) or b"{}")["id"] for _ in range(40)] == ids[1_500:1_540]
    store.update([{"id": ids[0], "status": "queued"}])
    assert json.loads(store.withdraw(asked) or b"{}")["id"] == ids[0]


@pytest.mark.parametrize(
    "filters", [{"user": "x"}, {"parameters.snr": {"$gt": 8}}, {"creation": {"$lt": 1.0}}], ids=str
)
def test_what_takes_a_search_locks_nothing_while_it_searches(store: SQLiteStore, filters: dict[str, Any]) -> None:
    store.clear()
    store.deposit([make_work(pipeline="a") for _ in range(3)])
    said: list[str] = []
    store._file.writer.set_trace_callback(said.append)
    assert store.withdraw({"pipeline": "a", **filters}) is None
    store._file.writer.set_trace_callback(None)
    assert said == []


AS_QUEUED = {"start": None, "stop": None, "attempt": 0, "status": "queued"}


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": AS_QUEUED},
        {"parameters": {"text": json.dumps(AS_QUEUED, separators=(",", ":"))}, "attempt": 4},
        {"notify": AS_QUEUED, "extra": [AS_QUEUED], "start": 1.5, "stop": 2.5},
        {"parameters": {"a": 1.10, "b": "\0\u2028é", "c": 10**18}, "tags": ['"status":"queued"']},
    ],
    ids=str,
)
@pytest.mark.parametrize("ordered", [True, False], ids=["as the public client", "in another order"])
def test_a_claim_changes_what_a_claim_changes_and_nothing_else(
    store: SQLiteStore, changes: dict[str, Any], ordered: bool
) -> None:
    store.clear()
    given = {**make_work(pipeline="a"), **changes}
    work = given if ordered else {**given, **{name: given.pop(name) for name in AS_QUEUED}}
    store.deposit([work])
    (before,) = json.loads(b"".join(store.view({})))
    claimed = json.loads(store.withdraw({"pipeline": "a"}) or b"")
    (after,) = json.loads(b"".join(store.view({})))
    assert claimed == after
    assert time.time() - 60 < after["start"] <= time.time()
    changed = {"status": "running", "stop": None, "attempt": before["attempt"] + 1, "start": after["start"]}
    assert after == {**before, **changed}
    assert list(after) == list(before)


def test_a_work_that_another_program_wrote_without_its_status_stands_in_no_ones_way(store: SQLiteStore) -> None:
    store.clear()
    ids = store.deposit(make_works(2, pipeline="a"))
    with store._file.changing() as writer:
        writer.execute("UPDATE works SET body = json_remove(body, '$.status') WHERE id = ?", (ids[0],))
        writer.execute("UPDATE works SET body = json_set(body, '$.status', 7) WHERE id = ?", (ids[1],))
    claims = [json.loads(store.withdraw({"pipeline": "a"}) or b"") for _ in ids]
    assert [(work["id"], work["status"]) for work in claims] == [(one, "running") for one in ids]
