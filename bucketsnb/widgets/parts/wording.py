"""Plans, receipts and refusals as the page says them: data of plain texts, never markup, bounded in size."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bucketsnb.changes.drawing import by_count
from bucketsnb.changes.plan import CellsPlan, Plan, Reason, UndoPlan
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.snapshot import WorkSnapshot, described, shown
from bucketsnb.changes.verbs.deposit import DepositPlan
from bucketsnb.display.texts import age, count_of, join_truncated, truncate
from bucketsnb.errors import ScopeReason, ScopeRefused
from bucketsnb.widgets.core.advice import advice, in_page_words

__all__ = ["past", "question_of", "receipt_of", "refusal_of", "undo_title", "undo_warning"]

ROWS = 100
"""Rows of a list that the page shows."""
CELL = 120
_OUTCOMES = {
    Outcome.DRIFTED: "changed meanwhile and left alone",
    Outcome.GONE: "no longer there",
    Outcome.STILL_THERE: "still there",
    Outcome.REFUSED: "refused by the service",
    Outcome.NOT_SENT: "not sent",
    Outcome.UNKNOWN: "with an unknown outcome",
}

Facts = dict[str, Any]


def past(receipt: Receipt) -> str:
    """Return what was done to the works of a receipt, as one word or a few."""
    return "changed by the check-up" if receipt.verb == "audit" else receipt.done_word


def question_of(plan: Plan, title: str = "", columns: Sequence[str] = ()) -> Facts:
    """Return a plan as a question: what will happen, to which works, and what to know before.

    Parameters
    ----------
    plan
        The plan.
    title
        What will happen, in other words than the plan's own.
    columns
        Fields of the works that are listed, as paths with dots between; empty for the usual ones.
    """
    return {
        "title": truncate(title or plan.summary, 400),
        "facts": [fact for fact in _facts(plan) if fact],
        "warnings": [truncate(text, 400) for text in _warnings(plan)],
        "list": _list_of(plan, columns),
        "yes": truncate(title or plan.summary, 300),
        "expires_in": plan.expires_at - time.time() if plan.expires_at != float("inf") else None,
    }


def _facts(plan: Plan) -> list[str]:
    works = [] if isinstance(plan, DepositPlan) else plan.works
    have = sum(left.reason is Reason.AS_ASKED for left in plan.left_out)
    return [
        *(_cells(plan) if isinstance(plan, CellsPlan) else []),
        f"{have:,} more already {'has' if have == 1 else 'have'} it" if have else "",
        by_count(work.status for work in works),
        _tried(works),
        by_count(work.site for work in works),
        _ages(works, plan.created_at),
        _by_pipeline(plan),
    ]


def _tried(works: Sequence[WorkSnapshot]) -> str:
    """Say how many of the works that wait had their turn before: their age is not the time they have waited."""
    tried = sum(work.status == "queued" and bool(work.record.get("attempt")) for work in works)
    return f"{tried:,} requeued after an attempt" if tried else ""


def _by_pipeline(plan: Plan) -> str:
    pipelines = {str(work.pipeline) for work in plan.works}
    return by_count(work.pipeline for work in plan.works) if len(pipelines) > 1 else ""


def _cells(plan: CellsPlan, most: int = 4) -> list[str]:
    """Say which fields change, and how; equal changes are counted together."""
    kinds = Counter(
        (path, shown(old), shown(new)) for change in plan.changes for path, old, new in change.cells
    ).most_common()
    texts = [
        f"{path}: {truncate(old, 60)} → {truncate(new, 60)} ({number:,})" for (path, old, new), number in kinds[:most]
    ]
    return [*texts, f"and {len(kinds) - most:,} more kinds of changes"] if len(kinds) > most else texts


def _ages(works: Sequence[WorkSnapshot], now: float) -> str:
    times = [work.creation for work in works if isinstance(work.creation, int | float)]
    if not times:
        return ""
    young, old = age(max(now - max(times), 0)), age(max(now - min(times), 0))
    return f"{young} old" if young == old else f"{young} to {old} old"


def _warnings(plan: Plan) -> Iterable[str]:
    if _blocked(plan):
        return  # the list says what is wrong, and nothing will happen that one should know more about
    if plan.running:
        are = "is" if plan.running == 1 else "are"
        yield f"{count_of(plan.running, 'work')} {are} running, and a worker may be busy with them."
    left_out = [left.why for left in plan.left_out if left.reason is not Reason.AS_ASKED]
    if left_out:
        yield f"{count_of(len(left_out), 'work')} left out: {by_count(left_out)}."
    if isinstance(plan, DepositPlan) and plan.bad:
        rows = len({row for row, _, _ in plan.bad})
        yield f"{count_of(rows, 'row')} cannot be sent and will be left out."
    yield from map(in_page_words, plan.notes)


def _blocked(plan: Plan) -> bool:
    """Tell whether rows with mistakes keep all of a deposit back."""
    return isinstance(plan, DepositPlan) and bool(plan.bad) and not plan.skip_bad


def undo_title(plan: Plan) -> str:
    """Return what a plan does, without the id of the entry that it takes back."""
    if not isinstance(plan, UndoPlan):
        return str(plan.summary)
    what = plan.summary.removeprefix(f"Undo {plan.undoes}: ")
    return what[:1].upper() + what[1:]


def undo_warning(plan: Plan) -> str:
    """Return what one should know before a change is taken back."""
    return "Works that somebody else has moved since are left alone." if plan.verb == "undo" else ""


def _list_of(plan: Plan, columns: Sequence[str]) -> Facts:
    if isinstance(plan, DepositPlan) and _blocked(plan):
        rows = [(_place(plan, row), name, problem) for row, name, problem in plan.bad]
        return _table("What is wrong", ("where", "field", "problem"), rows, open_=True)
    if columns:
        own = [[_at(work.record, name) for name in columns] for work in plan.works]
        return _table(f"the {count_of(len(own), 'work')}", columns, own)
    if isinstance(plan, CellsPlan) and plan.changes_cells:
        changes = [(change.id, change.work.pipeline, described(change.cells)) for change in plan.changes]
        return _table(f"the {count_of(len(changes), 'work')}", ("id", "pipeline", "what changes"), changes)
    now = plan.created_at
    works = [(work.id or "", work.pipeline, work.status, work.site, _ages([work], now)) for work in plan.works]
    return _table(f"the {count_of(len(works), 'work')}", ("id", "pipeline", "status", "site", "age"), works)


def _place(plan: DepositPlan, row: int) -> str:
    """Say where a row stands: its line in the text it was read from, or its number."""
    return f"line {plan.lines[row]}" if row in plan.lines else f"row {row + 1}"


def _at(record: Any, path: str) -> Any:
    """Return what is at a path with dots between, as text; None where there is nothing."""
    for part in path.split("."):
        record = record.get(part) if isinstance(record, Mapping) else None
    if isinstance(record, list) and not any(isinstance(one, list | dict) for one in record):
        return join_truncated(record, most=20)
    return record if record is None or isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], *, open_: bool = False) -> Facts:
    """Return a table that the page folds under its title; with the first rows, and how many more there are."""
    drawn = [["" if cell is None else truncate(cell, CELL) for cell in row] for row in rows[:ROWS]]
    more = f"and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    return {"title": title, "headers": list(headers), "rows": drawn, "more": more, "open": open_}


def receipt_of(receipt: Receipt) -> Facts:
    """Return what became of a change, as the page says it."""
    others = {outcome: receipt.counts[outcome.value] for outcome in _OUTCOMES}
    rows = [
        (result.id or "", _OUTCOMES[result.outcome], result.detail)
        for result in receipt.results
        if result.outcome is not Outcome.DONE
    ]
    if not rows:
        rows = [
            (result.id or result.new_id or "", past(receipt), result.detail or result.new_id or "")
            for result in receipt.results
        ]
    return {
        "ok": receipt.ok,
        "title": _done(receipt),
        "facts": [f"{number:,} {_OUTCOMES[outcome]}" for outcome, number in others.items() if number],
        "warnings": [truncate(in_page_words(note), 400) for note in receipt.notes],
        "list": _table("details", ("id", "outcome", "detail"), rows),
        "asked": truncate(receipt.asked, 400),
        "entry": receipt.entry,
    }


def _done(receipt: Receipt) -> str:
    if not receipt.results:
        return "Nothing was changed"
    done = receipt.counts["done"] + (receipt.counts["gone"] if receipt.removes else 0)
    if not done:
        return f"Nothing was {past(receipt)}"
    of = f" of {len(receipt.results):,}" if done < len(receipt.results) else ""
    return f"{done:,}{of} {'work' if len(receipt.results) == 1 else 'works'} {past(receipt)}"


def refusal_of(error: ScopeRefused) -> Facts:
    """Return a refusal in words of the page, with its remedies: what to press, by name."""
    count = error.count or 0
    if error.reason is ScopeReason.RUNNING:
        running = len(error.running)
        which = f"{running:,} of" if running < count else "All" if running > 1 else "The"
        works = count_of(count, "work") if count > 1 else "work"
        text = f"{which} {works} to be changed {'is' if running == 1 else 'are'} running"
        leave = [("leave_out", "Leave them out" if running > 1 else "Leave it out")] if error.others else []
        remedies = [*leave, ("include", "Include them" if running > 1 else "Include it")]
        return _refusal(f"{text}, and a worker may be busy with {'them' if running > 1 else 'it'}.", remedies)
    if error.reason is ScopeReason.TOO_MANY:
        text = f"This would be about {count_of(count, 'work')}, more than you allowed at once."
        return _refusal(text, [("raise", f"Allow {count:,}")])
    if error.reason is ScopeReason.EVERY_PIPELINE:
        return _refusal("The filters name no pipeline, so this is about all pipelines.", [("all", "All pipelines")])
    return _refusal(truncate(f"{error.problem} {advice(error)}", 400), [])


def _refusal(text: str, remedies: Sequence[tuple[str, str]]) -> Facts:
    return {"text": text, "remedies": [{"name": name, "label": label} for name, label in remedies]}
