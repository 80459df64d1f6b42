"""Panels for notebooks: look at the queue, choose works, and change them by plan, confirm, progress and receipt.

Each panel works on its own or, given the same state, together with others.
"""

from __future__ import annotations

from bucketsnb.widgets.delete_panel import DeletePanel
from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.query_builder import QueryBuilder
from bucketsnb.widgets.state import State
from bucketsnb.widgets.status_panel import StatusPanel

__all__ = ["DeletePanel", "QueryBuilder", "State", "StatusPanel", "WorksGrid"]
