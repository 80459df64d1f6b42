"""A store that need not last belongs to the process that made it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.serving import HERE

pytestmark = pytest.mark.slow

SCRIPT = """
import gc, multiprocessing, os, sys, warnings
warnings.simplefilter("ignore")  # newer Pythons warn of forks beside threads: this one is meant
from bucketsnb import LocalBackend

backend = LocalBackend(sample=3)
next(iter(backend.store.view({{}})))
folder = backend.store.path.parent

def child():
{child}

if {by_fork}:
    one = os.fork()
    if not one:
        child()
        sys.exit(0)
    assert os.waitpid(one, 0)[1] == 0
else:
    one = multiprocessing.get_context("fork").Process(target=child)
    one.start()
    one.join()
    assert one.exitcode == 0
backend.store.deposit([{{"pipeline": "x"}}])
assert backend.store.status()["total"] == len(list(backend.store.path.parent.iterdir())) + 1 == 4
backend.close()
assert not folder.exists()
"""
CHILDREN = {
    "ends": "pass",
    "exits": "sys.exit(0)",
    "closes the backend": "backend.close()",
    "closes the store": "backend.store.close()",
    "lets go of all": "globals().pop('backend'); gc.collect()",
    "would use it": """
    try:
        backend.store.deposit([{"pipeline": "x"}])
    except Exception as error:
        assert "belongs to the process that opened it" in str(error), error
        try:
            backend.store.status()
        except Exception as error:
            sys.exit(0 if "belongs to the process that opened it" in str(error) else 1)
    os._exit(1)
""",
}


@pytest.mark.parametrize("by_fork", [True, False], ids=["os.fork", "multiprocessing"])
@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
def test_a_forked_child_that_ends_takes_nothing_from_its_parent(child: str, by_fork: bool) -> None:
    code = SCRIPT.format(child=child if child.startswith("\n") else f"    {child}", by_fork=by_fork)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("ending", ["pass", "sys.exit(3)", "raise RuntimeError", "del backend"])
def test_it_is_removed_when_its_process_ends_without_closing_it(ending: str, tmp_path: Path) -> None:
    code = f"import sys; from bucketsnb import LocalBackend; backend = LocalBackend(sample=3)\n{ending}"
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=HERE, env=environ, capture_output=True, timeout=60, check=False)
    assert list(tmp_path.iterdir()) == []
