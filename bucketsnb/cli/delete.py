"""``bucketsnb delete``: remove the works that match a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.changing import carry_out, change_options
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP, query_options, url_option, works_from

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@url_option
@query_options
@change_options
def command(
    *,
    url: str | None,
    clock: ClockChoice | None,
    max_affected: int,
    allow_all: bool,
    allow_running: bool,
    rate: float | None,
    plan_out: str | None,
    reason: str,
    yes: bool,
    as_json_: bool,
    **given: Any,
) -> None:
    """Delete works that match: shown first, asked about, put on record, and looked for afterwards."""
    from bucketsnb.client import Buckets

    which, allow_all = works_from(given, allow_all=allow_all)
    with Buckets(url, clock=clock) as buckets:
        plan = buckets.plan_delete(
            which, reason=reason, allow_all=allow_all, allow_running=allow_running, max_affected=max_affected
        )
        carry_out(buckets, plan, yes=yes, as_json_=as_json_, rate=rate, plan_out=plan_out)
