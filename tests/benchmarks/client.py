"""The client: an answer of many works, against the public client's way and against the least that can be done."""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bucketsnb import LocalBackend
from bucketsnb.backend.samples import sample_works
from bucketsnb.client.reading import PAGE
from tests.benchmarks import public_way
from tests.benchmarks.lines import Line, Measure, Piece, by_turns, measure
from tests.benchmarks.static import served

PUBLIC = """
from pandas import json_normalize
from workflow.http.buckets import Buckets
buckets = Buckets(baseurl="{url}")
"""

FLOOR = """
import requests
from typing import Any
import msgspec
TEXT = dict.fromkeys(("pipeline", "site", "user", "status"), str)
NUMBERS = {{**dict.fromkeys(("attempt", "timeout", "retries", "priority"), int), "creation": float}}
MAYBE = {{"function": str | None, "id": str | None, "start": float | None, "stop": float | None}}
NESTED = ("parameters", "command", "results", "products", "plots", "tags", "event", "config", "notify")
FIELDS = {{**TEXT, **NUMBERS, **MAYBE, **dict.fromkeys(NESTED, msgspec.Raw)}}
Work = msgspec.defstruct("Work", list(FIELDS.items()), gc=False)
BODY = {{"query": {{}}, "projection": {{}}, "skip": 0, "limit": 0}}
"""

ARROW = """
import io
import json
import pyarrow.json
import requests
BODY = {{"query": {{}}, "projection": {{}}, "skip": 0, "limit": 0}}
LINES = "\\n".join(json.dumps(work) for work in requests.post("{url}/view", json=BODY).json()).encode()
"""

OURS = """
import bucketsnb
from bucketsnb.frames import frame_of
buckets = bucketsnb.Buckets("{url}")
"""

WHOLE = "frame = buckets.view({}, limit=0)"
DECODED = 'works = msgspec.json.decode(requests.post("{url}/view", json=BODY).content, type=list[Work])'
ARROW_READ = (
    'answer = requests.post("{url}/view", json=BODY).content; pyarrow.json.read_json(io.BytesIO(LINES)).to_pandas()'
)
LIGHT = 'frame = buckets.view({}, limit=0, columns="light")'
PAGED = """
said = [time.perf_counter()]
frame = buckets.view({}, limit=None, progress=lambda done, total: said.append(time.perf_counter()))
said.append(time.perf_counter())
"""
FIRST = """
import bucketsnb
table = bucketsnb.Buckets("{url}").view()._repr_html_()
"""
ASKED = """
answer = requests.post("{url}/view", json=dict(query={{}}, projection={{}}, skip=0, limit=100)).content
"""
BYTES = """
import bucketsnb
from bucketsnb.client.reading import selected
size = len(bucketsnb.Buckets("{url}").api.view_bytes({{}}, selected("{columns}", None).projection, limit=None))
"""
LEFT = """
import ctypes, gc
gc.collect()
ctypes.CDLL("libc.so.6").malloc_trim(0)
_left = int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
said = {{"silence": max(after - before for before, after in zip(said, said[1:])), "left": _left}}
"""


def lines(options: Namespace) -> Iterator[Line]:
    """Measure the client; see :func:`tests.benchmarks.__main__.main` for the options."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "works.json"
        file.write_text(json.dumps(sample_works(options.works)))
        with served(file) as url:
            yield from _answers(url, options)
        yield from _pages(file, options)
    yield from _imports()


def _answers(url: str, options: Namespace) -> Iterator[Line]:
    whole, light = (Piece(view, OURS.format(url=url)) for view in (WHOLE, LIGHT))
    ours, floor = by_turns(whole, Piece(DECODED.format(url=url), FLOOR.format(url=url)))
    count = f"{options.works:,} works"
    yield Line(f"{count}: frame / floor", ours.cpu, floor.cpu, "s", 1.5)
    yield Line(f"{count}: memory of frame / floor", ours.peak, floor.peak, "MiB", 2.0)
    arrow = measure(ARROW_READ.format(url=url), before=ARROW.format(url=url))
    yield Line(f"{count}: frame / pyarrow.json on the same works", ours.cpu, arrow.cpu, "s", 0.6)
    if not options.no_public:
        python = public_way.python(options.public)
        public = measure(
            "frame = json_normalize(buckets.view(query={}, limit=0))", before=PUBLIC.format(url=url), python=python
        )
        yield Line(f"{count}: frame / public client's way", ours.cpu, public.cpu, "s", 1 / 6)
        yield Line(f"{count}: memory of frame / public client's way", ours.peak, public.peak, "MiB", 0.45)
    for by, name in {"cpu": "processor time", "wall": "time"}.items():
        part, all_of_it = by_turns(light, whole, times=8, by=by)
        yield Line(f"{count}: light columns / whole, {name}", getattr(part, by), getattr(all_of_it, by), "s", 0.4)
    wire = {
        name: measure(BYTES.format(url=url, columns=name), after="said = size", times=1) for name in ("light", "all")
    }
    yield Line(f"{count}: light columns / whole, on the wire", _mib(wire["light"]), _mib(wire["all"]), "MiB", 1 / 3)


def _mib(measured: Measure) -> float:
    return float(str(measured.said)) / 1024**2


def _pages(file: Path, options: Namespace) -> Iterator[Line]:
    """Compare reads of one page, of a few and of very many; a page is of 10,000 works."""
    bare = measure("pass", before=OURS.format(url="http://127.0.0.1"), times=1)
    each = {}
    for count in (PAGE, options.works, options.many):
        with served(file, paged=count) as url:
            before = f"import time\n{OURS.format(url=url)}\nbuckets.view({{}}, limit=1)"
            each[count] = measure(PAGED, before=before, after=LEFT.format(), times=1)
    few, many = each[options.works], each[options.many]
    name = f"{options.many:,} works in pages / {options.works:,}"
    yield Line(f"{name}: time of one work", 1e6 * many.cpu / options.many, 1e6 * few.cpu / options.works, "us", 1.2)
    two_pages = 2 * (each[PAGE].peak - bare.peak)
    held = _said(many, "left") + two_pages
    yield Line(f"{options.many:,} works in pages: most memory / frame and two pages", many.peak, held, "MiB", 1.0)
    silence = _said(many, "silence")
    yield Line(f"{options.many:,} works in pages: longest silence / whole read", silence, many.wall, "s", 0.2)


def _said(measured: Measure, what: str) -> float:
    assert isinstance(measured.said, dict)
    return float(measured.said[what])


def _imports() -> Iterator[Line]:
    ours, pandas = by_turns(Piece("import bucketsnb"), Piece("import pandas"), times=5)
    yield Line("import bucketsnb / import pandas", ours.cpu, pandas.cpu, "s", 0.1)
    with LocalBackend() as backend:
        backend.store.load(sample_works(100))
        ours, three = by_turns(
            Piece(FIRST.format(url=backend.url)),
            Piece(f"import pandas, requests, ipywidgets\n{ASKED.format(url=backend.url)}"),
            times=5,
        )
    yield Line("first table / pandas, requests, ipywidgets and the request", ours.cpu, three.cpu, "s", 1.5)
