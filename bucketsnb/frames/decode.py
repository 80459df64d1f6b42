"""The bytes of an answer -> columns.

Three readers, each for what the one before refuses: all works at once into typed values; one work at a time, where a
work that does not fit keeps its own record; and the standard library's, for JSON that only Python writes.
"""

from __future__ import annotations

import codecs
import gc
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from struct import error as NotPacked  # noqa: N812 - as the others are named
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import pandas as pd
from msgspec.structs import astuple

from bucketsnb.display.texts import truncate
from bucketsnb.errors import BadAnswer
from bucketsnb.frames.columns import HOLDS, MARKS, NESTED, STORED, codes_of, column, missing, parents_of
from bucketsnb.frames.json_array import JSONArray
from bucketsnb.frames.json_text import Objects, are_none, encode_json, objects
from bucketsnb.frames.shared_text import Shared, shared_texts, type_of
from bucketsnb.schema import FIELD_NAMES, FIELDS, STATUSES, Kind

__all__ = ["Columns", "columns_of", "columns_of_records", "pausing_collection"]

Columns: TypeAlias = "dict[str, Any]"
"""The stored columns of a frame by name, and the marks of its works."""

_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.STATUS: Literal[STATUSES] | None,
    Kind.INTEGER: int | None,
    Kind.TIME: float | int | None,
}
_SPACE = re.compile(r"[ \t\n\r]*")
_PIECE = 1 << 20
_AT_ONCE = 20_000  # values that are gathered while they are in the processor's cache


def columns_of(
    data: bytes, fields: Sequence[str] = FIELD_NAMES, *, nested_now: bool = False, whole: bool = True
) -> Columns:
    """Read an answer of the service, a JSON array of works.

    Parameters
    ----------
    data
        The body of the answer. Nested cells stay windows into it.
    fields
        Fields that were asked for; a work that has all of them, no others, and values of their kinds needs no record
        of its own. Where not all fields were asked for, an absent one is the same as null.
    nested_now
        Find the nested cells now, not when someone looks: for a page of many, whose works can then go.
    whole
        False if only a part of some of these fields was asked for.

    Raises
    ------
    BadAnswer
        If it is not a JSON array of works; the message says where.
    """
    _check_utf8(data)
    reader = _Reader(tuple(fields), shared_texts(data, [name for name in fields if FIELDS[name].kind is Kind.TEXT]))
    part = None if whole and set(fields) >= set(FIELD_NAMES) else list(fields)
    with pausing_collection():
        # no name for the list of works here: the collector would walk through it as soon as it goes on
        return _columns(reader, *_read(reader, data), part, nested_now=nested_now)


def columns_of_records(records: Sequence[Any], fields: Sequence[str] = FIELD_NAMES) -> Columns:
    """Read works that are decoded already; see :func:`columns_of`."""
    return columns_of(encode_json(list(records)), fields)


@contextmanager
def pausing_collection() -> Iterator[None]:
    """Search for no cycles meanwhile: a million fresh values have none, and looking takes longer than the work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Reader:
    """Typed decoders for works with these fields."""

    def __init__(self, fields: tuple[str, ...], shared: Shared) -> None:
        self.fields = fields
        self.kind, self.one, self.all = _decoders(fields, shared)

    def regular(self, text: Any) -> Any:
        try:
            return self.one(text)
        except (msgspec.DecodeError, RecursionError):
            return None

    def fitted(self, record: Mapping[str, Any]) -> Any:
        return self.kind(**{name: _fit(FIELDS[name].kind, record.get(name)) for name in self.fields})


@lru_cache(maxsize=64)
def _decoders(fields: tuple[str, ...], shared: Shared) -> tuple[Any, Any, Any]:
    types = {name: _TYPES.get(FIELDS[name].kind, msgspec.Raw) for name in fields}
    types |= {name: type_of(texts) | None for name, texts in shared}
    typed = types.items() if fields == FIELD_NAMES else map(_or_null, types.items())
    kind = msgspec.defstruct("Work", typed, gc=False, forbid_unknown_fields=True)
    return kind, msgspec.json.Decoder(kind).decode, msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]  # a type made at run time


def _or_null(field: tuple[str, Any]) -> tuple[str, Any, Any]:
    name, expected = field
    return name, expected, msgspec.Raw(b"null") if expected is msgspec.Raw else None


def _fit(kind: Kind, value: Any) -> Any:
    judge = _FITS.get(kind)
    if judge is None:
        return msgspec.Raw(encode_json(value))
    return value if judge(value) else None


_FITS: Mapping[Kind, Any] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.STATUS: lambda value: isinstance(value, str) and value in STATUSES,
    Kind.INTEGER: lambda value: type(value) is int,
    Kind.TIME: lambda value: type(value) in {int, float},
}


def _read(reader: _Reader, data: bytes) -> tuple[list[Any], dict[int, bytes]]:
    try:
        return reader.all(data), {}
    except (msgspec.DecodeError, RecursionError):
        return _one_by_one(reader, data)


def _one_by_one(reader: _Reader, data: bytes) -> tuple[list[Any], dict[int, bytes]]:
    works = []
    records = {}
    for index, (text, record) in enumerate(_split(data)):
        work = reader.regular(text)
        if work is None:
            work = reader.fitted(_mapping(_alone(bytes(text), index) if record is None else record, index))
            records[index] = bytes(text)
        works.append(work)
    return works, records


def _alone(text: bytes, index: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"item {index} of the answer {_why(error)}", text[:400].decode("utf-8", "replace")) from error


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "is nested deeper than can be read"
    return "holds a number of more digits than can be read"  # what Python refuses in text that is JSON


def _mapping(record: Any, index: int) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise BadAnswer(
            f"item {index} of the answer is not a work but {type(record).__name__}: {truncate(json.dumps(record), 60)}",
            method="POST",
            path="/view",
        )
    return record


def _split(data: bytes) -> Iterator[tuple[Any, Any]]:
    try:
        return ((text, None) for text in _split_fast(data))
    except (msgspec.DecodeError, RecursionError):
        return _split_slowly(data)


_split_fast = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _split_slowly(data: bytes) -> Iterator[tuple[bytes, Any]]:
    """Walk the array with the standard library's reader; gives the text of each work and its value."""
    text = data.decode()
    scan = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise _bad("the answer is not a JSON array of works", text)
    at = _after_space(text, at + 1)
    index = 0
    while text[at : at + 1] != "]":
        try:
            value, end = scan(text, at)
        except json.JSONDecodeError as error:
            raise _bad(
                f"the answer is not JSON at character {error.pos:,} ({error.msg}, item {index})", text
            ) from error
        except (ValueError, RecursionError) as error:
            raise _bad(f"item {index} of the answer {_why(error)}", text[at:]) from error
        yield text[at:end].encode(), value
        at = _after_space(text, end)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise _bad(f"the answer ends or breaks off after {index + 1} items, at character {at:,}", text)
        index += 1
    if _after_space(text, at + 1) != len(text):
        raise _bad(f"something follows the array of works, at character {at + 1:,}", text[at + 1 :])


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _check_utf8(data: bytes) -> None:
    """Refuse what is not UTF-8 inside nested cells too, which the fast reader steps over."""
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


def _columns(
    reader: _Reader, works: list[Any], records: dict[int, bytes], part: list[str] | None, *, nested_now: bool
) -> Columns:
    columns: Columns = {name: missing(name, len(works)) for name in STORED if name not in reader.fields}
    odd = np.zeros(len(works), dtype=bool)
    nested = {name: np.empty(len(works) if nested_now else 0, dtype=object) for name in reader.fields if name in NESTED}
    flat = _gathered(works, reader.fields, nested if nested_now else {})
    kept = objects(works, len(works))  # the collector walks through a list, time and again, but not through an array
    for name, texts in nested.items():
        lazy = JSONArray.later(_finder(kept, name), len(works), _given(kept, name))
        columns[name] = JSONArray(texts) if nested_now else lazy
    for name, values in flat.items():
        columns[name], unfaithful = column(name, values, _given(kept, name))
        if unfaithful is not None:
            odd |= unfaithful
    for index in odd.nonzero()[0].tolist():
        if index not in records:
            records[index] = msgspec.json.encode(works[index])
    columns[MARKS] = _marks_later(part, records, len(works))
    return columns


def _marks_later(part: list[str] | None, records: Mapping[int, bytes], count: int) -> JSONArray:
    return JSONArray.later(lambda: _marks(part, records, count), count)


def _marks(part: list[str] | None, records: Mapping[int, bytes], count: int) -> Objects:
    """Return what is kept of each work beside its cells: an odd work itself; of a part the fields read, then the same.

    That is kept with each work, as works of several reads come to stand in one frame, which knows nothing of them.
    """
    mark = None if part is None else encode_json(part)
    texts = np.full(count, mark, dtype=object)
    for index, text in records.items():
        texts[index] = text if mark is None else mark[:-1] + b"," + text + b"]"
    return texts


def _given(works: Objects, name: str) -> Callable[[int], Any]:
    return lambda place: getattr(works[place], name)


def _finder(works: Sequence[Any] | Objects, name: str) -> Callable[[], Objects]:
    return lambda: objects(map(attrgetter(name), works), len(works))


def _gathered(works: list[Any], fields: Sequence[str], nested: Mapping[str, Objects]) -> dict[str, Any]:
    """Return the values of each flat field, and the parents, as an array each; fill the arrays of nested fields given.

    An array is of objects where not all values fit what their kind holds.
    """
    flat = {name: "parent" if name == "config" else name for name in fields if name not in NESTED or name == "config"}
    arrays = {name: np.empty(len(works), dtype=_holder(name)) for name in flat.values()}
    misfits: dict[str, Objects] = {}
    step = _AT_ONCE // max(len(fields), 1)
    for start in range(0, len(works), step):
        some = slice(start, start + step)
        # whole works as tuples, also of what is not wanted: asking each for its fields by name takes twice as long
        for field, found in zip(fields, zip(*map(astuple, works[some]), strict=True), strict=False):
            if field in nested:
                nested[field][some] = objects(found, len(found))
            name = flat.get(field)
            values = parents_of(found) if name == "parent" else found
            if name is not None and name not in misfits and not _put(arrays[name][some], values):
                misfits[name] = _finder(works, name)()
    return {**arrays, **misfits}


def _holder(name: str) -> Any:
    return object if name == "parent" else HOLDS.get(FIELDS[name].kind, object)


def _put(places: Any, values: Sequence[Any]) -> bool:
    """Put values in their places, missing text as ``pd.NA``; return False if one of them does not fit there."""
    if places.dtype == object:
        places[:] = objects(values, len(places))  # numpy by itself would look at each twice
        places[are_none(places)] = pd.NA
        return True
    if places.dtype == np.int8:
        places[:] = codes_of(values)
        return True
    try:
        _packer(places.dtype.char, len(places)).pack_into(places, 0, *values)
    except (NotPacked, OverflowError):
        return _put_slowly(places, values)
    return True


def _put_slowly(places: Any, values: Sequence[Any]) -> bool:
    try:
        places[:] = values  # where a missing time is NaN
    except (TypeError, OverflowError):
        return False
    return True


@lru_cache(maxsize=32)
def _packer(kind: str, count: int) -> Struct:
    """Return what puts so many numbers side by side: four times faster than numpy, which asks each what it is."""
    return Struct(f"={count}{'q' if kind == 'l' else kind}")
