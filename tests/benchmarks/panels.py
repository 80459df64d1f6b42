"""Panels: whether a preview of very many works opens and answers as one of few, and the status of many pipelines.

The first paint is measured as its user meets it: from the making of a panel that stands on its own (filters and
works, reading at most 1,000 works as it comes) until the grid has sent its first rows to the page.

The service has no request for the counts of all pipelines, so the status of 200 takes 200 requests and one for their
names, 32 of them at a time. That is within twice the slowest of them as long as one of them is slow. Where all are as
slow as each other it cannot be: the 200 take this side 1.5 ms of processor each, and 200 at once would be no guest. A
backend of our own answers for all pipelines together: by one request where an earlier answer has said so, as that of
its version does, else by two and by one from then on.
"""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bucketsnb import LocalBackend
from bucketsnb.backend.samples import sample_works
from tests.benchmarks.lines import Line, Piece, by_turns, measure
from tests.factory import make_work

FEW = 100
PIPELINES = 200
VISIBLE = 0.2
"""Seconds from which a pause is seen as one."""

FRAME = """
from pathlib import Path
from bucketsnb.frames import frame_of
from bucketsnb.widgets import WorksGrid
frame = frame_of(Path("{file}").read_bytes())
WorksGrid(frame.head(1)).close()
"""
OPEN = "grid = WorksGrid(frame)"
ACTS = {
    "sort by age": "grid.sort('age', descending=True)",
    "sort by priority": "grid.sort('priority')",
    "sort by pipeline": "grid.sort('pipeline')",
    "sort by id": "grid.sort('id')",
    "sort by event": "grid.sort('event')",
    "a page": "grid.table.receive({'type': 'rows', 'generation': grid.table._generation, 'first': 50_000, "
    "'count': 100})",
    "select all": "grid.table.receive({'type': 'all'})",
    "select half by a range": "grid.table.receive({'type': 'range', 'generation': grid.table._generation, 'first': 0, "
    "'last': len(frame) // 2, 'on': True})",
    "open a row": "grid.table.receive({'type': 'open', 'generation': grid.table._generation, 'row': 500})",
    "other columns": "grid.show_columns(['id', 'status', 'tags', 'results', 'creation'])",
}

PREVIEW = """
import threading
import bucketsnb
from bucketsnb import Query
from bucketsnb.widgets import DeletePanel
from bucketsnb.widgets.core.panel import Part
painted, tell = threading.Event(), Part.tell
def told(self, kind, **content):
    tell(self, kind, **content)
    if kind == "reset" and content["first"]:
        painted.set()
Part.tell = told
buckets = bucketsnb.Buckets("{url}")
DeletePanel(buckets, Query(user="nobody")).close()
painted.clear()
"""
PAINT = "panel = DeletePanel(buckets, Query(user='{user}')); assert painted.wait(60) and len(panel.state.frame)"

CLIENT = """
import time
import bucketsnb
buckets, fresh = (bucketsnb.Buckets("{url}") for _ in range(2))
names = buckets.pipelines()
fresh.info()
def slowest():
    worst = 0.0
    for name in names[:20]:
        started = time.perf_counter()
        buckets.api.status(name)
        worst = max(worst, time.perf_counter() - started)
    return worst
"""
STATUS = "frame = {who}.status()"


def lines(options: Namespace) -> Iterator[Line]:
    """Measure the preview and the grid on few and on many works, and the status of 200 pipelines."""
    yield from _preview(options.works)
    with tempfile.TemporaryDirectory() as folder:
        yield from _grid(Path(folder), options.works)
    yield from _status()


def _grid(folder: Path, count: int) -> Iterator[Line]:
    before = {}
    for number in (FEW, count):
        file = folder / f"{number}.json"
        file.write_text(json.dumps(sample_works(number)))
        before[number] = FRAME.format(file=file)
    few, many = by_turns(*(Piece(OPEN, before[number]) for number in (FEW, count)), times=5)
    yield Line(f"a grid of {count:,} works / of {FEW:,}: open", many.cpu, few.cpu, "s", 1.5)
    for name, act in ACTS.items():
        taken = measure(act, before=f"{before[count]}\n{OPEN}")
        yield Line(f"a grid of {count:,} works: {name} / a visible pause", taken.cpu, VISIBLE, "s", 1.0)


def _preview(count: int) -> Iterator[Line]:
    with LocalBackend() as backend:
        works = sample_works(FEW + count)
        for place, work in enumerate(works):
            work["user"] = "few" if place < FEW else "many"
        backend.store.load(works)
        paints = [Piece(PAINT.format(user=user), PREVIEW.format(url=backend.url)) for user in ("few", "many")]
        few, many = by_turns(*paints, times=5, by="wall")
    yield Line(f"preview of {count:,} matched / of {FEW:,}: to its first paint", many.wall, few.wall, "s", 1.5)


def _status() -> Iterator[Line]:
    names = [f"p{number}" for number in range(PIPELINES)]
    with LocalBackend() as backend:
        backend.store.load([make_work(pipeline=name) for name in names])
        before = CLIENT.format(url=backend.url)
        name = f"status of {PIPELINES} pipelines"
        single = Piece("worst = slowest()", before, "said = worst")
        fresh, refreshed = (Piece(STATUS.format(who=who), before) for who in ("fresh", "buckets"))
        one, first, again = by_turns(single, fresh, refreshed, times=9, by="wall")
        slowest = float(str(one.said))
        yield Line(f"{name} / the slowest request, first", first.wall, slowest, "s", 2.0)
        yield Line(f"{name} / the slowest request, refreshed", again.wall, slowest, "s", 2.0)
        yield Line(f"{name} / the slowest request, each 0.1 s", _delayed(backend, "GET /status*", 0.1), 0.1, "s", 2.0)
        # As the service answers, which has no request for all: nothing says that there is one.
        backend.faults.add("GET /status/pipelines", body=json.dumps(names).encode(), times=None)
        name = f"{name}, one a request"
        one, each = by_turns(single, refreshed, times=5, by="wall")
        yield Line(f"{name} / {PIPELINES} requests one by one", each.wall, one.wall * PIPELINES / 20, "s", 1.0)
        yield Line(f"{name} / the slowest request", each.wall, slowest, "s", 2.0)
        yield Line(
            f"{name} / the slowest request, 1 s", _delayed(backend, "GET /status/details/p7", 1.0), 1.0, "s", 2.0
        )


def _delayed(backend: LocalBackend, pattern: str, seconds: float) -> float:
    before = CLIENT.format(url=backend.url)
    fault = backend.faults.add(pattern, delay=seconds, times=None)
    try:
        return measure(STATUS.format(who="buckets"), before=before, by="wall").wall
    finally:
        fault.times = 0
