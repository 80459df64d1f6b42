"""Saved queries: kernels share the file, and none takes away what another has saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bucketsnb import Query
from bucketsnb.errors import ConfigurationError
from bucketsnb.files import locked
from bucketsnb.widgets.parts.filters import SavedQueries

EACH = 25
SAVER = f"""
import sys
from pathlib import Path
from bucketsnb import Query
from bucketsnb.widgets.parts.filters import SavedQueries
saved = SavedQueries(Path(sys.argv[1]))
sys.stdin.readline()
for number in range({EACH}):
    saved.save(f"{{sys.argv[2]}} {{number}}", Query(pipeline=sys.argv[2]))
    if number % 5 == 0:
        saved.delete(f"{{sys.argv[2]}} {{number}}")
"""


@pytest.mark.slow
def test_what_two_kernels_save_at_once_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "data" / "queries.json"
    names = ("one", "other", "third")
    processes = [
        subprocess.Popen([sys.executable, "-c", SAVER, str(path), name], stdin=subprocess.PIPE) for name in names
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    expected = sorted(f"{name} {number}" for name in names for number in range(EACH) if number % 5)
    assert SavedQueries(path).names() == expected


def test_a_kernel_that_hangs_with_the_lock_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = SavedQueries(tmp_path / "queries.json")
    saved.save("a", Query(status="failure"))
    lock = tmp_path / ".queries.json.lock"
    with locked(lock), pytest.raises(ConfigurationError, match="has held the lock"), locked(lock, wait=0.1):
        pass
    saved.save("b", Query(status="failure"))
    assert saved.names() == ["a", "b"]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, '"text"', '{"a": 1e999', "\udcff"])
def test_a_damaged_file_is_an_error_of_ours_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "queries.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    before = path.read_bytes()
    for call in (lambda: SavedQueries(path).names(), lambda: SavedQueries(path).save("a", Query(status="failure"))):
        with pytest.raises(ConfigurationError, match="saved queries"):
            call()
    assert path.read_bytes() == before


def test_a_relative_file_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved = SavedQueries(Path("queries-of-a-test.json"))
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    saved.save("a", Query(status="failure"))
    assert list(json.loads((tmp_path / "queries-of-a-test.json").read_text())) == ["a"]
