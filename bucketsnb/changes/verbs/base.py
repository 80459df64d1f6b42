"""What the verbs share: how plans are made, how to see that a saved plan was applied, and how entries are undone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bucketsnb.addresses import without_login
from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor, Context, Execution
from bucketsnb.changes.guarded import GuardedExecutor, PutExecutor
from bucketsnb.changes.journal import Entry, RecordedWork
from bucketsnb.changes.plan import LeftOut, Plan, UndoPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, equal, what_differs
from bucketsnb.changes.targets import ADVICE, PlanLimits, Targets, look, read_works
from bucketsnb.encoding import encode_works, judge_change, refusal
from bucketsnb.errors import WorkError
from bucketsnb.schema import STALE_DAYS

__all__ = ["SET_BY_SERVICE", "Edits", "Verb", "new_plan", "old_works", "refuse_unfit"]

SET_BY_SERVICE = ("status", "attempt", "start", "stop")
"""Fields that the service itself sets, when a work is claimed or an audit is run."""

_DAY = 86_400
P = TypeVar("P", bound=Plan)

Record = Mapping[str, Any]
CurrentRecords = Mapping[str, Record]


class Verb:
    """One verb; by default it changes cells of works that keep their ids, and an undo puts the cells back.

    `plan` is the class of its plans, whose `verb` is its name in the journal, and `chunk_executor` carries out plans
    from files. `undo_plan` is the class of the plans that undo it, `undo_notes` are notes on those, and `undo_executor`
    carries them out.
    """

    plan: type[Plan]
    chunk_executor: type[ChunkExecutor] = PutExecutor
    undo_plan: type[UndoPlan] = UndoPlan
    undo_notes: tuple[str, ...] = ()
    undo_executor: type[ChunkExecutor] = PutExecutor
    service_gives_ids = False
    """Whether the ids of the changed works are known only from the answer of the service."""

    def count_done(self, api: Api, changes: Sequence[Change]) -> int:
        """Return how many works are as a plan would leave them; 0 for a verb that cannot tell."""
        executor = self.chunk_executor()
        if not isinstance(executor, GuardedExecutor):
            return 0
        now = look(api, [change.id for change in changes if change.id is not None])
        return sum(executor.is_done(change, now.get(change.id or "")) for change in changes)

    def undo_chunk_executor(self, entry: Entry) -> ChunkExecutor:
        """Return the chunk executor of the undo of an entry."""
        del entry
        return self.undo_executor()

    def should_be_there(self, entry: Entry) -> list[str]:
        """Return ids of works that the service must have if the entry was made with it."""
        done = (work for work in entry.works if work.outcome is Outcome.DONE)
        return [work_id for work in done if (work_id := work.new_id or work.id)]

    def look_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> CurrentRecords:
        """Read the works with an unknown outcome by id; a subclass may record what it finds in `works`."""
        del entry
        unsure = [work.new_id or work.id for work in works if work.outcome is Outcome.UNKNOWN]
        return {record["id"]: record for record in read_works(api, [work_id for work_id in unsure if work_id])}

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Return why the change of a work will not be undone, or `None` if it will."""
        if work.outcome is not Outcome.DONE and self.service_gives_ids:
            why = f"nobody saw what came of the {self.plan.verb}, and it cannot be told from others: look in the queue"
            return None if work.new_id else LeftOut(work.id, why)
        if work.outcome is not Outcome.DONE:
            return LeftOut(work.id, "the work was not changed") if equal(now.get(work.id or ""), work.before) else None
        made = self.made(work)
        if made is None:
            return LeftOut(work.id, "its line in the journal is damaged, so what it was is not known")
        since = what_differs(made, work.left or made)
        why = f"a worker, or someone else, had it at the moment of the {self.plan.verb}: {since}"
        return LeftOut(work.id, why) if since else None

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return a work as the change itself left it; `None` if the journal has lost it.

        The work that was read back may differ: a worker may have claimed it before, or someone may have changed it.
        """
        if work.before is None:
            return None
        left, after = work.left or work.after or {}, work.after or {}
        added = {name: None for name, value in left.items() if value is None and name not in after}
        return {**after, **added} if after else left

    def original(self, work: RecordedWork) -> Record:
        """Return a work as it was before the change: an undo puts it back like this."""
        return work.before or {}

    def inverse(self, work: RecordedWork) -> Change:
        """Return the change that undoes one work; added fields become null, as the service cannot remove a field."""
        made, original = self.made(work) or {}, self.original(work)
        added = dict.fromkeys(name for name in made if name not in original)
        return Change(WorkSnapshot.of(made), WorkSnapshot.of({**original, **added}))


# --- making a plan ---


@dataclass(frozen=True)
class Edits:
    """Changes of cells, the works that are left out, and notes for the plan."""

    changes: list[Change] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, work: WorkSnapshot, cells: Mapping[str, Any], index: int = 0) -> None:
        """Add a work with its new cells; leave it out if it cannot be sent, raise WorkError if a new value is unfit."""
        record = work.record
        refuse_unfit(record, cells, index)
        try:
            (sent,) = encode_works([{**record, **cells}], verb="update")[1]
        except WorkError as error:
            self.left_out.append(LeftOut(work.id, f"cannot be sent: {error}"))
            return
        plain = {name: sent[name] for name in cells}  # other fields stay as they were read
        self.changes.append(Change(work, WorkSnapshot.of({**record, **plain})))


def refuse_unfit(record: Mapping[str, Any], cells: Mapping[str, Any], index: int) -> None:
    """Raise WorkError for new values that the public client cannot read; values that did not fit before may stay."""
    wrong = judge_change(record, cells)
    if wrong:
        raise refusal(wrong, record, index)


def old_works(records: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """Return a note on works so old that the service may fail or delete them before they run."""
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
    """Make a plan that expires, with the execution that will apply it; `head` is written to the journal only."""
    now = time.time()
    advised = [what for why, what in ADVICE.items() if any(left.reason is why for left in targets.left_out)]
    return kind(
        changes=tuple(changes),
        url=without_login(context.api.url),
        reason=reason,
        created_at=now,
        expires_at=now + limits.expires_after,
        query=targets.query,
        left_out=tuple(targets.left_out),
        notes=(*notes, *advised, *context.api.clock.notes()),
        _execution=Execution(context, chunk_executor, head=head or {}),
        **more,
    )
