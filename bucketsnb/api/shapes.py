"""Check the shape of each endpoint's answer; a ValueError says what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec.structs import asdict

from bucketsnb.display.texts import count_of
from bucketsnb.schema import STATUS_KEYS

__all__ = [
    "counts_at_once",
    "counts_by_pipeline",
    "counts_by_status",
    "expect_bool",
    "expect_count",
    "expect_mapping",
    "expect_record_or_none",
    "expect_true",
    "ids_at_once",
    "ids_of",
    "ids_of_records",
    "names",
    "records",
    "texts",
]


_MOST = 2**48
"""Works that no service has."""


def expect_mapping(value: Any) -> dict[str, Any]:
    """Expect an object."""
    if isinstance(value, dict):
        return value
    raise ValueError("an object was expected")


def expect_bool(value: Any) -> bool:
    """Expect true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError("true or false was expected")


def expect_true(value: Any) -> bool:
    """Expect true, as a deposit that went well says; some services send the ids instead."""
    if value is not True and not (isinstance(value, list) and value):
        raise ValueError("true was expected")
    return True


def expect_count(value: Any) -> int:
    """Expect an integer from 0 on that could be a number of works, of which sums fit into a column too."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise ValueError("a count was expected")
    return value


def expect_record_or_none(value: Any) -> dict[str, Any] | None:
    """Expect one record, or null."""
    return None if value is None else expect_mapping(value)


def texts(value: Any) -> list[str]:
    """Expect a list of texts."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of texts was expected")
    return value


def names(value: Any) -> list[str | None]:
    """Expect a list of texts, with null for works that have no such name."""
    texts([one for one in value if one is not None] if isinstance(value, list) else value)
    found: list[str | None] = value
    return found


def records(value: Any) -> list[dict[str, Any]]:
    """Expect a list of records."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("a list of records was expected")
    return value


def ids_of_records(value: Any) -> list[str | None]:
    """Expect a list of records; return their ids, None for one that no request could name its work by."""
    ids = (record.get("id") for record in records(value))
    return [one if isinstance(one, str) else None for one in ids]


class _Named(msgspec.Struct, gc=False):
    id: str


_decode_named = msgspec.json.Decoder(list[_Named]).decode


def ids_at_once(body: bytes) -> list[str | None] | None:
    """Read the ids out of a list of records in a third of the time and memory; None where not each is text."""
    try:
        return [one.id for one in _decode_named(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def ids_of(number: int) -> Callable[[Any], list[str]]:
    """Return a shape: so many ids, all different."""

    def ids(value: Any) -> list[str]:
        given = texts(value)
        if len(given) != number:
            raise ValueError(f"{count_of(number, 'id')} were expected, and {len(given):,} came")
        if len(set(given)) != number or "" in given:
            raise ValueError("ids that differ from each other were expected")
        return given

    return ids


def counts_by_status(value: Any) -> dict[str, int]:
    """Expect a count for each status and in total; return them in the contract's order."""
    given = expect_mapping(value)
    missing = [name for name in STATUS_KEYS if name not in given]
    if missing:
        raise ValueError(f"counts by status were expected, and {', '.join(missing)} is missing")
    return {name: expect_count(given[name]) for name in STATUS_KEYS}


_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_Counts = msgspec.defstruct("_Counts", [(name, _Count) for name in STATUS_KEYS], gc=False)
_decode_counts = msgspec.json.Decoder(dict[str, _Counts]).decode  # type: ignore[valid-type]  # a type made at run time


def counts_at_once(body: bytes) -> dict[str, dict[str, int]] | None:
    """Read the counts of each pipeline in a third of the time; None where not each is as it should be."""
    try:
        return {name: asdict(counts) for name, counts in _decode_counts(body).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def counts_by_pipeline(value: Any) -> dict[str, dict[str, int]]:
    """Expect the counts by status of each pipeline."""
    return {name: counts_by_status(counts) for name, counts in expect_mapping(value).items()}
