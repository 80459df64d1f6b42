"""``bucketsnb watch``: record snapshots of the status, so that history needs no open notebook."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from bucketsnb.cli.exits import DONE, FAILED, PARTLY_DONE
from bucketsnb.cli.options import HELP, json_option, span_of, url_option
from bucketsnb.cli.output import emit, say
from bucketsnb.cli.servers import until_stopped
from bucketsnb.display.texts import count_of, format_time, printable

if TYPE_CHECKING:
    import pandas as pd

    from bucketsnb.client import Buckets
    from bucketsnb.history import History, Watch

__all__ = ["command"]

_LOOK = 0.25
"""Seconds between two looks at the recorder."""

_LAST = 1e10
"""A time after every snapshot, in epoch seconds: the service's clock may be ahead of this machine's."""

_CODES = f"""\b
Exit codes:
  {DONE}  recorded; without --once: stopped by you
  {FAILED}  an error: the service could not be read, or the file not be written
  2  a wrong option or argument
  {PARTLY_DONE}  with --once: recorded, but some pipelines could not be read"""


@click.command(context_settings=HELP, epilog=_CODES)
@url_option
@click.option("--every", metavar="AGE", default="30s", show_default=True, help="Time between two snapshots.")
@click.option("--once", is_flag=True, help="Record one snapshot and end: for cron.")
@json_option("One JSON object a line for each snapshot.")
def command(*, url: str | None, every: str, once: bool, as_json_: bool) -> None:
    """Record snapshots of the status until Ctrl-C; `bucketsnb history` reads them.

    They are kept in the file that BUCKETSNB_HISTORY names, by default in the user's data folder. A service that cannot
    be read leaves a gap, is reported on stderr, and is tried again, more rarely.
    """
    from bucketsnb.client import Buckets

    seconds = span_of(every, "--every")
    with Buckets(url, read_only=True) as buckets:
        if once:
            sys.exit(_record_one(buckets, as_json_=as_json_))
        with until_stopped(), buckets.watch(seconds) as watch:
            say(f"Recording every {every} in {printable(watch.history.path)}; Ctrl-C stops.")
            _follow(watch, as_json_=as_json_)
            sys.exit(FAILED)  # it has ended by itself


def _record_one(buckets: Buckets, *, as_json_: bool) -> int:
    status = buckets.status()
    history = buckets.history()
    history.record(status)
    emit(_line(status, history, as_json_=as_json_))
    return PARTLY_DONE if status.attrs["problems"] else DONE


def _follow(watch: Watch, *, as_json_: bool) -> None:
    """Print each snapshot and each failure as it happens."""
    taken = failures = 0
    while watch.running:
        if watch.taken > taken:
            taken = watch.taken
            emit(_line(watch.history.at(_LAST), watch.history, as_json_=as_json_))
        if watch.failures > failures:
            failures = watch.failures
            say(f"bucketsnb: no snapshot: {printable(watch.last_error)}")
        time.sleep(_LOOK)


def _line(status: pd.DataFrame, history: History, *, as_json_: bool) -> str:
    at, works = status.attrs["read_at"], int(status["total"].sum())
    if as_json_:
        return json.dumps({"read_at": at, "pipelines": len(status), "works": works, "file": str(history.path)})
    return f"{format_time(at)}: {count_of(len(status), 'pipeline')}, {count_of(works, 'work')}"
