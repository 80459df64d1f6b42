"""Commands that change works, and those for their plans and for the journal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.carry_out import (
    NOTHING_QUEUED,
    answer_options,
    applied,
    asking_options,
    carry_out,
    change_options,
    change_works,
    finish,
    max_affected_option,
    plan_options,
    rate_option,
)
from bucketsnb.cli.exits import DONE, NOTHING_MATCHED, READING, REFUSED, TABLE
from bucketsnb.cli.options import (
    PRIORITY,
    client,
    clock_option,
    json_option,
    pipeline_option,
    selection_options,
    url_option,
    what_was_given,
)
from bucketsnb.cli.output import as_json, as_rows, as_table, emit, emit_result, fitted, say
from bucketsnb.display.texts import count_of
from bucketsnb.errors import PlanError

if TYPE_CHECKING:
    from bucketsnb.api import ClockChoice
    from bucketsnb.changes.plan import UndoPlan
    from bucketsnb.changes.receipt import Receipt
    from bucketsnb.changes.tables import RowProblem
    from bucketsnb.client import Buckets

__all__ = ["apply", "audit", "delete", "deposit", "journal", "requeue", "show", "undo", "update", "withdraw"]

_WRONG = click.UsageError.exit_code
_JOURNAL_COLUMNS = ("entry", "time", "verb", "host", "n_works", "done", "state", "undone", "reason")


@click.command(epilog=TABLE, short_help="Delete works that match, after asking.")
@selection_options
@change_options
def delete(**given: Any) -> None:
    """Delete works that match: shown first, asked about, put on record, and looked for afterwards."""
    change_works(lambda buckets: buckets.plan_delete, given)


@click.command(epilog=TABLE, short_help="Give works that match new values, after asking.")
@selection_options
@click.option(
    "--set",
    "values",
    metavar="FIELD=VALUE",
    multiple=True,
    required=True,
    help="A new value, such as priority=5 or config.parent=6b04a88b; nothing after = is null. May be given several"
    " times.",
)
@change_options
def update(*, values: tuple[str, ...], **given: Any) -> None:
    """Give works that match new values: --set priority=5.

    A value is read as its field asks: a number, a text, a list such as event=9385707,9385708, or JSON. Other fields
    stay as they are, and works that have the values already are left out.
    """
    change_works(lambda buckets: buckets.plan_update, given, set=_values(values))


def _values(given: Iterable[str]) -> dict[str, Any]:
    from bucketsnb.encoding.cells import path_of, read_cell
    from bucketsnb.encoding.values import UnfitError

    values: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        path = path_of(name.strip())
        if not sign or not path:
            raise click.BadParameter(f"{text!r}: write FIELD=VALUE, such as priority=5", param_hint="--set")
        if path in values:
            raise click.BadParameter(f"{path} is given twice", param_hint="--set")
        try:
            values[path] = read_cell(path, value)
        except UnfitError as error:
            raise click.BadParameter(f"{error.path} {error.reason}", param_hint="--set") from error
    return values


@click.command(epilog=TABLE, short_help="Queue works again that match, after asking.")
@selection_options
@click.option("--reset-attempt", is_flag=True, help="Give them all their attempts again.")
@change_options
def requeue(*, reset_attempt: bool, **given: Any) -> None:
    """Queue works again that match, such as failed ones: --status failure."""
    change_works(lambda buckets: buckets.plan_requeue, given, reset_attempt=reset_attempt)


@click.command(epilog=TABLE, short_help="Put new works into their queues, after asking.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@url_option
@click.option("--check", is_flag=True, help="Only judge the rows; no service is needed.")
@click.option("--fresh", is_flag=True, help="Make new works of copies: no id, times, attempts or results.")
@click.option("--skip-bad", is_flag=True, help="Deposit the good rows though others are bad.")
@max_affected_option
@plan_options
def deposit(
    *,
    file: str,
    url: str | None,
    check: bool,
    fresh: bool,
    skip_bad: bool,
    max_affected: int,
    reason: str,
    as_json_: bool,
    **asking: Any,
) -> None:
    """Deposit the works of FILE, or of stdin if it is "-": CSV (commas, semicolons or tabs), JSON, or JSON lines.

    What a row leaves out gets the public client's defaults. If any row is bad, nothing is sent, the rows are named, and
    the exit code is 2.
    """
    source = sys.stdin.buffer.read() if file == "-" else Path(file)
    if check:
        sys.exit(_judge(source, fresh=fresh, as_json_=as_json_))
    buckets = client(url)
    plan = buckets.plan_deposit(source, fresh=fresh, skip_bad=skip_bad, reason=reason, max_affected=max_affected)
    if plan.bad:
        say(_bad_rows(plan.bad))
    if plan.bad and not skip_bad:
        rows = count_of(len({problem.row for problem in plan.bad}), "bad row")
        say(f"bucketsnb: {rows}, so nothing was sent; --skip-bad deposits the others")
        sys.exit(_WRONG)
    carry_out(buckets, plan, as_json_=as_json_, **asking)


def _judge(source: bytes | Path, *, fresh: bool, as_json_: bool) -> int:
    from bucketsnb.changes.tables import read_rows

    rows = read_rows(source, fresh=fresh)
    if as_json_:
        problems = [problem._asdict() for problem in rows.problems]
        emit(as_json({"rows": rows.count, "good": len(rows.works), "problems": problems}))
    elif rows.problems:
        emit(_bad_rows(rows.problems))
    for note in rows.notes:
        say(fitted(note))
    bad = rows.count - len(rows.works)
    say(f"{count_of(rows.count, 'row')}, {len(rows.works):,} good, {bad:,} bad; nothing was sent")
    return _WRONG if bad else DONE


def _bad_rows(bad: Sequence[RowProblem]) -> str:
    """Return the problems as text, each with the line of the file where its row begins, or else the row, from 0."""
    by_line = all(problem.line is not None for problem in bad)
    rows = [(str(row.line if by_line else row.row), row.field, row.problem) for row in bad]
    return as_rows(("line" if by_line else "row", "field", "problem"), rows)


@click.command(epilog=TABLE, short_help="Claim one queued work, or give one back.")
@url_option
@pipeline_option
@click.option("--event", "-e", multiple=True, type=int, help="Id of an event; of several, one is enough.")
@click.option("--site", help="Where the work is to be done.")
@click.option("--priority", type=PRIORITY, help="Exactly this priority.")
@click.option("--user", help="Who created the work.")
@click.option("--tag", "-t", "tags", multiple=True, help="A tag; of several, one is enough.")
@click.option("--parent", multiple=True, help="Id of the parent pipeline run (config.parent).")
@click.option("--give-back", metavar="ENTRY", help="Put the work back that this entry of the journal claimed.")
@asking_options
def withdraw(*, url: str | None, give_back: str | None, reason: str, yes: bool, as_json_: bool, **filters: Any) -> None:
    """Claim one queued work as a worker does, and print it; with --json, as JSON.

    The work is yours then: it is "running" until --give-back, or until its timeout. The receipt is on stderr.
    """
    given = what_was_given(filters)
    if give_back is not None and given:
        raise click.UsageError("--give-back takes the entry of the claim, and nothing else that names works")
    if give_back is None and "pipeline" not in given:
        raise click.UsageError("name a pipeline: --pipeline ...")
    buckets = client(url)
    if give_back is not None:
        carry_out(buckets, _plan_to_give_back(buckets, give_back), yes=yes, as_json_=as_json_)
    receipt = applied(buckets, buckets.plan_withdraw(**given, reason=reason), yes=yes)
    sys.exit(_show_claimed(buckets, receipt, as_json_=as_json_))


def _plan_to_give_back(buckets: Buckets, entry: str) -> UndoPlan:
    from bucketsnb.changes.journal import Journal, read_entry

    plan = buckets.plan_undo(entry)
    verb = read_entry(Journal(), entry).verb
    if verb != "withdraw":
        raise PlanError(f'{entry} is not a claim but "{verb}": `bucketsnb undo {entry}` takes it back')
    return plan


def _show_claimed(buckets: Buckets, receipt: Receipt | None, *, as_json_: bool) -> int:
    from bucketsnb.changes.receipt import Outcome
    from bucketsnb.frames import WorkView

    result = receipt.results[0] if receipt is not None else None
    if receipt is None or result is None or result.outcome is Outcome.GONE:
        if receipt is not None:
            say(f"bucketsnb: {NOTHING_QUEUED} any more")
        if as_json_:
            emit_result("null")
        return NOTHING_MATCHED
    if result.outcome is not Outcome.DONE or result.after is None:
        finish(receipt, as_json_=as_json_)
    say(f"To give it back: bucketsnb withdraw --give-back {receipt.entry}")
    record = result.after.record
    emit_result(as_json(record) if as_json_ else fitted(repr(WorkView(record, now=buckets.api.clock.now()))))
    say(fitted(receipt.summary))
    return DONE


@click.command(epilog=TABLE, short_help="Have the service check for late and stale works, after asking.")
@url_option
@clock_option
@max_affected_option
@asking_options
def audit(
    *, url: str | None, clock: ClockChoice | None, max_affected: int, reason: str, yes: bool, as_json_: bool
) -> None:
    """Show what an audit would change now, ask, and have the service run it.

    On all pipelines: failed works with attempts left are queued again, running works past their timeout are failed, and
    so are unfinished works older than seven days. The service acts on what it finds when it runs.
    """
    from bucketsnb.changes.targets import PlanLimits, check_count

    buckets = client(url, clock=clock)
    plan = buckets.plan_audit(reason=reason)
    check_count(plan.count, PlanLimits(max_affected=max_affected))
    carry_out(buckets, plan, yes=yes, as_json_=as_json_)


_SHOW_CODES = f"""\b
Exit codes:
  {DONE}  shown
  2  a wrong option or argument
  {REFUSED}  the file is not a plan, or was altered since it was written"""


@click.command(epilog=_SHOW_CODES, short_help="Show a plan that --plan-out wrote.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file as a page, too.")
@json_option("The plan as JSON: its works as they were seen, and as they are to be.")
def show(*, file: Path, html: Path | None, as_json_: bool) -> None:
    """Show the plan in FILE, which --plan-out wrote: what will happen to which works, planned by whom and why.

    No service is asked; `bucketsnb apply` asks it, and leaves alone what has changed since.
    """
    from bucketsnb.changes.loading import plan_to_look_at

    plan = plan_to_look_at(file)
    if html is not None:
        plan.to_html(html)
    if as_json_:
        works = [
            {"before": change.before and change.before.record, "after": change.after and change.after.record}
            for change in plan.changes
        ]
        names = ("summary", "verb", "url", "reason", "created_at", "expires_at", "query")
        facts = {name: getattr(plan, name) for name in names}
        emit(as_json({**facts, "notes": list(plan.notes), "works": works}))
    else:
        emit(fitted(str(plan)))
    if time.time() > plan.expires_at:
        say("It has expired, and will be refused: write it again.")


@click.command(epilog=TABLE, short_help="Carry out a plan that --plan-out wrote, after asking.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@url_option
@rate_option
@answer_options
def apply(*, file: Path, url: str | None, **asking: Any) -> None:
    """Carry out the plan in FILE, which --plan-out wrote: shown, asked about, and done once.

    Works that have changed since the plan was made are left alone. It is refused on another service, when it has
    expired, when it was altered, and when it was applied before.
    """
    buckets = client(url)
    carry_out(buckets, buckets.load_plan(file), **asking)


@click.command(epilog=READING, short_help="What was changed from this account.")
@click.option("--limit", "-n", type=click.IntRange(0), default=20, show_default=True, help="The newest; 0: all.")
@json_option("Every column, as a JSON array of objects.")
def journal(*, limit: int, as_json_: bool) -> None:
    """List the changes made from this account, newest first; an entry is what `bucketsnb undo` wants."""
    from bucketsnb.changes.journal import Journal, journal_frame

    frame = journal_frame(Journal(), limit or None)
    if as_json_:
        emit(as_json(json.loads(frame.to_json(orient="records", date_format="iso"))))
    else:
        emit(as_table(frame, _JOURNAL_COLUMNS))


@click.command(epilog=TABLE, short_help="Put back what an entry of the journal changed.")
@click.argument("entry")
@url_option
@click.option("--allow-other-host", is_flag=True, help="Accept an entry made with another address of the service.")
@answer_options
def undo(*, entry: str, url: str | None, allow_other_host: bool, **asking: Any) -> None:
    """Put works back as they were before ENTRY, where nobody else has moved them since.

    `bucketsnb journal` lists the entries.
    """
    buckets = client(url)
    carry_out(buckets, buckets.plan_undo(entry, allow_other_host=allow_other_host), **asking)
