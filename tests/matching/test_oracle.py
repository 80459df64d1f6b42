"""Random queries on random works: our matcher finds what a MongoDB-protocol engine finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from bucketsnb.matching import compile_query
from tests.budget import examples
from tests.engine import REAL_SERVER

from .strategies import queries, works

pytestmark = pytest.mark.slow

EXAMPLES, QUERIES, WORKS = examples(40), 30, 12


def test_finds_what_mongodb_finds(collection: Collection[dict[str, Any]]) -> None:
    compared, refused, strayed = 0, 0, 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,  # the engine's own mistakes would fail a run now and then
        database=None,
        suppress_health_check=list(HealthCheck),  # an example is a whole batch, on purpose
    )
    @given(st.lists(works, min_size=WORKS, max_size=WORKS), st.lists(queries, min_size=QUERIES, max_size=QUERIES))
    def agree(stored: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        nonlocal compared, refused, strayed
        collection.delete_many({})
        collection.insert_many([{**work, "_id": index} for index, work in enumerate(stored)])
        for query in asked:
            matches = compile_query(query)
            ours = {index for index, work in enumerate(stored) if matches(work)}
            try:
                theirs = {found["_id"] for found in collection.find(query, {"_id": True})}
            except OperationFailure:
                refused += 1
                continue
            compared += 1
            if theirs != ours and not REAL_SERVER and strays(query):
                strayed += 1
                continue
            assert theirs == ours, query

    agree()
    assert compared >= 1_100
    assert refused <= compared / 100
    assert strayed <= compared / 100


def strays(query: Any) -> bool:
    """Whether the query holds what the engine is known to answer otherwise (see ``cases.ENGINE_DIFFERS``)."""
    if isinstance(query, list):
        return any(map(strays, query))
    if not isinstance(query, dict):
        return False
    return any(_strays(name, operand) or strays(operand) for name, operand in query.items())


def _strays(name: str, operand: Any) -> bool:
    if name in ("$gt", "$gte", "$lt", "$lte") and not isinstance(operand, list):
        return isinstance(operand, dict)  # two objects are put in another order
    if name == "$elemMatch":
        return not next(iter(operand), "").startswith("$")  # a list among lists is not taken for an object
    if not name.startswith("$") and any(part.isdigit() for part in name.split(".")):
        return _holds_null(operand)  # null is found beyond the end of a list
    return False


def _holds_null(operand: Any) -> bool:
    inner = operand.values() if isinstance(operand, dict) else operand if isinstance(operand, list) else ()
    return operand is None or any(map(_holds_null, inner))
