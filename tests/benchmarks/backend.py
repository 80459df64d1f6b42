"""The local backend: one process over HTTP against its own store without, and a long queue against a short one."""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.benchmarks.lines import ROOT, Line

CHUNK, CHUNKS = 1_000, 8
CLIENTS, SECONDS, TURNS = 4, 2.0, 5
SHORT, SHORTEST = 10_000, 1_000
ROWS = 100
QUEUE = "queue"
MEMORY = Path("/dev/shm")

NEEDLE = {
    "pipeline": "needle",
    "site": "needle",
    "user": "needle",
    "tags": ["needle", "x"],
    "event": [1, 2],
    "config": {"parent": "needle"},
    "attempt": 3,
    "retries": 3,
    "status": "failure",
}
"""What `ROWS` works of every store have, and no others."""

IDS = [f"{number:024x}" for number in range(ROWS)]

FILTERS: dict[str, dict[str, Any]] = {
    "id": {"id": {"$in": IDS}},
    "pipeline": {"pipeline": {"$in": ["needle"]}},
    "status": {"status": "failure"},
    "site": {"site": "needle"},
    "user": {"user": "needle"},
    "tags": {"tags": {"$in": ["needle"]}},
    "event": {"event": {"$in": [1]}},
    "event, the whole array": {"event": [1, 2]},
    "no event at all ($in: [])": {"event": {"$in": []}},
    "config.parent": {"config.parent": {"$in": ["needle"]}},
    "creation": {"creation": {"$lt": 1_000.0}},
    "attempts used up": {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "of a pipeline": {},
    "of a pipeline at a site": {"site": "chime"},
    "of a pipeline with a tag": {"tags": {"$in": ["realtime"]}},
}
CLAIMED = 100
SEARCH = {"results.never": {"$gt": 1}}


@dataclass
class Service:
    """A service in a process of its own.

    Attributes
    ----------
    port
        Where it listens.
    process
        Its process.
    """

    port: int
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, body: Any = None) -> Callable[[], int]:
        """Prepare a request that may be sent many times over one connection; it gives the length of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port)
        encoded = None if body is None else json.dumps(body).encode()

        def send() -> int:
            connection.request(method, path, encoded)
            answer = connection.getresponse()
            length = sum(len(piece) for piece in iter(lambda: answer.read(1 << 20), b""))
            assert answer.status == 200, answer.status
            return length

        return send

    @property
    def peak(self) -> float:
        """The most memory that the process ever had, in MiB."""
        said = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", said)
        assert found is not None
        return int(found[1]) / 1024


@contextmanager
def served(file: Path) -> Iterator[Service]:
    command = [sys.executable, "-m", "bucketsnb", "serve", "--port", "0", "--store", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield Service(int(process.stdout.readline().rpartition(":")[2]), process)
        finally:
            process.terminate()


def lines(options: Namespace) -> Iterator[Line]:
    """Measure the backend; see :func:`tests.benchmarks.__main__.main` for the options."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.db", Path(folder) / "long.db"
        fill(short, SHORT)
        yield from _deposits(Path(folder))
        yield from _claims(Path(folder), "on this disk")
        if MEMORY.exists():
            with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
                yield from _claims(Path(memory), "in memory")
        fill(long, options.queued)
        yield from _views(long, min(options.works, options.queued))
        with served(short) as few, served(long) as many:
            yield from _flat(few, many, f"{options.queued:,} works / {SHORT:,}")
            yield from _search(many, long, options.queued)
        shortest = Path(folder) / "shortest.db"
        fill(shortest, SHORTEST)
        with served(shortest) as few, served(long) as many:
            for which, filters in CLAIMS.items():
                name = f"{options.queued:,} queued / {SHORTEST:,}: median claim {which}"
                yield _claim_times(few, many, name, filters)


def fill(file: Path, queued: int) -> None:
    """Make a store of so many queued works of one pipeline, a tenth as many others, and `ROWS` needles."""
    store = SQLiteStore(file)
    templates = sample_works(5_000)
    for start in range(0, queued, 20_000):
        numbers = range(start, min(start + 20_000, queued))
        store.load([_haystack(templates[number % 5_000], number) for number in numbers])
        store.load([_other(templates[number % 5_000], number) for number in numbers[::10]])
    store.load([{**deepcopy(NEEDLE), "id": IDS[number], "creation": float(number)} for number in range(ROWS)])
    store.close()


def _haystack(template: dict[str, Any], number: int) -> dict[str, Any]:
    return {**_other(template, number), "pipeline": QUEUE, "status": "queued"}


def _other(template: dict[str, Any], number: int) -> dict[str, Any]:
    return {**template, "id": None, "creation": 1_700_000_000.0 + number / 7}


def _deposits(folder: Path) -> Iterator[Line]:
    works = [_haystack(work, place) for place, work in enumerate(sample_works(CHUNK))]
    direct = SQLiteStore(folder / "direct.db")
    alone, over = [], []
    with served(folder / "over.db") as service:
        send = service.ask("POST", "/work?return_ids=True", works)
        for _ in range(CHUNKS):  # by turns, so that a busy machine slows down both
            alone.append(_seconds(lambda: direct.deposit(works)))
            over.append(_seconds(send))
    direct.close()
    yield Line(f"deposit {CHUNK:,} works: service / store", min(over), min(alone), "s", 2.0)


def _claims(folder: Path, where: str) -> Iterator[Line]:
    """Claims a second of a few clients, against what does nothing: the very same request to no route, and a GET.

    A GET is one packet, which the server reads and answers in one turn; a POST of Python's HTTP client is two.
    """
    query = {"pipeline": {"$in": [QUEUE]}}
    routes = {
        "claims": ("POST", "/work/withdraw", query),
        "same request": ("POST", "/nothing", query),
        "GET /version": ("GET", "/version", None),
    }
    fill(folder / "claims.db", 100_000)
    os.sync()  # or the disk is busy with that
    with served(folder / "claims.db") as service:
        turns = [{name: _rate(service, *route) for name, route in routes.items()} for _ in range(TURNS)]
    best = {name: max(turn[name] for turn in turns) for name in routes}
    for nothing in ("same request", "GET /version"):
        name = f"{CLIENTS} clients: {nothing} that does nothing / claims, store {where}"
        yield Line(name, best[nothing], best["claims"], "1/s", 5.0)


_CLIENT = """
import sys, time
from http.client import HTTPConnection
port, method, path, body, seconds = sys.argv[1:]
connection, body = HTTPConnection("127.0.0.1", int(port)), body.encode() or None
print("ready", flush=True)
sys.stdin.readline()
count, end = 0, time.monotonic() + float(seconds)
while time.monotonic() < end:
    connection.request(method, path, body)
    assert connection.getresponse().read() != b"null"
    count += 1
print(count)
"""


def _rate(service: Service, method: str, path: str, body: Any) -> float:
    asked = [str(service.port), method, path, "" if body is None else json.dumps(body), str(SECONDS)]
    command = [sys.executable, "-c", _CLIENT, *asked]
    clients = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
    ]
    for client in clients:
        assert client.stdout is not None
        client.stdout.readline()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    return sum(int(client.communicate()[0]) for client in clients) / SECONDS


def _views(file: Path, count: int) -> Iterator[Line]:
    store = SQLiteStore(file)
    with served(file) as service:
        send = service.ask("POST", "/view", {"query": {}, "limit": count})
        turns = [(_seconds(lambda: _drained(store, count)), _seconds(send)) for _ in range(7)]
    store.close()
    alone, over = (min(times) for times in zip(*turns, strict=True))
    yield Line(f"view {count:,} whole works: service / store", over, alone, "s", 2.5)


def _drained(store: SQLiteStore, count: int) -> int:
    return sum(len(piece) for piece in store.view({}, limit=count))


def _flat(few: Service, many: Service, name: str) -> Iterator[Line]:
    for path in ("/status", "/status/pipelines", f"/status/details/{QUEUE}"):
        yield _compared(f"{name}: {path}", many.ask("GET", path), few.ask("GET", path), 2.0)
    for field, query in FILTERS.items():
        body = {"query": query, "limit": ROWS}
        sends = many.ask("POST", "/view", body), few.ask("POST", "/view", body)
        yield _compared(f"{name}: {ROWS} works by {field}", *sends, 1.5)


def _compared(name: str, ours: Callable[[], int], other: Callable[[], int], target: float) -> Line:
    """Compare the best of two requests sent by turns: what else this machine does only ever adds."""
    turns = [(_seconds(ours), _seconds(other)) for _ in range(40)]
    first, second = (1_000 * min(times) for times in zip(*turns, strict=True))
    return Line(name, first, second, "ms", target)


def _claim_times(few: Service, many: Service, name: str, filters: dict[str, Any]) -> Line:
    body = {"pipeline": {"$in": [QUEUE]}, **filters}
    sends = many.ask("POST", "/work/withdraw", body), few.ask("POST", "/work/withdraw", body)
    turns = [(_seconds(sends[0]), _seconds(sends[1])) for _ in range(CLAIMED)]
    first, second = (1_000 * statistics.median(times) for times in zip(*turns, strict=True))
    return Line(name, first, second, "ms", 1.5)


def _search(service: Service, file: Path, count: int) -> Iterator[Line]:
    """Search all works for what no index knows, and claim meanwhile."""
    claim = service.ask("POST", "/work/withdraw", {"pipeline": {"$in": [QUEUE]}})
    idle, before = _median(claim, 200), service.peak
    searching = threading.Thread(target=service.ask("POST", "/view", {"query": SEARCH, "limit": 0}))
    searching.start()
    time.sleep(0.1)
    times = [_seconds(claim) for _ in itertools.takewhile(lambda _: searching.is_alive(), range(100_000))]
    searching.join()
    name = f"search of {count:,} works without an index"
    yield Line(f"{name}: median claim meanwhile / before", 1_000 * statistics.median(times), idle, "ms", 5.0)
    size = file.stat().st_size / 2**20
    yield Line(f"{name}: memory for it / size of the store", service.peak - before, size, "MiB", 0.2)


def _median(act: Callable[[], int], times: int) -> float:
    return 1_000 * statistics.median(_seconds(act) for _ in range(times))


def _seconds(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
