"""``bucketsnb serve``, which runs a service in the foreground, and the practice queue of ``bucketsnb lab``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from bucketsnb.errors import ConfigurationError

__all__ = ["practice_queue", "require", "serve"]


@click.command(short_help="A Buckets service of your own.")
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
def serve(*, host: str, port: int, store: str, sample: int, token_file: Path | None) -> None:
    """Serve the protocol of Buckets until Ctrl-C, SIGTERM, or the terminal is closed.

    One line on stdout says when it takes requests. The public clients work on it unchanged.
    """
    token = token_file.read_bytes().decode("utf-8", "replace").strip() if token_file else None
    with _backend_errors():
        from bucketsnb.backend import server

        server.serve(host, port, store, token, sample=sample)


@contextmanager
def practice_queue(store: str | None, sample: int) -> Iterator[tuple[str, int]]:
    """Serve a queue on a free loopback port, by default from a temporary store; yield its address and number of works.

    An empty store is filled with `sample` realistic works first.
    """
    with _backend_errors():
        from bucketsnb.backend.server import LocalBackend

        backend = LocalBackend(store, sample=sample)
    with backend:
        yield backend.url, backend.store.status()["total"]


@contextmanager
def _backend_errors() -> Iterator[None]:
    """Turn errors of the backend (about a store, a host, a port) into errors of the command."""
    require("uvicorn", extra="backend", what="The local backend")
    from bucketsnb.backend.stores.base import StoreError  # of the extra `backend`

    try:
        yield
    except StoreError as error:
        raise ConfigurationError(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def require(module: str, *, extra: str, what: str) -> None:
    """Raise ConfigurationError, with the install command, if an optional module is missing; it is not imported."""
    if find_spec(module) is None:
        line = shlex.join([sys.executable, "-m", "pip", "install", f"bucketsnb[{extra}]"])
        raise ConfigurationError(f"{what} is not installed here. Install it with: {line}")
