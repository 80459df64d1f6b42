"""Works whose parent is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["without_parent"]


def without_parent(api: Api, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the works of a frame whose parent is not in the queue any more; costs one request for the parents' ids."""
    named = sorted({str(parent) for parent in frame["parent"].dropna()})
    there = set(api.view_ids({"id": {"$in": named}})) if named else set()
    return frame[frame["parent"].notna() & ~frame["parent"].isin(there)]
