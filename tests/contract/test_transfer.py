"""The public client's transfer daemon archives every finished work once, and what would stop it is not deposited."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.errors import WorkError
from tests.factory import make_work

from .conftest import Asking
from .public import PublicClient, installed
from .results import Results

pytestmark = [pytest.mark.public_client, pytest.mark.slow]

NEWEST = "workflow.core==1.12.3"
BARE = {"site": "local", "user": "tester"}


@pytest.fixture(scope="session")
def newest_python() -> Path:
    return installed(NEWEST)


@pytest.fixture
def daemon(newest_python: Path, backend: LocalBackend, results: Results, environment: Path) -> PublicClient:
    return PublicClient(newest_python, backend.url, environment, results.url)


def passes(daemon: PublicClient, number: int = 1) -> list[dict[str, Any]]:
    return daemon.do("perform", results=daemon.results, passes=number)


def finished(**changes: Any) -> dict[str, Any]:
    """Return a work of today that is done: the daemon deletes those older than a week, archived or not."""
    return make_work(status="success", creation=time.time(), **changes)


def finish(buckets: Buckets) -> None:
    """Do all that is queued, as a worker does; what is meant to fail has no attempts left."""
    while claimed := buckets.claim(sorted(buckets.pipelines())):
        if claimed.work["pipeline"].startswith("failing"):
            claimed.failure(attempt=2)
        else:
            claimed.success(results={"dm": 5.5})


def test_everything_that_finished_is_archived_once(
    backend: LocalBackend, buckets: Buckets, daemon: PublicClient, results: Results
) -> None:
    buckets.deposit(
        [
            {**BARE, "pipeline": "bare"},
            {**BARE, "pipeline": "failing-part", "config": {"archive": {"products": "move"}}},
            {**BARE, "pipeline": "parent-alone", "config": {"parent": "f" * 24}},
            {**BARE, "pipeline": "no-archive", "config": {"archive": None}},
            {**BARE, "pipeline": "not-kept", "config": {"archive": {"results": False}}},
            make_work(pipeline="whole", creation=None),
        ]
    )
    header = "pipeline,site,user,config.archive.products,config.archive.results\n"
    buckets.plan_deposit(f"{header}row,local,me,bypass,\nfailing-row,local,me,,true\n").apply().raise_for_outcome()
    finish(buckets)
    first, second = passes(daemon, 2)
    assert first == {"transfered": 7, "deleted": 8}
    assert second == {"transfered": 0, "deleted": 0}
    archived = sorted(work["pipeline"] for work in results.works)
    assert archived == ["bare", "failing-part", "failing-row", "no-archive", "parent-alone", "row", "whole"]
    assert buckets.count({}) == 0


STOPPING: dict[str, dict[str, Any]] = {
    "no config": {"config": None},
    "text for config": {"config": "settings.yml"},
    "no archive": {"config": {"parent": None}},
    "text for archive": {"config": {"archive": "yes"}},
    "a part of the archive": {"config": {"archive": {"products": "move"}}},
}


@pytest.mark.parametrize("config", STOPPING.values(), ids=STOPPING)
def test_a_work_that_ends_the_pass_for_all_cannot_be_made_by_a_deposit_or_an_update(
    backend: LocalBackend, buckets: Buckets, daemon: PublicClient, results: Results, config: dict[str, Any]
) -> None:
    bad, good = backend.store.load([finished(pipeline="bad", **config), finished(pipeline="good")])
    (outcome,) = passes(daemon)
    assert "Error" in outcome["error"]
    assert (results.works, buckets.count({})) == ([], 2)
    buckets.delete_ids([bad])
    with pytest.raises(WorkError, match="config"):
        buckets.update([{"id": good, **config}])
    with suppress(WorkError):  # refused, or filled in
        buckets.deposit([{**BARE, "pipeline": "bad", **config}])
    finish(buckets)
    (outcome,) = passes(daemon)
    assert "error" not in outcome
    assert "good" in {work["pipeline"] for work in results.works}
    assert buckets.count({}) == 0


@pytest.mark.parametrize("word", ["True", 1])
def test_a_work_that_is_deleted_without_its_results_cannot_be_made_by_a_deposit_or_an_update(
    backend: LocalBackend, buckets: Buckets, daemon: PublicClient, results: Results, word: Any
) -> None:
    config = {**make_work()["config"], "archive": {**make_work()["config"]["archive"], "results": word}}
    (one,) = backend.store.load([finished(config=config)])
    assert passes(daemon) == [{"transfered": 0, "deleted": 1}]
    assert results.works == []
    (one,) = backend.store.load([finished()])
    with pytest.raises(WorkError, match=r"config\.archive\.results is .* expected true or false"):
        buckets.deposit([make_work(config=config)])
    with pytest.raises(WorkError, match=r"config\.archive\.results is .* expected true or false"):
        buckets.update([{"id": one, "config": config}])


def test_what_the_service_takes_from_other_clients_is_stored_as_it_is(ask: Asking) -> None:
    """Works of other times stay welcome: the model is for what we write, and the queue's own fields for all."""
    old = make_work(config="settings.yml", parameters=[1], command="echo hi", function=3, products="a.h5")
    ask.deposit(old)
    (work,) = ask.view()
    assert {name: work[name] for name in ("config", "parameters", "command", "function", "products")} == {
        name: old[name] for name in ("config", "parameters", "command", "function", "products")
    }
