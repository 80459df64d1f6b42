"""The backend as the commands use it: its errors told as ours, and samples only where the store is empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from bucketsnb.cli.jupyter import require
from bucketsnb.errors import ConfigurationError

__all__ = ["backend_errors", "practice_queue"]


@contextmanager
def backend_errors() -> Iterator[None]:
    """Tell what the backend refuses (a store, a host, a port) as an error of this command.

    Raises
    ------
    click.UsageError
        An option cannot be meant.
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
