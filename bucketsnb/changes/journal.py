"""The local record of changes: one append-only file of JSON lines an entry, on disk before anything leaves.

The folder is `BUCKETSNB_JOURNAL`, else the user's data folder. It is readable by its owner only (0700, files 0600),
every line is forced to the disk before the caller goes on, and no token is ever in it. An entry has these lines:

``plan``
    verb, address of the service, who, when, why, how many.
``works``
    the id of each work of the plan, by position.
``chunk``
    the full works of a request that is about to leave, as they are (`before`) and as they are to be (`after`).
``outcome``
    what became of each work of that chunk. A chunk without one may or may not have left: look.
``end``
    the counts. An entry without one was cut short.

Before each request, the entry must still be where it will be looked for; see
:meth:`~bucketsnb.changes.entry.Writer.check`.

Size: an entry is dropped together with the entry of its undo. Neither is while anybody has one of them locked, nor
while an undo has not settled each of its works: those may wait under a holding pipeline, and the entry is what finds
them. When an entry begins and the folder holds more than 1 GiB of entries, those older than 30 days are dropped, oldest
first, until it does not. Younger ones are never dropped; when they fill 4 GiB, changes are refused until files are
moved. Other files in the folder are nobody's business here.

Processes share the folder without harm: each entry is a file of its own, locked while it is written, and a forked
process writes in none of its parent's.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import secrets
import stat
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import platformdirs

from bucketsnb.changes.entry import SUFFIX, UNDO_SUFFIX, Writer, ends_of, recording
from bucketsnb.display.texts import truncate
from bucketsnb.errors import Cure, JournalError
from bucketsnb.files import OPEN_FLAGS, absolute, try_lock

__all__ = ["KEEP_DAYS", "LIMIT", "Journal", "JournalWarning", "new_entry", "who"]

LIMIT = 1 << 30
"""Bytes above which entries older than `KEEP_DAYS` are dropped."""

KEEP_DAYS = 30.0
"""Days for which no entry is dropped."""

_ENTRY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""What the id of an entry may be; the name of a holding pipeline is made of it."""

_NAME = re.compile(rf"(?P<entry>[0-9]{{8}}-[0-9]{{6}}-[0-9]{{6}}-[0-9a-f]{{4}})({re.escape(UNDO_SUFFIX)})?\{SUFFIX}")
"""Names that this package gives to the files of entries."""

_SETTLED = frozenset({"done", "drifted", "gone"})
"""Outcomes of an undo after which nothing is left to do for a work."""

_REFUSE_AT = 4
_DAY = 86_400
_SHARED = stat.S_ISVTX | stat.S_ISGID
"""Bits that people set on folders that several users share."""

_warned: set[Path] = set()


class JournalWarning(UserWarning):
    """The folder of the journal is not as private as it should be, or was not until now."""


class Journal:
    """A folder of entries.

    Parameters
    ----------
    folder
        Where; by default `BUCKETSNB_JOURNAL`, else the user's data folder. A relative one is taken from the working
        folder at its first use, and stays there.
    limit
        Bytes above which old entries are dropped.
    keep_days
        Age in days below which none is.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = LIMIT, keep_days: float = KEEP_DAYS) -> None:
        self.folder = _default_folder() if folder is None else absolute(str(folder))
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
            Id of the entry; by default a new one.

        Raises
        ------
        JournalError
            If it cannot be kept.
        PlanAlreadyApplied
            If an entry of this id was begun before.
        """
        with recording(self.folder):
            _make_private(self.folder)
            _make_room(self.folder, self.limit, self.keep_days)
        writer = Writer(self.path(entry or new_entry()), new=True)
        try:
            _sync_folder(self.folder)
            writer.line("plan", entry=writer.entry, version=1, **who(), **head)
            writer.line("works", ids=list(ids))
        except BaseException:  # an interruption too: nothing was sent, and the lock must not outlive this
            writer.discard()
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
        except OSError as error:
            raise JournalError(f"{self.path(entry)} cannot be read: {error.strerror}.") from error

    def touch(self, entry: str) -> None:
        """Count an entry as young again, because somebody means to undo it: it is not dropped to make room."""
        with recording(self.path(entry)):
            os.utime(self.path(entry))

    def path(self, entry: str) -> Path:
        """Return the file of an entry.

        Raises
        ------
        JournalError
            If it cannot be the id of an entry.
        """
        if not isinstance(entry, str) or not _ENTRY.fullmatch(entry):
            message = f"{truncate(repr(entry), 80)} is not an entry of the journal."
            raise JournalError(message, cure=Cure.LIST_ENTRIES)
        return self.folder / f"{entry}{SUFFIX}"

    def entries(self) -> list[str]:
        """Return the ids of all entries, the newest first."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise JournalError(f"The journal in {self.folder} cannot be read: {error.strerror}.") from error
        found = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return sorted(filter(_ENTRY.fullmatch, found), reverse=True)


def new_entry() -> str:
    """Return the id of a new entry, from the time and a random part."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"


def _default_folder() -> Path:
    named = os.environ.get("BUCKETSNB_JOURNAL")
    return absolute(named or str(platformdirs.user_data_path("bucketsnb") / "journal"))


def who() -> dict[str, Any]:
    """Return user, machine and process, as the journal keeps them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(getattr(os, "getuid", lambda: "unknown")())
    return {"user": user, "machine": platform.node(), "process": os.getpid()}


# --- private ---


def _make_private(folder: Path) -> None:
    """Make the folder, or take it from the eyes of others if it was there before, and say so once.

    A folder that is shared on purpose (of another owner, with the sticky or the group bit, with files of others in it,
    or one that the home folder lies in) is left as it is, and that is said once.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if os.name != "posix" or not mode & 0o077:
        return
    shared = _shared_because(folder)
    if shared is None:
        folder.chmod(0o700)
        _warn_once(
            folder,
            f"Others could look into the journal's folder {folder} (its mode was {mode:04o}); it is yours alone now "
            "(0700). If it is to be shared, set its group bit (chmod g+s) and it is left as it is.",
        )
    else:
        _warn_once(
            folder,
            f"Others can look into the journal's folder {folder} (mode {mode:04o}), which was left so because "
            f"{shared}. Its entries can be read by their owner only; a folder of your own in BUCKETSNB_JOURNAL keeps "
            "their names private too.",
        )


def _shared_because(folder: Path) -> str | None:
    """Return why a folder seems to be shared on purpose; None if it does not."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & _SHARED:
        return "its sticky or group bit is set"
    if folder in _home_and_above():
        return "it holds more than the journal"
    others = any(one.st_uid != found.st_uid for _, one in _regular_files(folder))
    return "there are files of other users in it" if others else None


def _home_and_above() -> tuple[Path, ...]:
    try:
        home = Path.home().absolute()
    except RuntimeError:  # a container whose user has none
        return ()
    return home, *home.parents


def _warn_once(folder: Path, words: str) -> None:
    if folder not in _warned:
        _warned.add(folder)
        warnings.warn(words, JournalWarning, stacklevel=2)


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; some file systems cannot, and keep them anyway."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


# --- bounded ---


@dataclass
class _Pair:
    """The files of an entry and of its undo."""

    paths: list[Path] = field(default_factory=list)
    size: int = 0
    changed: float = 0.0

    def add(self, path: Path, found: os.stat_result) -> None:
        self.paths.append(path)
        self.size += found.st_size
        self.changed = max(self.changed, found.st_mtime)


def _make_room(folder: Path, limit: int, keep_days: float) -> None:
    """Drop entries older than `keep_days`, oldest first, while all are larger than `limit` bytes.

    Where the younger ones fill four times that, the change is refused.
    """
    pairs = _pairs(folder)
    if sum(pair.size for pair in pairs) <= limit:
        return
    pairs = sorted((pair for pair in pairs if all(map(_is_entry, pair.paths))), key=lambda pair: pair.changed)
    total = sum(pair.size for pair in pairs)
    for pair in pairs:
        if total <= limit or pair.changed >= time.time() - keep_days * _DAY:
            break
        if _drop(pair):
            total -= pair.size
    if total > _REFUSE_AT * limit:
        raise JournalError(
            f"The journal in {folder} holds {total:,} bytes of the last {keep_days:g} days, and nothing "
            "more is changed without a record. Move its files away, or point BUCKETSNB_JOURNAL elsewhere."
        )


def _pairs(folder: Path) -> list[_Pair]:
    pairs: dict[str, _Pair] = {}
    for name, found in _regular_files(folder):
        match = _NAME.fullmatch(name)
        if match:
            pairs.setdefault(match["entry"], _Pair()).add(folder / name, found)
    return list(pairs.values())


def _regular_files(folder: Path) -> list[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        files = [(one.name, _stat(one)) for one in entries if one.is_file(follow_symlinks=False)]
    return [(name, found) for name, found in files if found is not None]


def _stat(one: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return one.stat(follow_symlinks=False)
    except FileNotFoundError:  # dropped meanwhile, by another process that makes room
        return None


def _drop(pair: _Pair) -> bool:
    """Drop an entry and its undo, unless one of them is in use or the undo is not settled."""
    with ExitStack() as stack:
        try:
            files = [_opened(stack, path) for path in pair.paths]
            if not all(map(try_lock, files)) or not all(map(_may_go, pair.paths)):
                return False
            if os.name == "nt":  # there, no file is dropped while it is open
                stack.close()
            for path in pair.paths:
                path.unlink()
        except (OSError, JournalError):  # moved, dropped or made unreadable by someone else: it is not ours to drop
            return False
    return True


def _opened(stack: ExitStack, path: Path) -> int:
    file = os.open(path, os.O_RDWR | OPEN_FLAGS)
    stack.callback(os.close, file)
    return file


def _is_entry(path: Path) -> bool:
    try:
        head, _ = ends_of(path)
    except JournalError:  # it cannot be read, so nobody knows
        return False
    return head.get("kind") == "plan" and head.get("entry") == path.name.removesuffix(SUFFIX)


def _may_go(path: Path) -> bool:
    """Tell whether nothing is left to do for the works of an entry."""
    return not path.name.endswith(UNDO_SUFFIX + SUFFIX) or _is_settled(ends_of(path)[1])


def _is_settled(last: dict[str, object]) -> bool:
    counts = last.get("counts")
    if last.get("kind") != "end" or not isinstance(counts, dict):
        return False
    return {word for word, number in counts.items() if number} <= _SETTLED
