"""What the tests of changes stand on: a queue to change, and tries and looks that do not wait."""

from __future__ import annotations

import pytest

from bucketsnb.changes import guarded
from tests.client.conftest import naps

__all__ = ["naps"]

PIPELINE = "baseband-converter"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look as often as ever for what came of a request, without the pauses between."""
    pauses = (0.0, 0.0, 0.01)
    monkeypatch.setattr(guarded, "PAUSES", pauses)
    monkeypatch.setattr(guarded, "LOST_PAUSES", pauses)
