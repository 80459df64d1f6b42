"""What every verb defines besides its plan: how saved plans are carried out, and how entries are undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bucketsnb.api import Api
from bucketsnb.changes.entry import Entry, RecordedWork
from bucketsnb.changes.execution import ChunkExecutor
from bucketsnb.changes.guarded import PutExecutor, holds
from bucketsnb.changes.lookup import look, read_works
from bucketsnb.changes.plan import LeftOut, Plan, Reason, UndoPlan
from bucketsnb.changes.receipt import Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, differences, equal

__all__ = ["SET_BY_SERVICE", "Verb", "not_seen"]

SET_BY_SERVICE = ("status", "attempt", "start", "stop")
"""What the service itself sets in a work, when one is claimed or an audit is run."""

Record = Mapping[str, Any]
CurrentRecords = Mapping[str, Record]


class Verb:
    """One verb. As it stands here it changes cells of works that keep their ids, and an undo puts the cells back.

    Attributes
    ----------
    name
        What plans and the journal call it.
    plan
        The kind of its plans.
    undo_plan
        The kind of a plan to undo it.
    undo_notes
        What to know before it is undone.
    """

    name: str
    plan: type[Plan]
    undo_plan: type[UndoPlan] = UndoPlan
    undo_notes: tuple[str, ...] = ()

    # --- plans from a file ---

    def chunk_executor(self) -> ChunkExecutor:
        """Return the chunk executor of a plan that was read from a file."""
        return PutExecutor()

    def count_done(self, api: Api, changes: Sequence[Change]) -> int:
        """Return how many works are as a plan would leave them."""
        now = look(api, [change.id for change in changes if change.id is not None])
        return sum(holds(now[one], change) for change in changes if (one := change.id or "") in now)

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

    def back_again(self, api: Api, entry: Entry, works: Sequence[RecordedWork]) -> dict[int, LeftOut]:
        """Return works that need no undo because they are there again, by their place in `works`."""
        del api, entry, works
        return {}

    def obstacle(self, work: RecordedWork, now: CurrentRecords) -> LeftOut | None:
        """Return why a work is not to be undone, or `None` if it is."""
        if work.outcome is Outcome.DONE:
            return self._obstacle_to_done(work)
        return LeftOut(work.id, "was not changed") if equal(now.get(work.id or ""), work.before) else None

    def _obstacle_to_done(self, work: RecordedWork) -> LeftOut | None:
        made = self.made(work)
        since = described(differences(made, work.left or made))
        why = f"a worker, or someone else, had it at the moment of the {self.name}: {since}"
        return self.damaged(work) or (LeftOut(work.id, why, Reason.IN_USE) if since else None)

    def damaged(self, work: RecordedWork) -> LeftOut | None:
        """Return a work whose record was lost, or `None` if it was not."""
        if self.known(work) is not None:
            return None
        return LeftOut(work.id, "its line in the journal is damaged, so what it was is not known", Reason.DAMAGED)

    def known(self, work: RecordedWork) -> Record | None:
        """Return the record of a work that its undo cannot do without, or `None` if the journal does not have it."""
        return work.before

    def made(self, work: RecordedWork) -> dict[str, Any]:
        """Return a work as the change itself made it, which is what an undo may take back.

        What was read back afterwards may be more: a worker may have claimed it by then, or someone changed it.
        """
        left, after = work.left or work.after or {}, work.after
        if not after:
            return left
        return {**after, **{name: None for name, value in left.items() if value is None and name not in after}}

    def original(self, work: RecordedWork) -> Record:
        """Return a work as an undo is to leave it."""
        return work.before or {}

    def inverse(self, work: RecordedWork) -> Change:
        """Return what an undo does to a work; fields that are new in it become null, as none can be taken out."""
        left, original = self.made(work), self.original(work)
        added = dict.fromkeys(name for name in left if name not in original)
        return Change(WorkSnapshot.of(left), WorkSnapshot.of({**original, **added}))


def not_seen(verb: str, work: RecordedWork) -> LeftOut:
    """Leave out a work that cannot be found again."""
    why = f"nobody saw what came of the {verb}: it cannot be told from others"
    return LeftOut(work.id, why, Reason.NOT_SEEN)
