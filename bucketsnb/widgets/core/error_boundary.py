"""Catch every error of a callback: it is shown in the panel with what to do next, and never lost.

An exception in a widget's callback otherwise shows only in JupyterLab's log console, and nowhere in Voila.
"""

from __future__ import annotations

import functools
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec

from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import BucketsError, ServiceError
from bucketsnb.widgets.core.advice import advice

__all__ = ["ErrorBoundary", "Message", "message_of"]

P = ParamSpec("P")
Kind = Literal["error", "warning", "info", "done"]


@dataclass(frozen=True)
class Message:
    """Something to tell the person at the panel.

    Parameters
    ----------
    kind
        ``"error"``, ``"warning"``, ``"info"`` or ``"done"``.
    text
        What happened, in one line.
    advice
        What to do next.
    details
        Text to copy into a report: no token is ever in it.
    """

    kind: Kind
    text: str
    advice: str = ""
    details: str = ""


def message_of(error: BaseException) -> Message:
    """Say an error to people: what happened, what to do next, and the details to copy.

    Examples
    --------
    >>> from bucketsnb.errors import QueryError
    >>> message_of(QueryError("no field 'stats'; did you mean 'status'?")).text
    "no field 'stats'; did you mean 'status'?"
    """
    if isinstance(error, KeyboardInterrupt):
        return Message("warning", "Interrupted.", "Start it again when you are ready.")
    text = error.problem if isinstance(error, BucketsError) else str(error)
    return Message("error", truncate(text or type(error).__name__, 500), advice(error), _details(error))


def _details(error: BaseException) -> str:
    lines = [f"{type(error).__name__}: {error}"]
    if isinstance(error, ServiceError):
        facts = ("method", "path", "url", "status", "attempts", "excerpt")
        lines += [f"{name}: {getattr(error, name)}" for name in facts if getattr(error, name) not in (None, "")]
    lines += ["", *(line.rstrip() for line in traceback.format_exception(error))]
    return printable("\n".join(lines), keep="\n")


class ErrorBoundary:
    """Wrap callbacks so that every path out of them leaves the panel usable and the message visible.

    Parameters
    ----------
    show
        Where messages go.
    lock
        Held while a callback runs: clicks may come on another thread than results.

    Examples
    --------
    >>> shown = []
    >>> guard = ErrorBoundary(shown.append)
    >>> guard(lambda: 1 / 0)()
    >>> shown[0].text
    'division by zero'
    """

    def __init__(
        self, show: Callable[[Message], None], *, lock: AbstractContextManager[Any] | threading.RLock | None = None
    ) -> None:
        self.show = show
        self.lock = nullcontext() if lock is None else lock

    def __call__(self, callback: Callable[P, Any]) -> Callable[P, None]:
        """Return the callback under guard."""

        @functools.wraps(callback)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            self.run(lambda: callback(*args, **kwargs))

        return guarded

    def run(self, action: Callable[[], Any]) -> None:
        """Run an action now; show what it raises."""
        try:
            with self.lock:
                action()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border where errors become messages
            self.report(error)

    def report(self, error: BaseException) -> None:
        """Show an error."""
        self.show(message_of(error))
