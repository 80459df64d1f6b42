"""Panels for notebooks: look at the queue, choose works, and change them by plan, confirm, progress and receipt.

Each panel works on its own or, given the same state, together with others; :func:`app` shows all of them.
"""

from __future__ import annotations

from bucketsnb.widgets.app import App, app
from bucketsnb.widgets.audit_panel import AuditPanel
from bucketsnb.widgets.delete_panel import DeletePanel
from bucketsnb.widgets.deposit_panel import DepositPanel
from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.journal_panel import JournalPanel
from bucketsnb.widgets.preview import Preview
from bucketsnb.widgets.query_builder import QueryBuilder
from bucketsnb.widgets.requeue_panel import RequeuePanel
from bucketsnb.widgets.state import State
from bucketsnb.widgets.status_panel import StatusPanel
from bucketsnb.widgets.update_panel import UpdatePanel
from bucketsnb.widgets.withdraw_panel import WithdrawPanel

__all__ = [
    "App",
    "AuditPanel",
    "DeletePanel",
    "DepositPanel",
    "JournalPanel",
    "Preview",
    "QueryBuilder",
    "RequeuePanel",
    "State",
    "StatusPanel",
    "UpdatePanel",
    "WithdrawPanel",
    "WorksGrid",
    "app",
]
