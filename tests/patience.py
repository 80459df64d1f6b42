"""Wait for what threads, processes and services do, without guessing how long a busy machine takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 60.0
"""Seconds after which something counts as hung."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Tell what ends by itself from what hangs: give ten times as long as it takes, and no more."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds, "that is no busy machine, that is a hang"


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Return as soon as it is true; fail when it has not become so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)
