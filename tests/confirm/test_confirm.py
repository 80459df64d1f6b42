"""The question before a change: who is asked, what is shown, and that one answer counts once."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.confirm import Confirmation, ask, in_notebook, in_terminal, word_to_type
from bucketsnb.confirm.notebook import Question
from bucketsnb.confirm.question import ConfirmationState
from tests.changes.helpers import PIPELINE, changes_sent, filled, stored


@pytest.fixture
def asked(backend: LocalBackend, buckets: Buckets) -> Confirmation:
    """Return an open question about three works."""
    filled(backend, 3)
    return Confirmation(buckets.plan_delete(pipeline=PIPELINE))


def many(backend: LocalBackend, buckets: Buckets) -> Confirmation:
    filled(backend, 101)
    return Confirmation(buckets.plan_delete(pipeline=PIPELINE))


def test_asking_sends_nothing(backend: LocalBackend, asked: Confirmation) -> None:
    Question(asked)
    assert changes_sent(backend) == []
    assert not asked
    assert asked.state is ConfirmationState.OPEN


def test_no_sends_nothing_and_cannot_be_taken_back(backend: LocalBackend, asked: Confirmation) -> None:
    asked.no()
    assert asked.wait(1)
    assert not asked.yes()
    assert asked.state is ConfirmationState.DECLINED
    assert changes_sent(backend) == []


def test_a_double_click_acts_once(backend: LocalBackend, asked: Confirmation) -> None:
    accepted: list[bool] = []
    threads = [threading.Thread(target=lambda: accepted.append(asked.yes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.wait(30)
    assert sum(accepted) == 1
    assert changes_sent(backend) == ["DELETE /work"]


def test_many_works_want_their_number(backend: LocalBackend, buckets: Buckets) -> None:
    asked = many(backend, buckets)
    assert word_to_type(asked.plan) == "101"
    assert not asked.yes()
    assert not asked.yes("100")
    assert changes_sent(backend) == []
    assert asked.yes("101")
    assert asked.wait(30)
    assert asked


def test_a_failure_is_kept_and_shown(backend: LocalBackend, asked: Confirmation) -> None:
    widget = Question(asked)
    backend.faults.add("DELETE /work", status=403)
    widget.yes.click()
    assert asked.wait(30)
    assert not asked
    assert asked.state is ConfirmationState.FAILED
    assert asked.receipt is not None
    assert "Unauthorized" in widget.message.value
    assert "refused" in widget.message.value


def test_an_expired_plan_says_so(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    asked = Confirmation(buckets.plan_delete(pipeline=PIPELINE, expires_after=-1.0))
    widget = Question(asked)
    widget.yes.click()
    assert asked.wait(30)
    assert "PlanExpired" in widget.message.value
    assert changes_sent(backend) == []


def test_the_button_says_verb_count_pipeline_and_host(backend: LocalBackend, asked: Confirmation) -> None:
    widget = Question(asked)
    assert widget.yes.description == f"Delete 3 works of {PIPELINE} on {backend.url.removeprefix('http://')}"
    assert widget.children[1].children[0] is widget.no


def test_the_button_waits_for_the_number(backend: LocalBackend, buckets: Buckets) -> None:
    widget = Question(many(backend, buckets))
    assert widget.yes.disabled
    widget.yes.click()  # disabled is only paint
    assert "Type 101 first" in widget.message.value
    assert changes_sent(backend) == []
    widget.typed.value = "101"
    assert not widget.yes.disabled


def test_the_receipt_stands_where_the_question_stood(backend: LocalBackend, asked: Confirmation) -> None:
    widget = Question(asked)
    widget.yes.click()
    assert asked.wait(30)
    assert ": 3 works deleted" in widget.message.value
    assert widget.yes.disabled
    assert widget.no.disabled


def test_cancel_says_that_nothing_was_sent(asked: Confirmation) -> None:
    widget = Question(asked)
    widget.no.click()
    assert "nothing was sent" in widget.message.value
    assert widget.yes.disabled


def test_stop_stops_before_the_next_chunk(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 600)
    asked = Confirmation(buckets.plan_delete(pipeline=PIPELINE))
    widget = Question(asked)
    widget.typed.value = "600"
    asked.listen(lambda: widget.no.click() if asked.done else None)
    widget.yes.click()
    assert asked.wait(30)
    assert asked.receipt is not None
    assert (asked.receipt.counts["done"], asked.receipt.counts["not sent"]) == (250, 350)
    assert len(stored(buckets)) == 350


def test_a_saved_notebook_keeps_the_plan(asked: Confirmation) -> None:
    bundle = Question(asked)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == str(asked.plan)
    assert bundle["text/html"] == asked.plan._repr_html_()


def test_what_a_work_says_is_not_live_in_the_question(backend: LocalBackend, buckets: Buckets) -> None:
    backend.store.load([{"pipeline": "a", "site": "<img onerror=x>", "user": "u", "status": "queued"}])
    widget = Question(Confirmation(buckets.plan_delete(pipeline="a", reason="<script>")))
    assert "<img" not in widget.view.value
    assert "<script" not in widget.view.value


def test_a_terminal_is_asked_only_if_a_person_sees_and_types(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not in_terminal()
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert in_terminal()
    monkeypatch.setattr(sys, "stdin", None)
    assert not in_terminal()


def test_an_interrupt_at_the_question_is_a_no(
    asked: Confirmation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    monkeypatch.setattr("bucketsnb.confirm.in_terminal", lambda: True)
    assert ask(asked.plan) is False
    assert PIPELINE in capsys.readouterr().out


def test_tests_are_no_notebook() -> None:
    assert not in_notebook()


@pytest.mark.slow
def test_ipywidgets_is_loaded_only_for_a_notebook() -> None:
    code = "import sys, bucketsnb.client; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_confirmation_says_where_it_is(asked: Confirmation) -> None:
    assert repr(asked).endswith("waiting for an answer>")
    assert ConfirmationState.OPEN.value in asked._repr_html_()
