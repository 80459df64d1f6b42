"""Receipts: what was asked, and what became of each work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import pandas as pd

from bucketsnb.changes import drawing
from bucketsnb.changes.snapshot import WorkSnapshot
from bucketsnb.display.texts import age, count_of, join_truncated
from bucketsnb.errors import JournalError, OutcomeUnknown, PartlyDone, PlanError
from bucketsnb.frames import SummaryFrame

if TYPE_CHECKING:
    from bucketsnb.changes.execution import Execution
    from bucketsnb.changes.plan import Plan
    from bucketsnb.progress import Cancel, ProgressCallback

__all__ = ["COLUMNS", "UNSETTLED", "Outcome", "Receipt", "WorkResult"]

COLUMNS = ("id", "outcome", "before", "after", "detail", "new_id")
"""Columns of :attr:`Receipt.frame`."""


class Outcome(str, Enum):
    """What became of one work of a plan, in a word."""

    DONE = "done"
    """The change was made, as reading the work back has shown."""
    DRIFTED = "drifted"
    """Not done: the work is not as it was shown, is in the store already, or shares its id with another one."""
    GONE = "gone"
    """Not done: the work is no longer there or, for a withdrawal, no queued work matches."""
    STILL_THERE = "still there"
    """The service answered, but has not made the change."""
    REFUSED = "refused"
    """Not done: the service refused it or failed, or the work cannot be sent."""
    NOT_SENT = "not sent"
    """No request was sent for this work."""
    UNKNOWN = "unknown"
    """A request was sent, and it is not known whether the change was made."""


UNSETTLED = (Outcome.NOT_SENT, Outcome.UNKNOWN)
"""Outcomes that are not final: :meth:`Receipt.resume` continues with such works."""


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What became of one work, and why.

    Attributes
    ----------
    id
        Id of the work as it was shown, or of the work that was deposited or claimed; `None` if it is not known.
    before
        The work as the plan shows it, or `None` if it was not in the store yet.
    after
        The work as it was last read, or `None` if it was not there or not read.
    new_id
        Id that the service gave to a deposited work, or id of a claimed one, else `None`.
    """

    outcome: Outcome
    id: str | None
    before: WorkSnapshot | None
    after: WorkSnapshot | None = None
    detail: str = ""
    new_id: str | None = None


@dataclass(frozen=True, repr=False)
class Receipt(drawing.Drawn):
    """What became of every work of a plan.

    Attributes
    ----------
    entry
        Id of the entry in the journal, or ``""`` if there was nothing to do.
    results
        One per work, in the order of the plan.
    errors
        Errors of requests and of the journal; the results are true whatever went wrong.
    notes
        What else the reader should know, such as that the rest was cancelled.
    seconds
        How long it took; after :meth:`resume`, the time of that call only.
    rate
        The highest number of works a second that was asked for, or `None`.
    """

    plan: Plan
    entry: str
    results: tuple[WorkResult, ...]
    errors: tuple[BaseException, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    rate: float | None = None

    @property
    def verb(self) -> str:
        """The verb of the plan, such as ``"delete"``."""
        return self.plan.verb

    @property
    def asked(self) -> str:
        """The summary of the plan."""
        return self.plan.summary

    @property
    def counts(self) -> dict[str, int]:
        """Number of works by outcome: all seven words, in the order of :class:`Outcome`."""
        numbers = Counter(result.outcome for result in self.results)
        return {outcome.value: numbers[outcome] for outcome in Outcome}

    @property
    def ok(self) -> bool:
        """Whether every work is as planned and in the journal; a work to delete that was gone is as planned."""
        if any(isinstance(error, JournalError) for error in self.errors):
            return False
        enough = {Outcome.DONE, Outcome.GONE} if self.plan.removes else {Outcome.DONE}
        return all(result.outcome in enough for result in self.results)

    @property
    def unsettled(self) -> int:
        """Number of works that :meth:`resume` would continue with: not sent, or of unknown outcome."""
        return sum(result.outcome in UNSETTLED for result in self.results)

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each work: id, outcome, status before and after, detail, and :attr:`WorkResult.new_id`."""
        rows = [(*_cells(result), result.new_id) for result in self.results]
        frame = SummaryFrame(rows, columns=list(COLUMNS), dtype=pd.StringDtype("python"))
        words = pd.CategoricalDtype([outcome.value for outcome in Outcome])
        return frame.astype({"outcome": words})

    @property
    def new_ids(self) -> dict[str, str]:
        """New ids by old ids, of works that the undo of a delete has restored."""
        given = ((result.id, result.new_id) for result in self.results)
        return {old: new for old, new in given if old and new and old != new}

    @property
    def ids(self) -> list[str]:
        """Ids of the works with the outcome ``done``, in order; for a deposit, the ids that the service gave."""
        done = (result.new_id or result.id for result in self.results if result.outcome is Outcome.DONE)
        return [work_id for work_id in done if work_id]

    @property
    def summary(self) -> str:
        """What happened, on one line."""
        done = self.counts["done"]
        if not self.results:
            return f"{self.asked}: nothing to do"
        works = count_of(len(self.results), "work")
        changed = f"{works if done == len(self.results) else f'{done:,} of {works}'} {self.plan.done_word}"
        others = [f"{number:,} {word}" for word, number in self.counts.items() if number and word != "done"]
        return f"{self.asked}: " + ", ".join([changed, *others])

    def raise_for_outcome(self) -> None:
        """Raise an error unless every work is as planned.

        Raises
        ------
        OutcomeUnknown, BucketsError
            The error that left an outcome unknown, or else the first of :attr:`errors`.
        PartlyDone
            If there was no error, but some works are not as planned.
        """
        if self.ok:
            return
        errors = sorted(self.errors, key=lambda error: not isinstance(error, OutcomeUnknown))
        if errors:
            raise errors[0]
        raise PartlyDone(f"{self.summary}. See receipt.frame for each work.", receipt=self)

    def resume(self, progress: ProgressCallback | None = None, cancel: Cancel | None = None) -> Receipt:
        """Continue: send the works that were not sent, and read again those whose outcome is unknown.

        A work whose deposit has an unknown outcome is only searched for, never sent again.

        Returns
        -------
        Receipt
            Of the whole plan, with what was done before.

        Raises
        ------
        PlanError
            If nothing was changed, or the plan is a copy to look at.
        PlanAlreadyApplied, ReadOnly
            If somebody else continued or undid the entry, or the client may not change works; nothing was sent.
        JournalError
            If the works could not be written to the journal; nothing was sent.
        """
        return self._execution().resume(self.plan, progress, cancel)

    def undo(self, progress: ProgressCallback | None = None, cancel: Cancel | None = None) -> Receipt:
        """Put the works back as they were, except those that somebody else has changed since.

        Raises
        ------
        PlanAlreadyApplied
            If it was undone before.
        PlanError
            If it cannot be undone; the message says why.
        """
        return self._execution().context.undo(self.entry).apply(progress, cancel)

    def _execution(self) -> Execution:
        if not self.entry:
            raise PlanError("Nothing was changed, so there is nothing to resume or undo.")
        return self.plan._live(f"buckets.undo({self.entry!r}) takes back what was done.")

    def _facts(self) -> list[tuple[str, str]]:
        facts = [(word, f"{number:,}") for word, number in self.counts.items() if number]
        given = [result.new_id for result in self.results if result.new_id]
        facts += [("new ids", join_truncated(given, most=3))] if given else []
        facts += [("problem", str(error) or type(error).__name__) for error in self.errors]
        facts += [("note", note) for note in self.notes]
        if self.rate is not None:
            facts += [("took", f"{age(self.seconds)}, at {self.rate:,g} works a second at most")]
        return [*facts, ("journal", self.entry)] if self.entry else facts

    def _rows(self) -> drawing.Details:
        others = [result for result in self.results if result.outcome is not Outcome.DONE]
        rows = [(result.id or "(no id)", *_cells(result)[1:]) for result in others]
        return drawing.Details("Not as planned", COLUMNS[:5], rows, trouble=True)


def _cells(result: WorkResult) -> tuple[str | None, str, str | None, str | None, str]:
    """Return the cells of a result for a row of a frame or table, without the new id."""
    return result.id, result.outcome.value, _status(result.before), _status(result.after), result.detail


def _status(work: WorkSnapshot | None) -> str | None:
    return None if work is None else drawing.word(work.status)
