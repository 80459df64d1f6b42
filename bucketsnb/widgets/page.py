"""A panel's tie to the page that shows it: a saved notebook keeps a plain table, and a live page hides that table.

A widget is gone once its kernel is: JupyterLab then shows "model not found". So a panel also displays plain HTML of its
last facts as a second output of the cell, and this part hides that output for as long as the kernel answers.
"""

from __future__ import annotations

from typing import Any

import traitlets
from IPython import get_ipython
from IPython.display import HTML, DisplayHandle, display

from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.guard import Guard

__all__ = ["Page"]


class Page(Front):
    """Hide the plain HTML of a panel while the panel is alive.

    Attributes
    ----------
    mark
        The class of the plain HTML's element, synced so that the page knows which one to hide.
    """

    _esm = traitlets.Unicode(source("page")).tag(sync=True)
    _css = traitlets.Unicode(sheet("panel")).tag(sync=True)
    mark = traitlets.Unicode("").tag(sync=True)

    def __init__(self, guard: Guard) -> None:
        self._handle: DisplayHandle | None = None
        super().__init__(guard, {"hello": self._answer})
        self.mark = f"bnb-saved-{self.model_id}"

    def _answer(self, _: dict[str, Any]) -> None:
        self.tell("alive")

    def display(self, static: Markup) -> None:
        """Display the plain HTML as an output of its own."""
        if get_ipython() is not None:
            self._handle = display(self._marked(static), display_id=True)  # type: ignore[no-untyped-call]

    def update(self, static: Markup) -> None:
        """Put newer HTML in its place."""
        if self._handle is not None:
            self._handle.update(self._marked(static))  # type: ignore[no-untyped-call]

    def _marked(self, static: Markup) -> HTML:
        return HTML(element("div", static, class_=self.mark))  # type: ignore[no-untyped-call]
