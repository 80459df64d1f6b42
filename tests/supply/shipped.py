"""What is shipped, as a person meets it: the wheel and the sdist, in an empty folder, with and without the extras."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.supply.tools import HERE, clean, environment, output, run, uv

TRY = """
import sys
from bucketsnb import Buckets
with Buckets(sys.argv[1]) as buckets:
    (one,) = buckets.deposit([{"pipeline": "a", "site": "chime", "user": "me"}], return_ids=True)
    assert len(buckets.view({"id": one})) == 1
    receipt = buckets.plan_delete([one]).apply()
    assert receipt.ok and receipt.undo().ok and buckets.count({}) == 51, receipt
"""

MISSING = {
    "backend": "from bucketsnb import LocalBackend",
    "plots": "import bucketsnb.plots",
    "lab": "import bucketsnb.report",
}
"""What says, by the core alone, which extra brings it and how it is installed."""


def shipped(folder: Path) -> list[str]:
    """Try the wheel and the sdist."""
    dist = folder / "dist"
    run([*uv(), "build", "--quiet", "--out-dir", str(dist), str(HERE)])  # the wheel is made from the sdist
    run([*uv(), "build", "--quiet", "--wheel", "--out-dir", str(folder / "tree"), str(HERE)])
    (wheel,), (sdist,), (of_tree,) = dist.glob("*.whl"), dist.glob("*.tar.gz"), (folder / "tree").glob("*.whl")
    assert contents(wheel) == contents(of_tree), "the wheel of the sdist is not the wheel of the tree"
    strays = [name for name in contents(wheel) if name.startswith("tests/") or "/tests/" in name]
    assert not strays, strays
    assert {"bucketsnb/py.typed", "bucketsnb/notebooks/01-first-look.ipynb"} <= set(contents(wheel))
    said = [f"the sdist of {len(_names(sdist))} files makes the very wheel of the tree, {len(contents(wheel))} files"]
    for file in (wheel, sdist):
        core = environment(folder / f"core{file.suffix}", sys.executable, str(file))
        _core(core, _empty(folder, f"core{file.suffix}"))
        whole = environment(folder / f"backend{file.suffix}", sys.executable, f"{file}[backend]")
        _serve(whole, _empty(folder, f"backend{file.suffix}"))
        said.append(f"{file.name}: helps, names the extras that it misses, serves, deposits, views, deletes, undoes")
    return said


def contents(wheel: Path) -> Mapping[str, bytes]:
    """Return the files of a wheel, but the list of their hashes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}


def _names(sdist: Path) -> list[str]:
    with tarfile.open(sdist) as archive:
        return archive.getnames()


def _empty(folder: Path, name: str) -> Path:
    made = folder / "empty" / name
    made.mkdir(parents=True)
    return made


def _core(python: str, empty: Path) -> None:
    where = output([python, "-c", "import bucketsnb; print(bucketsnb.__file__)"], cwd=empty)
    assert Path(where.strip()).is_relative_to(Path(python).parents[1]), where
    script = str(Path(python).with_name("bucketsnb"))
    assert "delete" in output([script, "--help"], cwd=empty)
    assert "0." in output([script, "--version"], cwd=empty)
    for extra, code in MISSING.items():
        said = output([python, "-c", code], cwd=empty, code=None).strip().rpartition("\n")[2]
        assert re.search(rf"pip install '?\"?bucketsnb\[{extra}\]", said), said
    said = output([script, "serve"], cwd=empty, code=1)
    assert "pip install" in said, said
    assert "bucketsnb[backend]" in said, said
    assert "Traceback" not in said, said


def _serve(python: str, empty: Path) -> None:
    script = str(Path(python).with_name("bucketsnb"))
    environ = {"BUCKETSNB_JOURNAL": str(empty / "journal"), "HOME": str(empty)}
    command = [script, "serve", "--port", "0", "--store", "sqlite:///works.db", "--sample", "50"]
    server = subprocess.Popen(command, cwd=empty, stdout=subprocess.PIPE, text=True, env=clean(environ))
    try:
        assert server.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", server.stdout.readline())
        assert found is not None
        output([python, "-c", TRY, found[0]], cwd=empty, environ=environ)
        counts = json.loads(output([script, "status", "--url", found[0], "--json"], cwd=empty, environ=environ))
        assert counts["total"]["total"] == 51, counts
    finally:
        server.terminate()
        assert server.wait(30) == 0
