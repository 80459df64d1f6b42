"""One entry of the journal as a file: JSON lines, each forced to the disk, locked while it is written."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bucketsnb.errors import Cure, JournalError, PlanAlreadyApplied
from bucketsnb.files import OPEN_FLAGS, try_lock, unlock

__all__ = ["SUFFIX", "UNDO_SUFFIX", "Writer", "ends_of", "kept", "lines_of"]

SUFFIX = ".jsonl"
"""End of the names of the files of entries."""

UNDO_SUFFIX = ".undo"
"""Added to the id of an entry, it is the id of the entry of its undo."""

_TAIL = 1 << 16
_BEGUN = 2
"""Lines after which an entry counts as begun: the plan and its works."""
_OPEN: weakref.WeakSet[Writer] = weakref.WeakSet()


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
        self.is_new = new
        self.length = 0
        flags = os.O_RDWR | os.O_APPEND | OPEN_FLAGS | (os.O_CREAT if new else 0)
        with kept(path) if new else _readable(path):
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
        return self.path.name.removesuffix(SUFFIX)

    def line(self, kind: str, works: Mapping[str, Iterable[str] | None] | None = None, **content: Any) -> None:
        """Append a line and force it to the disk; `works` are lists by name, each work in it JSON of ASCII already.

        Raises
        ------
        JournalError
            If it is not on the disk, or nobody would find it there; what was written of it is taken back.
        """
        self.check()
        start = json.dumps({"kind": kind, "at": time.time(), **content}, separators=(",", ":")).removesuffix("}")
        lists = (
            f',"{name}":' + ("null" if texts is None else "[" + ",".join(texts) + "]")
            for name, texts in (works or {}).items()
        )
        data = "".join([start, *lists, "}\n"]).encode("ascii")
        with kept(self.path):
            try:
                _write_all(self._file, data)
                os.fsync(self._file)
            except BaseException:  # an interruption too: half a line would spoil the next
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self.length)
                raise
            finally:
                self.length = os.fstat(self._file).st_size

    def check(self) -> None:
        """Make sure that the entry is where it will be looked for, whole, and can be written."""
        if self._file < 0:
            raise JournalError(
                f"{self.entry} is written by the process that this one was forked from: it goes on there."
            )
        problem = self._problem()
        if problem:
            raise JournalError(
                f"The record of this change, {self.path}, {problem}. Nothing goes to the service without a record, so "
                "no more was sent. Put it back, or find out who works in that folder, before you change more works."
            )

    def _problem(self) -> str | None:
        mine = os.fstat(self._file)
        try:
            there, folder = self.path.stat(), self.path.parent.stat()
        except FileNotFoundError:
            return "was removed"
        except OSError as error:
            return f"cannot be reached any more: {error.strerror}"
        if not mine.st_nlink or (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            return "was replaced by another file"
        if mine.st_size != self.length:
            return "was changed by someone else"
        closed = not (there.st_mode & stat.S_IWUSR and os.access(self.path, os.W_OK))
        if closed or not (folder.st_mode & stat.S_IWUSR and os.access(self.path.parent, os.W_OK)):
            return "was made unwritable" if closed else "is in a folder that was made unwritable"
        return None

    def discard(self) -> None:
        """Remove an entry that nothing was sent for, and close it; what is not this entry any more stays."""
        try:
            is_mine = self._file >= 0 and os.path.samestat(self.path.stat(), os.fstat(self._file))
        except OSError:
            is_mine = False
        if os.name == "nt":  # there, no file is removed while it is open
            self.close()
        if is_mine:
            self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file, and of its lock: a process that is forked at this moment has the file too."""
        with contextlib.suppress(OSError):  # closing lets go of it too, once no other process has the file
            if self._file >= 0:
                unlock(self._file)
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
        busy = f"Entry {self.entry} is being written by another application of it. Wait until that ends."
        with kept(self.path):
            if not try_lock(self._file):
                raise JournalError(busy)
            if not os.fstat(self._file).st_nlink:  # given up by another, between the opening and the lock
                raise JournalError(busy)

    def _start(self) -> None:
        """Start an empty file; what is left of a start that was cut off before anything could be sent is dropped."""
        if sum(1 for _ in lines_of(self.path)) >= _BEGUN:
            raise PlanAlreadyApplied(
                f"Entry {self.entry} of the journal was begun before: another process, thread or copy of this plan has "
                "applied it, so nothing was sent. Build a new plan for the rest.",
                cure=Cure.LIST_ENTRIES,
            )
        with kept(self.path):
            os.ftruncate(self._file, 0)

    def _mend(self, length: int | None) -> None:
        """Start on a line of its own after one that was cut off in the middle."""
        with kept(self.path):
            self.length = os.fstat(self._file).st_size
        if length is not None and length != self.length:
            raise PlanAlreadyApplied(
                f"{self.entry} was gone on with meanwhile, by another process, thread or plan; nothing was sent. "
                "Look into the journal, and plan it anew."
            )
        with kept(self.path):
            os.lseek(self._file, max(self.length - 1, 0), os.SEEK_SET)
            if self.length and os.read(self._file, 1) != b"\n":
                _write_all(self._file, b"\n")
                self.length += 1


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of an entry; one that was cut off in the middle is passed over, as it never counted."""
    with _readable(path), path.open("rb") as file:
        yield from filter(None, map(_line, file))


def ends_of(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the first and the last line of an entry; either is empty if it is not a whole line."""
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
        said = f"There is no entry {path.name.removesuffix(SUFFIX)} in {path.parent}."
        raise JournalError(said, cure=Cure.LIST_ENTRIES) from none
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Turn what a disk refuses into an error that says that the change has no record."""
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The record of this change could not be kept in {path}: {error.strerror}. Free some space, or point "
            "BUCKETSNB_JOURNAL at a folder that can be written. Nothing goes to the service without a record."
        ) from error


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: list(map(Writer.leave, _OPEN)))
