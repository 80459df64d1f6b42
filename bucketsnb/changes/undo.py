"""Undo an entry of the journal: put works back as they were, except those that somebody else has changed since.

How that is done depends on the verb, and is defined by its class; see :mod:`bucketsnb.changes.verbs`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bucketsnb.addresses import without_login
from bucketsnb.api import Api
from bucketsnb.changes.execution import REPEATED_BY_UNDO, Context, Execution
from bucketsnb.changes.journal import UNDO_SUFFIX, Entry, Journal, RecordedWork, read_entry
from bucketsnb.changes.plan import LeftOut, UndoPlan
from bucketsnb.changes.receipt import Outcome, WorkResult
from bucketsnb.changes.service import refuse_other_service
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import refuse_read_only
from bucketsnb.changes.verbs import VERBS
from bucketsnb.changes.verbs.base import Verb
from bucketsnb.display.texts import count_of
from bucketsnb.errors import PlanAlreadyApplied, PlanError

__all__ = ["context_of", "plan_undo"]


def context_of(api: Api, journal: Journal | None = None) -> Context:
    """Return the context of all plans of a client; by default, with the journal in the default folder."""
    context = Context(api, journal or Journal(), lambda entry: plan_undo(context, entry))
    return context


def plan_undo(context: Context, entry_id: str, *, allow_other_host: bool = False) -> UndoPlan:
    """Plan to undo an entry; see :meth:`bucketsnb.client.Buckets.plan_undo`."""
    api, journal, undo_id = context.api, context.journal, f"{entry_id}{UNDO_SUFFIX}"
    refuse_read_only(api)
    lengths = {name: journal.length(name) for name in (entry_id, undo_id)}
    entry, earlier = read_entry(journal, entry_id), _earlier(journal, entry_id)
    verb = _verb_of(entry)
    if not allow_other_host:
        put_back = [new_id for work in earlier.works if (new_id := work.new_id)] if earlier else []
        refuse_other_service(api, entry, [*verb.should_be_there(entry), *put_back])
    journal.touch(entry_id)
    changes, left_out = _changes(api, verb, entry, earlier)
    execution = Execution(
        context,
        verb.undo_chunk_executor(entry),
        entry=undo_id,
        head={"undoes": entry_id},
        earlier=None if earlier is None else _results(changes, earlier),
        lengths=lengths,
    )
    return verb.undo_plan(
        changes=tuple(changes),
        url=without_login(api.url),
        reason=f"undo of {entry_id}",
        left_out=tuple(left_out),
        notes=verb.undo_notes,
        undoes=entry_id,
        asked=str(entry.head.get("summary", "")),
        _execution=execution,
    )


def _verb_of(entry: Entry) -> Verb:
    if entry.id.endswith(UNDO_SUFFIX):
        raise PlanError(f"{entry.id} is itself an undo, and an undo is not undone: plan the change anew.")
    if entry.verb not in VERBS:
        raise PlanError(f"{entry.id} cannot be undone: it never got as far as a plan, so nothing was sent.")
    return VERBS[entry.verb]


def _earlier(journal: Journal, entry_id: str) -> Entry | None:
    """Return the entry of an earlier undo, or None; raise PlanAlreadyApplied if all its outcomes are final."""
    if entry_id + UNDO_SUFFIX not in journal.entries():
        return None
    earlier = read_entry(journal, entry_id + UNDO_SUFFIX)
    if not earlier.works:
        return None  # cut off before its works were written
    if not any(work.outcome in REPEATED_BY_UNDO for work in earlier.works):
        done = any(work.outcome is Outcome.DONE for work in earlier.works)
        what = "was undone before" if done else "could not be undone before, as all its works had moved on"
        raise PlanAlreadyApplied(f"{entry_id} {what} (entry {earlier.id}); nothing was sent.")
    return earlier


def _changes(api: Api, verb: Verb, entry: Entry, earlier: Entry | None) -> tuple[list[Change], list[LeftOut]]:
    works = [work for work in entry.works if work.outcome in (Outcome.DONE, Outcome.UNKNOWN)]
    now = verb.look_again(api, entry, works)
    if earlier is not None:
        by_id = {work.new_id or work.id: work for work in works}
        return [_continued_change(verb, by_id.get(work.id), work) for work in earlier.works], []
    obstacles = [verb.obstacle(work, now) for work in works]
    changes = [verb.inverse(work) for work, obstacle in zip(works, obstacles, strict=True) if obstacle is None]
    left_out = [obstacle for obstacle in obstacles if obstacle is not None]
    if not changes and not left_out:
        raise PlanError(f"{entry.id} changed no work, so there is nothing to undo.")
    if not changes:
        ((why, number),) = Counter(left.why for left in left_out).most_common(1)
        share = f" ({number:,} of {count_of(len(left_out), 'work')})" if len(left_out) > 1 else ""
        raise PlanError(f"{entry.id} cannot be undone: {why}{share}.")
    return changes, left_out


def _continued_change(verb: Verb, changed: RecordedWork | None, undone: RecordedWork) -> Change:
    """Return the change of a work in an undo that is continued; if the entry does not have the work, no change."""
    if changed is not None:
        return verb.inverse(changed)
    as_it_is = WorkSnapshot.of(undone.before or {"id": undone.id})
    return Change(as_it_is, as_it_is)


def _results(changes: Sequence[Change], earlier: Entry) -> list[WorkResult]:
    results = []
    for change, work in zip(changes, earlier.works, strict=True):
        left = None if work.left is None else WorkSnapshot.of(work.left)
        results.append(WorkResult(work.outcome, work.id, change.before, left, work.detail, work.new_id))
    return results
