"""Someone who makes every call of the client at random, and compares what each said with what the store holds."""

from __future__ import annotations

import random
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.errors import OutcomeUnknown, PartlyDone, PlanError, ServiceError
from tests.factory import make_work

from .proxy import Proxy

__all__ = ["User"]

PIPELINES = ("soak-a", "soak-b", "soak-c")
Records = dict[str, dict[str, Any]]


class User:
    """A client behind a proxy, and the truth beside it.

    Parameters
    ----------
    backend
        Whose store is the truth.
    proxy
        Where the client's requests go.
    seed
        Makes the choices.
    """

    def __init__(self, backend: LocalBackend, proxy: Proxy, *, seed: int) -> None:
        self.proxy = proxy
        self.client = Buckets(proxy.url, timeout=proxy.patience)
        self.truth = Buckets(backend.url)
        self.said: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._last: Receipt | None = None

    def close(self) -> None:
        """Close both clients."""
        self.client.close()
        self.truth.close()

    def store(self) -> Records:
        """Return what the store holds now, once no request is under way."""
        self.proxy.settle()
        return {record["id"]: record for record in self.truth.api.view({}, limit=0)}

    def step(self) -> None:
        """Do one thing at random."""
        calls: list[Callable[[], None]] = [
            *[self.deposit] * 4, self.withdraw, self.delete, self.update, self.requeue, self.undo, self.view,
            self.count, self.status, self.claim_and_end, self.delete_many,
        ]  # fmt: skip
        self._random.choice(calls)()

    def deposit(self) -> None:
        marks = [uuid.UUID(int=self._random.getrandbits(128)).hex for _ in range(self._random.randint(1, 5))]
        works = [self._work(mark) for mark in marks]
        before = self.store()
        try:
            ids = self.client.deposit(works, return_ids=True)
        except OutcomeUnknown as error:
            self._check_unknown(self._new(before), error.found)
            self._say("deposit: outcome unknown")
        except (ServiceError, PartlyDone):
            assert not self._new(before), "an error that says nothing was stored, and something was"
            self._say("deposit: error")
        else:
            new = self._new(before)
            assert isinstance(ids, list)
            assert [_mark(new[one]) for one in ids] == marks, "acknowledged works are not those that are stored"
            assert len(new) == len(marks), "stored more than was deposited"
            self._say("deposit: done")

    @staticmethod
    def _check_unknown(new: Records, found: Sequence[str]) -> None:
        assert set(found) <= set(new), "found what is not there"
        assert all(count == 1 for count in Counter(_mark(one) for one in new.values()).values()), "stored twice"

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
        self._apply("requeue", lambda ids: self.client.plan_requeue(ids, allow_running=True, allow_all=True))

    def update(self) -> None:
        def plan(ids: list[str]) -> Any:
            frame = self.client.view({"id": {"$in": ids}}, limit=None, progress=False)
            frame["priority"] = self._random.randint(1, 5)
            return self.client.plan_update(frame, allow_running=True)

        self._apply("update", plan)

    def delete_many(self) -> None:
        before = self.store()
        pipeline, event = self._random.choice(PIPELINES), self._random.randint(1, 40)
        meant = {id_ for id_, one in before.items() if one["pipeline"] == pipeline and event in one["event"]}
        try:
            done = self.client.delete_many(pipeline, events=[event], force=True)
        except (ServiceError, PlanError):
            assert self._gone(before) <= meant, "deleted what was not meant"
            self._say("delete_many: error")
        else:
            assert self._gone(before) <= meant
            assert not done or self._gone(before) == meant, "said all are gone"
            self._say("delete_many: done")

    def undo(self) -> None:
        if self._last is None or not self._last.entry:
            return
        before = self.store()
        last, self._last = self._last, None
        try:
            receipt = last.undo()
        except (ServiceError, PlanError):
            self._say("undo: error")
            return
        after = self.store()
        for fate in receipt.fates:
            if fate.outcome is Outcome.DONE and fate.before is not None and last.verb == "delete":
                assert _bare(after[fate.new_id or ""]) == _bare(fate.before.record), "brought back otherwise"
        assert set(before) - set(after) <= {fate.id for fate in receipt.fates}
        self._say("undo: done" if receipt.ok else "undo: partly")

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
        assert number == sum(event in one["event"] for one in now.values())
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

    def _apply(self, verb: str, make: Callable[[list[str]], Any]) -> None:
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
        self._check(verb, plan, receipt, before)
        self._last = receipt
        self._say(f"{verb}: {'done' if receipt.ok else 'partly'}")

    def _disturb(self, ids: list[str]) -> None:
        """Be somebody else who moves a work between the plan and its application."""
        if self._random.random() < 0.3:
            with self._quiet():
                self.truth.api.update([{"id": self._random.choice(ids), "status": "success"}])

    def _check(self, verb: str, plan: Any, receipt: Receipt, before: Records) -> None:
        after = self.store()
        assert len(receipt.fates) == plan.count
        assert sum(receipt.counts.values()) == plan.count
        for fate in receipt.fates:
            assert fate.id is not None
            was, now = before.get(fate.id), after.get(fate.id)
            if fate.outcome is Outcome.DONE:
                assert (now is None) if verb == "delete" else (now is not None), "done is not done"
            elif fate.outcome is Outcome.GONE:
                assert now is None, "gone is there"
            elif fate.outcome is not Outcome.UNKNOWN:
                assert now == was, f"{fate.outcome.value}, and changed"
        untouched = set(before) - {fate.id for fate in receipt.fates}
        assert all(after.get(id_) == before[id_] for id_ in untouched), "works outside the plan were changed"

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

    def _quiet(self) -> warnings.catch_warnings[Any]:
        return warnings.catch_warnings()


def _mark(record: Mapping[str, Any]) -> str:
    return str(record["parameters"]["mark"])


def _bare(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}
