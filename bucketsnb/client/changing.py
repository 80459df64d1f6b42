"""The part of the client that changes works at once: every method plans, applies, and reads back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bucketsnb import confirm
from bucketsnb.changes.build import plan_delete
from bucketsnb.changes.claim import Claim
from bucketsnb.changes.deposit import plan_raw
from bucketsnb.changes.edits import plan_works
from bucketsnb.changes.entry import journal_frame
from bucketsnb.changes.journal import Journal
from bucketsnb.changes.plan import Cancel, DeletePlan, Plan, Progress
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.scope import Limits, NothingSent, WorksLeft, ids_of
from bucketsnb.changes.withdraw import Names, plan_claim, withdrawal
from bucketsnb.client.planning import Planning
from bucketsnb.confirm import Confirmation
from bucketsnb.errors import QueryError, ScopeRefused
from bucketsnb.formatting import count_of
from bucketsnb.query import Query
from bucketsnb.schema import PARENT_PATH

__all__ = ["Changing"]

_ANY = Limits(allow_all=True, allow_running=True, max_affected=None)


class _All(int):
    """The default of a limit that callers of the service's own client expect to be 100, and that means all here."""

    def __repr__(self) -> str:
        return "all"


_ALL = _All(100)


class Changing(Planning):
    """Change works, guarded; see :class:`~bucketsnb.client.Buckets`."""

    # --- the methods of the service's own client ---

    def deposit(self, works: Iterable[Any], return_ids: bool = False) -> bool | list[str]:  # noqa: FBT001, FBT002 - the service's client takes it so
        """Put new works into their queues, once.

        What a work leaves out is filled in as the payload of the public client's ``Work`` has it, inside ``config`` and
        ``notify`` too; what is given stays as given. A null where none may stand, as in ``priority``, says nothing.
        What ``Work`` would not read, or would read as something else, is refused.

        An answer that is lost is settled by looking for the works by their creation times; they are never sent twice.

        Parameters
        ----------
        works
            Mappings, or ``Work`` objects of the public client.
        return_ids
            Whether to return the ids that the service gave, in the order of the works.

        Returns
        -------
        bool or list of str
            True, or the ids.

        Raises
        ------
        WorkError
            If a work cannot be sent; the message names it, the field, and what would be right. Nothing was sent.
        OutcomeUnknown
            If nobody can tell whether they were stored: `check` finds them, `found` has those that were found.
        """
        plan = plan_raw(self._context, works)
        if not plan.count:
            _warn(NothingSent, "deposit was given no works, so nothing was sent.")
            return [] if return_ids else True
        receipt = plan.apply()
        receipt.raise_for_outcome()
        return receipt.ids if return_ids else True

    def withdraw(
        self,
        pipeline: str | list[str],
        event: list[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: list[str] | None = None,
        parent: str | list[str] | None = None,
    ) -> dict[str, Any] | None:
        """Claim one queued work, by one request that is never repeated.

        Parameters
        ----------
        pipeline
            One or several.
        event, site, priority, user, tags, parent
            What it must match; of lists, any element. None means any. An empty filter is an error, not "any".

        Returns
        -------
        dict or None
            The record just as the service gave it, whatever it holds; None if nothing is queued that matches.

        Raises
        ------
        QueryError
            If a filter is empty or cannot be met; nothing was sent.
        OutcomeUnknown
            If the answer was lost: a work may be running that nobody holds, and `check` looks for it.
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        receipt = plan_claim(self._context, document, look_first=False).apply()
        fate = receipt.fates[0]
        if fate.outcome is Outcome.DONE and fate.after is not None:
            return fate.after.record
        if fate.outcome is not Outcome.GONE:
            receipt.raise_for_outcome()
        return None

    def update(self, works: Iterable[Any]) -> bool:
        """Overwrite works by their ids, with the fields that are given.

        Each work is read first and sent whole with these fields changed, so that nothing that is not given is lost. A
        work that changes in between is left alone.

        Parameters
        ----------
        works
            Mappings with an ``id`` each, or ``Work`` objects of the public client.

        Returns
        -------
        bool
            True only if all of them were read back as given; a warning says how many were not.

        Raises
        ------
        WorkError
            If a work has no id, is given twice, or would not be one that the public client reads; nothing was sent.
        ServiceError
            If the service refused, or could not be asked.
        """
        plan = plan_works(self._context, works)
        if not plan.count and not plan.left_out:
            _warn(NothingSent, "update was given no works, so nothing was sent.")
            return False
        receipt = plan.apply()
        if receipt.errors:
            receipt.raise_for_outcome()
        if plan.left_out:
            _warn(WorksLeft, f"{receipt.summary}; left out: {_why(plan)}")
        elif not receipt.ok:
            _warn(WorksLeft, receipt.summary)
        return receipt.ok and not plan.left_out

    def delete_ids(self, ids: list[str]) -> bool:
        """Delete works by their ids, whatever their status, and read back whether they are gone.

        Parameters
        ----------
        ids
            Any number; they are sent in chunks. None at all: nothing is sent, and a warning says so.

        Returns
        -------
        bool
            True only if all of them are gone now; a warning says how many are not.

        Raises
        ------
        WorkError
            If one of them is not an id; nothing was sent.
        ServiceError
            If the service refused, or could not be asked; the journal accounts for every work.
        """
        named = ids_of(ids)
        if not named:
            _warn(NothingSent, "delete_ids was given no ids, so nothing was sent.")
            return False
        return _deleted(plan_delete(self._context, named, reason="delete_ids", limits=_ANY).apply())

    def delete_many(
        self,
        pipeline: str,
        status: str | list[str] | None = None,
        events: list[int] | None = None,
        tags: list[str] | None = None,
        parent: str | None = None,
        force: bool = False,  # noqa: FBT001, FBT002 - the service's client takes it so
        limit: int | None = _ALL,
    ) -> bool | Confirmation:
        """Delete all works of a pipeline that match, after a confirmation.

        Parameters
        ----------
        pipeline
            Its name.
        status, events, tags, parent
            What they must match; of lists, any element. None means any. An empty filter is an error, not "any".
        force
            Delete without asking; for scripts.
        limit
            Delete only the newest so many. Not given, or None: all that match (the service's own client stops at the
            newest 100 without a word). How many are left is said in the question and in a warning.

        Returns
        -------
        bool or Confirmation
            True if works were deleted and all of them are gone; False if nothing matches, or the answer was no. In a
            notebook, without `force`: the question, shown below the cell; it is false until it was answered with yes
            and all is done, and then has the receipt.

        Raises
        ------
        ConfirmationNeeded
            If there is neither a terminal nor a notebook to ask in.
        """
        document = _many(pipeline, status, events, tags, parent)
        most = None if limit is None or limit is _ALL else _limit(limit)
        plan = plan_delete(self._context, document, reason="delete_many", limits=_ANY, limit=most)
        left = _left_by(plan)
        if not plan.count:
            return False
        answer: bool | Confirmation = True if force else confirm.ask(plan)
        if isinstance(answer, Confirmation):
            return answer
        done = answer and _deleted(plan.apply())
        if done and left:
            _warn(WorksLeft, f"{plan.summary}: {left:,} more match and were left, as limit={limit} asks.")
        return done

    def claim(
        self,
        pipeline: Names,
        event: int | Iterable[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: Names | None = None,
        parent: Names | None = None,
    ) -> Claim:
        """Claim one queued work at once, to do by hand; parameters as for :meth:`withdraw`.

        The head of the queue is read before, so that the work can be given back just as it was.

        Returns
        -------
        Claim
            False if nothing was queued. End it with ``success(results=...)``, ``failure(...)`` or ``give_back()``;
            in a ``with`` statement it is given back if the block fails.

        Examples
        --------
        ::

            with buckets.claim("baseband-converter") as claim:
                if claim:
                    claim.success(results=convert(claim.work))
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        context = self._context
        receipt = plan_claim(context, document, look_first=True).apply()
        if receipt.errors:
            receipt.raise_for_outcome()
        return Claim(context, receipt)

    # --- the journal ---

    def journal(self, limit: int | None = None) -> pd.DataFrame:
        """Return what was changed from this account, one row an entry, the newest first and `limit` at most."""
        return journal_frame(Journal(), limit)

    def undo(self, entry: str, progress: Progress | None = None, cancel: Cancel | None = None) -> Receipt:
        """Put works back as they were before an entry of the journal, where nobody else has moved them since.

        An undo that was cut short is gone on with. See :meth:`plan_undo` to look before.
        """
        return self.plan_undo(entry).apply(progress, cancel)


def _many(
    pipeline: str,
    status: str | list[str] | None,
    events: list[int] | None,
    tags: list[str] | None,
    parent: str | None,
) -> dict[str, Any]:
    if not isinstance(pipeline, str) or not pipeline:
        raise ScopeRefused(f"pipeline={pipeline!r} names no pipeline, so nothing was sent.")
    words = withdrawal(pipeline, events, tags=tags, parent=parent)
    document = {"pipeline": pipeline, **{name: words[name] for name in ("event", "tags", PARENT_PATH) if name in words}}
    return document if status is None else {**document, **Query(status=status).to_document()}


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise QueryError(f"limit={limit!r} deletes nothing: give a number from 1 on, or leave it out for all.")
    return int(limit)


def _left_by(plan: DeletePlan) -> int:
    return sum(left.why.startswith("beyond") for left in plan.left_out)


def _deleted(receipt: Receipt) -> bool:
    if receipt.errors:
        receipt.raise_for_outcome()
    if not receipt.ok:
        _warn(WorksLeft, receipt.summary, 4)
    return receipt.ok


def _why(plan: Plan) -> str:
    return f"{count_of(len(plan.left_out), 'work')}, the first as it {plan.left_out[0].why}"


def _warn(kind: type[Warning], message: str, level: int = 3) -> None:
    warnings.warn(message, kind, stacklevel=level)
