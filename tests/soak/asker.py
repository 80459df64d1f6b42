"""What everyone who asks has: a client, the truth beside it, chance, and a count of what was said."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from bucketsnb import Buckets, LocalBackend
from tests.factory import make_work

from .ledger import Ledger

__all__ = ["EVENTS", "PIPELINES", "Asker", "Record", "Records"]

PIPELINES = ("soak-a", "soak-b", "soak-c")
EVENTS = 40
Record = Mapping[str, Any]
Records = dict[str, dict[str, Any]]


class Asker:
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

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def store(self) -> Records:
        """Return what the store holds now, once no request is under way."""
        self._settle()
        return {record["id"]: record for record in json.loads(b"".join(self._backend.store.view({}, {}, 0, None)))}

    def _fresh(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Return works that were never deposited, and their marks."""
        marks = [f"mark {next(self._numbers)}" for _ in range(self._random.randint(1, 5))]
        return marks, [self._work(mark) for mark in marks]

    def _work(self, mark: str) -> dict[str, Any]:
        work = make_work(
            pipeline=self._pipeline(),
            event=[self._event(), self._event()],
            parameters={"mark": mark},
            priority=self._random.randint(1, 5),
        )
        parent = self._random.choice([None, "nobody", *list(self.store())[:1]])
        return {**work, "creation": None, "tags": ["soak"], "config": {**work["config"], "parent": parent}}

    def _pipeline(self) -> str:
        return self._random.choice(PIPELINES)

    def _event(self) -> int:
        return self._random.randint(1, EVENTS)

    def _some(self, now: Records, most: int = 12) -> list[str]:
        return self._random.sample(sorted(now), min(len(now), self._random.randint(1, most)))

    def _new(self, before: Records) -> Records:
        return {id_: record for id_, record in self.store().items() if id_ not in before}

    def _changed(self, before: Records) -> Records:
        return {id_: record for id_, record in self.store().items() if before.get(id_) != record}

    def _gone(self, before: Records) -> set[str]:
        return set(before) - set(self.store())

    def _say(self, word: str) -> None:
        self.said[word] += 1
