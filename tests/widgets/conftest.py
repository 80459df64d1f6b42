"""Panels under test are closed, and leave no widget and no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import ipywidgets
import pytest

from tests.widgets.page import Sent


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Close what a test opened; a thread that outlives that fails the test."""
    before = set(threading.enumerate())
    yield
    for widget in [one for one in _widgets() if type(one).__module__.startswith("bucketsnb")]:
        widget.close()
    ipywidgets.Widget.close_all()
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("bucketsnb ")]
    assert left == []


def _widgets() -> list[ipywidgets.Widget]:
    return list(ipywidgets.widgets.widget._instances.values())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Keep what the front ends are sent."""
    return Sent(monkeypatch)
