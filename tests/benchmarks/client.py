"""The client: an answer of many works, against the public client's way and against the least that can be done."""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bucketsnb.backend.samples import sample_works
from tests.benchmarks import public_way
from tests.benchmarks.lines import Line, measure
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

OURS = """
import bucketsnb
from bucketsnb.frames import frame_of
buckets = bucketsnb.Buckets("{url}")
"""

WHOLE = "frame = buckets.view({}, limit=0)"
DECODED = 'works = msgspec.json.decode(requests.post("{url}/view", json=BODY).content, type=list[Work])'
LIGHT = 'frame = buckets.view({}, limit=0, columns="light")'
PAGED = "frame = buckets.view({}, limit=None, progress=False)"


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
    ours = measure(WHOLE, before=OURS.format(url=url))
    floor = measure(DECODED.format(url=url), before=FLOOR.format(url=url))
    count = f"{options.works:,} works"
    yield Line(f"{count}: frame / floor", ours.cpu, floor.cpu, "s", 1.5)
    yield Line(f"{count}: memory of frame / floor", ours.peak, floor.peak, "MiB", 2.0)
    if not options.no_public:
        python = public_way.python(options.public)
        public = measure(
            "frame = json_normalize(buckets.view(query={}, limit=0))", before=PUBLIC.format(url=url), python=python
        )
        yield Line(f"{count}: frame / public client's way", ours.cpu, public.cpu, "s", 1 / 6)
        yield Line(f"{count}: memory of frame / public client's way", ours.peak, public.peak, "MiB", 0.45)
    light = measure(LIGHT, before=OURS.format(url=url))
    yield Line(f"{count}: light columns / whole", light.cpu, ours.cpu, "s", 1 / 3)


def _pages(file: Path, options: Namespace) -> Iterator[Line]:
    each = {}
    for count in (options.works, options.many):
        with served(file, paged=count) as url:
            each[count] = measure(PAGED, before=OURS.format(url=url), times=1)
    few, many = each[options.works], each[options.many]
    name = f"{options.many:,} works in pages / {options.works:,}"
    yield Line(f"{name}: time of one work", 1e6 * many.cpu / options.many, 1e6 * few.cpu / options.works, "us", 1.2)
    yield Line(
        f"{name}: memory of one work", 1024 * many.peak / options.many, 1024 * few.peak / options.works, "KiB", 1.0
    )


def _imports() -> Iterator[Line]:
    ours, pandas = measure("import bucketsnb", times=5), measure("import pandas", times=5)
    yield Line("import bucketsnb / import pandas", ours.cpu, pandas.cpu, "s", 0.1)
    client = measure("import bucketsnb; bucketsnb.Buckets", times=5)
    three = measure("import pandas, requests, ipywidgets", times=5)
    yield Line("import of the client / pandas, requests, ipywidgets", client.cpu, three.cpu, "s", 1.5)
