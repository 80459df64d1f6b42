"""Someone who makes every call of the client at random, and compares what each said with what the store holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bucketsnb.changes.journal import Journal, read_entry
from bucketsnb.changes.receipt import Outcome, Receipt, WorkResult
from bucketsnb.errors import OutcomeUnknown, PartlyDone, PlanError, ServiceError

from .asker import Record, Records
from .ledger import mark_of
from .reads import Reads

__all__ = ["CALLS", "User"]

CALLS = (
    *["deposit"] * 4, *["plan_deposit"] * 2, "withdraw", "plan_withdraw", "claim_and_end",
    "delete", "delete_ids", "delete_many", "update", "plan_update", "requeue", "audit", "plan_audit", *["undo"] * 4,
    "view", "iter_frames", "count", "group_count", "status", "pipelines", "info", "work", "explain", "events",
    "failures", "stale", "overdue", "exhausted", "orphans", "family",
)  # fmt: skip
"""What is called, in any order, as often as it is named before anything is called again."""
_AGAIN = 0.7


@dataclass
class Applied:
    """A plan that was applied, and the queue before and after."""

    receipt: Receipt
    before: Records
    after: Records

    def original(self, fate: WorkResult) -> Record:
        """Return the work that a fate is about as it was before."""
        return self.before[fate.id or ""]


class User(Reads):
    """Someone who reads and changes; parameters as for :class:`~tests.soak.asker.Asker`."""

    _last: Applied | None = None
    _moved: frozenset[str] = frozenset()
    _waiting: Sequence[str] = ()

    def step(self) -> None:
        """Do one thing at random."""
        self._waiting = self._waiting or self._random.sample(CALLS, len(CALLS))
        call, *self._waiting = self._waiting
        getattr(self, call)()
        self.ledger.check(self.store().values())

    # --- what puts in ---

    def deposit(self) -> None:
        marks, works = self._fresh()
        before = self.store()
        try:
            ids = self.client.deposit(works, return_ids=True)
        except OutcomeUnknown as error:
            self._check_found(error.found, self._new(before))
            self.ledger.unsure(marks, self.store().values())
            self._say("deposit: outcome unknown")
        except (ServiceError, PartlyDone):
            assert not self._new(before), "an error that says nothing was stored, and something was"
            self._say("deposit: error")
        else:
            new = self._new(before)
            assert isinstance(ids, list)
            assert [mark_of(new[one]) for one in ids] == marks, "acknowledged works are not those that are stored"
            assert len(new) == len(marks), "stored more than was deposited"
            self.ledger.stored(marks)
            self._say("deposit: done")

    @staticmethod
    def _check_found(found: Sequence[str], new: Records) -> None:
        assert set(found) <= set(new), "found what is not there"

    def plan_deposit(self) -> None:
        marks, works = self._fresh()
        before = self.store()
        plan = self.client.plan_deposit(works)
        assert self.store() == before, "planning stored works"
        self._settled("plan_deposit", plan.apply(), before, lambda receipt: self._check_stored(receipt, marks, before))

    def _check_stored(self, receipt: Receipt, marks: Sequence[str], before: Records) -> None:
        there = {mark_of(record): id_ for id_, record in self._new(before).items()}
        for mark, fate in zip(marks, receipt.results, strict=True):
            if fate.outcome is Outcome.DONE:
                assert there.get(mark) == fate.new_id, "done is not stored"
            elif fate.outcome is not Outcome.UNKNOWN:
                assert mark not in there, f"{fate.outcome.value}, and stored"
        self.ledger.unsure(marks, self.store().values())

    # --- what claims ---

    def withdraw(self) -> None:
        before = self.store()
        try:
            work = self.client.withdraw(self._pipeline())
        except OutcomeUnknown:
            assert len(self._changed(before)) <= 1, "one withdrawal, several claims"
            self._say("withdraw: outcome unknown")
        except ServiceError:
            assert not self._changed(before), "an error that says nothing was claimed, and something was"
            self._say("withdraw: error")
        else:
            changed = self._changed(before)
            assert list(changed) == ([] if work is None else [work["id"]]), "claimed another, or more"
            if work is not None:
                assert changed[work["id"]] == work
                assert work["attempt"] == before[work["id"]]["attempt"] + 1
            self._say("withdraw: done" if work else "withdraw: nothing")

    def plan_withdraw(self) -> None:
        pipeline, before = self._pipeline(), self.store()
        queued = [one for one in before.values() if (one["pipeline"], one["status"]) == (pipeline, "queued")]
        first = sorted(queued, key=lambda one: (-one["priority"], one["creation"]))[:1]
        plan = self._planned("plan_withdraw", lambda: self.client.plan_withdraw(pipeline))
        if plan is not None:
            assert plan.ids == [one["id"] for one in first], "a forecast of another work"
            self._settled("plan_withdraw", plan.apply(), before, lambda receipt: self._check_claimed(receipt, before))

    def _check_claimed(self, receipt: Receipt, before: Records) -> None:
        changed, sure = self._changed(before), [one.id for one in receipt.results if one.outcome is Outcome.DONE]
        if receipt.counts["unknown"]:
            assert len(changed) <= 1, "one withdrawal, several claims"
        else:
            assert list(changed) == sure == [one.after.id for one in receipt.results if one.id in sure and one.after]
        assert all(now == _claimed(before[id_], now) for id_, now in changed.items()), "claimed otherwise"

    def claim_and_end(self) -> None:
        before = self.store()
        try:
            claim = self.client.claim(self._pipeline())
            if claim:
                self._end(claim, before)
        except (ServiceError, PlanError) as error:
            said = str(error)
            self._say("claim: error")
        else:
            said = ""
            self._say("claim: done")
        assert len(self._changed(before)) <= 1
        assert "someone else" not in said, "nobody else was there"

    def _end(self, claim: Any, before: Records) -> None:
        held = self.store()
        if self._random.random() < 0.5:
            receipt = claim.success(results={"ok": 1})
            now = self.store()
            ended = now[claim.work["id"]]
            assert (ended["status"], ended["results"]) == ("success", {"ok": 1}), "a success that is none"
            self._last = Applied(receipt, held, now)
        else:
            claim.give_back()
            assert self.store() == before, "given back otherwise"

    # --- what removes ---

    def delete(self) -> None:
        self._apply("plan_delete", lambda ids: self.client.plan_delete(ids, allow_running=True))

    def delete_ids(self) -> None:
        before = self.store()
        ids = [*self._some(before), *self._random.choice([[], ["f" * 24]])]
        self._remove("delete_ids", before, set(ids), lambda: self.client.delete_ids(ids))

    def delete_many(self) -> None:
        before = self.store()
        pipeline, event = self._pipeline(), self._event()
        meant = {id_ for id_, one in before.items() if one["pipeline"] == pipeline and event in one["event"]}
        delete = self.client.delete_many
        self._remove("delete_many", before, meant, lambda: bool(delete(pipeline, events=[event], force=True)))

    def _remove(self, call: str, before: Records, meant: set[str], delete: Callable[[], bool]) -> None:
        try:
            done = delete()
        except (ServiceError, PlanError):
            self._say(f"{call}: error")
        else:
            left = meant & set(self.store())
            assert not done or not left, "said all are gone"
            assert done or left or not meant & set(before), "said that some are left"
            self._say(f"{call}: {'done' if done else 'partly'}")
        assert self._gone(before) <= meant, "deleted what was not meant"
        assert not self._changed(before), "changed what was not meant"
        self.ledger.unsure([mark_of(before[one]) for one in meant & set(before)], self.store().values())

    # --- what changes ---

    def requeue(self) -> None:
        self._apply(
            "plan_requeue",
            lambda ids: self.client.plan_requeue(ids, allow_running=True, allow_all=True),
            _is_queued,
        )

    def plan_update(self) -> None:
        priority = self._random.randint(1, 5)

        def plan(ids: list[str]) -> Any:
            frame = self.client.view({"id": {"$in": ids}}, limit=None, progress=False)
            frame["priority"] = priority
            return self.client.plan_update(frame, allow_running=True)

        self._apply("plan_update", plan, lambda record: record["priority"] == priority)

    def update(self) -> None:
        before, priority = self.store(), self._random.randint(1, 5)
        ids = self._some(before)
        planned = {id_: {**before[id_], "priority": priority} for id_ in ids}
        try:
            done = self.client.update([{"id": id_, "priority": priority} for id_ in ids])
        except (ServiceError, PlanError):
            self._say("update: error")
        else:
            as_planned = all(self.store()[id_] == planned[id_] for id_ in ids)
            assert done == (as_planned and bool(ids)), f"said {done}, and it is {as_planned}"
            self._say(f"update: {'done' if done else 'partly'}")
        assert all(planned.get(id_) == now for id_, now in self._changed(before).items()), "changed otherwise"

    def audit(self) -> None:
        before, meant = self.store(), _retriable(self.store())
        try:
            said = sum(self.client.audit().values())
        except ServiceError as error:
            said = sum(error.counts.values())
            self._say("audit: error")
        else:
            # A proxy that asked twice passes on the second answer, which is of nothing: less may be said than was done.
            assert set(self._changed(before)) == meant, "said it was done"
            self._say("audit: done")
        assert said in (0, len(meant)), "an audit that counts otherwise"
        assert set(self._changed(before)) in (set(), meant), "changed what was not meant"

    def plan_audit(self) -> None:
        plan = self._planned("plan_audit", self.client.plan_audit)
        if plan is None:
            return
        assert set(plan.ids) == _retriable(self.store()), "a forecast of other works"
        self._disturb(plan.ids)
        before = self.store()
        self._settled("plan_audit", plan.apply(), before, lambda receipt: self._check(receipt, before, _is_queued))

    # --- what plans and puts back have in common ---

    def _planned(self, call: str, make: Callable[[], Any]) -> Any:
        before = self.store()
        try:
            return make()
        except (ServiceError, PlanError):
            self._say(f"{call}: not planned")
            return None
        finally:
            assert self.store() == before, "planning changed works"

    def _apply(
        self, call: str, make: Callable[[list[str]], Any], as_planned: Callable[[Record], bool] | None = None
    ) -> None:
        ids = self._some(self.store())
        plan = self._planned(call, lambda: make(ids)) if ids else None
        if plan is not None:
            self._disturb(ids)
            before = self.store()
            receipt = plan.apply()
            assert len(receipt.results) == sum(receipt.counts.values()) == plan.count
            self._settled(call, receipt, before, lambda receipt: self._check(receipt, before, as_planned))

    def _disturb(self, ids: Sequence[str]) -> None:
        """Be somebody else who moves a work between the plan and its application."""
        self._moved = frozenset()
        if ids and self._random.random() < 0.3:
            status, attempt = self._random.choice(["success", "failure"]), self._random.randint(0, 2)
            self._moved = frozenset([self._random.choice(ids)])
            self._backend.store.update([{"id": id_, "status": status, "attempt": attempt} for id_ in self._moved])

    def _settled(self, call: str, receipt: Receipt, before: Records, check: Callable[[Receipt], None]) -> None:
        """Hold a receipt against the queue and the journal; where something is left to do, mostly go on with it."""
        check(receipt)
        self._check_record(receipt)
        self._say(f"{call}: {'done' if receipt.ok else 'partly'}")
        if receipt.unsettled and self._random.random() < _AGAIN:
            done = receipt.ids
            receipt = receipt.resume()
            assert set(done) <= set(receipt.ids), "done is not done any more"
            check(receipt)
            self._check_record(receipt)
            self._say(f"resume: {'done' if receipt.ok else 'partly'}")
        self._last = Applied(receipt, before, self.store())

    @staticmethod
    def _check_record(receipt: Receipt) -> None:
        """Hold what is kept against what was said."""
        if receipt.entry:
            kept = [work.outcome for work in read_entry(Journal(), receipt.entry).works]
            assert kept == [fate.outcome for fate in receipt.results], "the journal says otherwise"

    def _check(self, receipt: Receipt, before: Records, as_planned: Callable[[Record], bool] | None) -> None:
        after = self.store()
        for fate in receipt.results:
            was, now = before.get(fate.id or ""), after.get(fate.id or "")
            if fate.outcome is Outcome.DONE:
                assert (now is not None and as_planned(now)) if as_planned else now is None, "done is not done"
            elif fate.outcome is Outcome.GONE:
                assert now is None, "gone is there"
            elif fate.outcome is not Outcome.UNKNOWN:
                assert now == was, f"{fate.outcome.value}, and changed"
            assert fate.outcome is not Outcome.DRIFTED or fate.id in self._moved, "drifted, and nobody moved it"
        untouched = set(before) - {fate.id for fate in receipt.results}
        assert all(after.get(id_) == before[id_] for id_ in untouched), "works outside the plan were changed"
        if not as_planned:
            self._strike_out(receipt, after)

    def _strike_out(self, receipt: Receipt, after: Records) -> None:
        for fate in receipt.results:
            assert fate.before is not None
            if fate.outcome in (Outcome.DONE, Outcome.GONE):
                self.ledger.gone([mark_of(fate.before.record)])
            elif fate.outcome is Outcome.UNKNOWN:
                self.ledger.unsure([mark_of(fate.before.record)], after.values())

    def undo(self) -> None:
        if self._last is None or not self._last.receipt.entry:
            return
        last, self._last = self._last, None
        ways = [last.receipt.undo, lambda: self.client.undo(last.receipt.entry)]
        if self._undone(last, self._random.choice(ways)) is False and self._random.random() < _AGAIN:
            self._undone(last, ways[1])

    def _undone(self, last: Applied, undo: Callable[[], Receipt]) -> bool | None:
        before = self.store()
        try:
            receipt = undo()
        except (ServiceError, PlanError) as error:
            said = str(error)
            self._say("undo: error")
        else:
            return self._check_undone(last, receipt, before)
        assert self.store() == before, "an error before anything was sent, and something changed"
        assert "changed no work" not in said or not last.receipt.ids, "said to have changed none, and changed some"
        return None

    def _check_undone(self, last: Applied, receipt: Receipt, before: Records) -> bool:
        after = self.store()
        judge = {"delete": self._check_return, "deposit": self._check_removal}.get(last.receipt.verb, self._check_back)
        for fate in receipt.results:
            judge(last, fate, before, after)
        touched = {fate.id for fate in receipt.results} | {fate.new_id for fate in receipt.results}
        if last.receipt.verb != "delete" or receipt.ok:  # one that is not whole yet may be on its way
            assert all(after.get(one) == before.get(one) for one in {*before, *after} - touched), "others were changed"
        self._check_record(receipt)
        self._say("undo: done" if receipt.ok else "undo: partly")
        return receipt.ok

    def _check_return(self, last: Applied, fate: WorkResult, before: Records, after: Records) -> None:
        """Look at a work that was deleted and is brought back."""
        record = last.original(fate)
        if fate.outcome is Outcome.DONE:
            assert _bare(after[fate.new_id or ""]) == _bare(record), "brought back otherwise"
            self.ledger.stored([mark_of(record)])
        elif fate.outcome is Outcome.UNKNOWN:
            self.ledger.unsure([mark_of(record)], after.values())

    def _check_removal(self, last: Applied, fate: WorkResult, before: Records, after: Records) -> None:
        """Look at a work that was deposited and is removed again."""
        id_ = fate.id or ""
        if fate.outcome in (Outcome.DONE, Outcome.GONE):
            assert id_ not in after, "removed, and there"
        elif fate.outcome is not Outcome.UNKNOWN:
            assert after.get(id_) == before.get(id_), f"{fate.outcome.value}, and changed"
        if id_ in {**last.after, **before}:
            self.ledger.unsure([mark_of({**last.after, **before}[id_])], after.values())

    def _check_back(self, last: Applied, fate: WorkResult, before: Records, after: Records) -> None:
        """Look at a work that was changed and is put back."""
        id_ = fate.id or ""
        if fate.outcome is Outcome.DONE:
            assert after.get(id_) == last.original(fate), "put back otherwise"
        elif fate.outcome is not Outcome.UNKNOWN:
            assert after.get(id_) == before.get(id_), f"{fate.outcome.value}, and changed"
        if fate.outcome is Outcome.DRIFTED:
            assert before.get(id_) != last.after.get(id_), "drifted, and nobody moved it"


def _claimed(was: Record, now: Record) -> Record:
    return {**was, "status": "running", "attempt": was["attempt"] + 1, "start": now["start"], "stop": now["stop"]}


def _is_queued(record: Record) -> bool:
    return bool(record["status"] == "queued")


def _retriable(now: Records) -> set[str]:
    """Return which works an audit queues again: here none is late or old."""
    return {id_ for id_, one in now.items() if one["status"] == "failure" and one["attempt"] < one["retries"]}


def _bare(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}
