"""Plans as files: passed on, looked at by somebody else, applied once, on their own service and in their time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.journal import Journal
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.plan_file import _digest
from bucketsnb.errors import BucketsError, JournalError, PlanAlreadyApplied, PlanError, PlanExpired, ReadOnly
from tests.changes.helpers import PIPELINE, changes_sent, filled, lines, stored

VERBS: dict[str, Callable[[Buckets], Plan]] = {
    "delete": lambda buckets: buckets.plan_delete(pipeline=PIPELINE, reason="old ones"),
    "requeue": lambda buckets: buckets.plan_requeue(pipeline=PIPELINE, reason="old ones"),
    "update": lambda buckets: buckets.plan_update(
        buckets.plan_delete(pipeline=PIPELINE).frame.assign(priority=5), reason="old ones"
    ),
    "deposit": lambda buckets: buckets.plan_deposit(
        [{"pipeline": "new", "site": "chime", "user": "me"}] * 3, reason="old ones"
    ),
}


@pytest.fixture(params=VERBS)
def plan(request: pytest.FixtureRequest, backend: LocalBackend, buckets: Buckets) -> Plan:
    filled(backend, 3, status="failure")
    return VERBS[request.param](buckets)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cleanup.plan.json"


def other_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BUCKETSNB_JOURNAL", str(tmp_path / "of another account"))


def test_a_plan_is_the_same_from_its_file(backend: LocalBackend, buckets: Buckets, plan: Plan, file: Path) -> None:
    plan.save(file)
    loaded = buckets.load_plan(file)
    assert type(loaded) is type(plan)
    assert (loaded.changes, loaded.summary, loaded.reason, loaded.query) == (
        *(plan.changes, plan.summary, plan.reason, plan.query),
    )
    assert loaded.created_at == plan.created_at
    assert abs(loaded.expires_at - time.time() - 86_400) < 60
    assert loaded.notes[0].startswith("Planned by ")
    assert changes_sent(backend) == []


def test_somebody_else_applies_it_and_undoes_it(
    backend: LocalBackend, plan: Plan, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = stored(Buckets(backend.url))
    plan.save(file)
    other_journal(monkeypatch, tmp_path)
    with Buckets(backend.url) as other:
        receipt = other.load_plan(file).apply()
        assert receipt.ok
        assert lines(receipt.entry)[0]["planned_by"]
        assert receipt.undo().ok
        assert len(stored(other)) == len(before)


def test_it_is_applied_once_with_one_journal(backend: LocalBackend, buckets: Buckets, plan: Plan, file: Path) -> None:
    plan.save(file)
    first, second = buckets.load_plan(file), buckets.load_plan(file)
    assert first.apply().ok
    sent = changes_sent(backend)
    for again in (second.apply, plan.apply, lambda: buckets.load_plan(file)):
        with pytest.raises(PlanAlreadyApplied):
            again()
    assert changes_sent(backend) == sent


def test_what_was_applied_here_is_not_applied_from_the_file(buckets: Buckets, plan: Plan, file: Path) -> None:
    plan.save(file)
    assert plan.apply().ok
    with pytest.raises(PlanAlreadyApplied, match=r"is in the journal as .* buckets\.undo"):
        buckets.load_plan(file)
    with pytest.raises(PlanAlreadyApplied):
        plan.save(file)


def test_it_is_not_applied_again_with_another_journal(
    backend: LocalBackend, buckets: Buckets, plan: Plan, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan.save(file)
    early = [Buckets(backend.url)]
    with early[0] as other:
        here = buckets.load_plan(file)
        other_journal(monkeypatch, tmp_path)
        there = other.load_plan(file)
        assert here.apply().ok
        works, sent = stored(buckets), changes_sent(backend)
        with pytest.raises(PlanAlreadyApplied, match="on another machine or with another journal"):
            other.load_plan(file)
        assert there.apply().counts["done"] == 0
        assert stored(buckets) == works
        assert changes_sent(backend) == sent


APPLIER = """
import sys
from bucketsnb import Buckets
from bucketsnb.errors import BucketsError
buckets = Buckets(sys.argv[1])
sys.stdin.readline()
try:
    print(buckets.load_plan(sys.argv[2]).apply().counts["done"])
except BucketsError as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
def test_two_processes_that_apply_it_at_once_do_it_once(backend: LocalBackend, buckets: Buckets, file: Path) -> None:
    buckets.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}] * 3).save(file)
    command = [sys.executable, "-c", APPLIER, backend.url, str(file)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said.count("3") == 1
    assert set(said) <= {"3", PlanAlreadyApplied.__name__, JournalError.__name__}
    assert len(stored(buckets)) == 3


@pytest.mark.parametrize("url", ["http://frb-vsop.chime:8004", "http://127.0.0.1:1", "{url}/staging"])
def test_it_is_refused_on_another_service(buckets: Buckets, plan: Plan, file: Path, url: str) -> None:
    plan.save(file)
    here = buckets.api.url
    with Buckets(url.format(url=here)) as other, pytest.raises(PlanError, match="is of works on"):
        other.load_plan(file)


def test_it_is_refused_after_its_time(
    buckets: Buckets, plan: Plan, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan.save(file, expires_after=3600)
    loaded, now = buckets.load_plan(file), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    with pytest.raises(PlanExpired):
        buckets.load_plan(file)
    with pytest.raises(PlanExpired):
        loaded.apply()
    with pytest.raises(PlanExpired):
        plan.save(file)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(plan: Plan, file: Path, seconds: float) -> None:
    with pytest.raises(PlanError, match="expires_after"):
        plan.save(file, expires_after=seconds)
    assert not file.exists()


def edited(document: dict[str, Any], **more: Any) -> str:
    return json.dumps({**document, "plan": {**document["plan"], **more}})


ALTERED: dict[str, Callable[[dict[str, Any]], str]] = {
    "a work less": lambda document: edited(document, changes=document["plan"]["changes"][1:]),
    "another expiry": lambda document: edited(document, expires_at=2**32),
    "another service": lambda document: edited(document, url="http://127.0.0.1:9"),
    "another verb": lambda document: edited(document, verb="update"),
    "another entry": lambda document: edited(document, entry="20260101-000000-000000-abcd"),
    "no digest": lambda document: json.dumps({**document, "digest": None}),
    "a field more": lambda document: edited(document, more=1),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_it_is_refused_when_it_was_altered(
    backend: LocalBackend, buckets: Buckets, file: Path, alter: Callable[[dict[str, Any]], str]
) -> None:
    filled(backend, 2)
    buckets.plan_delete(pipeline=PIPELINE).save(file)
    file.write_text(alter(json.loads(file.read_text())))
    with pytest.raises(PlanError, match="was altered"):
        buckets.load_plan(file)


NO_PLANS = [
    *("", "{}", "[]", "null", "[" * 5000, '{"a":' * 5000, '{"format": "bucketsnb plan", "version": 1}'),
    *('{"format": "bucketsnb plan", "version": 2}', "\x00", '{"format": "bucketsnb plan", "version": 1e999}'),
]


@pytest.mark.parametrize("text", NO_PLANS, ids=range(len(NO_PLANS)))
def test_what_is_no_plan_is_an_error_of_ours(buckets: Buckets, file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(PlanError) as raised:
        buckets.load_plan(file)
    assert str(file) in str(raised.value)
    assert len(str(raised.value)) < 600


def test_a_file_that_cannot_be_read_or_written_is_an_error_of_ours(buckets: Buckets, plan: Plan, file: Path) -> None:
    for path in (file, file.parent):
        with pytest.raises(PlanError):
            buckets.load_plan(path)
    for path in (file.parent / "nowhere" / "plan.json", file.parent):
        with pytest.raises(PlanError, match="could not be saved"):
            plan.save(path)


FORGED: dict[str, dict[str, Any]] = {
    "an update of another work": {"verb": "update", "changes": [[{"id": "a"}, {"id": "b"}]]},
    "a delete of nothing": {"changes": [[None, {"id": "a"}]]},
    "a work that is none": {"changes": [[5, None]]},
    "no id": {"changes": [[{"pipeline": "a"}, None]]},
    "a verb of nobody": {"verb": "purge"},
    "changes that are none": {"changes": 1e999},
    "an expiry beyond numbers": {"expires_at": 1e999},
    "an entry elsewhere": {"entry": "../../etc/passwd"},
    "a service that is none": {"url": 5},
}


@pytest.mark.parametrize("more", FORGED.values(), ids=FORGED)
def test_a_forged_plan_is_an_error_of_ours_and_sends_nothing(
    backend: LocalBackend, buckets: Buckets, file: Path, more: dict[str, Any]
) -> None:
    filled(backend, 2)
    buckets.plan_delete(pipeline=PIPELINE).save(file)
    document = json.loads(file.read_text())
    document["plan"].update(more)
    file.write_text(json.dumps({**document, "digest": _digest(document["plan"])}))
    with pytest.raises(BucketsError):
        buckets.load_plan(file)
    assert changes_sent(backend) == []


def test_no_token_and_no_password_are_in_it(backend: LocalBackend, file: Path) -> None:
    filled(backend, 1)
    with Buckets(backend.url.replace("//", "//me:hidden-password@"), token="hidden-token") as client:
        plan = client.plan_delete(pipeline=PIPELINE)
        plan.save(file)
        assert "hidden" not in file.read_text()
        assert "hidden" not in plan.to_html()


def test_works_that_moved_since_are_left_alone(backend: LocalBackend, buckets: Buckets, file: Path) -> None:
    filled(backend, 3)
    buckets.plan_delete(pipeline=PIPELINE).save(file)
    buckets.api.withdraw({"pipeline": PIPELINE})
    counts = buckets.load_plan(file).apply().counts
    assert (counts["done"], counts["drifted"]) == (2, 1)


@pytest.mark.parametrize(
    "made",
    [
        lambda buckets: buckets.plan_withdraw(PIPELINE),
        lambda buckets: buckets.plan_audit(),
        lambda buckets: buckets.plan_undo(buckets.plan_delete(pipeline=PIPELINE).apply().entry),
    ],
)
def test_what_is_decided_where_it_is_applied_is_not_passed_on(
    backend: LocalBackend, buckets: Buckets, file: Path, made: Callable[[Buckets], Plan]
) -> None:
    filled(backend, 2)
    with pytest.raises(PlanError, match="cannot be passed on"):
        made(buckets).save(file)
    assert not file.exists()


def test_who_may_not_change_works_may_look_at_a_plan(backend: LocalBackend, plan: Plan, file: Path) -> None:
    plan.save(file)
    with Buckets(backend.url, read_only=True) as reader:
        loaded = reader.load_plan(file)
        assert loaded.count == 3
        with pytest.raises(ReadOnly):
            loaded.apply()


# --- as a page ---


def test_a_plan_is_a_page_on_its_own(backend: LocalBackend, buckets: Buckets, tmp_path: Path) -> None:
    filled(backend, 2, user="<script>alert(1)</script>", pipeline="<b>bold</b>")
    plan = buckets.plan_delete({"pipeline": "<b>bold</b>"}, reason="<img src=x onerror=alert(1)>")
    text = plan.to_html(tmp_path / "plan.html")
    assert (tmp_path / "plan.html").read_text() == text
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    for markup in ("<script", "<b>", "<img", "http://", "https://"):
        assert markup not in text.lower().replace(buckets.api.url, "")
    assert all(one in text for one in plan.ids)


# --- works a second ---


def test_a_rate_spreads_the_works_over_time_and_the_receipt_says_how_long_it_took(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 30, status="failure")
    at: list[float] = []
    receipt = buckets.plan_requeue(pipeline=PIPELINE).apply(lambda *_: at.append(time.monotonic()), rate=20)
    assert receipt.ok
    assert changes_sent(backend) == ["PUT /work"] * 2
    assert receipt.seconds >= 1
    assert "at 20 works a second at most" in str(receipt)
    assert "took" in receipt._repr_html_()


def test_a_slow_rate_sends_one_at_a_time_and_is_cancelled_between(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3, status="failure")
    cancel = threading.Event()

    def stop(done: int, total: int) -> None:
        if done:
            threading.Timer(0.2, cancel.set).start()

    receipt = buckets.plan_requeue(pipeline=PIPELINE).apply(stop, cancel, rate=0.01)
    assert (receipt.counts["done"], receipt.counts["not sent"]) == (1, 2)


def test_without_a_rate_the_receipt_looks_the_same_from_run_to_run(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    receipt = buckets.plan_delete(pipeline=PIPELINE).apply()
    assert "took" not in str(receipt)
    assert receipt.seconds > 0


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), True, "10"])
def test_a_rate_that_is_none_is_refused_and_the_plan_may_go_without(
    backend: LocalBackend, buckets: Buckets, rate: Any
) -> None:
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    with pytest.raises(PlanError, match="rate="):
        plan.apply(rate=rate)
    assert changes_sent(backend) == []
    assert plan.apply().ok


def test_an_audit_has_no_rate(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, status="failure", attempt=0, retries=2)
    with pytest.raises(PlanError, match="in one go"):
        buckets.plan_audit().apply(rate=1)
    assert changes_sent(backend) == []
    assert Journal().entries() == []
