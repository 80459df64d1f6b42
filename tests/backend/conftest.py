"""The MongoDB-protocol engine, one a test session, and an empty collection on it for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.collection import Collection

from tests.engine import REAL_SERVER, running_engine


@pytest.fixture(scope="session")
def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB-protocol engine, or of the real server that was named."""
    given = nullcontext(REAL_SERVER) if REAL_SERVER else running_engine(tmp_path_factory.mktemp("engine"))
    with given as url:
        yield url


@pytest.fixture
def collection(mongodb_url: str) -> Iterator[Collection[dict[str, Any]]]:
    """An empty collection without indexes, in a database that goes away with it."""
    with pymongo.MongoClient(mongodb_url) as client:
        database = client[f"bucketsnb-test-{uuid4().hex[:12]}"]
        yield database["works"]
        client.drop_database(database.name)
