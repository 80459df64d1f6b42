"""The short form of the soak: sequences of calls and faults, chosen and made shorter by Hypothesis."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bucketsnb import LocalBackend
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.verbs.delete import DeleteExecutor
from bucketsnb.transport import MAY_REPEAT, FailureKind, Idempotency
from tests.budget import examples
from tests.changes.conftest import quick_looks  # noqa: F401 - looks at what came of a change do not wait here

from .user import CALLS, User

pytestmark = [pytest.mark.filterwarnings("ignore::bucketsnb.changes.targets.ChangeWarning"), pytest.mark.slow]

ABOUT = {
    "deposit": "POST /work",
    "plan_deposit": "POST /work",
    "withdraw": "POST /work/withdraw",
    "plan_withdraw": "POST /work/withdraw",
    "claim_and_end": "P* /work*",
    "delete": "DELETE /work",
    "delete_ids": "DELETE /work",
    "delete_many": "DELETE /work",
    "update": "PUT /work",
    "plan_update": "PUT /work",
    "requeue": "PUT /work",
    "undo": "P* /work",
    "audit": "GET /audit/*",
    "plan_audit": "GET /audit/*",
}
"""What may be called to change works, and the requests that it is about."""
READS = sorted({*CALLS} - {*ABOUT})
FAULTS: dict[str, dict[str, Any]] = {
    "refused for now": {"status": 429, "headers": {"retry-after": "0"}},
    "failed": {"status": 500},
    "not there": {"status": 503},
    "refused": {"status": 400},
    "lost before": {"hang_up": "before"},
    "lost after": {"hang_up": "after"},
    "rubbish": {"body": b"<html>proxy login</html>"},
    "true": {"body": b"true"},
    "null": {"body": b"null"},
}
faults = st.none() | st.sampled_from(list(FAULTS))
STEPS = settings(
    max_examples=examples(20),
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def machine(backend: LocalBackend) -> type[RuleBasedStateMachine]:
    class Queue(RuleBasedStateMachine):
        @initialize(randomly=st.randoms(use_true_random=False))
        def begin(self, randomly: random.Random) -> None:
            backend.clear()
            self.user = User(backend, backend.url, patience=5, randomly=randomly)
            self.user.deposit()

        @rule(call=st.sampled_from(list(ABOUT)), fault=faults, beside=st.none() | st.integers(0, 3))
        def someone_changes(self, call: str, fault: str | None, beside: int | None) -> None:
            """Let a fault befall what the call is about, or any request on its way."""
            self._ask(call, ABOUT[call] if beside is None else "*", beside or 0, fault)

        @rule(call=st.sampled_from(READS), fault=faults, beside=st.integers(0, 3))
        def someone_reads(self, call: str, fault: str | None, beside: int) -> None:
            """Let a fault befall any of its requests."""
            self._ask(call, "*", beside, fault)

        def _ask(self, call: str, line: str, skip: int, fault: str | None) -> None:
            if fault is not None:
                backend.faults.add(line, skip=skip, **FAULTS[fault])
            getattr(self.user, call)()
            backend.faults.clear()

        @invariant()
        def the_queue_holds_what_was_said(self) -> None:
            self.user.ledger.check(self.user.store().values())

        def teardown(self) -> None:
            self.user.close()

    return Queue


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch, quick_looks: None) -> None:  # noqa: F811
    """No waits between tries either."""
    monkeypatch.setattr("bucketsnb.transport.session.pause", lambda _: None)


def test_what_is_said_is_true_in_any_order_and_whatever_fails(backend: LocalBackend) -> None:
    run_state_machine_as_test(machine(backend), settings=STEPS)


@pytest.mark.parametrize("broken", ["delete", "update", "retry"])
def test_a_client_that_says_what_it_has_not_seen_is_found(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Made so on purpose: a change is believed unseen, or sent again when its answer is lost."""
    if broken == "retry":
        monkeypatch.setitem(MAY_REPEAT, FailureKind.NO_ANSWER, frozenset(Idempotency))  # type: ignore[arg-type]  # a dict that is not meant to change
    else:
        monkeypatch.setattr({"delete": DeleteExecutor, "update": PutExecutor}[broken], "is_done", lambda *_: True)
    with pytest.raises(AssertionError, match=r"done is not done|stored|twice|never acknowledged|claim"):
        run_state_machine_as_test(machine(backend), settings=settings(STEPS, phases=[Phase.generate]))
