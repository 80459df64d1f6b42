"""Put numbers of works into the shape of the service's status: the keys of `STATUS_KEYS`, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from bucketsnb.schema import STATUS_KEYS

__all__ = ["Counts", "counts_by_pipeline", "counts_of"]

Counts = dict[str, int]


def counts_of(numbers: Iterable[tuple[Any, int]]) -> Counts:
    """Give the counts of numbers by status; a status that has no key of its own is in the total.

    Examples
    --------
    >>> counts_of([("queued", 2), ("created", 1)])
    {'total': 3, 'queued': 2, 'running': 0, 'success': 0, 'failure': 0}
    """
    counts = dict.fromkeys(STATUS_KEYS, 0)
    for status, number in numbers:
        counts["total"] += number
        if status in STATUS_KEYS[1:]:
            counts[status] += number
    return counts


def counts_by_pipeline(numbers: Iterable[tuple[str, Any, int]]) -> dict[str, Counts]:
    """Give the counts of each pipeline, of numbers by pipeline and status in which each pipeline stands together."""
    named = groupby(numbers, key=lambda row: row[0])
    return {name: counts_of((status, number) for _, status, number in rows) for name, rows in named}
