"""``bucketsnb lab``: JupyterLab on the notebooks, with a practice queue beside it or a real service behind it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from bucketsnb.addresses import without_login
from bucketsnb.cli import notebooks
from bucketsnb.cli.jupyter import JupyterLab, require, running_as_root, wait_until_ready
from bucketsnb.cli.servers import practice_queue, say_version, until_stopped
from bucketsnb.display.texts import count_of, join_truncated, printable

__all__ = ["command"]

_SAMPLE = 5000
"""Works of a practice queue: enough for every status, site and pipeline of a real day."""

_OPENS_ANYWAY = "The notebooks open anyway, and will say so too."


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--no-browser", is_flag=True, help="Print the address, and leave opening it to you.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of JupyterLab; a free one by default.")
@click.option("--url", help="Let Buckets() find this service; then no practice queue is started.")
@click.option("--store", help="Keep the practice queue here, such as sqlite:///works.db, instead of until you stop.")
@click.option("--sample", type=click.IntRange(0), help=f"Works in a new practice queue; {_SAMPLE:,} by default.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("bucketsnb-notebooks"),
    show_default=True,
    help="Where the notebooks are copied; your own versions of them are never overwritten.",
)
def command(
    *, no_browser: bool, port: int, url: str | None, store: str | None, sample: int | None, folder: Path
) -> None:
    """Open JupyterLab on the notebooks.

    Each notebook works on a small practice queue of its own. In a notebook that you write yourself, Buckets() finds the
    service of --url; without --url, a practice queue that is started for it on this machine. Ctrl-C stops everything.
    """
    if url is not None and (store is not None or sample is not None):
        raise click.UsageError("--url is for a service that runs already; --store and --sample for a practice queue")
    require("jupyterlab", extra="lab", what="JupyterLab")
    with until_stopped(), ExitStack() as stack:
        _copy_notebooks(folder)
        if url:
            say_version(url, _OPENS_ANYWAY)
        service = url or stack.enter_context(_practice_queue(store, sample))
        log = stack.enter_context(tempfile.TemporaryFile())
        lab = stack.enter_context(_jupyter(folder, service, port=port, browser=not no_browser, log=log))
        wait_until_ready(lab, log)
        lab.wait()
        click.echo("JupyterLab was shut down.")


def _copy_notebooks(folder: Path) -> None:
    copied, kept = notebooks.copy_missing(notebooks.shipped(), folder)
    click.echo(f"Notebooks: {folder.resolve()} ({copied} new)")
    if kept:
        click.echo(f"  kept as you have them: {join_truncated(kept)}")


@contextmanager
def _practice_queue(store: str | None, sample: int | None) -> Iterator[str]:
    number = _SAMPLE if sample is None and store is None else sample or 0
    with practice_queue(store, number) as (url, total):
        kept = f"kept in {printable(without_login(store))}" if store else "gone when you stop"
        click.echo(f"Practice queue: {url} ({count_of(total, 'work')}, {kept})")
        click.echo("  Buckets() in a notebook of your own finds it; those that open have one of their own.")
        yield url


def _jupyter(folder: Path, service: str, **options: Any) -> JupyterLab:
    if running_as_root():
        click.echo("Running as root, so JupyterLab is told --allow-root: its notebooks can change this whole machine.")
    environ = {**os.environ, "BUCKETSNB_URL": service}
    return JupyterLab(folder.resolve(), environ=environ, page=f"tree/{notebooks.FIRST}", **options)
