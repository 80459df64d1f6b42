"""PUT /work and DELETE /work."""

from __future__ import annotations

import pytest

from tests.factory import make_work, make_works

from .conftest import Asking

NOBODY = "f" * 24


def test_an_update_sets_the_fields_it_gives_and_leaves_the_others(ask: Asking) -> None:
    (one,) = ask.deposit(make_work(results={"old": 1}, extra="kept", user="before"))
    before = ask.view()[0]
    changes = {"id": one, "results": {"new": 2}, "user": "after", "added": [1]}
    assert ask.update(changes) is True
    assert [{**before, **changes}] == ask.view()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "failure"),
        ("start", 5.0),
        ("creation", 6.0),
        ("attempt", 2),
        ("retries", 5),
        ("priority", 1),
        ("pipeline", "elsewhere"),
        ("timeout", 7),
        ("config", {"parent": "p"}),
        ("tags", ["new"]),
        ("event", [8]),
        ("site", "kko"),
    ],
)
def test_every_field_can_be_changed_and_be_found_by(ask: Asking, field: str, value: object) -> None:
    one, _ = ask.deposit(*make_works(2))
    ask.update({"id": one, field: value})
    path, wanted = ("config.parent", "p") if field == "config" else (field, value)
    found = ask.view({path: wanted[0] if isinstance(wanted, list) else wanted})
    assert [one] == [work["id"] for work in found]
    assert value == found[0][field]


def test_a_work_is_not_found_by_what_it_had_before(ask: Asking) -> None:
    (one,) = ask.deposit(make_work(tags=["old"], event=[1], site="chime"))
    ask.update({"id": one, "tags": ["new"], "event": None, "site": "kko"})
    assert [*ask.view({"tags": "old"}), *ask.view({"event": 1}), *ask.view({"site": "chime"})] == []


def test_the_times_of_an_update_become_floats(ask: Asking) -> None:
    (one,) = ask.deposit(make_work())
    ask.update({"id": one, "start": 5, "stop": 6})
    text = ask("POST", "/view", {"query": {}}).text
    assert '"start":5.0,"stop":6.0' in text


@pytest.mark.parametrize("wrong", [{"id": NOBODY}, {"id": None}, {}], ids=["unknown", "null", "absent"])
def test_an_unknown_id_is_named_and_nothing_is_written(ask: Asking, wrong: dict[str, object]) -> None:
    (one,) = ask.deposit(make_work(user="before"))
    answer = ask("PUT", "/work", [{"id": one, "user": "after"}, {**wrong, "user": "after"}])
    assert answer.status_code == 404
    assert (wrong.get("id") or "null") in answer.json()["message"]
    assert [work["user"] for work in ask.view()] == ["before"]


@pytest.mark.parametrize(
    "wrong", [{"status": "done"}, {"priority": 9}, {"creation": None}, {"pipeline": 5}, {"id": 5}, {"timeout": "1"}]
)
def test_a_wrong_field_is_refused_and_nothing_is_written(ask: Asking, wrong: dict[str, object]) -> None:
    first, second = ask.deposit(*make_works(2, user="before"))
    answer = ask("PUT", "/work", [{"id": first, "user": "after"}, {"id": second, **wrong}])
    assert answer.status_code == 400
    assert f"works[1].{next(iter(wrong))}" in answer.json()["message"]
    assert [work["user"] for work in ask.view()] == ["before", "before"]


def test_one_work_twice_in_an_update_ends_as_the_last_says(ask: Asking) -> None:
    (one,) = ask.deposit(make_work())
    ask.update({"id": one, "user": "first"}, {"id": one, "user": "second", "site": "kko"})
    assert (ask.view()[0]["user"], ask.view()[0]["site"]) == ("second", "kko")


def test_an_update_of_nothing_is_true(ask: Asking) -> None:
    assert ask.update() is True


def test_ids_are_deleted_and_others_stay(ask: Asking) -> None:
    first, second, third = ask.deposit(*make_works(3))
    assert ask.json("DELETE", "/work", params={"ids": [first, third]}) is True
    assert [second] == [work["id"] for work in ask.view()]


def test_a_thousand_ids_in_the_address(ask: Asking) -> None:
    ids = ask.deposit(*make_works(2_200))
    assert ask.json("DELETE", "/work", params={"ids": ids}) is True
    assert ask.status()["total"] == 0


def test_ids_in_the_body(ask: Asking) -> None:
    first, second = ask.deposit(*make_works(2))
    assert ask.json("DELETE", "/work", {"ids": [first]}) is True
    assert [second] == [work["id"] for work in ask.view()]


def test_ids_in_the_address_and_in_the_body_are_all_deleted(ask: Asking) -> None:
    first, second, third = ask.deposit(*make_works(3))
    assert ask.json("DELETE", "/work", {"ids": [first]}, params={"ids": [second]}) is True
    assert [third] == [work["id"] for work in ask.view()]


def test_a_body_that_cannot_be_read_keeps_the_ids_of_the_address_from_being_deleted(ask: Asking) -> None:
    (one,) = ask.deposit(make_work())
    assert ask("DELETE", "/work", params={"ids": [one]}, data=b"{").status_code == 400
    assert ask.status()["total"] == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"params": {"ids": ""}},
        {"json": {"ids": []}},
        {"json": {}},
        {"json": {"ids": None}},
        {"json": {"ids": [None]}},
        {"json": ["a"]},
        {"data": b"{"},
    ],
)
def test_a_deletion_without_ids_deletes_nothing(ask: Asking, options: dict[str, object]) -> None:
    ask.deposit(*make_works(3))
    assert ask("DELETE", "/work", **options).status_code == 400
    assert ask.status()["total"] == 3


def test_missing_ids_make_the_answer_false_and_the_others_are_deleted(ask: Asking) -> None:
    (one,) = ask.deposit(make_work())
    assert ask.json("DELETE", "/work", params={"ids": [one, NOBODY]}) is False
    assert ask.json("DELETE", "/work", params={"ids": [one]}) is False
    assert ask.status()["total"] == 0


def test_one_id_twice_is_one(ask: Asking) -> None:
    (one,) = ask.deposit(make_work())
    assert ask.json("DELETE", "/work", params={"ids": [one, one]}) is True
