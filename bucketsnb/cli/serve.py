"""``bucketsnb serve``: a Buckets service of one's own, in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from bucketsnb.cli.options import HELP
from bucketsnb.cli.servers import backend_errors

__all__ = ["command"]


@click.command(context_settings=HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8004, show_default=True, help="0 takes a free port.")
@click.option(
    "--store",
    metavar="URL",
    default="sqlite:///works.db",
    show_default=True,
    help="Where works are kept: sqlite:///name.db in this folder, sqlite:////path/name.db elsewhere, mongodb://... for"
    " a queue that several machines serve.",
)
@click.option(
    "--sample", metavar="N", type=click.IntRange(0), default=0, help="Fill an empty store with N realistic works."
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the token that clients must send.",
)
def command(*, host: str, port: int, store: str, sample: int, token_file: Path | None) -> None:
    """Serve the protocol of Buckets until Ctrl-C, SIGTERM, or the terminal is closed.

    One line on stdout says when it takes requests. The public clients work on it unchanged.
    """
    token = token_file.read_bytes().decode("utf-8", "replace").strip() if token_file else None
    with backend_errors():
        from bucketsnb.backend.server import serve

        serve(host, port, store, token, sample=sample)
