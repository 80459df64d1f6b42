"""The question before a change acts once, only when asked, and only with the count typed where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bucketsnb.widgets.confirm import Confirm
from bucketsnb.widgets.guard import Guard, Message


@pytest.fixture
def shown() -> list[Message]:
    return []


@pytest.fixture
def confirm(shown: list[Message]) -> Iterator[Confirm]:
    confirm = Confirm(Guard(shown.append))
    yield confirm
    confirm.close()


@pytest.fixture
def done() -> list[str]:
    return []


def ask(confirm: Confirm, done: list[str], word: str | None = None) -> None:
    confirm.ask(
        "Delete 2 works?", "Delete 2 works", yes=lambda: done.append("yes"), no=lambda: done.append("no"), word=word
    )


def test_a_double_click_acts_once(confirm: Confirm, done: list[str]) -> None:
    ask(confirm, done)
    confirm.yes.click()
    confirm.yes.click()
    assert done == ["yes"]


def test_nothing_acts_before_the_question(confirm: Confirm, done: list[str]) -> None:
    confirm.yes.click()
    confirm.no.click()
    assert done == []
    assert confirm.layout.display == "none"


def test_cancel_takes_the_question_away(confirm: Confirm, done: list[str]) -> None:
    ask(confirm, done)
    confirm.no.click()
    confirm.yes.click()
    assert done == ["no"]
    assert confirm.layout.display == "none"


def test_a_disarmed_question_does_nothing(confirm: Confirm, done: list[str]) -> None:
    ask(confirm, done)
    confirm.disarm()
    confirm.yes.click()
    assert done == []


@pytest.mark.parametrize(("typed", "acts"), [("", False), ("120", False), ("1200", True), (" 1,200 ", True)])
def test_the_count_has_to_be_typed(confirm: Confirm, done: list[str], typed: str, acts: bool) -> None:
    ask(confirm, done, word="1200")
    confirm.typed.value = typed
    assert confirm.yes.disabled is not acts
    confirm.yes.click()
    assert done == (["yes"] if acts else [])


def test_a_count_typed_for_one_question_does_not_answer_the_next(confirm: Confirm, done: list[str]) -> None:
    ask(confirm, done, word="7")
    confirm.typed.value = "7"
    ask(confirm, done, word="7")
    confirm.yes.click()
    assert done == []


def test_text_in_the_question_is_not_live(confirm: Confirm) -> None:
    confirm.ask("Delete <img src=x onerror=alert(1)>?", "Delete", yes=lambda: None)
    assert "<img" not in confirm.question.value


def test_an_action_that_fails_is_shown(confirm: Confirm, shown: list[Message]) -> None:
    def broken() -> None:
        raise RuntimeError("torn")

    confirm.ask("Delete?", "Delete", yes=broken)
    confirm.yes.click()
    assert [message.text for message in shown] == ["torn"]
