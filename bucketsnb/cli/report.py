"""``bucketsnb report``: the weekly report as one HTML file, from a terminal or from cron."""

from __future__ import annotations

from pathlib import Path

import click

from bucketsnb.cli.exits import DONE, FAILED
from bucketsnb.cli.notebooks import REPORT, shipped
from bucketsnb.cli.options import HELP, url_option

__all__ = ["command"]


@click.command(
    context_settings=HELP, epilog=f"\b\nExit codes:\n  {DONE}  written\n  {FAILED}  not: the service could not be read"
)
@url_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The file to write; it is replaced whole or not at all.",
)
@click.option("--days", type=click.IntRange(1, 365), default=7, show_default=True, help="How far back it looks.")
def command(*, url: str | None, out: Path, days: int) -> None:
    """Write a report of the queue that needs nothing else to be read: tables and plots, no code."""
    if not out.absolute().parent.is_dir():  # told here, before anything is read
        raise click.BadParameter(f"there is no folder {str(out.parent)!r}", param_hint="--out")
    from bucketsnb.client import Buckets
    from bucketsnb.report import render

    with Buckets(url, read_only=True) as buckets:
        buckets.api.version()  # an unreadable service is told here, before a kernel is started
        # By the environment, as an address may hold a password that must not stand in a notebook.
        environ = {"BUCKETSNB_URL": url or buckets.api.url, "BUCKETSNB_READ_ONLY": "1"}
    render(
        shipped() / REPORT,
        out,
        parameters={"practice": False, "days": days},
        title="The week in the queue",
        environ=environ,
    )
    click.echo(f"wrote {out}")
