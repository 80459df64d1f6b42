"""What an entry of the journal says: which works were sent, which were not, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bucketsnb.changes.journal import Journal
from bucketsnb.changes.journal_file import UNDO_SUFFIX, ends_of, lines_of
from bucketsnb.changes.receipt import Outcome
from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import JournalError
from bucketsnb.frames import SummaryFrame

__all__ = ["Entry", "RecordedWork", "Summary", "journal_frame", "read_entry", "summary_of"]

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
        """Take one line in."""
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

    def _shown(self) -> pd.DataFrame:
        whole = pd.DataFrame(self)
        if not set(_WORDS) <= set(whole.columns):
            return whole
        return whole.drop(columns=[*self._everywhere(), *(word for word in _WORDS if not whole[word].any())])

    def _footer(self) -> str:
        alike = self._everywhere() if set(_WORDS) <= set(self.columns) else {}
        return ", ".join([super()._footer(), *(printable(f"{name} {value}") for name, value in alike.items())])

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
