"""An audit is forecast by reading, run on record, read back, and can be undone."""

from __future__ import annotations

import time

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.errors import ServiceFailed
from tests.changes.helpers import changes_sent, filled, lines, stored


def queue(backend: LocalBackend) -> dict[str, list[str]]:
    now = time.time()
    return {
        "retriable": filled(backend, 2, status="failure", attempt=1, retries=2, creation=now),
        "exhausted": filled(backend, 1, status="failure", attempt=2, retries=2, creation=now),
        "expired": filled(backend, 1, status="running", start=now - 100, timeout=50, creation=now),
        "busy": filled(backend, 1, status="running", start=now, timeout=50, creation=now),
        "stale": filled(backend, 3, creation=now - 8 * 86_400),
        "fresh": filled(backend, 1, creation=now),
    }


def test_the_forecast_sends_only_reads_and_names_each_pass(backend: LocalBackend, buckets: Buckets) -> None:
    works = queue(backend)
    plan = buckets.plan_audit()
    assert set(plan.ids) == {*works["retriable"], *works["expired"], *works["stale"]}
    assert "failed: 2 works to queued; expired: 1 work to failure; stale: 3 works to failure" in str(plan)
    assert changes_sent(backend) == []


def test_the_audit_does_what_was_forecast_and_is_read_back(backend: LocalBackend, buckets: Buckets) -> None:
    works = queue(backend)
    plan = buckets.plan_audit()
    receipt = plan.apply()
    assert receipt.counts["done"] == 6
    assert "failed: the service acted on 2; the forecast was 2." in str(receipt)
    status = {name: {stored(buckets)[one]["status"] for one in ids} for name, ids in works.items()}
    assert status == {
        "retriable": {"queued"},
        "exhausted": {"failure"},
        "expired": {"failure"},
        "busy": {"running"},
        "stale": {"failure"},
        "fresh": {"queued"},
    }
    assert len(changes_sent(backend)) == 3


def test_an_audit_of_large_works_runs_each_pass_once(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bucketsnb.changes.execution.CHUNK_BYTES", 1000)  # other changes take a request for each work
    failed = filled(backend, 10, status="failure", attempt=1, retries=2, creation=time.time())
    receipt = buckets.plan_audit().apply()
    assert receipt.counts["done"] == len(failed)
    assert changes_sent(backend) == ["GET /audit/failed", "GET /audit/expired", "GET /audit/stale/7.0"]
    assert "the service acted on 10; the forecast was 10." in str(receipt)


def test_an_audit_is_undone_where_nothing_moved(backend: LocalBackend, buckets: Buckets) -> None:
    works = queue(backend)
    before = stored(buckets)
    receipt = buckets.plan_audit().apply()
    backend.store.update([{"id": works["stale"][0], "status": "success"}])
    undone = receipt.undo()
    assert (undone.counts["done"], undone.counts["drifted"]) == (5, 1)
    after = stored(buckets)
    assert {one: after[one] for one in after if one != works["stale"][0]} == {
        one: before[one] for one in before if one != works["stale"][0]
    }


def test_a_service_that_only_counts_is_caught(backend: LocalBackend, buckets: Buckets) -> None:
    queue(backend)
    plan = buckets.plan_audit()
    backend.faults.add("GET /audit/stale*", body=b"3")
    receipt = plan.apply()
    assert (receipt.counts["done"], receipt.counts["still there"]) == (3, 3)


def test_a_pass_that_fails_keeps_the_receipt_of_those_before(backend: LocalBackend, buckets: Buckets) -> None:
    queue(backend)
    plan = buckets.plan_audit()
    backend.faults.add("GET /audit/expired", status=500)
    receipt = plan.apply()
    assert receipt.counts["done"] == 2
    assert isinstance(receipt.errors[0], ServiceFailed)
    assert "those after it were not run" in str(receipt)
    assert len(changes_sent(backend)) == 2


def test_a_pass_without_an_answer_is_not_repeated(backend: LocalBackend, buckets: Buckets) -> None:
    queue(backend)
    plan = buckets.plan_audit()
    backend.faults.add("GET /audit/failed", hang_up="before")
    receipt = plan.apply()
    assert receipt.counts["unknown"] == 6
    receipt.resume()
    assert len(changes_sent(backend)) == 1


def test_the_works_are_on_record_before_the_first_pass(backend: LocalBackend, buckets: Buckets) -> None:
    queue(backend)
    plan = buckets.plan_audit()
    seen: list[dict[str, object]] = []
    backend.faults.add("GET /audit/failed", change=lambda _: seen.extend(lines(buckets.journal().entry[0])))
    plan.apply()
    assert len(seen[2]["before"]) == 6


def test_nothing_to_audit_sends_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, creation=time.time())
    assert buckets.plan_audit().apply().ok
    assert changes_sent(backend) == []


@pytest.mark.parametrize("field", ["start", "timeout", "creation", "attempt", "retries"])
def test_odd_works_do_not_stop_a_forecast(backend: LocalBackend, buckets: Buckets, field: str) -> None:
    backend.faults.add("POST /view", body=b'[{"id": "a", "status": "running", "%s": "odd"}]' % field.encode())
    assert buckets.plan_audit().count == 0
