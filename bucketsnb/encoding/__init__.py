"""Encode Python values as JSON that the service accepts, and decode its JSON."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from bucketsnb.display.texts import join_truncated, printable, truncate
from bucketsnb.encoding.values import DEEPEST, UnfitError, plain, plain_key, seconds_of, whole
from bucketsnb.errors import QueryError, WorkError
from bucketsnb.moments import moment_problem
from bucketsnb.schema import (
    FIELDS,
    LEFT_TO_THE_SERVICE,
    TIME_FIELDS,
    Kind,
    Problem,
    problems,
    problems_of_change,
    value_problems,
    with_defaults,
)

__all__ = [
    "DEEPEST",
    "LARGEST_WORK",
    "Verb",
    "decode",
    "encode",
    "encode_works",
    "judge",
    "judge_change",
    "refusal",
]

Verb = Literal["deposit", "update", "restore"]

LARGEST_WORK = 16 * 1024**2
"""Most bytes of one work; the limit of a MongoDB document."""

TICK = 1e-6
"""Seconds by which creation times that would be equal are moved apart, at least."""


def encode_works(works: Iterable[Any], *, verb: Verb) -> tuple[bytes, list[dict[str, Any]]]:
    """Convert works to the JSON array that is sent; return it, and the works as plain values.

    Whatever the verb, a work is refused that has no form in JSON or is larger than `LARGEST_WORK`.

    Parameters
    ----------
    works
        Mappings, or objects with a ``payload`` that is one, such as the public client's ``Work``.
    verb
        ``"deposit"`` fills in the defaults of the public client, at every depth, and refuses what that client would not
        read (:func:`bucketsnb.schema.problems`). It empties ``id``, which the service gives, and gives each work a
        creation time that no other has: the present for a missing one, and a microsecond later for an equal one. By
        these times, the works of a deposit without an answer can be looked for.
        ``"restore"`` treats id and creation time in the same way, and does nothing else: for works that were in the
        queue before.
        ``"update"`` requires an ``id`` in each work, and does nothing else.

    Raises
    ------
    WorkError
        For the first work that cannot be sent; the error has its index and the path of its field.

    Examples
    --------
    >>> work = {"pipeline": "a", "site": "chime", "user": "me", "creation": "2026-11-20T18:30:00Z"}
    >>> body, records = encode_works([work], verb="deposit")
    >>> records[0]["creation"], body[:15]
    (1795199400.0, b'[{"pipeline":"a')
    """
    records = [_record(work, index, verb) for index, work in enumerate(_listed(works))]
    if verb != "update":
        _set_creation_times(records)
    bodies = []
    for index, record in enumerate(records):
        if verb == "deposit":
            records[index] = with_defaults(record)
            _refuse(_field_problems(records[index]), record, index)
        bodies.append(msgspec.json.encode(records[index]))
        _refuse(_size_problems(record, len(bodies[-1])), record, index)
    return b"[" + b",".join(bodies) + b"]", records


def encode(value: Any) -> bytes:
    """Convert a query, or a part of one, to JSON; datetimes become epoch seconds, as the service keeps times.

    Raises
    ------
    QueryError
        If something in it has no form in JSON; the message names its path.
    """
    try:
        return msgspec.json.encode(plain(value, "", DEEPEST, as_time=True))
    except UnfitError as error:
        raise QueryError(f"The query cannot be sent: {error}") from None


def decode(data: bytes | msgspec.Raw) -> Any:
    r"""Convert JSON from the service to Python values, whatever a queue may hold: also NaN and lone surrogates.

    Raises
    ------
    ValueError
        If it is not JSON, is cut off, or is nested too deep.

    Examples
    --------
    >>> decode(b'{"snr": [NaN, "\\ud800"]}')
    {'snr': [nan, '\ud800']}
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        reason = "it is nested too deep"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)
    try:  # slower, but accepts NaN and Infinity, which other clients have put into queues
        return json.loads(bytes(data), parse_int=_integer)
    except RecursionError:
        reason = "it is nested too deep"
    except ValueError:
        pass
    raise ValueError(reason)


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts to an integer: infinity, as 1e5000 is
        return float(digits)


# --- one work ---


def _listed(works: object) -> list[Any]:
    if isinstance(works, Mapping | str | bytes) or hasattr(works, "payload") or not isinstance(works, Iterable):
        raise WorkError(f"Works are given as a list, not as one {type(works).__name__}; put it in [ ].")
    if hasattr(works, "columns"):
        raise WorkError("Works are given as a list; for a DataFrame use plan_deposit or plan_update.")
    return list(works)


def judge(work: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Convert one work to plain values; return them, and all problems for which `encode_works` would not deposit it.

    Raises
    ------
    WorkError
        If it is not a mapping.
    """
    record, unfit = _converted(work)
    if unfit:
        reported = {problem.path.partition(".")[0].partition("[")[0] for problem in unfit}
        return record, [
            *unfit,
            *(problem for problem in _field_problems(with_defaults(record)) if problem.path not in reported),
        ]
    filled = with_defaults(record)
    return record, _field_problems(filled) or _size_problems(filled, len(msgspec.json.encode(filled)))


def judge_change(record: Mapping[str, Any], changes: Mapping[str, Any]) -> list[Problem]:
    """Return the problems that new values would cause in a work of the queue.

    Problems that the work had before are not reported: such values are kept as they are.
    """
    new, unfit = _converted(changes)
    times = _moment_problems({name: value for name, value in new.items() if value != record.get(name)})
    reported = {problem.path for problem in times}
    return [*unfit, *(problem for problem in problems_of_change(record, new) if problem.path not in reported), *times]


def _converted(work: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Return the fields of a work as plain values, and the fields that cannot be converted."""
    given = getattr(work, "payload", work)
    if not isinstance(given, Mapping):
        raise WorkError(f"is not a mapping but {type(work).__name__}; expected the fields of a work by name")
    record, unfit = {}, []
    for name, value in given.items():
        try:
            record[plain_key(name, "")] = _field(str(name), value)
        except UnfitError as error:  # noqa: PERF203 - each field is named
            unfit.append(Problem(error.path, error.reason, ""))
    return record, unfit


def _record(work: Any, index: int, verb: Verb) -> dict[str, Any]:
    try:
        record, unfit = _converted(work)
    except WorkError as error:
        raise WorkError(f"Work {index} {error}.", index=index) from None
    _refuse(unfit, record, index)
    own_id = record.get("id")
    if verb != "update":
        record.update(dict.fromkeys(LEFT_TO_THE_SERVICE & record.keys()))
    elif not isinstance(own_id, str) or not own_id:
        problem = Problem("id", f"is {truncate(repr(own_id), 40)}", "expected the id of the work to update")
        _refuse([problem], record, index)
    return record


def _refuse(found: Sequence[Problem], record: Mapping[str, Any], index: int) -> None:
    if found:
        raise refusal(found, record, index)


def refusal(found: Sequence[Problem], record: Mapping[str, Any], index: int) -> WorkError:
    """Return the error for a work that has these problems; its `field` is that of the first one."""
    label = printable(truncate(record.get("pipeline") or "no pipeline", 60))
    also = f". Also wrong: {join_truncated((problem.path for problem in found[1:]), most=3)}" if found[1:] else ""
    return WorkError(f"Work {index} ({label}): {found[0]}{also}", index=index, field=found[0].path or None)


def _field(name: str, value: Any) -> Any:
    if name in TIME_FIELDS:
        return _time(value, name)
    sent = plain(value, name, DEEPEST - 1)
    kind = FIELDS[name].kind if name in FIELDS else None
    if kind is Kind.INTEGER:
        return whole(sent)
    return [whole(value) for value in sent] if kind is Kind.INTEGERS and isinstance(sent, list) else sent


def _time(value: Any, name: str) -> float | None:
    sent = plain(value, name, 1, as_time=True)
    if sent is None:
        return None
    if isinstance(sent, str):
        return seconds_of(name, sent)
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise UnfitError(name, value_problems(FIELDS[name], sent, name)[0].text)
    return float(sent)


def _moment_problems(record: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of times that must be a mistake, each with a guess at what was meant."""
    times = ((name, record.get(name)) for name in TIME_FIELDS)
    reasons = ((name, moment_problem(time)) for name, time in times if isinstance(time, float))
    return [Problem(name, why, "expected epoch seconds from 2010 to now") for name, why in reasons if why]


def _field_problems(record: Mapping[str, Any]) -> list[Problem]:
    moments = _moment_problems(record)
    reported = {problem.path for problem in moments}
    return [*(problem for problem in problems(record) if problem.path not in reported), *moments]


def _size_problems(record: Mapping[str, Any], size: int) -> list[Problem]:
    if size <= LARGEST_WORK:
        return []
    most, name = max((len(msgspec.json.encode(value)), name) for name, value in record.items())
    allowed = f"at most {LARGEST_WORK:,} bytes are allowed in a work"
    return [Problem(name, f"has {most:,} bytes of the {size:,} of the work", allowed)]


# --- creation times ---

_CLOCK_LOCK = threading.Lock()
_last_stamp = 0.0


def _set_creation_times(records: list[dict[str, Any]]) -> None:
    """Give every record a creation time that no other record of this deposit has; of equal ones, the first keeps it."""
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
    """Return the present in epoch seconds, but always later than what this process returned before."""
    global _last_stamp
    with _CLOCK_LOCK:
        _last_stamp = max(time.time(), _last_stamp + TICK)
        return _last_stamp


def _unlock_in_child() -> None:
    """Make a new lock: in a forked process, the thread that held the old one does not exist."""
    global _CLOCK_LOCK
    _CLOCK_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
