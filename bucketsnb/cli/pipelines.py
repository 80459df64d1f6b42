"""``bucketsnb pipelines``: the names of the pipelines that have works."""

from __future__ import annotations

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option, url_option
from bucketsnb.cli.output import as_json, emit
from bucketsnb.display.texts import printable

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=READING)
@url_option
@json_option("A JSON array of names.")
def command(*, url: str | None, as_json_: bool) -> None:
    """List the pipelines that have works, one name a line."""
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        names = buckets.pipelines()
    if as_json_:
        emit(as_json(names))
    elif names:
        emit("\n".join(map(printable, names)))
