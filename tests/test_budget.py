from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import settings

from tests.budget import LONGER, examples


@pytest.mark.parametrize(("profile", "times"), [("no clock", 1), ("long", LONGER)])
def test_the_long_profile_tries_more_examples_of_tests_with_a_budget_of_their_own_too(monkeypatch, profile, times):
    monkeypatch.setattr("tests.budget.settings", SimpleNamespace(default=settings.get_profile(profile)))
    assert examples(30) == 30 * times
