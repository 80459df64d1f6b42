from __future__ import annotations

import pytest

from bucketsnb.errors import NoAnswer, QueryError
from bucketsnb.widgets.core.error_boundary import ErrorBoundary, Message, message_of
from bucketsnb.widgets.core.messages import Messages
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.core.part import Part


def test_an_exception_in_a_callback_is_shown_and_does_not_escape():
    shown: list[Message] = []
    ErrorBoundary(shown.append)(lambda: {}["missing"])()
    assert [message.kind for message in shown] == ["error"]
    assert "KeyError" in shown[0].details


def test_arguments_reach_the_callback():
    got: list[tuple[object, ...]] = []
    ErrorBoundary(print)(lambda *args: got.append(args))(1, "b")
    assert got == [(1, "b")]


def test_an_interrupt_during_a_callback_is_a_note_not_a_fault():
    shown: list[Message] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    ErrorBoundary(shown.append).run(interrupted)
    assert shown[0].kind == "warning"


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
    key = messages.as_data()[1]["key"]
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


def test_a_message_for_a_part_that_is_not_there_is_shown():
    panel = Panel()
    panel._on_message(panel, {"part": "nobody", "type": "hello"})
    assert panel.messages.shown[0].kind == "error"


def test_the_static_form_is_inert():
    messages = Messages(lambda: None)
    messages.show(Message("error", "<script>alert(1)</script>", "<b>"))
    assert "<script>" not in messages.static()
    assert "<b>" not in messages.static()
