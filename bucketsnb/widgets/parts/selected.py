"""The works that a change is about: those selected, or all that match if the person chose so; and how many."""

from __future__ import annotations

from typing import Any

from bucketsnb.widgets.core.state import State

__all__ = ["SelectedWorks"]


class SelectedWorks:
    """The works that are meant; nothing selected means no work."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def any(self) -> bool:
        """Whether any work is meant: a selection among works of the query on the page, or all that match."""
        return self._state.up_to_date and bool(self._state.everything or self._state.selection)

    @property
    def read(self) -> int:
        """How many works were read."""
        return 0 if self._state.frame is None else len(self._state.frame)

    @property
    def matched(self) -> int:
        """How many works match, as far as that is known."""
        frame = self._state.frame
        if frame is None:
            return 0
        known = self._state.counted
        return max(known, len(frame)) if known is not None else int(frame.attrs.get("matched") or len(frame))

    @property
    def exact(self) -> bool:
        """Whether that is the number, and not the least it can be."""
        frame = self._state.frame
        return frame is None or bool(frame.attrs.get("exact", True)) or self._state.counted is not None

    @property
    def matched_text(self) -> str:
        """How many works match, with "at least" where the read was cut short, and "?" while nobody knows."""
        if self._state.frame is None:
            return "?"
        return f"{'' if self.exact else 'at least '}{self.matched:,}"

    @property
    def count(self) -> int:
        """How many works are meant."""
        if not self.any:
            return 0
        return self.matched if self._state.everything else len(self._state.selection)

    def which(self) -> Any:
        """Return the works that are meant: as a frame where all were read, so that those that move are left alone."""
        frame, query = self._state.frame, self._state.query
        if frame is None or not self.any:
            return None
        if self._state.everything and not (self.exact and self.matched == len(frame)):
            return query
        return frame[frame["id"].isin(list(self._state.selection))]
