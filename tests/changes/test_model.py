"""What the public client would not read, or would read as something else, is refused wherever a work is written."""

from __future__ import annotations

import copy
import json
from typing import Any

import pandas as pd
import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.errors import WorkError
from bucketsnb.schema import FIELD_NAMES, PATHS, Kind, problems, problems_of_change, with_defaults
from tests.changes.helpers import changes_sent, filled, stored
from tests.factory import make_work

BARE = {"pipeline": "sample", "site": "local", "user": "tester"}


def archive(**changes: Any) -> dict[str, Any]:
    config = make_work()["config"]
    return {"config": {**config, "archive": {**config["archive"], **changes}}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"parameters": [1]}, "parameters", "is [1], a list; expected a mapping or null, such as {"),
    ({"parameters": "dm=3"}, "parameters", "expected a mapping"),
    ({"command": "echo hi"}, "command", "is 'echo hi', text; expected a list of text or null, such as ["),
    ({"command": ["echo", 1]}, "command[1]", "is 1, a number; expected text"),
    ({"command": ["f"], "function": "f"}, "command", "is given beside function; give one of the two"),
    ({"config": "x"}, "config", "expected a mapping, such as {"),
    ({"config": []}, "config", "expected a mapping"),
    ({"config": {**make_work()["config"], "archive": "yes"}}, "config.archive", "expected a mapping, such as {"),
    ({"config": {**make_work()["config"], "parent": 5}}, "config.parent", "expected text or null"),
    ({"config": {**make_work()["config"], "orgs": "chimefrb"}}, "config.orgs", "expected a list of text"),
    ({"config": {**make_work()["config"], "archve": {}}}, "config.archve", "did you mean 'archive'?"),
    (archive(products="keep"), "config.archive.products", "expected one of bypass, copy, delete, move"),
    (archive(plots="pass"), "config.archive.plots", "expected one of bypass, copy, delete, move"),
    (archive(logs=True), "config.archive.logs", "expected one of bypass, copy, delete, move"),
    (archive(results="True"), "config.archive.results", "is 'True', text; expected true or false"),
    (archive(results=1), "config.archive.results", "is 1, a number; expected true or false"),
    ({"function": 3}, "function", "is 3, a number; expected text or null"),
    ({"products": "a.h5"}, "products", "expected a list of text or null, such as ["),
    ({"products": {"a.h5": 1}}, "products", "expected a list of text"),
    ({"plots": [1]}, "plots[0]", "expected text"),
    ({"results": [1]}, "results", "expected a mapping or null"),
    ({"results": True}, "results", "expected a mapping or null"),
    ({"notify": {"slack": "C1"}}, "notify.slack", "expected a mapping, such as {"),
    ({"notify": {"slack": {"channel": "C1"}}}, "notify.slack.channel", "is not a field of notify.slack"),
    ({"notify": {"slack": {"plots": "yes"}}}, "notify.slack.plots", "expected true or false or null"),
    ({"event": ["9385707"]}, "event[0]", "expected an integer"),
    ({"event": [True]}, "event[0]", "expected an integer"),
    ({"tags": "a"}, "tags", "expected a list of text"),
    ({"priority": 9}, "priority", "expected an integer from 1 to 5"),
    ({"timeout": 3600.5}, "timeout", "expected an integer from 1 to 259200"),
    ({"retries": 6}, "retries", "expected an integer of at most 5"),
    ({"status": "done"}, "status", "expected one of created, queued, running"),
    ({"site": 5}, "site", "expected text"),
    ({"start": 10**15 + 1}, "start", "expected epoch seconds"),
]
each = pytest.mark.parametrize(("changes", "field", "said"), REFUSED, ids=[json.dumps(one[0])[-40:] for one in REFUSED])


@each
def test_a_deposit_is_refused_by_the_path_of_the_field_and_with_what_would_be_right(
    backend: LocalBackend, buckets: Buckets, changes: dict[str, Any], field: str, said: str
) -> None:
    rows = [make_work(), {**BARE, **changes}]
    with pytest.raises(WorkError, match="Work 1 ") as caught:
        buckets.deposit(rows)
    assert (caught.value.index, caught.value.field) == (1, field)
    assert said in str(caught.value)
    (problem,) = buckets.plan_deposit(rows).problems.itertuples()
    assert (problem.row, problem.field) == (1, field)
    assert said in problem.problem
    assert changes_sent(backend) == []


@each
def test_an_update_is_refused_by_the_path_of_the_field_and_with_what_would_be_right(
    backend: LocalBackend, buckets: Buckets, changes: dict[str, Any], field: str, said: str
) -> None:
    fine, one = filled(backend, 2)
    with pytest.raises(WorkError, match="Work 1 ") as caught:
        buckets.update([{"id": fine, "priority": 5}, {"id": one, **changes}])
    assert (caught.value.index, caught.value.field) == (1, field)
    assert said in str(caught.value)
    frame = buckets.view({}).sort_values("creation")
    for name, value in changes.items():
        frame[name] = pd.Series([frame[name].iloc[0], value], index=frame.index, dtype=object)
    with pytest.raises(WorkError, match="Work 1 ") as caught:
        buckets.plan_update(frame)
    assert caught.value.field == field
    assert said in str(caught.value)
    assert changes_sent(backend) == []


def test_every_problem_of_every_row_is_named(buckets: Buckets) -> None:
    rows = [{"site": "local", "user": "me", "priority": 0, "config": {"archive": "x", "teams": 1}, "colour": "red"}]
    found = buckets.plan_deposit(rows).problems
    assert found.field.tolist() == ["pipeline", "priority", "config.archive", "config.teams", "colour"]
    with pytest.raises(WorkError, match=r"pipeline is missing.*Also wrong: priority, config.archive, config.teams"):
        buckets.deposit(rows)


def test_a_command_for_a_work_that_has_a_function_is_refused(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1, function="f")
    with pytest.raises(WorkError, match="is given beside function"):
        buckets.update([{"id": one, "command": ["f"]}])
    assert buckets.update([{"id": one, "command": ["f"], "function": None}])


def test_an_update_may_not_take_away_what_the_daemons_need(backend: LocalBackend, buckets: Buckets) -> None:
    (one,) = filled(backend, 1)
    for config, field in (
        ({"parent": "p"}, "config.archive"),
        ({"archive": {"products": "move"}}, "config.archive.results"),
        (None, "config"),
    ):
        with pytest.raises(WorkError, match=f"{field} is missing; expected") as caught:
            buckets.update([{"id": one, "config": config}])
        assert caught.value.field == field


def test_what_was_wrong_in_a_work_before_is_carried_and_keeps_nobody_from_changing_the_rest(
    backend: LocalBackend, buckets: Buckets
) -> None:
    old = {"config": {"archive": {"results": "pass"}, "own": 1}, "results": [1], "site": None, "colour": "red"}
    (one,) = filled(backend, 1, **old)
    assert buckets.update([{"id": one, "priority": 5, "config": {**old["config"], "parent": "p"}, "colour": "blue"}])
    work = stored(buckets)[one]
    assert (work["config"], work["colour"]) == ({**old["config"], "parent": "p"}, "blue")
    with pytest.raises(WorkError, match=r"config\.archive\.results is 'yes'"):
        buckets.update([{"id": one, "config": {"archive": {"results": "yes"}}}])


def test_a_claim_ends_only_with_what_the_public_client_reads(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    claim = buckets.claim("baseband-converter")
    for end in (lambda: claim.success(results=[1]), lambda: claim.success(products="a.h5")):
        with pytest.raises(WorkError, match="expected a"):
            end()
    claim.success(results={"dm": 5.5}, products=["a.h5"])
    assert claim.receipt is not None


# --- defaults ---

CONFIG, SLACK = make_work()["config"], make_work()["notify"]["slack"]
FILLED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"priority": 5, "retries": None}, {"priority": 5, "retries": 2}),
    ({"config": {"archive": {"products": "move"}}}, archive(products="move")),
    (
        {"config": {"parent": "p", "teams": ["a"], "strategy": "relaxed"}},
        {"config": {**CONFIG, "parent": "p", "teams": ["a"], "strategy": "relaxed"}},
    ),
    ({"config": {"archive": None, "orgs": []}}, {"config": {**CONFIG, "orgs": []}}),
    ({"notify": {"slack": {"channel_id": "C1"}}}, {"notify": {"slack": {**SLACK, "channel_id": "C1"}}}),
    ({"notify": {}, "config": {}}, {}),
]


@pytest.mark.parametrize("way", ["deposit", "plan_deposit"])
@pytest.mark.parametrize(("given", "expected"), FILLED, ids=[json.dumps(given) for given, _ in FILLED])
def test_what_a_deposit_leaves_out_is_filled_in_at_every_depth_and_what_it_gives_stays(
    buckets: Buckets, way: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    work = {**BARE, "creation": 1_795_000_000.0, **given}
    before = copy.deepcopy(work)
    if way == "deposit":
        buckets.deposit([work])
    else:
        buckets.plan_deposit([work]).apply()
    (found,) = stored(buckets).values()
    assert {**make_work(**BARE, creation=work["creation"]), **expected, "id": found["id"], "status": "queued"} == found
    assert work == before
    assert list(found) == list(FIELD_NAMES)


@pytest.mark.parametrize(
    "columns", [{"config.archive.products": ["move"]}, {"config": [{"archive": {"products": "move"}}]}]
)
def test_a_row_with_a_part_of_the_archive_gets_the_rest(buckets: Buckets, columns: dict[str, Any]) -> None:
    buckets.plan_deposit(pd.DataFrame({**{name: [value] for name, value in BARE.items()}, **columns})).apply()
    (found,) = stored(buckets).values()
    assert found["config"] == archive(products="move")["config"]


# --- the model itself ---


def test_a_work_of_the_factory_is_what_the_defaults_make_of_a_bare_one() -> None:
    work = make_work()
    assert problems(work) == []
    assert work == with_defaults({name: work[name] for name in ("pipeline", "site", "user", "creation")})


def test_every_field_has_a_path_and_says_what_is_right() -> None:
    assert PATHS["config.archive.results"].kind is Kind.BOOLEAN
    assert PATHS["notify.slack.member_ids"].kind is Kind.TEXTS
    assert len(PATHS) == 22 + 6 + 4 + 1 + 8
    assert all(field.expected for field in PATHS.values())


def test_a_change_is_not_blamed_for_what_was_wrong_before() -> None:
    assert problems_of_change({"priority": 9}, {"timeout": 5}) == []
    assert [one.path for one in problems_of_change(make_work(), {"priority": 9})] == ["priority"]
