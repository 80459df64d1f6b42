"""Send several reads at the same time; an interruption ends the wait at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

__all__ = ["ask_together"]

T = TypeVar("T")
V = TypeVar("V")


AT_ONCE = 32
"""Requests under way at the same time: as many as the connections that are kept alive, so that a refresh opens none;
most services have fewer pipelines. More would wait for this side's processor, and press a service that is slow because
it is busy."""


def ask_together(ask: Callable[[V], T], values: Sequence[V], most: int = AT_ONCE) -> list[T]:
    """Ask about each value, at most so many at a time; the answers are in the order of the values.

    An interruption does not wait for requests under way: no more are sent, and their threads end with them. No more are
    sent either after an error, which is raised.

    Examples
    --------
    >>> ask_together(str, [1, 2, 3], most=2)
    ['1', '2', '3']
    """
    if len(values) < 2:
        return [ask(value) for value in values]
    waiting = deque(enumerate(values))
    answers: dict[int, T] = {}
    errors: list[Exception] = []

    def work() -> None:
        with suppress(IndexError):
            while not errors:
                place, value = waiting.popleft()
                try:
                    answers[place] = ask(value)
                except Exception as error:  # noqa: BLE001 - raised again where it can be met
                    errors.append(error)

    threads = [threading.Thread(target=work, name="bucketsnb-read", daemon=True) for _ in values[:most]]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        waiting.clear()
    if errors:
        raise errors[0]
    return [answers[place] for place in range(len(values))]
