"""Plans, receipts and refusals as the page says them: data of plain texts, never markup, bounded in size."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from bucketsnb.changes.drawing import by_count
from bucketsnb.changes.plan import CellsPlan, Plan, Reason, UndoPlan
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.snapshot import WorkSnapshot, described, shown
from bucketsnb.changes.verbs.deposit import DepositPlan
from bucketsnb.confirm import word_to_type
from bucketsnb.display.texts import age, count_of, join_truncated, truncate
from bucketsnb.errors import Cure, ScopeRefused
from bucketsnb.widgets.core.messages import advice, in_page_words

__all__ = ["is_blocked", "question_of", "receipt_of", "refusal_of", "summary_in_page_words"]

ROWS = 100
"""Rows of a list that are shown."""
CELL = 120
_OUTCOMES = {
    Outcome.DRIFTED: "changed meanwhile and left alone",
    Outcome.GONE: "no longer there",
    Outcome.STILL_THERE: "still there",
    Outcome.REFUSED: "refused by the service",
    Outcome.NOT_SENT: "not sent",
    Outcome.UNKNOWN: "with an unknown outcome",
}

_DONE = {"audit": "changed by the check-up"}
"""What was done, in plainer words than those of the plan."""

Facts = dict[str, Any]


def question_of(plan: Plan, title: str = "", columns: Sequence[str] = (), warnings: Sequence[str] = ()) -> Facts:
    """Return a plan as a question: what will happen, to which works, and what to know before.

    Its title may be another than all plans of its kind have, and its list have columns of its own: paths of fields.
    """
    return {
        "title": truncate(title or _title_of(plan), 400),
        "facts": [fact for fact in _facts(plan) if fact],
        "warnings": [*(truncate(text, 400) for text in _warnings(plan)), *warnings],
        "list": _list_of(plan, columns),
        "word": word_to_type(plan),
        "danger": plan.removes,
        "expires_in": plan.expires_at - time.time() if plan.expires_at != float("inf") else None,
    }


def _title_of(plan: Plan) -> str:
    if is_blocked(plan):
        rows = len({problem.row for problem in plan.bad})
        have = "has" if rows == 1 else "have"
        return f"{count_of(rows, 'row')} {have} mistakes, so nothing will be sent. Correct them, or leave them out."
    if isinstance(plan, UndoPlan):  # without the id of the entry
        what = plan.summary.removeprefix(f"Undo {plan.undoes}: ")
        return what[:1].upper() + what[1:]
    if plan.verb == "audit":
        return f"Run the check-up: change {count_of(plan.count, 'work')} on {plan.host}"
    if plan.verb == "withdraw" and not plan.count:
        return "No queued work matches: nothing to claim"
    return summary_in_page_words(plan.summary)


def summary_in_page_words(summary: str) -> str:
    """Return what a plan does, with the word on its button: Claim for Withdraw, Change for Update."""
    verb, space, rest = summary.partition(" ")
    return {"Withdraw": "Claim", "Update": "Change"}.get(verb, verb) + space + rest


def _facts(plan: Plan) -> list[str]:
    works = [] if isinstance(plan, DepositPlan) else plan.works
    have = sum(left.reason is Reason.AS_ASKED for left in plan.left_out)
    # Queued works that ran before: their age is not the time that they have waited.
    tried = sum(work.status == "queued" and bool(work.record.get("attempt")) for work in works)
    pipelines = [work.pipeline for work in plan.works]
    return [
        *(_cells(plan) if isinstance(plan, CellsPlan) else []),
        f"{have:,} more already {'has' if have == 1 else 'have'} it" if have else "",
        by_count(work.status for work in works),
        f"{tried:,} requeued after an attempt" if tried else "",
        by_count(work.site for work in works),
        f"{ages} old" if (ages := _ages(works, plan.created_at)) else "",
        by_count(pipelines) if len(set(map(str, pipelines))) > 1 else "",
    ]


def _cells(plan: CellsPlan, most: int = 4) -> list[str]:
    """Return which fields change, and how; equal changes are counted together."""
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
    return young if young == old else f"{young} to {old}"


def _warnings(plan: Plan) -> Iterable[str]:
    if is_blocked(plan):
        return  # the list says what is wrong, and nothing will be sent
    if plan.running:
        are = "is" if plan.running == 1 else "are"
        yield f"{count_of(plan.running, 'work')} {are} running, and a worker may be busy with them."
    left_out = [left.why for left in plan.left_out if left.reason is not Reason.AS_ASKED]
    if left_out:
        yield f"{count_of(len(left_out), 'work')} left out: {by_count(left_out)}."
    if isinstance(plan, DepositPlan) and plan.bad:
        rows = len({problem.row for problem in plan.bad})
        yield f"{count_of(rows, 'row')} cannot be sent and will be left out."
    yield from map(in_page_words, plan.notes)
    if plan.verb == "undo":
        yield "Works that somebody else has moved since are left alone."


def is_blocked(plan: Plan) -> TypeGuard[DepositPlan]:
    """Return whether rows with mistakes keep a whole deposit back."""
    return isinstance(plan, DepositPlan) and bool(plan.bad) and not plan.skip_bad


def _list_of(plan: Plan, columns: Sequence[str]) -> Facts:
    rows: Sequence[Sequence[Any]]
    if is_blocked(plan):
        rows = [
            (f"row {row + 1}" if line is None else f"line {line}", name, problem)
            for row, name, problem, line in plan.bad
        ]
        return _table("What is wrong", ("where", "field", "problem"), rows, open_=True)
    if columns:
        rows = [[_at(work.record, name) for name in columns] for work in plan.works]
    elif isinstance(plan, CellsPlan) and plan.changes_cells:
        columns = ("id", "pipeline", "what changes")
        rows = [(change.id, change.work.pipeline, described(change.cells)) for change in plan.changes]
    else:
        columns, now = ("id", "pipeline", "status", "site", "age"), plan.created_at
        rows = [(work.id, work.pipeline, work.status, work.site, _ages([work], now)) for work in plan.works]
    return _table(f"the {count_of(len(rows), 'work')}", columns, rows)


def _at(record: Any, path: str) -> Any:
    """Return the value at a dotted path, as text; None if there is none."""
    for part in path.split("."):
        record = record.get(part) if isinstance(record, Mapping) else None
    if isinstance(record, list) and not any(isinstance(part, list | dict) for part in record):
        return join_truncated(record, most=20)
    return record if record is None or isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], *, open_: bool = False) -> Facts:
    """Return a table that the page folds under its title: the first rows, and the number of others."""
    drawn = [["" if cell is None else truncate(cell, CELL) for cell in row] for row in rows[:ROWS]]
    more = f"and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    return {"title": title, "headers": list(headers), "rows": drawn, "more": more, "open": open_}


def receipt_of(receipt: Receipt) -> Facts:
    """Return the result of a change, in words of the page."""
    done, counts = _DONE.get(receipt.verb, receipt.plan.done_word), receipt.counts
    others = [work for work in receipt.results if work.outcome is not Outcome.DONE]
    rows = [(work.id or "", _OUTCOMES[work.outcome], work.detail) for work in others] or [
        (work.id or work.new_id or "", done, work.detail or work.new_id or "") for work in receipt.results
    ]
    return {
        "ok": receipt.ok,
        "title": _past(receipt, done),
        "facts": [f"{counts[outcome]:,} {words}" for outcome, words in _OUTCOMES.items() if counts[outcome]],
        "warnings": [truncate(in_page_words(note), 400) for note in receipt.notes],
        "list": _table("details", ("id", "outcome", "detail"), rows),
        "asked": truncate(receipt.asked, 400),
        "entry": receipt.entry,
    }


def _past(receipt: Receipt, word: str) -> str:
    done = receipt.counts["done"] + (receipt.counts["gone"] if receipt.plan.removes else 0)
    if not done:
        return f"Nothing was {word if receipt.results else 'changed'}"
    of = f" of {len(receipt.results):,}" if done < len(receipt.results) else ""
    return f"{done:,}{of} {'work' if len(receipt.results) == 1 else 'works'} {word}"


def refusal_of(error: ScopeRefused) -> Facts:
    """Return a refusal in words of the page, with its remedies: the buttons, by name."""
    count, running = error.count or 0, len(error.running)
    remedies: dict[str, str] = {}
    if error.cure is Cure.ALLOW_RUNNING:
        are = "is" if running == 1 else "are"
        busy = f"a worker may be busy with {'it' if running == 1 else 'them'}."
        text = f"{running:,} of {count_of(count, 'work')} to be changed {are} running: {busy}"
        remedies = {"leave_out": "Leave running works out"} if error.others else {}
        remedies["include"] = "Include running works"
    elif error.cure is Cure.RAISE_MAXIMUM:
        text = f"This would be about {count_of(count, 'work')}, more than you allowed at once."
        remedies = {"raise": f"Allow {count:,}"}
    elif error.cure is Cure.NAME_PIPELINES:
        text, remedies = "The filters name no pipeline, so this is about all pipelines.", {"all": "All pipelines"}
    else:
        text = truncate(f"{error.problem} {advice(error)}", 400)
    return {"text": text, "remedies": [{"name": name, "label": label} for name, label in remedies.items()]}
