"""Works that went through a file, or through what people do with any frame, are the same works."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.tables import read_rows
from bucketsnb.changes.verbs.update import edits_of
from bucketsnb.errors import WorkError
from bucketsnb.frames import LIGHT, frame_of
from bucketsnb.schema import FIELD_NAMES
from tests.budget import examples
from tests.factory import make_work, make_works

pytestmark = pytest.mark.slow

_text = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=8)
_words = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
_scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), _text)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3))
_mappings = st.dictionaries(_words, _values, max_size=3)
_times = st.integers(1_600_000_000_000_000, 1_790_000_000_000_000).map(lambda microseconds: microseconds / 1e6)
_fields: dict[str, Any] = {
    "user": _words,
    "parameters": st.none() | _mappings,
    "function": st.none() | _words,
    "results": st.none() | _mappings,
    "products": st.none() | st.lists(_text, max_size=3),
    "tags": st.none() | st.lists(_text, max_size=3),
    "event": st.none() | st.lists(st.integers(1, 2**40), min_size=1, max_size=3),
    "creation": _times,
    "start": st.none() | _times,
    "attempt": st.integers(0, 3),
    "status": st.sampled_from(["queued", "running", "success", "failure"]),
    "priority": st.integers(1, 5),
}
_works = st.lists(st.fixed_dictionaries({}, optional=_fields), min_size=1, max_size=4).map(
    lambda changes: [make_work(id=f"a{place:023x}", **{"status": "queued", **one}) for place, one in enumerate(changes)]
)


def _csv(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv()))


def _csv_without_index(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def _json(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_json(io.StringIO(frame.to_json()), dtype=False)


def _json_records(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(json.loads(frame.to_json(orient="records")))


def _in_bytes(write: str, read: Callable[..., Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def there_and_back(frame: pd.DataFrame) -> pd.DataFrame:
        data = io.BytesIO()
        getattr(frame, write)(data)
        data.seek(0)
        again: pd.DataFrame = read(data)
        return again

    return there_and_back


FILES = {
    "csv": _csv,
    "csv without the index": _csv_without_index,
    "json": _json,
    "json records": _json_records,
    "parquet": _in_bytes("to_parquet", pd.read_parquet),
    "feather": _in_bytes("to_feather", pd.read_feather),
    "pickle": _in_bytes("to_pickle", pd.read_pickle),
    "excel": _in_bytes("to_excel", pd.read_excel),
}

ORDINARY = {
    "replace": lambda frame: frame.replace({np.nan: None}),
    "copy": lambda frame: frame.copy(),
    "convert_dtypes": lambda frame: frame.convert_dtypes(),
    "microseconds": lambda frame: frame.assign(creation=frame.creation.dt.as_unit("us")),
    "seconds": lambda frame: frame.assign(creation=frame.creation.dt.as_unit("s"), start=frame.start.dt.as_unit("ms")),
    "another zone": lambda frame: frame.assign(creation=frame.creation.dt.tz_convert("America/Vancouver")),
    "object": lambda frame: frame.astype(object),
    "a column as objects": lambda frame: frame.astype({"creation": object, "event": object, "priority": object}),
    "floats": lambda frame: frame.astype({"priority": float, "attempt": float}),
    "sorted": lambda frame: frame.sort_values("event", ascending=False),
    "concat": lambda frame: pd.concat([frame.iloc[:1], frame.iloc[1:]], ignore_index=True),
    "merge": lambda frame: frame.merge(pd.DataFrame({"id": frame["id"]}), on="id"),
    "a frame made of it": lambda frame: pd.DataFrame(frame),
    "a frame made of its columns": lambda frame: pd.DataFrame({name: frame[name] for name in frame}),
    "infer_objects": lambda frame: frame.astype(object).infer_objects(),
    "where": lambda frame: frame.where(frame["id"].notna()),
}


def _same(works: list[dict[str, Any]]) -> str:
    return json.dumps([{**work, "id": None} for work in works], sort_keys=True)


@pytest.mark.parametrize("through", FILES.values(), ids=FILES)
@settings(deadline=None, max_examples=examples(10), suppress_health_check=list(HealthCheck))
@given(works=_works)
def test_works_that_come_back_from_a_file_are_the_same_deposit_and_no_edit(through: Any, works: Any) -> None:
    frame = frame_of(works, now=1.8e9)
    back = through(frame)
    assert _edits(back, works) == []
    direct, again = (read_rows(one) for one in (frame, back))
    assert not direct.problems
    assert not again.problems
    assert _same(again.works) == _same(direct.works)


@pytest.mark.parametrize("change", ORDINARY.values(), ids=ORDINARY)
@settings(deadline=None, max_examples=examples(10), suppress_health_check=list(HealthCheck))
@given(works=_works, odd=st.lists(st.floats(1.6e9, 1.79e9), min_size=4, max_size=4))
def test_what_ordinary_pandas_does_to_a_frame_is_no_edit(change: Any, works: Any, odd: Any) -> None:
    works = [{**work, "start": time} for work, time in zip(works, odd, strict=False)]
    assert _edits(change(frame_of(works, now=1.8e9)), works) == []


def _edits(frame: pd.DataFrame, works: list[dict[str, Any]]) -> list[Any]:
    found = edits_of(frame, {work["id"]: work for work in works})
    return [*found.changes, *found.left_out]


@pytest.mark.parametrize("change", [*FILES.values(), *ORDINARY.values()], ids=[*FILES, *ORDINARY])
def test_an_edit_is_found_whatever_became_of_the_frame(change: Any) -> None:
    works = [make_work(id=f"a{place:023x}", status="queued", event=[place + 1], results={"a": 1}) for place in range(3)]
    frame = change(frame_of(works, now=1.8e9))
    frame["priority"] = 5
    frame["results"] = pd.Series([{"a": 2}] * 3, index=frame.index, dtype=object)
    found = edits_of(frame, {work["id"]: work for work in works})
    after = {change.id: change.after and change.after.record for change in found.changes}
    assert after == {work["id"]: {**work, "results": {"a": 2}, "priority": 5} for work in works}


@pytest.mark.parametrize("through", [one for name, one in FILES.items() if name != "pickle"])
@pytest.mark.parametrize("fields", [LIGHT, ("id", "results"), tuple(name for name in FIELD_NAMES if name != "config")])
def test_what_was_never_read_is_no_edit_after_a_file(through: Any, fields: Any) -> None:
    works = [make_work(id="a" * 24, status="queued", results={"a": 1}, tags=["x"], function="f")]
    partly = frame_of([{name: work[name] for name in fields} for work in works], fields=fields)
    assert _edits(through(partly), works) == []
    assert _edits(pd.concat([through(partly), through(partly)]).iloc[:1], works) == []


def test_plans_made_of_a_file_say_what_they_go_by(backend: LocalBackend, buckets: Buckets, tmp_path: Path) -> None:
    buckets.deposit(make_works(3, tags=["a, b", "c"], event=[9385707]))
    file = tmp_path / "works.csv"
    buckets.view().to_csv(file)
    frame = pd.read_csv(file)
    plan = buckets.plan_update(frame)
    assert plan.count == 0
    assert "What is empty or left out in it stays as it is" in str(plan)
    frame.loc[0, "tags"] = '["d"]'
    plan = buckets.plan_update(frame)
    assert plan.cells.field.tolist() == ["tags"]
    assert plan.apply().ok
    assert buckets.view({"id": frame.loc[0, "id"]}).tags[0] == ["d"]


@pytest.mark.parametrize("columns", [None, ["id", "event", "tags"], ["event"]], ids=str)
def test_nested_cells_are_json_text_for_every_reader(columns: Any, tmp_path: Path) -> None:
    frame = frame_of([make_work(id="a", event=[9385707], tags=["x"]), make_work(id="b")])
    frame = frame if columns is None else frame[columns]
    assert pd.read_csv(io.StringIO(frame.to_csv())).event.tolist()[0] == "[9385707]"
    assert json.loads(frame.to_json(orient="records"))[0]["event"] == "[9385707]"
    with sqlite3.connect(":memory:") as database:
        frame.to_sql("works", database)
        assert database.execute("select event from works").fetchall() == [("[9385707]",), (None,)]
    assert polars.from_pandas(frame)["event"].to_list() == ["[9385707]", None]
    frame.to_parquet(tmp_path / "works.parquet")
    script = "import sys, pandas; print(pandas.read_parquet(sys.argv[1]).event[0])"
    read = [sys.executable, "-c", script, str(tmp_path / "works.parquet")]  # where nothing of ours is imported
    assert subprocess.run(read, capture_output=True, text=True, check=True).stdout == "[9385707]\n"


def test_a_cell_that_a_sheet_would_cut_is_refused_by_name(tmp_path: Path) -> None:
    frame = frame_of([make_work(), make_work(results={"long": "x" * 40_000})])
    with pytest.raises(WorkError, match=r"results of the work in row 1 has 40,\d+ letters"):
        frame.to_excel(tmp_path / "works.xlsx")
