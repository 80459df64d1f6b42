"""JSON values kept as their own bytes: how a cell is read and written, for whatever JSON a service may have let in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import eq
from threading import RLock
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "NULL",
    "Edited",
    "LazyTexts",
    "Objects",
    "Text",
    "are_none",
    "decode_all",
    "decode_json",
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

_decode = msgspec.json.Decoder().decode


class Edited(bytes):
    """A JSON value that was put into a cell here, rather than read from the service."""

    __slots__ = ()


def decode_json(text: Text) -> Any:
    r"""Read one JSON value.

    The fast reader refuses ``NaN``, lone surrogates and numbers out of range, which a Python service lets in; the
    standard library's reads those.

    Examples
    --------
    >>> decode_json(b'{"snr": [NaN, "\\ud800"]}')
    {'snr': [nan, '\ud800']}
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return json.loads(bytes(text), parse_int=_integer)


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads: as far off as 1e5000, which is infinite too
        return float(digits)


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
            values += _decode(b"[" + b",".join(some) + b"]")
        except (msgspec.DecodeError, RecursionError):
            values += map(decode_json, some)
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
        If the value is not JSON, such as a set or a datetime.

    Examples
    --------
    >>> encode_json({"event": np.array([1, 2]), "snr": np.float32(0.5)})
    b'{"event":[1,2],"snr":0.5}'
    """
    return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON: give text, numbers, lists, mappings or None")


def objects(values: Iterable[Any], count: int) -> Objects:
    """Return an array of the objects themselves; numpy would otherwise look inside a ``Raw``."""
    return np.fromiter(values, dtype=object, count=count)


def are_none(values: Objects) -> npt.NDArray[np.bool_]:
    """Say which objects of an array are None, by where they are: a tenth of the time of comparing each.

    Examples
    --------
    >>> are_none(np.array([None, "", 0], dtype=object))
    array([ True, False, False])
    """
    addresses = np.ndarray(values.shape, np.intp, np.ascontiguousarray(values))
    none: npt.NDArray[np.bool_] = addresses == id(None)
    return none


class LazyTexts:
    """The JSON texts of a column, found when someone first asks for them; shared by all copies of the column.

    Parameters
    ----------
    find
        Finds them: an array with None, or a text of ``null``, for each null.
    count
        How many there are.
    one
        Finds the one at a place, so that a look at a few does not find all.
    """

    __slots__ = ("_find", "_lock", "_one", "_settled", "_texts", "count")

    def __init__(self, find: Callable[[], Objects], count: int, one: Callable[[int], Any] | None = None) -> None:
        self._find: Callable[[], Objects] | None = find
        self._one = one
        self._texts: Objects | None = None
        self._settled = False
        self._lock = RLock()  # two threads may look first
        self.count = count

    @property
    def texts(self) -> Objects:
        """The texts as they came."""
        with self._lock:
            if self._texts is None:
                find = self._find
                assert find is not None  # noqa: S101 - one of the two is always there
                self._texts, self._find, self._one = find(), None, None
            return self._texts

    def some(self, places: npt.NDArray[np.intp]) -> Objects:
        """Return the texts at a few places."""
        one = self._one
        if one is None:
            return self.texts[places]
        return objects(map(one, places.tolist()), len(places))

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (detached(self.texts),)

    @property
    def settled(self) -> Objects:
        """The texts with None for every null. Answers are full of nulls: their texts are let go here."""
        with self._lock:
            texts = self.texts
            if not self._settled:
                texts[np.fromiter(map(eq, texts, repeat(NULL)), dtype=bool, count=len(texts))] = None
                self._settled = True
            return texts


def _found(texts: Objects) -> LazyTexts:
    return LazyTexts(lambda: texts, len(texts))


def detached(texts: Objects) -> Objects:
    """Return the same JSON values as bytes of their own, so that the answers they came in can go."""
    return objects(map(_held, texts), len(texts))


def _held(text: Any) -> bytes | None:
    if text is None or text == NULL:
        return None
    return bytes(text) if type(text) is msgspec.Raw else text
