"""The parts of a panel that live in the page: one ES module and one style sheet each, shipped in the wheel.

No build step, no CDN. What a part shows travels as custom messages, not as synced traits, so it is not written into the
notebook's saved widget state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from bucketsnb.widgets.guard import Guard

__all__ = ["Front", "sheet", "source"]

_STATIC = Path(__file__).parent / "static"


@cache
def source(*names: str) -> str:
    """Return the ES module of a part: the helpers that all share, then the named files; the last one exports."""
    return "\n".join((_STATIC / f"{name}.js").read_text("utf-8") for name in ("shared", *names))


@cache
def sheet(*names: str) -> str:
    """Return a style sheet: what all parts share, then the named ones."""
    return "\n".join((_STATIC / f"{name}.css").read_text("utf-8") for name in ("shared", *names))


class Front(anywidget.AnyWidget):
    """A part that lives in the page and talks in messages, each a dictionary with a ``type``.

    Parameters
    ----------
    guard
        Around the handling of each message.
    handlers
        What to do by the message's ``type``; a type that is not here is an error that is shown.
    """

    _esm = traitlets.Unicode("").tag(sync=True)
    _css = traitlets.Unicode("").tag(sync=True)

    def __init__(self, guard: Guard, handlers: Mapping[str, Callable[[dict[str, Any]], None]], **traits: Any) -> None:
        super().__init__(**traits)
        self._guard = guard
        self._handlers = dict(handlers)
        self.on_msg(self._on_message)

    def _on_message(self, _: object, content: dict[str, Any], __: object = None) -> None:
        self.receive(content)

    def receive(self, content: dict[str, Any]) -> None:
        """Handle one message as if the page had sent it."""
        self._guard.run(lambda: self._handlers[content["type"]](content))

    def tell(self, kind: str, **content: Any) -> None:
        """Send one message to the page; after closing it goes nowhere."""
        if self.comm is not None:
            self.send({"type": kind, **content})
