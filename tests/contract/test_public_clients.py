"""The real public clients do all they can do against this backend, unchanged."""

from __future__ import annotations

import time

import pytest

from bucketsnb import LocalBackend
from tests.factory import make_work

from .conftest import Asking
from .public import PublicClient
from .results import Results

pytestmark = [pytest.mark.public_client, pytest.mark.slow]

WORKFLOW = [
    ("sqlite", "workflow.core==1.12.0"),
    ("mongodb", "workflow.core==1.12.0"),
    ("sqlite", "workflow.core==1.12.3"),
    ("sqlite", "workflow.core"),  # the newest that the registry has
]
FRB_API = [("sqlite", "chime-frb-api==3.4.0"), ("mongodb", "chime-frb-api==3.4.0")]  # the last with works in it

every_client = pytest.mark.parametrize(("running_service", "public_python"), [*WORKFLOW, *FRB_API], indirect=True)
workflow_clients = pytest.mark.parametrize(("running_service", "public_python"), WORKFLOW, indirect=True)
"""For the command line: that of the older client takes no address."""


@every_client
def test_works_are_stored_as_the_client_sent_them(public: PublicClient, ask: Asking) -> None:
    done = public.do("deposit")
    held = {work["id"]: work for work in ask.view()}
    expected = [
        {**payload, "id": one, "status": "queued"} for payload, one in zip(done["payloads"], done["ids"], strict=True)
    ]
    assert expected == [held[one] for one in done["ids"]]


@every_client
def test_a_runner_claims_does_and_reports_a_work(public: PublicClient, ask: Asking) -> None:
    done = public.do("round_trip")
    (held,) = ask.view()
    assert set(done["nothing"]) == {None}
    assert done["deposited"] == [held["id"]]
    assert done["updated"] is True
    assert (held["status"], held["attempt"], held["results"]) == ("success", 1, {"snr": 9.5})
    assert held["stop"] == held["start"] + 1


@every_client
def test_reading_methods_see_what_the_store_holds(public: PublicClient, ask: Asking) -> None:
    ask.deposit(*(make_work(pipeline="sample", priority=priority) for priority in (1, 2, 3)))
    seen = public.do("look")
    five = {"total": 3, "queued": 3, "running": 0, "success": 0, "failure": 0}
    assert (five, five, dict.fromkeys(five, 0)) == (seen["status"], seen["details"], seen["unknown"])
    assert seen["pipelines"] == ["sample"]
    assert seen["newest"] == [{"priority": 2}]
    assert seen["version"]


@every_client
def test_works_are_deleted_by_id_and_by_filter(public: PublicClient, ask: Asking) -> None:
    first, kept, *_ = ids = ask.deposit(*(make_work(pipeline="sample") for _ in range(4)))
    ask.update({"id": kept, "status": "failure"})
    assert public.do("remove", ids=[first]) == [True, True]
    assert [kept] == [work["id"] for work in ask.view()], ids


@every_client
def test_the_audit_daemon_fails_and_requeues(public: PublicClient, service: LocalBackend, ask: Asking) -> None:
    now = time.time()
    service.store.load(
        [
            make_work(pipeline="failed", status="failure", attempt=1, retries=2, creation=now),
            make_work(pipeline="expired", status="running", attempt=1, start=now - 100, timeout=10, creation=now),
            make_work(pipeline="stale", status="queued", creation=now - 60 * 86_400),
        ]
    )
    assert public.do("audit") == {"failed": 1, "expired": 1, "stale": 1}
    assert {work["pipeline"]: work["status"] for work in ask.view()} == {
        "failed": "queued",
        "expired": "failure",
        "stale": "failure",
    }


@every_client
def test_the_transfer_daemon_moves_finished_works_to_results(
    public: PublicClient, service: LocalBackend, ask: Asking, results: Results
) -> None:
    now = time.time()
    service.store.load(
        [
            make_work(pipeline="done", status="success", attempt=1, creation=now),
            make_work(pipeline="exhausted", status="failure", attempt=2, retries=2, creation=now),
            make_work(pipeline="retryable", status="failure", attempt=1, retries=2, creation=now),
            make_work(pipeline="waiting", status="queued", creation=now),
            make_work(pipeline="old", status="failure", attempt=1, creation=now - 8 * 86_400),
        ]
    )
    public.results = results.url
    public.do("transfer", results=results.url)
    assert {"done", "exhausted"} == {work["pipeline"] for work in results.works}
    assert {"retryable", "waiting"} == {work["pipeline"] for work in ask.view()}


@workflow_clients
def test_the_command_line_lists_details_in_its_columns(public: PublicClient, service: LocalBackend) -> None:
    statuses = ["queued"] * 2 + ["running"] + ["success"] * 4 + ["failure"] * 3
    service.store.load([make_work(pipeline="sample", status=status) for status in statuses])
    row = next(line for line in public.command("buckets", "ls", "--details").splitlines() if "sample" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["sample", "10", "2", "1", "4", "3"]


@workflow_clients
def test_the_command_line_shows_a_work(public: PublicClient, ask: Asking) -> None:
    (one,) = ask.deposit(make_work(pipeline="sample"))
    assert one in public.command("buckets", "ps", "sample")


@workflow_clients
def test_the_command_line_removes_works(public: PublicClient, ask: Asking) -> None:
    kept, *_ = ask.deposit(make_work(pipeline="sample"), *(make_work(pipeline="sample", tags=["x"]) for _ in range(3)))
    public.command("buckets", "rm", "sample", "-t", "x", "-s", "queued", "-f")
    assert [kept] == [work["id"] for work in ask.view()]
