"""The messages on a panel: what happened and what to do next, each from a part that also takes it away again."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bucketsnb.display.markup import Markup, block, element
from bucketsnb.widgets.core.error_boundary import Message

__all__ = ["Messages"]

MOST = 4
"""Messages kept; older ones go."""


@dataclass(frozen=True)
class _Entry:
    key: int
    source: str
    message: Message


class Messages:
    """Messages, newest first; a message that is no longer true is taken away by the part that brought it.

    Parameters
    ----------
    changed
        Called when there are others.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._entries: tuple[_Entry, ...] = ()
        self._lock = threading.Lock()
        self._keys = itertools.count()

    @property
    def shown(self) -> tuple[Message, ...]:
        """The messages that stand there."""
        return tuple(entry.message for entry in self._entries)

    def show(self, message: Message, source: str = "") -> None:
        """Put a message on top; one that says the same goes."""
        with self._lock:
            others = (entry for entry in self._entries if entry.message.text != message.text)
            self._entries = (_Entry(next(self._keys), source, message), *others)[:MOST]
        self._changed()

    def clear(self, *sources: str) -> None:
        """Take away the messages of some sources, or all."""
        self._keep(lambda entry: bool(sources) and entry.source not in sources)

    def dismiss(self, key: int) -> None:
        """Take one message away."""
        self._keep(lambda entry: entry.key != key)

    def _keep(self, wanted: Callable[[_Entry], bool]) -> None:
        with self._lock:
            left = tuple(filter(wanted, self._entries))
            changed, self._entries = left != self._entries, left
        if changed:
            self._changed()

    def as_data(self) -> list[dict[str, Any]]:
        """Return what the page needs to draw them."""
        return [{"key": entry.key, **asdict(entry.message)} for entry in self._entries]

    def static(self) -> Markup:
        """Return the messages as HTML, without their details."""
        if not self._entries:
            return Markup("")
        return element("div", *(block(message.text, message.advice) for message in self.shown))
