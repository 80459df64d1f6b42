"""How many works of each pipeline were queued over the last day, from the snapshots of the history: a small line."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bucketsnb.display.texts import age
from bucketsnb.history import History

__all__ = ["sparks"]

SPAN = 86_400.0
"""Seconds back from the newest snapshot."""
POINTS = 60
"""Points of one line, at most: it is 90 pixels wide."""


def sparks(history: History) -> dict[str, dict[str, Any]]:
    """Return the line of each pipeline with at least two snapshots, with its words for those who do not see it.

    Returns
    -------
    dict
        By pipeline: ``points``, pairs of epoch seconds and queued works, oldest first; ``said``, the same in words.
    """
    times = history.times()
    if len(times) < 2:  # a line has two ends
        return {}
    table = history.frame(since=times[-1].timestamp() - SPAN)
    seen = table[table["queued"].notna()]
    return {str(name): _spark(rows) for name, rows in seen.groupby("pipeline") if len(rows) > 1}


def _spark(rows: pd.DataFrame) -> dict[str, Any]:
    queued = [int(number) for number in rows["queued"]]
    times = [moment.timestamp() for moment in rows["time"]]
    step = -(-len(queued) // POINTS)
    points = list(zip(times, queued, strict=True))[::-1][::step][::-1]  # thinned from the newest, which stays
    said = f"queued over {age(times[-1] - times[0])}: {queued[0]:,} then, {queued[-1]:,} at last, "
    return {"points": points, "said": f"{said}between {min(queued):,} and {max(queued):,}"}
