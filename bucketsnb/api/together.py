"""Send several reads at the same time; an interruption, such as Ctrl-C, ends the wait at once."""

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
"""Most requests at the same time: as many as the connections that are kept alive, so that a refresh opens no new ones.
Most services have fewer pipelines. More requests would wait for this machine's processor, and would slow a busy service
further."""


def ask_together(ask: Callable[[V], T], values: Sequence[V], most: int = AT_ONCE) -> list[T]:
    """Call `ask` with each value, in at most `most` threads; return the answers in the order of the values.

    After an error no more calls begin, and the first error is raised when the running calls have ended. An interruption
    waits for no call: no more begin, and each thread ends with its call.

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
                except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
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
