"""Commands that run until they are stopped: Ctrl-C, SIGTERM and a closed terminal end them in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

__all__ = ["until_stopped"]


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal end the block in order: this is how the command is meant to end."""
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
