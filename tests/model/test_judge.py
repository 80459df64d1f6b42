"""The public client judges what deposits and updates take, over rows from good to absurd.

``python -m tests.model --examples 5000`` does the same for longer, and says what it met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets, LocalBackend
from bucketsnb.encoding import encode_works
from tests.budget import examples
from tests.changes.helpers import filled
from tests.factory import make_work

from .judge import Judge, judging
from .properties import check_deposit, check_updates
from .rows import CHANGES, ROWS, SOUND_ROWS

pytestmark = [pytest.mark.public_client, pytest.mark.slow]

bounded = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with judging(tmp_path_factory.mktemp("judge")) as one:
        yield one


@bounded
@given(rows=st.lists(ROWS, min_size=1, max_size=8))
def test_the_public_client_reads_every_deposit_that_is_taken_as_it_is_and_every_refusal_is_named(
    buckets: Buckets, judge: Judge, rows: list[Any]
) -> None:
    check_deposit(buckets, judge, rows, Counter())


@bounded
@given(changes=st.lists(CHANGES, min_size=1, max_size=3))
def test_the_public_client_reads_every_update_that_is_taken_as_it_is_and_every_refusal_is_named(
    backend: LocalBackend, buckets: Buckets, judge: Judge, changes: list[tuple[str, Any]]
) -> None:
    backend.clear()
    filled(backend, 1)
    check_updates(buckets, judge, changes, Counter())


@bounded
@given(rows=st.lists(SOUND_ROWS.filter(lambda row: not (row.get("function") and row.get("command"))), max_size=8))
def test_a_deposit_is_filled_in_as_the_payload_of_the_public_client_is(judge: Judge, rows: list[Any]) -> None:
    works = encode_works(rows, verb="deposit")[1]
    assert [but_set_by_the_queue(one) for one in judge.payloads(rows)] == [but_set_by_the_queue(one) for one in works]


def but_set_by_the_queue(work: dict[str, Any]) -> dict[str, Any]:
    """Leave out the id, the creation (no two are equal), and the strategy, which the client never writes."""
    config = {name: value for name, value in work["config"].items() if name != "strategy"}
    return {**work, "id": None, "creation": None, "config": config}


def test_the_judge_sees_what_is_refused_and_what_is_read_as_something_else(judge: Judge) -> None:
    archive = {**make_work()["config"]["archive"], "results": "True"}
    records = [make_work(), make_work(parameters=[1]), make_work(config={**make_work()["config"], "archive": archive})]
    fine, refused, changed = judge.faults(records)
    assert fine == ""
    assert "valid dictionary" in refused
    assert "is read as" in changed
