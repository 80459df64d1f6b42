"""Status over time: snapshots in a local store, their differences, rates, and when a pipeline drains.

:mod:`.store` keeps the snapshots, :mod:`.trend` reads rates from them, :mod:`.watch` takes them at intervals.
"""

from __future__ import annotations

from bucketsnb.history.store import KEEP_DAYS, THIN_AFTER_DAYS, History
from bucketsnb.history.trend import Drain
from bucketsnb.history.watch import Watch

__all__ = ["KEEP_DAYS", "THIN_AFTER_DAYS", "Drain", "History", "Watch"]
