"""What the queue must hold, worked out from nothing but what the client was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Ledger", "mark_of"]


def mark_of(record: Mapping[str, Any]) -> str:
    """Return what a work is known by, whatever id it has."""
    return str(record["parameters"]["mark"])


class Ledger:
    """The marks of the works that are acknowledged and not removed, each of which is in the queue once."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def stored(self, marks: Iterable[str]) -> None:
        """Note works that were acknowledged."""
        self._held.update(marks)

    def gone(self, marks: Iterable[str]) -> None:
        """Note works that were said to be gone."""
        self._held.difference_update(marks)

    def unsure(self, marks: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
        """Note works of which the client said that nobody knows: whatever the queue holds, it holds from now on."""
        there = {mark_of(record) for record in records}
        for mark in marks:
            (self._held.add if mark in there else self._held.discard)(mark)

    def check(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Compare the queue with what was said."""
        there = Counter(mark_of(record) for record in records)
        assert max(there.values(), default=1) == 1, "a work is there twice"
        assert self._held <= set(there), "a work that was acknowledged is lost"
        assert set(there) <= self._held, "a work is there that was never acknowledged, or was said to be gone"
