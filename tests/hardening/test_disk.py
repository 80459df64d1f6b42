"""A disk that is full or read-only, and a file of a newer version: nothing is half done, and a message says why."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bucketsnb.backend.stores.base import StoreUnavailable
from bucketsnb.backend.stores.open import open_store
from bucketsnb.backend.stores.sqlite.schema import SCHEMA_VERSION
from tests.backend.serving import HERE
from tests.factory import make_work

pytestmark = pytest.mark.slow

LIMITS = {
    "full": ("store._file.writer.execute('PRAGMA max_page_count = 200')", 507, "is full: free some space"),
    # What a quota looks like too: to SQLite neither is a full disk.
    "over a limit": ("resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, 800_000))", 503, "your quota on it"),
}
SCRIPT = """
import resource, signal, sys
from bucketsnb.backend.server import serve
from bucketsnb.backend.stores.open import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(sys.argv[1])
{limit}
serve("127.0.0.1", 0, store)
"""


@contextmanager
def served(script: str, *arguments: str) -> Iterator[str]:
    """Serve by a script in a process of its own, and give the address."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield line.split()[-1]
        finally:
            process.kill()


def ask(method: str, url: str, body: Any = None) -> tuple[int, Any]:
    answer = requests.request(method, url, json=body, timeout=30)
    return answer.status_code, answer.json()


def works_in(file: Path) -> list[dict[str, Any]]:
    """Return what a file holds, which is sound."""
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    store = open_store(file)
    try:
        works: list[dict[str, Any]] = json.loads(b"".join(store.view({})))
    finally:
        store.close()
    return works


@pytest.mark.parametrize(("limit", "status", "said"), LIMITS.values(), ids=LIMITS)
def test_a_disk_that_takes_no_more_is_said_and_loses_nothing(
    tmp_path: Path, limit: str, status: int, said: str
) -> None:
    file = tmp_path / "works.db"
    kept: list[str] = []
    with served(SCRIPT.format(limit=limit), str(file)) as url:
        for _ in range(200):
            found, answer = ask("POST", f"{url}/work?return_ids=True", [make_work(results={"data": "x" * 30_000})])
            if found != 200:
                break
            kept += answer
        assert (status, True) == (found, said in answer["message"]), answer
        assert answer["message"].endswith("nothing was changed")
        assert len(kept) > 5
        assert ask("GET", f"{url}/status")[1]["total"] == len(kept), "reading goes on"
    assert sorted(kept) == sorted(work["id"] for work in works_in(file))
    store = open_store(file)
    assert len(store.deposit([make_work()])) == 1, "with room again it goes on"
    store.close()


def test_a_file_that_may_not_be_written_is_refused_with_the_reason() -> None:
    # Nobody may write it: root, who may write anything, becomes another user first. A folder that all may enter.
    script = (
        "import os, sys; from bucketsnb.backend.server import serve; import bucketsnb.backend.stores.sqlite.store;"
        "os.getuid() or os.setuid(65534); serve('127.0.0.1', 0, sys.argv[1])"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "works.db"
        store = open_store(file)
        store.deposit([make_work()])
        store.close()
        file.chmod(0o444)
        file.parent.chmod(0o555)
        command = [sys.executable, "-c", script, str(file)]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=60, check=False)
        file.parent.chmod(0o755)
        file.chmod(0o644)
        assert ended.returncode == 1
        assert "works.db cannot be written: it, or its folder, is read-only" in ended.stderr.splitlines()[-1]
        assert len(works_in(file)) == 1


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "works.db"
    open_store(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreUnavailable, match=r"written by a newer bucketsnb .* upgrade bucketsnb, or choose another"):
        open_store(file)
    assert before == file.read_bytes()


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_file_that_is_removed_or_replaced_while_it_is_served_takes_no_more_works(
    tmp_path: Path, end: str, replaced: bool
) -> None:
    """The log and its index as well: what is written to a log that nobody finds again is lost with the process."""
    file, aside = tmp_path / f"works.db{end}", tmp_path / "aside.db"
    with served(SCRIPT.format(limit=""), str(tmp_path / "works.db")) as url:
        (kept,) = ask("POST", f"{url}/work?return_ids=True", [make_work()])[1]
        file.rename(aside)
        if replaced:
            shutil.copy(aside, file)
        for method, path, body in [
            ("POST", "/work/withdraw", {"pipeline": make_work()["pipeline"]}),
            ("POST", "/work", [make_work()]),
            ("PUT", "/work", [{"id": kept, "user": "x"}]),
            ("DELETE", "/work", {"ids": [kept]}),
            ("GET", "/audit/stale/0", None),
        ]:
            status, answer = ask(method, url + path, body)
            assert (status, "removed or replaced" in answer["message"]) == (503, True), answer
        assert file.exists() is replaced
        aside.rename(file)
        assert ask("POST", f"{url}/work", [make_work()]) == (200, True)
    assert len(works_in(tmp_path / "works.db")) == 2


@pytest.mark.parametrize("version", [0, 1, SCHEMA_VERSION])
def test_a_file_of_something_else_is_refused_whatever_its_version(tmp_path: Path, version: int) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(f"CREATE TABLE bookmarks (url); PRAGMA user_version = {version};")
    before = file.read_bytes()
    with pytest.raises(StoreUnavailable, match="is a database of something else"):
        open_store(file)
    assert file.read_bytes()[100:] == before[100:]  # the header says how the file is written, and that is by a log


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    for name in ("a b.db", "é😀.db", "a?mode=ro.db", "a#b.db", "a%20b.db", ":memory:", "file:x.db"):
        with closing(open_store(tmp_path / name)) as store:
            store.deposit([make_work()])
            assert (store.status()["total"], (tmp_path / name).exists()) == (1, True)


@pytest.mark.parametrize(
    "address",
    [
        ":memory:",
        ":MEMORY:",
        "FILE:x.db",
        "sqlite:///:memory:",
        "sqlite://:memory:",
        "sqlite://",
        "file::memory:",
        "file:x?mode=memory",
        "",
    ],
)
def test_a_store_in_memory_is_refused_as_the_word_is_no_name_of_a_file(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"works\.db|temporary"):
        open_store(address)
    assert list(tmp_path.iterdir()) == []
