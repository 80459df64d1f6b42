"""``python -m tests.supply``: what a release stands on, each part tried in virtual environments made from nothing.

- ``oldest``: every dependency at its lower bound, on the oldest Python: the core and each extra alone, then the tests.
- ``pythons``: the tests on every supported Python that this machine has, with the newest dependencies.
- ``pandas``: the tests of the daily loop on the oldest and the newest Python here, each with the oldest and the newest
  pandas that it can have.
- ``shipped``: the wheel and the sdist, installed and used from an empty folder, with and without the extras.
- ``audit``: known vulnerabilities of the newest dependencies.

Needs a package index, and for the audit its service of advisories; takes minutes. Run it from a clean clone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from tests.supply import audit, bounds, shipped

PARTS = {
    "oldest": bounds.oldest,
    "pythons": bounds.pythons,
    "pandas": bounds.pandas,
    "shipped": shipped.shipped,
    "audit": audit.audit,
}


def main() -> int:
    """Try the parts that were asked for, each to its end, and say how each went."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.supply", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them if none is named")
    asked = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in asked if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    said = {}
    for part in asked:
        with tempfile.TemporaryDirectory() as folder:
            try:
                said[part] = PARTS[part](Path(folder))
            except Exception:
                traceback.print_exc()
                said[part] = ["FAILED: see above"]
    lines = [f"{part:<8} {line}" for part, outcomes in said.items() for line in outcomes]
    print("", *lines, sep="\n", flush=True)  # noqa: T201 - what this command is for
    return int(any("FAILED" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
