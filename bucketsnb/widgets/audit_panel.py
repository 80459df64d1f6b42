"""Run the service's audit, on purpose only: the forecast sends reads, the button says what the passes would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bucketsnb.formatting_html import element
from bucketsnb.widgets.change_panel import PlanPanel, text_field
from bucketsnb.widgets.panel import note, row_of
from bucketsnb.widgets.worker import Run

__all__ = ["AuditPanel"]


class AuditPanel(PlanPanel):
    """Forecast the three audit passes (failed, expired, stale) over all pipelines, and run them when confirmed.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    """

    def __init__(self, source: Any = None) -> None:
        super().__init__(source, title="Audit", verb="Forecast the audit")
        self.reason = text_field("Reason", "kept in the journal", wide=True)
        self.watch(self.reason)
        said = note()
        said.value = element(
            "span",
            "Failed works with attempts left are queued again, running works past their timeout fail, and so do works "
            "that have waited too long. This is about every pipeline. The forecast only reads.",
            class_="bnb-faint",
        )
        self.lay_out(said, row_of(self.reason, *self.begin), self.box)

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Forecast what the passes would change, by reads only."""
        reason, buckets = self.reason.value.strip(), self.state.buckets
        return lambda _: buckets.plan_audit(reason=reason)
