"""Commands that look at the queue over time: ``watch`` and ``history``, and ``report``."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bucketsnb.cli.exits import DONE, FAILED, NOTHING_MATCHED, PARTLY_DONE, until_stopped
from bucketsnb.cli.notebooks import REPORT, shipped
from bucketsnb.cli.options import client, json_option, pipeline_option, url_option
from bucketsnb.cli.output import as_json, emit, emit_frame, fitted, say
from bucketsnb.display.texts import count_of, format_time, printable

if TYPE_CHECKING:
    import pandas as pd

    from bucketsnb.history import History, Watch

__all__ = ["history", "report", "watch"]

_POLL = 0.25
"""Seconds between two checks of the recorder."""

_LAST = 1e10
"""A time after every snapshot, in epoch seconds: the service's clock may be ahead of this machine's."""

_WATCH_CODES = f"""\b
Exit codes:
  {DONE}  recorded; without --once: stopped by you
  {FAILED}  an error: the service could not be read, or the file not be written
  2  a wrong option or argument
  {PARTLY_DONE}  with --once: recorded, but some pipelines could not be read"""

_HISTORY_CODES = f"""\b
What can be shown:
  rates  works per hour that arrived, finished and left, and by how much the
         queue grew; lower bounds, as what came and went between two
         snapshots was not seen
  drain  when each queue is empty, if it goes on so
  diff   how the numbers changed between --since and --until

\b
Exit codes:
  {DONE}  shown
  {FAILED}  an error: the address, or a file that cannot be read
  2  a wrong option or argument
  {NOTHING_MATCHED}  there are too few snapshots in this time"""


@click.command(epilog=_WATCH_CODES, short_help="Record snapshots of the status.")
@url_option
@click.option("--every", metavar="AGE", default="30s", show_default=True, help="Time between two snapshots.")
@click.option("--once", is_flag=True, help="Record one snapshot and end: for cron.")
@json_option("One JSON object a line for each snapshot.")
def watch(*, url: str | None, every: str, once: bool, as_json_: bool) -> None:
    """Record snapshots of the status until Ctrl-C; `bucketsnb history` reads them.

    They are kept in the file that BUCKETSNB_HISTORY names, by default in the user's data folder. A service that cannot
    be read leaves a gap, is reported on stderr, and is tried again, more rarely.
    """
    from bucketsnb.query.times import span

    seconds = span(every)
    if not seconds:
        raise click.BadParameter(f"{every!r} is not a span of time; write 30s, 5min or 1h", param_hint="--every")
    buckets = client(url, read_only=True)
    if once:
        status = buckets.status()
        kept = buckets.history()
        kept.record(status)
        emit(_snapshot(status, kept, as_json_=as_json_))
        sys.exit(PARTLY_DONE if status.attrs["problems"] else DONE)
    with until_stopped(), buckets.watch(seconds) as recorder:
        say(f"Recording every {every} in {printable(recorder.history.path)}; Ctrl-C stops.")
        _follow(recorder, as_json_=as_json_)
        sys.exit(FAILED)  # it ended by itself


def _follow(watch: Watch, *, as_json_: bool) -> None:
    """Print each snapshot and each failure as it happens."""
    taken = failures = 0
    while watch.running:
        if watch.taken > taken:
            taken = watch.taken
            emit(_snapshot(watch.history.at(_LAST), watch.history, as_json_=as_json_))
        if watch.failures > failures:
            failures = watch.failures
            say(f"bucketsnb: no snapshot: {printable(watch.last_error)}")
        time.sleep(_POLL)


def _snapshot(status: pd.DataFrame, history: History, *, as_json_: bool) -> str:
    at, works = status.attrs["read_at"], int(status["total"].sum())
    if as_json_:
        return json.dumps({"read_at": at, "pipelines": len(status), "works": works, "file": str(history.path)})
    return f"{format_time(at)}: {count_of(len(status), 'pipeline')}, {count_of(works, 'work')}"


@click.command(epilog=_HISTORY_CODES, short_help="Rates, drain and differences, from the snapshots.")
@click.argument("what", type=click.Choice(["rates", "drain", "diff"]), default="rates")
@url_option
@pipeline_option
@click.option("--since", metavar="TIME", default="1d", show_default=True, help="From here: an age or a time.")
@click.option("--until", metavar="TIME", help="Up to here; now if not given.")
@json_option("A JSON array of objects.")
def history(
    *, what: str, url: str | None, pipeline: tuple[str, ...], since: str, until: str | None, as_json_: bool
) -> None:
    """Show what became of the queue over time, from the snapshots that `bucketsnb watch` recorded.

    Nothing is sent to the service.
    """
    start, end = _moment(since, "--since"), _moment(until or "0s", "--until")
    kept = client(url).history()
    try:
        if what == "drain":
            _show_drain(kept, start, end, pipeline, as_json_=as_json_)
        else:
            table = kept.rates(since=start, until=end) if what == "rates" else kept.diff(start, end)
            _show(table, pipeline, as_json_=as_json_)
    except LookupError as error:
        say(f"bucketsnb: {error.args[0]}; `bucketsnb watch` records snapshots")
        sys.exit(NOTHING_MATCHED)


def _moment(text: str, option: str) -> float:
    """Return the epoch seconds of a time, or of an age such as ``7d`` before now."""
    from bucketsnb.query.times import moment, resolved, span

    return float(resolved(moment(text if span(text) is None else f"{text} ago", option), time.time()))


def _show(table: pd.DataFrame, names: tuple[str, ...], *, as_json_: bool) -> None:
    chosen = table[table.index.isin(names)] if names else table
    if not len(chosen):
        raise LookupError("no snapshots in this time" if not len(table) else "no snapshots of these pipelines")
    emit_frame(chosen.rename_axis("pipeline").reset_index(), as_json_=as_json_)


def _show_drain(history: History, start: float, end: float, names: tuple[str, ...], *, as_json_: bool) -> None:
    drains = []
    for name in names or sorted(history.at(end).index):
        try:
            drains.append(history.drain(name, since=start, until=end))
        except LookupError as error:  # noqa: PERF203 - the others are shown all the same
            say(f"bucketsnb: {error.args[0]}")
    if not drains:
        raise LookupError("no estimate can be made")
    if as_json_:
        emit(as_json([{**asdict(drain), "as_of": drain.as_of.isoformat()} for drain in drains]))
    else:
        emit("\n".join(fitted(str(drain)) for drain in drains))


@click.command(
    epilog=f"\b\nExit codes:\n  {DONE}  written\n  {FAILED}  not: the service could not be read",
    short_help="The weekly report as one HTML file.",
)
@url_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The file to write; it is replaced whole or not at all.",
)
@click.option("--days", type=click.IntRange(1, 365), default=7, show_default=True, help="How far back it looks.")
def report(*, url: str | None, out: Path, days: int) -> None:
    """Write a report of the queue that needs nothing else to be read: tables and plots, no code."""
    if not out.absolute().parent.is_dir():  # reported here, before anything is read
        raise click.BadParameter(f"there is no folder {str(out.parent)!r}", param_hint="--out")
    from bucketsnb.report import render

    buckets = client(url, read_only=True)
    buckets.api.version()  # an unreadable service is reported here, before a kernel starts
    # By the environment, as an address may hold a password, which must not be written into a notebook.
    environ = {"BUCKETSNB_URL": url or buckets.api.url, "BUCKETSNB_READ_ONLY": "1"}
    parameters = {"practice": False, "days": days}
    render(shipped() / REPORT, out, parameters=parameters, title="The week in the queue", environ=environ)
    click.echo(f"wrote {out}")
