"""``bucketsnb audit``: have the service run its audit passes, after a look at what they would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bucketsnb.cli.changing import asking_options, carry_out, max_affected_option
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP, clock_option, url_option

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@url_option
@clock_option
@max_affected_option
@asking_options
def command(
    *, url: str | None, clock: ClockChoice | None, max_affected: int, reason: str, yes: bool, as_json_: bool
) -> None:
    """Show what an audit would change now, ask, and have the service run it.

    On all pipelines: failed works with attempts left are queued again, running works past their timeout are failed, and
    so are unfinished works older than seven days. The service acts on what it finds when it runs.
    """
    from bucketsnb.changes.targets import PlanLimits, check_count
    from bucketsnb.client import Buckets

    with Buckets(url, clock=clock) as buckets:
        plan = buckets.plan_audit(reason=reason)
        check_count(plan.count, PlanLimits(max_affected=max_affected))
        carry_out(buckets, plan, yes=yes, as_json_=as_json_, nothing="an audit would change nothing")
