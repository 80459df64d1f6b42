from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bucketsnb.api import Api
from bucketsnb.settings import resolve
from bucketsnb.transport import Transport
from tests.stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def connect(stub: Stub) -> Iterator[Callable[..., Api]]:
    made: list[Api] = []

    def connect(url: str | None = None, **options: Any) -> Api:
        settings = resolve(url or stub.url, **{"timeout": 2.0, **options})
        made.append(Api(Transport(settings, sleep=lambda seconds: None)))
        return made[-1]

    yield connect
    for api in made:
        api.transport.close()


@pytest.fixture
def api(connect: Callable[..., Api]) -> Api:
    """Return the endpoints of the stub."""
    return connect()
