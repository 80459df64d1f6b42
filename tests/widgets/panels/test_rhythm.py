"""Auto-refresh that the page drives: one at a time, never under an open question, and slower while it fails."""

from __future__ import annotations

import pytest

from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.panels.status import StatusTable
from tests.widgets.page import Sent


class Table(StatusTable):
    """A status that counts its refreshes, and ends them when told."""

    refreshes = 0

    def refresh_all(self) -> None:
        self.refreshes += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, in a list that tests set."""
    now = [1000.0]
    monkeypatch.setattr("bucketsnb.widgets.panels.status.monotonic", lambda: now[0])
    return now


@pytest.fixture
def table(clock: list[float]) -> Table:
    table = Table(Panel(), interval=10)
    table.auto = True
    return table


def test_a_tick_refreshes_only_while_it_is_switched_on(table: Table):
    table.auto = False
    table.tick()
    table.auto = True
    table.tick()
    assert table.refreshes == 1


def test_a_tick_that_overtakes_the_switch_is_answered_so_that_the_page_ticks_again(table: Table, sent: Sent):
    table.auto = False
    table.tick()
    assert (table.refreshes, sent.count(table, "next")) == (0, 1)


def test_a_second_view_of_the_panel_does_not_double_the_rhythm(table: Table, clock: list[float]):
    table.tick()
    table._ended(ok=True)
    clock[0] += 1
    table.tick()
    clock[0] += 9
    table.tick()
    assert table.refreshes == 2


def test_an_open_question_is_left_alone(table: Table):
    table.state.plan = object()
    table.tick()
    assert table.refreshes == 0
    table.state.plan = None
    table.tick()
    assert table.refreshes == 1


def test_failures_back_off_and_a_success_brings_the_rhythm_back(table: Table):
    waits = []
    for _ in range(7):
        table._ended(ok=False)
        waits.append(table.wait)
    assert waits == [20, 40, 80, 160, 300, 300, 300]
    table._ended(ok=True)
    assert table.wait == 10
