"""What every verb defines besides its plan: how saved plans are carried out, and how entries are undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.execution import ChunkExecutor
from bucketsnb.changes.guarded import GuardedExecutor, PutExecutor
from bucketsnb.changes.journal import Entry, RecordedWork
from bucketsnb.changes.lookup import look, read_works
from bucketsnb.changes.plan import LeftOut, Plan, Reason, UndoPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, equal, what_differs

__all__ = ["SET_BY_SERVICE", "Verb", "not_seen"]

SET_BY_SERVICE = ("status", "attempt", "start", "stop")
"""What the service itself sets in a work, when one is claimed or an audit is run."""

Record = Mapping[str, Any]
CurrentRecords = Mapping[str, Record]


class Verb:
    """One verb. As it stands here it changes cells of works that keep their ids, and an undo puts the cells back.

    Attributes
    ----------
    plan
        The kind of its plans; its `verb` is what the journal calls it.
    undo_plan
        The kind of a plan to undo it.
    undo_notes
        What to know before it is undone.
    """

    plan: type[Plan]
    undo_plan: type[UndoPlan] = UndoPlan
    undo_notes: tuple[str, ...] = ()

    # --- plans from a file ---

    def chunk_executor(self) -> ChunkExecutor:
        """Return the chunk executor of a plan that was read from a file."""
        return PutExecutor()

    def count_done(self, api: Api, changes: Sequence[Change]) -> int:
        """Return how many works are as a plan would leave them."""
        executor = self.chunk_executor()
        if not isinstance(executor, GuardedExecutor):
            return 0
        now = look(api, [change.id for change in changes if change.id is not None])
        return sum(executor.is_done(change, now.get(change.id or "")) for change in changes)

    # --- undo ---

    def undo_chunk_executor(self, entry: Entry) -> ChunkExecutor:
        """Return the chunk executor of the undo of an entry."""
        del entry
        return PutExecutor()

    def name_of(self, work: RecordedWork) -> str:
        """Return the id that a work has after the change, ``""`` if it is not known."""
        return work.id or ""

    def should_be_there(self, entry: Entry) -> list[str]:
        """Return ids of works that the service has if it is the one that an entry is of."""
        done = (work for work in entry.works if work.outcome is Outcome.DONE)
        return [one for work in done if (one := work.new_id or work.id)]

    def look_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> CurrentRecords:
        """Read the works of an entry whose outcome is unknown, by id; a verb may note what it finds in `works`."""
        del entry
        names = [name for work in works if work.outcome is Outcome.UNKNOWN and (name := self.name_of(work))]
        return {record["id"]: record for record in read_works(api, names)}

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Return why a work is not to be undone, or `None` if it is."""
        if work.outcome is not Outcome.DONE:
            return LeftOut(work.id, "was not changed") if equal(now.get(work.id or ""), work.before) else None
        made = self.made(work)
        if made is None:
            return LeftOut(work.id, "its line in the journal is damaged, so what it was is not known", Reason.DAMAGED)
        since = what_differs(made, work.left or made)
        why = f"a worker, or someone else, had it at the moment of the {self.plan.verb}: {since}"
        return LeftOut(work.id, why, Reason.IN_USE) if since else None

    def made(self, work: RecordedWork) -> dict[str, Any] | None:
        """Return a work as the change itself made it, which is what an undo may take back; `None` if it was lost.

        What was read back afterwards may be more: a worker may have claimed it by then, or someone changed it.
        """
        if work.before is None:
            return None
        left, after = work.left or work.after or {}, work.after or {}
        added = {name: None for name, value in left.items() if value is None and name not in after}
        return {**after, **added} if after else left

    def original(self, work: RecordedWork) -> Record:
        """Return a work as an undo is to leave it."""
        return work.before or {}

    def inverse(self, work: RecordedWork) -> Change:
        """Return what an undo does to a work; fields that are new in it become null, as none can be taken out."""
        made, original = self.made(work) or {}, self.original(work)
        added = dict.fromkeys(name for name in made if name not in original)
        return Change(WorkSnapshot.of(made), WorkSnapshot.of({**original, **added}))


def not_seen(verb: str, work: RecordedWork) -> LeftOut:
    """Leave out a work that cannot be found again."""
    why = f"nobody saw what came of the {verb}: it cannot be told from others"
    return LeftOut(work.id, why, Reason.NOT_SEEN)
