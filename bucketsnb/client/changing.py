"""What the methods of the client that change works share: which works are meant, what is said, and what is left."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bucketsnb.changes.plan import DeletePlan, Plan
from bucketsnb.changes.receipt import Receipt
from bucketsnb.changes.targets import Limits, WorkSelector, WorksLeft
from bucketsnb.changes.withdraw import withdrawal
from bucketsnb.display.texts import count_of
from bucketsnb.errors import QueryError, ScopeRefused
from bucketsnb.query import Query
from bucketsnb.schema import PARENT_PATH

__all__ = ["ALL", "ANY", "deleted", "edited", "left_by", "limit_of", "matching", "selector", "warn", "why_left"]

ANY = Limits(allow_all=True, allow_running=True, max_affected=None)
"""For works that are named: no width is too wide."""


class _All(int):
    """The default of a limit that callers of the service's own client expect to be 100, and that means all here."""

    def __repr__(self) -> str:
        return "all"


ALL = _All(100)


def edited(which: WorkSelector, words: Mapping[str, Any]) -> pd.DataFrame:
    """Return a frame whose edited cells are to be sent."""
    if words or not isinstance(which, pd.DataFrame):
        raise QueryError('A plan to update takes a frame with edited cells, or new values: set={"priority": 5}.')
    return which


def selector(which: WorkSelector, keywords: Mapping[str, Any]) -> WorkSelector:
    """Return which works are meant, by conditions in words too."""
    if not keywords:
        return which
    if which is not None and not isinstance(which, Query | Mapping):
        raise QueryError("Conditions in words narrow a query; a frame or ids name works already.")
    return Query(which, **keywords)


def matching(
    pipeline: str,
    status: str | list[str] | None,
    events: list[int] | None,
    tags: list[str] | None,
    parent: str | None,
) -> dict[str, Any]:
    """Return the query document of works of a pipeline, as ``delete_many`` takes it."""
    if not isinstance(pipeline, str) or not pipeline:
        raise ScopeRefused(f"pipeline={pipeline!r} names no pipeline, so nothing was sent.")
    words = withdrawal(pipeline, events, tags=tags, parent=parent)
    document = {"pipeline": pipeline, **{name: words[name] for name in ("event", "tags", PARENT_PATH) if name in words}}
    return document if status is None else {**document, **Query(status=status).to_document()}


def limit_of(limit: int) -> int:
    """Return a number of works from 1 on."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise QueryError(f"limit={limit!r} deletes nothing: give a number from 1 on, or leave it out for all.")
    return int(limit)


def left_by(plan: DeletePlan) -> int:
    """Say how many works a limit left out."""
    return sum(left.why.startswith("beyond") for left in plan.left_out)


def deleted(receipt: Receipt) -> bool:
    """Say whether all works of a receipt are gone; warn of those that are not."""
    if receipt.errors:
        receipt.raise_for_outcome()
    if not receipt.ok:
        warn(WorksLeft, receipt.summary, 4)
    return receipt.ok


def why_left(plan: Plan) -> str:
    """Say how many works a plan left out, and why the first."""
    return f"{count_of(len(plan.left_out), 'work')}, the first as it {plan.left_out[0].why}"


def warn(kind: type[Warning], message: str, level: int = 3) -> None:
    """Warn, at the line that called the client."""
    warnings.warn(message, kind, stacklevel=level)
