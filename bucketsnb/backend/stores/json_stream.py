"""Join many works to one JSON array on the way to the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["gathered"]

_PIECE = 512 * 1024


def gathered(works: Iterable[bytes]) -> Iterator[bytes]:
    """Join the JSON of works to one array, in pieces of some size."""
    piece, size, opening = [], 0, b"["
    for work in works:
        piece.append(work)
        size += len(work)
        if size >= _PIECE:
            yield opening + b",".join(piece)
            piece, size, opening = [], 0, b","
    yield (opening if piece or opening == b"[" else b"") + b",".join(piece) + b"]"
