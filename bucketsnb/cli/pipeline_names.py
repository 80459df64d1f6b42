"""Names of pipelines: completed in a shell, and suggested where one that was typed has no works."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from bucketsnb.cli.output import say
from bucketsnb.display.texts import close_matches, printable
from bucketsnb.errors import BucketsError

if TYPE_CHECKING:
    from bucketsnb.client import Buckets

__all__ = ["complete_pipelines", "say_unknown_pipelines"]

_SECONDS = 1.5
"""How long a person who pressed Tab waits for the service at most."""


def complete_pipelines(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the pipelines whose names begin so; none if the service does not say in time."""
    del param
    return [name for name in _names_in_time(ctx.params.get("url")) if name.startswith(incomplete)]


def _names_in_time(url: str | None) -> list[str]:
    found: list[str] = []

    def ask() -> None:
        from bucketsnb.client import Buckets

        with suppress(BucketsError), Buckets(url, timeout=_SECONDS, read_only=True) as buckets:
            found.extend(buckets.pipelines())

    # On a thread: the name server and retries may take longer than one request.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return list(found)


def say_unknown_pipelines(buckets: Buckets, names: Iterable[str] | None) -> None:
    """Say which of these pipelines have no works at all, and which names are near; costs one request."""
    if not names:
        return
    with suppress(BucketsError):  # only a hint: the command itself has succeeded
        known = buckets.pipelines()
        for name in names:
            if name not in known:
                matches = close_matches(name, known)
                hint = (
                    f"did you mean {printable(matches[0])}?" if matches else "`bucketsnb pipelines` lists those that do"
                )
                say(f"No works of a pipeline {printable(name)}; {hint}")
