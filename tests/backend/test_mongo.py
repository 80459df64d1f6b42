"""The store in MongoDB, where it differs from the one in a file: documents, works of other programs, refusals."""

from __future__ import annotations

import json
import math
import re
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pymongo
import pytest
from bson import Code, Decimal128, Int64, ObjectId, Timestamp
from bson.datetime_ms import DatetimeMS
from pymongo.errors import OperationFailure

from bucketsnb.addresses import without_login
from bucketsnb.backend.stores.base import StoreError, StoreUnavailable, UnknownWorks
from bucketsnb.backend.stores.mongo.store import MongoStore
from bucketsnb.backend.stores.open import open_store
from bucketsnb.backend.works import WorkRefused, WorkTooLarge
from bucketsnb.matching import QueryNotUnderstood
from tests.factory import make_work, make_works
from tests.patience import within


@pytest.fixture(scope="module")
def opened(mongodb_store: str) -> Iterator[MongoStore]:
    store = MongoStore(mongodb_store)
    yield store
    store.close()


@pytest.fixture
def store(opened: MongoStore) -> MongoStore:
    opened.clear()
    return opened


def works_of(store: MongoStore, query: dict[str, Any] | None = None, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(b"".join(store.view(query or {}, **asked)))
    return found


ANY_JSON = {
    "order": {"z": 1, "a": 2, "m": {"2": 1, "1": 2}},
    "large": [2**31, 2**53 + 1, 2**63 - 1, -(2**63)],
    "numbers": [0, -0.0, 1.0, 1e-300, 1.7976931348623157e308, 0.1],
    "dotted.name": {"a.b": 1, "$dollar": 2, "": 3},
    "text": "a\0b \u2028 \U0001f52d é",
    "nothing": None,
    "empty": [{}, [], ""],
    "booleans": [True, False],
}


def test_any_json_comes_back_as_it_went_in(store: MongoStore) -> None:
    sent = make_work(parameters=ANY_JSON, results=ANY_JSON)
    (one,) = store.deposit([sent])
    expected = {**sent, "id": one, "status": "queued"}
    assert json.dumps([expected]) == json.dumps(works_of(store))


def test_the_key_of_a_document_is_the_id_of_its_work(store: MongoStore) -> None:
    (one,) = store.deposit([make_work()])
    document = store.works.find_one({})
    assert document is not None
    assert (ObjectId(one), one) == (document["_id"], document["id"])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"a\0b": 1}, WorkRefused), (list(range(2_000_000)), WorkTooLarge)],
    ids=["a null in a name", "larger as a document than as JSON"],
)
def test_what_a_document_cannot_be_is_refused_before_any_is_sent(
    store: MongoStore, wrong: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"works\[1\]"):
        store.deposit([make_work(), make_work(results=wrong)])
    assert works_of(store) == []


@pytest.mark.parametrize("name", ["a.b", "$set", ""])
def test_a_field_that_would_be_read_as_a_path_is_not_updated(store: MongoStore, name: str) -> None:
    first, second = store.deposit(make_works(2, user="before"))
    with pytest.raises(WorkRefused, match=r"works\[1\] has a field named"):
        store.update([{"id": first, "user": "after"}, {"id": second, name: 1}])
    assert {"before"} == {work["user"] for work in works_of(store)}


def test_an_update_that_makes_a_work_too_large_changes_none(store: MongoStore) -> None:
    first, second = store.deposit([make_work(user="before"), make_work(user="before", results="x" * 9_000_000)])
    with pytest.raises(WorkTooLarge):
        store.update([{"id": first, "user": "after"}, {"id": second, "user": "after", "products": "x" * 9_000_000}])
    assert [work["user"] for work in works_of(store, projection={"user": True})] == ["before", "before"]


def test_a_work_moves_to_another_pipeline_and_on(store: MongoStore) -> None:
    first, second = store.deposit(make_works(2, pipeline="a"))
    store.update(
        [{"id": first, "pipeline": "b"}, {"id": second, "user": "x"}, {"id": first, "pipeline": "c", "user": "y"}]
    )
    assert {first: ("c", "y"), second: ("a", "x")} == {
        work["id"]: (work["pipeline"], work["user"]) for work in works_of(store)
    }


def test_an_id_that_is_taken_is_not_loaded_and_its_work_stays(store: MongoStore) -> None:
    (one,) = store.deposit([make_work(user="first")])
    for again in ([make_work(id=one)], [make_work(), make_work(id=one)], [make_work(id="x"), make_work(id="x")]):
        with pytest.raises(StoreError, match=r"duplicate key|one id"):
            store.load(again)
    assert [work["user"] for work in works_of(store)] == ["first"]


FOREIGN = {
    "big": Int64(0),
    "id_of_another": ObjectId("0123456789abcdef01234567"),
    "when": datetime(2026, 1, 2, tzinfo=timezone.utc),
    "far": DatetimeMS(10**16),
    "stamp": Timestamp(5, 1),
    "exact": Decimal128("1.5"),
    "code": Code("x"),
    "bytes": b"\0\xff",
    "not a number": math.nan,
    "pattern": re.compile("a"),
}


def test_what_other_programs_left_is_answered_as_json(store: MongoStore) -> None:
    store.works.insert_one({**make_work(), "id": "other", "creation": 5, "start": FOREIGN["when"], "results": FOREIGN})
    (work,) = works_of(store)
    assert {name: work["results"][name] for name in FOREIGN if name not in ("code", "pattern", "when")} == {
        "big": 0,
        "id_of_another": "0123456789abcdef01234567",
        "far": 10**13,
        "stamp": 5.0,
        "exact": 1.5,
        "bytes": "AP8=",
        "not a number": None,
    }
    assert json.dumps([work["creation"], work["start"]]) == "[5.0, 1767312000.0]"


def test_a_work_of_another_program_without_id_or_attempts_is_claimed(store: MongoStore) -> None:
    key = store.works.insert_one({"pipeline": "p", "status": "queued", "id": None, "attempt": None}).inserted_id
    claimed = store.withdraw({"pipeline": "p"})
    assert claimed is not None
    work = json.loads(claimed)
    assert (work["id"], work["status"], work["attempt"]) == (str(key), "running", 1)
    assert store.withdraw({"pipeline": "p"}) is None


def test_odd_works_of_other_programs_do_not_spoil_counts_and_audits(store: MongoStore) -> None:
    odd: list[dict[str, Any]] = [
        {"status": {"a": 1}, "pipeline": None},
        {"status": "running", "start": "now", "timeout": "long"},
        {"status": "running", "pipeline": "p", "start": 1.0, "timeout": 1, "attempt": 1, "retries": 1},
    ]
    store.works.insert_many(odd)
    assert (store.audit_expired(), store.audit_failed(), store.audit_stale(1)) == (1, 0, 0)
    assert {name: n for name, n in store.status().items() if n} == {"total": 3, "failure": 1, "running": 1}
    assert store.pipelines() == ["p"]


def test_a_collection_with_indexes_of_its_own_is_taken(mongodb_url: str) -> None:
    with pymongo.MongoClient(mongodb_url) as client:
        name = "bucketsnb-test-indexed"
        client[name]["buckets"].create_index([("id", 1)], unique=True)
        hosts, _, options = mongodb_url.partition("?")
        store = MongoStore(f"{hosts}{name}?{options}")
        assert len(store.deposit(make_works(2))) == 2
        store.close()
        client.drop_database(name)


def test_the_indexes_hold_no_key_that_a_sharded_cluster_refuses(store: MongoStore) -> None:
    made = store.works.index_information()
    assert [name for name, index in made.items() if index.get("unique") and name != "_id_"] == []
    assert ["pipeline", "status", "priority", "creation", "_id"] in [
        [path for path, _ in index["key"]] for index in made.values()
    ]


def test_a_cluster_that_wants_its_shard_key_is_given_it(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster can be had for tests, so its refusal is played; what is claimed after it is real."""
    ids = store.deposit([make_work(pipeline=name, priority=priority) for name, priority in (("a", 1), ("b", 5))])
    claim, asked = store.works.find_one_and_update, []

    def of_a_shard(query: dict[str, Any], *rest: Any, **options: Any) -> Any:
        asked.append(query)
        if "$and" not in query:
            raise OperationFailure("Query for sharded findAndModify must contain the shard key", 61)
        return claim(query, *rest, **options)

    monkeypatch.setattr(store.works, "find_one_and_update", of_a_shard)
    claimed = [store.withdraw({"pipeline": {"$in": ["a", "b"]}}) for _ in range(3)]
    assert [ids[1], ids[0], None] == [work and json.loads(work)["id"] for work in claimed]
    assert {"_id": ObjectId(ids[1]), "pipeline": "b"} == asked[1]["$and"][1]


def test_one_pipeline_in_a_list_is_asked_for_as_itself(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = []
    monkeypatch.setattr(store.works, "find_one_and_update", lambda query, *_, **__: queries.append(query))
    store.withdraw({"pipeline": {"$in": ["a"]}, "site": "kko"})
    assert queries == [{"status": "queued", "pipeline": "a", "site": "kko"}]


GOING = OperationFailure("not primary", 10_107, {"errorLabels": ["TransientTransactionError"]})
"""What a server says that hands over to another."""


def test_a_deposit_amid_a_change_of_the_primary_is_stored_once(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, calls = store.works.insert_many, []

    def losing(*given: Any, **options: Any) -> Any:
        calls.append(1)
        done = insert(*given, **options)
        if len(calls) == 1:
            raise GOING
        return done

    monkeypatch.setattr(store.works, "insert_many", losing)
    (one,) = store.deposit([make_work()])
    assert (len(calls), [one]) == (2, [work["id"] for work in works_of(store)])


def test_a_deposit_does_not_wait_for_ever_for_a_primary(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_given: Any, **_options: Any) -> Any:
        raise GOING

    monkeypatch.setattr(store.works, "insert_many", refused)
    monkeypatch.setattr("bucketsnb.backend.stores.mongo.server._PATIENCE", 0.5)
    with within(20), pytest.raises(StoreUnavailable, match="has no primary now"):
        store.deposit([make_work()])


def test_a_deposit_that_fails_half_way_leaves_nothing(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = store.works.insert_many

    def failing(documents: list[Any], **options: Any) -> Any:
        insert(documents[:2], **options)
        raise OperationFailure("no", 8000)

    monkeypatch.setattr(store.works, "insert_many", failing)
    with pytest.raises(StoreError):
        store.deposit(make_works(4))
    monkeypatch.setattr(store._server, "transactions", False)
    with pytest.raises(StoreError):
        store.deposit(make_works(4))
    assert works_of(store) == []


def test_an_update_of_an_unknown_id_says_which(store: MongoStore) -> None:
    with pytest.raises(UnknownWorks, match="nobody"):
        store.update([{"id": "nobody"}])


@pytest.mark.slow
def test_a_view_of_many_works_holds_few_of_them(store: MongoStore) -> None:
    store.deposit(make_works(5_000, results={"text": "x" * 4_000}))
    tracemalloc.start()
    size = sum(len(piece) for piece in store.view({}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 20_000_000
    assert peak < 12_000_000


def test_a_query_too_large_to_send_blames_the_query(store: MongoStore) -> None:
    with pytest.raises(QueryNotUnderstood, match="too large"):
        list(store.view({"user": {"$in": ["x" * 100_000] * 200}}))


ADDRESSES = {
    "mongodb://h": "mongodb://h",
    "mongodb://me:pass-word@h:1,i:2/works?replicaSet=rs0": "mongodb://h:1,i:2/works",
    "mongodb://me:pass-word@h/?authSource=admin": "mongodb://h",
    "mongodb+srv://me:pass-word@h/works": "mongodb+srv://h/works",
    "mongodb://me:pass-word@[::1]:5": "mongodb://[::1]:5",
    "mongodb://me:pa/ss-word@h/works": "mongodb://...",
    "mongodb://me:pa?ss-word@h/works": "mongodb://...",
    "mongodb://me:pa@ss-word@h/works": "mongodb://...",
    "mongodb://h/?tlsCertificateKeyFilePassword=pass@word": "mongodb://...",
}


@pytest.mark.parametrize(("address", "shown"), ADDRESSES.items())
def test_no_password_is_in_the_address_that_is_shown(address: str, shown: str) -> None:
    assert shown == without_login(address)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("mongodb://me:pa/ss-word@127.0.0.1:9", ValueError),
        ("mongodb://me:ss-word@127.0.0.1:x/", ValueError),
        ("mongodb://me:ss-word@127.0.0.1:9/?serverSelectionTimeoutMS=50", StoreUnavailable),
    ],
)
def test_no_password_is_in_an_error(address: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        open_store(address)
    seen: BaseException | None = caught.value
    texts = []
    while seen is not None:
        texts.append(str(seen))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert "ss-word" not in " ".join(texts)


def test_a_server_that_is_away_is_said_within_its_time(mongodb_store: str) -> None:
    with within(20), pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9 does not answer"):
        open_store("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200")
