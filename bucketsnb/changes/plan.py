"""Plans: values that say what will happen to which works, and that can be applied once.

A plan is frozen. It holds every work as it was shown, so that :meth:`Plan.apply` does not change works that have
changed since. It also has the execution that applies it; a plan that was pickled has none, and can only be looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from bucketsnb import frames
from bucketsnb.changes import drawing
from bucketsnb.changes.plan_file import KEEPS, write_plan_file
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, shown
from bucketsnb.display.markup import Markup, page
from bucketsnb.display.texts import count_of, format_time, place_of
from bucketsnb.errors import PlanAlreadyApplied, PlanError
from bucketsnb.files import replace_file

if TYPE_CHECKING:
    from bucketsnb.changes.execution import Execution
    from bucketsnb.changes.receipt import Receipt
    from bucketsnb.progress import Cancel, ProgressCallback

__all__ = ["CellsPlan", "LeftOut", "Plan", "Reason", "UndoPlan"]

_NAMED = 3
"""Largest number of pipelines that a summary names; of more, it gives only the number."""


class Reason(Enum):
    """Why a work is not on a plan, for the cases that code must tell apart."""

    NO_NAME = "it has no id that is text"
    SHARED_ID = "other works have its id too"
    BEYOND_LIMIT = "it is not among the first so many that were asked for"
    AS_ASKED = "it already is as the change would make it"
    BACK_AGAIN = "it was deleted, and is there again"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A work that was named or matched and is not on the plan, and why."""

    id: str | None
    why: str
    reason: Reason | None = field(default=None, compare=False)


@dataclass(frozen=True, repr=False, kw_only=True)
class Plan(drawing.Drawn):
    """What will happen to which works.

    Attributes
    ----------
    changes
        One for each work: as it was shown, and as it will be.
    url
        Address of the service, without user and password.
    reason
        Why the change is made, as given by the user; kept in the journal.
    created_at, expires_at
        Epoch seconds. After `expires_at`, :meth:`apply` refuses the plan.
    query
        The query document that the works matched, as JSON, or ``""`` if they were named.
    left_out
        Works that were named or matched and are not on the plan.
    notes
        What cannot be undone, and what else the reader should know before the plan is applied.
    """

    changes: tuple[Change, ...]
    url: str
    reason: str = ""
    created_at: float = field(default_factory=time.time)
    expires_at: float = float("inf")
    query: str = ""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    _execution: Execution | None = field(default=None, compare=False)

    verb: ClassVar[str] = "change"
    done_word: ClassVar[str] = "changed"
    """What was done to a work, as a receipt says it."""
    preposition: ClassVar[str] = "of"
    """Word between the number of works and their pipelines, in the summary."""
    removes: ClassVar[bool] = False
    """Whether the plan removes works, so that a work that is gone already counts as planned."""
    unknown_is_lost: ClassVar[bool] = False
    """Whether a work with an unknown outcome cannot be found again."""

    @property
    def count(self) -> int:
        """Number of works that the plan will act on."""
        return len(self.changes)

    @property
    def ids(self) -> list[str]:
        """Ids of the works, in the order of the plan; works to be deposited have none."""
        return [change.id for change in self.changes if change.id is not None]

    @property
    def works(self) -> list[WorkSnapshot]:
        """The works as they were shown or, if they are to be deposited, as they will be."""
        return [work for change in self.changes if (work := change.before or change.after)]

    @property
    def running(self) -> int:
        """Number of works that are running: a worker may be busy with them."""
        return sum(work.status == "running" for work in self.works)

    @property
    def frame(self) -> pd.DataFrame:
        """The :attr:`works`, one row each."""
        return frames.frame_of([work.record for work in self.works])

    @property
    def host(self) -> str:
        """Host, port and path of the service."""
        return place_of(self.url)

    @property
    def summary(self) -> str:
        """What will happen, on one line."""
        names = drawing.names(self._pipelines())
        pipelines = ", ".join(names) if len(names) <= _NAMED else f"{len(names):,} pipelines"
        targets = f" {self.preposition} {pipelines}" if pipelines else ""
        return f"{self.verb.capitalize()} {count_of(self.count, 'work')}{targets} on {self.host}"

    def _pipelines(self) -> Sequence[Any]:
        return [work.pipeline for work in self.works]

    @property
    def document(self) -> dict[str, Any]:
        """What the journal and a file hold of the plan, except its works."""
        return {
            "verb": self.verb,
            "summary": self.summary,
            "url": self.url,
            "host": self.host,
            "reason": self.reason,
            "query": self.query,
            "count": self.count,
            "created_at": self.created_at,
            "notes": list(self.notes),
        }

    @property
    def receipt(self) -> Receipt | None:
        """The latest receipt, also after an interrupted :meth:`apply`; `None` before the plan was started."""
        return None if self._execution is None else self._execution.receipt(self)

    @property
    def spent(self) -> bool:
        """Whether the plan was applied, or is being applied."""
        return self._execution is not None and self._execution.spent

    def apply(
        self, progress: ProgressCallback | None = None, cancel: Cancel | None = None, *, rate: float | None = None
    ) -> Receipt:
        """Carry out the plan, once: read the works again, change only those still as shown, and read them back.

        Errors of requests are in the receipt. If this call is interrupted, the receipt is in :attr:`receipt`.

        Parameters
        ----------
        progress
            Called with the number of works processed and their total, at the start and after each chunk.
        cancel
            Stops before the next chunk once its ``is_set()`` is true.
        rate
            Highest number of works per second, so that workers do not get a thousand works at once.

        Returns
        -------
        Receipt
            What became of every work.

        Raises
        ------
        PlanAlreadyApplied, PlanExpired, ReadOnly
            If it was applied before, has expired, or the client may not change works; nothing was sent.
        PlanError
            If this is a copy to look at, or `rate` is not above 0 or not possible for this verb; nothing was sent.
        JournalError
            If the works could not be written to the journal; nothing was sent.
        WorkError
            If rows of a deposit are bad, and `skip_bad` was not asked for; nothing was sent.
        """
        execution = self._live("Build it here with buckets.plan_...().")
        self._check()
        return execution.apply(self, progress, cancel, rate)

    def _live(self, instead: str) -> Execution:
        if self._execution is None:
            raise PlanError(
                f"This is a copy to look at, made by no client of this process. Nothing was sent. {instead}"
            )
        return self._execution

    def save(self, path: str | os.PathLike[str], *, expires_after: float = KEEPS) -> None:
        """Write the plan to a file, for somebody else to look at and to apply with ``buckets.load_plan(path)``.

        The file holds what is shown here, and no token. The plan can be applied once, from the file or from here, on
        this service only.

        Parameters
        ----------
        path
            The file; an existing one is replaced.
        expires_after
            Seconds from now for which it may be applied; a day by default.

        Raises
        ------
        PlanError
            If it cannot be written, is a copy to look at, is of a verb whose plans are not saved (withdraw, audit,
            undo), was applied (PlanAlreadyApplied), or has expired (PlanExpired), or if `expires_after` is not above 0.
        WorkError
            If rows of a deposit are bad, and `skip_bad` was not asked for.
        """
        execution = self._live("Save the one that was built by a client.")
        self._check()
        if self.spent:
            raise PlanAlreadyApplied(f"“{self.summary}” was applied before, so there is nothing to pass on.")
        write_plan_file(Path(path), self, execution.entry, expires_after)

    def _check(self) -> None:
        """Raise an error if the plan must not be applied as it is; subclasses override this."""

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the plan as a complete HTML page that needs no other file; write it to a file if `path` is given.

        Parameters
        ----------
        path
            A file to write it to; an existing one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        text = page(self.summary, Markup(self._repr_html_()))
        if path is not None:
            replace_file(Path(path), text)
        return text

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the plan without its execution, which can be looked at but not applied."""
        return {**self.__dict__, "_execution": None}

    def _facts(self) -> list[tuple[str, str]]:
        works = self.works
        times = [work.creation for work in works if isinstance(work.creation, int | float)]
        facts = [
            ("pipeline", drawing.by_count(work.pipeline for work in works)),
            ("status", drawing.by_count(work.status for work in works)),
            ("site", drawing.by_count(work.site for work in works)),
            ("created", f"{format_time(min(times))} to {format_time(max(times))}" if times else ""),
            ("running", f"{self.running:,}" if works else ""),
            ("query", self.query),
            ("reason", self.reason),
            ("expires", format_time(self.expires_at) if self.expires_at != float("inf") else ""),
            ("left out", drawing.by_count(left.why for left in self.left_out)),
            *(("note", note) for note in self.notes),
        ]
        return [(label, fact) for label, fact in facts if fact]

    def _rows(self) -> drawing.Details:
        def created(work: WorkSnapshot) -> str:
            return format_time(work.creation) if isinstance(work.creation, int | float) else ""

        rows = [(work.id or "(no id)", work.pipeline, work.status, work.site, created(work)) for work in self.works]
        return drawing.Details("Works", ("id", "pipeline", "status", "site", "created"), rows)


class CellsPlan(Plan):
    """Works whose cells will be changed, cell by cell."""

    @property
    def changes_cells(self) -> bool:
        """Whether cells change: the undo of a delete or of a deposit restores or removes whole works instead."""
        return any(change.cells for change in self.changes)

    @property
    def cells(self) -> pd.DataFrame:
        """One row for each cell that will change: id, field, old and new, all as text."""
        rows = [(change.id, path, shown(old), shown(new)) for change in self.changes for path, old, new in change.cells]
        return frames.SummaryFrame(rows, columns=["id", "field", "old", "new"], dtype=pd.StringDtype("python"))

    def _facts(self) -> list[tuple[str, str]]:
        changed = drawing.by_count(path for change in self.changes for path, _, _ in change.cells)
        return [("fields changed", changed), *super()._facts()] if changed else super()._facts()

    def _rows(self) -> drawing.Details:
        if not self.changes_cells:
            return super()._rows()
        rows = [(change.id or "", described(change.cells)) for change in self.changes]
        return drawing.Details("Fields changed", ("id", "old -> new"), rows)


@dataclass(frozen=True, repr=False, kw_only=True)
class UndoPlan(CellsPlan):
    """Works that will be put back as they were before an entry of the journal.

    Attributes
    ----------
    undoes
        Id of the entry.
    asked
        What the entry did, on one line.
    """

    undoes: str = ""
    asked: str = ""

    verb = "undo"
    done_word = "put back"
    _what: ClassVar[str] = "put back"

    @property
    def summary(self) -> str:
        """What will happen, on one line."""
        return f"Undo {self.undoes}: {self._what} {count_of(self.count, 'work')} on {self.host}"

    def _facts(self) -> list[tuple[str, str]]:
        return [("undoes", self.asked), *super()._facts()] if self.asked else super()._facts()
