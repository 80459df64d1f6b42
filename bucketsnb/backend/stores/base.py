"""What every store of works promises, and what all stores do alike.

How works are kept is left to each store; what a valid work is, to `works`.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from bucketsnb.backend.works import changes_of, new_records
from bucketsnb.matching import Matcher, compile_query
from bucketsnb.schema import STATUS_KEYS

__all__ = ["Counts", "Store", "StoreError", "StoreFull", "StoreUnavailable", "UnknownWorks"]

Counts = dict[str, int]

_IN_MEMORY = 4 * 1024 * 1024
"""Bytes of an answer that are kept in memory; more of them go to a temporary file."""
_PIECE = 512 * 1024
_WORKS_AT_ONCE = 32


class StoreError(Exception):
    """The store could not do what was asked, and has changed nothing."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written now: locked for too long, read-only, or damaged."""


class StoreFull(StoreError):
    """There is no room left where the store keeps its works."""


class UnknownWorks(StoreError):
    """An update named works that the store does not hold, so nothing was updated."""

    def __init__(self, ids: Sequence[str | None]) -> None:
        shown = ", ".join("null" if work_id is None else work_id for work_id in ids[:5])
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        super().__init__(f"no work has the id {shown}{more}; nothing was updated")


class Store(ABC):
    """A place that keeps works; safe to use from any thread.

    Every change is atomic and is seen by every later read. When its method returns, the end of this process loses
    nothing of it. Times are epoch seconds. Methods raise `StoreError`, `WorkRefused` for what is no work, and
    `QueryNotUnderstood` for a query that cannot be decided exactly.

    Attributes
    ----------
    url
        Its address, without a password.
    """

    url: str

    def deposit(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as queued, all or none, and give their new ids in the same order."""
        return self._added(new_records(works))

    def load(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as they are: status and id are kept. For samples and tests; no route does this."""
        return self._added(new_records(works, as_they_are=True))

    def _added(self, records: Sequence[dict[str, Any]]) -> list[str]:
        self._add(records)
        return [record["id"] for record in records]

    @abstractmethod
    def _add(self, records: Sequence[dict[str, Any]]) -> None:
        """Add records that are works, all or none."""

    @abstractmethod
    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the queued work that matches and comes first: its JSON after the claim, or None if there is none.

        The highest priority comes first, then the oldest creation, then the first deposit. A claim sets the status to
        running and the start to now (a float), and adds one to the attempt.
        """

    def update(self, works: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of works by id, all or none; `UnknownWorks` names ids that are not there."""
        self._change(changes_of(works))

    @abstractmethod
    def _change(self, changes: Sequence[dict[str, Any]]) -> None:
        """Set fields of works, all or none; each change has the id of its work, or null."""

    @abstractmethod
    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and return how many there were; other ids are ignored."""

    def view(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> Iterator[bytes]:
        """Read the matching works as one JSON array, latest creation first, then latest deposit; give it in pieces.

        The array is read whole before this returns: pieces that nobody takes hold up nothing in the store.
        """
        pieces = _array(self._newest(query, compile_query(query), projection or {}, max(skip, 0), limit))
        next(pieces)
        return pieces

    @abstractmethod
    def _newest(
        self, query: Mapping[str, Any], matches: Matcher, projection: Mapping[str, Any], skip: int, limit: int | None
    ) -> Generator[bytes, None, None]:
        """Yield the JSON of works that match, newest first; `matches` decides, and `query` may narrow the search."""

    def status(self, pipeline: str | None = None) -> Counts:
        """Count works by status, with the keys of `STATUS_KEYS` in their order; others are in the total."""
        return _counted(self._numbers(pipeline))

    def statuses(self) -> dict[str, Counts]:
        """Count works by status for each pipeline that has works, in alphabetical order."""
        named = (row for row in self._numbers(None) if isinstance(row[0], str))
        by_pipeline = groupby(sorted(named, key=itemgetter(0)), key=itemgetter(0))
        return {name: _counted(rows) for name, rows in by_pipeline}

    def pipelines(self) -> list[str]:
        """Return the pipelines that have works, in alphabetical order."""
        return list(self.statuses())

    @abstractmethod
    def _numbers(self, pipeline: str | None) -> Iterable[tuple[Any, Any, int]]:
        """Return pipelines, or one, with their statuses and the number of works that each has."""

    @abstractmethod
    def audit_failed(self) -> int:
        """Queue failed works with attempts left again, and return how many."""

    @abstractmethod
    def audit_expired(self) -> int:
        """Fail running works that are past their timeout, and return how many."""

    @abstractmethod
    def audit_stale(self, days: float) -> int:
        """Fail the queued and running works created more than so many days ago, and count them.

        Their attempts are used up too (at least `retries`): otherwise `audit_failed` would queue them again.
        """

    @abstractmethod
    def clear(self) -> None:
        """Remove every work."""

    @abstractmethod
    def close(self) -> None:
        """Close files and connections; a temporary store is deleted."""


def _counted(numbers: Iterable[tuple[Any, Any, int]]) -> Counts:
    counts = dict.fromkeys(STATUS_KEYS, 0)
    for _, status, number in numbers:
        counts["total"] += number
        if status in STATUS_KEYS[1:]:  # not a set: values that other programs put into MongoDB may be unhashable
            counts[status] += number
    return counts


def _array(works: Generator[bytes, None, None]) -> Iterator[bytes]:
    """Yield works as one JSON array: an empty piece once all are read, then the array; a large one from a file."""
    try:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as array, closing(works):
            before = b"["
            while some := b",".join(islice(works, _WORKS_AT_ONCE)):
                array.write(before + some)
                before = b","
            array.write(b"]" if before == b"," else b"[]")
            array.seek(0)
            yield b""
            while piece := array.read(_PIECE):
                yield piece
    except OSError as error:
        raise StoreFull(f"the answer cannot be kept in {tempfile.gettempdir()}: {error}") from error
