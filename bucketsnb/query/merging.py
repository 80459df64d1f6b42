"""Join query documents into one that asks for both, with nothing overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bucketsnb.query.values import canonical, is_branches, is_operators, same

__all__ = ["SEPARABLE", "join"]

Document = dict[str, Any]

SEPARABLE = frozenset(
    {
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$all", "$exists", "$size", "$mod", "$type",
        "$elemMatch", "$not", "$regex",
    }
)  # fmt: skip
"""Operators that mean the same alone and beside another one on their field (``$options``, for one, does not)."""


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
            _require(joined, piece["$and"])
        elif all(_fits(joined, key, condition) for key, condition in piece.items()):
            for key, condition in piece.items():
                joined[key] = _together(joined, key, condition)
        else:
            joined["$and"] = _with(joined, [piece])
    return joined


def _require(joined: Document, conditions: list[Any]) -> None:
    joined["$and"] = list(conditions) if "$and" not in joined else _with(joined, conditions)


def _with(joined: Document, conditions: list[Any]) -> list[Any]:
    present = joined.get("$and", [])
    if "$and" in joined and not is_branches(present):  # not what $and takes: for the service to judge, so kept whole
        present = [{"$and": present}]
    known = {_text("$and", [other]) for other in present}
    return [*present, *(condition for condition in conditions if _text("$and", [condition]) not in known)]


def _text(key: str, condition: Any) -> str:
    return canonical({key: condition})


def _fits(joined: Document, key: str, condition: Any) -> bool:
    if key not in joined or _text(key, joined[key]) == _text(key, condition):
        return True
    present = joined[key]
    if key.startswith("$") or not (is_operators(present) and is_operators(condition)):
        return False
    both = set(present) & set(condition)
    return set(present) | set(condition) <= SEPARABLE and all(same(present[name], condition[name]) for name in both)


def _together(joined: Document, key: str, condition: Any) -> Any:
    present = joined.get(key)
    if key.startswith("$") or not (is_operators(present) and is_operators(condition)):
        return condition
    return {**joined[key], **condition}
