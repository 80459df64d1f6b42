"""Nothing acknowledged is lost, nothing acts twice, and every receipt and error is true, whatever the network does."""

from __future__ import annotations

import pytest

from .proxy import FAULTS
from .run import soak


@pytest.mark.parametrize("seed", [11, 12])
def test_what_the_client_says_is_what_the_store_holds(seed):
    done = soak(120, seed=seed, share=0.15)
    assert sum(done.said.values()) > 90
    assert len(done.injected) > len(FAULTS) / 2


def test_a_soak_finds_an_untrue_word(monkeypatch):
    """A client that swallowed the loss of an answer would not pass."""
    from bucketsnb.changes.deposit import DepositAct

    monkeypatch.setattr(DepositAct, "_settle", lambda self, walk, going, reply: None)
    with pytest.raises((AssertionError, AttributeError, TypeError, ValueError)):
        soak(60, seed=11, share=0.3)
