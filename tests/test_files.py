"""How a file of the user is written: whole or not at all, with its mode, and through its links."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bucketsnb import files
from bucketsnb.backend.stores.open import open_store
from bucketsnb.changes.journal import Journal, lines_of
from bucketsnb.cli.notebooks import FIRST, copy_missing, shipped
from bucketsnb.errors import ConfigurationError, JournalError
from bucketsnb.files import locked, replace_file
from bucketsnb.history import History
from bucketsnb.query import Query
from bucketsnb.widgets.parts.filters import SavedQueries
from tests.history.test_history import queue, status


@pytest.fixture(params=[0o022, 0o027, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask):
    replace_file(tmp_path / "new", "x")

    assert mode_of(tmp_path / "new") == 0o666 & ~umask
    assert names_in(tmp_path) == ["new"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o666, 0o660, 0o755])
def test_a_file_that_was_there_keeps_its_mode_whatever_the_umask(tmp_path, umask, mode):
    path = tmp_path / "old"
    path.write_text("old")
    path.chmod(mode)
    replace_file(path, "new")

    assert (path.read_text(), mode_of(path)) == ("new", mode)


@pytest.mark.parametrize("hops", [1, 2])
def test_a_link_is_followed_and_stays_a_link(tmp_path, hops):
    target = tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to("elsewhere/target" if hops == 1 else "second")
    (tmp_path / "second").symlink_to(target)
    replace_file(link, "new")

    assert (link.is_symlink(), target.read_text(), mode_of(target)) == (True, "new", 0o640)
    assert names_in(target.parent) == ["target"]


def test_a_link_to_a_file_that_is_not_there_yet_makes_it(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    replace_file(tmp_path / "link", "new")

    assert ((tmp_path / "target").read_text(), (tmp_path / "link").is_symlink()) == ("new", True)


@pytest.mark.parametrize("to", ["nowhere/target", "link"], ids=["a folder that is not there", "itself"])
def test_a_link_that_leads_nowhere_is_an_error_and_stays(tmp_path, to):
    (tmp_path / "link").symlink_to(tmp_path / to)
    with pytest.raises(OSError, match="link"):
        replace_file(tmp_path / "link", "new")

    assert names_in(tmp_path) == ["link"]


def test_a_file_with_a_second_name_is_refused_and_both_keep_what_they_hold(tmp_path):
    (tmp_path / "one").write_text("old")
    os.link(tmp_path / "one", tmp_path / "two")
    with pytest.raises(OSError, match=r"hard link.*one"):
        replace_file(tmp_path / "one", "new")

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one": "old", "two": "old"}


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path, "new")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    replace_file(tmp_path / "pipe", "new")
    reader.join(10)

    assert (read, stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)) == (["new"], True)


def test_the_null_device_stays_one():
    replace_file(Path("/dev/null"), "new")

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path; from bucketsnb.files import replace_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "replace_file(Path(sys.argv[1]), 'x' * 5000)"
    )
    (tmp_path / "file").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, text=True, check=False
    )

    assert "File too large" in done.stderr
    assert "file'" in done.stderr.splitlines()[-1]
    assert ((tmp_path / "file").read_text(), names_in(tmp_path)) == ("old", ["file"])


def test_a_read_only_file_of_an_ordinary_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o444)
    if os.geteuid() == 0:  # root may write all: what it would be told is told here
        monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="read-only"):
        replace_file(tmp_path / "file", "new")

    assert (tmp_path / "file").read_text() == "old"


def test_saved_queries_go_through_a_link_and_keep_the_mode_of_their_file(tmp_path):
    (tmp_path / "shared.json").write_text("{}")
    (tmp_path / "shared.json").chmod(0o664)
    (tmp_path / "queries.json").symlink_to("shared.json")
    saved = SavedQueries(tmp_path / "queries.json")
    saved.save("failed", Query(status="failure"))

    assert (tmp_path / "queries.json").is_symlink()
    assert mode_of(tmp_path / "shared.json") == 0o664
    assert SavedQueries(tmp_path / "shared.json").names() == ["failed"]


def test_the_databases_that_are_kept_have_the_mode_that_the_umask_leaves(tmp_path, umask):
    open_store(f"sqlite:///{tmp_path}/works.db").close()
    History("http://localhost:8004", tmp_path / "history.db").record(status(a=queue(1)))

    assert {path.name: mode_of(path) for path in tmp_path.glob("*.db")} == dict.fromkeys(
        ("works.db", "history.db"), 0o666 & ~umask & 0o644
    )


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_database_behind_a_link_keeps_its_mode_and_the_link_stays(tmp_path, mode):
    for name in ("works.db", "history.db"):
        (tmp_path / f"real-{name}").touch()
        (tmp_path / f"real-{name}").chmod(mode)
        (tmp_path / name).symlink_to(f"real-{name}")
    open_store(f"sqlite:///{tmp_path}/works.db").close()
    History("http://localhost:8004", tmp_path / "history.db").record(status(a=queue(1)))

    assert [(path.is_symlink(), mode_of(path)) for path in tmp_path.glob("[wh]*.db")] == [(True, mode)] * 2


def test_notebooks_that_are_copied_have_the_mode_that_the_umask_leaves_and_go_through_links(tmp_path, umask):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / FIRST).symlink_to(tmp_path / "mine.ipynb")
    copy_missing(shipped(), folder)

    assert (folder / FIRST).is_symlink()
    assert {mode_of(path) for path in folder.iterdir()} == {0o666 & ~umask}


# --- locks ---


class WindowsLocks:
    """Locks on bytes as Windows has them: of one opening of a file, and against all others."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], int] = {}

    def locking(self, file: int, mode: int, length: int) -> None:
        place = (os.fstat(file).st_ino, os.lseek(file, 0, os.SEEK_CUR))
        holder = self.held.get(place)
        if mode == self.LK_UNLCK and holder == file:
            del self.held[place]
        elif mode == self.LK_UNLCK or (holder not in (None, file) and _is_open(holder, place[0])):
            raise PermissionError(errno.EACCES, "Permission denied")
        else:
            self.held[place] = file


def _is_open(file: int, inode: int) -> bool:
    try:
        return os.fstat(file).st_ino == inode
    except OSError:
        return False


@pytest.fixture
def _windows_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_fcntl", None)
    monkeypatch.setattr(files, "_msvcrt", WindowsLocks(), raising=False)


@pytest.mark.usefixtures("_windows_locks")
def test_an_entry_is_locked_by_a_byte_where_there_are_no_other_locks_and_stays_readable(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.begin({"verb": "delete"}, ["a"], entry="one") as writer:
        with pytest.raises(JournalError, match="being written by another"):
            journal.reopen("one")
        writer.line("end", counts={"done": 1})
        assert [line["kind"] for line in lines_of(journal.path("one"))] == ["plan", "works", "end"]
    journal.reopen("one").close()


@pytest.mark.usefixtures("_windows_locks")
def test_a_lock_beside_a_file_is_waited_for_by_bytes_too(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(ConfigurationError, match="has held the lock"),
        locked(tmp_path / "lock", wait=0.05),
    ):
        pass
    with locked(tmp_path / "lock"):
        pass


def test_a_disk_that_knows_no_locks_stops_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files._fcntl, "flock", no_locks)
    with pytest.raises(JournalError, match="No locks available"):
        Journal(tmp_path).begin({}, [])
