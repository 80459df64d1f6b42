"""``bucketsnb requeue``: queue works again that match a query."""

from __future__ import annotations

from typing import Any

import click

from bucketsnb.cli.changing import change_options, change_works, selection_options
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@selection_options
@click.option("--reset-attempt", is_flag=True, help="Give them all their attempts again.")
@change_options
def command(*, reset_attempt: bool, **given: Any) -> None:
    """Queue works again that match, such as failed ones: --status failure."""
    change_works(lambda buckets: buckets.plan_requeue, given, reset_attempt=reset_attempt)
