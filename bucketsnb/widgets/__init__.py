"""Panels for notebooks: look at the queue, choose works, and change them by plan, confirm, progress and receipt.

:func:`app` shows everything on one page; each of the others is a task of its own, from the same parts.
"""

from __future__ import annotations

from bucketsnb.widgets.app import App, app
from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.panels import (
    AuditPanel,
    DeletePanel,
    DepositPanel,
    JournalPanel,
    RequeuePanel,
    UpdatePanel,
    WithdrawPanel,
)
from bucketsnb.widgets.state import State
from bucketsnb.widgets.status_panel import StatusPanel

__all__ = [
    "App",
    "AuditPanel",
    "DeletePanel",
    "DepositPanel",
    "JournalPanel",
    "RequeuePanel",
    "State",
    "StatusPanel",
    "UpdatePanel",
    "WithdrawPanel",
    "WorksGrid",
    "app",
]
