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
"""Seconds of difference that are taken for none: answers give whole seconds, and a busy service gives them late."""

_WARNED = 60.0
"""Seconds of difference that are warned of when ages are asked for."""

_NOTED = 3600.0
"""Seconds of difference that stand on a plan."""

_REFUSED = 86_400.0
"""Seconds of difference with which no plan goes by ages until a person says which clock counts."""


class ClockSkew(UserWarning):
    """The service's clock and this machine's differ by more than a minute; the warning names the one that counts."""


class Clock:
    """Which time it is, by the service's clock or by this machine's (``"local"``), and always the same of the two.

    Without a choice, it is the service's as long as the two differ by less than a day.
    """

    def __init__(self, choice: ClockChoice | None = None) -> None:
        if choice is not None and choice not in get_args(ClockChoice):
            raise ConfigurationError(f'clock={truncate(repr(choice), 40)}: give "service" or "local", or leave it out')
        self.choice = choice
        self.latest: float | None = None
        """Seconds that the service's clock is ahead, by its last answer; None where that has no time."""
        self.largest = 0.0
        """The largest difference seen in an answer of this session, ahead or behind."""
        self._offset: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known which time it is: once it was used, or an answer had the service's time."""
        return self.choice == "local" or self._offset is not None or self.latest is not None

    def heard(self, ahead: float | None) -> None:
        """Note by how much the service's clock is ahead, as an answer shows it."""
        self.latest = ahead
        if ahead is not None and abs(ahead) > abs(self.largest):
            self.largest = ahead

    def now(self) -> float:
        """Return epoch seconds; the first use after an answer settles the difference of the clocks for the session."""
        if self.latest is not None:
            self.settle()
        return time.time() + (self._offset or 0.0)

    def settle(self) -> None:
        """Keep the difference that the last answer shows, if none is kept yet: no later answer changes it."""
        if self._offset is None:
            ahead = 0.0 if self.choice == "local" else self.latest or 0.0
            self._offset = ahead if abs(ahead) > _NOTICED else 0.0

    def warn(self, *, stacklevel: int) -> None:
        """Warn if the clocks differ by more than a minute, and say which of them ages go by."""
        if abs(self.largest) > _WARNED:
            warnings.warn(self._text(), ClockSkew, stacklevel=stacklevel + 1)

    def notes(self) -> list[str]:
        """Return what a plan says of the clocks."""
        text = self._text()
        return [f"{text[0].upper()}{text[1:]}."] if abs(self.largest) > _NOTED else []

    def refuse_doubt(self) -> None:
        """Refuse to plan by ages if the clocks differ by more than a day, and nobody said which one counts."""
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
