"""Put numbers of works into the shape of the service's status: the keys of `STATUS_KEYS`, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from bucketsnb.schema import STATUS_KEYS

__all__ = ["Counts", "counts_by_pipeline", "counts_of"]

Counts = dict[str, int]

_STATUSES = STATUS_KEYS[1:]  # not a set: what other programs put into MongoDB need not be hashable


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
        if status in _STATUSES:
            counts[status] += number
    return counts


def counts_by_pipeline(numbers: Iterable[tuple[str, Any, int]]) -> dict[str, Counts]:
    """Give the counts of each pipeline, of numbers by pipeline and status that are sorted by pipeline."""
    pipelines = groupby(numbers, key=itemgetter(0))
    return {name: counts_of((status, number) for _, status, number in rows) for name, rows in pipelines}
