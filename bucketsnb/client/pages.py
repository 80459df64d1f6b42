"""Read all works that match, page by page, so that none is doubled or lost while others come and go.

Pages by ``skip`` shift whenever a work is added or deleted. So the first page is read as it is; if there is more, the
ids of all that match are read once, and the rest is asked for by id, always together with the query itself.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bucketsnb.api import Api
from bucketsnb.client.selection import Selection
from bucketsnb.display.texts import count_of
from bucketsnb.errors import warn_caller
from bucketsnb.frames import columns_of
from bucketsnb.progress import Cancel, ProgressCallback
from bucketsnb.query import Query

__all__ = ["MovedDuringRead", "Pages", "ReadCancelled", "ReadingWarning"]

_Page = dict[str, Any]


class ReadingWarning(UserWarning):
    """A frame does not hold all that was asked for; its ``attrs`` say what it holds."""


class MovedDuringRead(ReadingWarning):
    """Works were deleted, or stopped matching, between two requests of one read; read again for a settled view."""


class ReadCancelled(ReadingWarning):
    """A read was stopped before the end; the frame has what was read till then."""


@dataclass(frozen=True)
class _Rest:
    """What is read besides the first page.

    Attributes
    ----------
    newer, older
        Ids of works that come before the first page, as they were added after it was read, and behind it.
    shared
        Ids that several works have.
    unnamed, unnamed_before
        How many works have no id of their own: of those to be read, and of those that `skip` leaves out.
    """

    newer: list[str]
    older: list[str]
    shared: list[str]
    unnamed: int
    unnamed_before: int


@dataclass
class Pages:
    """The pages of one read; iterate once.

    Attributes
    ----------
    document
        The query document.
    selection
        Which part of each work is read.
    skip
        How many of the newest to leave out.
    limit
        How many to read at most; None for all.
    size
        How many to ask for in one request.
    by_age
        Whether works were asked for by their ages.
    query
        The question that the document is of.
    matched, exact
        How many works match; a lower bound if not exact. Known after the first page, and final after the last.
    wanted
        How many works this read will give if none moves.
    moved
        How many had moved when their turn came.
    progress
        Called with 0 and the number of works to read, as soon as that is known: of very many, the next page takes a
        while too.
    """

    api: Api
    document: Mapping[str, Any]
    selection: Selection
    skip: int
    limit: int | None
    size: int
    cancel: Cancel | None = None
    by_age: bool = False
    query: Query = field(default_factory=Query)
    matched: int = 0
    exact: bool = False
    wanted: int = 0
    moved: int = 0
    cancelled: bool = False
    progress: ProgressCallback = lambda _done, _total: None

    def __iter__(self) -> Iterator[_Page]:
        if self._stopped():
            return
        most = self.size if self.limit is None else min(self.limit, self.size)
        page, size = self._read(self.document, skip=self.skip, limit=most + 1)
        count = len(page["id"])
        self.matched, self.exact = self.skip + count, True
        if self.skip and not count:  # more are left out than match
            self.matched = len(self.api.view_ids(self.document))
        if count == most + 1 and self.limit != most:
            yield from self._more(_rows(page, slice(most)))  # one more was read, only to see whether there are more
            return
        if self.api.has_more(self.document, _id_list(page["id"]), size, skip=self.skip, asked=most + 1):
            self.size = min(self.size, count)  # as much as it sends in one answer
            yield from self._more(_rows(page, slice(most)))
            return
        if self.limit is not None and count > self.limit:
            self.exact = count != most + 1  # a service that sends more than it was asked for sends all
            page = _rows(page, slice(self.limit))
        self.wanted = len(page["id"])
        yield page

    def _more(self, first: _Page) -> Iterator[_Page]:
        """Give the first page, and all other works by id."""
        if self._stopped():
            self.wanted = len(first["id"]) if self.limit is None else self.limit
            yield _rows(first, slice(self.limit))
            return
        first, rest = self._split(first, self.api.view_ids(self.document))
        yield from self._by_id(rest.newer)
        yield first
        yield from self._by_id(rest.older)
        if rest.unnamed and not self._stopped():
            document = _both(self.document, _without_own_id(rest.shared))
            yield from self._read_unnamed(document, rest.unnamed_before, rest.unnamed)

    def _split(self, first: _Page, listed: list[str | None]) -> tuple[_Page, _Rest]:
        """Return the first page without works that no id names, and what is to be read besides.

        Parameters
        ----------
        listed
            The ids of all works that match, the newest first.
        """
        self.matched = max(len(listed), self.skip)
        window = listed[self.skip : None if self.limit is None else self.skip + self.limit]
        self.progress(0, len(window))
        unread: dict[Any, None] = dict.fromkeys(window)
        # A count of a million ids takes a third of a second, so they are not counted where all differ.
        unique = len(unread) == len(listed) and None not in unread
        duplicates = set() if unique else _duplicate_ids(listed)
        for one in duplicates:
            unread.pop(one, None)
        unnamed = len(window) - len(unread)
        shared = [one for one in duplicates if one is not None]
        irregular = first["id"].isna() | first["id"].isin(shared)
        first = _rows(first, ~irregular) if irregular.any() else first
        seen = dict.fromkeys(first["id"])
        self.moved += sum(one not in unread for one in seen)
        newer = list(itertools.takewhile(lambda one: one not in seen, unread))
        for one in seen:
            unread.pop(one, None)
        total = len(seen) + len(unread) + unnamed
        self.wanted = total if self.limit is None else min(total, self.limit)
        for one in newer:
            unread.pop(one)
        room = max(self.wanted - len(seen) - unnamed, 0)
        older = list(itertools.islice(unread, max(room - len(newer), 0)))
        before = sum(one in duplicates for one in listed[: self.skip])
        return first, _Rest(newer[:room], older, shared, unnamed, before)

    def _read_unnamed(self, document: Mapping[str, Any], skip: int, most: int) -> Iterator[_Page]:
        while most:
            page, _ = self._read(document, skip=skip, limit=most)
            count = len(page["id"])
            yield _rows(page, slice(most))
            if not count:
                break
            skip, most = skip + count, max(most - count, 0)
        self.moved += most

    def _by_id(self, ids: list[str]) -> Iterator[_Page]:
        ids.reverse()  # what was read is let go, from the end, where that is cheap
        while ids and not self._stopped():
            chunk = ids[-self.size :][::-1]
            del ids[-self.size :]
            yield from self._of_ids(chunk)

    def _of_ids(self, ids: list[str]) -> Iterator[_Page]:
        """Read works by id; as long as an answer brings some of them, the rest is asked for again."""
        most = 0
        while ids:
            page, _ = self._read(_both(self.document, {"id": {"$in": ids}}), limit=None)
            came = set(_id_list(page["id"]))
            if came.isdisjoint(ids):
                break
            self.size = min(self.size, most) if most else self.size  # as much as it sends in one answer
            most = max(most, len(came))
            yield page
            ids = [one for one in ids if one not in came]
        self.moved += len(ids)

    def _read(self, document: Mapping[str, Any], *, limit: int | None, skip: int = 0) -> tuple[_Page, int]:
        data = self.api.view_bytes(document, self.selection.projection, skip=skip, limit=limit)
        whole = self.selection.projection is None
        return columns_of(data, self.selection.fields, whole=whole), len(data)

    def _stopped(self) -> bool:
        self.cancelled = self.cancelled or (self.cancel is not None and self.cancel.is_set())
        return self.cancelled

    def warn(self, read: int) -> None:
        """Warn of what the frame does not hold: what moved, and what was not read."""
        if self.moved:
            message = f"{count_of(self.moved, 'work')} moved during the read: deleted, or no longer a match"
            warn_caller(message, MovedDuringRead)
        if self.cancelled:
            message = (
                f"the read was stopped after {count_of(read, 'work')}, of {self.wanted or 'unknown many'} asked for"
            )
            warn_caller(message, ReadCancelled)


def _duplicate_ids(ids: list[str | None]) -> set[str | None]:
    """Return the ids that tell no work apart: those that several have, and None if some have none."""
    once = set(ids)
    if len(once) == len(ids) and None not in once:
        return set()  # of a million works as of two: they are counted only where some are the same
    return {one for one, number in Counter(ids).items() if one is None or number > 1}


def _without_own_id(shared: list[str]) -> Mapping[str, Any]:
    """Find works that have no id, one that is no text, or one that others have too."""
    unnamed = [{"id": {"$not": {"$type": "string"}}}, {"id": {"$type": "array"}}]
    return {"$or": [*unnamed, {"id": {"$in": shared}}] if shared else unnamed}


def _both(document: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"$and": [document, more]} if document else more


def _id_list(ids: Any) -> list[str | None]:
    listed: list[str | None] = ids.to_numpy(dtype=object, na_value=None).tolist()
    return listed


def _rows(page: _Page, rows: Any) -> _Page:
    return {name: array[rows] for name, array in page.items()}
