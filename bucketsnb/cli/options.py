"""Options that several commands share, and what is made from them: a client, a query, the works of a change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.output import say
from bucketsnb.display.texts import close_matches, printable
from bucketsnb.errors import BucketsError
from bucketsnb.schema import FIELDS, STATUSES

if TYPE_CHECKING:
    from bucketsnb.client import Buckets
    from bucketsnb.query import Query

__all__ = [
    "PRIORITY",
    "client",
    "clock_option",
    "json_option",
    "options",
    "pipeline_option",
    "query_from",
    "query_options",
    "say_unknown_pipelines",
    "selected",
    "selection_options",
    "url_option",
    "what_was_given",
    "works_from",
]

Decorator = Callable[[Any], Any]
"""A decorator that adds options to a command."""

_COMPLETION_SECONDS = 1.5
"""Seconds that the completion of names waits for the service."""


def options(*several: Decorator) -> Decorator:
    """Return one decorator that adds several options to a command, in this order."""

    def decorate(command: Any) -> Any:
        for option in reversed(several):
            command = option(command)
        return command

    return decorate


def json_option(help: str) -> Decorator:  # noqa: A002 - as click calls it
    """Return the option ``--json``, whose value is the parameter ``as_json_``."""
    return click.option("--json", "as_json_", is_flag=True, help=help)


def _complete_pipelines(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the pipelines whose names begin with a text; none if the service does not answer in time."""
    names: list[str] = []

    def ask() -> None:
        from bucketsnb.client import Buckets

        with (
            suppress(BucketsError),
            Buckets(ctx.params.get("url"), timeout=_COMPLETION_SECONDS, read_only=True) as buckets,
        ):
            names.extend(buckets.pipelines())

    # In a thread, as look-ups of host names and retries may take longer than the timeout of a request.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_COMPLETION_SECONDS)
    return [name for name in names if name.startswith(incomplete)]


url_option = click.option(
    "--url", metavar="URL", help="Address of the service; by default BUCKETSNB_URL, else the workspace file."
)

pipeline_option = click.option(
    "--pipeline",
    "-p",
    multiple=True,
    shell_complete=_complete_pipelines,
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
"""Options that select works; :func:`query_from` makes a query from all of them but the clock."""

selection_options = options(url_option, query_options)
"""Options that select a service and works; :func:`selected` makes a client and a query from them."""


def client(url: str | None, **settings: Any) -> Buckets:
    """Return a client that is closed when the command ends."""
    from bucketsnb.client import Buckets  # here, so that `--help` stays quick

    return click.get_current_context().with_resource(Buckets(url, **settings))


def selected(given: dict[str, Any]) -> tuple[Buckets, Query]:
    """Return the client and the query for the options of :data:`selection_options`."""
    url, clock = given.pop("url"), given.pop("clock")
    query = query_from(given)
    return client(url, clock=clock), query


def query_from(given: dict[str, Any]) -> Query:
    """Return the query for options; raise :exc:`click.UsageError` if the document is not a JSON object."""
    from bucketsnb.query import Query

    document = _document(given.pop("document"))
    words = what_was_given(given).items()
    single = {name: value[0] for name, value in words if isinstance(value, list) and len(value) == 1}
    return Query(document, **{**dict(words), **single})


def what_was_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, without flags that are False; tuples of values become lists."""
    given = {name: value for name, value in options.items() if value not in (None, ()) and value is not False}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def works_from(given: dict[str, Any], *, allow_all: bool) -> tuple[Any, bool]:
    """Return the works that a change is about, and whether the name of a pipeline is not needed.

    Works that are named by ids need no pipeline. If only ids are given, they are returned instead of a query, so that
    the plan lists those that are gone.
    """
    ids = given["id"]
    if ids and what_was_given(given).keys() == {"id"}:
        return list(ids), True
    return query_from(given), allow_all or bool(ids)


def say_unknown_pipelines(buckets: Buckets, names: Iterable[str] | None) -> None:
    """Print which of these pipelines have no works, and which names are close; this takes one request."""
    if not names:
        return
    with suppress(BucketsError):  # only a hint: the command itself has succeeded
        known = buckets.pipelines()
        for name in names:
            if name not in known:
                near = [f"did you mean {printable(match)}?" for match in close_matches(name, known)]
                hint = near[0] if near else "`bucketsnb pipelines` lists those that do"
                say(f"No works of a pipeline {printable(name)}; {hint}")


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
