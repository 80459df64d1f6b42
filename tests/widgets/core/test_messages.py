"""What a panel tells the person: whatever a callback raises is shown, with what to do next in words of the page."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator

import pytest

from bucketsnb import errors
from bucketsnb.errors import BucketsError, Cure, NoAnswer, Note, QueryError, ReadOnly
from bucketsnb.widgets.core.messages import Message, Messages, advice, in_page_words, message_of
from bucketsnb.widgets.core.panel import Panel, Part

PYTHON = re.compile(r"\w=|\(\)|``|\bNone\b|\bTrue\b|allow_|plan_|max_affected|buckets\.|client\.|receipt\.")
"""What only those who write Python understand."""


def _kinds(kind: type[BucketsError] = BucketsError) -> Iterator[type[BucketsError]]:
    yield kind
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from _kinds(one)


@pytest.mark.parametrize("kind", sorted(set(_kinds()), key=lambda kind: kind.__name__))
def test_every_error_advises_in_words_of_the_page(kind: type[BucketsError]):
    error = kind.__new__(kind)
    BucketsError.__init__(error, "something")
    assert advice(error)
    assert not PYTHON.search(advice(error))


@pytest.mark.parametrize("cure", list(Cure), ids=lambda cure: cure.name)
def test_every_cure_is_said_in_words_of_the_page_and_in_python_elsewhere(cure: Cure):
    error, note = BucketsError("It is too wide.", cure=cure, value=5), Note("It is too wide.", cure)
    assert str(error).startswith("It is too wide. ")
    for said in (message_of(error).text + message_of(error).advice, in_page_words(note)):
        assert not PYTHON.search(said)
    assert in_page_words(note).startswith("It is too wide. ")


def test_what_is_no_error_of_ours_is_called_a_fault():
    assert "fault in the panel" in advice(KeyError("x"))
    assert advice(QueryError("no field 'stats'")).startswith("Correct the filters")
    assert "client" in advice(ReadOnly("It only reads.", cure=Cure.ALLOW_CHANGES))


def test_a_note_stays_itself_in_copies_and_pickles():
    note = Note("2 works had all of their attempts.", Cure.RESET_ATTEMPTS)
    for again in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (again, again.problem, again.cure) == (note, note.problem, note.cure)
    assert "reset_attempt=True" in note


def _part(panel: Panel | None = None) -> Part:
    return Part(panel or Panel(), "part")


def test_an_exception_in_a_callback_is_shown_and_does_not_escape():
    part = _part()
    part.run(lambda: {}["missing"])
    (message,) = part.panel.messages.shown
    assert message.kind == "error"
    assert "KeyError" in message.details


def test_an_interrupt_during_a_callback_is_a_note_not_a_fault():
    def interrupted() -> None:
        raise KeyboardInterrupt

    part = _part()
    part.run(interrupted)
    assert part.panel.messages.shown[0].kind == "warning"


def test_the_rest_of_a_message_reaches_its_handler():
    class Listening(Part):
        handlers = {"add": lambda self, **given: got.append(given)}  # noqa: RUF012 - as short as it can be

    got: list[dict[str, object]] = []
    Listening(Panel(), "part").receive({"part": "part", "type": "add", "name": "a", "value": 1})
    assert got == [{"name": "a", "value": 1}]


def test_a_failed_request_names_method_path_and_body():
    error = NoAnswer("no answer in 5 s", method="POST", path="/view", url="http://h:1", excerpt="<b>half", attempts=3)
    details = message_of(error).details
    for fact in ("method: POST", "path: /view", "attempts: 3", "excerpt: <b>half"):
        assert fact in details


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\u202e"])
def test_what_cannot_be_seen_is_written_out(hidden: str):
    assert hidden not in message_of(QueryError(f"a{hidden}b")).text


def _messages(*texts: str, source: str = "") -> Messages:
    messages = Messages(lambda: None)
    for text in texts:
        messages.show(Message("info", text), source)
    return messages


def test_the_newest_four_are_kept_and_one_of_each():
    messages = _messages("a", "b", "c", "d", "b", "e", "f")
    assert [message.text for message in messages.shown] == ["f", "e", "b", "d"]


def test_a_message_can_be_dismissed_by_its_key_whatever_came_since():
    messages = _messages("a", "b")
    key = messages.shown[1].key
    messages.show(Message("info", "c"))
    messages.dismiss(key)
    assert [message.text for message in messages.shown] == ["c", "b"]


def test_a_part_takes_its_own_messages_away_and_no_others():
    messages = _messages("a", source="status")
    messages.show(Message("error", "b"), "reader")
    messages.clear("status")
    assert [message.text for message in messages.shown] == ["b"]
    messages.clear()
    assert messages.shown == ()


def test_an_unknown_message_from_the_page_is_shown():
    panel = Panel()
    Part(panel, "part").receive({"type": "nonsense"})
    assert panel.messages.shown[0].kind == "error"


def test_the_static_form_is_inert():
    messages = Messages(lambda: None)
    messages.show(Message("error", "<script>alert(1)</script>", "<b>"))
    assert "<script>" not in messages.static()
    assert "<b>" not in messages.static()
