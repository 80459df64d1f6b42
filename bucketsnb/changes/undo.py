"""Undo an entry of the journal: put works back as they were, where nobody else has moved them since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bucketsnb.addresses import without_login
from bucketsnb.api import chunks
from bucketsnb.changes.deposit import DepositAct, find, match
from bucketsnb.changes.drawing import by_count
from bucketsnb.changes.entry import Entry, RecordedWork, read_entry
from bucketsnb.changes.execution import AGAIN, Application, ChunkExecutor, Context
from bucketsnb.changes.journal import Journal
from bucketsnb.changes.journal_file import UNDO_SUFFIX
from bucketsnb.changes.plan import LeftOut, Plan, UndoDepositPlan, UndoPlan
from bucketsnb.changes.receipt import Outcome, WorkResult
from bucketsnb.changes.restore import RestoreAct, there_again
from bucketsnb.changes.service import refuse_other_address, refuse_other_works
from bucketsnb.changes.settle import DeleteAct, PutAct
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, differences, equal
from bucketsnb.changes.targets import read_works, refuse_read_only
from bucketsnb.changes.withdraw import OF_THE_SERVICE, as_it_was
from bucketsnb.errors import PlanAlreadyApplied, PlanError

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["context_of", "plan_undo"]

_NOTES = {
    "delete": "The works get new ids. No worker can take one before it is put back as it was.",
    "deposit": "Works that a worker has claimed since are left alone.",
}
_PUT_BACK = frozenset({"update", "requeue", "audit", "withdraw"})
_KNOWN = _PUT_BACK | {"delete", "deposit"}
_SURE, _UNSURE = Outcome.DONE, Outcome.UNKNOWN
_DAMAGED = "its line in the journal is damaged"
_MOVED = "a worker, or someone else, had it at the moment of the "


def context_of(api: Api, journal: Journal | None = None) -> Context:
    """Return what plans of this service need, the journal included."""
    kept = journal or Journal()

    def undo(entry: str) -> Plan:
        return plan_undo(context_of(api, kept), entry)

    return Context(api, kept, undo)


def plan_undo(context: Context, entry_id: str, *, allow_other_host: bool = False) -> UndoPlan:
    """Plan to undo an entry; see :meth:`bucketsnb.client.Buckets.plan_undo`."""
    refuse_read_only(context.api)
    lengths = {entry_id: context.journal.length(entry_id)}
    lengths[entry_id + UNDO_SUFFIX] = context.journal.length(entry_id + UNDO_SUFFIX)
    entry = read_entry(context.journal, entry_id)
    _refuse(entry)
    if not allow_other_host:
        refuse_other_address(context.api, entry)
    earlier = _earlier(context.journal, entry_id)
    if not allow_other_host:
        refuse_other_works(
            context.api, entry, [one for work in earlier.works if (one := work.new_id)] if earlier else []
        )
    context.journal.touch(entry_id)
    changes, left_out = _changes(context.api, entry, earlier)
    kind = UndoDepositPlan if entry.verb == "deposit" else UndoPlan
    application = Application(
        context,
        _act(entry, context),
        entry=entry_id + UNDO_SUFFIX,
        head={"undoes": entry_id},
        results=None if earlier is None else _results(changes, earlier),
        lengths=lengths,
    )
    return kind(
        changes=tuple(changes),
        url=without_login(context.api.url),
        reason=f"undo of {entry_id}",
        left_out=tuple(left_out),
        notes=(_NOTES[entry.verb],) if entry.verb in _NOTES else (),
        undoes=entry_id,
        asked=str(entry.head.get("summary", "")),
        _application=application,
    )


def _refuse(entry: Entry) -> None:
    if entry.id.endswith(UNDO_SUFFIX):
        raise PlanError(f"{entry.id} is itself an undo, and an undo is not undone: plan the change anew.")
    if entry.verb not in _KNOWN:
        raise PlanError(f"{entry.id} cannot be undone: it never got as far as a plan, so nothing was sent.")


def _earlier(journal: Journal, entry_id: str) -> Entry | None:
    """Return an undo that was begun before and did not end; refuse if it did."""
    if entry_id + UNDO_SUFFIX not in journal.entries():
        return None
    earlier = read_entry(journal, entry_id + UNDO_SUFFIX)
    if not earlier.works:
        return None  # cut off before it began
    if not any(work.outcome in AGAIN for work in earlier.works):
        done = any(work.outcome is Outcome.DONE for work in earlier.works)
        what = "was undone before" if done else "could not be undone before, as all its works had moved on"
        raise PlanAlreadyApplied(f"{entry_id} {what} (entry {earlier.id}); nothing was sent.")
    return earlier


def _changes(api: Api, entry: Entry, earlier: Entry | None) -> tuple[list[Change], list[LeftOut]]:
    works = [work for work in entry.works if work.outcome in (_SURE, _UNSURE)]
    if entry.verb == "deposit":
        _find_lost(api, entry, works)
    now = _now(api, entry, [work for work in works if work.outcome is _UNSURE])
    if entry.verb == "audit":
        _take_passes(works, now)
    if earlier is not None:
        by_id = {_name(entry, work): work for work in works}
        return [_change(entry, by_id.get(work.id or "") or _missing(work)) for work in earlier.works], []
    there = _there_again(api, entry, works)
    changes: list[Change] = []
    left_out: list[LeftOut] = []
    for place, work in enumerate(works):
        why = there.get(place) or _nothing_to_undo(entry, work, now)
        if why:
            left_out.append(LeftOut(work.id, why))
        else:
            changes.append(_change(entry, work))
    if not changes:
        raise PlanError(_nothing(entry, works, left_out))
    return changes, left_out


def _there_again(api: Api, entry: Entry, works: list[RecordedWork]) -> dict[int, str]:
    """Return which deleted works are there again, by their place, and why they are to be left alone."""
    if entry.verb != "delete":
        return {}
    sure = [place for place, work in enumerate(works) if work.outcome is _SURE and work.before is not None]
    found: dict[int, str] = {}
    taken: list[str] = []
    for places in chunks(sure, RestoreAct.size):
        there = there_again(api, [works[place].before or {} for place in places], entry.at, taken)
        found |= {places[one]: _lower(why) for one, (_, why) in there.items()}
        taken += [record["id"] for record, _ in there.values()]
    return found


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _missing(work: RecordedWork) -> RecordedWork:
    """Stand in for a work of an undo under way that cannot be found any more: if it is there, it is left alone."""
    return RecordedWork(work.id, left=work.before or {"id": work.id})


def _nothing(entry: Entry, works: list[RecordedWork], left_out: list[LeftOut]) -> str:
    """Say why there is nothing to undo; that nothing was changed only if that is known."""
    if entry.verb in ("deposit", "withdraw") and any(work.outcome is _UNSURE for work in works):
        return f"{entry.id} cannot be undone: {left_out[0].why}. Look for it in the queue."
    if entry.verb == "delete" and any(work.outcome is _SURE for work in works):
        return f"{entry.id} has nothing left to undo: {by_count(left.why for left in left_out)}."
    if any(left.why.startswith((_DAMAGED, _MOVED)) for left in left_out):
        return f"{entry.id} cannot be undone: {left_out[0].why}."
    return f"{entry.id} changed no work, so there is nothing to undo."


def _find_lost(api: Api, entry: Entry, works: list[RecordedWork]) -> None:
    """Look for deposited works of which no answer told, and take in those that are found."""
    lost = [work for work in works if work.outcome is _UNSURE and work.after is not None]
    taken = {*entry.present, *(work.new_id for work in works if work.new_id)}
    for some in chunks(lost, DepositAct.size):
        sent = [work.after or {} for work in some]
        for place, record in match(sent, find(api, sent), taken).items():
            some[place].id = some[place].new_id = record["id"]
            some[place].left = {**record, "status": "queued", "attempt": sent[place].get("attempt", 0)}
            taken.add(record["id"])


def _take_passes(works: list[RecordedWork], now: Mapping[str, dict[str, Any]]) -> None:
    """Take in what some of the passes made of works whose audit nobody saw the end of: their status, and no more."""
    for work in works:
        record = now.get(work.id or "") if work.outcome is _UNSURE else None
        if record is not None and work.before and {**record, "status": work.before.get("status")} == work.before:
            work.left = record


def _name(entry: Entry, work: RecordedWork) -> str:
    return (work.new_id if entry.verb in ("deposit", "withdraw") else work.id) or ""


def _now(api: Api, entry: Entry, unsure: list[RecordedWork]) -> dict[str, dict[str, Any]]:
    ids = [name for work in unsure if (name := _name(entry, work))]
    return {record["id"]: record for record in read_works(api, ids)}


def _nothing_to_undo(entry: Entry, work: RecordedWork, now: Mapping[str, Mapping[str, Any]]) -> str:
    known = work.left or work.after if entry.verb in ("deposit", "withdraw") else work.before
    if work.outcome is _SURE and known is None:
        return f"{_DAMAGED}, so what it was is not known"
    if work.outcome is _SURE and entry.verb == "audit" and work.left == work.before:
        return "the audit left it as it was"
    if work.outcome is _SURE:
        moved = [] if entry.verb == "delete" else differences(_made(entry, work), work.left or _made(entry, work))
        return f"{_MOVED}{entry.verb}: {described(moved)}" if moved else ""
    if entry.verb == "delete":
        return "was not deleted" if work.id in now else ""
    if entry.verb == "deposit" and work.new_id:
        return ""
    if entry.verb in ("deposit", "withdraw"):
        return f"nobody saw what came of the {entry.verb}: it cannot be told from others"
    return "was not changed" if equal(now.get(work.id or ""), work.before) else ""


def _change(entry: Entry, work: RecordedWork) -> Change:
    if entry.verb == "delete":
        return Change(None, WorkSnapshot.of(work.before or {}))
    left = _made(entry, work)
    if entry.verb == "deposit":
        return Change(WorkSnapshot.of(left), None)
    before = work.before or {}
    if entry.verb == "withdraw" and work.before is None:  # an interruption kept it off the record
        before = as_it_was(left, None)
    if entry.verb == "audit":  # what else is new in it, someone has put there meanwhile
        before = {**left, **{name: before[name] for name in OF_THE_SERVICE if name in before}}
    added = dict.fromkeys(name for name in left if name not in before)
    return Change(WorkSnapshot.of(left), WorkSnapshot.of({**before, **added}))


def _made(entry: Entry, work: RecordedWork) -> dict[str, Any]:
    """Return a work as the entry itself made it, which is what an undo may take back.

    What was read back afterwards may be more: a worker may have claimed it by then, or someone changed it.
    """
    left, after = work.left or work.after or {}, work.after or {}
    if entry.verb == "deposit":
        return {**left, "status": "queued", "attempt": after.get("attempt") or 0}
    if entry.verb in ("update", "requeue") and after:
        return {**after, **{name: None for name, value in left.items() if value is None and name not in after}}
    return left


def _act(entry: Entry, context: Context) -> ChunkExecutor:
    if entry.verb == "delete":
        return RestoreAct(entry.id, entry.at)
    return DeleteAct() if entry.verb == "deposit" else PutAct()


def _results(changes: list[Change], earlier: Entry) -> list[WorkResult]:
    return [
        WorkResult(
            work.outcome,
            work.id,
            change.before,
            new_id=work.new_id,
            detail=work.detail,
            after=None if work.left is None else WorkSnapshot.of(work.left),
        )
        for change, work in zip(changes, earlier.works, strict=True)
    ]
