"""Whatever JSON comes as a query or a projection is understood or refused, and nothing else happens."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketsnb.matching import QueryNotUnderstood, QueryTooSlow, compile_projection, compile_query
from tests.budget import examples

pytestmark = pytest.mark.slow

OPERATORS = [
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$and", "$or", "$nor", "$not", "$exists", "$type",
    "$size", "$all", "$elemMatch", "$regex", "$options", "$mod", "$expr", "$comment",
    "$add", "$subtract", "$multiply", "$ifNull", "$literal", "$cmp", "$where", "$ref", "$", "$$ROOT",
]  # fmt: skip
WORKS = [
    {},
    {"a": 1, "b": [1, "x", None, {"a": [2, [3]]}], "tags": ["x"], "0": {"a": True}},
    {"a": "text\n", "b": {"a": {"b": [[], {}]}}, "tags": None},
]

names = st.one_of(
    st.sampled_from(OPERATORS), st.sampled_from(["a", "b", "a.b", "b.0.a", "tags", "", "."]), st.text(max_size=4)
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.text("ab(){}[]*+?|\\^$.,:<=!&-#1dwsQEZxpVi", max_size=12),
    st.sampled_from(["$a", "$b.a", "$$ROOT", "i", "string", "number"]),
)
json = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=examples(200), deadline=None)
@given(st.one_of(st.dictionaries(names, json, max_size=4), json))
def test_a_query_is_understood_or_refused(document: Any) -> None:
    with suppress(QueryNotUnderstood, QueryTooSlow):
        matches = compile_query(document)
        assert {matches(work) for work in WORKS} <= {True, False}


@settings(max_examples=examples(150), deadline=None)
@given(st.text("ab(){}[]*+?|\\^$.,:<=!>&-#12dwsQEZxpVimU", max_size=16), st.text("imsxug", max_size=2))
def test_a_pattern_is_understood_or_refused(pattern: str, options: str) -> None:
    with suppress(QueryNotUnderstood, QueryTooSlow):
        matches = compile_query({"a": {"$regex": pattern, "$options": options}})
        assert matches({"a": "ab12 \n(a){1}"}) in (True, False)


@settings(max_examples=examples(200), deadline=None)
@given(st.one_of(st.dictionaries(names, leaves, max_size=4), json))
def test_a_projection_is_understood_or_refused(projection: Any) -> None:
    with suppress(QueryNotUnderstood):
        for work in WORKS:
            assert set(compile_projection(projection)(work)) <= set(work)
