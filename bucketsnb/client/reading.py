"""The part of the client that reads works: what matches, how much, one work in full, and why nothing matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bucketsnb.client.base import ClientBase
from bucketsnb.client.counting import Counts, explained, grouped, number_of
from bucketsnb.client.pages import Cancel, Pages, Tell, at_times, checked, telling
from bucketsnb.client.selection import selected
from bucketsnb.errors import NotFound, QueryError
from bucketsnb.formatting import host_of, printable
from bucketsnb.frames import ColumnBuffer, WorksFrame, WorkView, assemble, columns_of
from bucketsnb.query import Query

__all__ = ["PAGE", "Reading"]

PAGE = 10_000
"""Works of one request, unless said otherwise: some 7 MB of JSON."""

Question = Query | Mapping[str, Any] | None


def asked(query: Question | str, words: Mapping[str, Any]) -> Query:
    """Return the query that a query, a document, or the name of a pipeline means together with conditions in words."""
    if isinstance(query, str):
        return Query(pipeline=query, **words)
    return Query(query, **words) if words else Query.parse(query)


class Reading(ClientBase):
    """Read works; see :class:`~bucketsnb.client.Buckets`."""

    def view(
        self,
        query: Question = None,
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = 100,
        *,
        columns: str | Iterable[str] | None = None,
        progress: Tell | bool | None = None,
        cancel: Cancel | None = None,
        page_size: int = PAGE,
    ) -> WorksFrame:
        """Return the works that match as a frame, newest first.

        Parameters
        ----------
        query
            A query, or a query document; None for every work.
        projection
            Which fields to read, as the service's own client takes it, such as ``{"status": True}``; the id always
            comes along.
        skip
            How many of the newest to leave out.
        limit
            How many at most; None (or 0, or less) for all.
        columns
            ``"all"``, ``"light"`` (the ten small columns that tell works apart), or names of columns. What is not read
            does not travel; the frame has the same columns all the same, with nothing in them, nor in those that are
            worked out from them (``wait``, ``runtime`` and ``overdue`` need more than the light ones).
        progress
            Long reads show a bar. False: none. A function: it is called with how many works are read, of how many;
            first with none, where a read takes several requests, and again with the same numbers where a very long
            answer takes a while to be put together.
        cancel
            Asked (``cancel.is_set()``) before every request; once set, what was read till then is returned.
        page_size
            How many works to read in one request.

        Returns
        -------
        DataFrame
            ``attrs`` say how many are ``shown``, how many ``matched`` (at least so many unless ``exact``), what
            ``query`` was sent, when it was ``read_at`` (epoch seconds by the service's clock), which ``columns`` were
            read, and how many works ``moved`` meanwhile.

        Warns
        -----
        MovedDuringRead
            If works of a read of several pages were deleted, or stopped matching, before their page was read.
        ReadCancelled
            If `cancel` was set.
        """
        pages = self._pages(query, projection, skip, limit, columns, cancel, page_size)
        gathered, done = ColumnBuffer(), 0
        with telling(progress) as pages.tell:
            for page in pages:
                done += len(page["id"])
                gathered.add(page, pages.wanted)
                pages.tell(done, max(pages.wanted, done))
            if not done:
                gathered.add(columns_of(b"[]", pages.selection.fields), 0)
            columns = gathered.columns(at_times(lambda: pages.tell(done, max(pages.wanted, done))))
        pages.warn(done, stacklevel=3)
        return self._frame(pages, columns)

    def iter_frames(
        self,
        query: Question = None,
        projection: Mapping[str, Any] | None = None,
        *,
        columns: str | Iterable[str] | None = None,
        page_size: int = PAGE,
        limit: int | None = None,
        progress: Tell | bool | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[WorksFrame]:
        """Yield all works that match in frames of at most `page_size`: for answers larger than memory.

        Parameters as for :meth:`view`. No work comes twice, whatever happens meanwhile; what moved is said at the end.

        Yields
        ------
        DataFrame
            One page each; ``matched`` in its ``attrs`` is of the whole read.
        """
        pages = self._pages(query, projection, 0, limit, columns, cancel, page_size)
        done = 0
        with telling(progress) as pages.tell:
            for page in pages:
                done += len(page["id"])
                pages.tell(done, max(pages.wanted, done))
                if len(page["id"]):
                    yield self._frame(pages, page)
        pages.warn(done, stacklevel=3)

    def count(self, query: Question = None) -> int:
        """Return how many works match.

        A query of only pipelines and statuses is answered from the service's status, by one request a pipeline; any
        other costs one request that reads the ids of all that match.
        """
        return number_of(self.api, Query.parse(query))

    def group_count(self, query: Question = None, by: str | Iterable[str] = ("pipeline", "status")) -> Counts:
        """Count the works that match, by the values of some columns.

        Parameters
        ----------
        query
            A query, or a query document; None for every work.
        by
            Columns, such as ``["site", "status"]``. By ``event``, ``tags``, ``products`` or ``plots``, a work counts
            in the row of each of its elements, once.

        Returns
        -------
        DataFrame
            The columns of `by`, and ``works``. Its ``attrs["cost"]`` has the ``requests`` that it took and the
            ``works_read``.

        Notes
        -----
        By pipeline and status alone, for whole pipelines, it takes one request a pipeline (and one for their names) and
        reads no work. Anything else takes one request that reads these columns of all works that match.
        """
        return grouped(self.api, Query.parse(query), [by] if isinstance(by, str) else list(by))

    def explain(self, query: Question) -> Counts:
        """Say which condition of a query leaves its answer empty, and what would match without it.

        Returns
        -------
        DataFrame
            One row a condition: how many works match ``without`` it, how many it matches ``alone``, and what may have
            been meant.

        Notes
        -----
        Costs a count for each condition, and one more for each that is to blame.
        """
        return explained(self.api, Query.parse(query))

    def work(self, id: str) -> WorkView:  # noqa: A002 - the field's own name
        """Return one work in full: a mapping that shows every field as text and as HTML.

        Raises
        ------
        NotFound
            If no work has this id: it was deleted, or has moved on to the results.
        """
        if not isinstance(id, str) or not id:
            raise QueryError(f"the id of a work is text, not {id!r}")
        found = self.api.view({"id": id}, limit=1)
        if not found:
            raise NotFound(
                f"no work has the id {printable(id)} on {host_of(self.api.url)}: it was deleted, or it ended and was"
                " archived",
                method="POST",
                path="/view",
                url=self.api.url,
            )
        return WorkView(found[0], now=self._now())

    def _pages(
        self,
        query: Question,
        projection: Mapping[str, Any] | None,
        skip: int,
        limit: int | None,
        columns: str | Iterable[str] | None,
        cancel: Cancel | None,
        page_size: int,
    ) -> Pages:
        question = Query.parse(query)
        document = question.document_by(self.api.now)
        if question.is_relative:
            self.api.clock.warn(stacklevel=4)
        most, size = checked(limit, page_size)
        return Pages(
            self.api, document, selected(columns, projection), skip, most, size, cancel, by_age=question.is_relative
        )

    def _frame(self, pages: Pages, columns: dict[str, Any]) -> WorksFrame:
        return assemble(
            columns,
            query=pages.document,
            matched=pages.matched,
            exact=pages.exact and not pages.cancelled,
            now=self._now(),
            url=self.api.url,
            read=pages.selection.columns,
            moved=pages.moved,
            by_age=pages.by_age,
            cancelled=pages.cancelled,
        )

    def _now(self) -> float:
        return self.api.clock.now()
