"""Update works: change their cells as edited in a frame, or to given values; an undo puts the cells back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb.changes.execution import Context
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.plan import CellsPlan, LeftOut, Reason
from bucketsnb.changes.snapshot import MISSING, WorkSnapshot, described, drift, equal, leaves, restrict
from bucketsnb.changes.tables import NAMELESS, WORKED_OUT, foreign_fields, refuse_naive_times
from bucketsnb.changes.targets import (
    PlanLimits,
    Targets,
    WorkSelector,
    check_count,
    check_running,
    read_works,
    refuse_read_only,
    resolve_targets,
    shared,
    unnamed,
)
from bucketsnb.changes.verbs.base import Edits, Verb, new_plan
from bucketsnb.display.texts import close_matches, count_of, join_truncated, truncate
from bucketsnb.encoding import encode_works
from bucketsnb.encoding.cells import read_cell, read_value
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.frames import COLUMNS, Baseline, frame_of, to_records
from bucketsnb.frames.columns import DERIVED, NESTED
from bucketsnb.frames.records import compared, given_cells, parts_of
from bucketsnb.schema import FIELD_NAMES, LEFT_TO_THE_SERVICE

__all__ = [
    "Update",
    "UpdatePlan",
    "edits_of",
    "plan_set",
    "plan_update",
    "plan_works",
]

Record = Mapping[str, Any]
Leaf = tuple[tuple[str, ...], Any, Any]

_UNKNOWN_ORIGIN = (
    "It is not known what this frame was when it was read, so every difference from the works as they are now counts "
    "as an edit, also where a work moved by itself. What is empty or left out in it stays as it is."
)
_SINCE = "changed since the frame was read"
_UNREAD = "holds more than was read where it was edited"
_STATUS_HINT = "no worker and no count would see it there; to have it done, set queued"


# --- update ---


class UpdatePlan(CellsPlan):
    """Works whose cells will be changed, cell by cell."""

    verb = "update"


def plan_update(context: Context, frame: pd.DataFrame, *, reason: str = "", limits: PlanLimits) -> UpdatePlan:
    """Plan to change the cells that were edited; see :meth:`bucketsnb.client.Buckets.plan_update`."""
    refuse_read_only(context.api)
    refuse_naive_times(frame)
    ids = [work_id for work_id in frame["id"] if isinstance(work_id, str)] if "id" in frame.columns else []
    edits = edits_of(frame, {record["id"]: record for record in read_works(context.api, ids)})
    return _plan_of_edits(context, edits, [*edits.notes, *_emptied(edits)], reason, limits)


def plan_set(
    context: Context,
    selector: WorkSelector,
    values: Mapping[str, Any],
    *,
    reason: str = "",
    limits: PlanLimits,
) -> UpdatePlan:
    """Plan to set fields of works to new values; a field is given by its name or path, such as ``config.parent``."""
    paths = _paths(values)
    targets = resolve_targets(context.api, selector, limits)
    edits = Edits(left_out=list(targets.left_out))
    for index, work in enumerate(targets.works):
        record = work.record
        cells = _put_into(record, [(path, None, value) for path, value in paths.items()])
        cells = {name: value for name, value in cells.items() if not equal(record.get(name), value)}
        if cells:
            edits.add(work, cells, index)
        else:
            edits.left_out.append(LeftOut(work.id, "has these values already", Reason.AS_ASKED))
    return _plan_of_edits(context, edits, [], reason, limits, query=targets.query)


def _paths(values: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return new values by path, each path as a tuple of names; raise WorkError for a path that cannot be set."""
    if not isinstance(values, Mapping) or not values:
        raise WorkError('set= takes new values by the names of fields, such as {"priority": 5}.')
    paths = {tuple(str(name).split(".")): value for name, value in values.items()}
    _refuse_unmeant({path[0]: value for path, value in paths.items()}, 0)
    for path in paths:
        if path[0] not in FIELD_NAMES or "" in path:
            raise no_field(".".join(path))
        if any(path[:end] in paths for end in range(1, len(path))):
            raise WorkError(f"{'.'.join(path)} is part of another field that is set too.", field=".".join(path))
    return paths


def no_field(path: str) -> WorkError:
    """Return the error for a field that works do not have, or that cannot be set."""
    matches = close_matches(path.partition(".")[0], FIELD_NAMES)
    hint = f"; did you mean {matches[0]!r}?" if matches else f"; the fields are {join_truncated(FIELD_NAMES, 30)}"
    return WorkError(f"{truncate(path, 60)!r} is not a field of a work that can be set{hint}", field=path)


def _emptied(edits: Edits) -> list[str]:
    """Return notes on nested values that become null: this happens if one mapping is set in several rows by pandas."""
    cells = [cell for change in edits.changes for cell in change.cells]
    counts = Counter(name for name, old, new in cells if name in NESTED and old is not MISSING and new is None)
    return [
        f"{name} becomes null in {count_of(number, 'work')}. If a mapping was to be put there: pandas spreads one over "
        "rows by its keys, and finds none; give a list with one value a row, or one work its value by .at."
        for name, number in counts.items()
    ]


def plan_works(context: Context, works: Iterable[Any], *, reason: str = "") -> UpdatePlan:
    """Plan to overwrite works by whole works with ids: this is what :meth:`bucketsnb.client.Buckets.update` does."""
    refuse_read_only(context.api)
    given: dict[str, dict[str, Any]] = {}
    for index, work in enumerate(encode_works(works, verb="update")[1]):
        if given.setdefault(work["id"], work) is not work:
            named = truncate(work["id"], 60)
            problem = f"Work {index}: {named} is given more than once: put its changes into one."
            raise WorkError(problem, index=index, field="id")
    now = {record["id"]: record for record in read_works(context.api, list(given))}
    edits = Edits(left_out=[LeftOut(work_id, "is not there") for work_id in given if work_id not in now])
    for index, (work_id, work) in enumerate(given.items()):
        if work_id in now:
            edits.add(WorkSnapshot.of(now[work_id]), work, index)
    return _plan_of_edits(context, edits, [], reason, PlanLimits(max_affected=None, allow_running=True))


def _plan_of_edits(
    context: Context, edits: Edits, notes: Sequence[str], reason: str, limits: PlanLimits, query: str = ""
) -> UpdatePlan:
    check_count(len(edits.changes), limits)
    check_running([change.work for change in edits.changes], limits)
    targets = Targets(left_out=edits.left_out, query=query)
    return new_plan(UpdatePlan, context, PutExecutor(), edits.changes, targets, reason, limits, notes)


# --- inverse ---


class Update(Verb):
    """An undo puts cells of works back as they were, unless somebody has changed the works since."""

    plan = UpdatePlan


# --- edits of a frame ---


def edits_of(frame: pd.DataFrame, now: Mapping[str, Record]) -> Edits:
    """Compare a frame with what it was when it was read, and with the works as they are now; return its edits.

    Raises
    ------
    WorkError
        If a column is unknown or cannot be set, a new value is not allowed, or ids were changed, added or repeated.
    """
    read, edits = Baseline.of(frame), Edits()
    if read is None:
        edits.notes.append(_UNKNOWN_ORIGIN)
        others = [name for name in frame.columns if name in WORKED_OUT or NAMELESS.fullmatch(str(name))]
        if others:
            names = join_truncated([str(name) or "without a name" for name in others], most=10)
            edits.notes.append(f"Columns that are no part of a work were left out: {names}.")
            frame = frame.drop(columns=others)
    works = _records(frame, None if read else now)
    before = _as_read(frame, read, works) if read else _as_given(works, now)
    edited = _works_by_row(works, read, edits.left_out)
    _refuse_derived(frame.iloc[list(edited)], before)
    parts = parts_of(frame) if read else range(len(frame))  # fields that a file does not have stay as they are
    for index, work in edited.items():
        _compare(edits, work, before.get(work["id"]), now.get(work["id"]), index, whole=index not in parts)
    return edits


def _as_read(frame: pd.DataFrame, read: Baseline, works: Sequence[Record]) -> dict[str, Record]:
    """Return the works of a frame as they were read, by id; for a work read several times, as its row was read.

    WorkError is raised if the frame has an id that it did not have when it was read.
    """
    were = read.works_at(list(read.places_of(frame).values()))
    before: dict[str, Record] = {work["id"]: work for work in were if _id(work) is not None}
    strangers = [work_id for work in works if (work_id := _id(work)) and work_id not in before]
    if strangers:
        raise WorkError(
            f"id is given by the service and cannot be set: {join_truncated(strangers, most=3)} "
            f"{'was' if len(strangers) == 1 else 'were'} not in the frame when it was read.",
            field="id",
        )
    return before


def _as_given(works: Sequence[Record], now: Mapping[str, Record]) -> dict[str, Record]:
    """Return the works as they are now, by id, each restricted to the parts that the frame has of it."""
    known = [(work, now[work["id"]]) for work in works if _id(work) in now]
    return {work["id"]: {name: restrict(was.get(name), value) for name, value in work.items()} for work, was in known}


def _works_by_row(records: Sequence[Record], read: Baseline | None, left_out: list[LeftOut]) -> dict[int, Record]:
    """Return the works with an id of their own, by row; add other works that were edited to `left_out`.

    WorkError is raised if rows without an id, or with the id of another row, were added since the frame was read.
    """
    as_read = read.counts if read else Counter[str | None]()
    ids = list(map(_id, records))
    counts = Counter(ids)
    if counts[None] > as_read[None]:
        index = ids.index(None)
        raise WorkError(f"Work {index} has no id: it cannot be updated.", index=index, field="id")
    twice = {work_id for work_id, number in counts.items() if work_id is not None and number > 1}
    added = [work_id for work_id in twice if counts[work_id] > as_read[work_id]]
    if added:
        raise WorkError(
            f"The frame has works more than once: {join_truncated(added, most=3)}. Keep one row a work.", field="id"
        )
    own = {index: work for index, work in enumerate(records) if ids[index] is not None and ids[index] not in twice}
    others = [work for index, work in enumerate(records) if index not in own]
    were = read.duplicate_ids(twice) if read and others else []
    edited = [work for work in others if not any(_is_as(was, work) for was in were)]
    left_out += [shared(work["id"]) if _id(work) else unnamed(work.get("id")) for work in edited]
    return own


def _is_as(was: Record, work: Record) -> bool:
    return all(equal(was.get(name), value) for name, value in work.items())


def _id(work: Record) -> str | None:
    given = work.get("id")
    return given if isinstance(given, str) and given else None


def _compare(
    edits: Edits, work: Record, old: Record | None, current: Record | None, index: int, *, whole: bool
) -> None:
    cells = {} if old is None else _edited(old, work, index)
    _refuse_unmeant(cells, index)
    if old is None or (cells and current is None):
        edits.left_out.append(LeftOut(work["id"], "gone when the plan was made"))
    elif cells and current is not None:
        fitted, why = _fitted(cells, old, current, whole=whole)
        if why:
            edits.left_out.append(LeftOut(work["id"], why))
        elif fitted:
            edits.add(WorkSnapshot.of(current), fitted, index)


def _edited(was: Record, work: Record, index: int) -> dict[str, Any]:
    """Return the new values of a work, read like cells of a deposit: an event may be a number instead of a list."""
    differing = {name: value for name, value in work.items() if not equal(was.get(name), value)}
    cells = {name: _read(read_value, name, value, index) for name, value in differing.items()}
    return {name: value for name, value in cells.items() if not equal(was.get(name), value)}


def _fitted(cells: dict[str, Any], old: Record, current: Record, *, whole: bool) -> tuple[dict[str, Any], str]:
    """Return the new values as whole fields, or none and the reason why the work must be left out."""
    since = drift(old, current, whole=whole)
    if since:
        return {}, f"{_SINCE}: {described(since)}"
    if whole:
        return cells, ""
    fresh = {name: value for name, value in cells.items() if name not in old}  # no part of these was read
    known = [name for name in cells if name in old]
    edits = leaves({name: old[name] for name in known}, {name: cells[name] for name in known})
    unread = [  # only a part of these was read: the edit would overwrite the rest
        (".".join(path), was, held) for path, was, _ in edits if not equal(was, held := _value_at(current, path))
    ]
    return ({}, f"{_UNREAD}: {described(unread)}") if unread else ({**_put_into(current, edits), **fresh}, "")


def _value_at(current: Record, path: Sequence[str]) -> Any:
    value = current.get(path[0])
    for name in path[1:]:
        value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
    return value


def _put_into(current: Record, edits: Iterable[Leaf]) -> dict[str, Any]:
    """Return the current fields with the edits applied; other parts of a field stay as they are."""
    cells: dict[str, Any] = {}
    for (name, *path), _, new in edits:
        if path:
            cells[name] = _with(cells[name] if name in cells else current.get(name), path, new)
        else:
            cells[name] = new
    return cells


def _with(value: Any, path: Sequence[str], new: Any) -> dict[str, Any]:
    name, *rest = path
    value = value if isinstance(value, Mapping) else {}  # mappings that are missing on the path are added
    if new is MISSING and not rest:
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: _with(value.get(name), rest, new) if rest else new}


def _refuse_unmeant(cells: Mapping[str, Any], index: int) -> None:
    """Raise WorkError for values of fields that the service sets, and for the status ``created``."""
    for name in LEFT_TO_THE_SERVICE & cells.keys():
        raise WorkError(f"Work {index}: {name} is given by the service and cannot be set.", index=index, field=name)
    if cells.get("status") == "created":
        raise WorkError(f"Work {index}: status cannot be set to created: {_STATUS_HINT}.", index=index, field="status")


def _records(frame: pd.DataFrame, now: Mapping[str, Record] | None) -> list[dict[str, Any]]:
    """Return the works of a frame with their edits; if it has no baseline, by comparison with the works `now`.

    WorkError is raised if the frame has no column of ids, unknown columns, or a parent without its config.
    """
    if "id" not in frame.columns:
        raise WorkError("The frame has no column id, and works are named by their ids.", field="id")
    unknown = [str(name) for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise no_field(unknown[0])
    if "parent" in frame.columns and "config" not in frame.columns:
        raise WorkError("The parent is kept in config: keep the column config beside parent.", field="parent")
    if now is None:
        return to_records(frame, partial=True)
    current = Baseline.of(frame_of(list(now.values())))
    assert current is not None  # noqa: S101 - a frame that was just made knows what it was made of
    given, foreign = given_cells(frame), foreign_fields(frame)
    for index, cells in enumerate(given):  # works that were read from a file
        for name in cells.keys() & set(foreign):
            cells[name] = _read(read_cell, name, cells[name], index)
    return compared(frame, given, current)


def _read(read: Callable[[str, Any], Any], name: str, value: Any, index: int) -> Any:
    try:
        return read(name, value)
    except UnfitError as error:
        raise WorkError(f"Work {index}: {error}", index=index, field=name) from None


def _refuse_derived(frame: pd.DataFrame, before: Mapping[str, Record]) -> None:
    """Raise WorkError if a derived column was edited: such an edit cannot be sent, and would be lost silently."""
    read_at, names = frame.attrs.get("read_at"), [name for name in DERIVED if name in frame.columns]
    if not before or read_at is None or not names:
        return
    read = frame.attrs.get("columns", "all")
    fields = FIELD_NAMES if read == "all" else [name for name in FIELD_NAMES if name in read]
    was = frame_of([before[work_id] for work_id in frame["id"]], now=float(read_at), fields=fields)
    for name in names:
        if not _is_column(frame[name].reset_index(drop=True), pd.Series(was[name].array)):
            raise WorkError(f"{name} is worked out from other columns and cannot be set.", field=name)


def _is_column(column: pd.Series, was: pd.Series) -> bool:
    try:
        return column.astype(was.dtype).equals(was)
    except (TypeError, ValueError):  # it holds a value that this dtype cannot
        return False
