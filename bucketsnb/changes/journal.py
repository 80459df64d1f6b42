"""The local record of changes: one append-only file of JSON lines an entry, on disk before anything leaves.

The folder is `BUCKETSNB_JOURNAL`, else the user's data folder. It is readable by its owner only (0700, files 0600),
every line is forced to the disk before the caller goes on, and no token is ever in it. An entry has these lines:

``plan``
    verb, host, who, when, why, how many.
``works``
    the id of each work of the plan, by position.
``chunk``
    the full works of a request that is about to leave, as they are (`before`) and as they are to be (`after`).
``outcome``
    what became of each work of that chunk. A chunk without one may or may not have left: look.
``end``
    the counts. An entry without one was cut short.

Size: when an entry begins and the folder holds more than 1 GiB, entries older than 30 days are dropped, oldest first,
until it does not. Younger ones are never dropped; when they fill 4 GiB, changes are refused until files are moved.

Processes share the folder without harm: each entry is a file of its own, locked while it is written, and a forked
process writes in none of its parent's.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import secrets
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import platformdirs

from bucketsnb.errors import JournalError, PlanAlreadyApplied

_fcntl: Any
try:
    import fcntl as _fcntl
except ImportError:  # Windows has no such locks; there, two processes must not undo one entry at the same moment
    _fcntl = None

__all__ = ["KEEP_DAYS", "LIMIT", "Journal", "Writer", "ends_of", "lines_of"]

LIMIT = 1 << 30
"""Bytes above which entries older than `KEEP_DAYS` are dropped."""

KEEP_DAYS = 30.0
"""Days for which no entry is dropped."""

_REFUSE_AT = 4
_TAIL = 1 << 16
_BEGUN = 2
"""Lines after which an entry counts as begun: the plan and its works."""
_SUFFIX = ".jsonl"
_OPEN: weakref.WeakSet[Writer] = weakref.WeakSet()


class Journal:
    """A folder of entries.

    Parameters
    ----------
    folder
        Where; by default `BUCKETSNB_JOURNAL`, else the user's data folder.
    limit
        Bytes above which old entries are dropped.
    keep_days
        Age in days below which none is.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = LIMIT, keep_days: float = KEEP_DAYS) -> None:
        self.folder = folder or _default_folder()
        self.limit = limit
        self.keep_days = keep_days

    def begin(self, head: Mapping[str, Any], ids: Sequence[str | None], *, entry: str | None = None) -> Writer:
        """Start an entry and put its plan on the disk.

        Parameters
        ----------
        head
            What to keep of the plan.
        ids
            Id of each work by position, `None` where it has none yet.
        entry
            Id of the entry; by default a new one, from the time and a random part.

        Raises
        ------
        JournalError
            If it cannot be kept.
        PlanAlreadyApplied
            If an entry of this id was begun before.
        """
        self._make_room()
        path = self.path(entry or f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}")
        writer = Writer(path, new=True)
        try:
            writer.line("plan", entry=writer.entry, version=1, **_who(), **head)
            writer.line("works", ids=list(ids))
        except BaseException:  # an interruption too: nothing was sent, and the lock must not outlive this
            path.unlink(missing_ok=True)
            writer.close()
            raise
        return writer

    def reopen(self, entry: str, *, length: int | None = None) -> Writer:
        """Continue an entry.

        Parameters
        ----------
        entry
            Its id.
        length
            Bytes that it had when it was read; `None` takes it as it is.

        Raises
        ------
        JournalError
            If it is not there, cannot be written, or is being written by another process or thread.
        PlanAlreadyApplied
            If it was written since it was read.
        """
        return Writer(self.path(entry), new=False, length=length)

    def length(self, entry: str) -> int:
        """Return the bytes of an entry, 0 if it is not there."""
        try:
            return self.path(entry).stat().st_size
        except FileNotFoundError:
            return 0

    def path(self, entry: str) -> Path:
        """Return the file of an entry.

        Raises
        ------
        JournalError
            If the text cannot be the id of an entry.
        """
        if not entry or not all(letter.isalnum() or letter in "-_." for letter in entry) or entry.startswith("."):
            raise JournalError(f"{entry!r} is not an entry of the journal: buckets.journal() lists them.")
        return self.folder / f"{entry}{_SUFFIX}"

    def entries(self) -> list[str]:
        """Return the ids of all entries, the newest first."""
        return [path.name.removesuffix(_SUFFIX) for path in reversed(self._files())]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}")) if self.folder.is_dir() else []

    def _make_room(self) -> None:
        with _kept(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = [(path, stat) for path in self._files() if (stat := _stat(path)) is not None]
        total = sum(stat.st_size for _, stat in files)
        for path, stat in files:
            if total <= self.limit:
                return
            if stat.st_mtime < time.time() - self.keep_days * 86_400:
                path.unlink(missing_ok=True)
                total -= stat.st_size
        if total > _REFUSE_AT * self.limit:
            raise JournalError(
                f"The journal in {self.folder} holds {total:,} bytes of the last {self.keep_days:g} days, and nothing "
                "more is changed without a record. Move its files away, or point BUCKETSNB_JOURNAL elsewhere."
            )


class Writer:
    """One entry while it is written; locked, so that nobody else writes it.

    Parameters
    ----------
    path
        Its file.
    new
        Whether to make the entry or to continue it.
    length
        Bytes that it is to have, if it is continued.

    Raises
    ------
    JournalError
        If it cannot be opened, or somebody else is writing it.
    PlanAlreadyApplied
        If it was to be made and was begun before, or has another length.
    """

    def __init__(self, path: Path, *, new: bool, length: int | None = None) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | (os.O_CREAT if new else 0)
        with _kept(path):
            self._file = os.open(path, flags, 0o600)
        _OPEN.add(self)
        try:
            self._lock()
            if new:
                self._start()
            else:
                self._mend(length)
        except BaseException:
            self.close()
            raise

    @property
    def entry(self) -> str:
        """Id of the entry."""
        return self.path.name.removesuffix(_SUFFIX)

    @property
    def length(self) -> int:
        """Bytes of the entry so far."""
        return self.path.stat().st_size if self._file < 0 else os.fstat(self._file).st_size

    def line(self, kind: str, works: Mapping[str, Iterable[str] | None] | None = None, **content: Any) -> None:
        """Append a line and force it to the disk; `works` are lists by name, each work in it JSON of ASCII already.

        Raises
        ------
        JournalError
            If it is not on the disk; what was written of it is taken back.
        """
        if self._file < 0:
            raise JournalError(
                f"{self.entry} is written by the process that this one was forked from: it goes on there."
            )
        start = json.dumps({"kind": kind, "at": time.time(), **content}, separators=(",", ":")).removesuffix("}")
        lists = (
            f',"{name}":' + ("null" if texts is None else "[" + ",".join(texts) + "]")
            for name, texts in (works or {}).items()
        )
        data = "".join([start, *lists, "}\n"]).encode("ascii")
        with _kept(self.path):
            length = os.fstat(self._file).st_size
            try:
                _write_all(self._file, data)
                os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, length)
                raise

    def close(self) -> None:
        """Let go of the file, and of its lock: a process that is forked at this moment has the file too."""
        with contextlib.suppress(OSError):  # closing lets go of it too, once no other process has the file
            if self._file >= 0 and _fcntl is not None:
                _fcntl.flock(self._file, _fcntl.LOCK_UN)
        self.leave()

    def leave(self) -> None:
        """Close the file, and leave its lock to the process that this one was forked from."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lock(self) -> None:
        if _fcntl is None:
            return
        busy = f"Entry {self.entry} is being written by another application of it. Wait until that ends."
        try:
            _fcntl.flock(self._file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JournalError(busy) from error
        if not os.fstat(self._file).st_nlink:  # given up by another, between the opening and the lock
            raise JournalError(busy)

    def _start(self) -> None:
        """Start an empty file; what is left of a start that was cut off before anything could be sent is dropped."""
        if sum(1 for _ in lines_of(self.path)) >= _BEGUN:
            raise PlanAlreadyApplied(
                f"{self.entry} was begun meanwhile, by another process or thread; nothing was sent."
            )
        try:
            with _kept(self.path):
                os.ftruncate(self._file, 0)
            _sync_folder(self.path.parent)
        except BaseException:  # an interruption leaves no empty entry
            self.path.unlink(missing_ok=True)
            raise

    def _mend(self, length: int | None) -> None:
        """Start on a line of its own after one that was cut off in the middle."""
        if length is not None and length != self.length:
            raise PlanAlreadyApplied(
                f"{self.entry} was gone on with meanwhile, by another process, thread or plan; nothing was sent. "
                "Look into the journal, and plan it anew."
            )
        with _kept(self.path):
            size = self.length
            os.lseek(self._file, max(size - 1, 0), os.SEEK_SET)
            if size and os.read(self._file, 1) != b"\n":
                _write_all(self._file, b"\n")


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of an entry; one that was cut off in the middle is passed over, as it never counted.

    Raises
    ------
    JournalError
        If there is no such entry, or it cannot be read.
    """
    with _readable(path), path.open("rb") as file:
        yield from filter(None, map(_line, file))


def ends_of(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the first and the last line of an entry; either is empty if it is not a whole line.

    Raises
    ------
    JournalError
        If it cannot be read.
    """
    with _readable(path), path.open("rb") as file:
        first = _line(file.readline())
        file.seek(max(path.stat().st_size - _TAIL, 0))
        return first, _line(file.read().rpartition(b"\n")[0].rpartition(b"\n")[2] + b"\n")


def _line(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and text.endswith(b"\n") else {}


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as none:
        raise JournalError(
            f"There is no entry {path.name.removesuffix(_SUFFIX)} in {path.parent}: buckets.journal() lists them."
        ) from none
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error


def _default_folder() -> Path:
    named = os.environ.get("BUCKETSNB_JOURNAL")
    return Path(named).expanduser() if named else platformdirs.user_data_path("bucketsnb") / "journal"


def _who() -> dict[str, Any]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(getattr(os, "getuid", lambda: "unknown")())
    return {"user": user, "machine": platform.node(), "process": os.getpid()}


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:  # dropped meanwhile, by another process that makes room
        return None


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot, and keep the name anyway
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _kept(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The record of this change could not be kept in {path}: {error.strerror}. Free some space, or point "
            "BUCKETSNB_JOURNAL at a folder that can be written. Nothing goes to the service without a record."
        ) from error


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: list(map(Writer.leave, _OPEN)))
