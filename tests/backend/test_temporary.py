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
next(iter(backend.store.view({})))
folder = backend.store.path.parent

def lets_go_of_all():
    globals().pop("backend")
    gc.collect()

def is_refused(act):
    try:
        act()
    except Exception as error:
        return "belongs to the process that opened it" in str(error)

def would_use_it():
    deposit = lambda: backend.store.deposit([{"pipeline": "x"}])
    os._exit(0 if is_refused(deposit) and is_refused(backend.store.status) else 1)

children = [int, sys.exit, lambda: backend.close(), lambda: backend.store.close(), lets_go_of_all, would_use_it]
for place, child in enumerate(children):
    if sys.argv[1] == "os.fork":
        one = os.fork()
        if not one:
            child()
            sys.exit(0)
        assert os.waitpid(one, 0)[1] == 0, place
    else:
        one = multiprocessing.get_context("fork").Process(target=child)
        one.start()
        one.join()
        assert one.exitcode == 0, place
    backend.store.deposit([{"pipeline": "x"}])
    assert backend.store.status()["total"] == 4 + place
    assert len(list(folder.iterdir())) == 3, place
backend.close()
assert not folder.exists()
"""
"""A parent, and children that end, exit, close the backend, close the store, let go of both, or would use it."""


@pytest.mark.parametrize("fork", ["os.fork", "multiprocessing"])
def test_a_forked_child_that_ends_takes_nothing_from_its_parent(fork: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, fork], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("ending", ["pass", "sys.exit(3)", "raise RuntimeError", "del backend"])
def test_it_is_removed_when_its_process_ends_without_closing_it(ending: str, tmp_path: Path) -> None:
    code = f"import sys; from bucketsnb import LocalBackend; backend = LocalBackend(sample=3)\n{ending}"
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=HERE, env=environ, capture_output=True, timeout=60, check=False)
    assert list(tmp_path.iterdir()) == []
