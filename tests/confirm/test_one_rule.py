"""The panel, the question of ``delete_many`` and the command line want the number of works typed by one rule."""

from __future__ import annotations

from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.cli import carry_out
from bucketsnb.confirm import Confirmation, word_to_type
from bucketsnb.widgets.parts.wording import question_of
from tests.factory import make_works


def plan_of(backend: LocalBackend, buckets: Buckets, case: str) -> Any:
    number, status = {"101": (101, "failure"), "100": (100, "failure"), "running": (1, "running")}.get(
        case, (101, "failure")
    )
    backend.store.load(make_works(number, pipeline="fitburst", status=status))
    plan = buckets.plan_delete(pipeline="fitburst", allow_running=True)
    return buckets.plan_undo(plan.apply().entry) if case == "undo" else plan


@pytest.mark.parametrize(
    ("case", "word"), [("100", None), ("101", "101"), ("running", "1"), ("undo", None)], ids=lambda value: str(value)
)
def test_what_has_to_be_typed_is_the_same_everywhere(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, case: str, word: str | None
) -> None:
    plan = plan_of(backend, buckets, case)
    assert word_to_type(plan) == word
    assert question_of(plan)["word"] == word

    asked: list[str] = []
    monkeypatch.setattr(carry_out, "at_a_terminal", lambda: True)
    monkeypatch.setattr(carry_out.click, "prompt", lambda text, **_: asked.append(text) or "no")
    with pytest.raises(SystemExit):
        carry_out.applied(buckets, plan, yes=False)
    assert asked == [f"Type {word or 'yes'} to go on"]

    question = Confirmation(plan)
    assert question.yes("nonsense") is (word is None)
    if word is None:
        assert question.wait(60)
