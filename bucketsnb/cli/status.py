"""``bucketsnb status``: how many works each pipeline has, by status."""

from __future__ import annotations

import click

from bucketsnb.cli.options import HELP, url_option

__all__ = ["command"]


@click.command(context_settings=HELP)
@url_option
@click.option("--pipeline", "-p", help="Only this pipeline.")
@click.option("--json", "as_json_", is_flag=True, help="The same counts as JSON.")
def command(*, url: str | None, pipeline: str | None, as_json_: bool) -> None:
    """Show one row a pipeline, and a total."""
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        frame = buckets.status(pipeline)
    click.echo(frame.to_string())
