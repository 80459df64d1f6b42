"""The place in a panel where messages stand: what happened, what to do next, the details to copy."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

import traitlets

from bucketsnb.formatting_html import Markup, block, element
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.guard import Guard, Message

__all__ = ["MessageArea"]

MOST = 5
"""Messages kept; older ones go."""


class MessageArea(Front):
    """Messages, newest first, read out to screen readers; each can be dismissed and its details copied.

    Attributes
    ----------
    shown
        The messages that stand there.
    """

    _esm = traitlets.Unicode(source("messages")).tag(sync=True)
    _css = traitlets.Unicode(sheet("messages")).tag(sync=True)

    def __init__(self) -> None:
        self.shown: tuple[Message, ...] = ()
        self._lock = threading.Lock()
        super().__init__(Guard(self.show), {"hello": self._redraw, "dismiss": self._dismiss})

    def show(self, message: Message) -> None:
        """Put a message on top; one that says the same goes."""
        with self._lock:
            self.shown = (message, *(old for old in self.shown if old.text != message.text))[:MOST]
        self._redraw()

    def clear(self, *kinds: str) -> None:
        """Take messages away: those of the kinds, or all."""
        with self._lock:
            self.shown = tuple(old for old in self.shown if kinds and old.kind not in kinds)
        self._redraw()

    def _dismiss(self, content: dict[str, Any]) -> None:
        with self._lock:
            self.shown = tuple(old for place, old in enumerate(self.shown) if place != content["place"])
        self._redraw()

    def _redraw(self, _: object = None) -> None:
        self.tell("messages", messages=[asdict(message) for message in self.shown])

    def static(self) -> Markup:
        """Return the messages as HTML, without their details."""
        if not self.shown:
            return Markup("")
        return element("div", *(block(message.text, message.advice) for message in self.shown))
