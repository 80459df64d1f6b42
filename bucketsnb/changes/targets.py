"""Find the works that a change is about, refuse too many, and read works as they are now. Only reads are sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bucketsnb.api import Api, chunks
from bucketsnb.changes.plan import LeftOut, Reason
from bucketsnb.changes.snapshot import WorkSnapshot, described, drift, same, shown
from bucketsnb.display.texts import count_of, join_truncated
from bucketsnb.errors import Cure, PlanError, ReadOnly, ScopeRefused, WorkError
from bucketsnb.frames import Baseline, to_records
from bucketsnb.frames.records import parts_of
from bucketsnb.query import Query
from bucketsnb.settings import MAX_AFFECTED

__all__ = [
    "ADVICE",
    "EXPIRES_AFTER",
    "READ_CHUNK",
    "ChangeWarning",
    "CurrentWorks",
    "NothingSent",
    "PlanLimits",
    "Targets",
    "WorkSelector",
    "WorksLeft",
    "check_count",
    "check_of",
    "check_running",
    "find",
    "ids_of",
    "look",
    "match",
    "read_works",
    "refuse_read_only",
    "resolve_targets",
    "shared",
    "unnamed",
]

EXPIRES_AFTER = 600.0
"""Seconds for which a plan may be applied after it was built."""

READ_CHUNK = 500
"""Largest number of works that one request reads by id."""

_STABLE = ("site", "user", "function", "parameters", "command", "event", "tags")

Record = Mapping[str, Any]

ADVICE = {
    Reason.NO_NAME: "A work without an id that is text can be changed in the database only; have it given an id there.",
    Reason.SHARED_ID: (
        "Works that share an id cannot be changed one by one; have one given another id in the database, or remove "
        "all of them with buckets.api.delete([id]), which keeps no record."
    ),
}
"""Advice about works that no plan can change."""

WorkSelector = Query | Mapping[str, Any] | pd.DataFrame | Iterable[str] | None
"""How people name works: by a query, a query document, a frame, or ids."""


class ChangeWarning(UserWarning):
    """Base class of warnings about changes that did something that the caller may not expect."""


class NothingSent(ChangeWarning):
    """There was nothing to change, so no request was sent."""


class WorksLeft(ChangeWarning):
    """Some works that match, or were named, are still as they were."""


@dataclass(frozen=True)
class PlanLimits:
    """Which works a plan may affect, and for how many seconds it may be applied (`expires_after`).

    `allow_all` accepts a query that is not limited to named pipelines, and `allow_running` accepts works that are
    running. `max_affected` is the largest number of works (`None`: any number).
    """

    allow_all: bool = False
    allow_running: bool = False
    max_affected: int | None = MAX_AFFECTED
    expires_after: float = EXPIRES_AFTER


@dataclass(frozen=True)
class Targets:
    """The works that were named or matched, as they are now."""

    works: list[WorkSnapshot] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    query: str = ""


def refuse_read_only(api: Api, so: str = "nothing is planned") -> None:
    """Raise ReadOnly if the client may not change works."""
    if api.read_only:
        raise ReadOnly(f"This client is read-only: {so}.", cure=Cure.ALLOW_CHANGES)


def resolve_targets(api: Api, selector: WorkSelector, limits: PlanLimits, *, limit: int | None = None) -> Targets:
    """Read the works that a change is about; of those that match a query, only the newest `limit`.

    ScopeRefused is raised if there are too many works, or a query is not limited to named pipelines; PlanError if a
    frame has no column of ids, or more than one; WorkError if an id is not one; ReadOnly if works may not be changed.
    """
    refuse_read_only(api)
    if isinstance(selector, pd.DataFrame):
        return _of_frame(api, selector, limits)
    if selector is None or isinstance(selector, Query | Mapping):
        return _of_query(api, Query.parse(selector), limits, limit)
    return _of_ids(api, ids_of(selector), limits)


def ids_of(selector: Iterable[Any]) -> list[str]:
    """Return the given ids, each once, in order; raise WorkError if one of them is not a text, or is empty."""
    if isinstance(selector, str | bytes):
        raise WorkError(f"Ids are given as a list: [{selector!r}]. For a pipeline, use Query(pipeline={selector!r}).")
    given = list(selector)
    for index, value in enumerate(given):
        if not isinstance(value, str) or not value:
            raise WorkError(f"Id {index} is {value!r}, which is no id of a work. Nothing was sent.", index=index)
    return list(dict.fromkeys(str(value) for value in given))


def check_count(number: int, limits: PlanLimits) -> None:
    """Raise ScopeRefused if there are more works than `max_affected`."""
    if limits.max_affected is not None and number > limits.max_affected:
        raise ScopeRefused(
            f"{count_of(number, 'work')} would be affected, and at most {limits.max_affected:,} are allowed.",
            cure=Cure.RAISE_MAXIMUM,
            count=number,
        )


def check_running(works: Sequence[WorkSnapshot], limits: PlanLimits) -> None:
    """Raise ScopeRefused if some works are running, unless that is allowed: a worker may be busy with them."""
    running = [work.id for work in works if work.status == "running"]
    if running and not limits.allow_running:
        raise ScopeRefused(
            f"{len(running):,} of {count_of(len(works), 'work')} {'is' if len(running) == 1 else 'are'} running, and a "
            f"worker may be busy with them ({join_truncated(running, most=3)}).",
            cure=Cure.ALLOW_RUNNING,
            count=len(works),
            running=[str(work_id) for work_id in running],
            others=[work.id for work in works if work.id and work.status != "running"],
        )


def unnamed(value: Any) -> LeftOut:
    """Return what a plan says of a work that it leaves out because its id is empty or not text."""
    has = "no id" if value is None or value == "" else f"the id {shown(value)}, not text"
    return LeftOut(None, f"has {has}, so the service has no way to name it", Reason.NO_NAME)


def shared(work_id: str) -> LeftOut:
    """Return what a plan says of a work that it leaves out because others have the same id."""
    return LeftOut(work_id, "shares its id with another work", Reason.SHARED_ID)


def _of_query(api: Api, query: Query, limits: PlanLimits, limit: int | None) -> Targets:
    if query.pipelines is None and not limits.allow_all:
        problem = "An empty query means every work" if query.is_empty else "The query is not limited to named pipelines"
        raise ScopeRefused(f"{problem}.", cure=Cure.NAME_PIPELINES)
    document = query.document_by(api.now)
    if query.is_relative:
        api.clock.refuse_doubt()
    values = [record.get("id") for record in api.view(document, {"id": True}, limit=None)]
    counts: Counter[str] = Counter(work_id for work_id in values if isinstance(work_id, str) and work_id)
    ids = [work_id for work_id, number in counts.items() if number == 1]
    left_out = [unnamed(value) for value in values if not _is_name(value)]
    left_out += [shared(work_id) for work_id in counts.elements() if counts[work_id] > 1]
    if limit is not None:
        why = f"beyond the newest {limit:,}, as limit={limit} asks"
        left_out += [LeftOut(work_id, why, Reason.BEYOND_LIMIT) for work_id in ids[limit:]]
        ids = ids[:limit]
    targets = _of_ids(api, ids, limits, document, "changed while the plan was made, and no longer matches")
    return Targets(targets.works, left_out + targets.left_out, json.dumps(document, ensure_ascii=False))


def _of_ids(
    api: Api,
    ids: Sequence[str],
    limits: PlanLimits,
    query: Mapping[str, Any] | None = None,
    absent: str = "gone when the plan was made",
) -> Targets:
    check_count(len(ids), limits)
    works, left_out = [], []
    for chunk, current in _looks(api, ids, query):
        for work_id in chunk:
            if work_id in current and work_id not in current.shared:
                works.append(WorkSnapshot.of(current[work_id]))
            else:
                left_out.append(shared(work_id) if work_id in current else LeftOut(work_id, absent))
    return Targets(works, left_out)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _of_frame(api: Api, frame: pd.DataFrame, limits: PlanLimits) -> Targets:
    if "id" not in frame.columns:
        raise PlanError("The frame has no column id, and works are named by their ids.")
    if list(frame.columns).count("id") > 1:
        raise PlanError("The frame has the column id more than once: keep the one that names the works.")
    if frame.attrs.get("by_age"):
        api.clock.refuse_doubt()
    ids = list(dict.fromkeys(filter(_is_name, frame["id"])))
    targets = _of_ids(api, ids, limits)
    read = Baseline.of(frame)
    were = read.records(ids) if read else {}
    parts = {frame["id"].iloc[row] for row in parts_of(frame)} if read else set()
    irregular = to_records(frame[[not _is_name(value) for value in frame["id"]]], partial=True)
    works, left_out = [], [unnamed(work.get("id")) for work in irregular]
    for work in targets.works:
        old = were.get(work.id or "")
        if old is None or same(old, work) or not (since := drift(old, work.record, whole=work.id not in parts)):
            works.append(work)
        else:
            left_out.append(LeftOut(work.id, f"changed since the frame was read: {described(since)}"))
    return Targets(works, left_out + targets.left_out)


# --- works as they are now ---


class CurrentWorks(dict[str, dict[str, Any]]):
    """Works by id, as they are now; works that are gone are not in it."""

    shared: frozenset[str] = frozenset()
    """Ids that several works have: a request by such an id would change all of them, or only one."""


def look(api: Api, ids: Sequence[str], query: Mapping[str, Any] | None = None) -> CurrentWorks:
    """Read works by id as they are now; if a query is given, only those that match it."""
    works = [record for record in api.view_by_ids(ids, query) if isinstance(record.get("id"), str)]
    current = CurrentWorks({record["id"]: record for record in works})
    counts = Counter(record["id"] for record in works)
    current.shared = frozenset(work_id for work_id, number in counts.items() if number > 1)
    return current


def _looks(
    api: Api, ids: Sequence[str], query: Mapping[str, Any] | None = None
) -> Iterator[tuple[Sequence[str], CurrentWorks]]:
    """Read works by id, `READ_CHUNK` per request; yield the ids of each request with the works that were found."""
    for chunk in chunks(ids, READ_CHUNK):
        yield chunk, look(api, chunk, query)


def read_works(api: Api, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Read works by id, in the order of the ids; those that are not there are left out."""
    for chunk, works in _looks(api, ids):
        yield from (works[work_id] for work_id in chunk if work_id in works)


def check_of(works: Iterable[Record]) -> dict[str, Any]:
    """Return the query document that finds works by their pipelines and creation times."""
    works = list(works)
    pipelines = sorted({str(work.get("pipeline")) for work in works})
    return {"creation": {"$in": [work.get("creation") for work in works]}, "pipeline": {"$in": pipelines}}


def find(api: Api, works: Sequence[Record]) -> list[dict[str, Any]]:
    """Read all works that have one of the pipelines and one of the creation times of these works; see `match`."""
    return api.view(check_of(works), limit=None) if works else []


def match(
    works: Sequence[Record], found: Iterable[dict[str, Any]], but: Iterable[str] = ()
) -> dict[int, dict[str, Any]]:
    """Match works that were sent to works that were found; return the found one by the position of the sent one.

    Fields that a worker may have changed since (status, start, stop, results) are not compared. Found works whose ids
    are in `but` are ignored.
    """
    taken = set(but)
    matched: dict[int, dict[str, Any]] = {}
    by_creation: dict[Any, list[dict[str, Any]]] = {}
    for record in found:
        if isinstance(record.get("id"), str) and isinstance(made_at := record.get("creation"), int | float):
            by_creation.setdefault(made_at, []).append(record)
    for place, work in enumerate(works):
        candidates = by_creation.get(work.get("creation"), ())
        fixed = {name: work[name] for name in ("pipeline", *_STABLE) if name in work}
        for record in candidates:
            if record["id"] not in taken and all(record.get(name) == fixed[name] for name in fixed):
                matched[place] = record
                taken.add(record["id"])
                break
    return matched
