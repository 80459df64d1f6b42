"""Values sort as MongoDB sorts them."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given

from bucketsnb.matching import order_key

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
