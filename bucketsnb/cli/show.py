"""``bucketsnb show``: a plan that was written to a file, to look at."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bucketsnb.cli.exits import DONE, REFUSED
from bucketsnb.cli.options import HELP, json_option
from bucketsnb.cli.output import as_json, emit, fitted, say

__all__ = ["command"]

_CODES = f"""\b
Exit codes:
  {DONE}  shown
  2  a wrong option or argument
  {REFUSED}  the file is not a plan, or was altered since it was written"""


@click.command(context_settings=HELP, epilog=_CODES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file as a page, too.")
@json_option("The plan as JSON: its works as they were seen, and as they are to be.")
def command(*, file: Path, html: Path | None, as_json_: bool) -> None:
    """Show the plan in FILE, which --plan-out wrote: what will happen to which works, planned by whom and why.

    No service is asked; `bucketsnb apply` asks it, and leaves alone what has changed since.
    """
    from bucketsnb.changes.loading import plan_to_look_at

    plan = plan_to_look_at(file)
    if html is not None:
        plan.to_html(html)
    if as_json_:
        works = [
            {"before": one.before and one.before.record, "after": one.after and one.after.record}
            for one in plan.changes
        ]
        facts = {name: getattr(plan, name) for name in ("summary", "verb", "url", "reason", "created_at", "expires_at")}
        emit(as_json({**facts, "query": plan.query, "notes": list(plan.notes), "works": works}))
    else:
        emit(fitted(str(plan)))
    if time.time() > plan.expires_at:
        say("It has expired, and will be refused: write it again.")
