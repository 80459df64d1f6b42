"""Run the service's audit, on purpose only: the forecast sends reads, the button says what the passes would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bucketsnb.display.texts import count_of
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.parts.box import Box, Request
from bucketsnb.widgets.parts.form import Form

__all__ = ["CheckUp"]


class CheckUp(Form):
    """Forecast the three audit passes (failed, expired, stale) over all pipelines, and run them when confirmed."""

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, box, "check_up", "Check-up of the queue", [])

    def intro(self) -> str:
        """Say what a check-up does."""
        return (
            "A check-up puts failed works that have attempts left back into the queue, and ends as failed the running "
            "works that are past their timeout and the works that have waited for too long. It is about all pipelines. "
            "Showing what it would change only reads."
        )

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return the button that forecasts."""
        return [("plan", "Show what it would change", self.plan)]

    def plan(self) -> None:
        """Forecast what the passes would change, by reads only, and ask."""
        buckets = self.state.buckets
        self.ask(Request(lambda options: buckets.plan_audit(reason=options.reason.strip()), title=_title_of))


def _title_of(plan: Any) -> str:
    return f"Run the check-up: change {count_of(plan.count, 'work')} on {plan.host}"
