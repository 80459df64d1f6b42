"""Single tasks as panels of their own, from the same parts as the page."""

from __future__ import annotations

from typing import Any, ClassVar

from bucketsnb.widgets.core.panel import Panel, Part
from bucketsnb.widgets.core.state import State
from bucketsnb.widgets.panels.claim import ClaimForm
from bucketsnb.widgets.panels.deposit import DepositForm
from bucketsnb.widgets.panels.journal import JournalTable
from bucketsnb.widgets.panels.update import CheckUp, UpdateForm
from bucketsnb.widgets.parts.actions import Actions
from bucketsnb.widgets.parts.box import Box
from bucketsnb.widgets.parts.filters import Filters
from bucketsnb.widgets.parts.grid import Grid
from bucketsnb.widgets.parts.reader import WorksReader

__all__ = [
    "AuditPanel",
    "DeletePanel",
    "DepositPanel",
    "JournalPanel",
    "RequeuePanel",
    "UpdatePanel",
    "WithdrawPanel",
]


class _WorksPanel(Panel):
    """A panel that changes selected works: on its own with filters and works, on a shared state without."""

    _title: ClassVar[str] = ""
    _action: ClassVar[str] = ""

    def __init__(self, source: Any = None, query: Any = None, *, limit: int | None = 1000) -> None:
        super().__init__(source, title=self._title)
        self.box = Box(self)
        self.actions = Actions(self, self.box, [self._action] if self._action else [])
        parts: list[Part] = [self.actions, self.box, *self._more()]
        if isinstance(source, State):
            self.lay_out(*parts)
            return
        self.filters = Filters(self, query)
        self.reader = WorksReader(self, limit=limit)
        self.grid = Grid(self, reader=self.reader)
        self.lay_out(self.filters, *parts, self.grid)
        self.filters.begin()

    def _more(self) -> list[Part]:
        return []

    def plan(self) -> None:
        """Ask about the works that are selected."""
        self.actions.receive({"type": "do", "name": self._action})


class DeletePanel(_WorksPanel):
    """Delete works: look, select, confirm, read what became of each, and undo.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    query
        What to start from, when the panel stands on its own.
    limit
        At most so many works are read, when the panel stands on its own.
    """

    _title, _action = "Delete works", "delete"


class RequeuePanel(_WorksPanel):
    """Queue works again; the parameters are those of :class:`DeletePanel`."""

    _title, _action = "Requeue works", "requeue"


class UpdatePanel(_WorksPanel):
    """Set one field of works; the parameters are those of :class:`DeletePanel`."""

    _title = "Change works"

    def _more(self) -> list[Part]:
        self.form = UpdateForm(self, self.box, self.actions)
        return [self.form]

    def plan(self) -> None:
        """Ask about the works that are selected."""
        self.form.receive({"type": "press", "name": "plan"})


class _FormPanel(Panel):
    """A panel of one form and the box for its questions.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    """

    _title: ClassVar[str] = ""
    _form: ClassVar[Any] = None

    def __init__(self, source: Any = None) -> None:
        super().__init__(source, title=self._title)
        self.box = Box(self)
        self.form: Any = self._form(self, self.box)
        self.lay_out(self.form, self.box)


class DepositPanel(_FormPanel):
    """Put works into the queue.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    works
        A frame or a list of works to deposit, unless some are pasted.
    """

    _title, _form = "Deposit works", DepositForm

    def __init__(self, source: Any = None, works: Any = None) -> None:
        super().__init__(source)
        self.form.works = works


class WithdrawPanel(_FormPanel):
    """Claim a work of the client or the state that is given, and end it."""

    _title, _form = "Claim one work", ClaimForm


class AuditPanel(_FormPanel):
    """Show what the audit of the service would change in all pipelines, and run it when confirmed."""

    _title, _form = "Check-up", CheckUp


class JournalPanel(_FormPanel):
    """Show the changes that were made from this account by any client, and undo one."""

    _title, _form = "Journal", JournalTable

    def __init__(self, source: Any = None) -> None:
        super().__init__(source)
        self.lay_out(self.box, self.form)
