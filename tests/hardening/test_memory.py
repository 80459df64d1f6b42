"""The service is as large after thousands of requests, good and bad, small and huge, as after the first of them."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.backend.serving import served
from tests.factory import make_work

from .test_fuzz import BOMBS, HANG, Service

pytestmark = pytest.mark.slow

GROWTH = 32 * 1024**2
"""Bytes: what one round leaves behind where a large work is read goes up and down by nearly as much."""

ROUNDS = 6

RANDOM = random.Random(5)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with served(f"sqlite:///{tmp_path}/works.db") as url:
        yield Service(url)


def requests(mark: str) -> list[tuple[str, str, Any]]:
    """Return requests of every kind; the mark makes each unlike all before, so that nothing remembered serves twice."""
    return [
        ("GET", "/status", None),
        ("GET", f"/status/details/{mark}", None),
        ("GET", f"/{mark}", None),
        ("POST", "/view", {"query": {mark: {"$regex": f"{mark}+"}}}),
        ("POST", "/view", {"query": {f"${mark}": 1}}),
        ("POST", "/view", {"query": {"tags": mark}, "projection": {mark: True}}),
        ("POST", "/work/withdraw", {"pipeline": mark}),
        ("POST", "/work", [{"pipeline": 3, "user": mark}]),
        ("PUT", "/work", [{"id": mark, "priority": 1}]),
        ("DELETE", f"/work?ids={mark}", None),
        ("GET", f"/audit/stale/{mark}x", None),
    ]


def small_ones(service: Service, number: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=HANG)
    for _ in range(number):
        method, path, body = RANDOM.choice(requests(f"{RANDOM.getrandbits(64):x}"))
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 500
    connection.close()


def large_work(service: Service) -> int:
    """Let a work of 16 MB come and go, and return how large the service is then."""
    work = json.dumps([make_work(results={"data": "x" * 15_900_000})]).encode()
    (one,) = json.loads(service.timed("POST", "/work?return_ids=True", work)[1])
    assert len(service.timed("POST", "/work/withdraw", {"pipeline": "baseband-converter"})[1]) > 15_900_000
    assert len(service.timed("POST", "/view", {"query": {"id": one}})[1]) > 15_900_000
    assert service.timed("DELETE", f"/work?ids={one}")[1] == b"true"
    return service.memory()


def many_names(service: Service, number: int) -> None:
    for _ in range(number):
        names = [f"{RANDOM.getrandbits(40)}-{place}" for place in range(10_000)]
        service.timed("POST", "/work/withdraw", {"pipeline": {"$in": names}})


def bombs(service: Service) -> None:
    for method, path, body in BOMBS.values():
        service.timed(method, path, body)


def many_requests(service: Service) -> int:
    """Send what a service meets in long, and return how large it is after that."""
    small_ones(service, 800)
    bombs(service)
    many_names(service, 25)
    return min(large_work(service) for _ in range(2))


def test_a_service_does_not_grow(service: Service) -> None:
    service.timed("POST", "/work", [make_work(pipeline="kept", user="a" * 40 + "!") for _ in range(50)])
    small_ones(service, 300)
    many_names(service, 5)
    bombs(service)
    before = max(large_work(service) for _ in range(3))
    sizes = [before, many_requests(service)]
    # An allocator keeps what it took for each thread that met a large work; what leaks grows in every round.
    while sizes[-1] - sizes[-2] >= GROWTH and len(sizes) <= ROUNDS:
        sizes.append(many_requests(service))
    assert sizes[-1] - sizes[-2] < GROWTH, f"grown in every round, in bytes: {sizes}"
