"""Decode the bytes of an answer into columns.

There are three readers, each for what the one before refuses: many works at once into typed values; one work at a time,
where values that do not fit are missing; and that of the standard library, for JSON that only Python writes.
"""

from __future__ import annotations

import codecs
import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec.structs import astuple

from bucketsnb.display.texts import truncate
from bucketsnb.errors import BadAnswer
from bucketsnb.frames.columns import NUMBERS, PARTS, STORED, WORKS, Columns, column, missing, parents_of
from bucketsnb.frames.json_array import JSONArray, Text, encode_json, objects
from bucketsnb.schema import FIELD_NAMES, FIELDS, STATUSES, Kind

__all__ = ["columns_of", "columns_of_texts", "pausing_collection"]

_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.STATUS: Literal[STATUSES] | None,
    Kind.INTEGER: int | None,
    Kind.TIME: float | int | None,
}
_PIECE = 1 << 20
_SHARED = frozenset(name for name, field in FIELDS.items() if field.kind is Kind.TEXT and name != "id")
_AT_ONCE = 500  # works that are decoded while they are in the processor's cache


def columns_of(data: bytes, fields: Sequence[str] = FIELD_NAMES, *, whole: bool = True) -> Columns:
    """Read an answer of the service, a JSON array of works.

    Parameters
    ----------
    data
        The body of the answer. Nested cells stay windows into it.
    fields
        Fields that were asked for.
    whole
        False if only a part of some of these fields was asked for.

    Raises
    ------
    BadAnswer
        If it is not a JSON array of works; the message says where.
    """
    _check_utf8(data)
    with pausing_collection():
        texts = _split(data)
        columns = columns_of_texts(texts, fields)
        columns[WORKS] = JSONArray(objects(texts, len(texts)))
        is_all = whole and set(fields) >= set(FIELD_NAMES)
        part = None if is_all else encode_json(list(fields))  # of each work, as works of several reads may be joined
        columns[PARTS] = JSONArray(np.full(len(texts), part, dtype=object))
        return columns


def columns_of_texts(texts: Sequence[Text], fields: Sequence[str] = FIELD_NAMES) -> Columns:
    """Return the stored columns of works, each given as a JSON text."""
    values = _read(texts, tuple(fields))
    columns: Columns = {name: missing(name, len(texts)) for name in STORED if name not in values}
    for name in list(values):
        columns[name] = column(name, values.pop(name), len(texts))
    return columns


@contextmanager
def pausing_collection() -> Iterator[None]:
    """Pause the garbage collector: decoded values have no cycles, and a pass over a million of them is slow."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(texts: Sequence[Text], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of each field, and the parents, as :func:`column` takes them.

    Works are decoded in groups; each group is freed, so that the next one uses its memory. Equal texts become one
    object.
    """
    kind, decode = _decoder(fields)
    names = [*fields, "parent"] if "config" in fields else fields
    values: dict[str, Any] = {name: [] if name in NUMBERS else np.empty(len(texts), dtype=object) for name in names}
    shared: dict[str | None, str | None] = {}
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        try:
            works = list(map(decode, some))
        except (msgspec.DecodeError, RecursionError):
            works = [_fitted(kind, decode, bytes(text), place) for place, text in enumerate(some, start)]
        # works as tuples: getting each field by name takes twice as long
        pieces: dict[str, Sequence[Any]] = dict(zip(fields, zip(*map(astuple, works), strict=True), strict=True))
        if "config" in pieces:
            pieces["parent"] = parents_of(pieces["config"])
        for name, piece in pieces.items():
            if name in NUMBERS:
                values[name].append(piece)
            else:
                cells = map(shared.setdefault, piece, piece) if name in _SHARED else piece
                values[name][start : start + len(some)] = objects(cells, len(some))
    return values


def _fitted(kind: Any, decode: Callable[[Text], Any], text: bytes, place: int) -> Any:
    """Read a work, if need be as the standard library does; values that do not fit the schema are missing."""
    try:
        return decode(text)
    except (msgspec.DecodeError, RecursionError):
        what = f"item {place} of the answer"
        record = _read_slowly(text.decode("utf-8", "replace"), what)
    if not isinstance(record, dict):
        raise _bad(f"{what} is not a work but {type(record).__name__}", json.dumps(record))
    return kind(**{name: _fit(FIELDS[name].kind, record.get(name)) for name in kind.__struct_fields__})


@lru_cache(maxsize=64)
def _decoder(fields: tuple[str, ...]) -> tuple[Any, Callable[[Text], Any]]:
    types = {name: _TYPES.get(FIELDS[name].kind, msgspec.Raw) for name in fields}
    typed = [(name, kind, msgspec.Raw(b"null") if kind is msgspec.Raw else None) for name, kind in types.items()]
    work = msgspec.defstruct("Work", typed, gc=False)
    return work, msgspec.json.Decoder(work).decode


def _fit(kind: Kind, value: Any) -> Any:
    if kind not in _TYPES:
        return msgspec.Raw(encode_json(value))
    try:
        return msgspec.convert(value, _TYPES[kind])
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate in what does not fit
        return None


def _read_slowly(text: str, what: str) -> Any:
    """Read JSON as the standard library does, which also takes ``NaN`` and lone surrogates."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _bad(f"{what} is not JSON at character {error.pos:,} ({error.msg})", text) from error
    except ValueError as error:  # what Python refuses in text that is JSON
        raise _bad(f"{what} holds a number of more digits than can be read", text) from error
    except RecursionError as error:
        raise _bad(f"{what} is nested deeper than can be read", text) from error


def _split(data: bytes) -> Sequence[Text]:
    """Return the text of each work."""
    try:
        return _split_fast(data)
    except (msgspec.DecodeError, RecursionError):  # JSON that only Python writes, or none
        works = _read_slowly(data.decode(), "the answer")
    if not isinstance(works, list):
        raise _bad("the answer is not a JSON array of works", data[:400].decode("utf-8", "replace"))
    return list(map(encode_json, works))


_split_fast = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _check_utf8(data: bytes) -> None:
    """Refuse text that is not UTF-8, also in nested cells, which the fast reader skips."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(view[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError as error:
        raise _bad(f"the answer is not UTF-8 near byte {start:,}", "") from error


def _bad(message: str, text: str) -> BadAnswer:
    shown = truncate(text, 300)
    return BadAnswer(f"{message}: {truncate(text, 60)}", method="POST", path="/view", status=200, excerpt=shown)
