"""Query documents: made plain JSON, joined, compared, and their values written as Python source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from bucketsnb.display.texts import printable
from bucketsnb.encoding import values
from bucketsnb.encoding.cells import is_missing
from bucketsnb.errors import QueryError
from bucketsnb.query.times import is_ago, moment, seconds_of
from bucketsnb.schema import TIME_FIELDS

__all__ = [
    "GROUPS",
    "SEPARABLE",
    "Document",
    "canonical",
    "is_branches",
    "is_operators",
    "join",
    "literal",
    "paths_in",
    "plain",
    "same",
]

Document = dict[str, Any]

GROUPS = ("$and", "$or", "$nor")
"""Operators over whole query documents."""

SEPARABLE = frozenset(
    {
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$all", "$exists", "$size", "$mod", "$type",
        "$elemMatch", "$not", "$regex",
    }
)  # fmt: skip
"""Operators that mean the same alone and beside another one on their field (``$options``, for one, does not)."""

_TIMES = frozenset(TIME_FIELDS)


def plain(value: Any, path: str = "") -> Any:
    """Return a deep copy of a part of a query document in plain JSON types, as works are sent in them.

    Moments become epoch seconds under a field that holds times. Missing values of pandas are refused, as null finds
    other works than were meant. An error names the place, which is below `path`.
    """
    try:
        return values.plain(_with_seconds(value, path, values.DEEPEST), path, values.DEEPEST)
    except values.UnfitError as error:
        raise QueryError(f"{printable(error.path or 'the query')} {error.reason}") from None


def _with_seconds(value: Any, path: str, depth: int) -> Any:
    if depth < 0:
        return value  # to be refused
    if isinstance(value, Mapping):
        return {
            key: _with_seconds(item, f"{path}.{key}" if path else str(key), depth - 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple) or _is_array(value):
        return [_with_seconds(item, path, depth - 1) for item in value]
    is_moment = hasattr(value, "isoformat") or type(value).__name__ == "datetime64"
    if is_moment and not _TIMES.isdisjoint(path.split(".")):
        return moment(value, path)
    if value is not None and is_missing(value):  # null would ask for works without a value, which a gap never means
        raise values.UnfitError(path, f"is {value}, which JSON cannot hold; use None")
    return value


def _is_array(value: Any) -> bool:
    """Say whether a value is an array of numpy or pandas with one dimension at least."""
    return hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0


def is_operators(condition: object) -> bool:
    """Say whether a field's condition is operators (``{"$gt": 1}``) and not a value to equal (``{"snr": 5}``)."""
    if not isinstance(condition, dict) or not condition or is_ago(condition):
        return False
    return all(key.startswith("$") for key in condition)


def is_branches(value: object) -> TypeGuard[list[Document]]:
    """Say whether a value is a list of query documents, one at least, as ``$or`` takes it."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def canonical(document: Mapping[str, Any]) -> str:
    """Return a text that is equal for query documents that differ only in the order of fields or operators.

    The order inside values stays: to MongoDB, sub-documents of another order are other values.
    """
    return json.dumps(_ordered(document))


def _ordered(document: Mapping[str, Any]) -> list[Any]:
    return [[key, _ordered_condition(key, document[key])] for key in sorted(document)]


def _ordered_condition(key: str, condition: Any) -> Any:
    if key in GROUPS and is_branches(condition):
        return ["group", [_ordered(branch) for branch in condition]]
    if is_operators(condition) and not key.startswith("$"):
        return ["operators", [[name, _spans(condition[name])] for name in sorted(condition)]]
    return ["value", _spans(condition)]


def _spans(value: Any) -> Any:
    """Return spans of time as seconds, so that ``7d`` and ``1w`` are equal."""
    if isinstance(value, dict):
        if is_ago(value):
            return {"$ago": seconds_of(value)}
        return {key: _spans(item) for key, item in value.items()}
    return [_spans(item) for item in value] if isinstance(value, list) else value


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: type, value and order of keys."""
    return json.dumps(_spans(one)) == json.dumps(_spans(other))


def literal(value: Any) -> str:
    """Return plain JSON as Python source on one line, with every invisible character escaped."""
    if isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return repr(value)


def join(base: Document, pieces: Iterable[Document]) -> Document:
    """Return the document that asks for ``base`` and for every piece.

    A piece whose field is still free goes in as it is; one with other operators on a field that has operators joins
    them; one that is there already is not repeated; any other one goes under ``$and``, whole.

    Examples
    --------
    >>> join({"creation": {"$gte": 1}}, [{"creation": {"$lt": 9}}, {"site": "kko"}, {"site": "gbo"}])
    {'creation': {'$gte': 1, '$lt': 9}, 'site': 'kko', '$and': [{'site': 'gbo'}]}
    """
    joined = dict(base)
    for piece in pieces:
        if set(piece) == {"$and"} and is_branches(piece["$and"]):
            joined["$and"] = _conjunction(joined, piece["$and"]) if "$and" in joined else list(piece["$and"])
        elif all(_fits(joined, key, condition) for key, condition in piece.items()):
            for key, condition in piece.items():
                joined[key] = {**joined[key], **condition} if _are_operators(joined, key, condition) else condition
        else:
            joined["$and"] = _conjunction(joined, [piece])
    return joined


def _conjunction(joined: Document, conditions: list[Any]) -> list[Any]:
    present = joined.get("$and", [])
    if "$and" in joined and not is_branches(present):  # invalid for $and: kept whole, so that the service judges it
        present = [{"$and": present}]
    known = {canonical({"$and": [other]}) for other in present}
    return [*present, *(condition for condition in conditions if canonical({"$and": [condition]}) not in known)]


def _are_operators(joined: Document, key: str, condition: Any) -> bool:
    return not key.startswith("$") and is_operators(joined.get(key)) and is_operators(condition)


def _fits(joined: Document, key: str, condition: Any) -> bool:
    if key not in joined or canonical({key: joined[key]}) == canonical({key: condition}):
        return True
    if not _are_operators(joined, key, condition):
        return False
    present = joined[key]
    both = set(present) & set(condition)
    return set(present) | set(condition) <= SEPARABLE and all(same(present[name], condition[name]) for name in both)


def paths_in(key: str, condition: Any) -> list[str]:
    """Return the paths of the record that one entry of a query document refers to."""
    if not key.startswith("$"):
        return [key]
    return _paths_of_expression(condition) if key == "$expr" else _paths_of_operand(condition)


def _paths_of_expression(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part[1:]] if part.startswith("$") and not part.startswith("$$") and len(part) > 1 else []
    items = part if isinstance(part, list) else ()
    if isinstance(part, dict):
        items = [item for operator, item in part.items() if operator != "$literal"]  # that is a value, not a field
    return [path for item in items for path in _paths_of_expression(item)]


def _paths_of_operand(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [path for key, item in part.items() for path in paths_in(key, item)]
    return [path for item in part for path in _paths_of_operand(item)] if isinstance(part, list) else []
