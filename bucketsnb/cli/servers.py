"""What commands share that run until they are stopped: their end, the queue behind them, and a look at the service."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bucketsnb.api import Api
from bucketsnb.cli.jupyter import require
from bucketsnb.display.texts import host_of, printable, truncate
from bucketsnb.errors import ConfigurationError, ServiceError
from bucketsnb.settings import resolve
from bucketsnb.transport import Transport
from bucketsnb.transport.retry import Policy

__all__ = ["backend_errors", "practice_queue", "say_version", "until_stopped"]

_SECONDS = 5.0
"""Seconds that a service may take to answer with its version."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal end the block in order, as the usual end of the command."""
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored stays so: `nohup bucketsnb lab &` outlives its terminal.
    before = {number: signal.getsignal(number) for number in known if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def say_version(url: str | None, otherwise: str) -> None:
    """Print the version of a service; one that does not answer may be starting, so that is only a warning.

    Parameters
    ----------
    url
        Its address; None for that of the environment or the workspace.
    otherwise
        What to say after the warning that it does not answer.

    Raises
    ------
    ConfigurationError
        There is no address, or it cannot be one.
    """
    api = Api(Transport(resolve(url, timeout=_SECONDS), policy=Policy(attempts=1)))
    try:
        version = api.version().get("version", "unknown")
    except ServiceError as error:
        click.echo(f"Warning: the service does not answer as it should. {printable(error)}", err=True)
        click.echo(f"  {otherwise}", err=True)
    else:
        click.echo(f"Service: {host_of(api.url)} (version {truncate(version, 40)})")
    finally:
        api.transport.close()


@contextmanager
def backend_errors() -> Iterator[None]:
    """Turn errors of the backend (about a store, a host, a port) into errors of this command.

    Raises
    ------
    click.UsageError
        An option has a wrong value.
    ConfigurationError
        The backend's parts are not installed, or the store cannot be used.
    """
    require("uvicorn", extra="backend", what="The local backend")
    from bucketsnb.backend.stores.base import StoreError  # of the extra `backend`

    try:
        yield
    except StoreError as error:
        raise ConfigurationError(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def practice_queue(store: str | None, sample: int) -> Iterator[tuple[str, int]]:
    """Serve a queue on a free loopback port; give its address and how many works it holds.

    Parameters
    ----------
    store
        Where its works are kept; None for a temporary one.
    sample
        How many realistic works it starts with, if it is empty.
    """
    with backend_errors():
        from bucketsnb.backend.samples import sample_works
        from bucketsnb.backend.server import LocalBackend

        backend = LocalBackend(store)
    with backend:
        if sample and not backend.store.status()["total"]:
            backend.store.load(sample_works(sample))
        yield backend.url, backend.store.status()["total"]
