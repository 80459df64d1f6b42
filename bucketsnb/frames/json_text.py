"""JSON values kept as their own bytes: how a cell is read and written, for whatever JSON a service may have let in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from bucketsnb.encoding import DEEPEST, decode
from bucketsnb.encoding.values import UnfitError, plain

__all__ = [
    "NULL",
    "Edited",
    "Objects",
    "Text",
    "decode_all",
    "detached",
    "encode_json",
    "objects",
    "python_texts",
]

Text: TypeAlias = "bytes | msgspec.Raw"
"""One JSON value as it was written. A ``Raw`` is a window into the answer it came in, and keeps all of that alive."""

Objects: TypeAlias = npt.NDArray[np.object_]

NULL = msgspec.Raw(b"null")

_AT_ONCE = 1000
_NUMBERS = b"0123456789[], \n"
_DIGITS_READ = 600  # the fewest that Python can be set to read is 640


class Edited(bytes):
    """A JSON value that was put into a cell here, rather than read from the service."""

    __slots__ = ()


def decode_all(texts: Sequence[Text | None] | Objects) -> list[Any]:
    """Read JSON values, with None for null: a thousand at a time, as each call costs as much as a small value.

    Examples
    --------
    >>> decode_all([b"[1]", None, b'"a"'])
    [[1], None, 'a']
    """
    values: list[Any] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = [NULL if text is None else text for text in texts[start : start + _AT_ONCE]]
        try:
            values += msgspec.json.decode(b"[" + b",".join(some) + b"]")
        except (msgspec.DecodeError, RecursionError):
            values += map(decode, some)
    return values


def python_texts(texts: Sequence[bytes]) -> list[str]:
    """Return JSON values as Python writes them: without reading them, if they are all whole numbers or lists of such.

    Examples
    --------
    >>> python_texts([b"[1,2]", b"3"]), python_texts([b'["a"]', b"true"])
    (['[1, 2]', '3'], ["['a']", 'True'])
    """
    lines = b"\n".join(texts[:1])  # the first tells of most columns what they are
    if not lines.translate(None, _NUMBERS):
        lines = b"\n".join(texts)
    # of so many digits a number may be none that Python reads
    if lines.translate(None, _NUMBERS) or lines.count(b"\n") != len(texts) - 1 or max(map(len, texts)) > _DIGITS_READ:
        return list(map(str, decode_all(texts)))
    return lines.decode("ascii").replace(" ", "").replace(",", ", ").split("\n")


def encode_json(value: Any) -> bytes:
    """Write one JSON value; numpy and pandas scalars and arrays become plain numbers and lists.

    Raises
    ------
    TypeError
        If the value is not JSON, such as a set or a datetime; it says what to use.

    Examples
    --------
    >>> encode_json({"event": np.array([1, 2]), "snr": np.float32(0.5)})
    b'{"event":[1,2],"snr":0.5}'
    """
    return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    try:
        return plain(value, "", DEEPEST)
    except UnfitError as error:
        raise TypeError(f"{type(value).__name__} is not JSON: it {error.reason}") from None


def objects(values: Iterable[Any], count: int) -> Objects:
    """Return an array of the objects themselves; numpy would otherwise look inside a ``Raw``."""
    return np.fromiter(values, dtype=object, count=count)


def detached(texts: Objects) -> Objects:
    """Return the same JSON values as bytes of their own, so that the answers they came in can go."""
    return objects(map(_detached, texts), len(texts))


def _detached(text: Any) -> bytes | None:
    if text is None or text == NULL:
        return None
    return bytes(text) if type(text) is msgspec.Raw else text
