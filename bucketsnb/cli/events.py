"""``bucketsnb events``: how far the pipelines have come with some events."""

from __future__ import annotations

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option, url_option
from bucketsnb.cli.output import as_json, as_table, emit, records_of, say

__all__ = ["command"]

_COLUMNS = ("event", "pipeline", "status", "attempt", "retries", "age", "n_works", "id")


@click.command(context_settings=HELP, epilog=READING)
@click.argument("events", metavar="EVENT...", type=int, nargs=-1, required=True)
@url_option
@json_option('{"events": [...], "without_works": [ids]}')
def command(*, events: tuple[int, ...], url: str | None, as_json_: bool) -> None:
    """Show a row for each EVENT and pipeline: status, attempts and age of the latest work."""
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        table = buckets.events(list(events))
    without = table.attrs["without_works"]
    if as_json_:
        emit(as_json({"events": records_of(table), "without_works": without}))
    else:
        emit(as_table(table, _COLUMNS))
    if without:
        say(f"Without works: {', '.join(map(str, without))}")
