"""What every store of works guarantees, and what all stores have in common.

Each store decides how works are kept; `bucketsnb.backend.works` decides what a valid work is.
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
"""Bytes up to which an answer is kept in memory; a larger one is kept in a temporary file."""
_PIECE = 512 * 1024
_WORKS_AT_ONCE = 32


class StoreError(Exception):
    """The store could not do what was asked; the message says if nothing was changed."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written now: locked for too long, read-only, damaged, or not reachable."""


class StoreFull(StoreError):
    """There is no room left where the store keeps its works."""


class UnknownWorks(StoreError):
    """An update named works that the store does not hold, so nothing was updated."""

    def __init__(self, ids: Sequence[str | None]) -> None:
        shown = ", ".join("null" if work_id is None else work_id for work_id in ids[:5])
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        super().__init__(f"no work has the id {shown}{more}; nothing was updated")


class Store(ABC):
    """Keeps works; any number of threads may use it.

    Every change is atomic (in MongoDB only with a replica set), and is seen by every later read. When its method has
    returned, it is kept even if this process ends. Times are epoch seconds. Methods raise `StoreError`,
    `WorkRefused` for a work that is not valid, and `QueryNotUnderstood` for a query that cannot be decided exactly.

    Attributes
    ----------
    url
        Its address, without a password.
    """

    url: str

    def deposit(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as queued, all or none, and return their new ids in the same order."""
        return self._added(new_records(works))

    def load(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works with the status and id that they have, and return their ids: for samples and tests, not by HTTP."""
        return self._added(new_records(works, as_they_are=True))

    def _added(self, records: Sequence[dict[str, Any]]) -> list[str]:
        self._add(records)
        return [record["id"] for record in records]

    @abstractmethod
    def _add(self, records: Sequence[dict[str, Any]]) -> None:
        """Add records, which are valid works, all or none."""

    @abstractmethod
    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the first queued work that matches; return its JSON after the claim, or None if there is none.

        The highest priority comes first, then the oldest creation, then the first deposit. A claim sets the status to
        running and the start to now (a float), and adds one to the attempt.
        """

    def update(self, works: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of works by id, all or none; raise `UnknownWorks` if some ids are not there."""
        self._change(changes_of(works))

    @abstractmethod
    def _change(self, changes: Sequence[dict[str, Any]]) -> None:
        """Set fields of works, all or none; each change has the id of its work, or None."""

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
        """Read the matching works as one JSON array, latest creation first, then latest deposit; return its pieces.

        All works are read before this returns, so that a client that is slow to take the pieces does not block the
        store.
        """
        pieces = _array(self._newest(query, compile_query(query), projection or {}, max(skip, 0), limit))
        next(pieces)
        return pieces

    @abstractmethod
    def _newest(
        self, query: Mapping[str, Any], matches: Matcher, projection: Mapping[str, Any], skip: int, limit: int | None
    ) -> Generator[bytes, None, None]:
        """Yield the JSON of works for which `matches` is true, newest first; `query` helps to find them quickly."""

    def status(self, pipeline: str | None = None) -> Counts:
        """Count works by status, with the keys of `STATUS_KEYS` in order; works of other statuses are in the total."""
        return _counted(self._numbers(pipeline))

    def statuses(self) -> dict[str, Counts]:
        """Count works by status for each pipeline that has works, in alphabetical order."""
        named_rows = (row for row in self._numbers(None) if isinstance(row[0], str))
        by_pipeline = groupby(sorted(named_rows, key=itemgetter(0)), key=itemgetter(0))
        return {name: _counted(rows) for name, rows in by_pipeline}

    def pipelines(self) -> list[str]:
        """Return the pipelines that have works, in alphabetical order."""
        return list(self.statuses())

    @abstractmethod
    def _numbers(self, pipeline: str | None) -> Iterable[tuple[Any, Any, int]]:
        """Return (pipeline, status, number of works) for every pair that has works, of one pipeline or all."""

    @abstractmethod
    def audit_failed(self) -> int:
        """Queue again the failed works with attempts left, and return how many there were."""

    @abstractmethod
    def audit_expired(self) -> int:
        """Fail running works that are past their timeout, and return how many there were."""

    @abstractmethod
    def audit_stale(self, days: float) -> int:
        """Fail the queued and running works created more than so many days ago, and return how many there were.

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
    """Yield an empty piece when all works are read, then the pieces of one JSON array of them.

    A large array is kept in a temporary file meanwhile; StoreFull is raised if that cannot be written.
    """
    try:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as array, closing(works):
            before = b"["
            while joined := b",".join(islice(works, _WORKS_AT_ONCE)):
                array.write(before + joined)
                before = b","
            array.write(b"]" if before == b"," else b"[]")
            array.seek(0)
            yield b""
            while piece := array.read(_PIECE):
                yield piece
    except OSError as error:
        raise StoreFull(f"the answer cannot be kept in {tempfile.gettempdir()}: {error}") from error
