from __future__ import annotations

import threading
import warnings

import pytest

from bucketsnb.widgets.core.warned import warned


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=1)


def test_the_same_warning_is_caught_each_time_and_once_a_time():
    for _ in range(2):
        assert warned(lambda: (_warn("left out"), _warn("left out"))[0]) == (None, ["left out"])


def test_threads_that_overlap_hear_their_own_and_leave_the_filters_as_they_were():
    filters, show = list(warnings.filters), warnings.showwarning
    first_in, second_in = threading.Event(), threading.Event()
    heard: dict[str, list[str]] = {}

    def first() -> None:
        first_in.set()
        second_in.wait(5)
        _warn("of the first")

    def second() -> None:
        first_in.wait(5)
        second_in.set()
        one.join(5)
        _warn("of the second")

    def listen(name: str, action) -> None:
        heard[name] = warned(action)[1]

    one = threading.Thread(target=listen, args=("first", first))
    two = threading.Thread(target=listen, args=("second", second))
    one.start()
    two.start()
    two.join(5)
    assert heard == {"first": ["of the first"], "second": ["of the second"]}
    assert (warnings.filters, warnings.showwarning) == (filters, show)


def test_an_action_that_fails_ends_the_listening():
    filters = list(warnings.filters)
    with pytest.raises(ZeroDivisionError):
        warned(lambda: 1 / 0)
    assert warnings.filters == filters
