"""Nothing acknowledged is lost, nothing acts twice, and every receipt and error is true, whatever the network does."""

from __future__ import annotations

import functools

import pytest

from bucketsnb import Buckets

from .proxy import FAULTS
from .run import soak

pytestmark = pytest.mark.slow

NOT_ASKED = {"close", "journal", "history", "watch", "plan_undo", "load_plan"}
"""Public and not called by name: what asks the service nothing new, what `undo` itself calls, and plans from files."""
PUBLIC = {name for name in dir(Buckets) if not name.startswith("_")}


@pytest.fixture
def made(monkeypatch):
    """Names of the client's methods that were called."""
    names = set()

    def noted(call):
        @functools.wraps(call)
        def asked(*arguments, **more):
            names.add(call.__name__)
            return call(*arguments, **more)

        return asked

    for name in PUBLIC:
        monkeypatch.setattr(Buckets, name, noted(getattr(Buckets, name)))
    return names


@pytest.mark.parametrize("seed", [11])
def test_what_the_client_says_by_any_call_is_what_the_store_holds(made, seed):
    done = soak(120, seed=seed, share=0.15)
    assert sum(done.said.values()) > 90
    assert len(done.injected) > len(FAULTS) / 2
    assert made >= PUBLIC - NOT_ASKED


def test_a_soak_finds_a_client_that_takes_silence_for_a_no(monkeypatch):
    """Made so on purpose: a lost answer is told as a refusal."""
    from bucketsnb.changes import receipt
    from bucketsnb.changes.verbs import deposit

    monkeypatch.setattr(
        deposit,
        "_unsettled",
        lambda execution, left, reply: [item.settle(receipt.Outcome.REFUSED) for item in left] and None,
    )
    monkeypatch.setattr(deposit.DepositExecutor, "_look", lambda self, execution, left: left)
    with pytest.raises(AssertionError, match=r"deposit|stored"):
        soak(60, seed=11, share=0.3)
