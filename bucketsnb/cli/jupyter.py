"""``bucketsnb lab`` and ``bucketsnb app``: JupyterLab on the notebooks, and the panels alone, in a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click

from bucketsnb.addresses import without_login
from bucketsnb.cli import notebooks
from bucketsnb.cli.exits import DONE, FAILED, until_stopped
from bucketsnb.cli.jupyter_server import JupyterLab, VoilaPage, running_as_root
from bucketsnb.cli.options import url_option
from bucketsnb.cli.serve import practice_queue, require
from bucketsnb.display.texts import count_of, host_of, join_truncated, printable, truncate
from bucketsnb.errors import BucketsError, ServiceError

__all__ = ["app", "lab"]

_SAMPLE = 5000
"""Number of works in a practice queue: enough to have every status, site and pipeline of a real day."""

_APP = Path(__file__).with_name("app.ipynb")

_LOG_LINES = 15

_VERSION_SECONDS = 5.0
"""Seconds that a service may take to answer with its version."""

_APP_CODES = f"""\b
Exit codes:
  {DONE}  stopped by you
  {FAILED}  an error: no address, no Voila, a port that is taken
  2  a wrong option or argument"""

_no_browser_option = click.option("--no-browser", is_flag=True, help="Print the address, and leave opening it to you.")


@click.command(short_help="JupyterLab on the notebooks, with a practice queue or your service.")
@_no_browser_option
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
def lab(*, no_browser: bool, port: int, url: str | None, store: str | None, sample: int | None, folder: Path) -> None:
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
            _say_version(url)
        service = url or _practice_queue(stack, store, sample)
        log = stack.enter_context(tempfile.TemporaryFile())
        server = JupyterLab(
            folder.resolve(),
            port=port,
            environ={**os.environ, "BUCKETSNB_URL": service},
            browser=not no_browser,
            page=f"tree/{notebooks.FIRST}",
            log=log,
        )
        _run(server, log)


def _copy_notebooks(folder: Path) -> None:
    copied, kept = notebooks.copy_missing(notebooks.shipped(), folder)
    click.echo(f"Notebooks: {folder.resolve()} ({copied} new)")
    if kept:
        click.echo(f"  kept as you have them: {join_truncated(kept)}")


def _practice_queue(stack: ExitStack, store: str | None, sample: int | None) -> str:
    number = _SAMPLE if sample is None and store is None else sample or 0
    url, total = stack.enter_context(practice_queue(store, number))
    kept = f"kept in {printable(without_login(store))}" if store else "gone when you stop"
    click.echo(f"Practice queue: {url} ({count_of(total, 'work')}, {kept})")
    click.echo("  Buckets() in a notebook of your own finds it; those that open have one of their own.")
    return url


@click.command(epilog=_APP_CODES, short_help="The panels alone, in a browser.")
@url_option
@_no_browser_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page; a free one by default.")
@click.option("--read-only", is_flag=True, help="Look only: nothing on the page can change works.")
def app(*, url: str | None, no_browser: bool, port: int, read_only: bool) -> None:
    """Open the panels in a browser, without a notebook around them, until Ctrl-C.

    The page is for this machine only, and the address holds the token that opens it.
    """
    require("voila", extra="lab", what="Voila")
    given = {"BUCKETSNB_URL": url, "BUCKETSNB_READ_ONLY": "1" if read_only else None}
    with until_stopped(), ExitStack() as stack:
        _say_version(url)
        # In a folder of its own, as a server shows every file that is beside its notebook.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bucketsnb-app-")))
        shutil.copyfile(_APP, folder / _APP.name)
        log = stack.enter_context(tempfile.TemporaryFile())
        server = VoilaPage(
            folder,
            port=port,
            environ={**os.environ, **{name: value for name, value in given.items() if value}},
            browser=not no_browser,
            page=_APP.name,
            options=["--VoilaConfiguration.show_tracebacks=True"],
            log=log,
        )
        _run(server, log)


def _say_version(url: str | None) -> None:
    """Print the version of a service; if it does not answer, it may still be starting, so print only a warning."""
    from bucketsnb.api import Api
    from bucketsnb.settings import resolve
    from bucketsnb.transport import Transport

    api = Api(Transport(resolve(url, timeout=_VERSION_SECONDS), attempts=1))
    try:
        version = api.version().get("version", "unknown")
    except ServiceError as error:
        click.echo(f"Warning: the service does not answer as it should. {printable(error)}", err=True)
        click.echo("  The page opens anyway, and will say so too.", err=True)
    else:
        click.echo(f"Service: {host_of(api.url)} (version {truncate(version, 40)})")
    finally:
        api.transport.close()


def _run(server: JupyterLab, log: IO[bytes]) -> None:
    """Start a server and print its address, or the end of its log if it does not start; return when it has ended."""
    if running_as_root():
        click.echo(f"Running as root, so {server.name} is told --allow-root: it can change this whole machine.")
    with server:
        click.echo(f"{server.name} is starting ...")
        try:
            server.wait_until_ready()
        except BucketsError:
            log.seek(0)
            for line in log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]:
                click.echo(f"  {printable(line)}", err=True)
            raise
        click.echo(f"{server.name}: {server.address}")
        if server.session:
            click.echo(f"  {server.session.way_in}")
        click.echo("Ctrl-C stops it.")
        server.process.wait()
        click.echo(f"{server.name} was shut down.")
