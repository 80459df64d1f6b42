"""Read works for the client: the pages of a query, frames of them, one work, and a family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb.api import Api
from bucketsnb.client import counting
from bucketsnb.client.arguments import page_numbers
from bucketsnb.client.pages import Pages
from bucketsnb.client.selection import selected
from bucketsnb.display.texts import host_of, printable
from bucketsnb.errors import NotFound, QueryError, ServiceError
from bucketsnb.frames import ColumnBuffer, WorksFrame, WorkView, assemble, columns_of
from bucketsnb.progress import Cancel, ProgressCallback, progress_bar, throttled
from bucketsnb.query import Query
from bucketsnb.schema import PARENT_PATH
from bucketsnb.summaries import Family

__all__ = [
    "EVENT_COLUMNS",
    "FAILURE_COLUMNS",
    "PAGE",
    "family_of",
    "frames_of",
    "pages_of",
    "view",
    "work_of",
]

PAGE = 10_000
"""Works of one request, by default: some 7 MB of JSON."""

EVENT_COLUMNS = ("id", "pipeline", "status", "attempt", "retries", "creation", "event")
"""Columns that tell how the works of an event stand."""

FAILURE_COLUMNS = (
    "id",
    "pipeline",
    "site",
    "user",
    "function",
    "command",
    "results",
    "creation",
    "start",
    "stop",
    "status",
)
"""Columns that tell why works failed."""

_DEEPEST = 10


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
    """Return the pages of a read; nothing is sent yet, but where ages are asked for and the time is not known."""
    document = query.document_by(api.now)
    if query.is_relative:
        api.clock.warn(stacklevel=3)
    most, size = page_numbers(limit, size)
    selection = selected(columns, projection)
    return Pages(api, document, selection, skip, most, size, cancel, by_age=query.is_relative, query=query)


def view(pages: Pages, progress: ProgressCallback | bool | None = None) -> WorksFrame:  # noqa: FBT001 - as tqdm's users know it
    """Read all pages into one frame."""
    gathered, done = ColumnBuffer(), 0
    with progress_bar(progress) as pages.progress:
        for page in pages:
            done += len(page["id"])
            gathered.add(page, pages.wanted)
            pages.progress(done, max(pages.wanted, done))
        if not done:
            gathered.add(columns_of(b"[]", pages.selection.fields), 0)
        columns = gathered.columns(throttled(lambda: pages.progress(done, max(pages.wanted, done))))
    _count_matched(pages)
    pages.warn(done)
    return _frame(pages, columns)


def frames_of(pages: Pages, progress: ProgressCallback | bool | None = None) -> Iterator[WorksFrame]:  # noqa: FBT001
    """Yield a frame a page."""
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
    query = pages.query
    several = len(query.pipelines or ()) > 1
    if pages.exact or pages.cancelled or several or not query.only_pipeline_and_status:
        return
    try:
        matched = counting.count(pages.api, query)
    except (QueryError, ServiceError):  # the works are read, and the frame says that more may match
        return
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
        by_age=pages.by_age,
        cancelled=pages.cancelled,
    )


def work_of(api: Api, work_id: str) -> WorkView:
    """Return one work in full; see ``Buckets.work``."""
    if not isinstance(work_id, str) or not work_id:
        raise QueryError(f"the id of a work is text, not {work_id!r}")
    found = api.view({"id": work_id}, limit=1)
    if not found:
        raise NotFound(
            f"no work has the id {printable(work_id)} on {host_of(api.url)}: it was deleted, or it ended and was"
            " archived",
            method="POST",
            path="/view",
            url=api.url,
        )
    return WorkView(found[0], now=api.clock.now())


def family_of(api: Api, parent: str) -> Family:
    """Return the works of one parent as a tree; see ``Buckets.family``."""
    found = [view(pages_of(api, Query({"id": parent})))]
    known, generation = {parent}, [parent]
    for _ in range(_DEEPEST):
        children = view(pages_of(api, Query({PARENT_PATH: {"$in": generation}})))
        children = children[~children["id"].isin(known)]
        found.append(children)
        generation = [str(one) for one in children["id"].dropna()]
        known.update(generation)
        if not generation:
            break
    works = pd.concat(found, ignore_index=True)
    return Family(parent, works, complete=not generation or not _have_others_below(api, generation, known))


def _have_others_below(api: Api, parents: Sequence[str], known: set[str]) -> bool:
    """Say whether works have children that are not known yet."""
    return any(one not in known for one in api.view_ids({PARENT_PATH: {"$in": list(parents)}}))
