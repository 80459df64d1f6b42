"""Commands that only read: ``status``, ``pipelines``, ``view``, ``count``, ``explain``, ``failures``, ``events``."""

from __future__ import annotations

import sys
from typing import Any

import click

from bucketsnb.cli.exits import DONE, PARTLY_DONE, READING
from bucketsnb.cli.options import (
    client,
    json_option,
    pipeline_option,
    say_unknown_pipelines,
    selected,
    selection_options,
    url_option,
)
from bucketsnb.cli.output import as_csv, as_json, as_table, emit, emit_frame, fitted, records_of, say
from bucketsnb.display.texts import count_of, printable

__all__ = ["count", "events", "explain", "failures", "pipelines", "status", "view"]

_EVENT_COLUMNS = ("event", "pipeline", "status", "attempt", "retries", "age", "n_works", "id")
_FAILURE_COLUMNS = ("n_works", "pipeline", "site", "last_seen", "error", "function", "user", "example")
_WORK_COLUMNS = ("id", "pipeline", "status", "age", "site", "user", "priority", "attempt", "event")


@click.command(
    epilog=f"{READING}\n  {PARTLY_DONE}  some pipelines could not be read; the others are shown",
    short_help="How many works each pipeline has, by status.",
)
@url_option
@pipeline_option
@json_option('{"pipelines": {name: {status: count}}, "total": {...}}')
def status(*, url: str | None, pipeline: tuple[str, ...], as_json_: bool) -> None:
    """Show one row a pipeline, and a total."""
    buckets = client(url)
    frame = buckets.status(list(pipeline) or None)
    problems = frame.attrs["problems"]
    if as_json_:
        counts = dict(zip(frame.index, records_of(frame), strict=True))
        total = {name: int(number) for name, number in frame.sum().items()}
        emit(as_json({"pipelines": counts, "total": total, "problems": problems}))
    else:
        emit(fitted(repr(frame)))
    say_unknown_pipelines(buckets, [name for name in pipeline if name in frame.index[frame["total"].eq(0)]])
    sys.exit(PARTLY_DONE if problems else DONE)


@click.command(epilog=READING, short_help="The pipelines that have works.")
@url_option
@json_option("A JSON array of names.")
def pipelines(*, url: str | None, as_json_: bool) -> None:
    """List the pipelines that have works, one name a line."""
    names = client(url).pipelines()
    if as_json_:
        emit(as_json(names))
    elif names:
        emit("\n".join(map(printable, names)))


@click.command(epilog=READING, short_help="Works that match a query.")
@selection_options
@click.option("--limit", "-n", type=click.IntRange(0), default=100, show_default=True, help="At most so many; 0: all.")
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave out the first so many.")
@click.option("--json", "form", flag_value="json", help="Whole works as the service holds them, in one JSON array.")
@click.option("--csv", "form", flag_value="csv", help="For a spreadsheet; text that looks like a formula is quoted.")
def view(*, limit: int, skip: int, form: str | None, **given: Any) -> None:
    """Show works that match, newest first.

    How many are shown, and how many there are, is said on stderr, so that stdout holds nothing but works.
    """
    from bucketsnb.frames import to_records

    buckets, query = selected(given)
    frame = buckets.view(query, skip=skip, limit=limit or None)
    if form == "json":
        emit(as_json(to_records(frame)))
    elif form == "csv":
        emit(as_csv(frame), nl=False)
    else:
        emit(as_table(frame, _WORK_COLUMNS))
    shown, matched, exact = (frame.attrs[name] for name in ("shown", "matched", "exact"))
    at_least, hint = ("", "") if exact else ("at least ", " (bucketsnb count says how many)")
    say(f"{shown:,} shown of {at_least}{matched:,} matched{hint}")
    if not matched:
        say_unknown_pipelines(buckets, query.pipelines)


@click.command(epilog=READING, short_help="How many works match a query.")
@selection_options
@click.option("--by", multiple=True, metavar="COLUMN", help="A row for each value of this column; may be repeated.")
@json_option('{"count": number}; with --by, an array of objects.')
def count(*, by: tuple[str, ...], as_json_: bool, **given: Any) -> None:
    """Count the works that match: one number on stdout.

    With --by the numbers of works by column, such as --by site --by status.
    """
    buckets, query = selected(given)
    if by:
        table = buckets.group_count(query, list(by))
        emit_frame(table, as_json_=as_json_)
        say(table.attrs["summary"])
        number = len(table)
    else:
        number = buckets.count(query)
        emit(as_json({"count": number}) if as_json_ else str(number))
    if not number:
        say_unknown_pipelines(buckets, query.pipelines)


@click.command(epilog=READING, short_help="Which condition leaves a query without an answer.")
@selection_options
@json_option('{"matched": number, "summary": text, "conditions": [...]}')
def explain(*, as_json_: bool, **given: Any) -> None:
    """Say how many works match without each condition of a query, and what may have been meant.

    For a query that finds nothing. Costs a count for each condition.
    """
    buckets, query = selected(given)
    table = buckets.explain(query)
    summary = table.attrs["summary"]
    if as_json_:
        emit(as_json({"matched": table.attrs["matched"], "summary": summary, "conditions": records_of(table)}))
        return
    emit(fitted(summary))
    if len(table):
        emit("\n" + as_table(table))


@click.command(epilog=READING, short_help="Why works failed, like errors together.")
@selection_options
@click.option(
    "--limit", "-n", type=click.IntRange(0), default=0, show_default=True, help="Read only the newest; 0: all."
)
@json_option("Every column, as a JSON array of objects.")
def failures(*, limit: int, as_json_: bool, **given: Any) -> None:
    """Group failed works by pipeline, function, site, user and error, the largest group first.

    Numbers, ids, paths and times in an error are replaced by marks, so that like errors fall together; "example" is the
    id of a work of the group, for `bucketsnb view --id`.
    """
    buckets, query = selected(given)
    table = buckets.failures(query, limit=limit or None)
    emit_frame(table, _FAILURE_COLUMNS, as_json_=as_json_)
    read, matched, exact = (table.attrs[name] for name in ("read", "matched", "exact"))
    newest = f"the newest {read:,} of " if read < matched else ""
    say(f"{count_of(len(table), 'group')}, of {newest}{count_of(matched, 'failed work', at_least=not exact)}")
    if not len(table):
        say_unknown_pipelines(buckets, query.pipelines)


@click.command(epilog=READING, short_help="How far the pipelines have come with events.")
@click.argument("events", metavar="EVENT...", type=int, nargs=-1, required=True)
@url_option
@json_option('{"events": [...], "without_works": [ids]}')
def events(*, events: tuple[int, ...], url: str | None, as_json_: bool) -> None:
    """Show a row for each EVENT and pipeline: status, attempts and age of the latest work."""
    table = client(url).events(list(events))
    without = table.attrs["without_works"]
    if as_json_:
        emit(as_json({"events": records_of(table), "without_works": without}))
    else:
        emit(as_table(table, _EVENT_COLUMNS))
    if without:
        say(f"Without works: {', '.join(map(str, without))}")
