"""A store in MongoDB, for a queue that several machines serve: one collection, claims by one `find_one_and_update`.

Any number of `bucketsnb serve` processes may share it. How the server is reached and what its errors mean is in
`server`; how a work becomes a document, in `documents`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, ReadPreference, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from bucketsnb.backend.stores.base import StoreError, UnknownWorks
from bucketsnb.backend.stores.counts import Counts, counts_by_pipeline, counts_of
from bucketsnb.backend.stores.json_stream import json_stream
from bucketsnb.backend.stores.mongo.claim import claim
from bucketsnb.backend.stores.mongo.documents import CODEC, Record, check_changes, document_of, json_of
from bucketsnb.backend.stores.mongo.server import DURABLE, MongoServer, translated
from bucketsnb.backend.works import changes_of, new_records
from bucketsnb.matching import compile_projection, compile_query
from bucketsnb.schema import PARENT_PATH

__all__ = ["MongoStore"]

DATABASE, COLLECTION = "work", "buckets"
"""Where the service itself keeps its works; an address that names a database is followed."""

_AGED = (("creation", ASCENDING), ("_id", ASCENDING))
_COUNTED = [("pipeline", ASCENDING), ("status", ASCENDING), *_AGED]
_INDEXES: Sequence[list[tuple[str, int]]] = (
    # Not unique: on a sharded cluster it could not be, and other programs have left works whose id is null. What keeps
    # ids apart is `_id`, which is the same.
    [("id", ASCENDING)],
    [("pipeline", ASCENDING), ("status", ASCENDING), ("priority", DESCENDING), *_AGED],  # claims
    _COUNTED,
    [("pipeline", ASCENDING), *_AGED],
    [("status", ASCENDING), *_AGED],
    [*_AGED],
    *([(path, ASCENDING), *_AGED] for path in ("event", "tags", PARENT_PATH, "site", "user")),
)
_NEWEST = [("creation", DESCENDING), ("_id", DESCENDING)]
_ALREADY = frozenset({85, 86})
"""An index over the same fields is there, made by someone else in another way."""
_BATCH = 500
"""Documents that the server sends at once, so that few are in memory here."""
_SEARCH_MILLISECONDS = 60_000


class MongoStore:
    """Works in a MongoDB collection that any number of processes and machines may share.

    Its address is as MongoDB writes it: ``mongodb://a,b,c/?replicaSet=rs0``. A database in it is used; else ``work``.
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
            except OperationFailure as error:  # noqa: PERF203 - each index stands for itself
                if error.code not in _ALREADY:
                    raise

    def deposit(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as queued, all or none, and give their new ids in the same order."""
        return self._add(new_records(works))

    def load(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as they are: status and id are kept."""
        records = new_records(works, as_they_are=True)
        self._refuse_known([record["id"] for record in records])
        return self._add(records)

    def _refuse_known(self, ids: Sequence[str]) -> None:
        with translated(self.url):
            if len(set(ids)) < len(ids) or (ids and self.works.find_one({"id": {"$in": ids}}) is not None):
                raise StoreError("two works would have one id; nothing was stored")

    def _add(self, records: Sequence[Record]) -> list[str]:
        documents = [document_of(record, index) for index, record in enumerate(records)]
        with translated(self.url, changing=True):
            if documents:
                self._server.whole(lambda session: self._insert(documents, session))
        return [record["id"] for record in records]

    def _insert(self, documents: Sequence[RawBSONDocument], session: ClientSession | None) -> None:
        try:
            self.works.insert_many(documents, ordered=False, session=session)
        except BaseException:
            if session is None:  # there is no transaction that would take back what is stored
                with contextlib.suppress(PyMongoError):
                    self.works.delete_many({"_id": {"$in": [one["_id"] for one in documents]}})
            raise

    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the first queued work that matches: highest priority, then oldest."""
        return claim(query, self.works, self.url)

    def update(self, works: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of works by id; ids are looked up first, so that an unknown one changes nothing."""
        changes = changes_of(works)
        for index, change in enumerate(changes):
            check_changes(change, index)
        if changes:
            with translated(self.url, changing=True):
                self._server.whole(lambda session: self._set(changes, session))

    def _set(self, changes: Sequence[Record], session: ClientSession | None) -> None:
        current = self._current([change["id"] for change in changes], session)
        if any(_moves(change, current) for change in changes):
            # A cluster that keeps pipelines apart takes a work that moves from one to another only by itself.
            for change in changes:
                self.works.update_one(*_update(change, current), session=session)
        else:
            requests = [UpdateOne(*_update(change, current)) for change in changes]
            self.works.bulk_write(requests, session=session)

    def _current(self, ids: Sequence[str | None], session: ClientSession | None) -> dict[str | None, Record]:
        asked = {"id": {"$in": [one for one in ids if one is not None]}}
        current: dict[str | None, Record] = {
            one["id"]: one for one in self.works.find(asked, {"id": True, "pipeline": True}, session=session)
        }
        missing = [one for one in ids if one not in current]
        if missing:
            raise UnknownWorks(missing)
        return current

    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and say how many there were."""
        with translated(self.url, changing=True):
            return self.works.delete_many({"id": {"$in": list(ids)}}).deleted_count if ids else 0

    def view(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> Generator[bytes, None, None]:
        """Stream one JSON array of the matching works in pieces, newest first."""
        compile_query(query)
        shape = compile_projection(projection)
        return json_stream(
            () if limit == 0 else self._found(dict(query), projection or {}, shape, max(skip, 0), limit or 0)
        )

    def _found(
        self,
        query: Record,
        projection: Mapping[str, Any],
        shape: Callable[[Mapping[str, Any]], Record],
        skip: int,
        limit: int,
    ) -> Iterator[bytes]:
        asked: dict[str, Any] = {"sort": _NEWEST, "skip": skip, "limit": limit, "batch_size": _BATCH}
        if "$regex" in str(query):
            asked["max_time_ms"] = _SEARCH_MILLISECONDS  # a pattern that never ends must
        with (
            translated(self.url),
            self.works.find(query, {**projection, "_id": False}, allow_disk_use=True, **asked) as found,
        ):
            for record in found:
                yield json_of(shape(record))

    def status(self, pipeline: str | None = None) -> Counts:
        """Count works by status, from an index alone."""
        stages: list[Mapping[str, Any]] = [] if pipeline is None else [{"$match": {"pipeline": pipeline}}]
        stages.append({"$group": {"_id": "$status", "n": {"$sum": 1}}})
        with translated(self.url):
            counted = self.works.aggregate(stages, hint=dict(_COUNTED))
            return counts_of((row["_id"], int(row["n"])) for row in counted)

    def statuses(self) -> dict[str, Counts]:
        """Count works by status for each pipeline, from an index alone."""
        each = {"$group": {"_id": {"pipeline": "$pipeline", "status": "$status"}, "n": {"$sum": 1}}}
        with translated(self.url):
            rows = [(row["_id"], int(row["n"])) for row in self.works.aggregate([each], hint=dict(_COUNTED))]
        named = [(of["pipeline"], of.get("status"), n) for of, n in rows if isinstance(of.get("pipeline"), str)]
        return counts_by_pipeline(sorted(named, key=lambda row: row[0]))

    def pipelines(self) -> list[str]:
        """Give the pipelines that have works, in alphabetical order."""
        with translated(self.url):
            return sorted(name for name in self.works.distinct("pipeline") if isinstance(name, str))

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


def _moves(change: Mapping[str, Any], current: Mapping[str | None, Record]) -> bool:
    return "pipeline" in change and change["pipeline"] != current[change["id"]].get("pipeline")


def _update(change: Record, current: dict[str | None, Record]) -> tuple[Record, Record]:
    """Give which work to update, and how; `current` then has it as it will be."""
    before = current[change["id"]]
    which = {"_id": before["_id"]}
    if _moves(change, current):
        which["pipeline"] = before.get("pipeline")
        current[change["id"]] = {**before, "pipeline": change["pipeline"]}
    return which, {"$set": change}
