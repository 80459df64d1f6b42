"""The messages of a panel: what happened, and what to do next, in words of the page rather than of Python."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bucketsnb.display.markup import Markup, block, element
from bucketsnb.display.texts import printable, truncate
from bucketsnb.errors import (
    BadAnswer,
    BucketsError,
    ConfigurationError,
    Cure,
    JournalError,
    NoAnswer,
    Note,
    NotFound,
    OutcomeUnknown,
    PlanAlreadyApplied,
    PlanError,
    PlanExpired,
    QueryError,
    Refused,
    ServiceError,
    ServiceFailed,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    WorkError,
)

__all__ = ["Message", "Messages", "advice", "in_page_words", "message_of"]

MOST = 4
"""Messages that are kept; older ones are removed."""

_CURES: Mapping[Cure, str] = {
    Cure.NAME_PIPELINES: "Add a filter for the pipeline.",
    Cure.RAISE_MAXIMUM: "Select fewer works, or allow more of them under options.",
    Cure.ALLOW_RUNNING: "Leave the running works out, or include them.",
    Cure.CHOOSE_CLOCK: "Say which clock counts where the client is made, then run this cell again.",
    Cure.ALLOW_OTHER_HOST: "If it is the same service at a new address, take the change back in Python or in a shell.",
    Cure.LIST_ENTRIES: "Open the journal, and choose one of its entries.",
    Cure.UNDO_ENTRY: "Open the journal: its entry has an Undo.",
    Cure.GIVE_ADDRESS: "Give the client an address, then run this cell again.",
    Cure.ALLOW_CHANGES: "Run this cell again with a client that may change works.",
    Cure.RESET_ATTEMPTS: "To count the attempts anew, tick “Reset attempts to 0” under options.",
    Cure.DEPOSIT_FRESH: "To make new works of them, tick “Deposit copies as new works”.",
    Cure.LOOK_FIRST: "Look for them with the filters before you deposit them again.",
}

_ADVICE: Mapping[type[BucketsError], str] = {
    BucketsError: "Nothing more was done.",
    ConfigurationError: "Correct what the message names, then try again.",
    QueryError: "Correct the filters or the field that the message names.",
    WorkError: "Correct the field that the message names; nothing was sent.",
    PlanError: "Nothing was changed.",
    PlanExpired: "Ask again: what was shown is too old. Nothing was changed.",
    PlanAlreadyApplied: "Open the journal: it says what became of the change.",
    JournalError: "Make room for the journal, or have its folder made writable; nothing was sent.",
    ServiceError: "Try again. If it happens again, ask the people who run the service.",
    Unreachable: "Check that the service runs and that the network works, then press Refresh.",
    NoAnswer: "Try again: the request was sent, and no whole answer came back.",
    OutcomeUnknown: "Press Refresh and look at the works before you try again: the change may have been made.",
    Refused: "The service said no, and would say it again: correct what it names.",
    Unauthorized: "Give the client a token that is valid, then run this cell again.",
    NotFound: "Check the address of the service; what was asked for is not there.",
    TooLarge: "Select fewer works.",
    TooManyRequests: "Wait a minute, then try again.",
    ServiceFailed: "Ask the people who run the service: it reported a failure of its own.",
    BadAnswer: "Check the address: the answer is not one of a Buckets service.",
}
"""Advice by the class of an error, or by its nearest base class."""

_FAULT = "This is a fault in the panel or in what it was given: copy the details to the people who maintain it."


def advice(error: BaseException) -> str:
    """Return what to do about an error."""
    if isinstance(error, BucketsError) and error.cure is not None:
        return _CURES[error.cure]
    return next((_ADVICE[kind] for kind in type(error).__mro__ if kind in _ADVICE), _FAULT)


def in_page_words(note: str) -> str:
    """Return a note of a plan with its cure in words of the page.

    Examples
    --------
    >>> in_page_words(Note("2 works had all of their attempts.", Cure.RESET_ATTEMPTS))
    '2 works had all of their attempts. To count the attempts anew, tick “Reset attempts to 0” under options.'
    """
    return f"{note.problem} {_CURES[note.cure]}" if isinstance(note, Note) else note


@dataclass(frozen=True)
class Message:
    """A message to the person at the panel: what happened, in one line, and what to do next."""

    kind: Literal["error", "warning", "info", "done"]
    text: str
    advice: str = ""
    details: str = ""
    """Text to copy into a report: no token is ever in it."""
    source: str = ""
    """Name of the part that shows it."""
    key: int = 0
    """Its number on the panel."""


def message_of(error: BaseException) -> Message:
    """Return an error as a message: what happened, what to do next, and the details to copy."""
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


class Messages:
    """Messages, newest first; the part that showed a message removes it when it is no longer true."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.shown: tuple[Message, ...] = ()
        self._changed = changed
        self._keys = itertools.count()

    def show(self, message: Message, source: str = "") -> None:
        """Put a message on top; an older one with the same text is removed."""
        newest = replace(message, source=source, key=next(self._keys))
        self.shown = (newest, *(older for older in self.shown if older.text != message.text))[:MOST]
        self._changed()

    def clear(self, *sources: str) -> None:
        """Remove the messages of some sources, or all."""
        self._keep(lambda message: bool(sources) and message.source not in sources)

    def dismiss(self, key: int) -> None:
        """Remove one message."""
        self._keep(lambda message: message.key != key)

    def _keep(self, wanted: Callable[[Message], bool]) -> None:
        before, self.shown = self.shown, tuple(filter(wanted, self.shown))
        if before != self.shown:
            self._changed()

    def static(self) -> Markup:
        """Return the messages as HTML, without their details."""
        if not self.shown:
            return Markup("")
        return element("div", *(block(message.text, message.advice) for message in self.shown))
