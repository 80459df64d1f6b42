"""Everything on one page: status, filters, works, and what can be done with them, joined by one state."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from IPython import get_ipython

from bucketsnb.widgets.core.panel import Panel, Part
from bucketsnb.widgets.panels.claim import ClaimForm
from bucketsnb.widgets.panels.deposit import DepositForm
from bucketsnb.widgets.panels.journal import JournalTable
from bucketsnb.widgets.panels.status import StatusTable
from bucketsnb.widgets.panels.update import CheckUp, UpdateForm
from bucketsnb.widgets.parts.actions import Actions
from bucketsnb.widgets.parts.box import Box
from bucketsnb.widgets.parts.filters import Filters
from bucketsnb.widgets.parts.grid import Grid
from bucketsnb.widgets.parts.reader import WorksReader

__all__ = ["App", "app"]

_PANELS: Mapping[str, tuple[str, Callable[[Panel, Box], Part]]] = {
    "deposit": ("Deposit", DepositForm),
    "claim": ("Claim", ClaimForm),
    "check_up": ("Check-up", CheckUp),
    "journal": ("Journal", JournalTable),
}
"""The further panels by name: the label of their button, and the function that makes them when it is first pressed."""

_pages: weakref.WeakSet[App] = weakref.WeakSet()
"""The pages that were made and still exist, closed ones too."""


class App(Panel):
    """All panels on one page.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    query
        What to start from: a query, a document, or None.

    Attributes
    ----------
    status, filters, actions, box, grid, reader
        The parts of the page.
    forms
        The further panels that were opened, by name.
    """

    def __init__(self, source: Any, query: Any = None) -> None:
        super().__init__(source, title="Buckets")
        self.run = _run()
        self.reader = WorksReader(self)
        self.grid = Grid(self, reader=self.reader)  # observes the query before the parts below do
        self.status = StatusTable(self, also=self.reader.refresh)
        self.filters = Filters(self, query)
        self.box = Box(self)
        titles = {name: title for name, (title, _) in _PANELS.items()}
        self.actions = Actions(self, self.box, panels=titles, open=self.show)
        self.forms: dict[str, Part] = {}
        self._lay_out()
        self.filters.begin()
        self.status.refresh()
        _pages.add(self)

    @property
    def selection(self) -> pd.DataFrame:
        """The selected works among those that were read, as a frame."""
        return self.grid.chosen()

    def show(self, name: str) -> None:
        """Open a further panel below the actions (``change``, ``deposit``, ``claim``, ``check_up``, ``journal``).

        The open panel closes; if it is the named one, it only closes.
        """
        self.actions.opened = "" if self.actions.opened == name else name
        if name == "change" and name not in self.forms:
            self.forms[name] = UpdateForm(self, self.box, self.actions)
        elif name not in self.forms:
            self.forms[name] = _PANELS[name][1](self, self.box)
        self._lay_out()
        self.actions.draw()

    def _lay_out(self) -> None:
        away = [form for name, form in self.forms.items() if name != self.actions.opened]
        forms = self.forms.values()
        self.lay_out(self.status, self.filters, self.actions, self.box, *forms, self.grid, hidden=away)


def app(buckets: Any, query: Any = None) -> App:
    """Return everything on one page: status, filters, works and actions.

    A page of the same client, or of an earlier run of the same cell, is closed: a cell can be run any number of times.

    Parameters
    ----------
    buckets
        The client: ``bucketsnb.app(Buckets("http://..."))`` as the last line of a cell shows the page.
    query
        What to start from: a query, a document, or None.
    """
    cell, run = _run()
    for page in tuple(_pages):
        again = cell is not None and page.run[0] == cell and page.run[1] != run
        if again or page.state.buckets is buckets:
            page.close()
    return App(buckets, query)


def _run() -> tuple[str | None, str | None]:
    """Return the id of the cell that is being run, if the front end gives it, and the id of this run."""
    shell: Any = get_ipython()
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
