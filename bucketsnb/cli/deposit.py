"""``bucketsnb deposit``: put new works into their queues, from a file or a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bucketsnb.cli.changing import carry_out, max_affected_option, plan_options
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP, url_option
from bucketsnb.cli.output import as_json, as_rows, emit, fitted, say
from bucketsnb.display.texts import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["command"]

_WRONG = click.UsageError.exit_code


@click.command(context_settings=HELP, epilog=TABLE)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@url_option
@click.option("--check", is_flag=True, help="Only judge the rows; no service is needed.")
@click.option("--fresh", is_flag=True, help="Make new works of copies: no id, times, attempts or results.")
@click.option("--skip-bad", is_flag=True, help="Deposit the good rows though others are bad.")
@max_affected_option
@plan_options
def command(
    *,
    file: str,
    url: str | None,
    check: bool,
    fresh: bool,
    skip_bad: bool,
    max_affected: int,
    rate: float | None,
    plan_out: str | None,
    reason: str,
    yes: bool,
    as_json_: bool,
) -> None:
    """Deposit the works of FILE, or of stdin if it is "-": CSV (commas, semicolons or tabs), JSON, or JSON lines.

    What a row leaves out gets the public client's defaults. If any row is bad, nothing is sent, the rows are named, and
    the exit code is 2.
    """
    source = sys.stdin.buffer.read() if file == "-" else Path(file)
    if check:
        sys.exit(_judge(source, fresh=fresh, as_json_=as_json_))
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        plan = buckets.plan_deposit(source, fresh=fresh, skip_bad=skip_bad, reason=reason, max_affected=max_affected)
        if plan.bad:
            say(_table(plan.bad, plan.lines))
        if plan.bad and not skip_bad:
            rows = count_of(len({row for row, _, _ in plan.bad}), "bad row")
            say(f"bucketsnb: {rows}, so nothing was sent; --skip-bad deposits the others")
            sys.exit(_WRONG)
        nothing = "there is no work to deposit"
        carry_out(buckets, plan, yes=yes, as_json_=as_json_, nothing=nothing, rate=rate, plan_out=plan_out)


def _judge(source: bytes | Path, *, fresh: bool, as_json_: bool) -> int:
    from bucketsnb.changes.rows import checked
    from bucketsnb.changes.tables import read_table

    table = read_table(source)
    found = checked(table, fresh=fresh)
    bad, lines = [(one.row, one.field, one.problem) for one in found.problems], table.line_of
    if as_json_:
        problems = [{"row": row, "line": lines.get(row), "field": name, "problem": why} for row, name, why in bad]
        emit(as_json({"rows": len(table.rows), "good": len(found.works), "problems": problems}))
    elif bad:
        emit(_table(bad, lines))
    for note in table.notes:
        say(fitted(note))
    say(f"{count_of(len(table.rows), 'row')}, {len(found.works):,} good, {len(found.bad):,} bad; nothing was sent")
    return _WRONG if bad else 0


def _table(bad: Sequence[tuple[int, str, str]], lines: Mapping[int, int]) -> str:
    """Name each problem by the line of the file that its row begins at, or else by the row, from 0."""
    if all(row in lines for row, _, _ in bad):
        return as_rows(("line", "field", "problem"), [(str(lines[row]), name, why) for row, name, why in bad])
    return as_rows(("row", "field", "problem"), [(str(row), name, why) for row, name, why in bad])
