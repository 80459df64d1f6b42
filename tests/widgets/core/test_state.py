from __future__ import annotations

import threading

import pandas as pd
import pytest

from bucketsnb.widgets.core.state import State


def test_setting_a_fact_tells_its_observers_and_no_others():
    state = State()
    told: list[object] = []
    state.observe("selection", told.append)
    state.observe("plan", lambda plan: told.append(("plan", plan)))
    state.selection = ("a",)
    assert told == [("a",)]


def test_the_same_selection_again_tells_nobody():
    state = State()
    told: list[object] = []
    state.selection = ("a", "b")
    state.observe("selection", told.append)
    state.selection = ("a", "b")
    assert told == []


def test_frames_are_compared_by_identity_because_comparing_them_is_slow():
    state = State()
    told: list[object] = []
    frame = pd.DataFrame({"id": ["a"]})
    state.frame = frame
    state.observe("frame", told.append)
    state.frame = frame
    state.frame = frame.copy()
    assert len(told) == 1


def test_an_observer_that_left_is_not_told():
    state = State()
    told: list[object] = []
    off = state.observe("receipt", told.append)
    off()
    off()
    state.receipt = object()
    assert told == []


def test_a_fact_that_does_not_exist_cannot_be_observed():
    with pytest.raises(KeyError):
        State().observe("stats", print)


def test_two_states_share_nothing():
    one, other = State(), State()
    one.selection = ("a",)
    assert other.selection == ()


def test_a_plan_arms_the_state():
    state = State()
    assert not state.armed
    state.plan = object()
    assert state.armed


def test_facts_change_under_the_lock():
    state = State()
    free: list[bool] = []

    def look(_: object) -> None:
        other = threading.Thread(target=lambda: free.append(state.lock.acquire(blocking=False)))
        other.start()
        other.join()

    state.observe("plan", look)
    state.plan = object()
    assert free == [False]
