"""``python -m tests.model --examples 5000``: what deposits and updates take, judged by the public client, for long.

Each example is a list of rows (for the deposits) or of changes (for the updates); it prints what it met, and ends with
the smallest example if the public client would not read something that was taken.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets, LocalBackend
from tests.factory import make_work

from .judge import judging
from .properties import check_deposit, check_updates
from .rows import CHANGES, ROWS

CHECKS = list(HealthCheck)


def main() -> None:
    """Run both properties, and print what was met."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--examples", type=int, default=5_000, help="of each property")
    parser.add_argument("--only", choices=("deposits", "updates"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalBackend() as backend, Buckets(backend.url) as buckets:
        os.environ["BUCKETSNB_JOURNAL"] = folder
        backend.store.load([make_work(status="queued")])
        with judging(Path(folder)) as judge:
            checks = {
                "deposits": (st.lists(ROWS, min_size=1, max_size=8), check_deposit),
                "updates": (st.lists(CHANGES, min_size=1, max_size=3), check_updates),
            }
            for title, (drawn, check) in checks.items():
                if asked.only in (None, title):
                    run(title, drawn, asked.examples, partial(check, buckets, judge))


def run(title: str, drawn: st.SearchStrategy[Any], examples: int, check: Callable[[Any, Counter[str]], None]) -> None:
    """Hold one property for so many examples."""
    met: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, suppress_health_check=CHECKS, database=None)
    @given(drawn)
    def hold(example: Any) -> None:
        check(example, met)

    started = time.monotonic()
    hold()
    print(f"{title}: {examples:,} examples in {time.monotonic() - started:.0f} s, wrong: 0")  # noqa: T201 - its purpose
    for word, number in sorted(met.items(), key=lambda pair: -pair[1])[:40]:
        print(f"  {word:<44}{number:>8,}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
