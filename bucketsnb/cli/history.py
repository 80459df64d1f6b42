"""``bucketsnb history``: rates, drain and differences, from the snapshots that were recorded."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import DONE, FAILED, NOTHING_MATCHED
from bucketsnb.cli.options import HELP, json_option, moment_of, pipeline_option, url_option
from bucketsnb.cli.output import as_json, as_table, emit, fitted, records_of, say

if TYPE_CHECKING:
    import pandas as pd

    from bucketsnb.history import Drain, History

__all__ = ["command"]

_CODES = f"""\b
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

_NONE = "`bucketsnb watch` records snapshots"


@click.command(context_settings=HELP, epilog=_CODES)
@click.argument("what", type=click.Choice(["rates", "drain", "diff"]), default="rates")
@url_option
@pipeline_option
@click.option("--since", metavar="TIME", default="1d", show_default=True, help="From here: an age or a time.")
@click.option("--until", metavar="TIME", help="Up to here; now if not given.")
@json_option("A JSON array of objects.")
def command(
    *, what: str, url: str | None, pipeline: tuple[str, ...], since: str, until: str | None, as_json_: bool
) -> None:
    """Show what became of the queue over time, from the snapshots that `bucketsnb watch` recorded.

    Nothing is sent to the service.
    """
    from bucketsnb.client import Buckets

    span = (moment_of(since, "--since"), time.time() if until is None else moment_of(until, "--until"))
    with Buckets(url) as buckets:
        history = buckets.history()
    try:
        _SHOWN[what](history, span, pipeline, as_json_)
    except LookupError as error:
        say(f"bucketsnb: {error.args[0]}; {_NONE}")
        sys.exit(NOTHING_MATCHED)


Span = tuple[float, float]


def _show_rates(history: History, span: Span, names: tuple[str, ...], as_json_: bool) -> None:  # noqa: FBT001
    _show(history.rates(since=span[0], until=span[1]), names, as_json_=as_json_)


def _show_diff(history: History, span: Span, names: tuple[str, ...], as_json_: bool) -> None:  # noqa: FBT001
    _show(history.diff(*span), names, as_json_=as_json_)


def _show(table: pd.DataFrame, names: tuple[str, ...], *, as_json_: bool) -> None:
    chosen = table[table.index.isin(names)] if names else table
    if not len(chosen):
        raise LookupError("no snapshots in this time" if not len(table) else "no snapshots of these pipelines")
    rows = chosen.rename_axis("pipeline").reset_index()
    emit(as_json(records_of(rows)) if as_json_ else as_table(rows, list(rows.columns)))


def _show_drain(history: History, span: Span, names: tuple[str, ...], as_json_: bool) -> None:  # noqa: FBT001
    found: list[Drain] = []
    for name in names or sorted(history.at(span[1]).index):
        try:
            found.append(history.drain(name, since=span[0], until=span[1]))
        except LookupError as error:  # noqa: PERF203 - the others are shown all the same
            say(f"bucketsnb: {error.args[0]}")
    if not found:
        raise LookupError("no estimate can be made")
    emit(as_json(list(map(_plain, found))) if as_json_ else "\n".join(fitted(str(one)) for one in found))


def _plain(drain: Drain) -> dict[str, Any]:
    return {**asdict(drain), "as_of": drain.as_of.isoformat()}


_SHOWN = {"rates": _show_rates, "drain": _show_drain, "diff": _show_diff}
