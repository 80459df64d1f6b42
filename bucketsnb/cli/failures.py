"""``bucketsnb failures``: why works failed, like errors together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option, query_from, query_options, url_option
from bucketsnb.cli.output import as_json, as_table, emit, records_of, say
from bucketsnb.cli.pipeline_names import say_unknown_pipelines
from bucketsnb.display.texts import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bucketsnb.api import ClockChoice

__all__ = ["command"]

_COLUMNS = ("n_works", "pipeline", "site", "last_seen", "error", "function", "user", "example")


@click.command(context_settings=HELP, epilog=READING)
@url_option
@query_options
@click.option(
    "--limit", "-n", type=click.IntRange(0), default=0, show_default=True, help="Read only the newest; 0: all."
)
@json_option("Every column, as a JSON array of objects.")
def command(*, url: str | None, clock: ClockChoice | None, limit: int, as_json_: bool, **given: Any) -> None:
    """Group failed works by pipeline, function, site, user and error, the largest group first.

    Numbers, ids, paths and times in an error are replaced by marks, so that like errors fall together; "example" is the
    id of a work of the group, for `bucketsnb view --id`.
    """
    from bucketsnb.client import Buckets

    query = query_from(given)
    with Buckets(url, clock=clock) as buckets:
        table = buckets.failures(query, limit=limit or None)
        emit(as_json(records_of(table)) if as_json_ else as_table(table, _COLUMNS))
        say(_extent(len(table), table.attrs))
        if not len(table):
            say_unknown_pipelines(buckets, query.pipelines)


def _extent(groups: int, attrs: Mapping[Any, Any]) -> str:
    failed = count_of(attrs["matched"], "failed work", at_least=not attrs["exact"])
    newest = f"the newest {attrs['read']:,} of " if attrs["read"] < attrs["matched"] else ""
    return f"{count_of(groups, 'group')}, of {newest}{failed}"
