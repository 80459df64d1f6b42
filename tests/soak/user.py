"""Someone who makes every call of the client at random, and compares what each said with what the store holds."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.errors import OutcomeUnknown, PartlyDone, PlanError, ServiceError
from tests.factory import make_work

from .ledger import Ledger, mark_of

__all__ = ["User"]

PIPELINES = ("soak-a", "soak-b", "soak-c")
Record = Mapping[str, Any]
Records = dict[str, dict[str, Any]]


class User:
    """A client of a service that fails, and the truth beside it.

    Parameters
    ----------
    backend
        Whose store is the truth.
    url
        Where the client's requests go.
    patience
        Seconds after which the client gives up.
    randomly
        Makes the choices.
    settle
        Waits until no request is under way any more.
    """

    def __init__(
        self,
        backend: LocalBackend,
        url: str,
        *,
        patience: float,
        randomly: random.Random,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.client = Buckets(url, timeout=patience)
        self.said: Counter[str] = Counter()
        self.ledger = Ledger()
        self._backend = backend
        self._random = randomly
        self._settle = settle
        self._numbers = itertools.count()
        self._last: Receipt | None = None

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def store(self) -> Records:
        """Return what the store holds now, once no request is under way."""
        self._settle()
        return {record["id"]: record for record in json.loads(b"".join(self._backend.store.view({}, {}, 0, None)))}

    def step(self) -> None:
        """Do one thing at random."""
        calls: list[Callable[[], None]] = [
            *[self.deposit] * 4, self.withdraw, self.delete, self.update, self.requeue, self.undo, self.view,
            self.count, self.status, self.claim_and_end, self.delete_many, self.audit,
        ]  # fmt: skip
        self._random.choice(calls)()
        self.ledger.check(self.store().values())

    def deposit(self) -> None:
        marks = [f"mark {next(self._numbers)}" for _ in range(self._random.randint(1, 5))]
        works = [self._work(mark) for mark in marks]
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

    def withdraw(self) -> None:
        before = self.store()
        try:
            work = self.client.withdraw(self._random.choice(PIPELINES))
        except OutcomeUnknown:
            assert len(self._changed(before)) <= 1, "one withdrawal, several claims"
            self._say("withdraw: outcome unknown")
        except ServiceError:
            assert not self._changed(before), "an error that says nothing was claimed, and something was"
            self._say("withdraw: error")
        else:
            changed = self._changed(before)
            assert list(changed) == ([] if work is None else [work["id"]])
            if work is not None:
                assert changed[work["id"]] == work
                assert work["attempt"] == before[work["id"]]["attempt"] + 1
            self._say("withdraw: done" if work else "withdraw: nothing")

    def claim_and_end(self) -> None:
        before = self.store()
        try:
            claim = self.client.claim(self._random.choice(PIPELINES))
            if claim:
                self._last = claim.success(results={"ok": 1}) if self._random.random() < 0.5 else claim.give_back()
        except (ServiceError, PlanError):
            assert len(self._changed(before)) <= 1
            self._say("claim: error")
        else:
            assert len(self._changed(before)) <= 1
            self._say("claim: done")

    def delete(self) -> None:
        self._apply("delete", lambda ids: self.client.plan_delete(ids, allow_running=True))

    def requeue(self) -> None:
        self._apply(
            "requeue",
            lambda ids: self.client.plan_requeue(ids, allow_running=True, allow_all=True),
            lambda record: record["status"] == "queued",
        )

    def update(self) -> None:
        priority = self._random.randint(1, 5)

        def plan(ids: list[str]) -> Any:
            frame = self.client.view({"id": {"$in": ids}}, limit=None, progress=False)
            frame["priority"] = priority
            return self.client.plan_update(frame, allow_running=True)

        self._apply("update", plan, lambda record: record["priority"] == priority)

    def delete_many(self) -> None:
        before = self.store()
        pipeline, event = self._random.choice(PIPELINES), self._random.randint(1, 40)
        meant = {id_ for id_, one in before.items() if one["pipeline"] == pipeline and event in one["event"]}
        marks = [mark_of(before[one]) for one in meant]
        try:
            done = self.client.delete_many(pipeline, events=[event], force=True)
        except (ServiceError, PlanError):
            self._say("delete_many: error")
            self.ledger.unsure(marks, self.store().values())
        else:
            assert not done or self._gone(before) == meant, "said all are gone"
            self.ledger.unsure(marks, self.store().values())
            self._say("delete_many: done")
        assert self._gone(before) <= meant, "deleted what was not meant"

    def undo(self) -> None:
        if self._last is None or not self._last.entry:
            return
        last, self._last = self._last, None
        before = self.store()
        try:
            receipt = last.undo()
        except (ServiceError, PlanError):
            assert self.store() == before, "an error before anything was sent, and something changed"
            self._say("undo: error")
            return
        after = self.store()
        originals = {fate.id: fate.before.record for fate in last.fates if fate.before is not None}
        for fate in receipt.fates:
            if last.verb == "delete":
                self._check_return(originals[fate.id], fate.outcome, after, fate.new_id)
            elif fate.outcome not in (Outcome.DONE, Outcome.UNKNOWN):
                assert after.get(fate.id or "") == before.get(fate.id or ""), f"{fate.outcome.value}, and changed"
        touched = {fate.id for fate in receipt.fates} | {fate.new_id for fate in receipt.fates}
        assert all(after.get(one) == before.get(one) for one in {*before, *after} - touched), "others were changed"
        self._say("undo: done" if receipt.ok else "undo: partly")

    def _check_return(self, record: Record, outcome: Outcome, after: Records, new_id: str | None) -> None:
        if outcome is Outcome.DONE:
            assert _bare(after[new_id or ""]) == _bare(record), "brought back otherwise"
            self.ledger.stored([mark_of(record)])
        elif outcome is Outcome.UNKNOWN:
            self.ledger.unsure([mark_of(record)], after.values())

    def audit(self) -> None:
        before = self.store()
        try:
            counts = self.client.audit()
        except ServiceError:
            self._say("audit: error")
            return
        changed = self._changed(before)
        assert sum(counts.values()) == len(changed), "an audit that counts otherwise"
        assert all(before[id_]["status"] == "failure" for id_ in changed)
        self._say("audit: done")

    def view(self) -> None:
        now = self.store()
        query = {"pipeline": self._random.choice(PIPELINES)}
        meant = {id_ for id_, one in now.items() if one["pipeline"] == query["pipeline"]}
        try:
            frame = self.client.view(query, limit=None, progress=False, page_size=7)
        except ServiceError:
            self._say("view: error")
            return
        assert set(frame["id"]) == meant
        assert {record["id"]: record for record in frame.works.to_records()} == {id_: now[id_] for id_ in meant}
        self._say("view: done")

    def count(self) -> None:
        now = self.store()
        event = self._random.randint(1, 40)
        try:
            number = self.client.count({"event": event})
        except ServiceError:
            self._say("count: error")
            return
        there = sum(event in one["event"] for one in now.values())
        assert number == there, f"{number} counted, {there} there; {'as before' if self.store() == now else 'moved'}"
        self._say("count: done")

    def status(self) -> None:
        now = self.store()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = self.client.status()
        except ServiceError:
            self._say("status: error")
            return
        for pipeline in frame.index[frame["total"].notna()]:
            assert frame.loc[pipeline, "total"] == sum(one["pipeline"] == pipeline for one in now.values())
        self._say("status: done")

    def _apply(
        self, verb: str, make: Callable[[list[str]], Any], as_planned: Callable[[Record], bool] | None = None
    ) -> None:
        before = self.store()
        ids = self._random.sample(sorted(before), min(len(before), self._random.randint(1, 12)))
        if not ids:
            return
        try:
            plan = make(ids)
        except (ServiceError, PlanError):
            assert self.store() == before, "planning changed works"
            self._say(f"{verb}: not planned")
            return
        self._disturb(ids)
        before = self.store()
        receipt = plan.apply()
        assert len(receipt.fates) == sum(receipt.counts.values()) == plan.count
        self._check(receipt, before, as_planned)
        self._last = receipt
        self._say(f"{verb}: {'done' if receipt.ok else 'partly'}")

    def _disturb(self, ids: Sequence[str]) -> None:
        """Be somebody else who moves a work between the plan and its application."""
        if self._random.random() < 0.3:
            status = self._random.choice(["success", "failure"])
            self._backend.store.update([{"id": self._random.choice(ids), "status": status}])

    def _check(self, receipt: Receipt, before: Records, as_planned: Callable[[Record], bool] | None) -> None:
        after = self.store()
        for fate in receipt.fates:
            was, now = before.get(fate.id or ""), after.get(fate.id or "")
            if fate.outcome is Outcome.DONE:
                assert (now is not None and as_planned(now)) if as_planned else now is None, "done is not done"
            elif fate.outcome is Outcome.GONE:
                assert now is None, "gone is there"
            elif fate.outcome is not Outcome.UNKNOWN:
                assert now == was, f"{fate.outcome.value}, and changed"
        if not as_planned:
            self._strike_out(receipt, after)
        untouched = set(before) - {fate.id for fate in receipt.fates}
        assert all(after.get(id_) == before[id_] for id_ in untouched), "works outside the plan were changed"

    def _strike_out(self, receipt: Receipt, after: Records) -> None:
        for fate in receipt.fates:
            assert fate.before is not None
            if fate.outcome in (Outcome.DONE, Outcome.GONE):
                self.ledger.gone([mark_of(fate.before.record)])
            elif fate.outcome is Outcome.UNKNOWN:
                self.ledger.unsure([mark_of(fate.before.record)], after.values())

    def _work(self, mark: str) -> dict[str, Any]:
        events = [self._random.randint(1, 40) for _ in range(2)]
        pipeline = self._random.choice(PIPELINES)
        work = make_work(
            pipeline=pipeline, event=events, parameters={"mark": mark}, priority=self._random.randint(1, 5)
        )
        return {**work, "creation": None, "tags": ["soak"]}

    def _new(self, before: Records) -> Records:
        return {id_: record for id_, record in self.store().items() if id_ not in before}

    def _changed(self, before: Records) -> Records:
        return {id_: record for id_, record in self.store().items() if before.get(id_) != record}

    def _gone(self, before: Records) -> set[str]:
        return set(before) - set(self.store())

    def _say(self, word: str) -> None:
        self.said[word] += 1


def _bare(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}
