"""What a change is about: the selected works, or all that match; the number that it will act on is always said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.formatting import count_of
from bucketsnb.formatting_html import element
from bucketsnb.widgets.panel import Panel, note, row_of

__all__ = ["Targets"]

SELECTED, MATCHING = "selected", "matching"


class Targets(ipywidgets.VBox):  # type: ignore[misc]  # its base is untyped
    """Choose between the selection and everything that matches.

    Parameters
    ----------
    panel
        Whose state and guard are used.
    changed
        Called when the choice, or what stands behind it, is another.
    """

    def __init__(self, panel: Panel, changed: Callable[[], None]) -> None:
        self._state = panel.state
        self._changed = changed
        self._drawing = False
        self.choice = ipywidgets.Dropdown(description="Act on", options=[("all that match", MATCHING)])
        self.said = note()
        super().__init__([row_of(self.choice, self.said)])
        self.choice.observe(panel.guard(lambda _: self._chosen()), "value")
        for fact in ("selection", "frame", "query", "read_for"):
            panel.follow(fact, lambda _: self.draw())
        self.draw()

    @property
    def which(self) -> Any:
        """The selected works as a frame, or the query; None while there is neither."""
        frame, query = self._state.frame, self._state.query
        if self.choice.value == MATCHING:
            return frame if self._all_shown else query
        return None if frame is None else frame[frame["id"].isin(list(self._state.selection))]

    @property
    def _all_shown(self) -> bool:
        """Whether the works shown are all that match, so that those that change from now on can be left alone."""
        frame, query = self._state.frame, self._state.query
        if frame is None or not self._state.up_to_date:
            return False
        return query.pipelines is not None and self.exact and len(frame) == self.count

    @property
    def count(self) -> int:
        """How many works it is about, as far as they were read."""
        if self.choice.value == SELECTED:
            return len(self._state.selection)
        frame = self._state.frame
        return int(frame.attrs.get("matched") or len(frame)) if frame is not None and self._state.up_to_date else 0

    @property
    def exact(self) -> bool:
        """Whether that is the number, and not the least it can be."""
        frame = self._state.frame
        return self.choice.value == SELECTED or frame is None or bool(frame.attrs.get("exact", True))

    def draw(self) -> None:
        """Bring the choice in line with the selection: a selection is what is meant, as soon as there is one."""
        selected = len(self._state.selection)
        had = len(self.choice.options) > 1
        value = (self.choice.value if had else SELECTED) if selected else MATCHING
        options = [("all that match", MATCHING)]
        if selected:
            options.insert(0, (f"the {count_of(selected, 'selected work')}", SELECTED))
        self._drawing = True
        self.choice.options = options
        self.choice.value = value
        self._drawing = False
        self._say()

    def _chosen(self) -> None:
        if not self._drawing:
            self._say()
            self._changed()

    def _say(self) -> None:
        frame = self._state.frame
        shown = 0 if frame is None else len(frame)
        matched = "?" if frame is None else f"{int(frame.attrs.get('matched') or shown):,}"
        least = "" if frame is None or frame.attrs.get("exact", True) else "at least "
        known = self.choice.value == SELECTED or self._state.up_to_date
        will = count_of(self.count, "work", at_least=not self.exact) if known else "…"
        text = f"Shown {shown:,} · matched {least}{matched} · will act on "
        self.said.value = element("span", text, element("b", will))
