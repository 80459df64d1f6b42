"""A word on the service before something else is started on it."""

from __future__ import annotations

import click

from bucketsnb.api import Api
from bucketsnb.display.texts import host_of, printable, truncate
from bucketsnb.errors import ServiceError
from bucketsnb.settings import resolve
from bucketsnb.transport import Transport
from bucketsnb.transport.retry import Policy

__all__ = ["say_version"]

_SECONDS = 5.0
"""How long a service may take to say its version."""


def say_version(url: str | None, otherwise: str) -> None:
    """Say which version a service has; one that does not answer may only be asleep, so that is no error.

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
