"""Reading an answer's body in bounded memory, whatever the service sends."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import SEEK_END, BytesIO
from typing import Any

__all__ = ["GZIP_RATIO", "UnreadableBodyError", "read_body", "read_start"]

PIECE = 256 * 1024
FREE_OF_RATIO = 64 * 1024**2
GZIP_RATIO = 250
"""Times its size on the wire that a body beyond 64 MiB may unpack to: works pack 10 to 60 times, a bomb 1,000."""

_AT_ONCE = 32 * 1024**2
"""Bytes of a body that are read into their place where the service declares them. A buffer that grows is copied now and
then while it is smaller than this; a larger one the system moves without, and what is declared may be untrue."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class UnreadableBodyError(ValueError):
    """The body is larger than allowed, or packed in a way that cannot be undone."""


def read_body(raw: Any, encoding: str, most: int, used: Callable[[int], None] = lambda _: None) -> bytes:
    """Return a whole body, unpacked.

    Parameters
    ----------
    raw
        The answer of urllib3, unread.
    encoding
        The value of its ``Content-Encoding``.
    most
        Bytes that the unpacked body may have.
    used
        Called with the size of each piece as it is read, still packed.

    Raises
    ------
    UnreadableBodyError
        Too large, or not unpackable.
    """
    packing = encoding.strip().lower()
    if packing in ("", "identity"):
        return _read_plain(raw, most, used)
    if packing not in _WINDOWS:
        raise UnreadableBodyError(f"its content encoding {packing!r} was not asked for and cannot be undone")
    return _Unpacker(packing, most).read(raw, used)


def read_start(raw: Any, encoding: str, most: int = 16 * 1024) -> bytes:
    """Return what can be had of the start of a body that only people will read; never fail for its content."""
    start: bytes = raw.read(most, decode_content=False)
    if encoding.strip().lower() in _WINDOWS:
        try:
            return zlib.decompressobj(_WINDOWS[encoding.strip().lower()]).decompress(start, most)
        except zlib.error:
            return b""
    return start


def _read_plain(raw: Any, most: int, used: Callable[[int], None]) -> bytes:
    body = BytesIO(_read_declared(raw, most, used))
    body.seek(0, SEEK_END)
    while piece := raw.read(PIECE, decode_content=False):
        used(len(piece))
        if body.write(piece) and body.tell() > most:
            raise _too_large(most)
    return body.getvalue()  # no copy, if all of it was declared


def _read_declared(raw: Any, most: int, used: Callable[[int], None]) -> bytes:
    declared = raw.length_remaining or 0
    if declared > most:
        raise _too_large(most)
    if not 0 < declared <= _AT_ONCE:
        return b""
    used(declared)  # all that comes now is body
    piece: bytes = raw.read(declared, decode_content=False)
    return piece


def _too_large(most: int) -> UnreadableBodyError:
    return UnreadableBodyError(f"it is larger than {most:,} bytes")


class _Unpacker:
    def __init__(self, packing: str, most: int) -> None:
        self.window = _WINDOWS[packing]
        self.most = most
        self.body = BytesIO()
        self.packed = 0

    def read(self, raw: Any, used: Callable[[int], None]) -> bytes:
        unpacker = zlib.decompressobj(self.window)
        try:
            while piece := raw.read(PIECE, decode_content=False):
                used(len(piece))
                self.packed += len(piece)
                unpacker = self._unpack(unpacker, piece)
        except zlib.error as error:
            raise UnreadableBodyError(f"it does not unpack ({error})") from None
        if self.packed and not unpacker.eof:
            raise UnreadableBodyError("its packed form ends too early")
        return self.body.getvalue()

    def _unpack(self, unpacker: Any, piece: bytes) -> Any:
        while piece:
            if unpacker.eof:  # a gzip body may have several members
                unpacker = zlib.decompressobj(self.window)
            self.body.write(unpacker.decompress(piece, PIECE))
            self._check()
            piece = unpacker.unconsumed_tail or unpacker.unused_data
        return unpacker

    def _check(self) -> None:
        size = self.body.tell()
        if size > self.most:
            raise UnreadableBodyError(f"it unpacks to more than {self.most:,} bytes")
        if size > FREE_OF_RATIO and size > GZIP_RATIO * self.packed:
            raise UnreadableBodyError(f"it unpacks to more than {GZIP_RATIO} times its size, as no works do")
