"""``bucketsnb app``: the panels alone, in a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from bucketsnb.cli.exits import DONE, FAILED
from bucketsnb.cli.jupyter import VoilaPage, require, running_as_root, wait_until_ready
from bucketsnb.cli.options import HELP, url_option
from bucketsnb.cli.servers import say_version, until_stopped

__all__ = ["command"]

_NOTEBOOK = Path(__file__).with_name("app.ipynb")

_CODES = f"""\b
Exit codes:
  {DONE}  stopped by you
  {FAILED}  an error: no address, no Voila, a port that is taken
  2  a wrong option or argument"""


@click.command(context_settings=HELP, epilog=_CODES)
@url_option
@click.option("--no-browser", is_flag=True, help="Print the address, and leave opening it to you.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page; a free one by default.")
@click.option("--read-only", is_flag=True, help="Look only: nothing on the page can change works.")
def command(*, url: str | None, no_browser: bool, port: int, read_only: bool) -> None:
    """Open the panels in a browser, without a notebook around them, until Ctrl-C.

    The page is for this machine only, and the address holds the token that opens it.
    """
    require("voila", extra="lab", what="Voila")
    with until_stopped(), ExitStack() as stack:
        say_version(url, "The page opens anyway, and will say so too.")
        if running_as_root():
            click.echo("Running as root, so the server is told --allow-root.")
        # A folder of its own: a server shows all that is beside its notebook.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bucketsnb-app-")))
        shutil.copyfile(_NOTEBOOK, folder / _NOTEBOOK.name)
        log = stack.enter_context(tempfile.TemporaryFile())
        page = VoilaPage(
            folder,
            port=port,
            environ=_environ(url, read_only=read_only),
            browser=not no_browser,
            page=_NOTEBOOK.name,
            options=["--VoilaConfiguration.show_tracebacks=True"],
            log=log,
        )
        wait_until_ready(stack.enter_context(page), log)
        page.wait()
        click.echo("The page was shut down.")


def _environ(url: str | None, *, read_only: bool) -> dict[str, str]:
    given = {"BUCKETSNB_URL": url} if url else {}
    return {**os.environ, **given, **({"BUCKETSNB_READ_ONLY": "1"} if read_only else {})}
