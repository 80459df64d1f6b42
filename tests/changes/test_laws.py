"""What holds whatever the queue holds and whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets, LocalBackend
from bucketsnb.backend.stores.base import Store
from bucketsnb.changes.receipt import Receipt
from bucketsnb.changes.snapshot import WorkSnapshot
from tests.budget import examples
from tests.changes.helpers import PIPELINE, but_id, stored
from tests.factory import make_work

pytestmark = pytest.mark.slow

QUICK = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
number = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)
value = st.recursive(
    st.none() | st.booleans() | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
times = st.none() | st.floats(0, 2e9)
work = st.builds(
    make_work,
    status=st.sampled_from(["queued", "running", "success", "failure"]),
    attempt=st.integers(0, 5),
    priority=st.integers(1, 5),
    start=times,
    stop=times,
    results=st.none() | st.dictionaries(text, value, max_size=3),
    parameters=st.none() | st.dictionaries(text, value, max_size=3),
    tags=st.none() | st.lists(text, max_size=3),
    event=st.none() | st.lists(st.integers(0, 2**53), max_size=3),
    creation=st.floats(0, 2e9),
)
meanwhile = st.lists(st.sampled_from(["stays", "moves", "goes", "refuses to go"]), min_size=1, max_size=12)


def adds_up(receipt: Receipt, count: int) -> None:
    assert sum(receipt.counts.values()) == count == len(receipt.frame) == len(receipt.results)


@QUICK
@given(works=st.lists(work, min_size=1, max_size=4), data=st.data())
def test_an_undone_delete_gives_back_equal_works_but_for_their_ids(
    backend: LocalBackend, buckets: Buckets, works: list[dict[str, Any]], data: st.DataObject
) -> None:
    backend.store.clear()
    backend.store.load(works + works[:1])
    before = stored(buckets)
    receipt = buckets.plan_delete(pipeline=PIPELINE, allow_running=True).apply()
    adds_up(receipt, len(before))
    undone = receipt.undo()
    adds_up(undone, len(before))
    after = stored(buckets)
    assert undone.ok, str(undone)
    assert {old: but_id(after[new]) for old, new in undone.new_ids.items()} == {
        one: but_id(found) for one, found in before.items()
    }


@QUICK
@given(fates=meanwhile, says=st.sampled_from([b"true", b"false", None]))
def test_the_outcomes_of_a_delete_add_up_to_the_plan_and_are_true(
    backend: LocalBackend, buckets: Buckets, fates: list[str], says: bytes | None
) -> None:
    backend.clear()
    ids = backend.store.load([make_work(status="queued") for _ in fates])
    plan = buckets.plan_delete(ids)
    backend.store.update([{"id": one, "priority": 5} for one, fate in zip(ids, fates, strict=True) if fate == "moves"])
    backend.store.delete([one for one, fate in zip(ids, fates, strict=True) if fate == "goes"])
    gone = [one for one, fate in zip(ids, fates, strict=True) if fate == "stays"]

    def half(store: Store) -> None:
        store.delete(gone)

    if says is not None:
        backend.faults.add("DELETE /work", body=says, change=half)
    receipt = plan.apply()
    adds_up(receipt, len(ids))
    left = "done" if says is None else "still there"
    expected = {"stays": "done", "moves": "drifted", "goes": "gone", "refuses to go": left}
    assert receipt.frame.outcome.tolist() == [expected[fate] for fate in fates]
    here = stored(buckets)
    assert all(
        (one in here) == (word in ("drifted", "still there"))
        for one, word in zip(ids, receipt.frame.outcome, strict=True)
    )


@QUICK
@given(works=st.lists(work, min_size=1, max_size=4), priority=st.integers(1, 5))
def test_an_update_changes_what_its_cells_say_and_its_undo_changes_it_back(
    backend: LocalBackend, buckets: Buckets, works: list[dict[str, Any]], priority: int
) -> None:
    backend.store.clear()
    backend.store.load(works)
    before = stored(buckets)
    frame = buckets.plan_delete(pipeline=PIPELINE, allow_running=True).frame
    frame["priority"] = priority
    plan = buckets.plan_update(frame, allow_running=True)
    receipt = plan.apply()
    adds_up(receipt, plan.count)
    assert receipt.ok, str(receipt)
    assert stored(buckets) == {one: {**found, "priority": priority} for one, found in before.items()}
    if plan.count:
        assert receipt.undo().ok
    assert stored(buckets) == before


@given(record=st.dictionaries(text, value, max_size=6))
def test_a_work_that_was_seen_is_given_back_equal(record: dict[str, Any]) -> None:
    seen = WorkSnapshot.of(record)
    assert seen.record == record
    assert WorkSnapshot.of(dict(reversed(record.items()))) == seen
