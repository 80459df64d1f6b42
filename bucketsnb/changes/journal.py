"""The local record of changes: one append-only file of JSON lines per entry, written to disk before a request is sent.

The folder is `BUCKETSNB_JOURNAL`, else `journal` in the user's data folder. It is made readable by its owner only
(0700, files 0600), every line is forced to the disk before the next step, and no token is ever in it. An entry has
these lines:

``plan``
    verb, address of the service, user, time, reason, number of works.
``works``
    the id of each work of the plan, by position.
``chunk``
    the full works of a request that is about to be sent, as they are (`before`) and as they will be (`after`).
``before``
    the full work that a withdrawal received, as it was before.
``outcome``
    what became of works. If a chunk has none, its request may or may not have been sent: read its works to find out.
``end``
    the number of works by outcome, and the names of the errors. An entry without this line was cut short.

Before each request, the file of the entry must still be in its place; see :meth:`Writer.check`.

Size: an entry is dropped together with the entry of its undo. Both are kept while a process has one of them locked,
and while the undo has not settled each of its works: such works may wait under a holding pipeline, and are found by
the entry. If the folder holds more than 1 GiB of entries when a new one begins, entries older than 30 days are dropped,
oldest first, until it holds less. Younger ones are never dropped; if more than 4 GiB are left, changes are refused
until files are moved. Other files in the folder are ignored.

Several processes may use the folder: each entry is a file of its own, locked while it is written, and a forked process
does not write to the entries of its parent.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import re
import secrets
import stat
import time
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs

from bucketsnb.changes.receipt import Outcome
from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import Cure, JournalError, PlanAlreadyApplied
from bucketsnb.files import OPEN_FLAGS, absolute, try_lock, unlock
from bucketsnb.frames import SummaryFrame

__all__ = [
    "UNDO_SUFFIX",
    "Entry",
    "Journal",
    "JournalWarning",
    "RecordedWork",
    "Writer",
    "journal_frame",
    "lines_of",
    "new_entry",
    "read_entry",
    "summary_of",
    "who",
]

UNDO_SUFFIX = ".undo"
"""Suffix that makes the id of an entry the id of the entry of its undo."""

_SUFFIX = ".jsonl"
_ENTRY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""Pattern of the id of an entry, which is also part of the name of a holding pipeline."""

_NAME = re.compile(rf"(?P<entry>[0-9]{{8}}-[0-9]{{6}}-[0-9]{{6}}-[0-9a-f]{{4}})({re.escape(UNDO_SUFFIX)})?\{_SUFFIX}")
"""Pattern of the names of files of entries."""

_LIMIT = 1 << 30
"""Bytes above which entries older than `_KEEP_DAYS` are dropped."""

_KEEP_DAYS = 30.0
_REFUSE_AT = 4
"""Changes are refused if the journal is larger than so many times its limit."""

_DAY = 86_400
_TAIL = 1 << 16
"""Bytes that are read from the end of a file to find its last line."""

_BEGUN = 2
"""Lines after which an entry counts as begun: the plan and its works."""
_warned: set[Path] = set()


class JournalWarning(UserWarning):
    """Other users can read the folder of the journal, or could until now."""


class Journal:
    """The folder of the entries. Above `limit` bytes, old ones are dropped; above four times that, changes are refused.

    A relative path starts from the working folder at its first use, also if that changes later.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = _LIMIT) -> None:
        default = os.environ.get("BUCKETSNB_JOURNAL") or platformdirs.user_data_path("bucketsnb") / "journal"
        self.folder = absolute(str(folder or default))
        self.limit = limit

    def begin(self, head: Mapping[str, Any], ids: Sequence[str | None], *, entry: str | None = None) -> Writer:
        """Start an entry with the facts about its plan and the id of each work, in order; None if a work has no id.

        A JournalError is raised if it cannot be written or the journal is full, and PlanAlreadyApplied if an entry with
        this id was begun before.
        """
        with _recording(self.folder):
            _make_private(self.folder)
            _make_room(self.folder, self.limit)
        writer = Writer(self.path(entry or new_entry()), new=True)
        try:
            _sync_folder(self.folder)
            writer.line("plan", entry=writer.entry, version=1, **who(), **head)
            writer.line("works", ids=list(ids))
        except BaseException:  # an interruption too: nothing was sent, and the lock must be released
            writer.discard()
            raise
        return writer

    def reopen(self, entry: str, *, length: int | None = None) -> Writer:
        """Continue an entry; PlanAlreadyApplied is raised if `length` is given and is not its size in bytes.

        A JournalError is raised if it does not exist, cannot be written, or is being written by another process or
        thread.
        """
        return Writer(self.path(entry), new=False, length=length)

    def length(self, entry: str) -> int:
        """Return the size of an entry in bytes, or 0 if it does not exist."""
        path = self.path(entry)
        with _reading(path):
            return path.stat().st_size if path.exists() else 0

    def touch(self, entry: str) -> None:
        """Mark an entry as recent because somebody is about to undo it, so that it is not dropped to make room."""
        with _recording(self.path(entry)):
            os.utime(self.path(entry))

    def path(self, entry: str) -> Path:
        """Return the file of an entry; raise JournalError if the id is not valid."""
        if not isinstance(entry, str) or not _ENTRY.fullmatch(entry):
            message = f"{truncate(repr(entry), 80)} is not an entry of the journal."
            raise JournalError(message, cure=Cure.LIST_ENTRIES)
        return self.folder / f"{entry}{_SUFFIX}"

    def entries(self) -> list[str]:
        """Return the ids of all entries, also those of undos, the newest first."""
        with _reading(self.folder):
            names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        ids = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
        return sorted(filter(_ENTRY.fullmatch, ids), reverse=True)


def new_entry() -> str:
    """Return the id of a new entry, made of the time (UTC) and a random part."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"


def who() -> dict[str, Any]:
    """Return the names of the user and the machine, and the id of the process, as the journal keeps them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(getattr(os, "getuid", lambda: "unknown")())
    return {"user": user, "machine": platform.node(), "process": os.getpid()}


@contextlib.contextmanager
def _recording(path: Path) -> Iterator[None]:
    """Raise an error of the disk as a JournalError: the change could not be recorded."""
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The record of this change could not be kept in {path}: {error.strerror}. Free some space, or point "
            "BUCKETSNB_JOURNAL at a folder that can be written. Nothing goes to the service without a record."
        ) from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as none:
        message = f"There is no entry {path.name.removesuffix(_SUFFIX)} in {path.parent}."
        raise JournalError(message, cure=Cure.LIST_ENTRIES) from none
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error


# --- an entry that is written ---


class Writer:
    """One entry while it is written, locked so that nobody else writes to it; made by :class:`Journal`."""

    def __init__(self, path: Path, *, new: bool, length: int | None = None) -> None:
        self.path = path
        self.is_new = new
        self.length = 0
        with _recording(path) if new else _reading(path):
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | OPEN_FLAGS | (os.O_CREAT if new else 0), 0o600)
        _OPEN.add(self)
        try:
            with _recording(path):
                self._lock()
                if new:
                    self._start()
                else:
                    self._continue(length)
        except BaseException:
            self.close()
            raise

    @property
    def entry(self) -> str:
        """Id of the entry."""
        return self.path.name.removesuffix(_SUFFIX)

    def _lock(self) -> None:
        if not (try_lock(self._file) and os.fstat(self._file).st_nlink):  # no link left: the file was removed meanwhile
            raise JournalError(
                f"Entry {self.entry} is being written by another application of it. Wait until that ends."
            )

    def _start(self) -> None:
        """Refuse an entry that was begun; empty the file of a start that was interrupted before any request."""
        if sum(1 for _ in lines_of(self.path)) >= _BEGUN:
            raise PlanAlreadyApplied(
                f"Entry {self.entry} of the journal was begun before: another process, thread or copy of this plan has "
                "applied it, so nothing was sent. Build a new plan for the rest.",
                cure=Cure.LIST_ENTRIES,
            )
        os.ftruncate(self._file, 0)

    def _continue(self, length: int | None) -> None:
        """Refuse an entry of another length; begin a new line if the last one was cut off."""
        self.length = os.fstat(self._file).st_size
        if length is not None and length != self.length:
            raise PlanAlreadyApplied(
                f"{self.entry} was gone on with meanwhile, by another process, thread or plan; nothing was sent. "
                "Look into the journal, and plan it anew."
            )
        os.lseek(self._file, max(self.length - 1, 0), os.SEEK_SET)
        if self.length and os.read(self._file, 1) != b"\n":
            self._write(b"\n")

    def line(self, kind: str, works: Mapping[str, Iterable[str] | None] | None = None, **content: Any) -> None:
        """Append a line and force it to the disk; `works` holds lists of works by name, each work a JSON text in ASCII.

        JournalError is raised if that fails or :meth:`check` does; a part that was written is removed.
        """
        self.check()
        start = json.dumps({"kind": kind, "at": time.time(), **content}, separators=(",", ":")).removesuffix("}")
        lists = (
            f',"{name}":' + ("null" if texts is None else "[" + ",".join(texts) + "]")
            for name, texts in (works or {}).items()
        )
        with _recording(self.path):
            self._write("".join([start, *lists, "}\n"]).encode("ascii"))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except BaseException:  # an interruption too: the next line would be appended to half a line
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.length)
            raise
        finally:
            self.length = os.fstat(self._file).st_size

    def check(self) -> None:
        """Raise JournalError unless the file is in its place, unchanged, writable, and open in this process."""
        if self._file < 0:
            raise JournalError(f"Entry {self.entry} is of the process that this one was forked from: it goes on there.")
        if not self._is_in_place():
            raise JournalError(
                f"The record of this change, {self.path}, was removed, replaced, changed or made unwritable by someone "
                "else. Nothing goes to the service without a record, so no more was sent. Put it back, or find out who "
                "works in that folder, before you change more works."
            )

    def _is_in_place(self) -> bool:
        mine, folder = os.fstat(self._file), self.path.parent
        try:
            is_mine = os.path.samestat(self.path.stat(), mine) and mine.st_size == self.length
            return is_mine and _is_writable(self.path, mine) and _is_writable(folder, folder.stat())
        except OSError:
            return False

    def discard(self) -> None:
        """Close and remove an entry for which nothing was sent; if another file has replaced it, that file stays."""
        with contextlib.suppress(OSError):
            if self._file >= 0 and os.path.samestat(self.path.stat(), os.fstat(self._file)):
                if os.name == "nt":  # Windows does not remove an open file
                    self.close()
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Release the lock and close the file.

        Closing alone would not release the lock while a process that is just being forked has the file open.
        """
        with contextlib.suppress(OSError):  # in all other cases, closing the file releases the lock
            if self._file >= 0:
                unlock(self._file)
        self.leave()

    def leave(self) -> None:
        """Close the file in a forked process, and do not release the lock of the parent process."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_OPEN: weakref.WeakSet[Writer] = weakref.WeakSet()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: list(map(Writer.leave, _OPEN)))


def _is_writable(path: Path, info: os.stat_result) -> bool:
    return bool(info.st_mode & stat.S_IWUSR) and os.access(path, os.W_OK)  # for root, os.access allows every file


# --- the folder ---


def _make_private(folder: Path) -> None:
    """Make the folder, or make an existing one private, with one warning per process.

    A folder that is shared on purpose, or holds other files, is left as it is, also with one warning.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        return
    info = folder.stat()
    mode = stat.S_IMODE(info.st_mode)
    if os.name != "posix" or not mode & 0o077:
        return
    is_marked = mode & (stat.S_ISVTX | stat.S_ISGID)
    if is_marked or info.st_uid != os.geteuid() or not all(_NAME.fullmatch(path.name) for path in folder.iterdir()):
        words = (
            f"Others can look into the journal's folder {folder} (mode {mode:04o}), which was left so, as it belongs "
            "to another user, has its sticky or group bit set, or holds more than your journal. Its entries can be "
            "read by their owner only; a folder of your own in BUCKETSNB_JOURNAL keeps their names private too."
        )
    else:
        folder.chmod(0o700)
        words = (
            f"Others could look into the journal's folder {folder} (its mode was {mode:04o}); it is yours alone now "
            "(0700). If it is to be shared, set its group bit (chmod g+s) and it is left as it is."
        )
    if folder not in _warned:
        _warned.add(folder)
        warnings.warn(words, JournalWarning, stacklevel=2)


def _sync_folder(folder: Path) -> None:
    """Force the names of the files in a folder to the disk; some file systems cannot do that, so errors are ignored."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _make_room(folder: Path, limit: int) -> None:
    """Drop entries older than `_KEEP_DAYS`, oldest first, while all entries together exceed `limit` bytes.

    If those that are left exceed `_REFUSE_AT` times that, JournalError is raised.
    """
    pairs: dict[str, dict[Path, os.stat_result]] = {}  # an entry and its undo
    for path, info in _regular_files(folder):
        if match := _NAME.fullmatch(path.name):
            pairs.setdefault(match["entry"], {})[path] = info
    total = sum(map(_size, pairs.values()))
    for pair in sorted(pairs.values(), key=_changed):
        if total <= limit or _changed(pair) >= time.time() - _KEEP_DAYS * _DAY:
            break
        if _drop(list(pair)):
            total -= _size(pair)
    if total > _REFUSE_AT * limit:
        raise JournalError(
            f"The journal in {folder} holds {total:,} bytes that are kept, most of the last {_KEEP_DAYS:g} days, and "
            "nothing more is changed without a record. Move its files away, or point BUCKETSNB_JOURNAL elsewhere."
        )


def _size(pair: Mapping[Path, os.stat_result]) -> int:
    return sum(info.st_size for info in pair.values())


def _changed(pair: Mapping[Path, os.stat_result]) -> float:
    return max(info.st_mtime for info in pair.values())


def _regular_files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # dropped meanwhile, by another process that makes room
            info = path.lstat()
            if stat.S_ISREG(info.st_mode):
                yield path, info


def _drop(paths: Sequence[Path]) -> bool:
    """Drop an entry and its undo, unless one is in use or the undo is not settled; return whether it was done."""
    with contextlib.ExitStack() as stack:
        try:
            for path in paths:
                file = os.open(path, os.O_RDWR | OPEN_FLAGS)
                stack.callback(os.close, file)
                if not (try_lock(file) and _may_go(path)):
                    return False
            if os.name == "nt":  # Windows does not remove an open file
                stack.close()
            for path in paths:
                path.unlink()
        except (OSError, JournalError):  # moved, dropped or made unreadable by someone else: it is not ours to drop
            return False
    return True


def _may_go(path: Path) -> bool:
    """Return whether an entry may be dropped: it is not an undo, or an undo that has settled each of its works."""
    if not path.name.endswith(UNDO_SUFFIX + _SUFFIX):
        return True
    last = _ends_of(path)[1]
    counts = last.get("counts") if last.get("kind") == "end" else None
    return isinstance(counts, dict) and {word for word, count in counts.items() if count} <= {"done", "drifted", "gone"}


# --- an entry that is read ---


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of an entry, without those that were cut off or are no JSON object.

    A JournalError is raised if the file does not exist or cannot be read.
    """
    with _reading(path), path.open("rb") as file:
        yield from filter(None, map(_line, file))


def _ends_of(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the first and the last complete line of an entry; a line that cannot be read is returned empty."""
    with _reading(path), path.open("rb") as file:
        first = _line(file.readline())
        file.seek(max(path.stat().st_size - _TAIL, 0))
        return first, _line(file.read().rpartition(b"\n")[0].rpartition(b"\n")[2] + b"\n")


def _line(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and text.endswith(b"\n") else {}


_WORDS = [outcome.value for outcome in Outcome]
_PLACE = ("host", "user", "machine")


@dataclass(slots=True)
class RecordedWork:
    """What the journal knows of one work of an entry.

    If no outcome was written, it is ``unknown`` if a request was about to be sent, else ``not sent``. `before` and
    `after` are the whole work before the request and as planned; `left` is the work as it was read back, if it was
    done.
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
    """One entry that was read from its file."""

    id: str
    head: dict[str, Any] = field(default_factory=dict)
    works: list[RecordedWork] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    """Ids of works that were in the store before a deposit and look like those that were deposited."""

    @property
    def verb(self) -> str:
        """Verb of the plan; ``""`` if the line of the plan does not tell."""
        return str(self.head.get("verb", ""))

    @property
    def at(self) -> float:
        """When the entry was begun, in epoch seconds; 0 if the line of the plan does not tell."""
        return _begun(self.head) or 0.0

    @property
    def counts(self) -> Counter[str]:
        """Number of works by outcome."""
        return Counter(work.outcome.value for work in self.works)

    def take(self, line: dict[str, Any]) -> None:
        """Add the content of one line."""
        kind = line.get("kind")
        if kind == "plan":
            self.head = line
        elif kind == "works":
            self.works = [RecordedWork(_typed(work_id, str)) for work_id in line["ids"]]
        elif kind == "chunk":
            self._take_chunk(line)
        elif kind == "outcome":
            self._take_outcome(line)
        elif kind == "before":
            self._work(line["position"]).before = _typed(line["work"], dict)

    def _work(self, position: Any) -> RecordedWork:
        return self.works[_number(position)]

    def _take_chunk(self, line: dict[str, Any]) -> None:
        for side in ("before", "after"):
            for position, work in zip(line["positions"], line.get(side) or (), strict=False):
                setattr(self._work(position), side, _typed(work, dict))
        self.present.update(line.get("present") or ())
        for position in line["positions"]:
            self._work(position).outcome = Outcome.UNKNOWN
            self._work(position).left = None

    def _take_outcome(self, line: dict[str, Any]) -> None:
        for position, word, left, new_id, detail in line["fates"]:
            work = self._work(position)
            work.outcome = Outcome(word)
            work.left = work.after if left is True else _typed(left, dict)
            work.new_id, work.detail = _typed(new_id, str) or work.new_id, str(detail)


def _begun(head: Mapping[str, Any]) -> float | None:
    at = head.get("at")
    return float(at) if isinstance(at, int | float) and 0 <= at < 2**33 else None  # a damaged line may hold any number


def _typed(value: Any, kind: type) -> Any:
    if value is None or isinstance(value, kind):
        return value
    raise TypeError(f"{type(value).__name__} in the place of {kind.__name__}")


def _number(value: Any) -> int:
    """Return a number of works, or a position; raise ValueError for a value that only a damaged line can hold."""
    if not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"{truncate(repr(value), 40)} in the place of a number of works")
    return value


def read_entry(journal: Journal, entry: str) -> Entry:
    """Read a whole entry; a JournalError is raised if there is none, or its file cannot be read as one."""
    read = Entry(entry)
    try:
        for line in lines_of(journal.path(entry)):
            read.take(line)
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise JournalError(f"{journal.path(entry)} is not an entry of a journal: {error!r}.") from error
    return read


@dataclass(frozen=True, slots=True)
class Summary:
    """A short summary of an entry: the line of its plan, number of works, number by outcome, and state."""

    head: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    state: str = "unreadable"


def summary_of(journal: Journal, entry: str) -> Summary:
    """Summarise an entry from its first and last lines; read all of it only if it did not end.

    No error is raised for an entry that cannot be read: its state is ``unreadable``.
    """
    try:
        head, last = _ends_of(journal.path(entry))
        if head.get("kind") == "plan" and last.get("kind") == "end":
            counts = {word: _number(number) for word, number in last["counts"].items()}
            return Summary(head, _number(head.get("count", 0)), counts, "finished")
        read = read_entry(journal, entry)
    except (JournalError, KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return Summary()
    return Summary(read.head, len(read.works), read.counts, "cut short") if read.head else Summary()


class JournalFrame(SummaryFrame):
    """Entries of the journal, drawn without the outcomes that no work has.

    Host, user and machine are drawn below the table, not as columns, if all entries share them.
    """

    @property
    def _constructor(self) -> Callable[..., JournalFrame]:
        return JournalFrame

    def _displayed(self) -> pd.DataFrame:
        whole = pd.DataFrame(self)
        empty = [word for word in _WORDS if not whole[word].any()] if self._is_whole() else []
        return whole.drop(columns=[*self._everywhere(), *empty])

    def _footer(self) -> str:
        common = self._everywhere()
        return ", ".join([super()._footer(), *(printable(f"{name} {value}") for name, value in common.items())])

    def _everywhere(self) -> dict[str, Any]:
        """Return host, user and machine where all entries have the same, by column."""
        names = [name for name in _PLACE if name in self] if self._is_whole() else []
        return {name: self[name].iloc[0] for name in names if self[name].nunique(dropna=False) == 1}

    def _is_whole(self) -> bool:
        return set(_WORDS) <= set(self.columns)


def journal_frame(journal: Journal, most: int | None = None) -> pd.DataFrame:
    """Return one row per entry, the newest first and at most `most`, always with the same columns.

    Columns: entry, time (UTC), verb, host, user, machine, reason, n_works, one per outcome, state (``finished``, ``cut
    short``, ``unreadable``), undone (``yes``, ``partly`` or ``no``). An undo has no row of its own.
    """
    ids = journal.entries()
    known = set(ids)
    rows = [_row(journal, entry, known) for entry in [entry for entry in ids if not entry.endswith(UNDO_SUFFIX)][:most]]
    texts, numbers = ("verb", *_PLACE, "reason"), ("n_works", *_WORDS)
    frame = JournalFrame(rows, columns=["entry", "time", *texts, *numbers, "state", "undone"])
    frame["time"] = pd.to_datetime(frame["time"], unit="s", utc=True).astype("datetime64[ns, UTC]").dt.round("us")
    kinds: dict[str, Any] = dict.fromkeys(("entry", *texts, "state", "undone"), pd.StringDtype("python"))
    return frame.astype(kinds | dict.fromkeys(numbers, "int64"))


def _row(journal: Journal, entry: str, ids: set[str]) -> list[Any]:
    summary = summary_of(journal, entry)
    return [
        entry,
        _begun(summary.head),
        *(str(summary.head.get(name) or "") for name in ("verb", *_PLACE, "reason")),
        summary.count,
        *(summary.counts.get(word, 0) for word in _WORDS),
        summary.state,
        _undone(journal, entry + UNDO_SUFFIX) if entry + UNDO_SUFFIX in ids else "no",
    ]


def _undone(journal: Journal, undo_id: str) -> str:
    undo = summary_of(journal, undo_id)
    done = undo.counts.get(Outcome.DONE.value, 0)
    return "no" if not done else "yes" if undo.state == "finished" and done == undo.count else "partly"
