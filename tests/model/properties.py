"""What holds of deposits and updates, whatever is in a row; each function judges one batch and counts what it met."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bucketsnb import Buckets
from bucketsnb.changes.undo import context_of
from bucketsnb.changes.verbs.update import UpdatePlan, plan_works
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELDS, PATHS, with_defaults

from .judge import Judge

STRICTER = {"site", "user", "creation", "start", "stop", "attempt", "retries"}
"""Fields of which more is asked than the public client asks: text that is not empty, and what a store can hold."""


_BEYOND_A_STORE = re.compile(r"\\u0000|[0-9]{19}")
"""A NUL, which no key of MongoDB has, and integers that may have more than 64 bits."""


def check_deposit(buckets: Buckets, judge: Judge, rows: Sequence[Any], met: Counter[str]) -> None:
    """Hold a plan of a deposit against the judge: what it takes is read as it is, what it refuses is named."""
    plan = buckets.plan_deposit(rows, skip_bad=True, max_affected=None)
    works = [change.after.record for change in plan.changes if change.after is not None]
    assert [fault for fault in judge.faults(works) if fault] == []
    bad = {problem.row for problem in plan.problems.itertuples()}
    assert len(works) + len(bad) == len(rows)
    for problem in plan.problems.itertuples():
        _is_named(problem.field, problem.problem, rows[problem.row])
    met["accepted"] += len(works)
    met["refused"] += len(bad)
    named = (re.sub(r"\[.*", "", problem.field) for problem in plan.problems.itertuples())
    met.update(f"problems of {path if path in PATHS else 'what is no field'}" for path in named)
    _count_stricter(judge, rows, plan.problems, met)


def check_updates(buckets: Buckets, judge: Judge, changes: Sequence[tuple[str, Any]], met: Counter[str]) -> None:
    """Hold updates of one field, or part of one, each against the judge: by frame, by id, and by value."""
    frame = buckets.view({})
    planned: list[dict[str, Any]] = []
    for name, value in changes:
        for plan in (_by_value,) if "." in name else (_by_frame, _by_works, _by_value):
            found = _planned(plan, buckets, frame, name, value)
            planned += found or []
            met["refused" if found is None else "accepted"] += 1
    assert [fault for fault in judge.faults(planned) if fault] == []


def _planned(
    plan: Callable[..., UpdatePlan], buckets: Buckets, frame: pd.DataFrame, name: str, value: Any
) -> list[dict[str, Any]] | None:
    try:
        return [change.after.record for change in plan(buckets, frame, name, value).changes if change.after]
    except WorkError as error:
        _is_named(error.field or "", str(error), {name: value})
        return None


def _by_frame(buckets: Buckets, frame: pd.DataFrame, name: str, value: Any) -> UpdatePlan:
    edited = frame.drop(columns="parent")
    edited[name] = pd.Series([value], index=frame.index, dtype=object)
    return buckets.plan_update(edited)


def _by_works(buckets: Buckets, frame: pd.DataFrame, name: str, value: Any) -> UpdatePlan:
    return plan_works(context_of(buckets.api), [{"id": frame.id.iloc[0], name: value}])


def _by_value(buckets: Buckets, frame: pd.DataFrame, name: str, value: Any) -> UpdatePlan:
    return buckets.plan_update(frame.id.tolist(), set={name: value})


def _is_named(field: str, text: str, row: Any) -> None:
    """A refusal names a field of the row, or one that it lacks, and says after a semicolon what would be right."""
    assert ";" in text, text
    if isinstance(row, Mapping):
        first = field.partition(".")[0].partition("[")[0]
        names = {*FIELDS, *(str(name).partition(".")[0] for name in row)}
        assert first in names or any(ascii(name)[:40] for name in row), (field, text)


def _count_stricter(judge: Judge, rows: Sequence[Any], problems: pd.DataFrame, met: Counter[str]) -> None:
    """See that what is refused would be refused by the client, or read as something else; but for a few fields."""
    refused = {}
    for place, found in problems.groupby("row"):
        row, fields = rows[int(place)], {field.partition(".")[0] for field in found.field}
        if isinstance(row, Mapping) and not fields & STRICTER and _is_json(row):
            refused[place] = with_defaults(row)
    faults = dict(zip(refused, judge.faults(list(refused.values())), strict=True))
    assert [(rows[place], problems[problems.row == place]) for place, fault in faults.items() if not fault] == []
    met["refused by the client too"] += len(refused)


def _is_json(row: Mapping[Any, Any]) -> bool:
    """Whether a row is JSON that a store can hold, and puts nothing into a mapping by a dotted name."""
    try:
        text = json.dumps(row, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError):
        return False
    if _BEYOND_A_STORE.search(text):
        return False
    return json.loads(text) == row and not any("." in name or name == "parent" for name in row)
