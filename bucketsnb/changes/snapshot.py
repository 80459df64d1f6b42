"""A work as it was seen at one moment: frozen, comparable, and small enough to keep thousands of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bucketsnb.display.texts import truncate

__all__ = [
    "MISSING",
    "Change",
    "WorkSnapshot",
    "described",
    "differences",
    "drift",
    "equal",
    "leaves",
    "restrict",
    "same",
    "shown",
    "what_differs",
    "written",
]


MISSING = object()
"""Stands for a field that a record does not have."""


@dataclass(frozen=True, slots=True)
class WorkSnapshot:
    """One whole work as it was when someone looked.

    Two are equal when every field of the record is: any of them, also one that this package does not know, may be the
    reason why a work should be left alone.

    Attributes
    ----------
    text
        The record as JSON, its fields in their order.
    fingerprint
        SHA-256 of the record as JSON with sorted fields, in hexadecimal.
    id, pipeline, status, site, creation
        Of the record, as it holds them; `None` where it does not.

    Examples
    --------
    >>> work = WorkSnapshot.of({"id": "a", "status": "queued"})
    >>> work == WorkSnapshot.of({"status": "queued", "id": "a"}), work.status
    (True, 'queued')
    """

    text: str = field(compare=False, repr=False)
    fingerprint: str
    id: str | None
    pipeline: Any = field(compare=False)
    status: Any = field(compare=False)
    site: Any = field(compare=False)
    creation: Any = field(compare=False)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> WorkSnapshot:
        """Make a snapshot of a record."""
        in_order, work_id = json.dumps(record, sort_keys=True, separators=(",", ":")), record.get("id")
        return cls(
            text=written(record),
            fingerprint=hashlib.sha256(in_order.encode()).hexdigest(),
            id=work_id if isinstance(work_id, str) and work_id else None,
            pipeline=record.get("pipeline"),
            status=record.get("status"),
            site=record.get("site"),
            creation=record.get("creation"),
        )

    @property
    def record(self) -> dict[str, Any]:
        """The record, as a copy."""
        record: dict[str, Any] = json.loads(self.text)
        return record


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of one work; with neither side, of the work that the service will choose (a withdrawal).

    Attributes
    ----------
    before
        The work as it was shown, or `None` if it is not in the store yet.
    after
        The work as it is to be, or `None` if it is not to be in the store any more.
    """

    before: WorkSnapshot | None
    after: WorkSnapshot | None

    @property
    def work(self) -> WorkSnapshot:
        """The work before, or else the work after."""
        side = self.before or self.after
        if side is None:
            raise ValueError("nobody knows yet which work this change is of")
        return side

    @property
    def id(self) -> str | None:
        """Id of the work, or `None` if it has none yet."""
        side = self.before or self.after
        return None if side is None else side.id

    @property
    def cells(self) -> tuple[tuple[str, Any, Any], ...]:
        """What differs between the two sides: path, old value, new value."""
        if self.before is None or self.after is None:
            return ()
        return tuple(differences(self.before.record, self.after.record))


def written(record: Mapping[str, Any] | None) -> str:
    """Return a record as JSON, its fields in their order."""
    return json.dumps(record, separators=(",", ":"))


def same(record: Mapping[str, Any], snapshot: WorkSnapshot) -> bool:
    """Return whether a work is as it was seen; ``1`` and ``1.0`` are equal."""
    return written(record) == snapshot.text or equal(record, snapshot.record)  # slow, so only if the texts differ


def equal(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same: ``1`` and ``1.0`` are, but ``1`` is not ``true`` as it is in Python.

    Examples
    --------
    >>> equal({"flag": [1]}, {"flag": [1.0]}), equal({"flag": [1]}, {"flag": [True]})
    (True, False)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other or (one != one and other != other))


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List what differs between two records: path, old value, new value, in the order of the fields.

    Examples
    --------
    >>> differences({"status": "queued", "config": {"parent": "a"}}, {"status": "running", "config": {"parent": "b"}})
    [('status', 'queued', 'running'), ('config.parent', 'a', 'b')]
    """
    return [(".".join(path), one, other) for path, one, other in leaves(old, new)]


def leaves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any, Any]]:
    """List what differs between two records, each path as its parts."""
    found: list[tuple[tuple[str, ...], Any, Any]] = []
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name, MISSING), new.get(name, MISSING)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += [((name, *path), a, b) for path, a, b in leaves(one, other)]
        elif one is MISSING or other is MISSING or not equal(one, other):
            found.append(((name,), one, other))
    return found


def drift(old: Mapping[str, Any], now: Mapping[str, Any], *, whole: bool) -> list[tuple[str, Any, Any]]:
    """List what differs between a work as it was read and as it is now; of one read in part, only what was read.

    Examples
    --------
    >>> drift({"config": {"parent": "a"}}, {"config": {"parent": "a", "metrics": True}}, whole=False)
    []
    """
    return differences(old, now if whole else {name: restrict(now.get(name), value) for name, value in old.items()})


def restrict(now: Any, read: Any) -> Any:
    """Return the parts of a value that were read where the same value was read in part."""
    if isinstance(now, Mapping) and isinstance(read, Mapping):
        return {name: restrict(now[name], value) for name, value in read.items() if name in now}
    if isinstance(now, list) and isinstance(read, list) and len(now) == len(read):
        return [restrict(one, value) for one, value in zip(now, read, strict=True)]
    return now


def described(cells: list[tuple[str, Any, Any]] | tuple[tuple[str, Any, Any], ...], most: int = 4) -> str:
    """Return differences as one line of text, printable and bounded.

    Examples
    --------
    >>> described([("status", "queued", "running"), ("attempt", 0, 1)])
    'status queued -> running; attempt 0 -> 1'
    """
    parts = [f"{truncate(path, 60)} {shown(old)} -> {shown(new)}" for path, old, new in cells[:most]]
    if len(cells) > most:
        parts.append(f"and {len(cells) - most} more")
    return "; ".join(parts)


def what_differs(old: WorkSnapshot | Mapping[str, Any] | None, new: Mapping[str, Any]) -> str:
    """Return how a work differs from what it was, as one line of text; ``""`` if it does not."""
    return described(differences(old.record if isinstance(old, WorkSnapshot) else old or {}, new))


def shown(value: Any) -> str:
    """Return a value as a short printable text: text as it is, anything else as JSON."""
    if value is MISSING:
        return "(none)"
    return truncate(value if isinstance(value, str) and value else json.dumps(value), 60)
