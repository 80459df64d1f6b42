"""A plan is applied once: also when it is copied, pickled, or taken along by a process that is forked."""

from __future__ import annotations

import copy
import dataclasses
import gc
import multiprocessing
import os
import pickle
import weakref
from collections.abc import Callable
from contextlib import suppress

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.receipt import Receipt
from bucketsnb.errors import BucketsError, PlanAlreadyApplied, PlanError
from tests.changes.helpers import PIPELINE, changes_sent, filled, stored

VERBS: dict[str, Callable[[Buckets], Plan]] = {
    "delete": lambda buckets: buckets.plan_delete(pipeline=PIPELINE),
    "requeue": lambda buckets: buckets.plan_requeue(pipeline=PIPELINE),
    "deposit": lambda buckets: buckets.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}] * 2),
    "withdraw": lambda buckets: buckets.plan_withdraw("queued-ones"),
    "undo": lambda buckets: buckets.plan_undo(buckets.plan_delete(pipeline=PIPELINE).apply().entry),
}
COPIES: dict[str, Callable[[Plan], Plan]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy in a list": lambda plan: copy.deepcopy([plan])[0],
    "replace": lambda plan: dataclasses.replace(plan, reason="another"),
}


@pytest.fixture(params=VERBS)
def plan(request: pytest.FixtureRequest, backend: LocalBackend, buckets: Buckets) -> Plan:
    filled(backend, 2, status="failure")
    filled(backend, 2, pipeline="queued-ones")
    plan = VERBS[request.param](buckets)
    backend.requests.clear()
    return plan


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_of_a_plan_and_its_copies_one_is_applied(
    backend: LocalBackend, plan: Plan, copied: Callable[[Plan], Plan]
) -> None:
    other = copied(plan)
    assert plan.apply().ok
    sent = changes_sent(backend)
    with pytest.raises(PlanAlreadyApplied, match="nothing was sent"):
        other.apply()
    assert other.spent
    assert changes_sent(backend) == sent


def test_a_pickled_plan_and_receipt_are_to_look_at(backend: LocalBackend, plan: Plan) -> None:
    other = pickle.loads(pickle.dumps(plan))
    assert str(other) == str(plan)
    with pytest.raises(PlanError, match=r"Build it here with buckets\.plan_"):
        other.apply()
    assert changes_sent(backend) == []
    receipt = plan.apply()
    copied = pickle.loads(pickle.dumps(receipt))
    assert str(copied) == str(receipt)
    assert copied.ok
    with pytest.raises(PlanError, match=r"buckets\.undo"):
        copied.undo()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_receipt_is_as_good_as_it(
    backend: LocalBackend, buckets: Buckets, copied: Callable[[Receipt], Receipt]
) -> None:
    filled(backend, 2)
    receipt = copied(buckets.plan_delete(pipeline=PIPELINE).apply())
    assert receipt.undo().ok
    with pytest.raises(PlanAlreadyApplied):
        copied(receipt).undo()


def test_what_is_pickled_holds_no_token(backend: LocalBackend) -> None:
    filled(backend, 1)
    with Buckets(backend.url, token="hidden-token") as client:
        plan = client.plan_delete(pipeline=PIPELINE)
        assert b"hidden" not in pickle.dumps(plan)
        assert b"hidden" not in pickle.dumps(plan.apply())


@pytest.mark.slow
def test_a_plan_that_another_process_was_given_is_not_applied_there(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        said = pool.apply(_applied, (plan,))
    assert said.startswith("PlanError: ")
    assert len(stored(buckets)) == 2
    assert plan.apply().ok


def _applied(plan: Plan) -> str:
    try:
        return plan.apply().summary
    except BucketsError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
class TestFork:
    def test_a_child_does_not_apply_what_its_parent_has(self, backend: LocalBackend, plan: Plan) -> None:
        ready, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(ready, 1)
            os._exit(_code_of(plan))
        receipt = plan.apply()
        sent = changes_sent(backend)
        os.write(go, b"x")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert receipt.ok
        assert changes_sent(backend) == sent

    def test_a_parent_does_not_apply_what_its_child_has(self, backend: LocalBackend, plan: Plan) -> None:
        child = os.fork()
        if child == 0:
            os._exit(_code_of(plan))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        sent = changes_sent(backend)
        with pytest.raises(PlanAlreadyApplied, match="nothing was sent"):
            plan.apply()
        assert changes_sent(backend) == sent

    def test_of_many_that_apply_at_once_one_does(self, backend: LocalBackend, plan: Plan) -> None:
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                os._exit(_code_of(plan))
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert sorted(codes)[0] == 0
        assert codes.count(0) == 1
        assert set(codes) <= {0, 3}


def _code_of(plan: Plan) -> int:
    """Apply a plan in a child; return 0 if it was done, 3 if it was refused as one that another has applied."""
    with suppress(BaseException):
        try:
            return 0 if plan.apply().ok else 4
        except BucketsError as error:
            return 3 if isinstance(error, PlanAlreadyApplied) or "being written by another" in str(error) else 5
    return 6


@pytest.mark.parametrize("make", VERBS.values(), ids=VERBS)
def test_a_plan_and_its_receipt_are_gone_with_the_last_name_for_them(
    backend: LocalBackend, buckets: Buckets, make: Callable[[Buckets], Plan]
) -> None:
    """They hold each other in no circle, so that none has to be collected."""
    filled(backend, 2, status="failure")
    filled(backend, 2, pipeline="queued-ones")
    gc.disable()
    try:
        plan = make(buckets)
        receipt = plan.apply()
        assert plan.receipt == receipt
        alive = [weakref.ref(plan), weakref.ref(receipt)]
        del plan, receipt
        assert [one() for one in alive] == [None, None]
    finally:
        gc.enable()
