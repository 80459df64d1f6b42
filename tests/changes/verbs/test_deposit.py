"""Deposits arrive once, whatever the connection does; and plans of deposits check every row."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.backend.stores.base import Store
from bucketsnb.changes import guarded, targets
from bucketsnb.errors import OutcomeUnknown, Refused, ScopeRefused, WorkError
from tests.changes.helpers import PIPELINE, changes_sent, filled, lines, stored
from tests.factory import make_work, make_works


def fresh(number: int) -> list[dict[str, object]]:
    """Return works as a client makes them just now."""
    return [{**work, "creation": time.time() + place / 1e4} for place, work in enumerate(make_works(number))]


def test_what_a_store_holds_as_a_creation_stands_in_the_way_of_no_match() -> None:
    odd = [{"id": "a", "creation": {"a": 1}}, {"id": "b", "creation": [5.0]}, {"id": "c"}]
    assert targets.match([{"pipeline": "p", "creation": 5.0}], [*odd, {"id": "d", "pipeline": "p", "creation": 5}]) == {
        0: {"id": "d", "pipeline": "p", "creation": 5}
    }


def test_a_fresh_deposit_is_one_post_and_one_read_back(backend: LocalBackend, buckets: Buckets) -> None:
    ids = buckets.deposit(fresh(3), return_ids=True)
    assert [one.path for one in backend.requests] == ["/work", "/view"]
    assert sorted(ids) == sorted(stored(buckets))


def test_a_deposit_without_ids_is_true(buckets: Buckets) -> None:
    assert buckets.deposit(fresh(1)) is True


def test_a_lost_answer_is_settled_by_looking(backend: LocalBackend, buckets: Buckets) -> None:
    backend.faults.add("POST /work", hang_up="after", times=None)
    works = fresh(5)
    ids = buckets.deposit(works, return_ids=True)
    assert changes_sent(backend) == ["POST /work"]
    assert [stored(buckets)[one]["creation"] for one in ids] == [work["creation"] for work in works]
    assert len(stored(buckets)) == 5


def late(backend: LocalBackend, works: list[dict[str, object]]) -> threading.Event:
    """Have the service store works only after the client has given up; return what says that it did."""
    stored_at_last = threading.Event()

    def store_late(store: Store) -> None:
        time.sleep(0.6)
        store.deposit(works)
        stored_at_last.set()

    backend.faults.add("POST /work", hang_up="before", change=store_late)
    return stored_at_last


def test_a_slow_service_is_waited_for_and_never_gets_two_copies(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "LOST_PAUSES", (0.0, 0.1, 0.3, 0.5, 1.0, 2.0))
    works = fresh(2)
    late(backend, works)
    with Buckets(backend.url, timeout=0.3) as client:
        assert len(client.deposit(works, return_ids=True)) == 2
    assert changes_sent(backend) == ["POST /work"]
    assert backend.store.status()["total"] == 2


def test_a_service_slower_than_all_looks_is_said_with_a_check_that_finds_the_works(backend: LocalBackend) -> None:
    works = fresh(2)
    stored_at_last = late(backend, works)
    with Buckets(backend.url, timeout=0.3) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            client.deposit(works)
        stored_at_last.wait()
        assert len(client.api.view(caught.value.check)) == 2
    assert changes_sent(backend) == ["POST /work"]


def test_a_lost_request_says_what_to_check_and_is_not_repeated(backend: LocalBackend, buckets: Buckets) -> None:
    works = fresh(2)
    backend.faults.add("POST /work", hang_up="before")
    with pytest.raises(OutcomeUnknown, match=r"Look with buckets\.view\(error\.check\)") as caught:
        buckets.deposit(works)
    creations = [work["creation"] for work in works]
    assert caught.value.check == {"creation": {"$in": creations}, "pipeline": {"$in": [PIPELINE]}}
    assert caught.value.found == []
    assert changes_sent(backend) == ["POST /work"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"body": b"true"}, "answered 200 with true"),
        ({"status": 503, "body": b"gone for lunch"}, "answered 503 with gone for lunch"),
        ({"hang_up": "before"}, "did not answer"),
    ],
)
def test_what_the_service_did_is_said_where_it_tells_nothing(
    backend: LocalBackend, buckets: Buckets, fault: dict[str, Any], said: str
) -> None:
    backend.faults.add("POST /work", **fault)
    with pytest.raises(OutcomeUnknown, match=f"The service {said} to a deposit, and 2 works of it"):
        buckets.deposit(fresh(2), return_ids=True)


def test_half_a_deposit_is_said(backend: LocalBackend, buckets: Buckets) -> None:
    works = fresh(4)
    backend.faults.add("POST /work", hang_up="before", change=lambda store: store.deposit(works[:2]))
    with pytest.raises(OutcomeUnknown) as caught:
        buckets.deposit(works)
    assert sorted(caught.value.found) == sorted(stored(buckets))
    assert caught.value.check["creation"] == {"$in": [work["creation"] for work in works[2:]]}


@pytest.mark.parametrize("body", [b"true", b"[]", b"<html>", b'["only-one"]'])
def test_a_strange_yes_is_settled_by_looking(backend: LocalBackend, buckets: Buckets, body: bytes) -> None:
    works = fresh(2)
    backend.faults.add("POST /work", body=body, change=lambda store: store.deposit(works))
    assert len(buckets.deposit(works, return_ids=True)) == 2
    assert len(stored(buckets)) == 2


def test_a_yes_without_works_is_not_believed(backend: LocalBackend, buckets: Buckets) -> None:
    backend.faults.add("POST /work", body=b'["6b04a88bcce5d83e4c9bf3fc"]')
    with pytest.raises(OutcomeUnknown, match="said yes"):
        buckets.deposit(fresh(1))


def test_an_older_copy_in_the_store_is_not_mistaken_for_this_deposit(backend: LocalBackend, buckets: Buckets) -> None:
    payload = make_work()
    (old,) = backend.store.deposit([payload])
    backend.faults.add("POST /work", hang_up="before")
    with pytest.raises(OutcomeUnknown):
        buckets.deposit([payload])
    (new,) = buckets.deposit([payload], return_ids=True)
    assert new != old


def test_the_same_payload_twice_in_one_process_is_two_works(backend: LocalBackend, buckets: Buckets) -> None:
    (payload,) = fresh(1)
    (first,) = buckets.deposit([payload], return_ids=True)
    backend.faults.add("POST /work", hang_up="before")
    with pytest.raises(OutcomeUnknown):
        buckets.deposit([payload])
    backend.faults.add("POST /work", hang_up="after")
    (second,) = buckets.deposit([payload], return_ids=True)
    assert first != second
    assert len(stored(buckets)) == 2


def test_another_work_of_the_same_moment_is_not_taken_for_this_one(backend: LocalBackend, buckets: Buckets) -> None:
    (payload,) = fresh(1)
    other = {**payload, "event": [7]}
    backend.faults.add("POST /work", hang_up="before", change=lambda store: store.deposit([other]))
    with pytest.raises(OutcomeUnknown) as caught:
        buckets.deposit([payload])
    assert caught.value.found == []


def test_works_of_one_creation_are_told_apart(backend: LocalBackend, buckets: Buckets) -> None:
    backend.faults.add("POST /work", hang_up="after")
    ids = buckets.deposit([make_work(creation=1_790_000_005.0, event=[n]) for n in range(4)], return_ids=True)
    assert [stored(buckets)[one]["event"] for one in ids] == [[0], [1], [2], [3]]


def test_a_lost_answer_is_settled_though_a_worker_claimed_the_work(backend: LocalBackend, buckets: Buckets) -> None:
    backend.faults.add("POST /work", hang_up="after")
    backend.faults.add("POST /view", change=lambda store: store.withdraw({"pipeline": PIPELINE}))
    assert len(buckets.deposit(fresh(1), return_ids=True)) == 1
    assert [work["status"] for work in stored(buckets).values()] == ["running"]


def test_a_refused_deposit_is_an_error_and_stores_nothing(backend: LocalBackend, buckets: Buckets) -> None:
    backend.faults.add("POST /work", status=400)
    with pytest.raises(Refused):
        buckets.deposit(fresh(2))
    assert stored(buckets) == {}


def test_a_work_that_cannot_be_sent_is_named_and_nothing_is_sent(backend: LocalBackend, buckets: Buckets) -> None:
    with pytest.raises(WorkError, match=r"Work 1 .*results.snr") as caught:
        buckets.deposit([*fresh(1), make_work(results={"snr": float("nan")})])
    assert (caught.value.index, caught.value.field) == (1, "results.snr")
    assert len(backend.requests) == 0


def test_the_works_are_on_record_before_they_leave(backend: LocalBackend, buckets: Buckets) -> None:
    seen: list[dict[str, object]] = []
    backend.faults.add("POST /work", change=lambda _: seen.extend(lines(buckets.journal().entry[0])))
    works = fresh(2)
    buckets.deposit(works)
    assert [line["kind"] for line in seen] == ["plan", "works", "chunk"]
    assert [work["creation"] for work in seen[2]["after"]] == [work["creation"] for work in works]


def test_resume_looks_for_a_lost_deposit_and_does_not_send_it_again(backend: LocalBackend, buckets: Buckets) -> None:
    works = fresh(2)
    backend.faults.add("POST /work", hang_up="before")
    receipt = buckets.plan_deposit(works).apply()
    assert receipt.counts["unknown"] == 2
    assert receipt.resume().counts["unknown"] == 2
    backend.store.deposit(works)
    assert receipt.resume().counts["done"] == 2
    assert changes_sent(backend) == ["POST /work"]


# --- plans from rows ---


def test_every_row_is_checked_and_nothing_is_sent_if_any_is_bad(backend: LocalBackend, buckets: Buckets) -> None:
    rows = [make_work(), make_work(priority=9), make_work(pipeline="a b"), "no work", make_work(results={"x": {1}})]
    plan = buckets.plan_deposit(rows)
    assert plan.problems.row.tolist() == [1, 2, 3, 4]
    assert plan.problems.field.tolist() == ["priority", "pipeline", "", "results.x"]
    assert "4 rows are bad" in str(plan)
    with pytest.raises(WorkError, match="4 rows are bad, so nothing was sent"):
        plan.apply()
    assert changes_sent(backend) == []


def test_skip_bad_deposits_the_others(backend: LocalBackend, buckets: Buckets) -> None:
    receipt = buckets.plan_deposit([make_work(), make_work(priority=9)], skip_bad=True).apply()
    assert receipt.counts["done"] == 1
    assert len(stored(buckets)) == 1


def test_the_preview_counts_by_pipeline_and_site(buckets: Buckets) -> None:
    plan = buckets.plan_deposit([*make_works(2, pipeline="a", site="kko"), make_work(pipeline="b")])
    assert plan.summary.startswith("Deposit 3 works to a, b on ")
    for view in (str(plan), plan._repr_html_()):
        assert "a 2, b 1" in view
        assert "kko 2, chime 1" in view
    assert plan.frame.pipeline.tolist() == ["a", "a", "b"]


CSV = """pipeline,site,user,event,tags,priority,creation,parameters.dm,parent
intensity-ml,chime,me,9385707 9385708,low;high,5,2026-11-23T12:00:00Z,56.5,6b04a88b
intensity-ml,kko,me,[1],,,,,
"""


def expect_csv(buckets: Buckets) -> None:
    by_site = {work["site"]: work for work in stored(buckets).values()}
    work = by_site["chime"]
    assert (work["event"], work["tags"], work["priority"]) == ([9385707, 9385708], ["low", "high"], 5)
    assert (work["creation"], work["parameters"]) == (1795435200.0, {"dm": 56.5})
    assert work["config"]["parent"] == "6b04a88b"
    assert (by_site["kko"]["event"], by_site["kko"]["tags"], by_site["kko"]["priority"]) == ([1], None, 3)
    assert by_site["kko"]["config"]["orgs"] == ["chimefrb"]


def test_works_are_deposited_from_csv_text(backend: LocalBackend, buckets: Buckets) -> None:
    assert buckets.plan_deposit(CSV).apply().ok
    expect_csv(buckets)


@pytest.mark.parametrize("as_text", [True, False], ids=["path as text", "path"])
def test_works_are_deposited_from_a_csv_file(
    backend: LocalBackend, buckets: Buckets, tmp_path: Path, as_text: bool
) -> None:
    path = tmp_path / "works.csv"
    path.write_text(CSV)
    assert buckets.plan_deposit(str(path) if as_text else path).apply().ok
    expect_csv(buckets)


def test_csv_that_the_csv_module_refuses_is_said(buckets: Buckets) -> None:
    with pytest.raises(WorkError, match="cannot be read as CSV: field larger than field limit"):
        buckets.plan_deposit(f"pipeline,site,user\n{'a' * 200_000},chime,me\n")


def test_a_csv_row_too_long_is_a_bad_row(buckets: Buckets) -> None:
    assert buckets.plan_deposit("pipeline,site,user\na,b,c,d\n").problems.row.tolist() == [0]


NAMES = {"pipeline": "intensity-ml", "site": "chime", "user": "me"}


@pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned round"])
@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        ({"parent": "a", "config": {"metrics": True}}, "config", {"metrics": True, "parent": "a"}),
        ({"parent": "a", "config": {"parent": "a"}}, "config", {"parent": "a"}),
        ({"parent": "a", "config": {"parent": None}}, "config", {"parent": "a"}),
        ({"parent": None, "config": {"parent": "a"}}, "config", {"parent": "a"}),
        ({"parameters.dm": 5, "parameters": {"x": 1}}, "parameters", {"x": 1, "dm": 5}),
        ({"parameters.a.b": 1, "parameters.a": {"c": 2}, "parameters": None}, "parameters", {"a": {"b": 1, "c": 2}}),
    ],
    ids=str,
)
def test_what_is_given_whole_and_in_parts_comes_together_in_any_order(
    buckets: Buckets, row: dict[str, Any], field: str, expected: dict[str, Any], turned: bool
) -> None:
    given = json.dumps(row)
    plan = buckets.plan_deposit([{**NAMES, **(dict(reversed(row.items())) if turned else row)}])
    assert plan.changes[0].work.record[field].items() >= expected.items()
    assert json.dumps(row) == given


@pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned round"])
@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"parent": "a", "config": {"parent": "b"}}, "config.parent", "given twice"),
        ({"parent": "a", "config.parent": "b"}, "config.parent", "given twice"),
        ({"parent": "a", "config": [1]}, "config.parent", "config is not a mapping but list"),
        ({"parameters.dm": 5, "parameters": {"dm": 4}}, "parameters.dm", "given twice"),
        ({"parameters.dm": 5, "parameters": "text"}, "parameters.dm", "parameters is not a mapping but str"),
        ({"parameters.a": 2, "parameters.a.b": 1}, "parameters.a.b", "parameters.a is not a mapping but int"),
        ({"parameters.a": "x", "parameters.a.b": 1}, "parameters.a.b", "parameters.a is not a mapping but str"),
        ({"parameters.a": True, "parameters": {"a": 1}}, "parameters.a", "given twice, as 1 and True"),
    ],
    ids=str,
)
def test_what_is_given_twice_is_a_bad_row_and_no_value_is_lost(
    buckets: Buckets, row: dict[str, Any], field: str, said: str, turned: bool
) -> None:
    plan = buckets.plan_deposit([NAMES, {**NAMES, **(dict(reversed(row.items())) if turned else row)}])
    assert plan.problems[["row", "field"]].values.tolist() == [[1, field]]
    assert said in plan.problems.problem[0]


@pytest.mark.parametrize(
    "source",
    [
        "pipeline,site,user,priority,priority\nintensity-ml,chime,me,1,5\n",
        pd.DataFrame([[*NAMES.values(), 1, 5]], columns=[*NAMES, "priority", "priority"]),
    ],
    ids=["csv", "frame"],
)
def test_a_column_that_is_there_twice_is_refused(buckets: Buckets, source: str | pd.DataFrame) -> None:
    with pytest.raises(WorkError, match="the column priority more than once") as caught:
        buckets.plan_deposit(source)
    assert caught.value.field == "priority"


@pytest.mark.parametrize("text", ["array", "lines", "file"])
def test_works_are_deposited_from_json(backend: LocalBackend, buckets: Buckets, tmp_path: Path, text: str) -> None:
    works = make_works(2)
    source: str | Path = json.dumps(works) if text == "array" else "\n".join(map(json.dumps, works))
    if text == "file":
        source = tmp_path / "works.json"
        source.write_text(json.dumps(works))
    assert buckets.plan_deposit(source).apply().counts["done"] == 2


def test_a_file_that_is_not_there_is_said(buckets: Buckets) -> None:
    with pytest.raises(WorkError, match=r"nowhere\.csv"):
        buckets.plan_deposit("nowhere.csv")


def test_a_frame_of_ordinary_columns(backend: LocalBackend, buckets: Buckets) -> None:
    frame = pd.DataFrame(
        {
            "pipeline": "a",
            "site": ["chime", "kko"],
            "user": "me",
            "priority": np.array([5, np.nan]),
            "event": [[1], None],
            "creation": pd.to_datetime(["2026-11-23T12:00:00Z", None]),
        }
    )
    assert buckets.plan_deposit(frame).apply().ok
    by_site = {work["site"]: work for work in stored(buckets).values()}
    assert [by_site["chime"][name] for name in ("priority", "event", "creation")] == [5, [1], 1795435200.0]
    assert [by_site["kko"][name] for name in ("priority", "event")] == [3, None]


def test_a_frame_of_works_gives_new_works(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    frame = buckets.plan_delete(pipeline=PIPELINE).frame
    receipt = buckets.plan_deposit(frame).apply()
    assert receipt.counts["done"] == 2
    assert len(stored(buckets)) == 4


def test_the_cap_holds_for_deposits(buckets: Buckets) -> None:
    with pytest.raises(ScopeRefused, match="max_affected=2"):
        buckets.plan_deposit(make_works(2), max_affected=1)


def test_works_of_the_public_client_are_taken(backend: LocalBackend, buckets: Buckets) -> None:
    class Work:
        payload = make_work()

    assert buckets.plan_deposit([Work()]).apply().ok
    assert buckets.deposit([Work()]) is True


def test_what_a_dotted_column_adds_to_a_frame_of_works_goes_along(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1, parameters={"dm": 5})
    frame = buckets.view()
    frame["parameters.snr"] = 9
    (work,) = [change.work.record for change in buckets.plan_deposit(frame).changes]
    assert work["parameters"] == {"dm": 5, "snr": 9}
    frame["parameters.dm"] = 6
    assert [one.problem for one in buckets.plan_deposit(frame).bad] == ["is given twice, as 5 and 6; keep one"]


@pytest.mark.parametrize(
    ("more", "parameters"),
    [
        ({"parameters": {"l": [1, 2]}, "parameters.l": np.array([1, 2])}, {"l": [1, 2]}),
        ({"parameters": {"l": [1, 2]}, "parameters.l": pd.NA}, {"l": [1, 2]}),
        ({"parameters": pd.NA, "parameters.l": 5}, {"l": 5}),
        ({"parameters": {"l": np.int64(5)}, "parameters.l": 5.0}, {"l": 5}),
    ],
    ids=["an array", "nothing", "nothing whole", "numbers"],
)
def test_the_same_value_given_twice_and_nothing_beside_a_value_are_given_once(
    buckets: Buckets, more: dict[str, Any], parameters: dict[str, Any]
) -> None:
    (change,) = buckets.plan_deposit([{"pipeline": PIPELINE, "site": "chime", "user": "u", **more}]).changes
    assert change.work.record["parameters"] == parameters


def test_arrays_that_differ_are_given_twice(buckets: Buckets) -> None:
    row = {"pipeline": PIPELINE, "site": "chime", "user": "u", "parameters.l": np.array([1, 3])}
    ((_, field, problem, _),) = buckets.plan_deposit([{**row, "parameters": {"l": np.array([1, 2])}}]).bad
    assert (field, "given twice" in problem) == ("parameters.l", True)
