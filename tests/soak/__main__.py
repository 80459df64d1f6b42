"""``python -m tests.soak --operations 10000 --seed 1``: a long soak, with its figures."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time

from .run import Soaked, soak

EVERY = 250
"""Operations after which a long soak says how far it is."""


def main() -> None:
    """Run it, and print what was done and which faults were met."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.12, help="of the requests that meet a fault")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUCKETSNB_JOURNAL"] = folder
        started = time.monotonic()
        done = soak(asked.operations, seed=asked.seed, share=asked.share, told=tell)
    for title, counts in (("said", done.said), ("faults", done.injected)):
        print(f"{title}: {sum(counts.values()):,}")  # noqa: T201 - what this command is for
        for word, number in sorted(counts.items()):
            print(f"  {word:<28}{number:>8,}")  # noqa: T201
    print(f"{done.works:,} works at the end, {time.monotonic() - started:.0f} s, losses: 0")  # noqa: T201


def tell(operations: int, so_far: Soaked) -> None:
    """Say how far it is; an untrue word would have ended it."""
    if operations % EVERY == 0:
        faults = ", ".join(f"{kind} {number:,}" for kind, number in sorted(so_far.injected.items()))
        print(f"{operations:,} operations, faults: {faults}; untrue words: 0", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
