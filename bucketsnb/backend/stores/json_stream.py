"""Join many works to one JSON array on the way to the wire."""

from __future__ import annotations

from collections.abc import Generator, Iterable

__all__ = ["json_stream"]

_PIECE = 512 * 1024


def json_stream(works: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Join the JSON of works to one array, in pieces of some size."""
    piece, size, opening = [], 0, b"["
    for work in works:
        piece.append(work)
        size += len(work)
        if size >= _PIECE:
            yield opening + b",".join(piece)
            piece, size, opening = [], 0, b","
    yield (opening if piece or opening == b"[" else b"") + b",".join(piece) + b"]"
