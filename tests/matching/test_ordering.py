"""Values sort as MongoDB sorts them."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from pymongo.collection import Collection

from bucketsnb.matching import descending_key, order_key
from bucketsnb.matching.ordering import MISSING

from .strategies import values

ASCENDING = [
    None, float("nan"), float("-inf"), -1, 0, 0.5, 2, 2**53, 2**53 + 1, 1e300, "", "Z", "a", "aa", "é",
    {}, {"a": None}, {"a": 1}, {"b": 1}, {"a": "x"}, {"a": "x", "b": 0}, [], [None], [1], [1, 1], [2], ["x"],
    False, True,
]  # fmt: skip


def test_types_come_before_values() -> None:
    shuffled = random.Random(1).sample(ASCENDING, len(ASCENDING))
    assert str(sorted(shuffled, key=order_key)) == str(ASCENDING)


@given(values, values)
def test_equal_keys_are_equal_values(left: Any, right: Any) -> None:
    assert (order_key(left) == order_key(right)) is (
        not order_key(left) < order_key(right) and not order_key(right) < order_key(left)
    )
    assert hash(order_key(left)) == hash(order_key(left))


def test_a_descending_sort_takes_the_largest_of_a_list(collection: Collection[dict[str, Any]]) -> None:
    stored = [5, [1, 9], 7, [], None, "x", [3, "y"], 8.5, True]
    collection.insert_many([{"_id": index, "a": value} for index, value in enumerate(stored)])
    theirs = [found["a"] for found in collection.find().sort("a", -1)]
    assert sorted(stored, key=descending_key, reverse=True) == theirs


def test_a_missing_value_sorts_as_null() -> None:
    assert descending_key(MISSING) == descending_key(None)
