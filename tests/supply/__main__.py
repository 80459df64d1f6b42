"""``python -m tests.supply``: the oldest dependencies that are allowed, and what is shipped, each tried from nothing.

A virtual environment with every dependency at its lower bound runs a part of the tests; the wheel and the sdist are
built, installed and used from an empty folder. Needs a package index, and minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parents[2]
PARTS = ("tests/query", "tests/frames", "tests/changes")
TOOLS = ("pytest", "pytest-timeout", "hypothesis", "psutil", "pymongo", "nbformat")
TRY = """
from bucketsnb import Buckets, LocalBackend
with LocalBackend(sample=50) as backend, Buckets(backend.url) as buckets:
    (one,) = buckets.deposit([{"pipeline": "a", "site": "chime", "user": "me"}], return_ids=True)
    assert len(buckets.view({"id": one})) == 1
    receipt = buckets.plan_delete([one]).apply()
    assert receipt.ok and receipt.undo().ok and buckets.count({}) == 51
print("deposited, viewed, deleted, undone")
"""


def lower_bounds() -> list[str]:
    """Return what the package needs, and its backend and plots, each at its lower bound."""
    text = (HERE / "pyproject.toml").read_text("utf-8")
    parts = (
        re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S),
        re.search(r"^backend = \[(.*?)^\]", text, re.M | re.S),
    )
    plots = re.search(r'^plots = \["([^"]+)"', text, re.M)
    found = [line for part in parts if part for line in re.findall(r'^\s*"([^"]+)"', part.group(1), re.M)]
    return [one.replace(">=", "==") for one in [*found, *([plots.group(1)] if plots else [])]]


def environment(folder: Path, *needed: str) -> Path:
    """Make a virtual environment that holds what is needed, and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run([str(python), "-m", "pip", "install", "--quiet", *needed])
    return python


def run(command: list[str], cwd: Path = HERE) -> None:
    """Run a command that must succeed, without our own modules on the way."""
    print("$", *command[:8], flush=True)  # noqa: T201 - what this command is for
    subprocess.run(command, cwd=cwd, check=True, env={**os.environ, "PYTHONPATH": ""})


def oldest(folder: Path) -> None:
    """Try the oldest dependencies."""
    bounds = lower_bounds()
    print("\n".join(bounds))  # noqa: T201
    python = environment(folder / "oldest", *bounds, *TOOLS)
    run([str(python), "-c", TRY])
    run([str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *PARTS])


def shipped(folder: Path) -> None:
    """Try the wheel and the sdist."""
    builder = environment(folder / "builder", "build")
    run([str(builder), "-m", "build", "--outdir", str(folder / "dist"), str(HERE)])
    for file in sorted((folder / "dist").iterdir()):
        python = environment(folder / file.name.replace(".", "-"), f"{file}[backend]")
        empty = folder / f"empty-{file.suffix}"
        empty.mkdir()
        run([str(python), "-c", TRY], empty)
        run([str(python), "-m", "bucketsnb", "--help"], empty)


def main() -> None:
    """Try one, the other or both."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["oldest", "shipped", "all"], default="all")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["BUCKETSNB_JOURNAL"] = f"{name}/journal"
        for one in (oldest, shipped):
            if asked.what in (one.__name__, "all"):
                one(Path(name))


if __name__ == "__main__":
    sys.exit(main())
