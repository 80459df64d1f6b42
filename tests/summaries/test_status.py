"""One row a pipeline, few requests, and a pipeline that fails marks its own row only."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from bucketsnb import Buckets
from bucketsnb.errors import QueryError, ServiceFailed
from bucketsnb.history import History
from bucketsnb.schema import STATUS_KEYS
from bucketsnb.summaries import IncompleteStatus, StatusDiffers, StatusFrame, read_status
from tests.factory import make_work, make_works
from tests.stub import ZEROS, Stub, answer


@pytest.fixture
def filled(backend, buckets):
    buckets.api.deposit([*make_works(3, pipeline="a"), *make_works(2, pipeline="b")])
    backend.store.load([{**make_work(pipeline="b", status="failure"), "id": "f" * 24}])
    backend.requests.clear()
    return buckets


def test_each_pipeline_has_its_row(filled):
    frame = read_status(filled.api)
    assert frame.to_dict("index") == {
        "a": {"total": 3, "queued": 3, "running": 0, "success": 0, "failure": 0},
        "b": {"total": 3, "queued": 2, "running": 0, "success": 0, "failure": 1},
    }
    assert frame.totals.to_dict() == {"total": 6, "queued": 5, "running": 0, "success": 0, "failure": 1}


def test_it_costs_a_request_a_pipeline_and_one_for_their_names_and_never_an_audit(backend, filled):
    read_status(filled.api)
    paths = sorted(request.path for request in backend.requests)
    assert paths == ["/status/details/a", "/status/details/b", "/status/pipelines"]


def test_many_pipelines_of_a_backend_of_our_own_cost_two_requests(backend, buckets):
    names = [f"p{number:02}" for number in range(40)]
    ids = backend.store.load([make_work(pipeline=name, status="running") for name in names])
    frames = [read_status(buckets.api) for _ in range(2)]
    paths = [request.path for request in backend.requests]
    assert paths == ["/status/pipelines", "/status/details", "/status/details"]
    for frame in frames:
        pd.testing.assert_frame_equal(pd.DataFrame(read_status(buckets.api, names)), pd.DataFrame(frame))
    backend.store.delete(ids[5:])
    assert [len(read_status(buckets.api)) for _ in range(2)] == [5, 5]
    assert {request.path for request in list(backend.requests)[-5:]} == {f"/status/details/{one}" for one in names[:5]}


@pytest.mark.parametrize("earlier", [lambda api: api.version(), lambda api: api.status()], ids=["version", "totals"])
def test_they_cost_one_where_an_earlier_answer_said_that_it_is_one_of_our_own(backend, buckets, earlier):
    names = [f"p{number:02}" for number in range(40)]
    ids = backend.store.load([make_work(pipeline=name) for name in names])
    earlier(buckets.api)
    backend.requests.clear()
    assert [list(read_status(buckets.api).index) for _ in range(2)] == [names, names]
    assert [request.path for request in backend.requests] == ["/status/details"] * 2
    backend.store.delete(ids[5:])
    assert [len(read_status(buckets.api)) for _ in range(2)] == [5, 5]
    earlier(buckets.api)
    read_status(buckets.api)
    assert {request.path for request in list(backend.requests)[-5:]} == {f"/status/details/{one}" for one in names[:5]}


def test_a_service_that_does_not_offer_them_at_once_is_asked_about_each():
    names = [f"p{number:02}" for number in range(40)]
    with Stub(answer(names)) as service, Buckets(service.url) as buckets:
        read_status(buckets.api)
        assert sorted(service.routes) == [*(f"GET /status/details/{name}" for name in names), "GET /status/pipelines"]


def test_a_named_pipeline_costs_one_request(backend, filled):
    assert list(read_status(filled.api, "a").index) == ["a"]
    assert len(backend.requests) == 1


def test_a_status_of_named_pipelines_is_no_word_about_the_others(filled, tmp_path):
    history = History(filled.api.url, tmp_path / "history.db")
    for second, frame in enumerate((filled.status(), filled.status("a"), filled.status().loc[["a"]])):
        history.record(frame, at=1_790_000_000.0 + second)
    table = history.frame()
    assert table.loc[table["pipeline"] == "b", "total"].tolist() == [3]
    assert pd.isna(history.diff(1_790_000_000, 1_790_000_001).loc["b", "total"])


def test_an_empty_queue_has_the_columns_and_dtypes_of_a_full_one(buckets, filled):
    full = read_status(filled.api)
    empty = read_status(filled.api, [])
    assert list(empty.columns) == list(STATUS_KEYS)
    assert empty.dtypes.equals(full.dtypes)
    assert empty.index.dtype == full.index.dtype


def test_a_failing_pipeline_marks_its_row_and_the_others_show(backend, filled):
    backend.faults.add("GET /status/details/b", status=400)
    with pytest.warns(IncompleteStatus, match="1 pipeline could not be read"):
        frame = read_status(filled.api)
    assert frame.loc["a", "total"] == 3
    assert frame.loc["b"].isna().all()
    assert list(frame.attrs["problems"]) == ["b"]
    assert "400" in repr(frame)
    assert "400" in frame._repr_html_()
    assert frame.totals["total"] == 3


@pytest.mark.parametrize("name", ["", ".", "..", "\ud800"])
def test_a_pipeline_whose_name_no_path_can_hold_hides_no_others(name, tmp_path):
    def act(exchange):
        answer([name, "b"] if exchange.request.path == "/status/pipelines" else {**ZEROS, "total": 1, "queued": 1})(
            exchange
        )

    with Stub(default=act) as stub, Buckets(stub.url) as client:
        with pytest.warns(IncompleteStatus, match="1 pipeline could not be read"):
            frame = client.status()
        with pytest.raises(QueryError):
            client.status([name, "b"])
        History(stub.url, tmp_path / "history.db").record(frame)

    assert frame.loc["b", "queued"] == 1
    assert list(frame.attrs["problems"]) == [name]
    assert repr(frame)


def test_when_no_pipeline_can_be_read_the_error_comes_out(backend, filled):
    backend.faults.add("GET /status/details/*", status=500, times=50)
    with pytest.raises(ServiceFailed):
        read_status(filled.api)


def test_the_services_own_totals_stand_beside_ours(filled):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read_status(filled.api, compare=True)
    assert frame.attrs["service"]["total"] == 6


def test_a_difference_to_the_services_own_totals_is_said(backend, filled):
    backend.faults.add("GET /status", body=b'{"total":9,"queued":8,"running":0,"success":0,"failure":1}')
    with pytest.warns(StatusDiffers, match="total 9 against 6, queued 8 against 5"):
        read_status(filled.api, compare=True)


@pytest.mark.parametrize("named", ["b", ["b"], []])
def test_the_services_totals_are_not_compared_with_some_pipelines(backend, filled, named):
    with pytest.raises(QueryError, match="totals, which are of all pipelines"):
        filled.status(named, compare=True)
    assert not backend.requests


def test_text_and_html_show_the_same_numbers_and_the_total(filled):
    frame = read_status(filled.api)
    text, html = repr(frame), frame._repr_html_()
    for word in ("a", "b", "(all)", "6", "pipeline", "127.0.0.1"):
        assert word in text
        assert word in html


@pytest.mark.parametrize(
    ("work_out", "stays"),
    [
        (lambda status: status.head(1), True),
        (lambda status: status.sort_values("total"), True),
        (lambda status: status - status.shift(1), True),
        (lambda status: status.div(status["total"], axis=0), False),
        (lambda status: status > 2, False),
        (lambda status: status.reindex(["a", "new"]), True),
        (lambda status: pd.concat([status.head(1), status.tail(1)]), True),
        (lambda status: pd.concat([status, status]), False),
        (lambda status: pd.concat({"monday": status, "tuesday": status}), False),
        (lambda status: status.describe(), False),
        (lambda status: status.astype("float64"), False),
    ],
    ids=["head", "sort", "difference", "shares", "flags", "reindex", "parts", "twice", "by day", "describe", "floats"],
)
def test_what_is_worked_out_of_a_status_is_drawn_as_what_it_is(filled, work_out, stays):
    made = work_out(filled.status())
    assert isinstance(made, StatusFrame) is stays
    assert repr(made)
    assert "<table" in made._repr_html_()


def test_a_status_that_was_edited_in_place_is_drawn_all_the_same(filled):
    frame = filled.status()
    frame["share"] = 0.5
    assert "share" in repr(frame)
    assert "share" in frame._repr_html_()
    del frame["failure"]
    assert "<table" in frame._repr_html_()


def test_hostile_names_are_only_text():
    index = pd.Index(["<script>alert(1)</script>\u202e"], name="pipeline")
    frame = StatusFrame({key: pd.array([1], dtype="Int64") for key in STATUS_KEYS}, index=index)
    frame.attrs["problems"] = {index[0]: "<img src=x>"}
    assert "<script" not in frame._repr_html_()
    assert "<img" not in frame._repr_html_()
    assert "\u202e" not in frame._repr_html_() + repr(frame)


def test_ordinary_pandas_goes_on_from_it(filled):
    frame = read_status(filled.api)
    assert isinstance(frame[frame["failure"] > 0], StatusFrame)
    assert not isinstance(frame[["total", "failure"]], StatusFrame)
    assert frame.sort_values("failure").index.tolist() == ["a", "b"]
