"""Update works: change cells of them, as edited in a frame or by value; an undo puts the cells back.

To requeue works is to update their status.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb.changes.edits import Edits, edits_of, put_into, refuse_unfit, refuse_unmeant
from bucketsnb.changes.execution import Context
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.lookup import read_works
from bucketsnb.changes.plan import CellsPlan, LeftOut, Reason
from bucketsnb.changes.snapshot import Change, WorkSnapshot, equal
from bucketsnb.changes.tables import refuse_naive_times
from bucketsnb.changes.targets import (
    PlanLimits,
    Targets,
    WorkSelector,
    check_count,
    check_running,
    refuse_read_only,
    resolve_targets,
)
from bucketsnb.changes.verbs.base import Verb, new_plan, old_works, with_cells
from bucketsnb.display.texts import close_matches, count_of, join_truncated, truncate
from bucketsnb.encoding import encode_works
from bucketsnb.errors import Cure, Note, WorkError
from bucketsnb.frames.columns import NESTED
from bucketsnb.query import Query
from bucketsnb.schema import FIELD_NAMES

__all__ = ["Requeue", "RequeuePlan", "Update", "UpdatePlan", "plan_requeue", "plan_set", "plan_update", "plan_works"]


# --- update ---


class UpdatePlan(CellsPlan):
    """Works whose cells will be changed, cell by cell."""

    verb = "update"


def plan_update(context: Context, frame: pd.DataFrame, *, reason: str = "", limits: PlanLimits) -> UpdatePlan:
    """Plan to change the cells that were edited; see :meth:`bucketsnb.client.Buckets.plan_update`."""
    refuse_read_only(context.api)
    refuse_naive_times(frame)
    ids = [one for one in frame["id"] if isinstance(one, str)] if "id" in frame.columns else []
    found = edits_of(frame, {record["id"]: record for record in read_works(context.api, ids)})
    return _made(context, found, [*found.notes, *_emptied(found)], reason, limits)


def plan_set(
    context: Context,
    selector: WorkSelector,
    values: Mapping[str, Any],
    *,
    reason: str = "",
    limits: PlanLimits,
) -> UpdatePlan:
    """Plan to give works new values of fields, each by its name or its path, such as ``config.parent``."""
    paths = _paths(values)
    targets = resolve_targets(context.api, selector, limits)
    found = Edits(left_out=list(targets.left_out))
    for index, work in enumerate(targets.works):
        record = work.record
        cells = put_into(record, [(path, None, value) for path, value in paths.items()])
        cells = {name: value for name, value in cells.items() if not equal(record.get(name), value)}
        if cells:
            refuse_unfit(record, cells, index)
            found.works.append(work)
            found.cells.append(cells)
        else:
            found.left_out.append(LeftOut(work.id, "has these values already", Reason.AS_ASKED))
    return _made(context, found, [], reason, limits, query=targets.query)


def _paths(values: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return new values by the parts of their paths."""
    if not isinstance(values, Mapping) or not values:
        raise WorkError('set= takes new values by the names of fields, such as {"priority": 5}.')
    paths = {tuple(str(name).split(".")): value for name, value in values.items()}
    refuse_unmeant({path[0]: value for path, value in paths.items()}, 0)
    for path in paths:
        if path[0] not in FIELD_NAMES or "" in path:
            matches = close_matches(path[0], FIELD_NAMES)
            hint = (
                f"; did you mean {matches[0]!r}?" if matches else f"; the fields are {join_truncated(FIELD_NAMES, 30)}"
            )
            raise WorkError(f"{truncate('.'.join(path), 60)!r} is not a field of a work{hint}", field=".".join(path))
        if any(path[:end] in paths for end in range(1, len(path))):
            raise WorkError(f"{'.'.join(path)} is part of another field that is set too.", field=".".join(path))
    return paths


def _emptied(found: Edits) -> list[str]:
    """Say which nested values go: pandas writes null where one mapping is given to several rows."""
    counts = Counter(
        name
        for work, cells in zip(found.works, found.cells, strict=True)
        for name, value in cells.items()
        if name in NESTED and value is None and work.record.get(name) is not None
    )
    return [
        f"{name} becomes null in {count_of(number, 'work')}. If a mapping was to be put there: pandas spreads one over "
        "rows by its keys, and finds none; give a list with one value a row, or one work its value by .at."
        for name, number in counts.items()
    ]


def plan_works(context: Context, works: Iterable[Any], *, reason: str = "") -> UpdatePlan:
    """Plan to overwrite works by whole works with ids: what :meth:`bucketsnb.client.Buckets.update` does."""
    refuse_read_only(context.api)
    given: dict[str, dict[str, Any]] = {}
    for index, work in enumerate(encode_works(works, verb="update")[1]):
        if given.setdefault(work["id"], work) is not work:
            named = truncate(work["id"], 60)
            problem = f"Work {index}: {named} is given more than once: put its changes into one."
            raise WorkError(problem, index=index, field="id")
    now = {record["id"]: record for record in read_works(context.api, list(given))}
    found = Edits(left_out=[LeftOut(one, "is not there") for one in given if one not in now])
    for index, (one, work) in enumerate(given.items()):
        if one in now:
            refuse_unfit(now[one], work, index)
            found.works.append(WorkSnapshot.of(now[one]))
            found.cells.append(work)
    return _made(context, found, [], reason, PlanLimits(max_affected=None, allow_running=True))


def _made(
    context: Context, found: Edits, notes: Sequence[str], reason: str, limits: PlanLimits, query: str = ""
) -> UpdatePlan:
    check_count(len(found.works), limits)
    check_running(found.works, limits)
    changes, unfit = with_cells(found.works, found.cells)
    targets = Targets(found.works, [*found.left_out, *unfit], query)
    return new_plan(UpdatePlan, context, PutExecutor(), changes, targets, reason, limits, notes)


# --- requeue ---


class RequeuePlan(CellsPlan):
    """Works that will be queued again."""

    verb = "requeue"
    done_word = "requeued"


def plan_requeue(
    context: Context,
    selector: WorkSelector,
    *,
    reset_attempt: bool = False,
    reason: str = "",
    limits: PlanLimits,
) -> RequeuePlan:
    """Plan to queue works again; see :meth:`bucketsnb.client.Buckets.plan_requeue`."""
    targets = resolve_targets(context.api, _failed(selector, limits), limits)
    check_running(targets.works, limits)
    wanted = ("failure", "running") if limits.allow_running else ("failure",)  # no set: a status may be anything
    going = [work for work in targets.works if work.status in wanted]
    others = [work for work in targets.works if work.status not in wanted]
    left = [LeftOut(work.id, f"is {truncate(work.status, 60)}, not failure") for work in others]
    cells = {"status": "queued", **({"attempt": 0} if reset_attempt else {})}
    changes, unfit = with_cells(going, [cells] * len(going))
    targets = Targets(going, [*targets.left_out, *left, *unfit], targets.query)
    notes = _notes(changes, context.api.clock.now(), reset=reset_attempt)
    return new_plan(RequeuePlan, context, PutExecutor(), changes, targets, reason, limits, notes)


def _failed(selector: WorkSelector, limits: PlanLimits) -> WorkSelector:
    """Narrow a query that says nothing of the status to works that failed (and those that run, if allowed)."""
    if selector is not None and not isinstance(selector, Query | Mapping):
        return selector
    query = Query.parse(selector)
    if query.is_empty or query.statuses is not None:
        return query
    return query.where(status=["failure", "running"] if limits.allow_running else "failure")


def _notes(changes: Sequence[Change], now: float, *, reset: bool) -> list[str]:
    if not changes:
        return []
    records = [change.work.record for change in changes]
    notes = ["Undo leaves works alone that a worker has claimed in the meantime."]
    last = sum(_exhausted(record) for record in records)
    if last and not reset:
        had = f"{count_of(last, 'work')} had all of {'its' if last == 1 else 'their'} attempts"
        notes.append(Note(f"{had}: if one fails again, it stays failed.", Cure.RESET_ATTEMPTS))
    return notes + old_works(records, now)


def _exhausted(record: Mapping[str, Any]) -> bool:
    attempt, retries = record.get("attempt"), record.get("retries")
    return isinstance(attempt, int) and isinstance(retries, int) and attempt >= retries


# --- inverse ---


class Update(Verb):
    """Cells of works are put back as they were, where nobody has changed them since."""

    plan = UpdatePlan


class Requeue(Verb):
    """Works that were queued again are put back as they were, those that no worker has claimed since."""

    plan = RequeuePlan
