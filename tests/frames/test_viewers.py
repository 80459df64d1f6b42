"""What viewers of data and notebooks ask of a frame that they did not make: its JSON, types, texts and pages."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from bucketsnb.frames import WorksFrame, frame_of
from tests.factory import make_work

RESULTS = {"a": [1, {"deep": None}]}


@pytest.fixture(params=[0, 3])
def frame(request: pytest.FixtureRequest) -> WorksFrame:
    works = [make_work(id=f"{n}", event=[n, 2**60 + n], tags=["a"], results=RESULTS) for n in range(request.param)]
    return frame_of(works)


def test_a_table_of_json_has_the_rows_and_their_types(frame: WorksFrame):
    table = json.loads(frame.to_json(orient="table"))
    types = {field["name"]: field["type"] for field in table["schema"]["fields"]}
    assert list(types) == ["index", *frame.columns]
    assert {types["event"], types["results"]} <= {"string", "any"}  # by the version of pandas
    assert types["priority"] == "integer"
    assert [json.loads(row["event"]) for row in table["data"]] == [[n, 2**60 + n] for n in range(len(frame))]
    assert [json.loads(row["results"]) for row in table["data"]] == [RESULTS] * len(frame)


def test_a_table_of_json_is_read_back_by_pandas(frame: WorksFrame):
    table = pd.read_json(
        io.StringIO(frame[["id", "status", "event", "results"]].to_json(orient="table")), orient="table"
    )
    assert list(table["id"]) == list(frame["id"])
    assert list(table["event"].map(json.loads)) == list(frame["event"])


@pytest.mark.parametrize("orient", ["split", "records", "index", "columns", "values"])
def test_each_form_of_json_is_valid(frame: WorksFrame, orient: str):
    options = {"orient": orient, "date_format": "iso", "default_handler": str}
    assert len(json.loads(frame.to_json(**options)) or []) == len(json.loads(frame.to_json(**options)))


def test_the_types_of_columns_have_plain_names(frame: WorksFrame):
    names = frame.dtypes.astype(str)
    assert (names["event"], names["results"], names["status"]) == ("json", "json", "category")


@pytest.mark.parametrize("rows", [slice(0, 100), slice(0, 2), slice(1, None), slice(50, 60)])
def test_a_page_of_rows_is_shown_and_sent(frame: WorksFrame, rows: slice):
    page = frame.iloc[rows]
    assert len(json.loads(page.to_json(orient="table"))["data"]) == len(page)
    assert page._repr_html_()
    assert repr(page)


@pytest.mark.filterwarnings("ignore:TimedeltaArray.__init__:FutureWarning")  # pandas 2.3 warns of what it does itself
def test_every_column_is_counted_and_sorted(frame: WorksFrame):
    for name in frame.columns:
        assert frame[name].isna().sum() + frame[name].count() == len(frame)
        assert frame[name].nunique() <= len(frame)
        assert frame[name].value_counts().sum() == frame[name].count()
    assert len(frame.describe(include="all").columns)


def test_nested_cells_are_json_text_where_a_viewer_wants_text(frame: WorksFrame):
    assert [json.loads(text) for text in frame.astype(str)["results"]] == [RESULTS] * len(frame)
    assert [json.loads(text) for text in frame["event"].astype(str)] == list(frame["event"])


def test_a_notebook_gets_the_frame_as_a_resource_of_data_too(frame: WorksFrame):
    with pd.option_context("display.html.table_schema", True):
        shell = InteractiveShell.instance()
        pd.set_option("display.html.table_schema", True)  # is told to the shell that is there now
        shown, _ = shell.display_formatter.format(frame)
        InteractiveShell.clear_instance()
    resource = shown["application/vnd.dataresource+json"]
    assert len(resource["data"]) == len(frame)
    assert [json.loads(row["event"]) for row in resource["data"]] == list(frame["event"])
    assert {"text/plain", "text/html"} <= set(shown)
    json.dumps(resource)


HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("index", ["id", "pipeline", "user"])
def test_nothing_in_a_work_is_live_in_a_whole_or_styled_table(index: str):
    work = make_work(id=HOSTILE, pipeline=HOSTILE, user=HOSTILE, tags=[HOSTILE], results={HOSTILE: HOSTILE})
    frame = frame_of([work, {**work, "results": [HOSTILE]}, {**work, "event": None}])
    for one in (frame, frame.set_index(index), frame[["id", "results"]], frame.head(1)):
        for drawn in (one.to_html(), one._repr_html_(), one.style._repr_html_(), one.style.to_html()):
            assert "<script" not in drawn
            assert "&lt;script&gt;" in drawn


def test_a_styled_table_shows_nested_cells_as_json():
    frame = frame_of([make_work(results={"a": [1, None, True]})])
    assert "{&quot;a&quot;: [1, null, true]}" in frame.style.to_html()
