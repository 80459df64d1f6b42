"""The facts that the panels on a page share, and nothing that draws: no widget is in here.

A panel reads a fact (``state.query``), sets it, or asks to be told when it changes
(``state.observe("query", redraw)``). Panels that were given the same state follow each other; that is all that joins
them.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fact", "State"]

T = TypeVar("T")


class Fact(Generic[T]):
    """One fact of a state: setting it tells the observers, unless it is the same as before.

    Parameters
    ----------
    default
        Its value until it is set.
    same
        Whether two values are the same; by identity unless said, because comparing two large frames is not free.
    """

    def __init__(self, default: T, *, same: Callable[[Any, Any], Any] = operator.is_) -> None:
        self.default = default
        self.same = same
        self.name = ""

    def __set_name__(self, owner: type[State], name: str) -> None:
        self.name = name
        owner.facts = (*owner.facts, name)

    @overload
    def __get__(self, state: None, owner: type[State]) -> Fact[T]: ...
    @overload
    def __get__(self, state: State, owner: type[State]) -> T: ...
    def __get__(self, state: State | None, owner: type[State]) -> Fact[T] | T:
        if state is None:
            return self
        return cast("T", state.values.get(self.name, self.default))

    def __set__(self, state: State, value: T) -> None:
        with state.lock:
            if self.same(self.__get__(state, State), value):
                return
            state.values[self.name] = value
            state.tell(self.name)


class State:
    """The facts of one page of panels.

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

    facts: tuple[str, ...] = ()

    query: Fact[Any] = Fact(None, same=operator.eq)
    """The query on the page, a :class:`bucketsnb.query.Query`, or None before there is one."""
    frame: Fact[pd.DataFrame | None] = Fact(None)
    """The works that were last read."""
    read_for: Fact[Any] = Fact(None, same=operator.eq)
    """The query that they were read for: while it is not the query on the page, they are those of an older one."""
    selection: Fact[tuple[str, ...]] = Fact((), same=operator.eq)
    """Ids of the works that are selected, in the order they were chosen."""
    everything: Fact[bool] = Fact(default=False, same=operator.eq)
    """Whether all works that match are meant, also those that were not read; then all that were read are selected."""
    reading: Fact[str] = Fact("", same=operator.eq)
    """How far the read of the works is; empty while none is on its way."""
    counted: Fact[int | None] = Fact(None, same=operator.eq)
    """How many works match, counted because the read was cut short; None while it was not, or nobody knows."""
    causes: Fact[Any] = Fact(None)
    """Why the works that were read failed, :class:`~bucketsnb.widgets.parts.causes.Causes`; None if not all failed."""
    why: Fact[Any] = Fact(None)
    """Why no work matches: what ``buckets.explain`` says, or None."""
    status: Fact[pd.DataFrame | None] = Fact(None)
    """Counts by pipeline and status as last read."""
    plan: Fact[Any] = Fact(None)
    """The plan that waits for its confirmation, or None."""
    receipt: Fact[Any] = Fact(None)
    """The receipt of the last change."""
    changes: Fact[int] = Fact(0)
    """How many changes were applied from this page: a tick that tells the journal and the preview to look again."""

    def __init__(self, buckets: Any = None) -> None:
        self.buckets = buckets
        self.lock = threading.RLock()
        self.values: dict[str, Any] = {}
        self._observers: dict[str, list[Callable[[Any], None]]] = {name: [] for name in self.facts}

    @property
    def armed(self) -> bool:
        """Whether a plan waits for its confirmation; what refreshes by itself keeps still then."""
        return self.plan is not None

    @property
    def up_to_date(self) -> bool:
        """Whether the works are those of the query on the page."""
        return self.frame is not None and self.query is not None and bool(self.read_for == self.query)

    def observe(self, name: str, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back with the new value whenever a fact changes; the answer ends that.

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
        """Tell whether anybody on the page wants to know of a fact."""
        return bool(self._observers[name])

    def tell(self, name: str) -> None:
        """Tell the observers of a fact its present value."""
        for callback in tuple(self._observers[name]):
            callback(self.values.get(name))
