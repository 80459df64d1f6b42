"""How many examples a property is tried on: few in every run, many with ``pytest --hypothesis-profile=long``."""

from __future__ import annotations

from hypothesis import settings

EXAMPLES = 60
LONGER = 50
"""How many times as many the long profile tries, of every test."""


def register_profiles() -> None:
    """Register both; how long one example takes says how busy the machine is, so none has a deadline."""
    settings.register_profile("no clock", deadline=None, max_examples=EXAMPLES)
    settings.register_profile("long", deadline=None, max_examples=EXAMPLES * LONGER)
    settings.load_profile("no clock")


def examples(number: int) -> int:
    """Return how many examples a test with a budget of its own tries, under the profile that was chosen."""
    assert settings.default is not None
    return number * max(1, settings.default.max_examples // EXAMPLES)
