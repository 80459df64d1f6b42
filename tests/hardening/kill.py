"""``python -m tests.hardening.kill --rounds 50``: servers on one SQLite file, killed under load, and what is left.

Every client has a pipeline of its own and knows what the service acknowledged to it. After each kill the file must
hold just that; of the one request that was under way, all or nothing. A process that is killed leaves what it wrote to
the system, so this says nothing of a power cut.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bucketsnb.backend.stores.open import open_store
from tests.backend.serving import served
from tests.factory import make_work

Works = dict[str, tuple[str, str, int]]
"""Mark of a work to its user, status and attempt."""

CLIENTS = 6
MOST_WORKS = 120


@dataclass
class Client:
    """One who deposits, claims, updates and deletes, and remembers what was acknowledged."""

    pipeline: str
    seed: int
    url: str = ""
    works: Works = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    then: list[Works] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._number = 0

    def work(self, stop: threading.Event) -> None:
        """Go on until the service is gone, or until told."""
        self.then = []
        with requests.Session() as self._session:
            try:
                while not stop.is_set():
                    act = self._random.choice([self.deposit, self.deposit, self.update, self.delete, self.claim])
                    act()
                    self.then = []
                    self.done[act.__name__] += 1
            except requests.RequestException:
                self.done["under way"] += bool(self.then)

    def deposit(self) -> None:
        marks = [f"{self.pipeline}-{self._number + place}" for place in range(self._random.randint(1, 8))]
        self._number += len(marks)
        after = {**self.works, **dict.fromkeys(marks, ("new", "queued", 0))}
        sent = [make_work(pipeline=self.pipeline, user="new", parameters={"mark": mark}) for mark in marks]
        ids = self._ask("POST", "/work?return_ids=True", sent, after)
        self.ids.update(zip(marks, ids, strict=True))
        self.works = after

    def update(self) -> None:
        marks, user = self._some(), f"user-{self._number}"
        after = {**self.works, **{mark: (user, *self.works[mark][1:]) for mark in marks}}
        self._ask("PUT", "/work", [{"id": self.ids[mark], "user": user} for mark in marks], after)
        self.works = after

    def delete(self) -> None:
        marks = self._some(20 if len(self.works) > MOST_WORKS else 3)
        after = {mark: kept for mark, kept in self.works.items() if mark not in marks}
        if marks:
            assert self._ask("DELETE", "/work", {"ids": [self.ids[mark] for mark in marks]}, after) is True
        self.works = after

    def claim(self) -> None:
        claims = {mark: (user, "running", attempt + 1) for mark, (user, _, attempt) in self._queued().items()}
        possible = [{**self.works, mark: claimed} for mark, claimed in claims.items()]
        claimed = self._ask("POST", "/work/withdraw", {"pipeline": self.pipeline}, *possible)
        assert (claimed is None) == (not claims), "what is queued is claimed, and nothing else"
        if claimed is not None:
            mark = claimed["parameters"]["mark"]
            self.works = {**self.works, mark: claims[mark]}

    def check(self, found: dict[str, tuple[str, str, int]], ids: dict[str, str]) -> None:
        """Hold what the store has against what was acknowledged, and go on from there."""
        possible = [self.works, *self.then]
        if found not in possible:
            lost = sorted(set(self.works.items()) - set(found.items()))[:3]
            more = sorted(set(found.items()) - set(self.works.items()))[:3]
            raise AssertionError(f"{self.pipeline}: acknowledged and not there: {lost}; there and not known: {more}")
        assert all(ids[mark] == self.ids.get(mark, ids[mark]) for mark in found), "a work has another id"
        self.done["under way and done"] += found != self.works
        self.works, self.ids, self.then = deepcopy(found), ids, []

    def _ask(self, method: str, path: str, body: Any, *after: Works) -> Any:
        self.then = list(after)
        answer = self._session.request(method, self.url + path, json=body, timeout=30)
        if answer.status_code != 200:
            self.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
            raise requests.RequestException
        return answer.json()

    def _some(self, most: int = 3) -> list[str]:
        return self._random.sample(sorted(self.works), min(len(self.works), self._random.randint(1, most)))

    def _queued(self) -> Works:
        return {mark: kept for mark, kept in self.works.items() if kept[1] == "queued"}


@dataclass
class Killing:
    """Rounds of load and SIGKILL on one file."""

    file: Path
    seed: int
    rounds: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.clients = [Client(f"kill-{number}", self.seed * 100 + number) for number in range(CLIENTS)]

    @property
    def done(self) -> Counter[str]:
        """What was acknowledged so far, by kind."""
        return sum((client.done for client in self.clients), Counter())

    def round(self, servers: int = 1) -> None:
        """Serve the file by so many processes, kill all at a moment of chance, and look."""
        with ExitStack() as stack:
            urls = [stack.enter_context(served(f"sqlite:///{self.file}")) for _ in range(servers)]
            with self._load(urls):
                time.sleep(self._random.uniform(0.05, 0.6))
                stack.close()  # SIGKILL
        self.rounds += 1
        self.check()

    @contextmanager
    def _load(self, urls: list[str]) -> Iterator[None]:
        stop = threading.Event()
        threads = []
        for number, client in enumerate(self.clients):
            client.url = urls[number % len(urls)]
            threads.append(threading.Thread(target=client.work, args=(stop,), daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)

    def check(self) -> None:
        """Check the file itself, and hold what is in it against what each client was told."""
        refused = [line for client in self.clients for line in client.refused]
        assert not refused, refused[:3]
        with sqlite3.connect(self.file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        store = open_store(self.file)
        try:
            found = {client.pipeline: ({}, {}) for client in self.clients}
            for work in _read(store):
                here, ids = found[work["pipeline"]]
                mark = work["parameters"]["mark"]
                assert mark not in here, "a work is there twice"
                here[mark], ids[mark] = (work["user"], work["status"], work["attempt"]), work["id"]
            assert store.status()["total"] == sum(len(here) for here, _ in found.values())
        finally:
            store.close()
        for client in self.clients:
            client.check(*found[client.pipeline])


def _read(store: Any) -> list[dict[str, Any]]:
    return json.loads(b"".join(store.view({})))


def main() -> None:
    """Kill so many times, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardening.kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killing = Killing(Path(folder) / "works.db", asked.seed)
        for number in range(asked.rounds):
            killing.round(servers=1 + number % 2)
    for word, count in sorted(killing.done.items()):
        print(f"{word:<20}{count:>8,}")  # noqa: T201 - what this command is for
    print(f"{asked.rounds} kills in {time.monotonic() - started:.0f} s, losses: 0")  # noqa: T201


if __name__ == "__main__":
    main()
