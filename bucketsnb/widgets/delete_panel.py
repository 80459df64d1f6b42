"""Delete the selected works, or all that match; they are put on record first and can be brought back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bucketsnb.widgets.change_panel import ChangePanel
from bucketsnb.widgets.worker import Run

__all__ = ["DeletePanel"]


class DeletePanel(ChangePanel):
    """Delete works: look, choose, confirm, read what became of each, and undo.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    query
        What to start from, when the panel stands on its own.
    limit
        At most so many works are shown, when the panel stands on its own.
    """

    def __init__(self, source: Any = None, query: Any = None, *, limit: int | None = 1000) -> None:
        super().__init__(source, query, title="Delete works", verb="Delete", limit=limit)

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Plan to delete the works."""
        which, limits = self.targets.which, self.limits
        return None if which is None else lambda _: self.state.buckets.plan_delete(which, **limits)
