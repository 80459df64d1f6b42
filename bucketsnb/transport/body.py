"""Reading an answer's body in bounded memory, whatever the service sends."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from urllib3.exceptions import HTTPError

__all__ = ["GZIP_RATIO", "UnreadableBodyError", "read_body", "read_start"]

AT_ONCE = 1024**2
PIECE = 64 * 1024
FREE_OF_RATIO = 64 * 1024**2
GZIP_RATIO = 250
"""Times its size on the wire that a body beyond 64 MiB may unpack to: works pack 10 to 60 times, a bomb 1,000."""

LEAST_SPEED = 1024**2
"""Bytes that a second of this machine's processor must bring in, on average and after a first second: a body in chunks
of one byte brings a twentieth of it, and would keep the processor busy for as long as it goes on."""

FREE_OF_OUTPUT = 64 * 1024
"""Packed bytes that may unpack to nothing: what holds nothing could go on without end."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class UnreadableBodyError(ValueError):
    """The body is larger than allowed, or packed in a way that cannot be undone."""


def read_body(raw: Any, encoding: str, most: int, arrived: Callable[[int], None]) -> bytes:
    """Return a whole body, unpacked.

    Parameters
    ----------
    raw
        The answer of urllib3, unread.
    encoding
        The value of its ``Content-Encoding``.
    most
        Bytes that the unpacked body may have.
    arrived
        Called with the size of each piece as it comes, still packed.

    Raises
    ------
    UnreadableBodyError
        Too large, or not unpackable.
    """
    packing = encoding.strip().lower()
    if packing in ("", "identity"):
        return _read_plain(raw, most, arrived)
    if packing not in _WINDOWS:
        raise UnreadableBodyError(f"its content encoding {packing!r} was not asked for and cannot be undone")
    try:
        return _read_packed(raw, _WINDOWS[packing], most, arrived)
    except zlib.error as error:
        raise UnreadableBodyError(f"it does not unpack ({error})") from None


def read_start(raw: Any, encoding: str, most: int = 16 * 1024) -> bytes:
    """Return what can be had of the start of a body that only people will read; never fail."""
    window = _WINDOWS.get(encoding.strip().lower())
    try:
        start: bytes = raw.read(most, decode_content=False)
        return start if window is None else zlib.decompressobj(window).decompress(start, most)
    except (zlib.error, HTTPError, OSError):
        return b""


def _pieces(raw: Any, arrived: Callable[[int], None]) -> Iterator[bytes]:
    """Yield what comes as it comes; an older urllib3 waits until a small piece is full."""
    read, most = (raw.read1, AT_ONCE) if hasattr(raw, "read1") else (raw.read, PIECE)
    size, spent, started = 0, 0.0, time.thread_time()
    while piece := read(most, decode_content=False):
        size, spent = size + len(piece), spent + time.thread_time() - started
        if spent > 1 + size / LEAST_SPEED:
            raise UnreadableBodyError("it comes in so many small parts that reading them takes too much work")
        arrived(len(piece))
        yield piece
        started = time.thread_time()
    if raw.length_remaining:  # urllib3 before 2 says nothing of it
        raise ConnectionError(f"{raw.length_remaining:,} bytes are missing")


def _read_plain(raw: Any, most: int, arrived: Callable[[int], None]) -> bytes:
    body = BytesIO()
    for piece in _pieces(raw, arrived):
        body.write(piece)
        if body.tell() > most:
            raise UnreadableBodyError(f"it is larger than {most:,} bytes")
    return body.getvalue()


def _read_packed(raw: Any, window: int, most: int, arrived: Callable[[int], None]) -> bytes:
    body, packed = BytesIO(), 0
    unpacker = zlib.decompressobj(window)
    for arriving in _pieces(raw, arrived):
        packed += len(arriving)
        piece = arriving
        while piece:
            if unpacker.eof:  # a gzip body may have several members
                unpacker = zlib.decompressobj(window)
            body.write(unpacker.decompress(piece, PIECE))
            piece = unpacker.unconsumed_tail or unpacker.unused_data
            _check_size(body.tell(), packed - len(piece), most)
    if packed and not unpacker.eof:
        raise UnreadableBodyError("its packed form ends too early")
    return body.getvalue()


def _check_size(size: int, packed: int, most: int) -> None:
    if size > most:
        raise UnreadableBodyError(f"it unpacks to more than {most:,} bytes")
    if packed > FREE_OF_OUTPUT + size:
        raise UnreadableBodyError("its packed form unpacks to next to nothing")
    if size > FREE_OF_RATIO and size > GZIP_RATIO * packed:
        raise UnreadableBodyError(f"it unpacks to more than {GZIP_RATIO} times its size, as no works do")
