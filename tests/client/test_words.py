"""Reads take a question as people think it, changes take values, and one class has every method."""

from __future__ import annotations

import gc
import inspect
import pydoc
import subprocess
import sys

import pandas as pd
import pytest

import bucketsnb
from bucketsnb import Buckets, Query
from bucketsnb.errors import NoAnswer, QueryError, ScopeRefused, ServiceError, Unreachable, WorkError
from tests.changes.helpers import stored
from tests.factory import make_work

FITBURST = {"pipeline": "fitburst", "status": "failure", "results": {"error": "no disk"}, "attempt": 3, "retries": 3}


@pytest.fixture
def queue(backend):
    old = {"creation": 1_700_000_000.0}
    backend.store.load(
        [
            make_work(**FITBURST, **old),
            make_work(**FITBURST),
            make_work(pipeline="fitburst", status="queued", **old),
            make_work(status="failure", site="kko", **old),
            make_work(status="queued"),
        ]
    )
    return backend


ASKED = [
    ((), {"pipeline": "fitburst", "status": "failure"}),
    ((Query(pipeline="fitburst"),), {"status": "failure"}),
    (({"pipeline": "fitburst"},), {"status": "failure"}),
    ((Query(pipeline="fitburst", status="failure"),), {}),
    (({"pipeline": "fitburst", "status": "failure"},), {}),
    (("fitburst",), {"status": "failure"}),
]


@pytest.mark.parametrize(("given", "words"), ASKED)
def test_every_read_takes_a_query_a_document_and_words_alone_or_together(queue, buckets, given, words):
    assert len(buckets.view(*given, **words)) == 2
    assert buckets.count(*given, **words) == 2
    assert buckets.group_count(*given, by="status", **words)["n_works"].tolist() == [2]
    assert buckets.explain(*given, **words).attrs["matched"] == 2
    assert sum(map(len, buckets.iter_frames(*given, **words))) == 2
    assert buckets.failures(*given, **words)["n_works"].sum() == 2
    assert len(buckets.exhausted(*given, **words)) == 2
    assert len(buckets.stale(*given, **words)) == len(buckets.overdue(*given, **words)) == 0


def test_what_the_client_of_the_service_takes_stays_where_it_is(queue, buckets):
    frame = buckets.view({"pipeline": "fitburst"}, {"status": True}, 1, 1, site="chime")
    assert (len(frame), frame.works.matched) == (1, 2) or len(frame) == 1
    assert buckets.view(status="failure", projection={"status": True}, skip=1, limit=1)["pipeline"].isna().all()
    assert buckets.view(pipeline="fitburst", older_than="300d").works.matched == 2


@pytest.mark.parametrize(
    ("slip", "meant"), [("statsu", "status"), ("pipelines", "pipeline"), ("older", "older_than"), ("tag", "tags")]
)
def test_a_slip_in_a_keyword_is_refused_with_what_was_meant(queue, buckets, slip, meant):
    for read in (buckets.view, buckets.count, buckets.failures, buckets.stale, buckets.explain, buckets.group_count):
        with pytest.raises(QueryError, match=meant):
            read(**{slip: "x"})


def test_stale_overdue_and_exhausted_are_views_of_the_words(queue, buckets):
    assert list(buckets.stale()["id"]) == list(buckets.view(Query(stale=True))["id"])
    assert list(buckets.exhausted()["id"]) == list(buckets.view(exhausted=True)["id"])
    assert "$ago" not in str(buckets.overdue().attrs["query"])


class TestSet:
    def test_values_are_set_by_name_and_by_path_and_the_rest_stays(self, queue, buckets):
        before = stored(buckets, {"pipeline": "fitburst"})
        plan = buckets.plan_update(
            pipeline="fitburst", set={"priority": 5, "config.parent": "6b04a88bcce5d83e4c9bf3fc"}
        )
        assert (plan.count, plan.apply().counts["done"]) == (3, 3)
        for work_id, work in stored(buckets, {"pipeline": "fitburst"}).items():
            was = before[work_id]
            assert work == {**was, "priority": 5, "config": {**was["config"], "parent": "6b04a88bcce5d83e4c9bf3fc"}}

    def test_works_are_named_by_a_query_a_document_a_frame_or_ids(self, queue, buckets):
        works = buckets.view(pipeline="fitburst")
        for which in (Query(pipeline="fitburst"), {"pipeline": "fitburst"}, works, list(works["id"])):
            assert buckets.plan_update(which, set={"priority": 5}).count == 3
        assert buckets.plan_update({"pipeline": "fitburst"}, status="queued", set={"priority": 5}).count == 1

    def test_works_that_have_the_value_already_are_left_out(self, queue, buckets):
        plan = buckets.plan_update(pipeline="fitburst", set={"status": "failure"})
        assert (plan.count, [left.why for left in plan.left_out]) == (1, ["has these values already"] * 2)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"prioritty": 5}, "did you mean 'priority'"),
            ({"priority": 9}, "priority"),
            ({"priority": None}, "priority"),
            ({"id": "x"}, "given by the service"),
            ({"status": "created"}, "created"),
            ({"config": {}, "config.parent": "a"}, "part of another"),
            ({"config..parent": "a"}, "not a field"),
            ({}, "set= takes"),
            ([("priority", 5)], "set= takes"),
            ({"results.snr": float("nan")}, "results"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_name(self, queue, buckets, values, said):
        with pytest.raises(WorkError, match=said):
            buckets.plan_update(pipeline="fitburst", set=values)

    def test_a_query_without_pipelines_is_refused_as_for_a_delete(self, queue, buckets):
        with pytest.raises(ScopeRefused, match="allow_all=True"):
            buckets.plan_update(status="failure", set={"priority": 5})
        assert buckets.plan_update(status="failure", allow_all=True, set={"priority": 5}).count == 3

    @pytest.mark.parametrize("given", [{"which": None}, {"which": ["a"]}, {"which": Query(pipeline="p")}])
    def test_without_values_it_takes_a_frame(self, buckets, given):
        with pytest.raises(QueryError, match="set="):
            buckets.plan_update(given["which"])


class TestPractice:
    def test_a_practice_queue_ends_with_its_client(self):
        buckets = bucketsnb.practice(works=30)
        url = buckets.api.url
        assert buckets.count() == 30
        buckets.close()
        with Buckets(url) as other, pytest.raises((Unreachable, NoAnswer, ServiceError)):
            other.count()

    def test_it_ends_when_the_client_is_let_go(self):
        buckets = bucketsnb.practice(works=5)
        url = buckets.api.url
        del buckets
        gc.collect()
        with Buckets(url) as other, pytest.raises((Unreachable, NoAnswer, ServiceError)):
            other.count()

    @pytest.mark.slow
    def test_two_are_two_queues_and_python_ends_with_them(self):
        code = (
            "import bucketsnb; a = bucketsnb.practice(works=3); b = bucketsnb.practice(works=4);"
            "a.delete_many(a.pipelines()[0], force=True); print(b.count())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert (done.stdout, done.stderr, done.returncode) == ("4\n", "", 0)


def test_an_audit_that_changes_works_is_on_record(backend, buckets):
    backend.store.load([make_work(status="failure", attempt=1, retries=3, creation=4_000_000_000.0, id=None)])
    assert buckets.audit() == {"failed": 1, "expired": 0, "stale": 0}
    journal = buckets.journal()
    assert (journal["verb"].tolist(), journal["n_works"].tolist()) == (["audit"], [1])
    assert buckets.audit() == {"failed": 0, "expired": 0, "stale": 0}
    assert len(buckets.journal()) == 1


class TestOneClass:
    def test_help_errors_and_tracebacks_name_no_class_but_buckets(self, buckets):
        assert Buckets.__mro__ == (Buckets, object)
        text = pydoc.render_doc(Buckets)
        assert "Method resolution order" not in text
        for name in ("Core", "Planning", "Reporting", "Changing", "ClientBase"):
            assert name not in text
        with pytest.raises(TypeError, match=r"Buckets\.status"):
            buckets.status(1, 2, 3)

    def test_signatures_show_no_private_name_and_say_what_comes_back(self):
        for name, method in inspect.getmembers(Buckets, inspect.isfunction):
            if name.startswith("_"):
                continue
            signature = inspect.signature(method)
            assert signature.return_annotation is not inspect.Signature.empty, name
            assert not any(part.startswith("_") for part in signature.parameters), name
            assert " _" not in str(signature).replace("_id", ""), name

    def test_every_word_of_a_query_is_in_the_signature_and_completes(self, buckets):
        for read in (
            *(buckets.view, buckets.count, buckets.group_count, buckets.explain, buckets.iter_frames, buckets.failures),
            *(buckets.stale, buckets.overdue, buckets.exhausted, buckets.orphans),
            *(buckets.plan_delete, buckets.plan_requeue, buckets.plan_update),
        ):
            shown = inspect.signature(read).parameters
            assert {"pipeline", "status", "older_than", "exhausted", "tags"} <= set(shown), read
            assert not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in shown.values()), read
        assert list(inspect.signature(buckets.view).parameters)[:4] == ["query", "projection", "skip", "limit"]

    def test_every_public_method_has_help(self):
        for name, method in inspect.getmembers(Buckets, inspect.isfunction):
            assert name.startswith("_") or (method.__doc__ and len(method.__doc__) > 40), name

    @pytest.mark.parametrize(
        "call",
        [
            lambda buckets: buckets.deposit([]),
            lambda buckets: buckets.update([]),
            lambda buckets: buckets.delete_ids([]),
            lambda buckets: buckets.view({"stats": "failure"}),
            lambda buckets: buckets.view(columns=["statsu"]),
            lambda buckets: list(buckets.iter_frames(columns=["statsu"])),
        ],
    )
    def test_a_warning_points_at_the_line_that_called_the_client(self, buckets, call):
        with pytest.warns(UserWarning, match="nothing was sent|did you mean") as caught:
            call(buckets)
        assert [warning.filename for warning in caught] == [__file__] * len(caught)

    @pytest.mark.slow
    def test_help_of_the_package_shows_where_to_begin_and_its_parts_are_there(self):
        text = pydoc.render_doc(bucketsnb)
        for name in ("practice", "Buckets", "plan_requeue", "widgets", "plots"):
            assert name in text
        code = (
            "import sys, bucketsnb; assert not {'pandas', 'ipywidgets', 'matplotlib'} & set(sys.modules);"
            "assert bucketsnb.plots.__name__ == 'bucketsnb.plots' and bucketsnb.widgets.app; print(dir(bucketsnb))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert "'practice'" in done.stdout, done.stderr


def test_failures_say_by_their_type_what_they_are(queue, buckets):
    assert isinstance(buckets.failures(), pd.DataFrame)
