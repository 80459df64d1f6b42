"""Snapshots of works at one moment: frozen, comparable, and small enough to keep thousands of them in memory."""

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
    """One whole work as it was when it was read.

    Two snapshots are equal if all fields of their records are equal, also those that this package does not know: a
    change of any field may be a reason not to change the work.

    Attributes
    ----------
    text
        The record as JSON, with its fields in their order.
    fingerprint
        SHA-256 of the record as JSON with sorted fields, in hexadecimal.
    id
        Id of the work; `None` if it has none, or one that is empty or not text.
    pipeline, status, site, creation
        The values in the record; `None` if it does not have the field.

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
        """A copy of the record."""
        record: dict[str, Any] = json.loads(self.text)
        return record


@dataclass(frozen=True, slots=True)
class Change:
    """What will become of one work. Both sides are `None` for a withdrawal, where the service chooses the work.

    Attributes
    ----------
    before
        The work as it was shown, or `None` if it is not in the store yet.
    after
        The work as it will be, or `None` if it will be removed.
    """

    before: WorkSnapshot | None
    after: WorkSnapshot | None

    @property
    def work(self) -> WorkSnapshot:
        """The work before, or else the work after; ValueError if both are `None`."""
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
        """What differs between the two sides, as path, old value and new value; empty if one side is `None`."""
        if self.before is None or self.after is None:
            return ()
        return tuple(differences(self.before.record, self.after.record))


def written(record: Mapping[str, Any] | None) -> str:
    """Return a record as JSON, with its fields in their order."""
    return json.dumps(record, separators=(",", ":"))


def same(record: Mapping[str, Any], snapshot: WorkSnapshot) -> bool:
    """Return whether a work is as it was seen; ``1`` and ``1.0`` are equal."""
    return written(record) == snapshot.text or equal(record, snapshot.record)  # equal() is slow


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal: ``1`` equals ``1.0`` and NaN equals NaN, but ``1`` is not ``true``.

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
    """List what differs between two records: path, old value, new value (or `MISSING`), in the order of the fields.

    Examples
    --------
    >>> differences({"status": "queued", "config": {"parent": "a"}}, {"status": "running", "config": {"parent": "b"}})
    [('status', 'queued', 'running'), ('config.parent', 'a', 'b')]
    """
    return [(".".join(path), old_value, new_value) for path, old_value, new_value in leaves(old, new)]


def leaves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any, Any]]:
    """List what differs between two records as :func:`differences` does, with each path as a tuple of names."""
    differing: list[tuple[tuple[str, ...], Any, Any]] = []
    for name in dict.fromkeys([*old, *new]):
        old_value, new_value = old.get(name, MISSING), new.get(name, MISSING)
        if isinstance(old_value, Mapping) and isinstance(new_value, Mapping):
            differing += [((name, *path), a, b) for path, a, b in leaves(old_value, new_value)]
        elif old_value is MISSING or new_value is MISSING or not equal(old_value, new_value):
            differing.append(((name,), old_value, new_value))
    return differing


def drift(old: Mapping[str, Any], now: Mapping[str, Any], *, whole: bool) -> list[tuple[str, Any, Any]]:
    """List what differs between a work as it was read and as it is now; unless `whole`, compare only what was read.

    Examples
    --------
    >>> drift({"config": {"parent": "a"}}, {"config": {"parent": "a", "metrics": True}}, whole=False)
    []
    """
    return differences(old, now if whole else {name: restrict(now.get(name), value) for name, value in old.items()})


def restrict(now: Any, read: Any) -> Any:
    """Return a value as it is now, without the parts that `read`, the same value read in part, does not have."""
    if isinstance(now, Mapping) and isinstance(read, Mapping):
        return {name: restrict(now[name], value) for name, value in read.items() if name in now}
    if isinstance(now, list) and isinstance(read, list) and len(now) == len(read):
        return [restrict(item, value) for item, value in zip(now, read, strict=True)]
    return now


def described(cells: list[tuple[str, Any, Any]] | tuple[tuple[str, Any, Any], ...], most: int = 4) -> str:
    """Return the first `most` differences as one line of printable text, and how many more there are.

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
    """Return how a work differs from its old state, as one line of text; ``""`` if it does not."""
    return described(differences(old.record if isinstance(old, WorkSnapshot) else old or {}, new))


def shown(value: Any) -> str:
    """Return a value as at most 60 printable characters: text as it is, anything else (and empty text) as JSON."""
    if value is MISSING:
        return "(none)"
    return truncate(value if isinstance(value, str) and value else json.dumps(value), 60)
