"""How commands end: their exit codes, the table of them that ``--help`` shows, and the end by a signal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "NOTHING_MATCHED",
    "PARTLY_DONE",
    "READING",
    "REFUSED",
    "TABLE",
    "until_stopped",
]

DONE = 0
FAILED = 1
NOTHING_MATCHED = 3
REFUSED = 4
PARTLY_DONE = 5
INTERRUPTED = 130

TABLE = """\b
Exit codes:
  0  done
  1  an error: the service, the network, the address
  2  a wrong option or argument, or a bad row of a deposit
  3  nothing matched, so nothing was changed
  4  refused: too wide, too many, or the question was answered with no
  5  partly done: the receipt names the works that were left
  130  stopped by Ctrl-C before there was a receipt"""

READING = """\b
Exit codes:
  0  shown, also if nothing matched
  1  an error: the service, the network, the address
  2  a wrong option or argument"""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal end the block without an error, after its cleanup has run."""
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # A signal that is ignored stays ignored, so that `nohup bucketsnb lab &` goes on when its terminal is closed.
    before = {number: signal.getsignal(number) for number in known if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped.")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
