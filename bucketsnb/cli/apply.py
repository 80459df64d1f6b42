"""``bucketsnb apply``: carry out a plan that was written to a file, once."""

from __future__ import annotations

from pathlib import Path

import click

from bucketsnb.cli.changing import answer_options, carry_out, rate_option
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP, url_option

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@url_option
@rate_option
@answer_options
def command(*, file: Path, url: str | None, rate: float | None, yes: bool, as_json_: bool) -> None:
    """Carry out the plan in FILE, which --plan-out wrote: shown, asked about, and done once.

    Works that have changed since the plan was made are left alone. It is refused on another service, when it has
    expired, when it was altered, and when it was applied before.
    """
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        carry_out(buckets, buckets.load_plan(file), yes=yes, as_json_=as_json_, rate=rate)
