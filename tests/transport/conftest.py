from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bucketsnb.settings import resolve
from bucketsnb.transport import Transport
from tests.stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def naps() -> list[float]:
    """Return the waits between tries, which nobody waits for."""
    return []


@pytest.fixture
def connect(naps: list[float]) -> Iterator[Callable[..., Transport]]:
    made: list[Transport] = []

    def connect(url: Any, **options: Any) -> Transport:
        made.append(Transport(resolve(url, **{"timeout": 2.0, **options}), sleep=naps.append))
        return made[-1]

    yield connect
    for transport in made:
        transport.close()
