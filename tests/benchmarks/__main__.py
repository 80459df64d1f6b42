"""``python -m tests.benchmarks [GROUP ...]``: measure, and print a table of ratios."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import tests.benchmarks
from bucketsnb.display.texts import table

HELPERS = {"__main__", "lines", "static", "public_way"}


def groups() -> list[str]:
    """Return the names of the modules here that measure something."""
    return sorted(found.name for found in pkgutil.iter_modules(tests.benchmarks.__path__) if found.name not in HELPERS)


def main() -> None:
    """Measure the groups that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=tests.benchmarks.__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(groups())}; all if none is named")
    parser.add_argument("--works", type=int, default=100_000, help="works of one answer")
    parser.add_argument("--many", type=int, default=1_000_000, help="works of the longest read")
    parser.add_argument("--queued", type=int, default=1_000_000, help="works in the longer queue of the backend")
    parser.add_argument("--public", type=Path, help="a virtual environment with the public client and pandas")
    parser.add_argument("--no-public", action="store_true", help="leave the public client out")
    options = parser.parse_args()
    measured = []
    for group in options.groups or groups():
        for line in import_module(f"tests.benchmarks.{group}").lines(options):
            measured.append(line.cells)
            print(f"  {line.name}: {line.ratio:.2f}", file=sys.stderr)  # noqa: T201 - a sign of life
    print(table(["what", "ours", "other", "ratio", "wanted", "held"], measured))  # noqa: T201 - what this is for


if __name__ == "__main__":
    main()
