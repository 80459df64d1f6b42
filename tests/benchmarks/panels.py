"""Panels: whether a preview of very many works opens and sorts as one of few, and the status of many pipelines."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from bucketsnb import LocalBackend
from tests.benchmarks.lines import Line, measure
from tests.factory import make_work

FEW = 100
PIPELINES = 200

FRAME = """
from bucketsnb.backend.samples import sample_works
from bucketsnb.frames import frame_of
from bucketsnb.widgets import WorksGrid
frame = frame_of(sample_works({count}))
WorksGrid(frame.head(1)).close()
"""
OPEN = "grid = WorksGrid(frame)"
SORTED = "grid.sort('age', descending=True)"

CLIENT = """
import time
import bucketsnb
buckets = bucketsnb.Buckets("{url}")
names = buckets.pipelines()
def slowest():
    worst = 0.0
    for name in names[:20]:
        started = time.perf_counter()
        buckets.api.status(name)
        worst = max(worst, time.perf_counter() - started)
    return worst
"""


def lines(options: Namespace) -> Iterator[Line]:
    """Measure the grid on few and on many works, and the status of 200 pipelines."""
    few, many = (measure(OPEN, before=FRAME.format(count=count), times=1) for count in (FEW, options.works))
    yield Line(f"a grid of {options.works:,} works / of {FEW:,}: open", many.wall, few.wall, "s", 1.5)
    sort = measure(SORTED, before=f"{FRAME.format(count=options.works)}\n{OPEN}", times=1)
    yield Line(f"a grid of {options.works:,} works: sort by age / 0.3 s", sort.wall, 0.3, "s", 1.0)
    yield from _status()


def _status() -> Iterator[Line]:
    with LocalBackend() as backend:
        backend.store.load([make_work(pipeline=f"p{number}") for number in range(PIPELINES)])
        whole = measure("frame = buckets.status()", before=CLIENT.format(url=backend.url))
        one = measure("worst = slowest()", before=CLIENT.format(url=backend.url), after="said = worst")
        yield Line(
            f"status of {PIPELINES} pipelines / {PIPELINES} requests one by one", whole.wall, one.wall * 10, "s", 1.0
        )
        yield Line(
            f"status of {PIPELINES} pipelines / the slowest single request", whole.wall, float(str(one.said)), "s", 2.0
        )
