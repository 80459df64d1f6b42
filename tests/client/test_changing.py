"""The methods of the service's own client that change works: its calls, its answers, and nothing in silence."""

from __future__ import annotations

import inspect
import io
import sys
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes import guarded
from bucketsnb.changes.targets import NothingSent, WorksLeft
from bucketsnb.confirm import Confirmation
from bucketsnb.errors import ConfirmationNeeded, QueryError, Refused, ScopeRefused, ServiceError, WorkError
from tests.changes.helpers import PIPELINE, changes_sent, filled, lines, stored
from tests.factory import make_work


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look as often as ever for what came of a request, without the pauses between."""
    monkeypatch.setattr(guarded, "PAUSES", (0.0, 0.0))


class Terminal(io.StringIO):
    """A terminal in which one answer was typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sit at a terminal, and type an answer."""

    def type_(answer: str) -> Terminal:
        shown = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(sys, "stdout", shown)
        return shown

    return type_


# --- delete_ids ---


def test_no_ids_send_nothing_and_say_so(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    with pytest.warns(NothingSent, match="no ids"):
        assert buckets.delete_ids([]) is False
    assert len(backend.requests) == 0


def test_any_number_of_ids_goes_in_lines_that_no_server_refuses(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 1200)
    assert buckets.delete_ids(ids) is True
    assert stored(buckets) == {}
    assert max(len(f"DELETE /work?{one.query} HTTP/1.1") for one in backend.requests.of("DELETE")) < 8192


def test_ids_are_deleted_whatever_the_status_and_once_each(backend: LocalBackend, buckets: Buckets) -> None:
    ids = [*filled(backend, 1, status="running", start=1.0), *filled(backend, 1, status="success")]
    assert buckets.delete_ids(ids * 2) is True
    assert stored(buckets) == {}


def test_ids_that_are_gone_already_are_gone(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    backend.store.delete(ids[:1])
    assert buckets.delete_ids(ids) is True
    assert buckets.delete_ids(ids) is True


def test_works_that_are_still_there_are_false_and_said(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    backend.faults.add("DELETE /work", body=b"true")
    with pytest.warns(WorksLeft, match="2 still there"):
        assert buckets.delete_ids(ids) is False


def test_a_refusal_is_raised(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 1)
    backend.faults.add("DELETE /work", status=403)
    with pytest.raises(Refused):
        buckets.delete_ids(ids)


def test_deleted_ids_are_on_record(backend: LocalBackend, buckets: Buckets) -> None:
    ids = filled(backend, 2)
    buckets.delete_ids(ids)
    (entry,) = buckets.journal().entry
    assert [work["id"] for line in lines(entry) for work in line.get("before") or ()] == ids


# --- delete_many ---


def test_the_default_limit_equals_the_services_and_says_what_it_means() -> None:
    limit = inspect.signature(Buckets.delete_many).parameters["limit"].default
    assert limit == 100
    assert repr(limit) == "all"


def test_all_that_match_are_deleted_and_nothing_else(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 150)
    others = [*filled(backend, 1, status="failure"), *filled(backend, 1, pipeline="other")]
    assert buckets.delete_many(PIPELINE, "queued", force=True) is True
    assert set(stored(buckets)) == set(others)


@pytest.mark.parametrize("limit", [100, 7])
def test_a_limit_takes_the_newest_and_says_how_many_it_leaves(
    backend: LocalBackend, buckets: Buckets, limit: int
) -> None:
    ids = filled(backend, 150)
    with pytest.warns(WorksLeft, match=f"{150 - limit} more match"):
        assert buckets.delete_many(PIPELINE, force=True, limit=limit) is True
    assert set(stored(buckets)) == set(ids[: 150 - limit])


@pytest.mark.parametrize("limit", [None, 10_000])
def test_a_limit_that_leaves_none_says_nothing(backend: LocalBackend, buckets: Buckets, limit: int | None) -> None:
    filled(backend, 3)
    assert buckets.delete_many(PIPELINE, force=True, limit=limit) is True


def test_filters_are_those_of_the_service(backend: LocalBackend, buckets: Buckets) -> None:
    wanted = make_work(status="failure", event=[1, 2], tags=["a", "b"])
    wanted["config"]["parent"] = "x"
    (one,) = backend.store.load([wanted])
    others = {*filled(backend, 1), *filled(backend, 1, status="failure", event=[1])}
    assert buckets.delete_many(PIPELINE, "failure", [2, 3], ["b"], "x", True) is True
    assert one not in stored(buckets)
    assert set(stored(buckets)) == others


def test_nothing_that_matches_is_false_and_asks_nobody(backend: LocalBackend, buckets: Buckets) -> None:
    assert buckets.delete_many("nobody") is False
    assert changes_sent(backend) == []


@pytest.mark.parametrize("filters", [{"events": []}, {"tags": []}, {"parent": ""}, {"status": []}], ids=str)
def test_an_empty_filter_never_means_anything(backend: LocalBackend, buckets: Buckets, filters: dict[str, Any]) -> None:
    filled(backend, 1)
    with pytest.raises(QueryError):
        buckets.delete_many(PIPELINE, force=True, **filters)
    assert len(stored(buckets)) == 1


@pytest.mark.parametrize("pipeline", ["", None, [PIPELINE]], ids=repr)
def test_a_pipeline_must_be_named(backend: LocalBackend, buckets: Buckets, pipeline: Any) -> None:
    with pytest.raises(ScopeRefused):
        buckets.delete_many(pipeline, force=True)
    assert len(backend.requests) == 0


@pytest.mark.parametrize("limit", [0, -1, True, 2.5])
def test_a_limit_that_deletes_nothing_is_refused(backend: LocalBackend, buckets: Buckets, limit: Any) -> None:
    with pytest.raises(QueryError, match="deletes nothing"):
        buckets.delete_many(PIPELINE, force=True, limit=limit)
    assert len(backend.requests) == 0


def test_without_anybody_to_ask_it_refuses(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    with pytest.raises(ConfirmationNeeded, match="force=True"):
        buckets.delete_many(PIPELINE)
    assert changes_sent(backend) == []


@pytest.mark.parametrize("answer", ["yes\n", "Y\n", " YES \n"])
def test_a_yes_in_a_terminal_deletes(backend: LocalBackend, buckets: Buckets, typed: Any, answer: str) -> None:
    filled(backend, 3)
    shown = typed(answer)
    assert buckets.delete_many(PIPELINE) is True
    assert f"Delete 3 works of {PIPELINE} on 127.0.0.1" in shown.getvalue()
    assert stored(buckets) == {}


@pytest.mark.parametrize("answer", ["no\n", "\n", "", "yes please\n", "3\n"])
def test_anything_else_in_a_terminal_leaves_all_as_it_is(
    backend: LocalBackend, buckets: Buckets, typed: Any, answer: str
) -> None:
    filled(backend, 3)
    typed(answer)
    assert buckets.delete_many(PIPELINE) is False
    assert changes_sent(backend) == []


@pytest.mark.parametrize(("answer", "deleted"), [("101\n", True), ("yes\n", False), ("100\n", False)])
def test_many_works_want_their_number_typed(
    backend: LocalBackend, buckets: Buckets, typed: Any, answer: str, deleted: bool
) -> None:
    filled(backend, 101)
    shown = typed(answer)
    assert buckets.delete_many(PIPELINE) is deleted
    assert "Type 101" in shown.getvalue()
    assert (stored(buckets) == {}) is deleted


def test_a_running_work_wants_the_number_typed(backend: LocalBackend, buckets: Buckets, typed: Any) -> None:
    filled(backend, 2, status="running", start=1.0)
    shown = typed("yes\n")
    assert buckets.delete_many(PIPELINE) is False
    assert "workers may be busy" in shown.getvalue()


def test_in_a_notebook_the_answer_is_a_question_that_is_false(
    backend: LocalBackend, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(backend, 3)
    monkeypatch.setattr("bucketsnb.confirm.in_notebook", lambda: True)
    monkeypatch.setattr("bucketsnb.confirm.notebook.show", lambda _: None)
    asked = buckets.delete_many(PIPELINE)
    assert isinstance(asked, Confirmation)
    assert not asked
    assert changes_sent(backend) == []
    assert asked.yes()
    assert asked.wait(30)
    assert asked
    assert asked.receipt is not None
    assert asked.receipt.counts["done"] == 3
    assert stored(buckets) == {}


# --- update ---


def test_an_update_changes_the_fields_that_are_given_and_loses_no_other(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (one,) = filled(backend, 1, shape="of an old work")
    before = stored(buckets)[one]
    assert buckets.update([{"id": one, "priority": 5, "results": {"snr": 1}}]) is True
    assert stored(buckets)[one] == {**before, "priority": 5, "results": {"snr": 1}}


def test_an_update_takes_whole_payloads(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 3)
    works = [{**work, "status": "success"} for work in stored(buckets).values()]
    assert buckets.update(works) is True
    assert stored(buckets) == {work["id"]: work for work in works}


def test_an_update_of_an_unknown_work_is_false_and_said(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    unknown = "6" * 24
    with pytest.warns(WorksLeft, match="is not there"):
        assert buckets.update([{"id": one, "priority": 5}, {"id": unknown, "priority": 5}]) is False
    assert stored(buckets)[one]["priority"] == 5
    assert list(stored(buckets)) == [one]


@pytest.mark.parametrize("works", [[{"priority": 5}], [{"id": None}], ["a"], {"id": "a"}], ids=str)
def test_what_cannot_be_updated_is_named_before_anything_is_sent(
    backend: LocalBackend, buckets: Buckets, works: Any
) -> None:
    with pytest.raises(WorkError):
        buckets.update(works)
    assert len(backend.requests) == 0


def test_a_work_that_is_given_twice_is_named_before_anything_is_sent(backend: LocalBackend, buckets: Buckets) -> None:
    one, other = filled(backend, 2)
    with pytest.raises(WorkError, match=f"Work 2: {one} is given more than once") as caught:
        buckets.update([{"id": one, "priority": 5}, {"id": other}, {"id": one, "tags": ["x"]}])
    assert (caught.value.index, caught.value.field) == (2, "id")
    assert len(backend.requests) == 0


def test_a_result_that_cannot_be_sent_is_named_at_once(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    with pytest.raises(WorkError, match=r"results\.snr"):
        buckets.update([{"id": one, "results": {"snr": float("nan")}}])
    assert len(backend.requests) == 0


def test_an_update_that_the_service_refuses_is_raised(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    backend.faults.add("PUT /work", status=400)
    with pytest.raises(Refused):
        buckets.update([{"id": one, "priority": 5}])


def test_nothing_to_update_or_deposit_says_so(backend: LocalBackend, buckets: Buckets) -> None:
    for call, answer in (
        (lambda: buckets.update([]), False),
        (lambda: buckets.deposit([]), True),
        (lambda: buckets.deposit([], return_ids=True), []),
    ):
        with pytest.warns(NothingSent):
            assert call() == answer
    assert len(backend.requests) == 0


def test_a_service_that_cannot_be_read_is_raised(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    backend.faults.add("POST /view", status=500, times=None)
    with pytest.raises(ServiceError):
        buckets.update([{"id": one, "priority": 5}])
    with pytest.raises(ServiceError):
        buckets.delete_ids([one])
