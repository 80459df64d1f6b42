"""The one loop that looks at what came of a request: pause, look, judge."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from bucketsnb.changes import guarded
from bucketsnb.changes.guarded import look_until
from bucketsnb.errors import NoAnswer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    monkeypatch.setattr(guarded, "PAUSES", (0.0, 1.0, 2.0))
    monkeypatch.setattr(guarded, "LOST_PAUSES", (0.0, 4.0, 8.0, 16.0))
    return taken


def execution() -> Any:
    return SimpleNamespace(errors=[])


def test_looking_ends_when_nothing_is_left(pauses: list[float]) -> None:
    looked: list[list[int]] = []

    def judge(left: list[int]) -> list[int]:
        looked.append(left)
        return left[1:]

    assert look_until(execution(), [7, 9], judge) == []
    assert (looked, pauses) == ([[7, 9], [9]], [0.0, 1.0])


@pytest.mark.parametrize(("lost", "waited"), [(False, [0.0, 1.0, 2.0]), (True, [0.0, 4.0, 8.0, 16.0])])
def test_what_is_not_found_is_left_after_the_last_pause(pauses: list[float], lost: bool, waited: list[float]) -> None:
    assert look_until(execution(), [7, 9], lambda left: left, lost=lost) == [7, 9]
    assert pauses == waited


def test_nothing_to_look_for_takes_no_look(pauses: list[float]) -> None:
    assert look_until(execution(), [], lambda left: pytest.fail("looked")) == []
    assert pauses == []


def test_an_error_on_looking_is_kept_and_ends_it(pauses: list[float]) -> None:
    one, error = execution(), NoAnswer("gone", method="POST", path="/view", url="http://here")

    def judge(left: list[int]) -> list[int]:
        raise error

    assert look_until(one, [7], judge) == [7]
    assert (one.errors, pauses) == ([error], [0.0])
