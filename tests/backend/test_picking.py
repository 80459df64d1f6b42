"""A projection to whole fields passes them on as they are stored, and is the same as one that parses the work."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.stores.sqlite.store import shaper
from bucketsnb.matching import compile_projection
from tests.factory import make_work

PROJECTIONS: list[dict[str, Any]] = [
    {"id": True},
    {"tags": 1, "status": 1.0, "pipeline": True},
    {"results": True, "own field": True, "class": True, "é\n": True},
    {"_id": False, "id": True},
    {"_id": True, "id": True},
    {"not there": True},
    {"results": False},
    {"config.parent": True, "id": True},
]
ODD = make_work(**{"own field": {"b": 1e300, "a": [None, "\u2028"]}, "class": 3, "é\n": "x", "id": None, "results": {}})


@pytest.mark.parametrize("projection", PROJECTIONS, ids=str)
def test_a_projection_is_the_same_by_either_way(projection: dict[str, Any]) -> None:
    shape, project = shaper(projection), compile_projection(projection)
    assert shape is not None
    for work in [*sample_works(50), ODD]:
        assert json.loads(shape(msgspec.json.encode(work))) == project(work)


def test_the_fields_of_a_work_keep_their_order() -> None:
    shape = shaper({"tags": True, "id": True, "pipeline": True})
    assert shape is not None
    assert list(json.loads(shape(msgspec.json.encode(ODD)))) == ["pipeline", "tags", "id"]
