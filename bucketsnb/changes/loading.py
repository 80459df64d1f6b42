"""Load a plan from a file; it can be applied once, on the service it was made for, before it expires."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from bucketsnb.addresses import without_login
from bucketsnb.api import chunks
from bucketsnb.changes.execution import Context, Execution
from bucketsnb.changes.plan import LeftOut, Plan
from bucketsnb.changes.plan_file import SavedPlan, read_plan_file
from bucketsnb.changes.service import same_service
from bucketsnb.changes.snapshot import Change
from bucketsnb.changes.targets import READ_CHUNK
from bucketsnb.changes.verbs import VERBS
from bucketsnb.display.texts import count_of, format_time
from bucketsnb.errors import Cure, PlanAlreadyApplied, PlanError, PlanExpired

__all__ = ["load_plan", "plan_to_look_at"]


def load_plan(context: Context, path: Path) -> Plan:
    """Load a plan; see :meth:`bucketsnb.client.Buckets.load_plan`."""
    saved, changes = read_plan_file(path)
    if not same_service(saved.url, context.api.url):
        raise PlanError(
            f"The plan in {path} is of works on {without_login(saved.url)}, and this client speaks to "
            f"{without_login(context.api.url)}. Load it with a client of the same service."
        )
    if time.time() > saved.expires_at:
        raise PlanExpired(
            f"The plan in {path} expired at {format_time(saved.expires_at)}. Build it again, and look again."
        )
    if context.journal.length(saved.entry):
        raise PlanAlreadyApplied(
            f"The plan in {path} was applied before: it is in the journal as {saved.entry}.",
            cure=Cure.UNDO_ENTRY,
            value=saved.entry,
        )
    verb = VERBS[saved.verb]
    done = sum(verb.count_done(context.api, chunk) for chunk in chunks(changes, READ_CHUNK))
    if done and done == len(changes):
        raise PlanAlreadyApplied(
            f"The plan in {path} was applied before, on another machine or with another journal: of its "
            f"{count_of(done, 'work')}, all are as it would leave them. Nothing was sent."
        )
    head = {"planned_by": saved.user, "planned_on": saved.machine}
    execution = Execution(context, verb.chunk_executor(), entry=saved.entry, head=head)
    return _plan_of(saved, changes, without_login(context.api.url), execution)


def plan_to_look_at(path: Path) -> Plan:
    """Return the plan in a file, to be looked at only: also one that expired or was applied. No request is sent.

    A PlanError is raised if the file cannot be read, is no plan, or was altered.
    """
    saved, changes = read_plan_file(path)
    return _plan_of(saved, changes, without_login(saved.url), None)


def _plan_of(saved: SavedPlan, changes: Iterable[Change], url: str, execution: Execution | None) -> Plan:
    return VERBS[saved.verb].plan(
        changes=tuple(changes),
        url=url,
        reason=saved.reason,
        created_at=saved.created_at,
        expires_at=saved.expires_at,
        query=saved.query,
        left_out=tuple(LeftOut(work_id, why) for work_id, why in saved.left_out),
        notes=(f"Planned by {saved.user} on {saved.machine}, {format_time(saved.created_at)}.", *saved.notes),
        _execution=execution,
    )
