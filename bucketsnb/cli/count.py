"""``bucketsnb count``: how many works match a query, in all or by the values of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option, query_from, query_options, url_option
from bucketsnb.cli.output import as_json, as_table, emit, records_of, say
from bucketsnb.cli.pipeline_names import say_unknown_pipelines

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=READING)
@url_option
@query_options
@click.option("--by", multiple=True, metavar="COLUMN", help="A row for each value of this column; may be repeated.")
@json_option('{"count": number}; with --by, an array of objects.')
def command(*, url: str | None, clock: ClockChoice | None, by: tuple[str, ...], as_json_: bool, **given: Any) -> None:
    """Count the works that match: one number on stdout.

    With --by the numbers of works by column, such as --by site --by status.
    """
    from bucketsnb.client import Buckets

    query = query_from(given)
    with Buckets(url, clock=clock) as buckets:
        if by:
            table = buckets.group_count(query, list(by))
            emit(as_json(records_of(table)) if as_json_ else as_table(table, list(table.columns)))
            say(table.attrs["summary"])
            number = len(table)
        else:
            number = buckets.count(query)
            emit(as_json({"count": number}) if as_json_ else str(number))
        if not number:
            say_unknown_pipelines(buckets, query.pipelines)
