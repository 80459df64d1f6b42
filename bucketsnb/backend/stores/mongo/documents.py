"""Works as MongoDB documents: convert them to BSON before a request, and back to the JSON that clients read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import bson
import msgspec
from bson import CodecOptions, Decimal128, ObjectId, Timestamp
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from bucketsnb.backend.works import WORK_BYTES_MAX, WorkRefused, WorkTooLarge, encoded

__all__ = ["CODEC", "Record", "check_changes", "document_of", "json_of"]

Record = dict[str, Any]

CODEC: CodecOptions[Record] = CodecOptions(
    tz_aware=True, unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Options by which any document can be read that other programs have put into the collection."""

_TIMES = ("creation", "start", "stop")


def key_of(id_: str) -> ObjectId | str:
    """Return the ``_id`` of a work, which MongoDB keeps unique on any cluster: its id, as an ObjectId if it is one."""
    return ObjectId(id_) if ObjectId.is_valid(id_) else id_


def document_of(record: Mapping[str, Any], index: int) -> RawBSONDocument:
    """Return the document to store for a record; raise WorkRefused or WorkTooLarge if MongoDB cannot hold it.

    It is checked before the request, so that this cannot fail after some works were stored.
    """
    encoded(record, index)
    return RawBSONDocument(_bson({"_id": key_of(record["id"]), **record}, index))


def check_changes(changes: Mapping[str, Any], index: int) -> None:
    """Raise WorkRefused or WorkTooLarge if MongoDB cannot set these fields.

    Among them are names that it would read as a path or an operator.
    """
    encoded(changes, index)
    _bson(changes, index)
    wrong = next((name for name in changes if not name or "." in name or name.startswith("$")), None)
    if wrong is not None:
        raise WorkRefused(f"works[{index}] has a field named {wrong[:60]!r}, which MongoDB cannot set by an update")


def _bson(record: Mapping[str, Any], index: int) -> bytes:
    try:
        body = bson.encode(record)
    except (BSONError, OverflowError) as error:
        raise WorkRefused(f"works[{index}] is nothing that MongoDB can hold: {error}") from error
    if len(body) > WORK_BYTES_MAX:
        raise WorkTooLarge(f"works[{index}] has {len(body):,} bytes of BSON, and {WORK_BYTES_MAX:,} are allowed")
    return body


def json_of(record: Record) -> bytes:
    """Return the JSON of a document: times as epoch seconds, and types that JSON does not have as numbers or text."""
    for name in _TIMES:
        if name in record and not isinstance(record[name], float):
            record[name] = _seconds(record[name])
    return msgspec.json.encode(record, enc_hook=_plain)


def _seconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, DatetimeMS):
        return int(value) / 1000
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(value: Any) -> Any:
    return next((make(value) for kind, make in _KINDS if isinstance(value, kind)), None)


_KINDS: Sequence[tuple[type, Callable[[Any], Any]]] = (
    (int, int),  # a subclass of int, for integers over 32 bits
    (DatetimeMS, _seconds),
    (Timestamp, lambda value: float(value.time)),
    (Decimal128, lambda value: float(value.to_decimal())),
    (object, str),
)
