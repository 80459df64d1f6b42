"""``bucketsnb view``: works that match a query, as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, query_from, query_options, url_option
from bucketsnb.cli.output import as_csv, as_json, as_table, emit, say
from bucketsnb.cli.pipeline_names import say_unknown_pipelines

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=READING)
@url_option
@query_options
@click.option("--limit", "-n", type=click.IntRange(0), default=100, show_default=True, help="At most so many; 0: all.")
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave out the first so many.")
@click.option("--json", "form", flag_value="json", help="Whole works as the service holds them, in one JSON array.")
@click.option("--csv", "form", flag_value="csv", help="For a spreadsheet; text that looks like a formula is quoted.")
def command(
    *, url: str | None, clock: ClockChoice | None, limit: int, skip: int, form: str | None, **given: Any
) -> None:
    """Show works that match, newest first.

    How many are shown, and how many there are, is said on stderr, so that stdout holds nothing but works.
    """
    from bucketsnb.client import Buckets
    from bucketsnb.frames import to_records

    query = query_from(given)
    with Buckets(url, clock=clock) as buckets:
        frame = buckets.view(query, skip=skip, limit=limit or None)
        if form == "json":
            emit(as_json(to_records(frame)))
        elif form == "csv":
            emit(as_csv(frame), nl=False)
        else:
            emit(as_table(frame))
        say(_extent(frame.attrs))
        if not frame.attrs["matched"]:
            say_unknown_pipelines(buckets, query.pipelines)


def _extent(attrs: Mapping[Any, Any]) -> str:
    matched = attrs["matched"]
    if attrs["exact"]:
        return f"{attrs['shown']:,} shown of {matched:,} matched"
    return f"{attrs['shown']:,} shown of at least {matched:,} matched (bucketsnb count says how many)"
