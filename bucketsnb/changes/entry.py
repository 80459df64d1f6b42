"""One entry of the journal: a file of JSON lines, each forced to the disk while it is written, and what they say.

An entry is locked while it is written. Read, it tells which works were sent, which were not, and what became of each.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bucketsnb.changes.receipt import Outcome
from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import Cure, JournalError, PlanAlreadyApplied
from bucketsnb.files import OPEN_FLAGS, try_lock, unlock
from bucketsnb.frames import SummaryFrame

if TYPE_CHECKING:
    from bucketsnb.changes.journal import Journal

__all__ = [
    "SUFFIX",
    "UNDO_SUFFIX",
    "Entry",
    "RecordedWork",
    "Summary",
    "Writer",
    "ends_of",
    "journal_frame",
    "lines_of",
    "read_entry",
    "recording",
    "summary_of",
]

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
        with recording(path) if new else _readable(path):
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
        with recording(self.path):
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
        with recording(self.path):
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
        with recording(self.path):
            os.ftruncate(self._file, 0)

    def _mend(self, length: int | None) -> None:
        """Start on a line of its own after one that was cut off in the middle."""
        with recording(self.path):
            self.length = os.fstat(self._file).st_size
        if length is not None and length != self.length:
            raise PlanAlreadyApplied(
                f"{self.entry} was gone on with meanwhile, by another process, thread or plan; nothing was sent. "
                "Look into the journal, and plan it anew."
            )
        with recording(self.path):
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
        message = f"There is no entry {path.name.removesuffix(SUFFIX)} in {path.parent}."
        raise JournalError(message, cure=Cure.LIST_ENTRIES) from none
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


@contextlib.contextmanager
def recording(path: Path) -> Iterator[None]:
    """Raise an error of the disk as a JournalError: the change could not be recorded."""
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The record of this change could not be kept in {path}: {error.strerror}. Free some space, or point "
            "BUCKETSNB_JOURNAL at a folder that can be written. Nothing goes to the service without a record."
        ) from error


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: list(map(Writer.leave, _OPEN)))


# --- what an entry says ---

_MOST = 2**53
"""A larger number of works is that of a damaged line."""

_LATEST = 2.0**33
"""Epoch seconds (in 2242); a later time is that of a damaged line, and no column holds it."""

_WORDS = [outcome.value for outcome in Outcome]
_PLACE = ("host", "user", "machine")


@dataclass(slots=True)
class RecordedWork:
    """What the journal knows of one work of an entry.

    Attributes
    ----------
    id
        As on the plan.
    outcome
        The last word on it: ``not sent`` if no request with it was prepared, ``unknown`` if one was and no outcome
        was written.
    before, after
        The full work before the request, and as it was to be.
    left
        The full work as it was read back when it was done, or `None`.
    new_id
        Id the service gave it.
    detail
        In words.
    """

    id: str | None
    outcome: Outcome = Outcome.NOT_SENT
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    left: dict[str, Any] | None = None
    new_id: str | None = None
    detail: str = ""


@dataclass(slots=True)
class Entry:
    """One entry as read."""

    id: str
    head: dict[str, Any] = field(default_factory=dict)
    works: list[RecordedWork] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    """Ids of works that were in the store before a deposit and look like those that were deposited."""

    @property
    def verb(self) -> str:
        """What it did."""
        return str(self.head.get("verb", ""))

    @property
    def at(self) -> float:
        """When it was begun, in epoch seconds; 0 if its line does not tell."""
        at = self.head.get("at")
        return float(at) if isinstance(at, int | float) and 0 <= at < _LATEST else 0.0

    @property
    def counts(self) -> Counter[str]:
        """Number of works by outcome."""
        return Counter(work.outcome.value for work in self.works)

    def take(self, line: dict[str, Any]) -> None:
        """Add what one line says."""
        kind = line.get("kind")
        if kind == "plan":
            self.head = line
        elif kind == "works":
            self.works = [RecordedWork(_id(found)) for found in line["ids"]]
        elif kind == "chunk":
            self._take_chunk(line)
        elif kind == "outcome":
            self._take_outcome(line)
        elif kind == "before":
            self._work(line["position"]).before = _record(line["work"])

    def _work(self, position: Any) -> RecordedWork:
        if not isinstance(position, int) or not 0 <= position < len(self.works):
            raise ValueError(f"{truncate(repr(position), 40)} in the place of a position")
        return self.works[position]

    def _take_chunk(self, line: dict[str, Any]) -> None:
        for side in ("before", "after"):
            for position, work in zip(line["positions"], line.get(side) or (), strict=False):
                setattr(self._work(position), side, _record(work))
        self.present.update(line.get("present") or ())
        for position in line["positions"]:
            self._work(position).outcome = Outcome.UNKNOWN
            self._work(position).left = None

    def _take_outcome(self, line: dict[str, Any]) -> None:
        for position, word, left, new_id, detail in line["fates"]:
            work = self._work(position)
            work.outcome = Outcome(word)
            work.left = work.after if left is True else _record(left)
            work.new_id, work.detail = _id(new_id) or work.new_id, str(detail)


def _record(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    raise TypeError(f"{type(value).__name__} in the place of a work")


def _id(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} in the place of an id")


def _number(value: Any) -> int:
    """Return a number of works; a damaged line may hold any number, and none that a column of numbers holds."""
    if not isinstance(value, int) or not 0 <= value < _MOST:
        raise ValueError(f"{truncate(repr(value), 40)} in the place of a number of works")
    return value


def read_entry(journal: Journal, entry: str) -> Entry:
    """Read an entry whole.

    Raises
    ------
    JournalError
        If there is no such entry, or it is not one.
    """
    found = Entry(entry)
    try:
        for line in lines_of(journal.path(entry)):
            found.take(line)
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise JournalError(f"{journal.path(entry)} is not an entry of a journal: {error!r}.") from error
    return found


_TEXTS = ("entry", "verb", "host", "user", "machine", "reason", "state", "undone")


@dataclass(frozen=True, slots=True)
class Summary:
    """What an entry says in short."""

    head: dict[str, Any]
    count: int
    counts: Mapping[str, int]
    state: str


def summary_of(journal: Journal, entry: str) -> Summary:
    """Read an entry in short: its first line, and its last if that has the counts, without the works between."""
    path = journal.path(entry)
    try:
        head, last = ends_of(path)
        if head.get("kind") == "plan" and last.get("kind") == "end":
            counts = {word: _number(number) for word, number in last["counts"].items()}
            return Summary(head, _number(head.get("count", 0)), counts, "finished")
        found = read_entry(journal, entry)
    except (JournalError, KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return Summary({}, 0, {}, "unreadable")
    return Summary(found.head, len(found.works), found.counts, "cut short" if found.head else "unreadable")


class JournalFrame(SummaryFrame):
    """Entries of the journal, drawn without the columns that say nothing: outcomes of no work, one user and place."""

    @property
    def _constructor(self) -> Callable[..., JournalFrame]:
        return JournalFrame

    def _displayed(self) -> pd.DataFrame:
        whole = pd.DataFrame(self)
        if not set(_WORDS) <= set(whole.columns):
            return whole
        return whole.drop(columns=[*self._everywhere(), *(word for word in _WORDS if not whole[word].any())])

    def _footer(self) -> str:
        common = self._everywhere() if set(_WORDS) <= set(self.columns) else {}
        return ", ".join([super()._footer(), *(printable(f"{name} {value}") for name, value in common.items())])

    def _everywhere(self) -> dict[str, Any]:
        """Return what is the same in all entries, by the name of its column."""
        names = [name for name in _PLACE if name in self]
        return {name: self[name].iloc[0] for name in names if self[name].nunique(dropna=False) == 1}


def journal_frame(journal: Journal, most: int | None = None) -> pd.DataFrame:
    """Return one row an entry, the newest first and `most` at most, always with the same columns.

    Columns: entry, time (UTC), verb, host, user, machine, reason, n_works, one per outcome, state (``finished``, ``cut
    short``, ``unreadable``), undone (``yes``, ``partly`` or ``no``).
    """
    ids = journal.entries()
    known = set(ids)
    rows = [_row(journal, entry, known) for entry in [one for one in ids if not one.endswith(UNDO_SUFFIX)][:most]]
    columns = ["entry", "time", "verb", "host", "user", "machine", "reason", "n_works", *_WORDS, "state", "undone"]
    frame = JournalFrame(rows, columns=columns)
    kinds: dict[str, Any] = dict.fromkeys(_TEXTS, pd.StringDtype("python"))
    kinds |= dict.fromkeys(["n_works", *_WORDS], "int64")
    frame["time"] = pd.to_datetime(frame["time"], unit="s", utc=True).astype("datetime64[ns, UTC]").dt.round("us")
    return frame.astype(kinds)


def _row(journal: Journal, entry: str, ids: set[str]) -> dict[str, Any]:
    found = summary_of(journal, entry)
    texts = {name: str(found.head.get(name) or "") for name in ("verb", "host", "user", "machine", "reason")}
    return {
        **texts,
        **{word: found.counts.get(word, 0) for word in _WORDS},
        "entry": entry,
        "time": at if isinstance(at := found.head.get("at"), int | float) and 0 <= at < _LATEST else None,
        "n_works": found.count,
        "state": found.state,
        "undone": _undone(journal, entry, ids),
    }


def _undone(journal: Journal, entry: str, ids: set[str]) -> str:
    if entry + UNDO_SUFFIX not in ids:
        return "no"
    undo = summary_of(journal, entry + UNDO_SUFFIX)
    done = undo.counts.get(Outcome.DONE.value, 0)
    return "no" if not done else "yes" if undo.state == "finished" and done == undo.count else "partly"
