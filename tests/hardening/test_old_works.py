"""Works of every era of the public clients, and what no client would send: viewed, framed, deleted, put back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import reduce
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.backend.stores.sqlite.narrowing import Condition
from bucketsnb.errors import WorkError
from bucketsnb.frames import to_records
from tests.factory import make_work

pytestmark = pytest.mark.slow

PIPELINE = "of-old-times"
BASE = make_work(pipeline=PIPELINE, status="failure", attempt=1)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in BASE.items() if name not in names}


ERAS: dict[str, dict[str, Any]] = {
    "2.0, flat": {
        **without("function", "command", "notify"),
        "path": ".",
        "group": "chimefrb",
        "archive": True,
        "precursors": [{"id": "x"}],
        "config": "settings.yml",
        "site": "allenby",
    },
    "2.10, flat, nulls": {**without("notify"), "path": ".", "config": None, "precursors": None, "archive": False},
    "first attempt is 1": {**BASE, "attempt": 1, "start": None},
    "3.x": {**BASE, "config": {"archive": {"results": "pass", "products": "upload"}, "metrics": True}},
    "1.8, strategy": {**BASE, "config": {**BASE["config"], "strategy": "relaxed"}},
    "archived logs": {**BASE, "config": {"archive": {"logs": "bypass"}}, "notify": {}},
    "bare": {"pipeline": PIPELINE, "creation": 1.5, "status": "failure"},
    "without most fields": without("results", "plots", "products", "parameters", "user", "site", "event", "tags"),
    "alone instead of lists": {**BASE, "event": 5, "tags": "alone", "user": 7, "site": ["a"]},
    "huge results": {**BASE, "results": {"data": "x" * 4_000_000, "numbers": [0.1] * 100_000}},
    "numbers that JSON tells apart": {**BASE, "results": [1e300, -0.0, 1.0, 1, True, 2**63 - 1, -(2**63)]},
    "odd text": {**BASE, "results": {"\u202e<b>": "\x00\n\ud7ff😀", "": None, " ": []}},
    "negative retries": {**BASE, "retries": -3},
    "unknown fields": {**BASE, "zzz": {"a": [{}]}, "_x": 1, "$y": 2, "a.b": 3},
    "as deep as may be": {**BASE, "results": reduce(lambda inner, _: [inner], range(90), 1)},
}

UNTAKEN: dict[str, dict[str, Any]] = {
    "times as text": {"creation": "2022-01-01T00:00:00", "start": "yesterday"},
    "numbers as text": {"priority": "high", "timeout": "3600", "retries": None, "attempt": None},
    "a status of another time": {"status": "paused"},
    "more than 64 bits": {"results": 2**80},
    "a long priority": {"priority": 99},
}
"""What a store may hold from other times and other programs, and the service would not take today."""


def whole(records: list[dict[str, Any]]) -> list[str]:
    """Return works as JSON, to the byte, but for the one thing that an undo cannot put back."""
    return sorted(json.dumps({**record, "id": None}, sort_keys=True) for record in records)


def whole_with_ids(records: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def insert(backend: LocalBackend, record: Mapping[str, Any], key: str = "") -> None:
    """Put a work into the file as another program would, past all that the store checks."""
    columns = "id, pipeline, status, priority, creation, start, timeout, attempt, retries, irregular, body"
    named = key or str(record.get("id"))
    row = (named, PIPELINE, "failure", 3, 5.0, None, 3600, 1, 2, 1, json.dumps(record))
    with closing(sqlite3.connect(backend.store.path, timeout=60)) as file, file:  # type: ignore[attr-defined]
        file.execute(f"INSERT INTO works ({columns}) VALUES ({', '.join('?' * len(row))})", row)


def read(buckets: Buckets) -> list[dict[str, Any]]:
    return buckets.api.view({}, limit=None)


@pytest.mark.parametrize("work", ERAS.values(), ids=ERAS)
def test_a_work_of_any_era_is_seen_deleted_and_put_back_to_the_byte(
    backend: LocalBackend, buckets: Buckets, work: dict[str, Any]
) -> None:
    backend.store.load([work, make_work(pipeline=PIPELINE, status="failure", attempt=2)])
    before = whole(read(buckets))
    frame = buckets.view({"pipeline": PIPELINE})
    assert whole(to_records(frame)) == before
    for change in (buckets.plan_delete(frame), buckets.plan_requeue(pipeline=PIPELINE)):
        assert change.count == 2
        assert PIPELINE in f"{frame!r} {frame._repr_html_()} {change} {change._repr_html_()}"
        assert not any("may not bring" in note for note in change.notes)
    receipt = buckets.plan_delete(frame).apply()
    assert read(buckets) == []
    assert receipt.undo().ok
    assert whole(read(buckets)) == before
    assert buckets.plan_requeue(pipeline=PIPELINE).apply().undo().ok
    assert whole(read(buckets)) == before
    edited = buckets.plan_update(buckets.view({}).assign(priority=5)).apply()
    assert (edited.ok, whole(read(buckets))) == (
        True,
        whole([{**one, "priority": 5} for one in map(json.loads, before)]),
    )
    assert edited.undo().ok
    assert whole(read(buckets)) == before


@pytest.mark.parametrize("changes", UNTAKEN.values(), ids=UNTAKEN)
def test_a_work_that_cannot_be_put_back_is_said_before_and_holds_up_no_other(
    backend: LocalBackend, buckets: Buckets, changes: dict[str, Any]
) -> None:
    odd = {**BASE, "id": "5" * 24, **changes}
    backend.store.load([make_work(pipeline=PIPELINE, status="failure", user=f"user-{n}") for n in range(9)])
    regular = whole(read(buckets))
    insert(backend, odd)
    frame = buckets.view({})
    assert whole(to_records(frame)) == sorted([*regular, *whole([odd])])
    plan = buckets.plan_delete({}, allow_all=True)
    assert any(note.startswith("1 of them is not as the service takes works today") for note in plan.notes)
    receipt = plan.apply()
    undone = receipt.undo()
    assert {word: number for word, number in undone.counts.items() if number} == {"done": 9, "refused": 1}
    assert set(regular) <= set(whole(read(buckets)))
    assert whole([fate.before.record for fate in receipt.results if fate.id == odd["id"] and fate.before]) == whole(
        [odd]
    )


@pytest.mark.parametrize("status", [{"a": 1}, ["failure"], None, 3])
def test_a_requeue_leaves_out_a_work_whose_status_is_no_word(
    backend: LocalBackend, buckets: Buckets, status: Any
) -> None:
    (failed,) = backend.store.load([make_work(pipeline=PIPELINE, status="failure")])
    insert(backend, {**BASE, "id": "5" * 24, "status": status})
    plan = buckets.plan_requeue([failed, "5" * 24])
    assert (plan.ids, [left.id for left in plan.left_out]) == ([failed], ["5" * 24])


def test_a_work_without_an_id_is_shown_and_left_out_of_changes(backend: LocalBackend, buckets: Buckets) -> None:
    (named,) = backend.store.load([make_work(pipeline=PIPELINE)])
    insert(backend, {**BASE, "id": None})
    assert sorted(buckets.view({}).id.isna()) == [False, True]
    plan = buckets.plan_delete({}, allow_all=True)
    assert ([named], 1) == (plan.ids, len(plan.left_out))
    assert plan.apply().ok
    assert len(read(buckets)) == 1


NAMELESS: dict[str, Any] = {
    "a number": 7,
    "a fraction": 1.5,
    "true": True,
    "a list": ["a"],
    "as MongoDB writes it": {"$oid": "5" * 24},
    "empty": "",
    "null": None,
}


@pytest.mark.parametrize("value", NAMELESS.values(), ids=NAMELESS)
def test_a_work_that_no_request_can_name_is_named_to_the_reader_and_holds_up_no_other(
    backend: LocalBackend, buckets: Buckets, value: Any
) -> None:
    ids = backend.store.load([make_work(pipeline=PIPELINE, status="failure") for _ in range(3)])
    odd = {**BASE, "id": value}
    insert(backend, odd)
    frame = buckets.view({})
    assert whole_with_ids(to_records(frame)) == whole_with_ids(read(buckets))
    assert odd in to_records(frame)
    assert (len(frame), buckets.count({})) == (4, 4)
    said = f"has the id {value if isinstance(value, float) else json.dumps(value)}, not text" if value else "has no id"
    for plan in (
        buckets.plan_delete(frame),
        buckets.plan_delete(pipeline=PIPELINE),
        buckets.plan_requeue(frame),
        buckets.plan_requeue(pipeline=PIPELINE),
    ):
        assert sorted(plan.ids) == ids
        assert [left.id for left in plan.left_out] == [None]
        assert said in str(plan)
        assert "have it given an id there" in str(plan)
    assert buckets.plan_requeue(pipeline=PIPELINE).apply().ok
    assert buckets.plan_delete(pipeline=PIPELINE).apply().ok
    assert read(buckets) == [odd]


def test_an_edit_of_a_work_that_no_request_can_name_is_said_and_holds_up_no_other(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (named,) = backend.store.load([make_work(pipeline=PIPELINE, status="failure")])
    insert(backend, {**BASE, "id": 7})
    frame = buckets.view({})
    frame.loc[frame.id == named, "priority"] = 5
    plan = buckets.plan_update(frame)
    assert (plan.ids, plan.left_out) == ([named], ())
    frame["priority"] = 5
    plan = buckets.plan_update(frame[frame.status == "failure"])
    assert (plan.ids, [left.why.split(",")[0] for left in plan.left_out]) == ([named], ["has the id 7"])
    frame["id"] = frame["id"].where(frame.id != named)
    with pytest.raises(WorkError, match="has no id"):
        buckets.plan_update(frame)


def test_an_audit_says_what_it_would_change_beyond_what_can_be_shown(backend: LocalBackend, buckets: Buckets) -> None:
    backend.store.load([make_work(pipeline=PIPELINE, status="failure", attempt=1, retries=2)])
    insert(backend, {**BASE, "id": 7})
    plan = buckets.plan_audit()
    assert plan.count == 1
    assert "It would also change 1 work without an id of its own" in str(plan)


@pytest.fixture
def twins(backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Put in two works with one id, of two users, beside one other; found as MongoDB finds them; return both ids."""
    monkeypatch.setattr("bucketsnb.backend.stores.sqlite.store.narrow", lambda *_, **__: Condition("1", exact=False))
    first, other = backend.store.load([make_work(pipeline=PIPELINE, status="failure", user=one) for one in "ab"])
    insert(backend, {**BASE, "id": first, "user": "twin"}, key="twin")
    assert len(buckets.api.view({"id": first})) == 2
    return first, other


def test_works_that_share_an_id_are_left_out_and_hold_up_no_other(
    backend: LocalBackend, buckets: Buckets, twins: tuple[str, str]
) -> None:
    first, other = twins
    frame = buckets.view({})
    assert whole_with_ids(to_records(frame)) == whole_with_ids(read(buckets))
    for plan in (
        buckets.plan_delete(pipeline=PIPELINE),
        buckets.plan_delete(frame),
        buckets.plan_delete([first, other]),
    ):
        assert plan.ids == [other]
        assert {(left.id, left.why) for left in plan.left_out} == {(first, "shares its id with another work")}
        assert "buckets.api.delete([id])" in str(plan)
    frame.loc[frame.id == other, "priority"] = 5
    plan = buckets.plan_update(frame)
    assert (plan.ids, plan.left_out) == ([other], ())
    frame["priority"] = 5
    assert [left.id for left in buckets.plan_update(frame).left_out] == [first, first]


def test_a_work_that_shares_its_id_with_one_outside_the_query_is_left_alone(
    backend: LocalBackend, buckets: Buckets, twins: tuple[str, str]
) -> None:
    first, _ = twins
    for plan in (
        buckets.plan_delete(user="twin", pipeline=PIPELINE),
        buckets.plan_requeue(user="a", pipeline=PIPELINE),
    ):
        assert plan.ids == [first]
        receipt = plan.apply()
        assert receipt.counts["drifted"] == 1
        assert "Another work has this id too" in str(receipt.frame.detail.tolist())
    assert not [request for request in backend.requests if request.method in ("PUT", "DELETE")]


def test_a_requeue_goes_on_without_a_work_that_is_refused(backend: LocalBackend, buckets: Buckets) -> None:
    backend.store.load([make_work(pipeline=PIPELINE, status="failure", attempt=1) for _ in range(9)])
    insert(backend, {**BASE, "id": "5" * 24, **UNTAKEN["numbers as text"]})
    receipt = buckets.plan_requeue(pipeline=PIPELINE).apply()
    assert {word: number for word, number in receipt.counts.items() if number} == {"done": 9, "refused": 1}
    assert dict(buckets.view({}).status.value_counts().loc[lambda n: n > 0]) == {"queued": 9, "failure": 1}
