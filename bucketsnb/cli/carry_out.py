"""What the commands that change works share: their options, the question, the receipt and the exit code."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bucketsnb.cli.exits import DONE, FAILED, NOTHING_MATCHED, PARTLY_DONE, REFUSED
from bucketsnb.cli.options import client, json_option, options, say_unknown_pipelines, works_from
from bucketsnb.cli.output import as_json, emit, emit_result, fitted, records_of, say
from bucketsnb.errors import ConfirmationNeeded
from bucketsnb.settings import MAX_AFFECTED

if TYPE_CHECKING:
    from bucketsnb.changes.plan import Plan
    from bucketsnb.changes.receipt import Receipt
    from bucketsnb.client import Buckets

__all__ = [
    "NOTHING_QUEUED",
    "answer_options",
    "applied",
    "asking_options",
    "at_a_terminal",
    "carry_out",
    "change_options",
    "change_works",
    "finish",
    "max_affected_option",
    "plan_options",
    "rate_option",
]

max_affected_option = click.option(
    "--max-affected", type=click.IntRange(1), default=MAX_AFFECTED, show_default=True, help="Refuse more works."
)

rate_option = click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Works a second at most; as fast as it goes by default."
)

answer_options = options(
    click.option("--yes", "-y", is_flag=True, help="Do not ask."), json_option("The receipt as JSON, on stdout.")
)
"""Options of every command that changes works: whether to ask, and how to show the receipt."""

asking_options = options(click.option("--reason", default="", help="Why; kept in the journal."), answer_options)
"""Options of every change that can have a reason of its own."""

plan_options = options(
    rate_option,
    click.option(
        "--plan-out",
        metavar="FILE",
        type=click.Path(dir_okay=False, writable=True),
        help="Only write the plan to this file, for `bucketsnb show` and `bucketsnb apply`.",
    ),
    asking_options,
)
"""Options of every change whose plan can be written to a file."""

change_options = options(
    max_affected_option,
    click.option("--allow-all", is_flag=True, help="Accept a query that names no pipeline."),
    click.option("--allow-running", is_flag=True, help="Accept works that are running."),
    plan_options,
)
"""Options of every change of works that match a query."""


NOTHING_QUEUED = "nothing is queued that matches"

_NOTHING = {
    "withdraw": NOTHING_QUEUED,
    "deposit": "there is no work to deposit",
    "audit": "an audit would change nothing",
}
"""Message for an empty plan, by its verb."""


def change_works(plan_of: Callable[[Buckets], Callable[..., Plan]], given: dict[str, Any], **settings: Any) -> NoReturn:
    """Plan a change with a method of a client, from the options of a command; then show it, ask, and carry it out."""
    url, clock = given.pop("url"), given.pop("clock")
    asking = {name: given.pop(name) for name in ("yes", "as_json_", "rate", "plan_out")}
    limits = {name: given.pop(name) for name in ("reason", "allow_running", "max_affected")}
    which, allow_all = works_from(given, allow_all=given.pop("allow_all"))
    buckets = client(url, clock=clock)
    carry_out(buckets, plan_of(buckets)(which, allow_all=allow_all, **limits, **settings), **asking)


def carry_out(
    buckets: Buckets, plan: Plan, *, yes: bool, as_json_: bool, rate: float | None = None, plan_out: str | None = None
) -> NoReturn:
    """Show a plan, ask, apply it, show the receipt, and exit with its code; or only write the plan to a file."""
    if plan_out is not None and plan.count:
        _save(plan, plan_out, as_json_=as_json_)
    receipt = applied(buckets, plan, yes=yes, rate=rate)
    if receipt is None:
        if as_json_:
            emit_result(_as_json(plan.apply()))  # no request, as there is nothing to do
        sys.exit(NOTHING_MATCHED)
    finish(receipt, as_json_=as_json_)


def _save(plan: Plan, path: str, *, as_json_: bool) -> NoReturn:
    plan.save(path)
    if as_json_:
        emit(as_json({"plan": path, "summary": plan.summary, "ids": plan.ids}))
    else:
        emit(fitted(str(plan)))
    commands = f"To look: bucketsnb show {path}; to do it: bucketsnb apply {path}"
    say(fitted(f"Written to {path}; nothing was changed. {commands}"))
    sys.exit(DONE)


def applied(buckets: Buckets, plan: Plan, *, yes: bool, rate: float | None = None) -> Receipt | None:
    """Show a plan and ask, unless `yes` is given, and apply it; return None, with a message, if there is nothing to do.

    If the answer is no, the command exits. ConfirmationNeeded is raised if there is no terminal to ask in.
    """
    if not plan.count:
        _say_nothing_changed(buckets, plan)
        return None
    if not yes:
        _ask(plan)
    try:
        with _until_interrupted() as cancel:
            return plan.apply(cancel=cancel, rate=rate)
    except KeyboardInterrupt as stop:
        stop.args = _journal_hint(plan)
        raise


def _say_nothing_changed(buckets: Buckets, plan: Plan) -> None:
    from bucketsnb.changes import drawing
    from bucketsnb.query import Query

    nothing = _NOTHING.get(plan.verb, "nothing matched")
    left = drawing.by_count(work.why for work in plan.left_out)
    say(fitted(f"bucketsnb: {nothing}, so nothing was changed{f'; left out: {left}' if left else ''}"))
    say_unknown_pipelines(buckets, Query.parse(json.loads(plan.query)).pipelines if plan.query else None)


def _ask(plan: Plan) -> None:
    from bucketsnb.confirm import is_yes, question, what_to_type

    if not at_a_terminal():
        raise ConfirmationNeeded(
            f"{plan.summary}: nobody is here to confirm it, so nothing was done; --yes is for scripts"
        )
    click.echo(fitted(f"{plan}\n\n{question(plan)}"), err=True)
    if not is_yes(plan, click.prompt(what_to_type(plan), default="no", err=True)):
        click.echo("Nothing was done.", err=True)
        sys.exit(REFUSED)


def at_a_terminal() -> bool:
    """Return whether stdin is a terminal, where a person can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """Let a first Ctrl-C stop before the next chunk, so that there is a receipt; a second one stops at once."""
    cancel = threading.Event()

    def stop(*_: object) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        say("Stopping after the works under way; Ctrl-C again to stop at once.")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def _journal_hint(plan: Plan) -> tuple[str, ...]:
    """Return the message of a second Ctrl-C, after which there is no receipt: where the journal has the change."""
    receipt = plan.receipt
    if receipt is None or not receipt.entry:
        return ()
    undoes = getattr(plan, "undoes", "")
    recorded = f"{receipt.summary}. It is in the journal as {receipt.entry}"
    if undoes:
        return (f"{recorded}; `bucketsnb undo {undoes}` goes on with it.",)
    changed = receipt.counts["done"] or receipt.counts["unknown"]
    return (f"{recorded}; `bucketsnb undo {receipt.entry}` puts back what was done." if changed else f"{recorded}.",)


def finish(receipt: Receipt, *, as_json_: bool) -> NoReturn:
    """Show the receipt, and exit with its code, even if the output cannot be written."""
    done, unknown = receipt.counts["done"], receipt.counts["unknown"]
    # A withdrawal whose outcome is unknown cannot be undone.
    if receipt.entry and receipt.verb != "undo" and (done or (unknown and receipt.verb != "withdraw")):
        say(f"To take it back: bucketsnb undo {receipt.entry}")
    emit_result(_as_json(receipt) if as_json_ else fitted(str(receipt)))
    if receipt.ok:
        sys.exit(DONE)
    sys.exit(FAILED if receipt.errors and not done else PARTLY_DONE)


def _as_json(receipt: Receipt) -> str:
    facts = {name: getattr(receipt, name) for name in ("summary", "ok", "counts", "entry")}
    return as_json({**facts, "problems": list(map(str, receipt.errors)), "works": records_of(receipt.frame)})
