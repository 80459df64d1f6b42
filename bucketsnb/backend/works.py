"""Check the works that a client sends: fields that the queue needs are checked, all others are kept as they are.

If fields that the queue needs are absent, they get the defaults of the public client. A wrong value is refused.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bucketsnb.schema import FIELDS, TIME_FIELDS, Problem, queue_problems, value_problems

__all__ = [
    "WORK_BYTES_MAX",
    "WorkRefused",
    "WorkTooLarge",
    "changes_of",
    "encoded",
    "new_id",
    "new_records",
]

WORK_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes of one work as JSON: as many as a MongoDB document may have."""

DEPTH_MAX = 100
"""Most levels of nesting of one work: as many as a MongoDB document may have."""


class WorkRefused(ValueError):
    """A work is not valid, or cannot be stored; the message names the work and the field. Nothing was stored."""


class WorkTooLarge(WorkRefused):
    """A work has more than `WORK_BYTES_MAX` bytes of JSON. Nothing was stored."""


_PROCESS = [secrets.token_hex(5)]
_COUNTER = itertools.count(int.from_bytes(secrets.token_bytes(3), "big"))


if hasattr(os, "register_at_fork"):
    # A forked process inherits the process's digits and the counter, and would make the same ids.
    os.register_at_fork(after_in_child=lambda: _PROCESS.__setitem__(0, secrets.token_hex(5)))


def new_id() -> str:
    """Return a new id: 24 hexadecimal digits for the second, the process and a counter, as in MongoDB."""
    return f"{int(time.time()):08x}{_PROCESS[0]}{next(_COUNTER) % 0x1000000:06x}"


def new_records(works: Sequence[Mapping[str, Any]], *, as_they_are: bool = False) -> list[dict[str, Any]]:
    """Return the records to store for deposited works; with `as_they_are`, they keep their status and id.

    Raises
    ------
    WorkRefused
        For the first work that has no pipeline, or a wrong value in a field that the queue needs.
    """
    records = []
    for index, work in enumerate(works):
        given = _without_key(work)
        record = {**given, **{name: value for name, value in _DEFAULTS.items() if name not in given}}
        if "pipeline" not in record:
            raise WorkRefused(f"works[{index}] has no pipeline")
        if record.get("creation") is None:
            record["creation"] = time.time()
        if record.get("status") is None:
            record["status"] = "queued"
        _check(record, index)
        if not as_they_are:
            record["status"] = "queued"
        if not (as_they_are and isinstance(record.get("id"), str)):
            record["id"] = new_id()
        records.append(record)
    return records


def changes_of(works: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields that each update sets, with the id of its work; raise WorkRefused if a value is wrong.

    An absent id becomes None, as a null does; no work has that id.
    """
    changes = [{"id": None, **_without_key(work)} for work in works]
    for index, change in enumerate(changes):
        _check(change, index, value_problems(FIELDS["id"], change["id"], "id"))
    return changes


def encoded(record: Mapping[str, Any], index: int) -> str:
    """Return the JSON text of a record.

    Raises
    ------
    WorkTooLarge
        If it has more than `WORK_BYTES_MAX` bytes.
    WorkRefused
        If it is nested too deep, or has an integer of more than 64 bits.
    """
    body = msgspec.json.encode(record)
    if len(body) > WORK_BYTES_MAX:
        raise WorkTooLarge(f"works[{index}] has {len(body):,} bytes of JSON, and {WORK_BYTES_MAX:,} are allowed")
    if _MANY_DIGITS.search(body) or body.count(b"{") + body.count(b"[") > DEPTH_MAX:
        _check_inside(record, f"works[{index}]")
    return body.decode()


_MANY_DIGITS = re.compile(rb"[0-9]{19}")


def _check_inside(value: Any, where: str, depth: int = 0) -> None:
    if depth > DEPTH_MAX:
        raise WorkRefused(f"{where[:60]}... is nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_inside(inner, f"{where}.{name}", depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _check_inside(inner, f"{where}[{place}]", depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise WorkRefused(f"{where} is an integer of more than 64 bits")


_DEFAULTS: dict[str, Any] = {
    name: FIELDS[name].default for name in ("start", "stop", "attempt", "timeout", "retries", "priority")
}


def _without_key(work: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in work.items() if name != "_id"} if "_id" in work else work


def _check(record: dict[str, Any], index: int, problems: Sequence[Problem] = ()) -> None:
    for problem in (*problems, *queue_problems(record)):
        raise WorkRefused(f"works[{index}].{problem}")
    for name in TIME_FIELDS:
        # Clients of the 3.x line parse times as strict floats, so an integer becomes one here.
        if record.get(name) is not None:
            record[name] = float(record[name])
