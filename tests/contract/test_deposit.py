"""POST /work."""

from __future__ import annotations

import json
import re
import time

import pytest

from bucketsnb import LocalBackend
from tests.factory import make_work, make_works

from .conftest import Asking


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", False),
        ("?return_ids=True", True),
        ("?return_ids=true", True),
        ("?return_ids=True&return_ids=True", True),
        ("?return_ids=False&return_ids=True", False),
        ("?return_ids=False", False),
    ],
)
def test_the_first_return_ids_decides_what_is_answered(ask: Asking, query: str, ids: bool) -> None:
    answer = ask.json("POST", f"/work{query}", [make_work()])
    assert ([work["id"] for work in ask.view()] if ids else True) == answer


def test_ids_are_24_hexadecimal_digits_in_the_order_of_the_works(ask: Asking) -> None:
    ids = ask.deposit(*(make_work(user=f"user-{number}") for number in range(20)))
    assert all(re.fullmatch("[0-9a-f]{24}", one) for one in ids)
    held = {work["id"]: work["user"] for work in ask.view()}
    assert [f"user-{number}" for number in range(20)] == [held[one] for one in ids]


def test_a_work_is_queued_and_otherwise_kept_as_sent(ask: Asking) -> None:
    sent = make_work(status="created", attempt=1, start=1.5, stop=2.5, extra={"é": [1, None, {"<b>": 2.0}]})
    (one,) = ask.deposit(sent)
    assert [{**sent, "id": one, "status": "queued"}] == ask.view()


def test_fields_keep_their_order(ask: Asking) -> None:
    sent = make_work()
    ask.deposit(sent)
    assert list(sent) == list(ask.view()[0])


def test_a_deposit_again_gets_a_new_id_and_overwrites_nothing(ask: Asking) -> None:
    (first,) = ask.deposit(make_work(user="first"))
    (second,) = ask.deposit(make_work(user="second", id=first))
    assert {first: "first", second: "second"} == {work["id"]: work["user"] for work in ask.view()}


def test_no_works_are_a_deposit_of_none(ask: Asking) -> None:
    assert (ask.deposit(), ask.json("POST", "/work", [])) == ([], True)


@pytest.mark.parametrize("field", ["creation", "start", "stop"])
def test_times_are_answered_as_floats(ask: Asking, field: str) -> None:
    ask.deposit(make_work(**{field: 1795467403}))
    text = ask("POST", "/view", {"query": {}}).text
    assert f'"{field}":1795467403.0' in text


def test_missing_fields_of_the_queue_are_filled_in(ask: Asking) -> None:
    before = time.time()
    ask.deposit({"pipeline": "bare"})
    (work,) = ask.view()
    assert before <= work.pop("creation") <= time.time()
    assert re.fullmatch("[0-9a-f]{24}", work.pop("id"))
    assert work == {
        "pipeline": "bare",
        "status": "queued",
        "start": None,
        "stop": None,
        "attempt": 0,
        "timeout": 3600,
        "retries": 2,
        "priority": 3,
    }


@pytest.mark.parametrize(
    "old",
    [
        {"path": ".", "group": "chimefrb", "archive": True, "precursors": [{"a": 1}], "config": "settings.yml"},
        {"config": None, "site": None, "user": None, "event": 5, "tags": "alone"},
        {"config": [{"parent": "x"}], "site": ["a", "b"], "user": 7},
        {"pipeline": "Not_A pipeline/of today?"},
        {"retries": -3},
    ],
    ids=["2.x", "nulls and scalars", "odd types", "old name", "negative retries"],
)
def test_works_of_other_times_are_taken(ask: Asking, old: dict[str, object]) -> None:
    (one,) = ask.deposit(make_work(**old))
    (work,) = ask.view()
    assert old == {name: work[name] for name in old}
    assert one == ask.withdraw(work["pipeline"])["id"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pipeline": None}, "works[1].pipeline is missing; expected 1 to 128 characters"),
        ({"pipeline": ""}, "works[1].pipeline is ''; expected 1 to 128 characters"),
        ({"pipeline": "x" * 129}, "works[1].pipeline is 'xxx"),
        ({"priority": 0}, "works[1].priority is 0; expected an integer from 1 to 5"),
        ({"priority": 6}, "works[1].priority is 6"),
        ({"priority": "3"}, "works[1].priority is '3', text; expected an integer"),
        ({"priority": True}, "works[1].priority is True, a boolean; expected"),
        ({"priority": 3.0}, "works[1].priority is 3.0, a number; expected an integer"),
        ({"status": "sucess"}, "works[1].status is 'sucess'; expected one of created, queued"),
        ({"timeout": 0}, "works[1].timeout is 0"),
        ({"timeout": 259_201}, "works[1].timeout is 259201; expected an integer from 1 to 259200"),
        ({"retries": 6}, "works[1].retries is 6"),
        ({"attempt": -1}, "works[1].attempt is -1"),
        ({"creation": "today"}, "works[1].creation is 'today', text; expected epoch seconds"),
        ({"start": 1e300}, "works[1].start is 1e+300; expected epoch seconds or null"),
        ({"results": {"deep": [1, 10**30]}}, "works[1].results.deep[1] is an integer of more than 64 bits"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_one_wrong_work_stores_none_and_is_named(ask: Asking, wrong: dict[str, object], message: str) -> None:
    answer = ask("POST", "/work", [make_work(), make_work(**wrong)])
    assert (answer.status_code, answer.json()["description"]) == (400, "Bad Request")
    assert message in answer.json()["message"]
    assert ask.status()["total"] == 0


def test_a_work_without_pipeline_is_named(ask: Asking) -> None:
    assert ask("POST", "/work", [{"site": "chime"}]).json()["message"] == "works[0] has no pipeline"


@pytest.mark.parametrize("works", [{"pipeline": "a"}, "text", 5, None, [[]], ["work"], [None]])
def test_what_is_no_array_of_works_is_refused(ask: Asking, works: object) -> None:
    answer = ask("POST", "/work", data=json.dumps(works))
    assert answer.status_code == 400
    assert ask.status()["total"] == 0


def test_a_work_over_16_megabytes_is_refused(ask: Asking) -> None:
    answer = ask("POST", "/work", [make_work(), make_work(results={"data": "x" * 17_000_000})])
    assert answer.status_code == 413
    assert "works[1] has 17,000," in answer.json()["message"]
    assert ask.status()["total"] == 0


def test_a_deep_work_is_refused_and_a_less_deep_one_is_not(ask: Asking) -> None:
    def nested(levels: int) -> object:
        return [] if levels == 1 else [nested(levels - 1)]

    assert ask("POST", "/work", [make_work(results=nested(150))]).status_code == 400
    ask.deposit(make_work(results=nested(90)))


def test_a_deposit_is_seen_at_once(ask: Asking) -> None:
    for number in range(1, 20):
        ask.deposit(make_work())
        assert number == len(ask.view()) == ask.status()["total"]


@pytest.mark.slow
def test_ten_thousand_works_in_one_deposit(ask: Asking, service: LocalBackend) -> None:
    works = [make_work(event=[number]) for number in range(10_000)]
    assert len(set(ask.deposit(*works))) == 10_000
    assert service.store.status()["queued"] == 10_000


def test_ids_of_two_deposits_differ(ask: Asking) -> None:
    assert not set(ask.deposit(*make_works(3))) & set(ask.deposit(*make_works(3)))
