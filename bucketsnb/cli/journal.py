"""``bucketsnb journal``: what was changed from this account, and what of it can be taken back."""

from __future__ import annotations

import json

import click

from bucketsnb.cli.exits import READING
from bucketsnb.cli.options import HELP, json_option
from bucketsnb.cli.output import as_json, as_table, emit

__all__ = ["command"]

_COLUMNS = ("entry", "time", "verb", "host", "n_works", "done", "state", "undone", "reason")


@click.command(context_settings=HELP, epilog=READING)
@click.option("--limit", "-n", type=click.IntRange(0), default=20, show_default=True, help="The newest; 0: all.")
@json_option("Every column, as a JSON array of objects.")
def command(*, limit: int, as_json_: bool) -> None:
    """List the changes made from this account, newest first; an entry is what `bucketsnb undo` wants."""
    from bucketsnb.changes.entry import journal_frame
    from bucketsnb.changes.journal import Journal

    frame = journal_frame(Journal(), limit or None)
    if as_json_:
        emit(as_json(json.loads(frame.to_json(orient="records", date_format="iso"))))
    else:
        emit(as_table(frame, _COLUMNS))
