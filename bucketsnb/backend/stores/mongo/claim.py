"""Claim a queued work in a MongoDB collection by one `find_one_and_update`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from bucketsnb.backend.stores.base import WouldWait
from bucketsnb.backend.stores.mongo.documents import Record, json_of
from bucketsnb.backend.stores.mongo.server import translated
from bucketsnb.matching import compile_query

__all__ = ["MongoWithdrawal"]

_FIRST = [("priority", DESCENDING), ("creation", ASCENDING), ("_id", ASCENDING)]
_NO_SHARD_KEY = 61
_ATTEMPTS = {"$cond": [{"$isNumber": "$attempt"}, "$attempt", 0]}


class MongoWithdrawal:
    """A withdrawal by one query; every call claims one work.

    Parameters
    ----------
    query
        Which queued works may be claimed.
    works
        Where they are.
    url
        Address of the server, for messages.

    Raises
    ------
    QueryNotUnderstood
        If the query cannot be decided exactly.
    """

    at_once = True

    def __init__(self, query: Mapping[str, Any], works: Collection[Record], url: str) -> None:
        compile_query(query)
        wanted = _of_one_pipeline(query)
        queued = {"status": "queued"}
        self._query = {"$and": [queued, wanted]} if "status" in wanted else {**queued, **wanted}
        self._works = works
        self._url = url

    def __call__(self) -> bytes | None:
        """Claim the first queued work that matches, and give its JSON after that; None if there is none.

        It is never tried again by us: where the answer was lost, the work may be claimed already. A replica set knows
        which claims it has answered, so there the driver tries it once more by itself.
        """
        with translated(self._url):
            try:
                record = self._claimed({})
            except OperationFailure as error:
                if error.code != _NO_SHARD_KEY:
                    raise
                record = self._claimed_on_one_shard()
        return None if record is None else json_of(record)

    def now(self) -> bytes | None:
        """Refuse: another machine is always waited for."""
        raise WouldWait

    def _claimed_on_one_shard(self) -> Record | None:
        """Look first, as older clusters claim only where the shard key is given; go on if another was quicker."""
        while (first := self._works.find_one(self._query, {"pipeline": True}, sort=_FIRST)) is not None:
            if (record := self._claimed(first)) is not None:
                return record
        return None

    def _claimed(self, which: Mapping[str, Any]) -> Record | None:
        claim = {
            "status": "running",
            "start": time.time(),
            "stop": None,
            # Works of other programs may have neither.
            "attempt": {"$add": [_ATTEMPTS, 1]},
            "id": {"$ifNull": ["$id", {"$toString": "$_id"}]},
        }
        found: Record | None = self._works.find_one_and_update(
            {"$and": [self._query, which]} if which else self._query,
            [{"$set": claim}],
            projection={"_id": False},
            sort=_FIRST,
            return_document=ReturnDocument.AFTER,
        )
        return found


def _of_one_pipeline(query: Mapping[str, Any]) -> dict[str, Any]:
    """Say a list of one pipeline as the pipeline itself, which is what a cluster finds its shard by."""
    wanted = query.get("pipeline")
    names = wanted.get("$in") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
        return {**query, "pipeline": names[0]}
    return dict(query)
