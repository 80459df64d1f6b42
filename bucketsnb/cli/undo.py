"""``bucketsnb undo``: put works back as they were before an entry of the journal."""

from __future__ import annotations

import click

from bucketsnb.cli.changing import answer_options, carry_out
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP, url_option

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@click.argument("entry")
@url_option
@click.option("--allow-other-host", is_flag=True, help="Accept an entry made with another address of the service.")
@answer_options
def command(*, entry: str, url: str | None, allow_other_host: bool, yes: bool, as_json_: bool) -> None:
    """Put works back as they were before ENTRY, where nobody else has moved them since.

    `bucketsnb journal` lists the entries.
    """
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        carry_out(buckets, buckets.plan_undo(entry, allow_other_host=allow_other_host), yes=yes, as_json_=as_json_)
