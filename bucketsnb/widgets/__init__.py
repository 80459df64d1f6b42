"""Panels for notebooks: look at the queue, choose works, and change them by plan, confirm, progress and receipt.

Each panel works on its own or, given the same state, together with others.
"""

from __future__ import annotations

from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.state import State

__all__ = ["State", "WorksGrid"]
