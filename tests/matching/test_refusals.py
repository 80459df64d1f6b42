"""What is not understood is refused when the query is compiled, with a message that names the culprit."""

from __future__ import annotations

from typing import Any

import pytest

from bucketsnb.matching import QueryNotUnderstood, compile_query


def nested(levels: int, kind: str) -> Any:
    document: Any = {"a": 1}
    for _ in range(levels):
        document = {"list": [document], "and": {"$and": [document]}, "object": {"a": document}}[kind]
    return document


REFUSED = [
    ("no object", ["a"], "a query is an object, not a list"),
    ("null", None, "a query is an object, not null"),
    ("an unknown operator on a field", {"status": {"$gtr": 1}}, "'status' has the unknown operator $gtr"),
    ("the nearest operators are named", {"status": {"$gtr": 1}}, "$gt or $gte"),
    ("an unknown operator at the top", {"$where": "1"}, "the unknown operator $where"),
    ("what is supported is named", {"$jsonSchema": {}}, "$and, $comment, $expr, $nor, $or"),
    ("a field's operator at the top", {"$in": [1]}, "$in stands under a field"),
    ("$and under a field", {"a": {"$and": []}}, "unknown operator $and"),
    ("a name among operators", {"a": {"$gt": 1, "b": 2}}, "unknown operator b"),
    ("$comment under a field", {"a": {"$eq": 1, "$comment": "x"}}, "unknown operator $comment"),
    ("$and of no list", {"$and": {}}, "$and needs a list of at least one query"),
    ("$or of nothing", {"$or": []}, "$or needs a list of at least one query"),
    ("$nor of a value", {"$nor": [1]}, "a query is an object, not a number"),
    ("$in of text", {"tags": {"$in": "a"}}, "$in on 'tags' needs a list, not text"),
    ("$nin of an object", {"tags": {"$nin": {}}}, "$nin on 'tags' needs a list, not an object"),
    ("$all of a number", {"tags": {"$all": 1}}, "$all on 'tags' needs a list, not a number"),
    ("$in of a pattern", {"a": {"$in": [{"$regex": "x"}]}}, "$in on 'a' takes values, not $regex; use $or"),
    ("$all of values and $elemMatch", {"a": {"$all": [1, {"$elemMatch": {}}]}}, "takes values, not $elemMatch"),
    ("$all of $elemMatch and values", {"a": {"$all": [{"$elemMatch": {}}, 1]}}, "either values or $elemMatch"),
    ("$elemMatch of a list", {"a": {"$elemMatch": []}}, "$elemMatch on 'a' needs an object, not a list"),
    ("$expr in $elemMatch", {"a": {"$elemMatch": {"$expr": True}}}, "$expr looks at whole works"),
    ("$not of a value", {"a": {"$not": 1}}, "$not on 'a' needs an object of operators; for a value use $ne"),
    ("$not of nothing", {"a": {"$not": {}}}, "$not on 'a' needs an object of operators"),
    ("$not of names", {"a": {"$not": {"b": 1}}}, "unknown operator b"),
    ("$size of text", {"a": {"$size": "1"}}, "$size on 'a' needs a whole number, not text"),
    ("$size of true", {"a": {"$size": True}}, "needs a whole number, not a boolean"),
    ("$size of a fraction", {"a": {"$size": 1.5}}, "needs a whole number from 0, not 1.5"),
    ("$size of NaN", {"a": {"$size": float("nan")}}, "needs a whole number from 0, not nan"),
    ("$size below 0", {"a": {"$size": -1}}, "needs a whole number from 0, not -1"),
    ("$type unknown", {"a": {"$type": "text"}}, "knows no type 'text'; in JSON there are double, string"),
    ("$type of a wrong number", {"a": {"$type": 0}}, "knows no type 0"),
    ("$type of true", {"a": {"$type": True}}, "knows no type True"),
    ("$type of nothing", {"a": {"$type": []}}, "needs at least one type"),
    ("$mod of one", {"a": {"$mod": [2]}}, "a list of two numbers"),
    ("$mod of three", {"a": {"$mod": [2, 1, 0]}}, "a list of two numbers"),
    ("$mod of text", {"a": {"$mod": ["2", 0]}}, "a list of two numbers"),
    ("$mod by 0", {"a": {"$mod": [0, 1]}}, "cannot divide by 0"),
    ("$mod by less than 1", {"a": {"$mod": [0.5, 1]}}, "cannot divide by 0"),
    ("$mod by infinity", {"a": {"$mod": [float("inf"), 1]}}, "needs finite numbers"),
    ("$regex of a number", {"a": {"$regex": 1}}, "$regex on 'a' needs text, not a number"),
    ("$options of a list", {"a": {"$regex": "a", "$options": ["i"]}}, "$options on 'a' needs text, not a list"),
    ("$options alone", {"a": {"$options": "i"}}, "$options on 'a' needs a $regex beside it"),
    ("$options unknown", {"a": {"$regex": "a", "$options": "ig"}}, "$options holds 'g', and only i, m, s and x"),
    ("an unknown operator in $expr", {"$expr": {"$divide": [1, 2]}}, "$expr knows no $divide; it knows $add"),
    ("two operators in one expression", {"$expr": {"$gt": [1, 2], "$lt": [1, 2]}}, "one operator, not $gt and $lt"),
    ("too few values in $expr", {"$expr": {"$gt": ["$a"]}}, "$gt in $expr needs 2 values, not 1"),
    ("too many values in $expr", {"$expr": {"$size": ["$a", "$b"]}}, "$size in $expr needs 1 value, not 2"),
    ("$ifNull of one", {"$expr": {"$ifNull": ["$a"]}}, "needs at least 2 values, not 1"),
    ("a variable in $expr", {"$expr": {"$gt": ["$$NOW", 1]}}, "$expr knows no variables, so not '$$NOW'"),
    ("$ alone in $expr", {"$expr": {"$eq": ["$", 1]}}, "'$' in $expr is no field path"),
    ("an empty part of a path in $expr", {"$expr": "$a..b"}, "'$a..b' in $expr is no field path"),
    ("an object in $expr", {"$expr": {"$eq": ["$a", {"b": 1}]}}, "$expr knows no b; it knows $add, $and, $cmp"),
    ("a larger object in $expr", {"$expr": {"$eq": ["$a", {"b": 1, "c": 2}]}}, "use $literal for an object"),
    ("an operator deep in a query", {"$or": [{"a": {"$not": {"$near": 1}}}]}, "'a' has the unknown operator $near"),
    ("what is not JSON", {"a": {1, 2}}, "a query is JSON, and holds no set"),
    ("a name that is no text", {1: 2}, "field names are text, and 1 is a number"),
    ("a null character in a name", {"a\0b": 1}, "hold no null character"),
    ("half a surrogate pair", {"a": "\ud800"}, r"not Unicode: '\ud800'"),
    ("an integer over 64 bits", {"a": 2**63}, "more than 64 bits"),
    ("an integer under 64 bits", {"a": -(2**63) - 1}, "more than 64 bits"),
    ("lists too deep", {"a": nested(100_000, "list")}, "nested more than 60 levels deep"),
    ("objects too deep", nested(61, "object"), "nested more than 60 levels deep"),
    ("$and too deep", nested(61, "and"), "nested more than 60 levels deep"),
    ("too many values", {"a": {"$in": list(range(250_001))}}, "more than 250,000 values"),
    ("too many conditions", {"$or": [{"a": 1}] * 2_001}, "more than 2,000 conditions"),
    ("too large an expression", {"$expr": {"$or": [{"$eq": ["$a", 1]}] * 700}}, "more than 2,000 conditions"),
    ("too long a list in $expr", {"$expr": {"$eq": ["$a", {"$literal": [1] * 2_000}]}}, "more than 2,000 conditions"),
    ("a path too long", {".".join("a" * 101): 1}, "more than 100 parts"),
]


@pytest.mark.parametrize(("query", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_query_that_mongodb_refuses_is_refused_with_the_reason(query: Any, message: str) -> None:
    with pytest.raises(QueryNotUnderstood) as refusal:
        compile_query(query)
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_a_query_of_just_the_allowed_depth_is_understood() -> None:
    assert compile_query(nested(29, "and"))({"a": 1})


def test_an_expression_that_computes_with_text_says_so() -> None:
    matches = compile_query({"$expr": {"$gt": [{"$add": ["$attempt", 1]}, 1]}})
    with pytest.raises(QueryNotUnderstood, match=r"\$add in \$expr computes with numbers, and a work has text there"):
        matches({"attempt": "1"})


def test_an_expression_that_counts_no_list_says_so() -> None:
    matches = compile_query({"$expr": {"$gt": [{"$size": "$event"}, 1]}})
    with pytest.raises(QueryNotUnderstood, match=r"\$size in \$expr counts a list, and a work has nothing there"):
        matches({})


def test_a_work_that_is_nested_without_end_is_no_recursion_error() -> None:
    matches = compile_query({"$expr": {"$eq": ["$a", "$b"]}})
    with pytest.raises(QueryNotUnderstood, match="nested too deeply in a work"):
        matches({"a": nested(5_000, "list"), "b": nested(5_000, "list")})


@pytest.mark.timeout(60)
def test_a_path_through_lists_of_objects_that_are_named_by_numbers_comes_to_an_end() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [{"0": deep}]
    assert [compile_query({"a" + ".0" * 99: value})({"a": deep}) for value in (1, 5, None)] == [True, False, True]


@pytest.mark.timeout(60)
def test_a_type_that_is_named_often_is_looked_for_once() -> None:
    matches = compile_query({"a": {"$type": ["string"] * 200_000}})
    assert not any(matches({"a": [1] * 100}) for _ in range(1_000))


def test_a_later_change_of_the_document_changes_nothing() -> None:
    document: dict[str, Any] = {"a": {"$in": ["x"]}}
    matches = compile_query(document)
    document["a"]["$in"].append("y")
    assert not matches({"a": "y"})


def test_ten_thousand_ids_are_as_quick_as_one() -> None:
    ids = [f"{number:024x}" for number in range(10_000)]
    matches = compile_query({"id": {"$in": ids}})
    assert [matches({"id": ids[9_999]}), matches({"id": "x"}), matches({})] == [True, False, False]


def test_a_long_mixed_list_keeps_the_rules_of_types() -> None:
    matches = compile_query({"a": {"$in": [*range(10_000), "x", None, True]}})
    asked = [1.0, True, False, None, "x", "1", 10_000, [5], [[5]], {"a": 5}]
    assert [matches({"a": value}) for value in asked] == [1, 1, 0, 1, 1, 0, 0, 1, 0, 0]
