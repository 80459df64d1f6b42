"""A client with a practice queue of its own."""

from __future__ import annotations

import os
import weakref

from bucketsnb.backend.server import LocalBackend
from bucketsnb.client.buckets import Buckets

__all__ = ["practice"]


def practice(works: int = 2000) -> Buckets:
    """Return a client of a new queue on this machine, filled with realistic works, to try things out.

    The queue ends with the client: when that is closed or garbage-collected, or when Python ends.

    Parameters
    ----------
    works
        How many works the queue starts with.

    Examples
    --------
    >>> with practice(works=20) as buckets:
    ...     buckets.count()
    20
    """
    backend = LocalBackend(sample=works)
    buckets = Buckets(backend.url)
    buckets._end_practice = weakref.finalize(buckets, _end, backend, os.getpid())
    return buckets


def _end(backend: LocalBackend, process: int) -> None:
    if os.getpid() == process:  # a forked child has a copy of the client, but not of the queue
        backend.close()
