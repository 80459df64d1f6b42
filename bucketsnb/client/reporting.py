"""What the queue looks like: status, works that need a hand, failures, events, families, and the history of it all.

Everything here only reads; nothing sends an audit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from bucketsnb.client.reading import Question, Reading, asked
from bucketsnb.frames import WorksFrame
from bucketsnb.history import History, Watch
from bucketsnb.query import Query
from bucketsnb.query.times import span
from bucketsnb.schema import PARENT_PATH, STALE_DAYS, UNFINISHED
from bucketsnb.summaries import Family, StatusFrame, events_of, failures_of, read_status
from bucketsnb.summaries.attention import without_parent
from bucketsnb.summaries.failures import Failures

if TYPE_CHECKING:
    import os

__all__ = ["Reporting"]

_DEEPEST = 10
_ABOUT = ["id", "pipeline", "status", "attempt", "retries", "creation", "event"]
_WHY = ["id", "pipeline", "site", "user", "function", "command", "results", "creation", "start", "stop", "status"]


class Reporting(Reading):
    """Summaries of the queue as frames."""

    def status(self, pipeline: str | Sequence[str] | None = None, *, compare: bool = False) -> StatusFrame:
        """Return how many works of each status every pipeline has.

        Parameters
        ----------
        pipeline
            A name, several, or None for all that have works now.
        compare
            Read the service's own totals too, and warn where they differ from the sums; of all pipelines only.

        Returns
        -------
        StatusFrame
            A DataFrame: index ``pipeline``, columns ``total, queued, running, success, failure`` (``Int64``); missing
            where a pipeline could not be read, with the reason in ``attrs["problems"]``. ``.totals`` are the sums.

        Notes
        -----
        Costs one request a pipeline, 32 at a time, and one for their names.
        """
        return read_status(self.api, pipeline, compare=compare)

    def stale(
        self, query: Question | str = None, *, days: float = STALE_DAYS, limit: int | None = None, **words: Any
    ) -> WorksFrame:
        """Return works that have been queued or running for more than `days`, as a frame that goes into a plan.

        The service's daemons delete works older than 7 days whatever their status, which is why 7 is the default.
        """
        old = Query(status=sorted(UNFINISHED), older_than=timedelta(days=days))
        return self.view(asked(query, words) & old, limit=limit)

    def overdue(self, query: Question | str = None, *, limit: int | None = None, **words: Any) -> WorksFrame:
        """Return works running past their own timeout, by the service's clock."""
        return self.view(asked(query, words) & Query(overdue=True), limit=limit)

    def exhausted(self, query: Question | str = None, *, limit: int | None = None, **words: Any) -> WorksFrame:
        """Return failed works with no attempts left: `attempt` has reached `retries`, the attempts in total."""
        return self.view(asked(query, words) & Query(exhausted=True), limit=limit)

    def orphans(self, query: Question | str = None, **words: Any) -> pd.DataFrame:
        """Return works whose parent is not in the queue any more.

        A parent may also be a run of the pipelines service, which is never in the queue: such works show here too.
        """
        return without_parent(self.api, self.view(asked(query, words) & Query(has_parent=True), limit=None))

    def failures(self, query: Question | str = None, *, limit: int | None = None, **words: Any) -> Failures:
        """Group the failed works that match by pipeline, function, site, user and error.

        Numbers, ids, paths and times in the error text are folded, so that like errors fall together.

        Parameters
        ----------
        query
            Which works, of those that failed; None for all of them.
        limit
            How many of the newest to group; the table says of how many.

        Returns
        -------
        pandas.DataFrame
            See :func:`bucketsnb.summaries.failures_of`.
        """
        failed = asked(query, words) & Query(status="failure")
        found = self.view(failed, limit=limit, columns=_WHY)
        table = failures_of(found)
        table.attrs.update(read=len(found), matched=found.attrs["matched"], exact=found.attrs["exact"])
        return table

    def events(self, events: int | str | Sequence[int | str]) -> pd.DataFrame:
        """Return one row per event and pipeline with the status, attempts and age of the latest work.

        Parameters
        ----------
        events
            An id, or several; digits may be text, as they are in ``Query(event=...)``.

        Returns
        -------
        pandas.DataFrame
            See :func:`bucketsnb.summaries.events_of`; events without works are in ``attrs["without_works"]``.
        """
        several = isinstance(events, Iterable) and not isinstance(events, str)
        wanted: list[Any] = list(events) if several else [events]  # type: ignore[arg-type]
        found = self.view(Query(event=wanted), limit=None, columns=_ABOUT)
        return events_of(found, [int(event) for event in wanted])

    def family(self, parent: str) -> Family:
        """Return the works of one parent as a tree; costs a request a generation, ten at most.

        A tree that goes on below the tenth says so, and its ``complete`` is False; to know costs one request more.
        """
        found = [self.view({"id": parent}, limit=None)]
        known, generation = {parent}, [parent]
        for _ in range(_DEEPEST):
            children = self.view({PARENT_PATH: {"$in": generation}}, limit=None)
            children = children[~children["id"].isin(known)]
            found.append(children)
            generation = [str(one) for one in children["id"].dropna()]
            known.update(generation)
            if not generation:
                break
        works = pd.concat(found, ignore_index=True)
        return Family(parent, works, complete=not generation or not self._have_others_below(generation, known))

    def _have_others_below(self, parents: Sequence[str], known: Container[str]) -> bool:
        """Say whether works have children that are not known yet."""
        return any(one not in known for one in self.api.view_ids({PARENT_PATH: {"$in": list(parents)}}))

    def history(self, path: str | os.PathLike[str] | None = None) -> History:
        """Return the snapshots of this service's status; see :class:`bucketsnb.history.History`."""
        return History(self.api.url, path)

    def watch(self, every: str | float | timedelta = "30s", *, path: str | os.PathLike[str] | None = None) -> Watch:
        """Record a snapshot of the status every so often, in a thread, until ``stop()``.

        Parameters
        ----------
        every
            Time between two snapshots: ``"30s"``, ``"5min"``, a timedelta, or seconds.
        path
            Where to keep them; by default the history of this user.

        Examples
        --------
        >>> watch = buckets.watch(every="1min")      # doctest: +SKIP
        >>> watch.stop().drain("baseband-converter")  # doctest: +SKIP
        """
        return Watch(lambda: read_status(self.api, warn=False), self.history(path), _seconds(every))


def _seconds(every: str | float | timedelta) -> float:
    if isinstance(every, timedelta):
        return every.total_seconds()
    seconds = span(every) if isinstance(every, str) else float(every)
    if seconds is None:
        raise ValueError(f"every={every!r} is not a span of time; write '30s', '5min', a timedelta, or seconds")
    return seconds
