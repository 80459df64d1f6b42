"""Panels for notebooks: look at the queue, choose works, and change them by plan, confirm, progress and receipt.

:func:`app` shows everything on one page; each of the others is a task of its own, from the same parts.
"""

from __future__ import annotations

from bucketsnb.widgets.app import App, app
from bucketsnb.widgets.core.state import State
from bucketsnb.widgets.panels.single import (
    AuditPanel,
    DeletePanel,
    DepositPanel,
    JournalPanel,
    RequeuePanel,
    UpdatePanel,
    WithdrawPanel,
)
from bucketsnb.widgets.panels.status import StatusPanel
from bucketsnb.widgets.parts.grid import WorksGrid

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
