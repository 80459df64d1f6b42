"""Catch the warnings of one thread, so that a panel can show them; a thread has no stderr that anybody looks at."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["warned"]

T = TypeVar("T")

_lock = threading.Lock()
_caught: dict[int, list[str]] = {}
"""What was said so far, by the thread that listens."""
_patch: list[warnings.catch_warnings[None]] = []


def warned(action: Callable[[], T]) -> tuple[T, list[str]]:
    """Run an action, and return what it returned with the texts of its warnings, each once.

    Python's own ``catch_warnings`` belongs to the whole process: of two threads that overlap, the first to end would
    leave the other's filters behind for good. So all listening threads share one, and the last to end takes it away.

    Examples
    --------
    >>> warned(lambda: warnings.warn("three works are left out", stacklevel=1))
    (None, ['three works are left out'])
    """
    me = threading.get_ident()
    with _lock:
        outer = _caught.get(me)
        if not _caught:
            _listen()
        texts: list[str] = []
        _caught[me] = texts
    try:
        return action(), list(dict.fromkeys(texts))
    finally:
        with _lock:
            if outer is None:
                del _caught[me]
            else:
                _caught[me] = outer
            if not _caught:
                _patch.pop().__exit__(None, None, None)


def _listen() -> None:
    patch = warnings.catch_warnings()
    patch.__enter__()
    _patch.append(patch)
    warnings.simplefilter("always", UserWarning)
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        texts = _caught.get(threading.get_ident())
        if texts is None:
            before(message, category, *where)
        else:
            texts.append(str(message))

    warnings.showwarning = show  # type: ignore[assignment]  # the same, with the rest passed on
