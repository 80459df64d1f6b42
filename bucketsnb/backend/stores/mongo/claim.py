"""Claim a queued work in a MongoDB collection by one `find_one_and_update`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from bucketsnb.backend.stores.mongo.documents import Record, json_of
from bucketsnb.backend.stores.mongo.server import translated
from bucketsnb.matching import compile_query

__all__ = ["claim"]

_FIRST = [("priority", DESCENDING), ("creation", ASCENDING), ("_id", ASCENDING)]
_NO_SHARD_KEY = 61
_ATTEMPTS = {"$cond": [{"$isNumber": "$attempt"}, "$attempt", 0]}


def claim(query: Mapping[str, Any], works: Collection[Record], url: str) -> bytes | None:
    """Claim the first queued work that matches, and give its JSON after that; None if there is none.

    It is never tried again by us: where the answer was lost, the work may be claimed already. A replica set knows which
    claims it has answered, so there the driver tries it once more by itself.
    """
    compile_query(query)
    wanted = _of_one_pipeline(query)
    queued = {"status": "queued"}
    asked = {"$and": [queued, wanted]} if "status" in wanted else {**queued, **wanted}
    with translated(url):
        try:
            record = _claimed(works, asked)
        except OperationFailure as error:
            if error.code != _NO_SHARD_KEY:
                raise
            record = _claimed_on_one_shard(works, asked)
    return None if record is None else json_of(record)


def _claimed_on_one_shard(works: Collection[Record], query: Mapping[str, Any]) -> Record | None:
    """Look first, as older clusters claim only where the shard key is given; go on if another was quicker."""
    while (first := works.find_one(query, {"pipeline": True}, sort=_FIRST)) is not None:
        if (record := _claimed(works, {"$and": [query, first]})) is not None:
            return record
    return None


def _claimed(works: Collection[Record], query: Mapping[str, Any]) -> Record | None:
    change = {
        "status": "running",
        "start": time.time(),
        "stop": None,
        # Works of other programs may have neither.
        "attempt": {"$add": [_ATTEMPTS, 1]},
        "id": {"$ifNull": ["$id", {"$toString": "$_id"}]},
    }
    found: Record | None = works.find_one_and_update(
        query, [{"$set": change}], projection={"_id": False}, sort=_FIRST, return_document=ReturnDocument.AFTER
    )
    return found


def _of_one_pipeline(query: Mapping[str, Any]) -> dict[str, Any]:
    """Say a list of one pipeline as the pipeline itself, which is what a cluster finds its shard by."""
    wanted = query.get("pipeline")
    names = wanted.get("$in") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
        return {**query, "pipeline": names[0]}
    return dict(query)
