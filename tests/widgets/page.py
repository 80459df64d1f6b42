"""Stand in for the page: keep what a part of the front end was sent."""

from __future__ import annotations

from typing import Any

import pytest

from bucketsnb.widgets.core.panel import Part


class Sent:
    """What was told to the page, in order, as pairs of the part and the message."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[Part, dict[str, Any]]] = []

        def tell(part: Part, kind: str, **content: Any) -> None:
            self.messages.append((part, {"type": kind, **content}))

        monkeypatch.setattr(Part, "tell", tell)

    def last(self, part: Part, kind: str) -> dict[str, Any]:
        """Return the newest message of a type that a part was sent."""
        found = [message for to, message in self.messages if to is part and message["type"] == kind]
        assert found, f"no {kind!r} was sent; there are {[message['type'] for _, message in self.messages]}"
        return found[-1]

    def count(self, part: Part, kind: str) -> int:
        """Return how many messages of a type a part was sent."""
        return sum(to is part and message["type"] == kind for to, message in self.messages)
