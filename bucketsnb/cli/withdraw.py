"""``bucketsnb withdraw``: claim one queued work, print it, and give one back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.changing import applied, asking_options, carry_out, finish
from bucketsnb.cli.exits import DONE, NOTHING_MATCHED, TABLE
from bucketsnb.cli.options import HELP, PRIORITY, pipeline_option, url_option, what_was_given
from bucketsnb.cli.output import as_json, emit_result, fitted, say
from bucketsnb.errors import PlanError

if TYPE_CHECKING:
    from bucketsnb.changes.plan import UndoPlan
    from bucketsnb.changes.receipt import Receipt
    from bucketsnb.client import Buckets

__all__ = ["command"]

_NOTHING = "nothing is queued that matches"


@click.command(context_settings=HELP, epilog=TABLE)
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
def command(*, url: str | None, give_back: str | None, reason: str, yes: bool, as_json_: bool, **filters: Any) -> None:
    """Claim one queued work as a worker does, and print it; with --json, as JSON.

    The work is yours then: it is "running" until --give-back, or until its timeout. The receipt is on stderr.
    """
    from bucketsnb.client import Buckets

    given = {name: _as_list(value) for name, value in what_was_given(filters).items()}
    if give_back is not None and given:
        raise click.UsageError("--give-back takes the entry of the claim, and nothing else that names works")
    if give_back is None and "pipeline" not in given:
        raise click.UsageError("name a pipeline: --pipeline ...")
    with Buckets(url) as buckets:
        if give_back is not None:
            carry_out(buckets, _plan_to_give_back(buckets, give_back), yes=yes, as_json_=as_json_)
        receipt = applied(buckets, buckets.plan_withdraw(**given, reason=reason), yes=yes, nothing=_NOTHING)
        sys.exit(_show(buckets, receipt, as_json_=as_json_))


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plan_to_give_back(buckets: Buckets, entry: str) -> UndoPlan:
    from bucketsnb.changes.entry import read_entry
    from bucketsnb.changes.journal import Journal

    plan = buckets.plan_undo(entry)
    verb = read_entry(Journal(), entry).verb
    if verb != "withdraw":
        raise PlanError(f'{entry} is not a claim but "{verb}": `bucketsnb undo {entry}` takes it back')
    return plan


def _show(buckets: Buckets, receipt: Receipt | None, *, as_json_: bool) -> int:
    from bucketsnb.changes.receipt import Outcome
    from bucketsnb.frames import WorkView

    result = receipt.results[0] if receipt is not None else None
    if receipt is None or result is None or result.outcome is Outcome.GONE:
        if receipt is not None:
            say(f"bucketsnb: {_NOTHING} any more")
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
