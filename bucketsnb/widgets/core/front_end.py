"""The front end of a panel: one ES module and one style sheet, shipped in the wheel, and the messages between.

No build step, no CDN. A panel is one widget, whatever it holds: its parts share it, and what they show travels as
custom messages, not as synced traits, so it is not written into the notebook's saved widget state.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["FrontEnd", "sheet", "source"]

_STATIC = Path(__file__).parent.parent / "static"
_NAMES = ("shared", "fields", "menu", "status", "filters", "actions", "box", "form", "journal", "grid", "page")


@cache
def source() -> str:
    """Return the ES module: what all parts share, the parts, and the page that mounts them and exports."""
    return "\n".join((_STATIC / f"{name}.js").read_text("utf-8") for name in _NAMES)


@cache
def sheet() -> str:
    """Return the style sheet."""
    found = ((_STATIC / f"{name}.css") for name in _NAMES)
    return "\n".join(file.read_text("utf-8") for file in found if file.is_file())


class FrontEnd(anywidget.AnyWidget):
    """One widget in the page, in which parts are mounted.

    Attributes
    ----------
    parts
        Name, kind, and whether it is shown, of each part, in their order on the page.
    label
        Name of the whole for screen readers.
    mark
        Class of the plain HTML that stands for it in a saved notebook: the page hides that while the kernel answers.
    """

    _esm = traitlets.Unicode(source()).tag(sync=True)
    _css = traitlets.Unicode(sheet()).tag(sync=True)
    parts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    mark = traitlets.Unicode("").tag(sync=True)

    def tell(self, part: str, kind: str, **content: Any) -> None:
        """Send one message to a part in the page; after closing it goes nowhere."""
        if self.comm is not None:
            self.send({"part": part, "type": kind, **content})

    def close(self) -> None:
        """Close the widget and its layout, which is a model of its own."""
        layout = getattr(self, "layout", None)
        super().close()
        if layout is not None:
            layout.close()
