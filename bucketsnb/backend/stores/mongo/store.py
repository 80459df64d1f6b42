"""A store in MongoDB, for a queue that several machines serve: one collection, claims by one `find_one_and_update`.

`server` has the connection and the meaning of errors; `documents` converts works to documents and back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, ReadPreference, ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from bucketsnb.backend.stores.base import Store, StoreError, UnknownWorks
from bucketsnb.backend.stores.mongo.documents import CODEC, Record, check_changes, document_of, json_of
from bucketsnb.backend.stores.mongo.server import DURABLE, MongoServer, translated
from bucketsnb.matching import Matcher, compile_projection, compile_query
from bucketsnb.schema import PARENT_PATH

__all__ = ["MongoStore"]

DATABASE, COLLECTION = "work", "buckets"
"""Where the service itself keeps its works; an address may name another database."""

_AGED = (("creation", ASCENDING), ("_id", ASCENDING))
_COUNTED = [("pipeline", ASCENDING), ("status", ASCENDING), *_AGED]
_INDEXES: Sequence[list[tuple[str, int]]] = (
    # Not unique: on a sharded cluster it could not be, and other programs have left works whose id is null. Ids are
    # unique because `_id`, which is made from the id, is.
    [("id", ASCENDING)],
    [("pipeline", ASCENDING), ("status", ASCENDING), ("priority", DESCENDING), *_AGED],  # claims
    _COUNTED,
    [("pipeline", ASCENDING), *_AGED],
    [("status", ASCENDING), *_AGED],
    [*_AGED],
    *([(path, ASCENDING), *_AGED] for path in ("event", "tags", PARENT_PATH, "site", "user")),
)
_NEWEST = [("creation", DESCENDING), ("_id", DESCENDING)]
_FIRST = [("priority", DESCENDING), *_AGED]
_ALREADY = frozenset({85, 86})
"""Error codes: an index on the same fields exists with other options."""
_NO_SHARD_KEY = 61
_BATCH = 500
"""Documents that the server sends at once: a small number, so that few are in memory."""
_SEARCH_MILLISECONDS = 60_000
"""Longest search by a regular expression."""


class MongoStore(Store):
    """Works in a MongoDB collection that any number of processes and machines may share.

    The address is in the form of MongoDB: ``mongodb://a,b,c/?replicaSet=rs0``. It may name a database; the default is
    ``work``. On a single server without a replica set, an update of several works that fails may be made in part.
    """

    def __init__(self, address: str) -> None:
        self._server = MongoServer(address)
        self.url = self._server.url
        database = self._server.client.get_default_database(DATABASE)
        self.works: Collection[Record] = database.get_collection(
            COLLECTION, codec_options=CODEC, read_preference=ReadPreference.PRIMARY, write_concern=DURABLE
        )
        try:
            with translated(self.url):
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        for keys in _INDEXES:
            try:
                self.works.create_index(keys)
            except OperationFailure as error:  # noqa: PERF203 - each index may exist already
                if error.code not in _ALREADY:
                    raise

    def _add(self, records: Sequence[Record]) -> None:
        documents = [document_of(record, index) for index, record in enumerate(records)]
        with translated(self.url, changing=True):
            if documents:
                self._server.in_transaction(lambda session: self._insert(documents, session))

    def _insert(self, documents: Sequence[RawBSONDocument], session: ClientSession | None) -> None:
        same_ids = {"_id": {"$in": [document["_id"] for document in documents]}}
        if session is None and self.works.find_one(same_ids) is not None:
            raise StoreError("two works would have one id; nothing was stored")
        try:
            self.works.insert_many(documents, ordered=False, session=session)
        except BaseException:
            if session is None:  # there is no transaction that would undo what was stored
                with contextlib.suppress(PyMongoError):
                    self.works.delete_many(same_ids)
            raise

    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the first queued work that matches.

        This method never tries again: if the answer was lost, the work may be claimed already. A replica set recognises
        a claim that is sent again, so the driver sends it once more to a replica set.
        """
        compile_query(query)
        wanted = _of_one_pipeline(query)
        asked = {"$and": [{"status": "queued"}, wanted]} if "status" in wanted else {"status": "queued", **wanted}
        with translated(self.url):
            try:
                record = self._claimed(asked)
            except OperationFailure as error:
                if error.code != _NO_SHARD_KEY:
                    raise
                record = self._claimed_on_one_shard(asked)
        return None if record is None else json_of(record)

    def _claimed_on_one_shard(self, query: Mapping[str, Any]) -> Record | None:
        """Read the first work, then claim it, as older clusters need the shard key; try again if another claimed it."""
        while (first := self.works.find_one(query, {"pipeline": True}, sort=_FIRST)) is not None:
            if (record := self._claimed({"$and": [query, first]})) is not None:
                return record
        return None

    def _claimed(self, query: Mapping[str, Any]) -> Record | None:
        change = {
            "status": "running",
            "start": time.time(),
            "stop": None,
            # Works of other programs may have neither of these two.
            "attempt": {"$add": [{"$cond": [{"$isNumber": "$attempt"}, "$attempt", 0]}, 1]},
            "id": {"$ifNull": ["$id", {"$toString": "$_id"}]},
        }
        found: Record | None = self.works.find_one_and_update(
            query, [{"$set": change}], projection={"_id": False}, sort=_FIRST, return_document=ReturnDocument.AFTER
        )
        return found

    def _change(self, changes: Sequence[Record]) -> None:
        for index, change in enumerate(changes):
            check_changes(change, index)
        if changes:
            with translated(self.url, changing=True):
                self._server.in_transaction(lambda session: self._set(changes, session))

    def _set(self, changes: Sequence[Record], session: ClientSession | None) -> None:
        current = self._current([change["id"] for change in changes], session)
        if any(_changes_pipeline(change, current) for change in changes):
            # A cluster that is sharded by pipeline moves a work to another pipeline only in a request of its own.
            for change in changes:
                self.works.update_one(*_update(change, current), session=session)
        else:
            requests = [UpdateOne(*_update(change, current)) for change in changes]
            self.works.bulk_write(requests, session=session)

    def _current(self, ids: Sequence[str | None], session: ClientSession | None) -> dict[str | None, Record]:
        asked = {"id": {"$in": [work_id for work_id in ids if work_id is not None]}}
        current: dict[str | None, Record] = {
            found["id"]: found for found in self.works.find(asked, {"id": True, "pipeline": True}, session=session)
        }
        missing = [work_id for work_id in ids if work_id not in current]
        if missing:
            raise UnknownWorks(missing)
        return current

    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and return how many there were."""
        with translated(self.url, changing=True):
            return self.works.delete_many({"id": {"$in": list(ids)}}).deleted_count if ids else 0

    def _newest(
        self, query: Mapping[str, Any], matches: Matcher, projection: Mapping[str, Any], skip: int, limit: int | None
    ) -> Generator[bytes, None, None]:
        project = compile_projection(projection)
        asked: dict[str, Any] = {"sort": _NEWEST, "skip": skip, "limit": limit or 0, "batch_size": _BATCH}
        if "$regex" in str(query):
            asked["max_time_ms"] = _SEARCH_MILLISECONDS  # interrupts a pattern that is too slow
        with (
            translated(self.url),
            self.works.find(query, {**projection, "_id": False}, allow_disk_use=True, **asked) as found,
        ):
            for record in found:
                yield json_of(project(record))

    def _numbers(self, pipeline: str | None) -> Iterable[tuple[Any, Any, int]]:
        stages: list[Mapping[str, Any]] = [] if pipeline is None else [{"$match": {"pipeline": pipeline}}]
        stages.append({"$group": {"_id": {"pipeline": "$pipeline", "status": "$status"}, "n": {"$sum": 1}}})
        with translated(self.url):
            rows = list(self.works.aggregate(stages, hint=dict(_COUNTED)))  # reads an index and no works
        return [(row["_id"].get("pipeline"), row["_id"].get("status"), int(row["n"])) for row in rows]

    def audit_failed(self) -> int:
        """Queue again the failed works with attempts left."""
        left = {"$expr": {"$lt": ["$attempt", "$retries"]}}
        return self._audit({"status": "failure", **left}, {"$set": {"status": "queued"}})

    def audit_expired(self) -> int:
        """Fail the running works past their timeout."""
        numbers = {"start": {"$type": "number"}, "timeout": {"$type": "number"}}
        past = {"$expr": {"$lt": [{"$add": ["$start", "$timeout"]}, time.time()]}}
        return self._audit({"status": "running", **numbers, **past}, {"$set": {"status": "failure"}})

    def audit_stale(self, days: float) -> int:
        """Fail the queued and running works created more than so many days ago, with their attempts used up."""
        old = {"status": {"$in": ["queued", "running"]}, "creation": {"$lt": time.time() - days * 86_400}}
        used_up = {"status": "failure", "attempt": {"$max": ["$attempt", "$retries"]}}
        return self._audit(old, [{"$set": used_up}])

    def _audit(self, query: Record, change: Record | list[Record]) -> int:
        with translated(self.url, changing=True):
            return self.works.update_many(query, change).modified_count

    def clear(self) -> None:
        """Remove every work."""
        with translated(self.url, changing=True):
            self.works.delete_many({})

    def close(self) -> None:
        """Close the connections."""
        self._server.client.close()


def _of_one_pipeline(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query with a list of one pipeline replaced by that pipeline, by which a cluster finds the shard."""
    wanted = query.get("pipeline")
    names = wanted.get("$in") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
        return {**query, "pipeline": names[0]}
    return dict(query)


def _changes_pipeline(change: Mapping[str, Any], current: Mapping[str | None, Record]) -> bool:
    return "pipeline" in change and change["pipeline"] != current[change["id"]].get("pipeline")


def _update(change: Record, current: dict[str | None, Record]) -> tuple[Record, Record]:
    """Return the filter and the update of a work; if its pipeline changes, `current` is given the new one."""
    before = current[change["id"]]
    which = {"_id": before["_id"]}
    if _changes_pipeline(change, current):
        which["pipeline"] = before.get("pipeline")
        current[change["id"]] = {**before, "pipeline": change["pipeline"]}
    return which, {"$set": change}
