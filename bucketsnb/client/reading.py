"""Read and count works: which part of each, and in pages, so that none is doubled or lost while others come and go.

Pages by ``skip`` shift whenever a work is added or deleted. So the first page is read as it is; if more works match,
the ids of all are read once, and the other works are read by id, always together with the query itself.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bucketsnb.api import Api, ask_together
from bucketsnb.display.texts import count_of, did_you_mean, join_truncated, printable
from bucketsnb.errors import QueryError, ServiceError, warn_caller
from bucketsnb.frames import COLUMNS, LIGHT, NEEDS, ColumnBuffer, WorksFrame, assemble, columns_of
from bucketsnb.progress import Cancel, ProgressCallback, progress_bar, throttled
from bucketsnb.query import Query, UnknownField
from bucketsnb.schema import FIELD_NAMES, PARENT_PATH, STATUS_KEYS
from bucketsnb.summaries import Family

__all__ = [
    "PAGE",
    "MovedDuringRead",
    "Pages",
    "ReadCancelled",
    "count",
    "family_of",
    "frames_of",
    "pages_of",
    "selected",
    "view",
]

PAGE = 10_000
"""Works that one request reads, by default: some 7 MB of JSON."""

_DEEPEST = 10
"""Generations below the parent that are read of a family."""

_MOST_PIPELINES = 50
"""Pipelines up to which works are counted by one request for each."""

_PageColumns = dict[str, Any]


class ReadingWarning(UserWarning):
    """A frame does not have all works that were asked for; its ``attrs`` say how many it has, and how many match."""


class MovedDuringRead(ReadingWarning):
    """Works were deleted, or stopped matching, between two requests of one read; read again for a consistent frame."""


class ReadCancelled(ReadingWarning):
    """A read was cancelled before the end; the frame has the works that were read until then."""


# --- which part of each work ---

_NEEDS: Mapping[str, Sequence[str]] = {"parent": (PARENT_PATH,), **NEEDS}
"""Fields that must be read for a column that is not a field itself."""


@dataclass(frozen=True)
class Selection:
    """Which part of each work to read; the id is always read."""

    projection: Mapping[str, Any] | None = None
    """The projection that is sent; None for whole works."""
    fields: tuple[str, ...] = FIELD_NAMES
    """Fields of the schema that are read, whole or in part."""
    columns: tuple[str, ...] | None = None
    """Columns that are filled, ``config`` perhaps in part; None for all."""


def selected(columns: str | Iterable[str] | None, projection: Mapping[str, Any] | None) -> Selection:
    """Return what to read for columns (``"all"`` or None, ``"light"``, or names), or for a projection.

    Raises
    ------
    QueryError
        If both are given, or a name cannot be that of a column.

    Warns
    -----
    UnknownField
        If a name is nearly that of a column.

    Examples
    --------
    >>> dict(selected(["status", "parent"], None).projection)
    {'id': True, 'status': True, 'config.parent': True}
    >>> selected(None, {"results": False}).fields[-2:]
    ('config', 'notify')
    """
    if projection:
        if columns is not None:
            raise QueryError("columns= and projection= say the same thing in two ways: give one of them")
        return _of_projection(projection)
    if columns is None or (isinstance(columns, str) and columns == "all"):
        return Selection()
    names = LIGHT if columns == "light" else (columns,) if isinstance(columns, str) else tuple(columns)
    if not names:
        raise QueryError("columns=[] would read nothing: name columns, or 'light' or 'all'")
    for name in names:
        _check_column(name)
    paths = dict.fromkeys(["id", *(path for name in names for path in _NEEDS.get(name, (name,)))], True)
    if "config" in paths:
        paths.pop(PARENT_PATH, None)  # a path and its parent together are an error in MongoDB
    return _of_paths(paths)


def _check_column(name: object) -> None:
    if not isinstance(name, str) or not name or name == "_id" or name.startswith("$"):
        raise QueryError(
            f"columns= takes names of columns, not {printable(repr(name))}; those are {join_truncated(COLUMNS, 30)}"
        )
    suggestion = "" if name.split(".")[0] in COLUMNS else did_you_mean(name, COLUMNS)
    if suggestion:
        warn_caller(f"works have no column {name!r}; {suggestion}", UnknownField)


def _of_projection(projection: Mapping[str, Any]) -> Selection:
    paths = {str(path): wanted for path, wanted in projection.items() if path not in ("_id", "id")}
    if any(paths.values()) or (not paths and projection.get("id")):
        return _of_paths({"id": True, **paths})
    left = tuple(name for name in FIELD_NAMES if name not in paths)
    whole = [name for name in left if name != "config" or PARENT_PATH not in paths]
    return Selection(paths, left, (*whole, *(["parent"] if "config" in whole else []))) if paths else Selection()


def _of_paths(paths: Mapping[str, Any]) -> Selection:
    wanted = [path for path, value in paths.items() if value]
    tops = {path.split(".")[0] for path in wanted}
    columns = dict.fromkeys("parent" if path == PARENT_PATH else path.split(".")[0] for path in wanted)
    if "config" in wanted:
        columns["parent"] = None
    return Selection(paths, tuple(name for name in FIELD_NAMES if name in tops), tuple(columns))


# --- pages ---


@dataclass
class Pages:
    """The pages of one read, of at most `size` works each; iterate once.

    Three counts are known when the first page is yielded, and final after the last: how many works match (`matched`, a
    lower bound if not `exact`), how many this read will yield if none moves (`wanted`), and how many had been deleted,
    or had stopped matching, before they were read (`moved`). `progress` is called before further pages are read, as the
    next one may take a while.
    """

    api: Api
    query: Query
    document: Mapping[str, Any]
    selection: Selection
    skip: int
    limit: int | None
    size: int
    cancel: Cancel | None = None
    matched: int = 0
    exact: bool = False
    wanted: int = 0
    moved: int = 0
    cancelled: bool = False
    progress: ProgressCallback = lambda _done, _total: None

    def __iter__(self) -> Iterator[_PageColumns]:
        if self._stopped():
            return
        most = self.size if self.limit is None else min(self.limit, self.size)
        page, size = self._read(self.document, skip=self.skip, limit=most + 1)
        count = len(page["id"])
        self.matched, self.exact = self.skip + count, True
        if self.skip and not count:  # `skip` is beyond the last match
            self.matched = len(self.api.view_ids(self.document))
        is_cut = self.api.has_more(self.document, _id_list(page), size, skip=self.skip, asked=most + 1)
        if is_cut:
            self.size = min(self.size, count)  # no more than the service sends in one answer
        if is_cut or (count == most + 1 and self.limit != most):  # one more was read, to see whether more match
            yield from self._more(_rows(page, slice(most)))
            return
        if self.limit is not None and count > self.limit:
            self.exact = count != most + 1  # a service that sends more than it was asked for sends all
            page = _rows(page, slice(self.limit))
        self.wanted = len(page["id"])
        yield page

    def _more(self, first: _PageColumns) -> Iterator[_PageColumns]:
        """Yield the first page, then all other works, read by id."""
        if self._stopped():
            self.wanted = len(first["id"]) if self.limit is None else self.limit
            yield _rows(first, slice(self.limit))
            return
        first, newer, older, shared, unnamed = self._split(first, self.api.view_ids(self.document))
        yield from self._by_id(newer)
        yield first
        yield from self._by_id(older)
        if unnamed and not self._stopped():
            yield from self._unnamed(shared, unnamed)

    def _split(
        self, first: _PageColumns, listed: list[str | None]
    ) -> tuple[_PageColumns, list[str], list[str], list[str], slice | None]:
        """Return the first page without works whose id does not identify them, and what else is to be read.

        `listed` has the ids of all works that match. To be read are: ids of works before the first page, which were
        added after that was read; ids of works after it; ids that several works share; and a slice that says which of
        the works without an id of their own, None if none.
        """
        self.matched = max(len(listed), self.skip)
        window = listed[self.skip : None if self.limit is None else self.skip + self.limit]
        irregular = _irregular_ids(listed)
        ids = _id_list(first)
        known = set(ids) - irregular
        if irregular:
            first = _rows(first, np.array([work_id not in irregular for work_id in ids]))
        self.moved += len(known.difference(window))
        unnamed = sum(work_id in irregular for work_id in window) if irregular else 0
        named = [work_id for work_id in window if work_id is not None and work_id not in irregular]
        del window
        place = next((place for place, work_id in enumerate(named) if work_id in known), len(named))
        newer, older = named[:place], [work_id for work_id in named[place:] if work_id not in known]
        total = len(known) + len(newer) + len(older) + unnamed
        self.wanted = total if self.limit is None else min(total, self.limit)
        room = max(self.wanted - len(known) - unnamed, 0)
        del older[max(room - len(newer), 0) :], newer[room:]
        self.progress(0, self.wanted)
        before = sum(work_id in irregular for work_id in listed[: self.skip])
        shared = [work_id for work_id in irregular if work_id is not None]
        return first, newer, older, shared, slice(before, before + unnamed) if unnamed else None

    def _unnamed(self, shared: list[str], which: slice) -> Iterator[_PageColumns]:
        """Read works whose id is missing, is not text, or is shared with other works."""
        alternatives = [{"id": {"$not": {"$type": "string"}}}, {"id": {"$type": "array"}}, {"id": {"$in": shared}}]
        document, skip = _both(self.document, {"$or": alternatives}), which.start
        while skip < which.stop:
            page, _ = self._read(document, skip=skip, limit=which.stop - skip)
            yield _rows(page, slice(which.stop - skip))
            skip += len(page["id"])
            if not len(page["id"]):
                self.moved += which.stop - skip
                break

    def _by_id(self, ids: list[str]) -> Iterator[_PageColumns]:
        ids.reverse()  # ids are removed when they are read, and that is cheap only at the end of a list
        while ids and not self._stopped():
            chunk = ids[-self.size :][::-1]
            del ids[-self.size :]
            yield from self._of_ids(chunk)

    def _of_ids(self, ids: list[str]) -> Iterator[_PageColumns]:
        """Read works by id; the missing ones are asked for again until an answer has none of them."""
        most = 0
        while ids:
            page, _ = self._read(_both(self.document, {"id": {"$in": ids}}), limit=None)
            came = set(_id_list(page))
            if came.isdisjoint(ids):
                break
            self.size = min(self.size, most) if most else self.size  # no more than the service sends in one answer
            most = max(most, len(came))
            yield page
            ids = [work_id for work_id in ids if work_id not in came]
        self.moved += len(ids)

    def _read(self, document: Mapping[str, Any], *, limit: int | None, skip: int = 0) -> tuple[_PageColumns, int]:
        data = self.api.view_bytes(document, self.selection.projection, skip=skip, limit=limit)
        whole = self.selection.projection is None
        return columns_of(data, self.selection.fields, whole=whole), len(data)

    def _stopped(self) -> bool:
        self.cancelled = self.cancelled or (self.cancel is not None and self.cancel.is_set())
        return self.cancelled

    def warn(self, read: int) -> None:
        """Warn about works that were not read because they moved or because the read was cancelled."""
        if self.moved:
            message = f"{count_of(self.moved, 'work')} moved during the read: deleted, or no longer a match"
            warn_caller(message, MovedDuringRead)
        if self.cancelled:
            message = (
                f"the read was stopped after {count_of(read, 'work')}, of {self.wanted or 'unknown many'} asked for"
            )
            warn_caller(message, ReadCancelled)


def _irregular_ids(ids: list[str | None]) -> set[str | None]:
    """Return the ids that do not identify one work: repeated ones, and None if a work has none."""
    unique = set(ids)
    if len(unique) == len(ids) and None not in unique:
        return set()  # the usual case, without the time and memory for counting a million ids
    return {work_id for work_id, number in Counter(ids).items() if work_id is None or number > 1}


def _both(document: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"$and": [document, more]} if document else more


def _id_list(page: _PageColumns) -> list[str | None]:
    listed: list[str | None] = page["id"].to_numpy(dtype=object, na_value=None).tolist()
    return listed


def _rows(page: _PageColumns, rows: Any) -> _PageColumns:
    return {name: array[rows] for name, array in page.items()}


# --- frames ---


def pages_of(
    api: Api,
    query: Query,
    projection: Mapping[str, Any] | None = None,
    *,
    skip: int = 0,
    limit: int | None = None,
    columns: str | Iterable[str] | None = None,
    cancel: Cancel | None = None,
    size: int = PAGE,
) -> Pages:
    """Return the pages of a read; no request is sent yet, except for the service's time if a query by age needs it.

    Raises
    ------
    QueryError
        If the query, `limit`, `size` or `columns` is not valid.
    """
    document = query.document_by(api.now)
    if query.is_relative:
        api.clock.warn(stacklevel=3)
    try:
        most = None if limit is None or operator.index(limit) <= 0 else operator.index(limit)
        size = operator.index(size)
    except TypeError:
        raise QueryError(f"limit and page_size are whole numbers, not {limit!r} and {size!r}") from None
    if size < 1:
        raise QueryError(f"page_size={size!r} reads nothing; give a number from 1 on")
    return Pages(api, query, document, selected(columns, projection), skip, most, size, cancel)


def view(pages: Pages, progress: ProgressCallback | bool | None = None) -> WorksFrame:  # noqa: FBT001 - as tqdm's users know it
    """Read all pages into one frame."""
    buffer, done = ColumnBuffer(), 0
    with progress_bar(progress) as pages.progress:
        for page in pages:
            done += len(page["id"])
            buffer.add(page, pages.wanted)
            pages.progress(done, max(pages.wanted, done))
        if not done:
            buffer.add(columns_of(b"[]", pages.selection.fields), 0)
        columns = buffer.columns(throttled(lambda: pages.progress(done, max(pages.wanted, done))))
    _count_matched(pages)
    pages.warn(done)
    return _frame(pages, columns)


def frames_of(pages: Pages, progress: ProgressCallback | bool | None = None) -> Iterator[WorksFrame]:  # noqa: FBT001
    """Yield one frame for each page that has works."""
    done = 0
    with progress_bar(progress) as pages.progress:
        for page in pages:
            done += len(page["id"])
            pages.progress(done, max(pages.wanted, done))
            if len(page["id"]):
                yield _frame(pages, page)
    pages.warn(done)


def _count_matched(pages: Pages) -> None:
    """Count the works that match, if one request to the service's status gives the number."""
    pipeline, status = pages.document.get("pipeline", ...), pages.document.get("status", "total")
    wanted = status["$in"] if isinstance(status, Mapping) and list(status) == ["$in"] else [status]
    by_status = pages.document.keys() <= {"pipeline", "status"} and all(name in STATUS_KEYS for name in wanted)
    if pages.exact or pages.cancelled or not by_status or not (pipeline is ... or isinstance(pipeline, str)):
        return
    try:
        counts = pages.api.status() if pipeline is ... else pages.api.status(pipeline)
    except (QueryError, ServiceError):  # the works were read; the frame says that more may match
        return
    matched = sum(counts[name] for name in set(wanted))
    pages.matched, pages.exact = max(matched, pages.matched), matched >= pages.matched


def _frame(pages: Pages, columns: dict[str, Any]) -> WorksFrame:
    return assemble(
        columns,
        query=pages.document,
        matched=pages.matched,
        exact=pages.exact and not pages.cancelled,
        now=pages.api.clock.now(),
        url=pages.api.url,
        read=pages.selection.columns,
        moved=pages.moved,
        by_age=pages.query.is_relative,
        cancelled=pages.cancelled,
    )


# --- numbers, and a family ---


def count(api: Api, query: Query) -> int:
    """Return how many works match: from the service's status if that has the number, else by reading all ids."""
    pipelines = query.pipelines
    if query.only_pipeline_and_status and len(pipelines or ()) <= _MOST_PIPELINES:
        try:
            answers = [api.status()] if pipelines is None else ask_together(api.status, pipelines)
            names = ("total",) if query.statuses is None else query.statuses
            return sum(answer[name] for answer in answers for name in names)
        except QueryError:  # the name of a pipeline cannot be part of a path
            pass
    return len(api.view_ids(query.document_by(api.now)))


def family_of(api: Api, parent: str) -> Family:
    """Return the works of one parent as a tree; see ``Buckets.family``."""
    frames = [view(pages_of(api, Query({"id": parent})))]
    known, generation = {parent}, [parent]
    for _ in range(_DEEPEST):
        children = view(pages_of(api, Query({PARENT_PATH: {"$in": generation}})))
        children = children[~children["id"].isin(known)]
        frames.append(children)
        generation = [str(work_id) for work_id in children["id"].dropna()]
        known.update(generation)
        if not generation:
            break
    below = api.view_ids({PARENT_PATH: {"$in": generation}}) if generation else []
    return Family(parent, pd.concat(frames, ignore_index=True), complete=known.issuperset(below))
