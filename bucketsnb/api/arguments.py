"""Check the arguments of each endpoint before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import index
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from bucketsnb.display.texts import truncate
from bucketsnb.errors import QueryError, WorkError

__all__ = ["DELETE_CHUNK", "LINE_MAX", "checked_ids", "chunks", "document", "ids_a_line", "segment", "whole"]

DELETE_CHUNK = 250
"""Ids of one DELETE at most; the line's length may allow fewer."""

LINE_MAX = 8192
"""Bytes that common servers allow for the request line and the headers together."""

_HEADERS = 512
"""Bytes left for our headers beside the token."""

T = TypeVar("T")


def chunks(sequence: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield a sequence in pieces.

    Examples
    --------
    >>> list(chunks([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(sequence), size):
        yield sequence[start : start + size]


def ids_a_line(ids: Sequence[str], prefix: str, taken: int) -> int:
    """Return how many of these ids fit on one request line, beside the headers.

    Parameters
    ----------
    prefix
        Path of the base address.
    taken
        Bytes that the token takes.

    Examples
    --------
    >>> ids_a_line(["6b04a88bcce5d83e4c9bf3fc"] * 1000, "/buckets", 0)
    250
    """
    room = LINE_MAX - _HEADERS - len(f"DELETE {prefix}/work? HTTP/1.1") - taken
    longest = max((len(urlencode({"ids": one})) + 1 for one in ids), default=1)
    return max(1, min(DELETE_CHUNK, room // longest))


def segment(pipeline: object) -> str:
    """Return a pipeline's name as one segment of a path."""
    if not isinstance(pipeline, str) or pipeline in ("", ".", ".."):
        raise QueryError(f"pipeline must be the name of one, not {truncate(repr(pipeline), 40)}")
    try:
        return quote(pipeline, safe="")
    except UnicodeEncodeError:
        raise QueryError("pipeline has half a surrogate pair, which is not text") from None


def document(value: object) -> dict[str, Any]:
    """Return a query document that can be changed; None is the one that matches every work."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise QueryError(f"A query document is a mapping, not {type(value).__name__}")
    return dict(value)


def whole(name: str, value: Any) -> int:
    """Return an integer from 0 on."""
    try:
        number = -1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = -1
    if number < 0:
        more = ", or None for all" if name == "limit" else ""
        raise QueryError(f"{name} must be an integer from 0 on{more}, not {truncate(repr(value), 40)}")
    return number


def checked_ids(ids: object) -> list[str]:
    """Return ids of works, each once."""
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable):
        raise WorkError(f"Ids are given as a list, not as one {type(ids).__name__}; put it in [ ].")
    listed = list(ids)
    for place, one in enumerate(listed):
        if not isinstance(one, str) or not one:
            raise WorkError(
                f"The id at place {place} is {truncate(repr(one), 40)}, which is no id; nothing was sent.",
                index=place,
                field="id",
            )
    return list(dict.fromkeys(str(one) for one in listed))
