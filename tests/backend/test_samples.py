"""The sample works: those of a real day, and the same ones every time."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from bucketsnb import LocalBackend
from bucketsnb.backend.samples import sample_works
from bucketsnb.schema import FIELD_NAMES, STALE_DAYS, STATUSES, problems

NOW = 1_795_000_000.0
WORKS = sample_works(4_000, now=NOW)


def test_the_same_question_has_the_same_answer_and_another_seed_another() -> None:
    assert sample_works(50, now=NOW) == sample_works(50, now=NOW)
    assert sample_works(50, now=NOW) != sample_works(50, now=NOW, seed=1)


def test_works_have_all_fields_ids_of_their_own_and_valid_names() -> None:
    assert {FIELD_NAMES} == {tuple(work) for work in WORKS}
    assert len({work["id"] for work in WORKS}) == len(WORKS) == len({work["creation"] for work in WORKS})
    assert {24} == {len(work["id"]) for work in WORKS}
    assert [problem for work in WORKS for problem in problems(work)] == []


def test_times_and_attempts_agree_with_the_status() -> None:
    for work in WORKS:
        times = [time for time in (work["creation"], work["start"], work["stop"], NOW) if time is not None]
        assert times == sorted(times), work
        assert work["status"] in STATUSES
        if work["status"] == "running":
            assert (work["attempt"] > 0, work["start"] is not None, work["stop"]) == (True, True, None)
        if work["status"] in ("success", "failure"):
            assert work["attempt"] > 0
            assert work["start"] <= work["stop"]
            assert work["stop"] - work["start"] <= work["timeout"]


@pytest.mark.parametrize(
    ("kind", "of"),
    {
        "queued": lambda work: work["status"] == "queued",
        "tried before and queued again": lambda work: work["status"] == "queued" and work["attempt"],
        "stale": lambda work: work["status"] == "queued" and NOW - work["creation"] > STALE_DAYS * 86_400,
        "overdue": lambda work: work["status"] == "running" and work["start"] + work["timeout"] < NOW,
        "exhausted": lambda work: work["status"] == "failure" and work["attempt"] >= work["retries"],
        "failed with attempts left": lambda work: work["status"] == "failure" and work["attempt"] < work["retries"],
        "with a parent": lambda work: work["config"]["parent"],
        "with tags": lambda work: work["tags"],
        "about an event": lambda work: work["event"] and 10**8 <= work["event"][0] < 10**9,
        "young": lambda work: NOW - work["creation"] < 60,
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_day_has_works_of_every_kind_and_only_some(kind: str, of: object) -> None:
    assert 0 < sum(bool(of(work)) for work in WORKS) < len(WORKS), kind


def test_failures_leave_texts_of_a_few_families() -> None:
    errors = [work["results"]["error"] for work in WORKS if work["status"] == "failure"]
    families = Counter(error.split(" ")[0] for error in errors)
    assert len(set(errors)) > 20 * len(families)
    assert 5 <= len(families) <= 12


def test_a_backend_adds_none_to_works_that_are_there(tmp_path: Path) -> None:
    for _ in range(2):
        with LocalBackend(tmp_path / "works.db", sample=3) as backend:
            assert backend.store.status()["total"] == 3


def test_a_backend_may_begin_with_them() -> None:
    with LocalBackend(sample=300) as backend:
        assert backend.store.status()["total"] == 300
        assert max(work["creation"] for work in sample_works(300)) <= time.time()
