"""A claimed work: the time that is left for it, and how it ends (success, failure, or given back)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from bucketsnb.changes import drawing
from bucketsnb.changes.edits import refuse_unfit
from bucketsnb.changes.execution import Context
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import ChangeWarning, PlanLimits, Targets
from bucketsnb.changes.verbs.base import new_plan
from bucketsnb.changes.verbs.update import UpdatePlan
from bucketsnb.display.texts import age, close_matches, format_time
from bucketsnb.encoding import encode_works
from bucketsnb.errors import BucketsError, PlanError, WorkError
from bucketsnb.schema import FIELDS, LEFT_TO_THE_SERVICE

__all__ = ["Claim", "NotEnded"]


class NotEnded(ChangeWarning):
    """A claimed work was neither a success nor a failure, or could not be given back."""


class Claim:
    """One work that was claimed, or none if the queue was empty (then it is false).

    Used in a ``with`` statement it gives the work back if the block fails, or ends without saying how it went.

    Parameters
    ----------
    context
        The service and the journal.
    receipt
        Of the withdrawal, or `None` if nothing was queued.
    """

    def __init__(self, context: Context, receipt: Receipt | None) -> None:
        self._context = context
        result = receipt.results[0] if receipt is not None and receipt.results else None
        self._work = result.after if result is not None and result.outcome is Outcome.DONE else None
        self._entry = receipt.entry if receipt is not None else ""
        self.receipt: Receipt | None = None
        """What became of the work at its end; `None` while it is held."""

    @property
    def work(self) -> dict[str, Any] | None:
        """The record as the service gave it, or `None` if nothing was claimed."""
        return None if self._work is None else self._work.record

    @property
    def held(self) -> bool:
        """Whether the work is in your hands."""
        return self._work is not None and self.receipt is None

    @property
    def remaining(self) -> float:
        """Seconds until the service takes the work for lost, by its own timeout; negative after that."""
        work = self.work or {}
        start, timeout = work.get("start"), work.get("timeout")
        if not isinstance(start, int | float) or not isinstance(timeout, int | float):
            return float("inf")
        return start + timeout - self._context.api.now()

    def success(self, results: Mapping[str, Any] | None = None, **fields: Any) -> Receipt:
        """End the work as a success.

        Parameters
        ----------
        results
            What it produced; what was there before is kept if this is not given.
        **fields
            Other fields to set, such as ``products=[...]`` and ``plots=[...]``.

        Raises
        ------
        PlanError
            If nothing is held, or someone else has moved the work; nothing was changed.
        WorkError
            If the results cannot be sent; the work is still held.
        """
        return self._end("success", results, fields)

    def failure(self, results: Mapping[str, Any] | str | None = None, **fields: Any) -> Receipt:
        """End the work as a failure; see :meth:`success`. A text is what went wrong: ``{"error": text}``."""
        return self._end("failure", {"error": results} if isinstance(results, str) else results, fields)

    def give_back(self) -> Receipt:
        """Put the work back as it was before the claim: status, attempt, start and stop.

        Raises
        ------
        PlanError
            If nothing is held, or someone else has moved the work; nothing was changed.
        """
        self._held()
        return self._ended(self._context.undo(self._entry).apply())

    def _end(self, status: str, results: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> Receipt:
        work = self._held()
        _check_names(fields)
        cells = {"status": status, "stop": self._context.api.now(), **fields}
        if results is not None:
            cells["results"] = results
        refuse_unfit(work.record, cells, 0)
        after = encode_works([{**work.record, **cells}], verb="update")[1][0]
        reason = f"end of the work claimed by {self._entry}"
        targets, limits = Targets([work]), PlanLimits(allow_running=True)
        changes = [Change(work, WorkSnapshot.of(after))]
        plan = new_plan(UpdatePlan, self._context, PutExecutor(), changes, targets, reason, limits)
        return self._ended(plan.apply())

    def _held(self) -> WorkSnapshot:
        if self._work is None:
            raise PlanError("Nothing was claimed: the queue had no work that matches.")
        if self.receipt is not None:
            raise PlanError(f"The work was ended before: {self.receipt.summary}.")
        return self._work

    def _ended(self, receipt: Receipt) -> Receipt:
        if receipt.errors:
            receipt.raise_for_outcome()
        if not receipt.ok:
            result = receipt.results[0]
            raise PlanError(
                f"The work was moved by someone else, so it was left alone ({result.outcome.value}): {result.detail}"
            )
        self.receipt = receipt
        return receipt

    def __bool__(self) -> bool:
        return self._work is not None

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.held:
            return
        try:
            self.give_back()
        except BucketsError as problem:
            warnings.warn(f"The claimed work could not be given back. {problem}", NotEnded, stacklevel=2)
        else:
            if error is None:
                message = "The block ended without success() or failure(), so the work was given back."
                warnings.warn(message, NotEnded, stacklevel=2)

    def __repr__(self) -> str:
        return f"<Claim: {self._title()}>"

    def __str__(self) -> str:
        return drawing.text(self._title(), self._facts())

    def _repr_html_(self) -> str:
        return drawing.html(self._title(), self._facts())

    def _title(self) -> str:
        if self._work is None:
            return "nothing was queued that matches"
        name = f"work {self._work.id} of {drawing.word(self._work.pipeline)}"
        return f"{name}, {'held' if self.held else 'ended'}"

    def _facts(self) -> list[tuple[str, str]]:
        work = self.work
        if work is None:
            return []
        facts = [("status", drawing.word(work.get("status"))), ("attempt", drawing.word(work.get("attempt")))]
        start, remaining = work.get("start"), self.remaining
        if isinstance(start, int | float):
            facts.append(("claimed", format_time(start)))
        if self.held and remaining != float("inf"):
            facts.append(("time left", age(remaining)))
        return [*facts, ("journal", self._entry)]


def _check_names(fields: Mapping[str, Any]) -> None:
    for name in fields:
        if name not in FIELDS or name in LEFT_TO_THE_SERVICE:
            matches = close_matches(name, FIELDS)
            hint = f"; did you mean {matches[0]!r}?" if matches else ""
            raise WorkError(f"{name!r} is not a field of a work that can be set{hint}", field=name)
