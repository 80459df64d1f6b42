from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits between tries, which nobody waits for."""
    naps: list[float] = []
    monkeypatch.setattr("bucketsnb.transport.session.pause", naps.append)
    return naps
