"""Plans: values that say what will happen to which works, and that are applied once.

A plan is frozen. It holds every work as it was shown, so that :meth:`Plan.apply` can leave alone what changed since.
How it is carried out is not here: a plan hands itself to the application it was built with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import pandas as pd

from bucketsnb import frames
from bucketsnb.changes import drawing
from bucketsnb.changes.plan_file import KEEPS
from bucketsnb.changes.receipt import Receipt
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, shown
from bucketsnb.display.markup import Markup, page
from bucketsnb.display.texts import count_of, format_time, place_of
from bucketsnb.errors import PlanError, WorkError
from bucketsnb.files import replace_file
from bucketsnb.progress import Cancel, ProgressCallback

__all__ = [
    "AuditPlan",
    "DeletePlan",
    "DepositPlan",
    "LeftOut",
    "Plan",
    "RequeuePlan",
    "UndoDepositPlan",
    "UndoPlan",
    "UpdatePlan",
    "WithdrawPlan",
]

_NAMED = 3
"""Pipelines that a summary names; of more it says how many."""

Self = TypeVar("Self", bound="Plan")


class _Application(Protocol):
    def apply(
        self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None, rate: float | None = None
    ) -> Receipt: ...

    def save(self, plan: Plan, path: Path, expires_after: float) -> None: ...

    @property
    def spent(self) -> bool: ...

    @property
    def latest(self) -> Receipt | None: ...


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A work that was named or matched and is not on the plan, and why."""

    id: str | None
    why: str


@dataclass(frozen=True, repr=False, kw_only=True)
class Plan:
    """What will happen to which works.

    Attributes
    ----------
    changes
        One per work: as it was shown, and as it is to be.
    url
        Address of the service, without user and password.
    reason
        Why, in the words of the person who asked; kept in the journal.
    created_at, expires_at
        Epoch seconds. A plan that is shown for longer is refused.
    query
        The query document the works matched, as JSON, or ``""`` if they were named.
    left_out
        Works that were named or matched and are not on the plan.
    notes
        What cannot be undone, and whatever else the reader should know before agreeing.
    """

    changes: tuple[Change, ...]
    url: str
    reason: str = ""
    created_at: float = field(default_factory=time.time)
    expires_at: float = float("inf")
    query: str = ""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    _application: _Application | None = field(default=None, compare=False)

    verb: ClassVar[str] = "change"
    preposition: ClassVar[str] = "of"
    removes: ClassVar[bool] = False

    @property
    def count(self) -> int:
        """How many works the plan will act on."""
        return len(self.changes)

    @property
    def ids(self) -> list[str]:
        """Ids of the works, in the order of the plan; works to be deposited have none."""
        return [change.id for change in self.changes if change.id is not None]

    @property
    def works(self) -> list[WorkSnapshot]:
        """The works as they were shown."""
        return [change.work for change in self.changes]

    @property
    def running(self) -> int:
        """How many of the works are running: a worker may be busy with them."""
        return sum(work.status == "running" for work in self.works)

    @property
    def frame(self) -> pd.DataFrame:
        """The works as they were shown, one row each."""
        return frames.frame_of([work.record for work in self.works])

    @property
    def host(self) -> str:
        """Host, port and path of the service."""
        return place_of(self.url)

    @property
    def summary(self) -> str:
        """What will happen, on one line."""
        names = drawing.names([work.pipeline for work in self.works])
        pipelines = ", ".join(names) if len(names) <= _NAMED else f"{len(names):,} pipelines"
        targets = f" {self.preposition} {pipelines}" if pipelines else ""
        return f"{self.verb.capitalize()} {count_of(self.count, 'work')}{targets} on {self.host}"

    @property
    def receipt(self) -> Receipt | None:
        """The latest receipt, also after an interrupted :meth:`apply`; `None` before anything was done."""
        return None if self._application is None else self._application.latest

    @property
    def spent(self) -> bool:
        """Whether the plan was applied."""
        return self._application is not None and self._application.spent

    def apply(
        self, progress: ProgressCallback | None = None, cancel: Cancel | None = None, *, rate: float | None = None
    ) -> Receipt:
        """Do it, once: look again, act only on works that are as they were shown, read back.

        Whatever goes wrong on the way is in the receipt, with the outcome of every work. If this call is interrupted,
        the receipt is in :attr:`receipt`.

        Parameters
        ----------
        progress
            Called with the number of works dealt with and their total, after each chunk.
        cancel
            Stops before the next chunk once its ``is_set()`` is true.
        rate
            Works a second at most, so that a requeue of a thousand does not fall on the workers at once.

        Returns
        -------
        Receipt
            What became of every work.

        Raises
        ------
        PlanAlreadyApplied
            If it was applied before; nothing is sent.
        PlanExpired
            If it was shown too long ago; nothing is sent.
        ReadOnly
            If the client may not change works.
        JournalError
            If the works could not be put on record; nothing was sent.
        """
        if self._application is None:
            raise PlanError(
                "This plan is a copy to look at: it was not built by a client of this process. A plan that was pickled "
                "is applied where it was built; here, build it with buckets.plan_...(). Nothing was sent."
            )
        return self._application.apply(self, progress, cancel, rate)

    def save(self, path: str | os.PathLike[str], *, expires_after: float = KEEPS) -> None:
        """Write the plan to a file, for somebody else to look at and to apply with ``buckets.load_plan(path)``.

        It holds what is shown here and no token. It is applied once, from the file or from here, on this service only.

        Parameters
        ----------
        path
            The file; one that was there is replaced.
        expires_after
            Seconds from now for which it may be applied; a day by default.

        Raises
        ------
        PlanError
            If it cannot be written, or is of a kind that is made where it is applied (withdraw, audit, undo).
        PlanAlreadyApplied
            If it was applied.
        PlanExpired
            If it was shown too long ago.
        """
        if self._application is None:
            raise PlanError("This plan is a copy to look at: save the one that was built by a client.")
        self._application.save(self, Path(path), expires_after)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the plan as a whole HTML page, which needs nothing else to be read; write it too, if asked.

        Parameters
        ----------
        path
            A file to write it to; one that was there is replaced.
        """
        text = page(self.summary, Markup(self._repr_html_()))
        if path is not None:
            replace_file(Path(path), text)
        return text

    def __copy__(self: Self) -> Self:
        return self  # a value, of which there is one application

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the plan to look at, without the client that could apply it."""
        return {**self.__dict__, "_application": None}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"

    def __str__(self) -> str:
        return drawing.text(self.summary, self._facts(), self._rows())

    def _repr_html_(self) -> str:
        return drawing.html(self.summary, self._facts(), self._rows())

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

    def _rows(self) -> drawing.Rows:
        rows = [(work.id or "(no id)", work.pipeline, work.status, work.site, _when(work)) for work in self.works]
        return drawing.Rows("Works", ("id", "pipeline", "status", "site", "created"), rows)


def _when(work: WorkSnapshot) -> str:
    return format_time(work.creation) if isinstance(work.creation, int | float) else ""


class DeletePlan(Plan):
    """Works that will be removed from the service."""

    verb = "delete"
    removes = True


class UpdatePlan(Plan):
    """Works whose cells will be changed, cell by cell."""

    verb = "update"

    @property
    def cells(self) -> pd.DataFrame:
        """One row a cell that will change: id, field, old, new."""
        rows = [(change.id, path, shown(old), shown(new)) for change in self.changes for path, old, new in change.cells]
        return frames.SummaryFrame(rows, columns=["id", "field", "old", "new"], dtype=pd.StringDtype("python"))

    def _facts(self) -> list[tuple[str, str]]:
        changed = drawing.by_count(path for change in self.changes for path, _, _ in change.cells)
        return [("cells", changed), *super()._facts()] if changed else super()._facts()

    def _rows(self) -> drawing.Rows:
        rows = [(change.id or "", described(change.cells)) for change in self.changes]
        return drawing.Rows("Cells", ("id", "old -> new"), rows)


class RequeuePlan(UpdatePlan):
    """Works that will be queued again."""

    verb = "requeue"


@dataclass(frozen=True, repr=False, kw_only=True)
class UndoPlan(UpdatePlan):
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
    _what: ClassVar[str] = "put back"

    @property
    def summary(self) -> str:
        """What will happen, on one line."""
        return f"Undo {self.undoes}: {self._what} {count_of(self.count, 'work')} on {self.host}"

    def _facts(self) -> list[tuple[str, str]]:
        return [("undoes", self.asked), *super()._facts()] if self.asked else super()._facts()


class UndoDepositPlan(UndoPlan):
    """Works that were deposited, and will be removed again."""

    removes = True
    _what = "delete"


@dataclass(frozen=True, repr=False, kw_only=True)
class DepositPlan(Plan):
    """Works that will be put into the queue.

    Attributes
    ----------
    bad
        What is wrong with rows: their place from 0, the field, and why.
    lines
        The line of the text, from 1, at which bad rows begin, by their place; nothing for what is no text.
    skip_bad
        Whether the others go all the same.
    """

    bad: tuple[tuple[int, str, str], ...] = ()
    lines: Mapping[int, int] = field(default_factory=dict)
    skip_bad: bool = False

    verb = "deposit"
    preposition = "to"

    @property
    def problems(self) -> pd.DataFrame:
        """One row a problem: row (from 0), field, problem, and the line of the text (from 1) where there is one."""
        rows = [(*problem, self.lines.get(problem[0])) for problem in self.bad]
        text = pd.StringDtype("python")
        frame = frames.SummaryFrame(rows, columns=["row", "field", "problem", "line"])
        return frame.astype({"row": "int64", "field": text, "problem": text, "line": "Int64"})

    def apply(
        self, progress: ProgressCallback | None = None, cancel: Cancel | None = None, *, rate: float | None = None
    ) -> Receipt:
        """Deposit, once; see :meth:`Plan.apply`.

        Raises
        ------
        WorkError
            If any row is bad, and `skip_bad` was not asked for; nothing was sent.
        """
        self._refuse_bad()
        return super().apply(progress, cancel, rate=rate)

    def save(self, path: str | os.PathLike[str], *, expires_after: float = KEEPS) -> None:
        """Write the plan to a file; see :meth:`Plan.save`.

        Raises
        ------
        WorkError
            If any row is bad, and `skip_bad` was not asked for.
        """
        self._refuse_bad()
        super().save(path, expires_after=expires_after)

    def _refuse_bad(self) -> None:
        if self.bad and not self.skip_bad:
            row, name, problem = self.bad[0]
            named = problem if problem.startswith(name) else f"{name} {problem}"
            raise WorkError(
                f"{self._said}, so nothing was sent. {self._where(row)}: {named.rstrip('.')}. See plan.problems; "
                "pass skip_bad=True to deposit the others.",
                index=row,
                field=name or None,
            )

    def _where(self, row: int) -> str:
        return f"Row {row} (line {self.lines[row]})" if row in self.lines else f"Row {row}"

    @property
    def _said(self) -> str:
        rows = len({row for row, _, _ in self.bad})
        return f"{count_of(rows, 'row')} {'is' if rows == 1 else 'are'} bad"

    def _facts(self) -> list[tuple[str, str]]:
        if not self.bad:
            return super()._facts()
        going = "left out" if self.skip_bad else "nothing will be sent until they are corrected, or skip_bad=True"
        return [("bad rows", f"{self._said}: {going}"), *super()._facts()]

    def _rows(self) -> drawing.Rows:
        if not self.bad:
            return super()._rows()
        if not self.lines:
            return drawing.Rows("Bad rows", ("row", "field", "problem"), self.bad, trouble=True)
        rows = [(row, self.lines.get(row, ""), name, problem) for row, name, problem in self.bad]
        return drawing.Rows("Bad rows", ("row", "line", "field", "problem"), rows, trouble=True)


class WithdrawPlan(Plan):
    """A forecast of which work a withdrawal would claim; others who claim meanwhile may change it."""

    verb = "withdraw"
    preposition = "of"


class AuditPlan(UpdatePlan):
    """A forecast of what an audit pass would change."""

    verb = "audit"


def document_of(plan: Plan) -> Mapping[str, Any]:
    """Return what the journal keeps of a plan beside its works."""
    return {
        "verb": plan.verb,
        "summary": plan.summary,
        "url": plan.url,
        "host": plan.host,
        "reason": plan.reason,
        "query": plan.query,
        "count": plan.count,
        "created_at": plan.created_at,
        "notes": list(plan.notes),
    }
