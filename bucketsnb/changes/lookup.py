"""Look at works as they are now: by id, or, where no id is known, by pipeline and creation. Only reads are sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bucketsnb.api import Api, chunks
from bucketsnb.changes.snapshot import written

__all__ = ["READ_CHUNK", "CurrentWorks", "check_of", "find", "look", "looks", "match", "read_works"]

READ_CHUNK = 500
"""Works that are looked at by one request, at most."""

_STABLE = ("site", "user", "function", "parameters", "command", "event", "tags")

Record = Mapping[str, Any]


class CurrentWorks(dict[str, dict[str, Any]]):
    """Works by id, as they are now; works that are gone are not in it."""

    shared: frozenset[str] = frozenset()
    """Ids that several works have: a request by such an id would change all of them, or any."""

    def __init__(self, works: Mapping[str, dict[str, Any]]) -> None:
        super().__init__(works)
        self._texts: dict[str, str] = {}

    def text(self, one: str) -> str:
        """Return a work as JSON text; it is encoded once."""
        if one not in self._texts:
            self._texts[one] = written(self[one])
        return self._texts[one]


def look(api: Api, ids: Sequence[str], query: Mapping[str, Any] | None = None) -> CurrentWorks:
    """Read works by id as they are now, those only that match a query where one is given."""
    found = api.view_by_ids(ids, query)
    works = [record for record in found if isinstance(record.get("id"), str)]
    current = CurrentWorks({record["id"]: record for record in works})
    if len(current) < len(works):
        counts = Counter(record["id"] for record in works)
        current.shared = frozenset(one for one, number in counts.items() if number > 1)
    return current


def looks(
    api: Api, ids: Sequence[str], query: Mapping[str, Any] | None = None
) -> Iterator[tuple[Sequence[str], CurrentWorks]]:
    """Read works by id in requests of a few hundred; with each, the ids that were asked for."""
    for chunk in chunks(ids, READ_CHUNK):
        yield chunk, look(api, chunk, query)


def read_works(api: Api, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Read works by id, in the order of the ids; those that are not there are left out."""
    for chunk, works in looks(api, ids):
        yield from (works[one] for one in chunk if one in works)


def check_of(works: Iterable[Record]) -> dict[str, Any]:
    """Return the query document that finds works by pipeline and creation."""
    works = list(works)
    pipelines = sorted({str(work.get("pipeline")) for work in works})
    return {"creation": {"$in": [work.get("creation") for work in works]}, "pipeline": {"$in": pipelines}}


def find(api: Api, works: Sequence[Record]) -> list[dict[str, Any]]:
    """Read the works that have the pipeline and creation of one of these: each may be the same work."""
    return api.view(check_of(works), limit=None) if works else []


def match(
    works: Sequence[Record], found: Iterable[dict[str, Any]], but: Iterable[str] = ()
) -> dict[int, dict[str, Any]]:
    """Return which found work each sent work is, by the position of the sent one; ids in `but` are passed over.

    What a worker may have changed since (status, times, results) is not compared.
    """
    taken = set(but)
    matched: dict[int, dict[str, Any]] = {}
    by_creation: dict[Any, list[dict[str, Any]]] = {}
    for record in found:
        if isinstance(record.get("id"), str) and isinstance(made_at := record.get("creation"), int | float):
            by_creation.setdefault(made_at, []).append(record)
    for place, work in enumerate(works):
        candidates = by_creation.get(work.get("creation"), ())
        hit = next((one for one in candidates if one["id"] not in taken and _is(work, one)), None)
        if hit is not None:
            matched[place] = hit
            taken.add(hit["id"])
    return matched


def _is(work: Record, record: Record) -> bool:
    return all(record.get(name) == work[name] for name in ("pipeline", *_STABLE) if name in work)
