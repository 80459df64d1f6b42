"""``bucketsnb explain``: which condition of a query leaves its answer empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option, query_from, query_options, url_option
from bucketsnb.cli.output import as_json, as_table, emit, fitted, records_of

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=READING)
@url_option
@query_options
@json_option('{"matched": number, "summary": text, "conditions": [...]}')
def command(*, url: str | None, clock: ClockChoice | None, as_json_: bool, **given: Any) -> None:
    """Say how many works match without each condition of a query, and what may have been meant.

    For a query that finds nothing. Costs a count for each condition.
    """
    from bucketsnb.client import Buckets

    query = query_from(given)
    with Buckets(url, clock=clock) as buckets:
        table = buckets.explain(query)
    summary = table.attrs["summary"]
    if as_json_:
        emit(as_json({"matched": table.attrs["matched"], "summary": summary, "conditions": records_of(table)}))
        return
    emit(fitted(summary))
    if len(table):
        emit("\n" + as_table(table, list(table.columns)))
