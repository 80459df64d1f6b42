"""Run a soak: so many operations, faults by a seed, and what came of them."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

from bucketsnb import LocalBackend

from .proxy import Proxy
from .user import User

__all__ = ["Soaked", "soak"]

PATIENCE = 0.25
_PAUSES = {
    # Shorter than in life, so that thousands of lost answers are waited out in minutes; still longer than "late".
    "bucketsnb.changes.guarded.LOST_PAUSES": (0.0, 0.1, 0.3),
    "bucketsnb.changes.guarded.PAUSES": (0.0, 0.05),
}


@dataclass
class Soaked:
    """Figures of one soak: operations by what was said of them, faults by kind, works at the end."""

    said: Counter[str]
    injected: Counter[str]
    works: int = 0


def soak(
    operations: int, *, seed: int, share: float = 0.12, told: Callable[[int, Soaked], None] = lambda _, __: None
) -> Soaked:
    """Do so many operations through a faulty proxy; an AssertionError names the first thing that was untrue.

    After each operation ``told`` is given their number and what came of them up to there; works are counted at the end.
    """
    patches = [mock.patch(name, pauses) for name, pauses in _PAUSES.items()]
    with LocalBackend() as backend, Proxy(backend.url, seed=seed, share=share, patience=PATIENCE) as proxy:
        user = User(backend, proxy.url, patience=PATIENCE, randomly=random.Random(seed), settle=proxy.settle)
        done = Soaked(user.said, proxy.injected)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for patch in patches:
                    patch.start()
                for number in range(operations):
                    _step(user, number, seed)
                    told(number + 1, done)
            done.works = len(user.store())
            return done
        finally:
            mock.patch.stopall()
            user.close()


def _step(user: User, number: int, seed: int) -> None:
    try:
        user.step()
    except AssertionError as error:
        raise AssertionError(f"operation {number} of seed {seed}: {error}") from error
