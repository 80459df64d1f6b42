"""``bucketsnb delete``: remove the works that match a query."""

from __future__ import annotations

from typing import Any

import click

from bucketsnb.cli.changing import change_options, change_works, selection_options
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@selection_options
@change_options
def command(**given: Any) -> None:
    """Delete works that match: shown first, asked about, put on record, and looked for afterwards."""
    change_works(lambda buckets: buckets.plan_delete, given)
