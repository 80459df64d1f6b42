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
:meth:`~bucketsnb.changes.journal_file.Writer.check`.

Size: when an entry begins and the folder holds more than 1 GiB of entries, those older than 30 days are dropped, oldest
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
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import platformdirs

from bucketsnb.changes.journal_file import SUFFIX, Writer, kept
from bucketsnb.changes.journal_folder import make_private, make_room, sync_folder
from bucketsnb.display.texts import truncate
from bucketsnb.errors import Cure, JournalError
from bucketsnb.files import absolute

__all__ = ["KEEP_DAYS", "LIMIT", "Journal", "new_entry", "who"]

LIMIT = 1 << 30
"""Bytes above which entries older than `KEEP_DAYS` are dropped."""

KEEP_DAYS = 30.0
"""Days for which no entry is dropped."""

_ENTRY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""What the id of an entry may be; the name of a holding pipeline is made of it."""


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
        with kept(self.folder):
            make_private(self.folder)
            make_room(self.folder, self.limit, self.keep_days)
        writer = Writer(self.path(entry or new_entry()), new=True)
        try:
            sync_folder(self.folder)
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
        """Count an entry as young again, because somebody means to undo it: it is not dropped to make room.

        Raises
        ------
        JournalError
            If it is not there, or not the user's own.
        """
        with kept(self.path(entry)):
            os.utime(self.path(entry))

    def path(self, entry: str) -> Path:
        """Return the file of an entry.

        Raises
        ------
        JournalError
            If it cannot be the id of an entry.
        """
        if not isinstance(entry, str) or not _ENTRY.fullmatch(entry):
            said = f"{truncate(repr(entry), 80)} is not an entry of the journal."
            raise JournalError(said, cure=Cure.LIST_ENTRIES)
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
