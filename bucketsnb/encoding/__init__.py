"""What people hold, as JSON that the service can keep; and JSON from the service, as Python values."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

import msgspec

from bucketsnb.encoding.values import DEEPEST, UnfitError, plain, plain_key
from bucketsnb.errors import QueryError, WorkError
from bucketsnb.formatting import excerpt, near, printable
from bucketsnb.schema import (
    FIELD_NAMES,
    FIELDS,
    LEFT_TO_THE_SERVICE,
    PRIORITY_MAX,
    PRIORITY_MIN,
    RETRIES_MAX,
    STATUSES,
    TIME_FIELDS,
    TIMEOUT_MAX,
    TIMEOUT_MIN,
    Kind,
    pipeline_problem,
)

__all__ = ["DEEPEST", "LARGEST_WORK", "Verb", "decode", "encode", "encode_works"]

Verb = Literal["deposit", "update", "restore"]

LARGEST_WORK = 16 * 1024**2
"""Bytes of one work; the limit of a MongoDB document."""

TICK = 1e-6
"""Seconds by which equal creation times are moved apart."""

_SLIP = 0.8
"""Likeness from which an unknown field counts as a slip of a known one: `priorty`, not `comment` for `command`."""

_INTEGERS = {
    "priority": (PRIORITY_MIN, PRIORITY_MAX),
    "timeout": (TIMEOUT_MIN, TIMEOUT_MAX),
    "retries": (-(2**31), RETRIES_MAX),
    "attempt": (0, 2**31),
}


def encode_works(works: Iterable[Any], *, verb: Verb) -> tuple[bytes, list[dict[str, Any]]]:
    """Check works and convert them to what is sent.

    Parameters
    ----------
    works
        Mappings, or objects with a ``payload`` that is one, such as the public client's ``Work``.
    verb
        ``"deposit"`` checks what the queue needs (pipeline, site, user, priority, timeout, retries, attempt, status,
        event, tags) and refuses unknown fields that look like a slip of a known one; other unknown fields are kept.
        It empties ``id``, which the service gives, fills in a missing `creation` with the present time, and moves equal
        creation times apart by a microsecond, so that a deposit without an answer can be looked for.
        ``"restore"`` treats id and creation alike and checks nothing else: for works that were in the queue before.
        ``"update"`` asks for an ``id`` in each, and checks nothing else.

    Returns
    -------
    bytes, list of dict
        The JSON array, and the same works as plain Python values.

    Raises
    ------
    WorkError
        With the index of the first work that cannot be sent, and the path of its field.

    Examples
    --------
    >>> body, records = encode_works([{"pipeline": "a", "site": "chime", "user": "me", "creation": 5}], verb="deposit")
    >>> records[0]["creation"], body[:15]
    (5.0, b'[{"pipeline":"a')
    """
    records = [_record(work, index, verb) for index, work in enumerate(_listed(works))]
    if verb != "update":
        _stamp(records)
    return b"[" + b",".join(_bytes_of(record, index) for index, record in enumerate(records)) + b"]", records


def encode(value: Any) -> bytes:
    """Convert a query, or a part of one, to JSON; times become epoch seconds, as the service keeps them.

    Raises
    ------
    QueryError
        With the path of what cannot be sent.
    """
    try:
        return msgspec.json.encode(plain(value, "", DEEPEST, as_time=True))
    except UnfitError as error:
        raise QueryError(f"The query cannot be sent: {error}") from None


def decode(data: bytes) -> Any:
    """Convert JSON from the service to Python values, of whatever a queue may hold: also NaN and lone surrogates.

    Raises
    ------
    ValueError
        Not JSON, cut off, or nested too deep.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        reason = "it is nested too deep"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)
    try:  # slower, and it takes what JSON is not but other clients have put into queues
        return json.loads(data)
    except RecursionError:
        reason = "it is nested too deep"
    except ValueError:
        pass
    raise ValueError(reason)


# --- one work ---


def _listed(works: object) -> list[Any]:
    if isinstance(works, Mapping | str | bytes) or hasattr(works, "payload") or not isinstance(works, Iterable):
        raise WorkError(f"Works are given as a list, not as one {type(works).__name__}; put it in [ ].")
    if hasattr(works, "columns"):
        raise WorkError("Works are given as a list; for a DataFrame use plan_deposit or plan_update.")
    return list(works)


def _record(work: Any, index: int, verb: Verb) -> dict[str, Any]:
    given = getattr(work, "payload", work)
    if not isinstance(given, Mapping):
        raise WorkError(f"Work {index} is not a mapping but {type(work).__name__}.", index=index)
    try:
        record = {plain_key(name, ""): _field(str(name), value) for name, value in given.items()}
        if verb == "deposit":
            _check(record)
        if verb == "update":
            _check_id(record.get("id"))
    except UnfitError as error:
        label = printable(excerpt(given.get("pipeline") or "no pipeline", 60))
        raise WorkError(f"Work {index} ({label}): {error}", index=index, field=error.path or None) from None
    if verb != "update":
        record.update(dict.fromkeys(LEFT_TO_THE_SERVICE & record.keys()))
    return record


def _field(name: str, value: Any) -> Any:
    if name in TIME_FIELDS:
        return _time(value, name)
    sent = plain(value, name, DEEPEST - 1)
    kind = FIELDS[name].kind if name in FIELDS else None
    if kind is Kind.INTEGER:
        return _whole(sent)
    return [_whole(one) for one in sent] if kind is Kind.INTEGERS and isinstance(sent, list) else sent


def _whole(value: Any) -> Any:
    """Return 3 for 3.0: pandas turns a column of integers with a gap into floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _time(value: Any, name: str) -> float | None:
    sent = plain(value, name, 1, as_time=True)
    if sent is None:
        return None
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise UnfitError(name, f"must be epoch seconds or a datetime, not {type(value).__name__}")
    return float(sent)


def _bytes_of(record: dict[str, Any], index: int) -> bytes:
    data = msgspec.json.encode(record)
    if len(data) > LARGEST_WORK:
        name, size = max(((name, len(msgspec.json.encode(value))) for name, value in record.items()), key=_second)
        raise WorkError(
            f"Work {index} has {len(data):,} bytes, and at most {LARGEST_WORK:,} are allowed; {name} has {size:,}.",
            index=index,
            field=name,
        )
    return data


def _second(pair: tuple[str, int]) -> int:
    return pair[1]


# --- checks of a deposit ---


def _check(record: dict[str, Any]) -> None:
    _check_names(record)
    problem = pipeline_problem(record.get("pipeline"))
    if problem:
        raise UnfitError("pipeline", problem.removeprefix("pipeline "))
    for name in ("site", "user"):
        if not isinstance(record.get(name), str) or not record[name]:
            raise UnfitError(name, f"must be text and not empty, not {excerpt(repr(record.get(name)), 40)}")
    for name, (least, most) in _INTEGERS.items():
        _check_integer(name, record.get(name), least, most)
    if record.get("status") is not None and record["status"] not in STATUSES:
        hint = _hint(str(record["status"]), STATUSES)
        raise UnfitError("status", f"is {excerpt(repr(record['status']), 40)}, not one of {', '.join(STATUSES)}{hint}")
    _check_elements("event", record.get("event"), int)
    _check_elements("tags", record.get("tags"), str)


def _check_names(record: dict[str, Any]) -> None:
    for name in record.keys() - FIELDS.keys():
        meant = get_close_matches(name.casefold(), FIELD_NAMES, n=1, cutoff=_SLIP)
        if meant:
            raise UnfitError(printable(name), f"is not a field of a work; did you mean {meant[0]!r}?")


def _hint(word: str, words: Sequence[str]) -> str:
    meant = near(word, words)
    return f"; did you mean {meant[0]!r}?" if meant else ""


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitError(name, f"must be an integer, not {excerpt(repr(value), 40)}")
    if not least <= value <= most:
        bounds = f"at most {most}" if least < 0 else f"{least} to {most}"
        raise UnfitError(name, f"is {value}, and {bounds} is allowed")


def _check_elements(name: str, values: Any, kind: type) -> None:
    if values is None:
        return
    if not isinstance(values, list):
        raise UnfitError(name, f"must be a list, not {excerpt(repr(values), 40)}")
    for place, value in enumerate(values):
        if not isinstance(value, kind) or isinstance(value, bool):
            word = "an integer" if kind is int else "text"
            raise UnfitError(f"{name}[{place}]", f"must be {word}, not {excerpt(repr(value), 40)}")


def _check_id(value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise UnfitError("id", f"must be the id of the work to update, not {excerpt(repr(value), 40)}")


# --- creation times ---

_CLOCK_LOCK = threading.Lock()
_last_stamp = 0.0


def _stamp(records: list[dict[str, Any]]) -> None:
    """Give every record a creation time that no other one of this deposit has, in the order of the records."""
    taken: set[float] = set()
    latest: dict[float, float] = {}
    for record in records:
        first = record.get("creation")
        first = _now() if first is None else first
        value = latest.get(first, first)
        while value in taken:
            value += max(TICK, math.ulp(value))
        latest[first] = value
        taken.add(value)
        record["creation"] = value


def _now() -> float:
    """Return the time, later than any that was returned before in this process."""
    global _last_stamp
    with _CLOCK_LOCK:
        _last_stamp = max(time.time(), _last_stamp + TICK)
        return _last_stamp


def _unlock_in_child() -> None:
    """Free the clock: in a forked process, the thread that held it is not there to let go of it."""
    global _CLOCK_LOCK
    _CLOCK_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
