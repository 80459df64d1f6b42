"""The one clock of a session, for ages, queries such as ``older_than``, computed columns and plans."""

from __future__ import annotations

import time
import warnings
from typing import Literal, get_args

from bucketsnb.display.texts import age, truncate
from bucketsnb.errors import ConfigurationError, Cure, ScopeRefused

__all__ = ["Clock", "ClockChoice", "ClockSkew"]

ClockChoice = Literal["service", "local"]

_NOTICED = 3.0
"""Seconds of difference that are ignored: answers give whole seconds, and a busy service answers late."""

_WARNED = 60.0
"""Seconds of difference from which a query by age warns."""

_NOTED = 3600.0
"""Seconds of difference from which a plan has a note."""

_REFUSED = 86_400.0
"""Seconds of difference from which a plan by ages is refused until a clock is chosen."""


class ClockSkew(UserWarning):
    """The service's clock and this machine's differ by more than a minute; the message says which gives the ages."""


class Clock:
    """The time by one clock for the whole session: the service's, or this machine's (``"local"``).

    Unless one is chosen, it is the service's; `refuse_doubt` then raises an error if the two differ by more than a day.
    """

    def __init__(self, choice: ClockChoice | None = None) -> None:
        if choice is not None and choice not in get_args(ClockChoice):
            raise ConfigurationError(f'clock={truncate(repr(choice), 40)}: give "service" or "local", or leave it out')
        self.choice = choice
        self.latest: float | None = None
        """Seconds that the service's clock is ahead, by its last answer; None if that has no time."""
        self.largest = 0.0
        """The largest difference in an answer of this session, in seconds; negative if the service's is behind."""
        self._offset: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the time is known: from the first use on, or if the last answer had the service's time."""
        return self.choice == "local" or self._offset is not None or self.latest is not None

    def heard(self, ahead: float | None) -> None:
        """Note by how many seconds the service's clock is ahead, by an answer; None if that has no time."""
        self.latest = ahead
        if ahead is not None and abs(ahead) > abs(self.largest):
            self.largest = ahead

    def now(self) -> float:
        """Return epoch seconds; the first use after an answer fixes the difference of the clocks for the session."""
        if self.latest is not None:
            self.settle()
        return time.time() + (self._offset or 0.0)

    def settle(self) -> None:
        """Fix the difference of the clocks as the last answer showed it, unless it is fixed already."""
        if self._offset is None:
            ahead = 0.0 if self.choice == "local" else self.latest or 0.0
            self._offset = ahead if abs(ahead) > _NOTICED else 0.0

    def warn(self, *, stacklevel: int) -> None:
        """Warn (ClockSkew) if the clocks differ by more than a minute, and say which of them gives the ages."""
        if abs(self.largest) > _WARNED:
            warnings.warn(self._text(), ClockSkew, stacklevel=stacklevel + 1)

    def notes(self) -> list[str]:
        """Return a note for a plan if the clocks differ by more than an hour; otherwise an empty list."""
        text = self._text()
        return [f"{text[0].upper()}{text[1:]}."] if abs(self.largest) > _NOTED else []

    def refuse_doubt(self) -> None:
        """Raise ScopeRefused if the clocks differ by more than a day and neither was chosen: for plans by ages."""
        if self.choice is None and abs(self.largest) > _REFUSED:
            raise ScopeRefused(
                f"{self._difference()}, so nobody knows how old the works are; nothing is planned by ages.",
                cure=Cure.CHOOSE_CLOCK,
            )

    def _text(self) -> str:
        return f"{self._difference()}; ages are by {'this machine' if self.choice == 'local' else 'the service'}'s"

    def _difference(self) -> str:
        side = "ahead of" if self.largest > 0 else "behind"
        return f"the service's clock is {age(abs(self.largest))} {side} this machine's"
