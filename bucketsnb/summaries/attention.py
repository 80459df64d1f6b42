"""Which works need a hand: stale, overdue and exhausted ones, and those whose parent is gone.

The queries compare with the service's clock, as its own daemons do; a clock here that is far off would otherwise call
fresh works old.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from bucketsnb.changes.apply import service_time as known_time
from bucketsnb.formatting import age
from bucketsnb.schema import PARENT_PATH, STALE_DAYS, UNFINISHED

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["ClockSkew", "exhausted", "has_parent", "overdue", "service_time", "stale", "without_parent"]

SKEW = 60.0
"""Seconds that two clocks may differ before it is said."""

_DAY = 86_400.0


class ClockSkew(UserWarning):
    """The service's clock and this machine's differ by more than a minute; the service's was used."""


def service_time(api: Api) -> float:
    """Return the service's time as epoch seconds, from the Date header of its answers; asks for one if there is none.

    Warns
    -----
    ClockSkew
        When the clocks differ by more than a minute.
    """
    if api.clock_skew is None:
        api.version()
    skew = api.clock_skew
    if skew is not None and abs(skew) > SKEW:
        side = "ahead of" if skew > 0 else "behind"
        text = f"the service's clock is {age(abs(skew))} {side} this machine's; ages are by the service's"
        warnings.warn(text, ClockSkew, stacklevel=4)
    return known_time(api)


def stale(now: float, *, days: float = STALE_DAYS, pipeline: str | None = None) -> dict[str, Any]:
    """Return the query document of works queued or running for more than `days`."""
    return _within(pipeline, {"status": {"$in": sorted(UNFINISHED)}, "creation": {"$lt": now - days * _DAY}})


def overdue(now: float, *, pipeline: str | None = None) -> dict[str, Any]:
    """Return the query document of works running past their own timeout."""
    ends = {"$add": ["$start", "$timeout"]}
    return _within(pipeline, {"status": "running", "start": {"$type": "number"}, "$expr": {"$lt": [ends, now]}})


def exhausted(*, pipeline: str | None = None) -> dict[str, Any]:
    """Return the query document of failed works with no attempts left: `attempt` has reached `retries`."""
    return _within(pipeline, {"status": "failure", "$expr": {"$gte": ["$attempt", "$retries"]}})


def has_parent(*, pipeline: str | None = None) -> dict[str, Any]:
    """Return the query document of works that name a parent."""
    return _within(pipeline, {PARENT_PATH: {"$ne": None}})


def without_parent(api: Api, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the works of a frame whose parent is not in the queue any more; costs one request for the parents' ids."""
    named = sorted({str(parent) for parent in frame["parent"].dropna()})
    there = set(api.view_ids({"id": {"$in": named}})) if named else set()
    return frame[frame["parent"].notna() & ~frame["parent"].isin(there)]


def _within(pipeline: str | None, document: Mapping[str, Any]) -> dict[str, Any]:
    return {**({"pipeline": pipeline} if pipeline is not None else {}), **document}
