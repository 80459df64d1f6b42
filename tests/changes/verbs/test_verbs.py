"""The table of verbs: one module each, and all that undo and plan files know of them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from types import ModuleType

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes import execution, loading, service, undo
from bucketsnb.changes.execution import Context
from bucketsnb.changes.guarded import PutExecutor
from bucketsnb.changes.journal import Journal, read_entry
from bucketsnb.changes.plan import CellsPlan, Reason
from bucketsnb.changes.plan_file import SIDES
from bucketsnb.changes.targets import PlanLimits, resolve_targets
from bucketsnb.changes.undo import context_of
from bucketsnb.changes.verbs import VERBS
from bucketsnb.changes.verbs.base import Edits, Verb, new_plan
from tests.changes.helpers import PIPELINE, filled, stored


@pytest.mark.parametrize("module", [undo, loading, service, execution], ids=lambda module: module.__name__)
def test_what_serves_all_verbs_names_none_of_them(module: ModuleType) -> None:
    values = [node.value for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Constant)]
    assert [value for value in values if isinstance(value, str) and value in VERBS] == []


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_in_the_module_of_its_name_with_its_plan_and_its_plan_function(name: str) -> None:
    verb = VERBS[name]
    module = inspect.getmodule(type(verb))
    assert module is not None
    assert module.__name__ == f"bucketsnb.changes.verbs.{name}"
    assert (verb.plan.verb, verb.plan.__module__) == (name, module.__name__)
    assert callable(getattr(module, f"plan_{name}"))


def test_every_verb_that_can_be_saved_is_in_the_table() -> None:
    assert set(SIDES) < set(VERBS)


class FlagPlan(CellsPlan):
    verb = "flag"


class Flag(Verb):
    plan = FlagPlan


def plan_flag(context: Context, priority: int) -> FlagPlan:
    limits = PlanLimits()
    targets = resolve_targets(context.api, {"pipeline": PIPELINE}, limits)
    found = Edits()
    for work in targets.works:
        found.add(work, {"priority": priority})
    return new_plan(FlagPlan, context, PutExecutor(), found.changes, targets, "", limits)


def test_a_verb_that_is_added_to_the_table_is_undone_by_its_entry(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    table: Mapping[str, Verb] = {**VERBS, "flag": Flag()}
    monkeypatch.setattr(undo, "VERBS", table)
    filled(backend, 3)
    before = stored(buckets)
    receipt = plan_flag(context_of(buckets.api), 5).apply()
    assert {work["priority"] for work in stored(buckets).values()} == {5}
    assert buckets.undo(receipt.entry).ok
    assert stored(buckets) == before


def test_why_a_work_is_not_on_a_plan_is_data(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    same = buckets.plan_update(ids, set={"priority": 3})
    assert [left.reason for left in same.left_out] == [Reason.AS_ASKED] * 2
    entry = buckets.plan_delete(ids).apply().entry
    backend.store.load([read_entry(Journal(), entry).works[0].before or {}])
    assert [left.reason for left in buckets.plan_undo(entry).left_out] == [Reason.BACK_AGAIN]
