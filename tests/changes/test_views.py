"""Plans, receipts and claims as text and as HTML: the same facts, escaped, bounded, the same from run to run."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.plan import Plan
from bucketsnb.changes.receipt import COLUMNS, Outcome
from bucketsnb.changes.snapshot import Change, WorkSnapshot, described, differences
from bucketsnb.changes.verbs.delete import DeletePlan
from bucketsnb.errors import PlanError
from tests.changes.helpers import PIPELINE, filled
from tests.factory import make_work

EVIL = "<img src=x onerror=alert(1)>\u202e"


def words(markup: str) -> list[str]:
    """Return the words of HTML as a reader sees them."""
    return html.unescape(re.sub(r"<[^>]*>", " ", markup)).split()


def views(backend: LocalBackend, buckets: Buckets) -> list[Any]:
    filled(backend, 3, user=EVIL, results={EVIL: EVIL})
    filled(backend, 2, status="failure", attempt=2)
    delete = buckets.plan_delete(pipeline=PIPELINE, reason=EVIL)
    update = delete.frame
    update["site"] = EVIL
    plans = [
        delete,
        buckets.plan_update(update),
        buckets.plan_requeue(pipeline=PIPELINE),
        buckets.plan_deposit([make_work(site=EVIL), make_work(priority=9), EVIL], skip_bad=True),
        buckets.plan_withdraw(PIPELINE),
        buckets.plan_audit(),
    ]
    backend.store.update([{"id": delete.ids[0], "user": EVIL + "moved"}])
    receipt = delete.apply()
    return [*plans, receipt, buckets.plan_undo(receipt.entry), buckets.claim("nobody")]


def test_text_and_html_have_the_same_words_and_no_markup_of_a_work_is_live(
    backend: LocalBackend, buckets: Buckets
) -> None:
    for shown in views(backend, buckets):
        markup = shown._repr_html_()
        assert sorted(words(markup)) == sorted(str(shown).split())
        assert "<img" not in markup
        assert "\u202e" not in markup + str(shown) + repr(shown)


def test_a_plan_says_all_that_a_person_needs_before_agreeing(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, creation=1_790_000_000.0)
    filled(backend, 1, creation=1_790_086_400.0, status="running", site="kko")
    plan = buckets.plan_delete(pipeline=PIPELINE, status=["queued", "running"], reason="old", allow_running=True)
    facts = dict(
        re.match(r"  (\S+(?: \S+)*)\s{2,}(.*)", line).groups() for line in str(plan).split("\n\n")[0].split("\n")[1:]
    )  # type: ignore[union-attr]
    host = backend.url.removeprefix("http://")
    assert plan.summary == f"Delete 3 works of {PIPELINE} on {host}"
    assert facts["status"] == "queued 2, running 1"
    assert facts["site"] == "chime 2, kko 1"
    assert facts["created"] == "2026-09-21 14:13 UTC to 2026-09-22 14:13 UTC"
    assert facts["running"] == "1"
    assert facts["reason"] == "old"
    assert "UTC" in facts["expires"]
    assert "new ids" in facts["note"]
    assert (plan.verb, plan.count, plan.running, plan.host) == ("delete", 3, 1, host)


def test_views_are_bounded(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1000, user="u" * 1000, site="s" * 1000)
    plan = buckets.plan_delete(pipeline=PIPELINE, reason="r" * 10_000)
    backend.faults.add("DELETE /work", status=400, times=None)
    receipt = plan.apply()
    for shown in (plan, receipt):
        assert len(str(shown)) < 8_000
        assert len(shown._repr_html_()) < 40_000
        assert "the first 20 of 1,000 rows" in str(shown)


def test_a_plan_is_a_value() -> None:
    def plan() -> DeletePlan:
        changes = (Change(WorkSnapshot.of({"id": "a", "status": "queued"}), None),)
        return DeletePlan(changes=changes, url="http://localhost", created_at=1.0)

    assert plan() == plan()
    assert hash(plan()) == hash(plan())
    assert str(plan()) == str(plan())
    with pytest.raises(AttributeError):
        plan().reason = "changed"  # type: ignore[misc]  # that it cannot be set is what is tested
    with pytest.raises(PlanError, match="copy to look at"):
        plan().apply()


def test_what_is_read_from_a_plan_does_not_change_it(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 1)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    plan.works[0].record["status"] = "failure"
    frame = plan.frame
    frame["priority"] = 5
    plan.ids.clear()
    assert plan.works[0].record["status"] == "queued"
    assert plan.apply().ok


def test_the_frame_of_a_receipt_has_fixed_columns_and_dtypes(backend: LocalBackend, buckets: Buckets) -> None:
    empty = buckets.plan_delete(pipeline="nobody").apply().frame
    filled(backend, 1)
    frame = buckets.plan_delete(pipeline=PIPELINE).apply().frame
    assert tuple(frame.columns) == COLUMNS
    assert frame.dtypes.to_dict() == empty.dtypes.to_dict()
    assert list(frame.outcome.cat.categories) == [outcome.value for outcome in Outcome]


def test_a_plan_says_which_fields_change_and_its_receipt_what_was_done(backend: LocalBackend, buckets: Buckets) -> None:
    first, _ = filled(backend, 2)
    plan = buckets.plan_update(pipeline=PIPELINE, set={"priority": 5})
    assert "fields changed  priority 2" in str(plan)
    receipt = plan.apply()
    assert receipt.summary.endswith(": 2 works changed")
    assert receipt.undo().summary.endswith(": 2 works put back")
    plan = buckets.plan_delete(pipeline=PIPELINE)
    buckets.plan_update([first], set={"priority": 1}).apply()
    assert plan.apply().summary.endswith(": 1 of 2 works deleted, 1 drifted")


def test_a_receipt_survives_without_a_kernel(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    markup = buckets.plan_delete(pipeline=PIPELINE).apply()._repr_html_()
    assert "<script" not in markup
    assert ": 2 works deleted" in markup


def test_differences_name_each_path() -> None:
    old = {"a": 1, "b": {"c": 1, "d": {"e": 2}}, "gone": 1}
    new = {"a": 1.0, "b": {"c": 2, "d": {"e": 2}}, "new": 1}
    assert [path for path, _, _ in differences(old, new)] == ["b.c", "gone", "new"]
    assert described(differences(old, new)) == "b.c 1 -> 2; gone 1 -> (none); new (none) -> 1"
    assert described([("a", 1, 2)] * 6).endswith("and 2 more")


def test_plan_subclasses_have_their_own_verbs() -> None:
    def below(kind: type[Plan]) -> list[type[Plan]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    ours = [kind for kind in below(Plan) if kind.__module__.startswith("bucketsnb.")]
    assert {kind.verb for kind in ours} == {
        *("change", "delete", "update", "requeue", "undo", "deposit", "withdraw", "audit"),
    }


def test_the_name_of_a_pipeline_cannot_pass_for_more_of_the_sentence(backend: LocalBackend, buckets: Buckets) -> None:
    backend.store.load([make_work(pipeline=name) for name in ("fitburst", 'a" on other:8004', "b, c")])
    said = buckets.plan_delete({}, allow_all=True).summary
    host = buckets.api.url.removeprefix("http://").rstrip("/")
    assert said == f'Delete 3 works of "a\' on other:8004", "b, c", fitburst on {host}'


def test_long_lists_are_folded_in_html_and_troubles_are_not(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 6)
    plan = buckets.plan_delete(pipeline=PIPELINE)
    assert "<details><summary" in plan._repr_html_()
    backend.faults.add("DELETE /work", status=400, times=None)
    assert '<details open=""><summary' in plan.apply()._repr_html_()
    few = buckets.plan_delete(id=plan.ids[:5], pipeline=PIPELINE)
    assert '<details open=""><summary' in few._repr_html_()


def test_new_ids_are_named_by_the_first_few(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 30)
    undone = buckets.plan_delete(pipeline=PIPELINE).apply().undo()
    for view in (str(undone), undone._repr_html_()):
        assert sum(new in view for new in undone.new_ids.values()) == 3
        assert "and 27 more" in view
    assert len(undone.new_ids) == 30


def test_the_journal_draws_what_differs_and_says_what_does_not(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2)
    receipt = buckets.plan_delete(pipeline=PIPELINE, reason="old").apply()
    journal = buckets.journal()
    headers = repr(journal).splitlines()[0].split()
    assert {"entry", "time", "verb", "n_works", "done", "state", "undone", "reason"} <= set(headers)
    assert not {"drifted", "refused", "host", "user", "machine"} & set(headers)
    host = backend.url.removeprefix("http://")
    for view in (repr(journal), journal._repr_html_(), repr(journal.head())):
        assert receipt.entry in view
        assert f"1 row, host {host}, user " in view
    assert max(map(len, repr(journal).splitlines())) <= 140
    assert "machine" in repr(journal[["entry", "machine"]])


def test_no_time_is_told_in_nanoseconds(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, status="failure", creation=1_790_000_000.1234567, stop=1_790_000_000.7654321)
    buckets.plan_delete(pipeline=PIPELINE).apply().undo()
    history = buckets.history()
    history.record(buckets.status(), at=1_790_000_000.1234567)
    works = buckets.view(limit=None)
    oldest = works.groupby("status", observed=True)["age"].max()
    columns = [works[name] for name in ("creation", "stop", "age", "wait")]
    records = [buckets.journal()["time"], history.times(), history.frame()["time"], buckets.failures()["last_seen"]]
    assert [shown for shown in map(repr, [oldest, *columns, *records]) if re.search(r":\d\d\.\d{7}", shown)] == []
    assert history.at(history.times()[0]).attrs["read_at"] == 1_790_000_000.1234567
    assert len(history.frame(since=history.times()[0], until=history.times()[0])) == len(history.frame())
