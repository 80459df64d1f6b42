"""Put works that failed back into the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.widgets.change_panel import ChangePanel
from bucketsnb.widgets.worker import Run

__all__ = ["RequeuePanel"]


class RequeuePanel(ChangePanel):
    """Queue works again, the selected ones or all that match; a query without a status means those that failed.

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
        self.reset = ipywidgets.Checkbox(
            description="count attempts from zero", indent=False, layout={"width": "auto"}, value=False
        )
        super().__init__(source, query, title="Requeue works", verb="Requeue", limit=limit)

    def options(self) -> tuple[ipywidgets.Widget, ...]:
        """Return the switch for the attempts."""
        return (self.reset,)

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Plan to queue the works again."""
        which, limits, reset = self.targets.which, self.limits, self.reset.value
        if which is None:
            return None
        return lambda _: self.state.buckets.plan_requeue(which, reset_attempt=reset, **limits)
