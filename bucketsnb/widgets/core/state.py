"""The facts that the panels on a page share, what follows from them, and nothing that draws.

A panel reads a fact (``state.query``), sets it, or asks to be told when it changes
(``state.observe("query", redraw)``). Panels that were given the same state follow each other; that is all that joins
them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["State"]

_BY_VALUE = frozenset({"query", "read_for", "selection", "everything", "reading", "counted"})
"""Facts that are compared by value; others by identity, as comparing two large frames takes time."""


class State:
    """The facts of one page of panels: setting one tells its observers, unless it is the same as before.

    Parameters
    ----------
    buckets
        The client that the panels work with, or None for panels that only show what they are given.

    Attributes
    ----------
    lock
        Held while facts change and while a panel's callback runs, so that a result that arrives on a thread never
        meets half a click.

    Examples
    --------
    >>> state = State()
    >>> off = state.observe("selection", print)
    >>> state.selection = ("6b04a88bcce5d83e4c9bf3fc",)
    ('6b04a88bcce5d83e4c9bf3fc',)
    >>> off()
    >>> state.selection = ()
    """

    query: Any = None
    """The query on the page, a :class:`bucketsnb.query.Query`, or None before there is one."""
    frame: pd.DataFrame | None = None
    """The works that were last read."""
    read_for: Any = None
    """The query that they were read for; if it is not the query on the page, the works are outdated."""
    selection: tuple[str, ...] = ()
    """Ids of the works that are selected, in the order they were chosen."""
    everything: bool = False
    """Whether all works that match are meant, also those that were not read; then all that were read are selected."""
    reading: str = ""
    """Progress of the read of the works; empty if none is under way."""
    counted: int | None = None
    """How many works match, counted because the read was cut short; None if it was not, or until it is known."""
    causes: Any = None
    """Why the works that were read failed, :class:`~bucketsnb.widgets.parts.rows.Causes`; None if not all failed."""
    why: Any = None
    """Why no work matches: what ``buckets.explain`` says, or None."""
    status: pd.DataFrame | None = None
    """Counts by pipeline and status as last read."""
    plan: Any = None
    """The plan that waits for its confirmation, or None."""
    receipt: Any = None
    """The receipt of the last change."""
    changes: int = 0
    """How many changes were applied from this page; a new number makes the works, status and journal refresh."""

    def __init__(self, buckets: Any = None) -> None:
        self.buckets = buckets
        self.lock = threading.RLock()
        self._observers: dict[str, list[Callable[[Any], None]]] = {name: [] for name in State.__annotations__}

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in State.__annotations__:
            super().__setattr__(name, value)
            return
        with self.lock:
            before = getattr(self, name)
            if before is value or (name in _BY_VALUE and before == value):
                return
            super().__setattr__(name, value)
            for callback in tuple(self._observers[name]):
                callback(getattr(self, name))  # an earlier observer may have changed it again

    @property
    def armed(self) -> bool:
        """Whether a plan waits for its confirmation; automatic refreshes pause meanwhile."""
        return self.plan is not None

    @property
    def up_to_date(self) -> bool:
        """Whether the works are those of the query on the page."""
        return self.frame is not None and self.query is not None and bool(self.read_for == self.query)

    @property
    def read_count(self) -> int:
        """How many works were read."""
        return 0 if self.frame is None else len(self.frame)

    @property
    def matched(self) -> int:
        """How many works match, as far as known."""
        if self.frame is None:
            return 0
        known = self.frame.attrs.get("matched", 0) if self.counted is None else self.counted
        return max(int(known), self.read_count)

    @property
    def is_exact(self) -> bool:
        """Whether :attr:`matched` is exact, and not a lower bound."""
        return self.frame is None or self.counted is not None or bool(self.frame.attrs.get("exact", True))

    @property
    def matched_text(self) -> str:
        """How many works match, with "at least" if the read was cut short, and "?" if it is not known."""
        if self.frame is None:
            return "?"
        return f"{'' if self.is_exact else 'at least '}{self.matched:,}"

    @property
    def target_count(self) -> int:
        """How many works a change would be about; none if nothing is selected."""
        if not self.up_to_date:
            return 0
        return self.matched if self.everything else len(self.selection)

    def targets(self) -> Any:
        """Return the works that a change would be about: those selected, or all that match if the person chose so.

        Where all were read they are a frame, so that those that move meanwhile are left alone.
        """
        if self.frame is None or not self.target_count:
            return None
        if self.everything and not (self.is_exact and self.matched == self.read_count):
            return self.query
        return self.frame[self.frame["id"].isin(list(self.selection))]

    def observe(self, name: str, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back with the new value whenever a fact changes; the returned function ends that.

        Raises
        ------
        KeyError
            If there is no fact of that name.
        """
        observers = self._observers[name]
        observers.append(callback)

        def off() -> None:
            if callback in observers:
                observers.remove(callback)

        return off

    def followed(self, name: str) -> bool:
        """Return whether a fact has an observer."""
        return bool(self._observers[name])
