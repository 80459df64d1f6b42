"""Plans: what looking again, the journal and reading back cost, against bare deletes in chunks of the same size."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from operator import attrgetter

from bucketsnb import LocalBackend
from bucketsnb.api import DELETE_CHUNK
from bucketsnb.backend.samples import sample_works
from tests.benchmarks.lines import Line, Measure, measure

WORKS = 10_000
TIMES = 3

BEFORE = """
import os, tempfile
os.environ["BUCKETSNB_JOURNAL"] = tempfile.mkdtemp()
import bucketsnb
buckets = bucketsnb.Buckets("{url}")
ids = buckets.api.view_ids({{}})[:{count}]
"""
PLANNED = "plan = buckets.plan_delete(ids, max_affected=None, allow_running=True)"
APPLY = "receipt = plan.apply()"
BARE = f"for first in range(0, len(ids), {DELETE_CHUNK}): buckets.api.delete(ids[first:first + {DELETE_CHUNK}])"


def lines(options: Namespace) -> Iterator[Line]:
    """Measure a deletion of 10,000 works; the same backend is filled anew for each."""
    few, many = WORKS // 10, WORKS
    bare, guarded, small = _deleted(("", BARE, many), (PLANNED, APPLY, many), (PLANNED, APPLY, few))
    yield Line(f"{many:,} works deleted: plan applied / bare deletes", guarded.wall, bare.wall, "s", 3.0)
    yield Line(f"memory of a plan of {many:,} works / of {few:,}", guarded.peak, small.peak, "MiB", 2.0)


def _deleted(*kinds: tuple[str, str, int]) -> list[Measure]:
    """Measure the best of a few deletions of each kind, by turns, each on a backend of its own."""
    turns = [[_once(*kind) for kind in kinds] for _ in range(TIMES)]
    return [min(runs, key=attrgetter("wall")) for runs in zip(*turns, strict=True)]


def _once(before: str, measured: str, count: int) -> Measure:
    with LocalBackend() as backend:
        backend.store.load(sample_works(count))
        setting = BEFORE.format(url=backend.url, count=count)
        return measure(measured, before=f"{setting}\n{before}", times=1)
