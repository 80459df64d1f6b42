"""Projections keep and drop what MongoDB's do, and ``_id`` never comes out."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.collection import Collection

from bucketsnb.matching import QueryNotUnderstood, compile_projection

WORK = {
    "id": "a1",
    "status": "queued",
    "config": {"parent": "p", "archive": {"results": True, "logs": "move"}},
    "results": [{"snr": 9, "dm": 3}, 5, None, [{"snr": 1, "dm": 2}, 6], {}],
    "event": None,
    "empty": {},
}

PROJECTED = [
    ("nothing is asked: all", {}, WORK),
    ("without _id: all", {"_id": False}, WORK),
    ("one field", {"id": True}, {"id": "a1"}),
    ("by number", {"id": 1}, {"id": "a1"}),
    ("by a float", {"id": 1.0}, {"id": "a1"}),
    ("with _id, which does not come", {"_id": True, "id": True}, {"id": "a1"}),
    ("beside _id", {"_id": 0, "id": 1}, {"id": "a1"}),
    ("the work's order of fields", {"status": 1, "id": 1}, {"id": "a1", "status": "queued"}),
    ("a null field", {"event": 1}, {"event": None}),
    ("a missing field", {"nowhere": 1}, {}),
    ("a path", {"config.parent": 1}, {"config": {"parent": "p"}}),
    ("a path of three", {"config.archive.logs": 1}, {"config": {"archive": {"logs": "move"}}}),
    (
        "two paths",
        {"config.parent": 1, "config.archive.logs": 1},
        {"config": {"parent": "p", "archive": {"logs": "move"}}},
    ),
    ("a path that ends early", {"config.nowhere.x": 1}, {"config": {}}),
    ("a path through a scalar", {"status.x": 1}, {}),
    ("a path through null", {"event.x": 1}, {}),
    ("a path through an empty object", {"empty.x": 1}, {"empty": {}}),
    ("a path through a list", {"results.snr": 1}, {"results": [{"snr": 9}, [{"snr": 1}], {}]}),
    ("a number is no place in a list", {"results.0": 1}, {"results": [{}, [{}], {}]}),
    ("all but one", {"results": 0, "config": False, "empty": 0}, {"id": "a1", "status": "queued", "event": None}),
    (
        "all but one and _id",
        {"_id": 0, "results": 0, "config": 0, "empty": 0, "event": 0},
        {"id": "a1", "status": "queued"},
    ),
    ("all but a path", {"config.archive": 0}, WORK | {"config": {"parent": "p"}}),
    ("all but a path through a scalar", {"status.x": 0}, WORK),
    (
        "all but a path through a list",
        {"results.snr": 0},
        WORK | {"results": [{"dm": 3}, 5, None, [{"dm": 2}, 6], {}]},
    ),
]


@pytest.mark.parametrize(
    ("projection", "expected"), [case[1:] for case in PROJECTED], ids=[case[0] for case in PROJECTED]
)
def test_a_projection_gives_the_fields_that_mongodb_gives(projection: dict[str, Any], expected: dict[str, Any]) -> None:
    projected = compile_projection(projection)({"_id": 7, **WORK})
    assert projected == expected
    assert list(projected) == list(expected)


def test_the_engine_projects_so_too(collection: Collection[dict[str, Any]]) -> None:
    collection.insert_one({"_id": 7, **WORK})
    wrong = [
        name
        for name, projection, expected in PROJECTED
        if collection.find_one({}, {**projection, "_id": False}) != expected
    ]
    assert wrong == []


def test_only_the_id_of_the_store_is_nothing() -> None:
    assert compile_projection({"_id": True})({"_id": 7, **WORK}) == {}


def test_no_projection_is_the_whole_work_as_a_new_one() -> None:
    work = dict(WORK)
    assert compile_projection(None)(work) == work
    assert compile_projection(None)(work) is not work


REFUSED = [
    ("mixed", {"id": 1, "status": 0}, "either includes or excludes fields; 'status' mixes"),
    ("excluded but with _id", {"_id": 1, "status": 0}, "'_id' mixes"),
    ("text", {"id": "yes"}, "'id' is true, false, 1 or 0, not 'yes'"),
    ("another number", {"id": 2}, "is true, false, 1 or 0"),
    ("null", {"id": None}, "is true, false, 1 or 0"),
    ("an operator", {"tags": {"$slice": 1}}, "'tags' is true, false, 1 or 0"),
    ("NaN", {"id": float("nan")}, "is true, false, 1 or 0"),
    ("a list", ["id"], "a projection is an object, not a list"),
    ("a part of what is named", {"config": 1, "config.parent": 1}, "names 'config.parent' and also what it is part of"),
    ("a whole of what is named", {"config.parent": 1, "config": 1}, "names 'config' and also a part of it"),
    ("an empty name", {"a..b": 1}, "'a..b' is malformed"),
    ("a place", {"tags.$": 1}, "'tags.$' is malformed"),
    ("too long a path", {".".join("a" * 101): 1}, "is malformed"),
]


@pytest.mark.parametrize(("projection", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_projection_that_mongodb_refuses_is_refused_with_the_reason(projection: Any, message: str) -> None:
    with pytest.raises(QueryNotUnderstood) as refusal:
        compile_projection(projection)
    assert message in str(refusal.value)
