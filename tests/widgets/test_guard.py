from __future__ import annotations

import pytest

from bucketsnb.errors import NoAnswer, QueryError
from bucketsnb.widgets.guard import Guard, Message, message_of
from bucketsnb.widgets.messages import MessageArea


def test_an_exception_in_a_callback_is_shown_and_does_not_escape():
    shown: list[Message] = []
    Guard(shown.append)(lambda: {}["missing"])()
    assert [message.kind for message in shown] == ["error"]
    assert "KeyError" in shown[0].details


def test_arguments_reach_the_callback():
    got: list[tuple[object, ...]] = []
    Guard(print)(lambda *args: got.append(args))(1, "b")
    assert got == [(1, "b")]


def test_an_interrupt_during_a_callback_is_a_note_not_a_fault():
    shown: list[Message] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    Guard(shown.append).run(interrupted)
    assert shown[0].kind == "warning"


def test_our_own_errors_advise_their_cure():
    assert message_of(QueryError("no field 'stats'")).advice.startswith("Correct the query")


def test_a_failed_request_names_method_path_and_body():
    error = NoAnswer("no answer in 5 s", method="POST", path="/view", url="http://h:1", excerpt="<b>half", attempts=3)
    details = message_of(error).details
    for fact in ("method: POST", "path: /view", "attempts: 3", "excerpt: <b>half"):
        assert fact in details


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\u202e"])
def test_what_cannot_be_seen_is_written_out(hidden: str):
    assert hidden not in message_of(QueryError(f"a{hidden}b")).text


def test_the_area_keeps_the_newest_five_and_one_of_each():
    area = MessageArea()
    for text in ("a", "b", "c", "d", "b", "e", "f"):
        area.show(Message("info", text))
    assert [message.text for message in area.shown] == ["f", "e", "b", "d", "c"]


def test_a_message_can_be_dismissed_and_errors_cleared():
    area = MessageArea()
    area.show(Message("error", "a"))
    area.show(Message("done", "b"))
    area.show(Message("info", "c"))
    area.receive({"type": "dismiss", "place": 0})
    assert [message.text for message in area.shown] == ["b", "a"]
    area.clear("error")
    assert [message.text for message in area.shown] == ["b"]


def test_an_unknown_message_from_the_page_is_shown():
    area = MessageArea()
    area.receive({"type": "nonsense"})
    assert area.shown[0].kind == "error"


def test_the_static_form_is_inert():
    area = MessageArea()
    area.show(Message("error", "<script>alert(1)</script>", "<b>"))
    assert "<script>" not in area.static()
    assert "<b>" not in area.static()
