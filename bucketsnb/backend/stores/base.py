"""What every store of works must promise.

How works are kept is left to the stores; what a valid work is, to `works`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from bucketsnb.backend.stores.counts import Counts

__all__ = [
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "UnknownWorks",
]


class StoreError(Exception):
    """The store could not do what was asked, and has changed nothing."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written now: locked for too long, read-only, or damaged."""


class StoreFull(StoreError):
    """There is no room left where the store keeps its works."""


class UnknownWorks(StoreError):
    """An update named works that the store does not hold, so nothing was updated.

    Attributes
    ----------
    ids
        The ids that were not found; None where there was none.
    """

    def __init__(self, ids: Sequence[str | None]) -> None:
        shown = ", ".join("null" if one is None else one for one in ids[:5])
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        super().__init__(f"no work has the id {shown}{more}; nothing was updated")
        self.ids = list(ids)


class Store(Protocol):
    """A place that keeps works; safe to use from any thread.

    Every change is atomic and is seen by every later read. When its method returns, the end of this process loses
    nothing of it. Times are epoch seconds. Methods raise `StoreError`, and `QueryNotUnderstood` for a query that cannot
    be decided exactly.

    Attributes
    ----------
    url
        Its address, without a password.
    """

    url: str

    def deposit(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as queued, all or none, and give their new ids in the same order."""

    def load(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as they are: status and id are kept. For samples and tests; no route does this."""

    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the queued work that matches and comes first: its JSON after the claim, or None if there is none.

        The highest priority comes first, then the oldest creation, then the first deposit. A claim sets the status to
        running and the start to now (a float), and adds one to the attempt.
        """

    def update(self, works: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of works by id, all or none; `UnknownWorks` names ids that are not there."""

    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and say how many there were; ids that are not there are passed over."""

    def view(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> Generator[bytes, None, None]:
        """Stream one JSON array of the matching works in pieces: latest creation first, then latest deposit.

        The query is judged before the first piece is asked for; closing the generator ends the read.
        """

    def status(self, pipeline: str | None = None) -> Counts:
        """Count works by status, with the keys of `STATUS_KEYS` in their order."""

    def statuses(self) -> dict[str, Counts]:
        """Count works by status for each pipeline that has works, in alphabetical order."""

    def pipelines(self) -> list[str]:
        """Give the pipelines that have works, in alphabetical order."""

    def audit_failed(self) -> int:
        """Queue again the failed works with attempts left, and count them."""

    def audit_expired(self) -> int:
        """Fail the running works past their timeout, and count them."""

    def audit_stale(self, days: float) -> int:
        """Fail the queued and running works created more than so many days ago, and count them.

        Their attempts are used up too (at least `retries`): otherwise `audit_failed` would queue them again.
        """

    def clear(self) -> None:
        """Remove every work."""

    def close(self) -> None:
        """Let go of files and connections; a temporary store is deleted."""
