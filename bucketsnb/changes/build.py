"""Make a plan: what the verbs share once the works are read. Only reads are sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bucketsnb.addresses import without_login
from bucketsnb.changes.execution import ChunkExecutor, Context, PlanExecutor
from bucketsnb.changes.plan import LeftOut, Plan
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import PlanLimits, Targets, advice
from bucketsnb.encoding import encode_works
from bucketsnb.errors import WorkError
from bucketsnb.schema import STALE_DAYS

__all__ = ["new_plan", "old_works", "with_cells"]

_DAY = 86_400
P = TypeVar("P", bound=Plan)


def with_cells(works: Sequence[WorkSnapshot], cells: Sequence[Mapping[str, Any]]) -> tuple[list[Change], list[LeftOut]]:
    """Return works with cells changed, and those that cannot be sent."""
    changes, unfit = [], []
    for work, new in zip(works, cells, strict=True):
        try:
            (sent,) = encode_works([{**work.record, **new}], verb="update")[1]
        except WorkError as error:
            unfit.append(LeftOut(work.id, f"cannot be sent: {error}"))
            continue
        plain = {name: sent[name] for name in new}  # an array of numpy, as a list; the rest stays as it was read
        changes.append(Change(work, WorkSnapshot.of({**work.record, **plain})))
    return changes, unfit


def old_works(records: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Say how many works the service's daemons may delete before they run."""
    limit = now - STALE_DAYS * _DAY
    old = sum(isinstance(made_at := record.get("creation"), int | float) and made_at < limit for record in records)
    if not old:
        return []
    return [
        f"{old:,} of them {'is' if old == 1 else 'are'} older than {STALE_DAYS:g} days: "
        "the service may fail or delete such works by itself at any time."
    ]


def new_plan(
    kind: type[P],
    context: Context,
    chunk_executor: ChunkExecutor,
    changes: Iterable[Change],
    targets: Targets,
    reason: str,
    limits: PlanLimits,
    notes: Iterable[str] = (),
    *,
    head: Mapping[str, Any] | None = None,
    **more: Any,
) -> P:
    """Make a plan that expires, with the executor that will carry it out; `head` is for the journal alone."""
    now = time.time()
    return kind(
        changes=tuple(changes),
        url=without_login(context.api.url),
        reason=reason,
        created_at=now,
        expires_at=now + limits.expires_after,
        query=targets.query,
        left_out=tuple(targets.left_out),
        notes=(*notes, *advice(targets.left_out), *context.api.clock.notes()),
        _executor=PlanExecutor(context, chunk_executor, head=head),
        **more,
    )
