"""Counts: right, and by the fewest requests that the service allows."""

import pytest

from bucketsnb import Buckets, Query
from bucketsnb.errors import QueryError
from bucketsnb.summaries import IncompleteStatus
from tests.factory import make_work
from tests.stub import Stub, answer, polite


@pytest.fixture
def queue(backend):
    works = [
        *[make_work(pipeline="a", status="failure", site="kko", tags=["x", "y"]) for _ in range(3)],
        *[make_work(pipeline="a", status="queued", site="gbo", tags=["x"]) for _ in range(2)],
        make_work(pipeline="b", status="failure", site="kko", config={"parent": "run"}, event=[7]),
        make_work(pipeline="c-with-none", status="success", site="chime"),
    ]
    backend.store.load(works)
    backend.requests.clear()
    return backend


def sent(backend):
    return [f"{request.method} {request.path}" for request in backend.requests if request.path != "/version"]


@pytest.mark.parametrize(
    ("query", "count", "requests"),
    [
        (None, 7, ["GET /status"]),
        ({"status": "failure"}, 4, ["GET /status"]),
        ({"pipeline": "a"}, 5, ["GET /status/details/a"]),
        (
            Query(pipeline=["a", "b"], status=["failure", "queued"]),
            6,
            ["GET /status/details/a", "GET /status/details/b"],
        ),
        ({"pipeline": {"$in": []}}, 0, []),
        ({"pipeline": "nowhere"}, 0, ["GET /status/details/nowhere"]),
        ({"status": "created"}, 0, ["POST /view"]),
        ({"site": "kko"}, 4, ["POST /view"] * 2),
        ({"pipeline": {"$ne": "a"}}, 2, ["POST /view"] * 2),
    ],
)
def test_counts_come_from_the_status_where_they_can(queue, buckets, query, count, requests):
    assert buckets.count(query) == count
    assert sorted(sent(queue)) == requests


def as_rows(table):
    return sorted(tuple(map(str, row)) for row in table.itertuples(index=False))


@pytest.mark.parametrize(
    ("query", "by", "rows", "requests"),
    [
        (None, ["pipeline", "status"], ["a failure 3", "a queued 2", "b failure 1", "c-with-none success 1"], 4),
        (None, "status", ["failure 4", "queued 2", "success 1"], 1),
        ({"pipeline": "a"}, "pipeline", ["a 5"], 1),
        ({"site": "kko"}, ["pipeline", "status"], ["a failure 3", "b failure 1"], 2),
        ({"status": "failure"}, ["status", "site"], ["failure kko 4"], 2),
        (None, ["tags"], ["<NA> 2", "x 5", "y 3"], 2),
        (None, ["parent"], ["<NA> 6", "run 1"], 2),
        (None, ["event"], ["7 1", "<NA> 6"], 2),
        ({"pipeline": ".."}, "pipeline", [], 1),
    ],
)
def test_works_are_counted_by_what_is_asked_in_few_requests(queue, buckets, query, by, rows, requests):
    table = buckets.group_count(query, by)
    assert as_rows(table) == sorted(tuple(row.split()) for row in rows)
    assert table.attrs["cost"]["requests"] == len(sent(queue)) == requests


def test_the_cost_of_a_group_count_is_said(queue, buckets):
    assert buckets.group_count({"site": "kko"}, "status").attrs["cost"] == {"requests": 2, "works_read": 4}
    assert "4 requests, 0 works read" in repr(buckets.group_count())
    assert "4 requests, 0 works read" in buckets.group_count()._repr_html_()


def test_a_work_counts_once_in_the_row_of_each_of_its_elements(backend, buckets):
    backend.store.load([make_work(event=[9385707, 9385707]), make_work(event=[9385707, 6]), make_work(event=[])])
    table = buckets.group_count(by="event")
    assert as_rows(table) == [("6", "1"), ("9385707", "2"), ("<NA>", "1")]
    for text in (repr(table), table._repr_html_()):
        assert "3 works by event" in text
        assert "9385707" in text
        assert "9385707.0" not in text  # as pandas 2.2 makes of it where others have none
        assert "NA" not in text


def test_a_pipeline_whose_name_no_path_can_hold_is_counted_too():
    works = [{"pipeline": name, "status": "queued"} for name in ("", "b")]
    with Stub(answer(["", "b"])) as stub, Buckets(stub.url) as client:
        stub.default = lambda exchange: (answer(works) if exchange.request.path == "/view" else polite)(exchange)
        counts = client.group_count()

    assert sorted(counts.values.tolist()) == [["", "queued", 1], ["b", "queued", 1]]
    assert counts.attrs["cost"]["works_read"] == 2


def test_a_group_count_of_nothing_has_its_columns(backend, buckets):
    assert list(buckets.group_count({"site": "x"}, ["site", "tags"]).columns) == ["site", "tags", "n_works"]
    assert len(buckets.group_count()) == 0


@pytest.mark.parametrize("by", [[], ["results"], ["stats"], ["age"]])
def test_what_works_cannot_be_counted_by_is_refused(buckets, by):
    with pytest.raises(QueryError):
        buckets.group_count(by=by)


class TestExplain:
    def test_the_condition_that_empties_an_answer_is_named(self, queue, buckets):
        table = buckets.explain(Query(pipeline="a", status="failure", site="gbo"))
        assert table["without"].tolist() == [0, 2, 3]
        assert table.attrs["summary"] == 'Nothing matches. Without "site is gbo", 3 works match.'
        assert table.attrs["matched"] == 0

    @pytest.mark.parametrize(("query", "meant"), [({"pipeline": "c-with-non"}, "c-with-none"), ({"site": "kk"}, "kko")])
    def test_what_was_meant_is_suggested(self, queue, buckets, query, meant):
        assert meant in buckets.explain(query)["suggestion"][0]

    def test_text_and_html_say_the_same(self, queue, buckets):
        table = buckets.explain(Query(site="<b>\u202e", pipeline="a"))
        for shown in (repr(table), table._repr_html_()):
            assert "<b>" not in shown.replace("<b>\\u202e", "")
            assert "\u202e" not in shown
            assert "5 works match" in shown

    def test_a_query_that_matches_says_so(self, queue, buckets):
        assert repr(buckets.explain({"site": "kko"})).startswith("4 works match.")


def test_works_without_a_pipeline_take_no_other_away():
    works = [{"pipeline": name, "status": "queued"} for name in (None, "b")]
    with Stub(answer([None, "b"])) as stub, Buckets(stub.url) as client:
        stub.default = lambda exchange: (answer(works) if exchange.request.path == "/view" else polite)(exchange)
        assert client.pipelines() == ["b"]
    with Stub(answer([None, "b"])) as stub, Buckets(stub.url) as client:
        stub.default = lambda exchange: (answer(works) if exchange.request.path == "/view" else polite)(exchange)
        assert as_rows(client.group_count(by="pipeline")) == [("<NA>", "1"), ("b", "1")]
    with Stub(answer([None, "b"])) as stub, Buckets(stub.url) as client:
        stub.default = polite
        with pytest.warns(IncompleteStatus, match="works that have no pipeline"):
            assert list(client.status().index) == ["b"]


def test_a_pipeline_that_no_path_can_name_is_counted(backend, buckets):
    backend.store.load([make_work(pipeline="..", status="queued"), make_work(pipeline="b", status="queued")])
    assert buckets.count({"pipeline": ".."}) == 1
    assert buckets.count({"pipeline": {"$in": ["..", "b"]}}) == 2
    assert as_rows(buckets.group_count({"pipeline": ".."})) == [("..", "queued", "1")]


def test_a_column_that_is_named_twice_is_counted_by_once(backend, buckets):
    backend.store.load([make_work(pipeline="b", status="queued", site="kko")])
    assert as_rows(buckets.group_count(by=["status", "status"])) == [("queued", "1")]
    assert as_rows(buckets.group_count(by=["site", "site"])) == [("kko", "1")]
