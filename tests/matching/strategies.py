"""Random works and random queries about them, close enough together that many match."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

LETTERS = ["", "a", "b", "A", "ab", "ba", "a\nb", "é"]
NUMBERS = [-5, -1, 0, 1, 2, 3, 7, 1.0, 1.5, -1.5, 2**31, 2**40, 1e300]

scalars = st.one_of(
    st.sampled_from([None, True, False]),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.sampled_from(LETTERS),
    st.just(float("nan")),
)
names = st.sampled_from(["a", "b", "0", "1"])


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3))


values = st.recursive(scalars, containers, max_leaves=6)
objects = st.dictionaries(names, values, max_size=3)

works = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["queued", "running", "success", "failure"]),
        "priority": st.one_of(st.integers(-2, 5), scalars),
        "attempt": st.one_of(st.none(), st.integers(0, 3), st.sampled_from([1.5, 2.0])),
        "retries": st.one_of(st.none(), st.integers(0, 3)),
        "tags": st.one_of(st.lists(st.one_of(st.sampled_from(LETTERS), scalars), max_size=3), values),
        "event": st.one_of(st.none(), st.lists(st.integers(0, 3), max_size=3), values),
        "config": st.one_of(objects, st.fixed_dictionaries({"parent": scalars, "archive": objects})),
        "results": st.one_of(st.lists(objects, max_size=3), values),
    },
)

paths = st.sampled_from(
    [
        "status",
        "priority",
        "attempt",
        "retries",
        "tags",
        "event",
        "config",
        "results",
        "config.parent",
        "config.archive",
        "config.archive.a",
        "config.a",
        "results.a",
        "results.b",
        "results.a.b",
        "results.a.a",
        "results.0",
        "results.1",
        "results.0.a",
        "results.0.0",
        "results.1.b",
        "results.a.0",
        "results.a.0.b",
        "results.0.a.b",
        "tags.0",
        "tags.1",
        "event.0",
        "event.a",
        "priority.a",
        "nowhere",
        "nowhere.a",
    ]
)

PATTERNS = ["a", "^a", "a$", "b", "^$", ".", "^A", "[ab]+$", r"\D", "^.b", "(a|b)b", "é"]
TYPES = ["double", "string", "object", "array", "bool", "null", "int", "long", "number", 1, 2, 3, 4, 8, 10, 16, 18]
fields = st.sampled_from(
    ["$attempt", "$retries", "$config.parent", "$config.archive.a", "$tags", "$event", "$nowhere.a"]
)
numbers = st.sampled_from(["$attempt", "$retries", "$nowhere", 0, 1, 2, 1.5, None])
lists_of_values = st.lists(values, max_size=4)

simple_operators = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), values),
    st.tuples(st.sampled_from(["$in", "$nin"]), lists_of_values),
    st.tuples(st.just("$all"), st.lists(scalars.filter(lambda value: value is not None), max_size=3)),
    st.tuples(st.just("$exists"), st.sampled_from([True, False, 0, 1, None])),
    st.tuples(st.just("$size"), st.integers(0, 3)),
    st.tuples(
        st.just("$type"), st.one_of(st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    ),
    st.tuples(st.just("$mod"), st.tuples(st.sampled_from([1, 2, 3, -2, 4.0]), st.sampled_from([0, 1, -1])).map(list)),
    st.tuples(st.just("$regex"), st.sampled_from(PATTERNS)),
)


def _object_of(pairs: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(pairs, min_size=1, max_size=most).map(dict)


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    element = st.one_of(inner, st.dictionaries(names, st.one_of(values, inner), max_size=2))
    return st.one_of(
        inner,
        inner.map(lambda operators: {"$not": operators}),
        element.map(lambda operand: {"$elemMatch": operand}),
        st.lists(element.map(lambda operand: {"$elemMatch": operand}), min_size=1, max_size=2).map(
            lambda parts: {"$all": parts}
        ),
        st.sampled_from(["i", "m", "s", "x", "im"]).flatmap(
            lambda options: st.sampled_from(PATTERNS).map(lambda pattern: {"$regex": pattern, "$options": options})
        ),
    )


operators = st.recursive(_object_of(simple_operators), _composed, max_leaves=3)

_number = st.one_of(
    numbers,
    st.tuples(st.sampled_from(["$add", "$subtract", "$multiply"]), numbers, numbers).map(
        lambda parts: {parts[0]: list(parts[1:])}
    ),
    st.tuples(numbers, numbers).map(lambda parts: {"$ifNull": list(parts)}),
)
_operand = st.one_of(fields, _number, scalars, values.map(lambda value: {"$literal": value}))
_comparisons = st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$cmp"]), _operand, _operand).map(
    lambda parts: {parts[0]: list(parts[1:])}
)
expressions = st.recursive(
    st.one_of(_comparisons, _comparisons, fields),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["$and", "$or"]), st.lists(inner, max_size=3)).map(lambda pair: dict([pair])),
        inner.map(lambda expression: {"$not": [expression]}),
    ),
    max_leaves=3,
)

_clauses = st.one_of(
    st.tuples(paths, operators),
    st.tuples(paths, operators),
    st.tuples(
        paths, values.filter(lambda value: not isinstance(value, dict) or not next(iter(value), "").startswith("$"))
    ),
    st.tuples(st.just("$expr"), expressions),
)
queries = st.recursive(
    _object_of(_clauses),
    lambda inner: st.tuples(st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: dict([pair])
    ),
    max_leaves=3,
)
