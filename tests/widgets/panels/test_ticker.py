from __future__ import annotations

import pytest

from bucketsnb.widgets.panels.status import Ticker


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("bucketsnb.widgets.panels.status.monotonic", lambda: now[0])
    return now


def _ticker(ticks: list[int], **options: object) -> Ticker:
    return Ticker(lambda: ticks.append(1), interval=10, **options)


def test_a_tick_refreshes_only_while_it_is_switched_on(clock: list[float]):
    ticks: list[int] = []
    ticker = _ticker(ticks)
    ticker.tick()
    ticker.on = True
    ticker.tick()
    assert len(ticks) == 1


def test_a_tick_that_overtakes_the_switch_is_answered_so_that_the_page_ticks_again(clock: list[float]):
    ticks: list[int] = []
    told: list[str] = []
    ticker = Ticker(lambda: ticks.append(1), lambda: told.append("next"), interval=10)
    ticker.tick()
    assert (ticks, told) == ([], ["next"])


def test_one_refresh_at_a_time(clock: list[float]):
    ticks: list[int] = []
    ticker = _ticker(ticks)
    ticker.on = True
    for _ in range(3):
        ticker.tick()
    assert len(ticks) == 1


def test_a_second_view_of_the_panel_does_not_double_the_rhythm(clock: list[float]):
    ticks: list[int] = []
    ticker = _ticker(ticks)
    ticker.on = True
    ticker.tick()
    ticker.done()
    clock[0] += 1
    ticker.tick()
    clock[0] += 9
    ticker.tick()
    assert len(ticks) == 2


def test_an_armed_confirm_is_left_alone(clock: list[float]):
    ticks: list[int] = []
    armed = [True]
    ticker = _ticker(ticks, hold=lambda: armed[0])
    ticker.on = True
    ticker.tick()
    assert ticks == []
    armed[0] = False
    ticker.tick()
    assert len(ticks) == 1


def test_failures_back_off_and_a_success_brings_the_rhythm_back(clock: list[float]):
    ticker = _ticker([])
    waits = []
    for _ in range(7):
        ticker.done(ok=False)
        waits.append(ticker.wait)
    assert waits == [20, 40, 80, 160, 300, 300, 300]
    ticker.done()
    assert ticker.wait == 10
