"""Options that several commands share: where the service is, and which works are meant."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import click

from bucketsnb.cli.pipeline_names import complete_pipelines
from bucketsnb.schema import FIELDS, STATUSES

__all__ = [
    "HELP",
    "PRIORITY",
    "clock_option",
    "json_option",
    "moment_of",
    "options",
    "pipeline_option",
    "query_from",
    "query_options",
    "span_of",
    "url_option",
    "what_was_given",
    "works_from",
]

Command = TypeVar("Command", bound=Callable[..., Any])

HELP = {"help_option_names": ["-h", "--help"]}
"""Settings of every command."""


class Decorator(Protocol):
    """What gives a command one or several options."""

    def __call__(self, command: Command, /) -> Command:
        """Return the command with them."""


def options(*several: Decorator) -> Decorator:
    """Return one decorator that gives a command several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(several):
            command = option(command)
        return command

    return decorate


def json_option(help: str) -> Decorator:  # noqa: A002 - as click calls it
    """Return the option ``--json``, whose value is the parameter ``as_json_``."""
    return click.option("--json", "as_json_", is_flag=True, help=help)


url_option = click.option(
    "--url", metavar="URL", help="Address of the service; by default BUCKETSNB_URL, else the workspace file."
)

pipeline_option = click.option(
    "--pipeline",
    "-p",
    multiple=True,
    shell_complete=complete_pipelines,
    help="Name of a pipeline; may be given several times.",
)

clock_option = click.option(
    "--clock",
    type=click.Choice(["service", "local"]),
    help="What ages are counted by: the clock of the service, or of this machine.",
)

PRIORITY = click.IntRange(FIELDS["priority"].least, FIELDS["priority"].most)

query_options = options(
    pipeline_option,
    click.option("--status", "-s", multiple=True, type=click.Choice(STATUSES), help="May be given several times."),
    click.option("--event", "-e", multiple=True, type=int, help="Id of an event; may be given several times."),
    click.option("--tag", "-t", "tags", multiple=True, help="A tag; of several, one is enough."),
    click.option("--site", multiple=True, help="Where the work is to be done."),
    click.option("--user", multiple=True, help="Who created the work."),
    click.option("--parent", multiple=True, help="Id of the parent pipeline run (config.parent)."),
    click.option("--priority", type=PRIORITY, help="Exactly this priority."),
    click.option("--older-than", metavar="AGE", help="Created longer ago than this, such as 7d or 36h."),
    click.option("--newer-than", metavar="AGE", help="Created less long ago than this."),
    click.option("--since", metavar="TIME", help="Created at or after this time, such as 2026-11-23."),
    click.option("--until", metavar="TIME", help="Created before this time."),
    click.option("--id", multiple=True, help="Id of a work; may be given several times."),
    clock_option,
    click.option("--document", metavar="JSON", help="A MongoDB filter document; the other options narrow it."),
)
"""Options that say which works are meant; :func:`query_from` takes them."""


def query_from(given: dict[str, Any]) -> Any:
    """Build the :class:`~bucketsnb.query.Query` that the options of :data:`query_options` ask for.

    Raises
    ------
    click.UsageError
        The document is not a JSON object.
    QueryError
        The query cannot mean what it says.
    """
    from bucketsnb.query import Query  # here, so that `--help` needs only this module

    document = _document(given.pop("document"))
    return Query(document, **{name: _plain(value) for name, value in what_was_given(given).items()})


def what_was_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; a flag that was not is False, which asks nothing."""
    return {name: value for name, value in options.items() if value not in (None, ()) and value is not False}


def works_from(given: dict[str, Any], *, allow_all: bool) -> tuple[Any, bool]:
    """Return what a change is about, and whether it may be without the name of a pipeline.

    Ids name works: they need no pipeline, and where nothing but ids is given, the plan names those that are gone.

    Raises
    ------
    click.UsageError
        The document is not a JSON object.
    QueryError
        The query cannot mean what it says.
    """
    ids = given["id"]
    if ids and what_was_given(given).keys() == {"id"}:
        return list(ids), True
    return query_from(given), allow_all or bool(ids)


def span_of(text: str, option: str) -> float:
    """Return the seconds of a span of time such as ``30s`` or ``5min``.

    Raises
    ------
    click.BadParameter
        It is none, or not above zero.
    """
    from bucketsnb.query.times import span

    seconds = span(text)
    if not seconds:
        raise click.BadParameter(f"{text!r} is not a span of time; write 30s, 5min or 1h", param_hint=option)
    return seconds


def moment_of(text: str, option: str) -> float:
    """Return the epoch seconds of a time, or of an age such as ``7d`` before now.

    Raises
    ------
    click.BadParameter
        It is neither.
    """
    import pandas as pd

    from bucketsnb.query.times import span

    ago = span(text)
    if ago is not None:
        return time.time() - ago
    found = pd.to_datetime(text, utc=True, errors="coerce")
    if pd.isna(found):
        raise click.BadParameter(f"{text!r} is no time: write 7d, 36h, or 2026-11-23", param_hint=option)
    return float(found.timestamp())


def _plain(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return value[0] if len(value) == 1 else list(value)


def _document(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--document") from error
    if not isinstance(document, dict):
        raise click.BadParameter("a filter document is a JSON object", param_hint="--document")
    return document
