"""Reads side by side: answers in order, the first error, and no wait for the rest."""

from __future__ import annotations

import threading

import pytest

from bucketsnb.api import ask_together


def test_answers_are_in_the_order_of_the_values() -> None:
    both = threading.Barrier(2, timeout=30)

    def ask(value: int) -> int:
        both.wait()  # passes only if two are asked at once
        return -value

    assert ask_together(ask, list(range(8)), most=2) == [0, -1, -2, -3, -4, -5, -6, -7]
    assert ask_together(ask, [], most=2) == []


def test_an_error_ends_it() -> None:
    asked = []

    def ask(value: int) -> int:
        asked.append(value)
        raise LookupError(value)

    with pytest.raises(LookupError, match="0"):
        ask_together(ask, [0, 1, 2], most=1)
    assert asked == [0]


def test_an_interruption_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, free, ended, asked = threading.Event(), threading.Event(), threading.Event(), []

    def ask(value: int) -> None:
        asked.append(value)
        begun.set()
        free.wait(30)
        ended.set()

    class Stopped(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            assert begun.wait(30)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading, "Thread", Stopped)
    with pytest.raises(KeyboardInterrupt):
        ask_together(ask, [1, 2, 3], most=1)
    assert not ended.is_set()
    free.set()
    assert ended.wait(30)
    assert asked == [1]
