"""Everything on one page: status, query, works, and what can be done with them, joined by one state."""

from __future__ import annotations

from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.formatting_html import element
from bucketsnb.widgets.audit_panel import AuditPanel
from bucketsnb.widgets.delete_panel import DeletePanel
from bucketsnb.widgets.deposit_panel import DepositPanel
from bucketsnb.widgets.journal_panel import JournalPanel
from bucketsnb.widgets.panel import Panel
from bucketsnb.widgets.preview import Preview
from bucketsnb.widgets.query_builder import QueryBuilder
from bucketsnb.widgets.requeue_panel import RequeuePanel
from bucketsnb.widgets.status_panel import StatusPanel
from bucketsnb.widgets.update_panel import UpdatePanel
from bucketsnb.widgets.withdraw_panel import WithdrawPanel

__all__ = ["App", "app"]

_ACTIONS = {
    "Delete": DeletePanel,
    "Requeue": RequeuePanel,
    "Update": UpdatePanel,
    "Withdraw": WithdrawPanel,
    "Deposit": DepositPanel,
    "Audit": AuditPanel,
    "Journal": JournalPanel,
}


class App(Panel):
    """All panels on one page.

    Parameters
    ----------
    buckets
        The client.
    query
        What to start from: a query, a document, or None.

    Attributes
    ----------
    status, builder, preview
        The panels that look.
    actions
        The panels that change works, by the name of their tab.
    """

    def __init__(self, buckets: Any, query: Any = None) -> None:
        super().__init__(buckets, title="Buckets")
        self.status = StatusPanel(self.state)
        self.builder = QueryBuilder(self.state, query)
        self.preview = Preview(self.state)
        self.actions = {name: panel(self.state) for name, panel in _ACTIONS.items()}
        self.tabs = ipywidgets.Tab(list(self.actions.values()), selected_index=0)
        self.tabs.titles = tuple(self.actions)
        self._parts += list(self.actions.values())
        head = ipywidgets.HTML(element("span", element("b", "Buckets"), f" on {self.where}" if self.where else ""))
        self.lay_out(
            head, _heading("Status"), self.status, _heading("Query"), self.builder, _heading("Works"), self.preview,
            _heading("Actions"), self.tabs,
        )  # fmt: skip
        for fact in ("status", "frame", "query", "plan", "receipt"):
            self.follow(fact, lambda _: self.keep())


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(element("h3", text, class_="bnb-heading"))


def app(buckets: Any, query: Any = None) -> App:
    """Return everything on one page: status, query, works and actions.

    Parameters
    ----------
    buckets
        The client: ``bucketsnb.app(Buckets("http://..."))`` as the last line of a cell shows the page.
    query
        What to start from: a query, a document, or None.
    """
    return App(buckets, query)
