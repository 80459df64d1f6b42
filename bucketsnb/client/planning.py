"""The part of the client that plans changes: what would be done, as a value to look at. Only reads are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bucketsnb.changes.apply import Context
from bucketsnb.changes.audit import plan_audit
from bucketsnb.changes.build import plan_delete, plan_requeue
from bucketsnb.changes.deposit import plan_deposit
from bucketsnb.changes.edits import plan_update
from bucketsnb.changes.plan import (
    AuditPlan,
    DeletePlan,
    DepositPlan,
    RequeuePlan,
    UndoPlan,
    UpdatePlan,
    WithdrawPlan,
)
from bucketsnb.changes.scope import EXPIRES_AFTER, MAX_AFFECTED, Limits, Which
from bucketsnb.changes.tables import Source
from bucketsnb.changes.undo import context_of, plan_undo
from bucketsnb.changes.withdraw import Names, plan_withdraw, withdrawal
from bucketsnb.client.base import ClientBase
from bucketsnb.errors import QueryError
from bucketsnb.query import Query

__all__ = ["Planning"]


class Planning(ClientBase):
    """Plan changes; see :class:`~bucketsnb.client.Buckets`."""

    @property
    def _context(self) -> Context:
        return context_of(self.api)

    def plan_delete(
        self,
        which: Which = None,
        /,
        *,
        reason: str = "",
        allow_all: bool = False,
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
        **keywords: Any,
    ) -> DeletePlan:
        """Plan to delete works: what would be deleted, to look at and then ``apply()``. Only reads are sent.

        Parameters
        ----------
        which
            A query, a query document, a frame of works, or ids.
        reason
            Why; it is kept in the journal.
        allow_all
            Accept a query that is not limited to named pipelines.
        allow_running
            Accept works that are running.
        max_affected
            Most works that the plan may have; None for any number.
        expires_after
            Seconds for which the plan may be applied.
        **keywords
            Conditions in words, as for :class:`~bucketsnb.query.Query`.

        Raises
        ------
        ScopeRefused
            If it is too wide; the message names the argument that allows it.
        """
        limits = Limits(allow_all, allow_running, max_affected, expires_after)
        return plan_delete(self._context, _which(which, keywords), reason=reason, limits=limits)

    def plan_requeue(
        self,
        which: Which = None,
        /,
        *,
        reset_attempt: bool = False,
        reason: str = "",
        allow_all: bool = False,
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
        **keywords: Any,
    ) -> RequeuePlan:
        """Plan to queue failed works again; with `allow_running`, running ones too.

        A query that says nothing of the status means works that failed. Other parameters as for :meth:`plan_delete`.

        Parameters
        ----------
        reset_attempt
            Count attempts from zero again; otherwise the count stays, and one that is used up gives one last try.
        """
        limits = Limits(allow_all, allow_running, max_affected, expires_after)
        found = _which(which, keywords)
        return plan_requeue(self._context, found, reset_attempt=reset_attempt, reason=reason, limits=limits)

    def plan_update(
        self,
        frame: pd.DataFrame,
        *,
        reason: str = "",
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
    ) -> UpdatePlan:
        """Plan to change the cells of a frame that were edited with ordinary pandas.

        Parameters
        ----------
        frame
            A frame that ``view`` returned, or rows of it, with cells edited; or any frame with a column ``id``.
        reason, allow_running, max_affected, expires_after
            As for :meth:`plan_delete`.

        Returns
        -------
        UpdatePlan
            ``plan.cells`` has one row a cell that will change. Works that moved since the frame was read are left out.

        Raises
        ------
        WorkError
            If a column was edited that a client may not set, is unknown, or holds what cannot be meant.
        """
        limits = Limits(allow_running=allow_running, max_affected=max_affected, expires_after=expires_after)
        return plan_update(self._context, frame, reason=reason, limits=limits)

    def plan_deposit(
        self,
        works: Source,
        *,
        fresh: bool = False,
        skip_bad: bool = False,
        reason: str = "",
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
    ) -> DepositPlan:
        """Plan to deposit works, every row checked; fields that are left out get the public client's defaults.

        Parameters
        ----------
        works
            A list of works, a DataFrame, or CSV or JSON as text or as the path of a file. CSV may have commas,
            semicolons or tabs, as a paste from a spreadsheet has. A column such as ``parameters.dm`` goes into
            ``parameters``. Cells are read as the kind of their field: booleans, nulls, lists and mappings as Python,
            pandas, R, spreadsheets and JSON write them; times as epoch seconds, ISO text or datetimes, each with its
            zone. A text that stands for nothing, such as ``NA``, ``None`` or ``null``, is nothing in any column; inside
            a list, such as ``["NA"]``, and in JSON and Python values, text is text.
        fresh
            Make new works of copies: created now, no attempts counted, and no id, times, results, products or plots.
        skip_bad
            Deposit the good rows though others are bad; otherwise nothing is sent. ``plan.problems`` lists all, with
            the line of the text where there is one.
        reason, max_affected, expires_after
            As for :meth:`plan_delete`.

        Raises
        ------
        WorkError
            If no rows can be read at all, no column is a field of a work, or the works of a frame were read in part.
        """
        limits = Limits(max_affected=max_affected, expires_after=expires_after)
        return plan_deposit(self._context, works, fresh=fresh, skip_bad=skip_bad, reason=reason, limits=limits)

    def plan_withdraw(
        self,
        pipeline: Names,
        event: int | Iterable[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: Names | None = None,
        parent: Names | None = None,
        *,
        reason: str = "",
        expires_after: float = EXPIRES_AFTER,
    ) -> WithdrawPlan:
        """Forecast which work a withdrawal would claim, by reading only; ``apply()`` claims one, by one request.

        Parameters as for :meth:`withdraw`.
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        return plan_withdraw(self._context, document, reason=reason, expires_after=expires_after)

    def plan_audit(self, *, reason: str = "", expires_after: float = EXPIRES_AFTER) -> AuditPlan:
        """Forecast what the service's three audit passes would change, by reading only; ``apply()`` runs them."""
        return plan_audit(self._context, reason=reason, expires_after=expires_after)

    def plan_undo(self, entry: str, *, allow_other_host: bool = False) -> UndoPlan:
        """Plan to put works back as they were before an entry of the journal; only reads are sent.

        Parameters
        ----------
        entry
            Its id, from :meth:`journal` or ``receipt.entry``.
        allow_other_host
            Accept an entry that was made with another address of the service.

        Raises
        ------
        PlanAlreadyApplied
            If it was undone before.
        PlanError
            If it cannot be undone; the message says why.
        """
        return plan_undo(self._context, entry, allow_other_host=allow_other_host)


def _which(which: Which, keywords: Mapping[str, Any]) -> Which:
    if not keywords:
        return which
    if which is not None and not isinstance(which, Query | Mapping):
        raise QueryError("Conditions in words narrow a query; a frame or ids name works already.")
    return Query(which, **keywords)
