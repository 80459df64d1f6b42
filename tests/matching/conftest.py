"""An empty collection on the MongoDB-protocol engine for a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.collection import Collection


@pytest.fixture
def collection(mongodb_url: str) -> Iterator[Collection[dict[str, Any]]]:
    """An empty collection without indexes, in a database that goes away with it."""
    with pymongo.MongoClient(mongodb_url) as client:
        database = client[f"bucketsnb-test-{uuid4().hex[:12]}"]
        yield database["works"]
        client.drop_database(database.name)
