"""Undo: works come back as they were, nobody can claim them on the way, once, and where nobody else has moved them."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.backend.stores.base import Store
from bucketsnb.changes.journal import Journal, read_entry
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.verbs.delete import HOLDING
from bucketsnb.errors import JournalError, PlanAlreadyApplied, PlanError
from bucketsnb.schema import FIELDS, value_problems
from tests.changes.helpers import PIPELINE, but_id, changes_sent, filled, stored
from tests.factory import make_work


def mixed(backend: LocalBackend) -> None:
    """Put works of every status, and an odd one, into the store."""
    filled(backend, 2)
    filled(backend, 2, status="failure", attempt=2, start=5.5, stop=6.5, results={"a.b": [1, None]})
    filled(backend, 1, status="success", attempt=1, start=5.0, stop=6.0, products=["x"], priority=5)
    filled(backend, 1, status="running", attempt=1, start=7.0)
    filled(backend, 1, shape="of an old work", event=[1, 2], tags=["a"])
    twin = make_work(status="queued")
    backend.store.load([twin, {**twin, "attempt": 1}, twin])


def by_content(works: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(but_id(work).items(), key=str)) for work in works.values())


def test_deleted_works_come_back_as_they_were(backend: LocalBackend, buckets: Buckets) -> None:
    mixed(backend)
    before = stored(buckets)
    receipt = buckets.plan_delete(pipeline=PIPELINE, allow_running=True).apply()
    assert stored(buckets) == {}
    undone = receipt.undo()
    after = stored(buckets)
    assert undone.ok
    assert set(undone.new_ids) == set(before)
    assert set(undone.new_ids.values()) == set(after)
    for old, new in undone.new_ids.items():
        assert after[new] == {**before[old], "id": new}
    assert undone.frame.set_index("id").new_id.to_dict() == undone.new_ids


def test_they_enter_under_a_holding_pipeline_and_one_update_puts_them_back(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 3)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    seen: list[dict[str, int]] = []
    backend.faults.add("PUT /work", change=lambda store: seen.append(dict.fromkeys(store.pipelines(), 1)))
    backend.requests.clear()
    receipt.undo()
    assert changes_sent(backend) == ["POST /work", "PUT /work"]
    (holding,) = seen[0]
    assert holding.startswith(HOLDING)
    assert value_problems(FIELDS["pipeline"], holding, "pipeline") == []
    assert backend.store.pipelines() == [PIPELINE]


def test_no_worker_claims_them_on_the_way(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 200, status="failure", attempt=1)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    stop, claimed = threading.Event(), []

    def worker() -> None:
        with Buckets(backend.url) as client:
            while not stop.is_set():
                claimed.append(client.api.withdraw({"pipeline": {"$in": [PIPELINE]}}))

    thread = threading.Thread(target=worker)
    thread.start()
    undone = receipt.undo()
    time.sleep(0.05)
    stop.set()
    thread.join()
    assert undone.counts["done"] == 200
    assert claimed
    assert not any(claimed)
    assert {work["status"] for work in stored(buckets).values()} == {"failure"}


def test_a_second_undo_refuses_and_sends_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    receipt.undo()
    before = stored(buckets)
    backend.requests.clear()
    for again in (receipt.undo, lambda: buckets.undo(receipt.entry)):
        with pytest.raises(PlanAlreadyApplied, match="undone before"):
            again()
    assert changes_sent(backend) == []
    assert stored(buckets) == before
    assert buckets.journal().undone.tolist() == ["yes"]


def test_two_undo_plans_of_one_entry_act_once(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    one, other = buckets.plan_undo(entry), buckets.plan_undo(entry)
    assert one.apply().ok
    with pytest.raises(PlanAlreadyApplied):
        other.apply()
    assert len(stored(buckets)) == 2


class AfterOne:
    """Cancels after the first chunk."""

    def __init__(self) -> None:
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks > 1


def test_an_undo_that_was_cut_short_is_gone_on_with_once(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 250)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    cut = buckets.plan_undo(entry).apply(cancel=AfterOne())
    assert cut.counts["not sent"] == 50
    one, other = buckets.plan_undo(entry), buckets.plan_undo(entry)
    assert one.apply().ok
    for again in (other.apply, cut.resume):
        with pytest.raises(PlanAlreadyApplied, match="gone on with meanwhile"):
            again()
    assert len(stored(buckets)) == 250


def test_a_change_that_was_undone_is_not_gone_on_with(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 300)
    cut = buckets.plan_delete(pipeline=PIPELINE).apply(cancel=AfterOne())
    assert cut.undo().counts["done"] == 250
    with pytest.raises(PlanAlreadyApplied, match="was undone since"):
        cut.resume()
    assert len(stored(buckets)) == 300


def test_an_undo_does_not_go_ahead_of_the_change_it_undoes(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 300)
    cut = buckets.plan_delete(pipeline=PIPELINE).apply(cancel=AfterOne())
    undo = buckets.plan_undo(cut.entry)
    with Journal().reopen(cut.entry), pytest.raises(JournalError, match="being written"):
        undo.apply()
    assert cut.resume().ok
    with pytest.raises(PlanAlreadyApplied, match="gone on with meanwhile"):
        undo.apply()
    assert buckets.undo(cut.entry).counts["done"] == 300


def test_two_threads_that_go_on_with_a_receipt_do_so_once(backend: LocalBackend, buckets: Buckets) -> None:
    works = [{"pipeline": PIPELINE, "site": "chime", "user": "me"}] * 600
    cut = buckets.plan_deposit(works).apply(cancel=AfterOne())
    execution = cut.plan._execution
    assert execution is not None
    alone = execution._exclusive

    @contextmanager
    def after_another(plan: Plan) -> Iterator[None]:
        execution._exclusive = alone
        assert cut.resume().ok
        with alone(plan):
            yield

    execution._exclusive = after_another
    assert cut.resume().ok
    assert len(stored(buckets)) == 600


def test_looking_at_an_undo_sends_only_reads(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE, reason="old").apply().entry
    backend.requests.clear()
    plan = buckets.plan_undo(entry)
    for view in (str(plan), plan._repr_html_()):
        assert f"Undo {entry}: put back 2 works on " in view
        assert "get new ids" in view
    assert changes_sent(backend) == []


def test_only_what_was_done_is_undone(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    backend.store.delete(ids[-1:])
    undone = plan.apply().undo()
    assert undone.counts["done"] == 2
    assert len(stored(buckets)) == 3
    assert stored(buckets)[claimed["id"]] == claimed


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ({"hang_up": "after"}, "POST /work"),
        ({"hang_up": "before"}, "POST /work"),
        ({"status": 503}, "POST /work"),
        ({"hang_up": "after"}, "PUT /work"),
        ({"hang_up": "before"}, "PUT /work"),
        ({"status": 400}, "PUT /work"),
        ({"status": 500}, "PUT /work"),
        ({"body": b"true"}, "PUT /work"),
    ],
    ids=str,
)
def test_an_undo_that_went_wrong_half_way_resumes_to_the_same_end(
    backend: LocalBackend, buckets: Buckets, fault: dict[str, Any], line: str
) -> None:
    mixed(backend)
    before = stored(buckets)
    receipt = buckets.plan_delete(pipeline=PIPELINE, allow_running=True).apply()
    backend.faults.add(line, **fault)
    first = receipt.undo()
    if not first.ok:
        assert buckets.journal().undone.tolist() == ["no"]
        assert buckets.undo(receipt.entry).ok
    assert by_content(stored(buckets)) == by_content(before)
    assert backend.store.pipelines() == [PIPELINE]
    with pytest.raises(PlanAlreadyApplied):
        buckets.undo(receipt.entry)


def test_a_partly_undone_entry_says_so_and_resumes(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 450)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    backend.faults.add("POST /work", status=400, skip=1, times=None)
    first = receipt.undo()
    backend.faults.clear()
    assert [first.counts[word] for word in ("done", "refused", "not sent")] == [200, 200, 50]
    assert buckets.journal().undone.tolist() == ["partly"]
    backend.requests.clear()
    assert buckets.undo(receipt.entry).counts["done"] == 450
    assert len(stored(buckets)) == 450
    assert buckets.journal().undone.tolist() == ["yes"]


def test_an_undo_that_fails_before_it_sends_says_what_became_of_works_before(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 3)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    frame["priority"] = 5
    receipt = buckets.plan_update(frame).apply()
    backend.faults.add("PUT /work", status=403, times=None)
    assert receipt.undo().counts["refused"] == 3
    again = buckets.plan_undo(receipt.entry)
    backend.faults.add("POST /view", status=400, times=None)
    second = again.apply()
    assert second.counts["refused"] == 3
    assert [work.outcome for work in read_entry(Journal(), second.entry).works] == [
        one.outcome for one in second.results
    ]
    backend.faults.clear()
    assert buckets.undo(receipt.entry).counts["done"] == 3


def test_a_resumed_undo_leaves_alone_what_a_worker_has_claimed_since(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    # the update lands, its answer is lost, and so are the looks: then a worker claims the work
    backend.faults.add("PUT /work", hang_up="after", change=_no_more_looks(backend))
    assert receipt.undo().counts["unknown"] == 1
    backend.faults.clear()
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    assert buckets.undo(receipt.entry).counts["done"] == 1
    assert stored(buckets) == {claimed["id"]: claimed}


def _no_more_looks(backend: LocalBackend) -> Any:
    return lambda _: backend.faults.add("POST /view", status=500, times=None)


def test_a_delete_nobody_saw_the_end_of_is_undone_where_it_happened(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 4)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    backend.faults.add("DELETE /work", hang_up="before", times=None, change=_delete_two(ids))
    backend.faults.add("POST /view", status=500, skip=1, times=None)
    receipt = plan.apply()
    assert receipt.counts["unknown"] == 4
    backend.faults.clear()
    undone = receipt.undo()
    assert undone.counts["done"] == 2
    assert len(stored(buckets)) == 4


def _delete_two(ids: list[str]) -> Any:
    def delete(store: Store) -> None:
        store.delete(ids[:2])

    return delete


def test_an_update_is_put_back(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3)
    before = stored(buckets)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    frame["priority"] = 5
    receipt = buckets.plan_update(frame).apply()
    assert receipt.undo().ok
    assert stored(buckets) == before


def test_an_update_is_put_back_only_where_nothing_else_moved(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 3)
    before = stored(buckets)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    frame["priority"] = 5
    receipt = buckets.plan_update(frame).apply()
    backend.store.update([{"id": ids[0], "status": "failure"}])
    undone = receipt.undo()
    assert undone.frame.set_index("id").outcome.to_dict() == {ids[0]: "drifted", ids[1]: "done", ids[2]: "done"}
    after = stored(buckets)
    assert after[ids[0]] == {**before[ids[0]], "status": "failure", "priority": 5}
    assert after[ids[1]] == before[ids[1]]


def test_a_requeue_is_put_back_unless_a_worker_has_the_work(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, status="failure", attempt=2)
    before = stored(buckets)
    receipt = buckets.plan_requeue(pipeline=PIPELINE, reset_attempt=True).apply()
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    undone = receipt.undo()
    assert (undone.counts["done"], undone.counts["drifted"]) == (1, 1)
    assert stored(buckets)[claimed["id"]] == claimed
    other = next(one for one in before if one != claimed["id"])
    assert stored(buckets)[other] == before[other]


def test_a_deposit_is_taken_back_unless_a_worker_has_the_work(backend: LocalBackend, buckets: Buckets) -> None:
    receipt = buckets.plan_deposit([make_work() for _ in range(3)]).apply()
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    plan = buckets.plan_undo(receipt.entry)
    assert "delete 3 works" in plan.summary
    undone = plan.apply()
    assert (undone.counts["done"], undone.counts["drifted"]) == (2, 1)
    assert list(stored(buckets)) == [claimed["id"]]


def lost_deposit(backend: LocalBackend, buckets: Buckets, works: list[dict[str, Any]]) -> str:
    """Deposit works, and be interrupted when the service has them; return the entry."""

    def stop(_store: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets.api, "deposit", lambda works, **_: stop(backend.store.deposit(works)))
        with pytest.raises(KeyboardInterrupt):
            buckets.deposit(works)
    (entry,) = Journal().entries()
    return entry


def test_a_deposit_nobody_saw_the_end_of_is_found_and_taken_back(backend: LocalBackend, buckets: Buckets) -> None:
    before = filled(backend, 1)
    entry = lost_deposit(backend, buckets, [make_work(creation=None) for _ in range(3)])
    claimed = buckets.api.withdraw({"pipeline": PIPELINE})
    undone = buckets.undo(entry)
    assert set(stored(buckets)) == {*before, claimed["id"]}
    assert sum(undone.counts.values()) == 3
    assert undone.counts["done"] == (3 if claimed["id"] in before else 2)


def test_an_interrupted_undo_of_a_lost_deposit_goes_on(backend: LocalBackend, buckets: Buckets) -> None:
    entry = lost_deposit(backend, buckets, [make_work(creation=None) for _ in range(3)])
    cut = threading.Event()
    cut.set()
    assert buckets.undo(entry, cancel=cut).counts["not sent"] == 3
    (_, gone, *_) = stored(buckets)
    backend.store.delete([gone])
    undone = buckets.undo(entry)
    assert (undone.counts["done"], undone.counts["gone"], stored(buckets)) == (2, 1, {})


def test_that_nothing_was_changed_is_said_only_if_it_is_known(backend: LocalBackend, buckets: Buckets) -> None:
    entry = lost_deposit(backend, buckets, [make_work(creation=None)])
    backend.store.clear()
    with pytest.raises(PlanError, match="cannot be undone: nobody saw what came of the deposit"):
        buckets.undo(entry)


def test_an_audit_nobody_saw_the_end_of_is_undone_as_far_as_it_went(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, status="failure", attempt=1)
    before = stored(buckets)
    plan = buckets.plan_audit()
    backend.faults.add("GET /audit/expired", hang_up="before")
    receipt = plan.apply()
    assert stored(buckets) != before
    assert {work["status"] for work in stored(buckets).values()} == {"queued"}
    assert buckets.undo(receipt.entry).ok
    assert stored(buckets) == before


def test_an_undo_is_not_undone(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    undone = buckets.plan_delete(pipeline=PIPELINE).apply().undo()
    with pytest.raises(PlanError, match="itself an undo"):
        undone.undo()


def test_an_entry_that_changed_nothing_says_so(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    backend.faults.add("DELETE /work", status=403)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    with pytest.raises(PlanError, match="changed no work"):
        receipt.undo()
    with pytest.raises(PlanError, match="nothing to resume or undo"):
        buckets.plan_delete(pipeline="nobody").apply().undo()


def test_an_entry_of_another_service_is_refused(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    with LocalBackend() as other, Buckets(other.url) as client:
        with pytest.raises(PlanError, match="allow_other_host"):
            client.undo(entry)
        assert client.plan_undo(entry, allow_other_host=True).apply().ok
        assert len(stored(client)) == 1


def test_an_unknown_entry_is_refused(buckets: Buckets) -> None:
    with pytest.raises(JournalError, match="There is no entry"):
        buckets.undo("20261124-003632-598020-1420")


class TestMovedAtTheMomentOfTheChange:
    """Between the request and the look at what came of it, a worker or someone else has a work too."""

    @staticmethod
    def claim(store: Store) -> None:
        store.withdraw({"pipeline": PIPELINE})

    @staticmethod
    def tag(store: Store) -> None:
        store.update([{"id": work["id"], "tags": ["theirs"]} for work in json.loads(b"".join(store.view({})))])

    @pytest.mark.parametrize("verb", ["update", "requeue", "deposit"])
    def test_a_work_that_a_worker_took_is_left_alone(self, backend: LocalBackend, buckets: Buckets, verb: str) -> None:
        plan = planned(verb, backend, buckets)
        backend.faults.add("POST /work" if verb == "deposit" else "PUT /work", acted=self.claim)
        receipt = plan.apply()
        assert receipt.ok
        before = stored(buckets)
        assert [work["status"] for work in before.values()] == ["running"]
        with pytest.raises(PlanError, match=f"had it at the moment of the {verb}: .*status queued -> running"):
            receipt.undo()
        assert stored(buckets) == before

    @pytest.mark.parametrize("verb", ["update", "deposit"])
    def test_what_a_worker_made_of_it_before_it_was_found_done_stays(
        self, backend: LocalBackend, buckets: Buckets, verb: str
    ) -> None:
        plan = planned(verb, backend, buckets)
        backend.faults.add("POST /work" if verb == "deposit" else "PUT /work", hang_up="after")
        backend.faults.add("POST /view", status=400, skip=1)
        receipt = plan.apply()
        backend.faults.clear()
        work = buckets.api.withdraw({"pipeline": PIPELINE})
        buckets.api.update([{**work, "status": "success", "results": {"snr": 12}}])
        receipt = receipt.resume()
        assert receipt.ok
        with pytest.raises(PlanError, match="status queued -> success"):
            receipt.undo()
        assert [work["results"] for work in stored(buckets).values()] == [{"snr": 12}]

    def test_others_of_the_same_plan_are_put_back(self, backend: LocalBackend, buckets: Buckets) -> None:
        ids = filled(backend, 3)
        frame = buckets.view({"pipeline": PIPELINE})
        frame["priority"] = 5
        backend.faults.add("PUT /work", acted=self.claim)
        receipt = buckets.plan_update(frame).apply()
        undo = buckets.plan_undo(receipt.entry)
        assert [left.id for left in undo.left_out] == ids[:1]
        assert undo.apply().ok
        assert [stored(buckets)[one]["priority"] for one in ids] == [5, 3, 3]

    def test_a_cell_that_someone_else_set_stays(self, backend: LocalBackend, buckets: Buckets) -> None:
        plan = planned("update", backend, buckets)
        backend.faults.add("PUT /work", acted=self.tag)
        receipt = plan.apply()
        with pytest.raises(PlanError, match=r'tags null -> \["theirs"\]'):
            receipt.undo()
        assert [work["tags"] for work in stored(buckets).values()] == [["theirs"]]

    def test_an_audit_that_is_undone_takes_no_edit_along(self, backend: LocalBackend, buckets: Buckets) -> None:
        (one,) = filled(backend, 1, status="running", attempt=1, start=1.0)
        before = stored(buckets)[one]
        backend.faults.add("GET /audit/failed", acted=self.tag)
        receipt = buckets.plan_audit().apply()
        assert receipt.undo().ok
        assert stored(buckets)[one] == {**before, "tags": ["theirs"]}

    def test_a_claim_that_is_given_back_takes_no_edit_along(self, backend: LocalBackend, buckets: Buckets) -> None:
        (one,) = filled(backend, 1)
        before = stored(buckets)[one]
        backend.faults.add("POST /work/withdraw", change=self.tag)
        buckets.claim(PIPELINE).give_back()
        assert stored(buckets)[one] == {**before, "tags": ["theirs"]}

    def test_an_undo_that_found_all_works_moved_is_not_said_to_have_been_done(
        self, backend: LocalBackend, buckets: Buckets
    ) -> None:
        receipt = planned("update", backend, buckets).apply()
        self.tag(backend.store)
        assert receipt.undo().counts["drifted"] == 1
        with pytest.raises(PlanAlreadyApplied, match="could not be undone before, as all its works had moved on"):
            receipt.undo()


def planned(verb: str, backend: LocalBackend, buckets: Buckets) -> Plan:
    """Plan a change of one work."""
    if verb == "deposit":
        return buckets.plan_deposit([make_work(pipeline=PIPELINE)])
    if verb == "requeue":
        return buckets.plan_requeue(filled(backend, 1, status="failure", attempt=1))
    filled(backend, 1)
    frame = buckets.view({"pipeline": PIPELINE})
    frame["priority"] = 5
    return buckets.plan_update(frame)


# --- works that are there again ---


def test_works_that_are_there_again_under_their_old_ids_are_left_alone_and_named(
    backend: LocalBackend, buckets: Buckets
) -> None:
    ids = filled(backend, 3)
    works = stored(buckets)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    backend.store.load([works[one] for one in ids[:2]])  # as a backup does
    plan = buckets.plan_undo(entry)
    assert {left.id for left in plan.left_out} == set(ids[:2])
    assert "there again under its old id" in str(plan)
    receipt = plan.apply()
    assert receipt.ok
    assert list(receipt.new_ids) == ids[2:]
    assert by_content(stored(buckets)) == by_content(works)


def test_works_that_come_back_between_the_plan_and_its_application_are_left_alone(
    backend: LocalBackend, buckets: Buckets
) -> None:
    ids = filled(backend, 3)
    works = stored(buckets)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    plan = buckets.plan_undo(entry)
    backend.store.load([{**works[ids[0]], "status": "running"}])
    receipt = plan.apply()
    assert receipt.counts["drifted"] == 1
    assert "old id" in receipt.frame.set_index("id").detail[ids[0]]
    assert stored(buckets)[ids[0]]["status"] == "running"
    assert len(stored(buckets)) == 3


def test_an_undo_of_works_that_are_all_there_again_says_so(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    works = stored(buckets)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    backend.store.load(list(works.values()))
    with pytest.raises(PlanError, match=r"cannot be undone: it .*under its old id \(2 of 2 works\)"):
        buckets.undo(entry)
    assert stored(buckets) == works


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Copy the journal, and go on with the copy when called again."""
    copies: list[Path] = []

    def copy() -> None:
        if copies:
            monkeypatch.setenv("BUCKETSNB_JOURNAL", str(copies[0]))
        else:
            copies.append(tmp_path / "a copy")
            shutil.copytree(Journal().folder, copies[0])

    return copy


@pytest.mark.parametrize("moved", ["nothing", "claimed", "ended", "priority"])
def test_the_same_entry_undone_from_two_copies_of_the_journal_makes_no_second_copies(
    backend: LocalBackend, buckets: Buckets, copied: Callable[[], None], moved: str
) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    copied()
    assert buckets.undo(entry).ok
    if moved in ("claimed", "ended"):
        work = buckets.api.withdraw({"pipeline": PIPELINE})
        if moved == "ended":
            buckets.api.update([{**work, "status": "success", "stop": work["start"] + 1, "results": {"snr": 5}}])
    if moved == "priority":
        buckets.api.update([{**work, "priority": 5} for work in stored(buckets).values()])
    works = stored(buckets)
    copied()
    with pytest.raises(PlanError, match=r"cannot be undone: it .*was put back before, under a new id \(2 of 2 works\)"):
        buckets.undo(entry)
    assert stored(buckets) == works


def test_an_undo_from_a_copy_of_the_journal_brings_back_what_the_first_did_not(
    backend: LocalBackend, buckets: Buckets, copied: Callable[[], None]
) -> None:
    filled(backend, 250)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    copied()
    assert buckets.plan_undo(entry).apply(cancel=AfterOne()).counts["done"] == 200
    copied()
    plan = buckets.plan_undo(entry)
    assert (plan.count, len(plan.left_out)) == (50, 200)
    assert plan.apply().ok
    assert len(stored(buckets)) == 250


def test_an_undo_planned_from_two_copies_of_the_journal_is_done_once(
    backend: LocalBackend, buckets: Buckets, copied: Callable[[], None]
) -> None:
    filled(backend, 3)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    copied()
    one = buckets.plan_undo(entry)
    copied()
    other = buckets.plan_undo(entry)
    assert one.apply().ok
    assert other.apply().counts["drifted"] == 3
    assert len(stored(buckets)) == 3


def test_an_undo_from_a_copy_of_the_journal_goes_on_with_works_that_the_first_left_held(
    backend: LocalBackend, buckets: Buckets, copied: Callable[[], None]
) -> None:
    filled(backend, 3)
    before = by_content(stored(buckets))
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    copied()
    backend.faults.add("PUT /work", status=503, times=None)
    assert buckets.undo(entry).counts["unknown"] == 3
    backend.faults.clear()
    copied()
    backend.requests.clear()
    assert buckets.undo(entry).ok
    assert changes_sent(backend) == ["PUT /work"]
    assert by_content(stored(buckets)) == before


def test_a_twin_that_was_there_all_along_is_not_taken_for_a_work_put_back(
    backend: LocalBackend, buckets: Buckets
) -> None:
    old = f"{int(time.time()) - 3600:08x}"
    twin = make_work(status="queued")
    backend.store.load([{**twin, "id": f"{old}{number:016x}"} for number in (1, 2)])
    entry = buckets.plan_delete([f"{old}{2:016x}"]).apply().entry
    assert buckets.undo(entry).ok
    assert len(stored(buckets)) == 2
