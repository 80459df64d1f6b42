"""Update works: change cells of them, as edited in a frame or by value; an undo puts the cells back."""

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
from bucketsnb.changes.snapshot import WorkSnapshot, equal
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
from bucketsnb.changes.verbs.base import Verb, new_plan, with_cells
from bucketsnb.display.texts import close_matches, count_of, join_truncated, truncate
from bucketsnb.encoding import encode_works
from bucketsnb.errors import WorkError
from bucketsnb.frames.columns import NESTED
from bucketsnb.schema import FIELD_NAMES

__all__ = ["Update", "UpdatePlan", "plan_set", "plan_update", "plan_works"]


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
    given = _each_once(encode_works(works, verb="update")[1])
    now = {record["id"]: record for record in read_works(context.api, list(given))}
    found = Edits()
    for index, work in enumerate(given.values()):
        if work["id"] in now:
            refuse_unfit(now[work["id"]], work, index)
            found.works.append(WorkSnapshot.of(now[work["id"]]))
            found.cells.append(work)
        else:
            found.left_out.append(LeftOut(work["id"], "is not there"))
    return _made(context, found, [], reason, PlanLimits(max_affected=None, allow_running=True))


def _each_once(works: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    for index, work in enumerate(works):
        if work["id"] in given:
            raise WorkError(
                f"Work {index}: {truncate(work['id'], 60)} is given more than once: put its changes into one.",
                index=index,
                field="id",
            )
        given[work["id"]] = work
    return given


def _made(
    context: Context, found: Edits, notes: Sequence[str], reason: str, limits: PlanLimits, query: str = ""
) -> UpdatePlan:
    check_count(len(found.works), limits)
    check_running(found.works, limits)
    changes, unfit = with_cells(found.works, found.cells)
    targets = Targets(found.works, [*found.left_out, *unfit], query)
    return new_plan(UpdatePlan, context, PutExecutor(), changes, targets, reason, limits, notes)


class Update(Verb):
    """Cells of works are put back as they were, where nobody has changed them since."""

    plan = UpdatePlan
