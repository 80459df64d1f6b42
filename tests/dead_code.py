"""``python -m tests.dead_code``: code of the package that nobody calls; the tests count as callers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Print what is found in the package; what it finds in the tests are fixtures and test functions."""
    found = subprocess.run([sys.executable, "-m", "vulture"], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in found.stdout.splitlines() if line.startswith("bucketsnb")]
    print(*lines, found.stderr, sep="\n")  # noqa: T201 - what this command is for
    return int(bool(lines or found.returncode not in (0, 3)))


if __name__ == "__main__":
    sys.exit(main())
