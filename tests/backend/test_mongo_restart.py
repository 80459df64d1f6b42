"""The server behind two services goes away under load and comes back: nothing acknowledged is lost or claimed twice."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.backend.serving import served_often
from tests.engine import REAL_SERVER, Engine
from tests.factory import make_works
from tests.patience import until

pytestmark = pytest.mark.slow

BATCH = 4

if REAL_SERVER:
    pytest.skip("a server that others run is not ours to kill", allow_module_level=True)


class Load:
    """Depositors and claimers on services, and what they were told."""

    def __init__(self, urls: list[str]) -> None:
        self.deposited: list[str] = []
        self.batches: list[str] = []
        self.claimed: list[str] = []
        self.statuses: set[int] = set()
        self._going = threading.Event()
        self._going.set()
        targets = [(act, url) for url in urls for act in (self._deposit, self._claim, self._claim)]
        self._threads = [threading.Thread(target=self._repeat, args=one) for one in targets]
        for thread in self._threads:
            thread.start()

    def _repeat(self, act: Callable[[requests.Session, str], None], url: str) -> None:
        with requests.Session() as session:
            while self._going.is_set():
                act(session, url)

    def _deposit(self, session: requests.Session, url: str) -> None:
        batch = f"batch-{threading.get_ident()}-{time.monotonic_ns()}"
        self.batches.append(batch)
        ids = self._told(session.post(f"{url}/work?return_ids=True", json=make_works(BATCH, user=batch), timeout=90))
        self.deposited += ids or []

    def _claim(self, session: requests.Session, url: str) -> None:
        work = self._told(session.post(f"{url}/work/withdraw", json={"pipeline": "baseband-converter"}, timeout=90))
        self.claimed += [work["id"]] if work else []

    def _told(self, answer: requests.Response) -> Any:
        self.statuses.add(answer.status_code)
        return answer.json() if answer.status_code == 200 else None

    def wait_for(self, claims: int) -> None:
        """Let it run until so many more works have been claimed."""
        goal = len(self.claimed) + claims
        until(lambda: len(self.claimed) >= goal)

    def stop(self) -> None:
        self._going.clear()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_nothing_acknowledged_is_lost_and_nothing_is_claimed_twice(tmp_path: Path, how: signal.Signals) -> None:
    engine = Engine(tmp_path)
    engine.start()
    try:
        with served_often(engine.url, 2) as urls:
            load = Load(urls)
            load.wait_for(20)
            engine.stop(how)
            engine.start()
            load.wait_for(20)
            load.stop()
            works = requests.post(f"{urls[0]}/view", json={"query": {}}, timeout=60).json()
    finally:
        engine.stop(signal.SIGKILL)
    held = {work["id"]: work for work in works}
    assert set(load.deposited) <= set(held)
    assert len(load.claimed) == len(set(load.claimed))
    assert {("running", 1)} == {(held[one]["status"], held[one]["attempt"]) for one in load.claimed}
    assert load.statuses <= {200, 503}
    # What was not acknowledged is there whole or not at all.
    sizes = {batch: sum(work["user"] == batch for work in works) for batch in load.batches}
    assert set(sizes.values()) <= {0, BATCH}
