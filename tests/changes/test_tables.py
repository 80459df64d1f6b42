"""Tables as people keep them give the works that they mean, whichever way they come."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb import Buckets, LocalBackend, Query
from bucketsnb.changes.tables import read_rows
from bucketsnb.encoding.cells import NULLS
from bucketsnb.errors import QueryError, WorkError
from bucketsnb.frames.columns import DERIVED
from tests.changes.helpers import PIPELINE, changes_sent, filled
from tests.factory import CREATION, make_work

COMPUTED = ", ".join(DERIVED)
NAMES = {"pipeline": PIPELINE, "site": "chime", "user": "me"}
HALF_PAST_SIX = 1_795_199_400.0  # 2026-11-20T18:30:00Z


def works_of(source: Any, **options: Any) -> list[dict[str, Any]]:
    """Return the works of a source that has nothing wrong."""
    found = read_rows(source, **options)
    assert found.problems == []
    return found.works


def problems_of(source: Any) -> list[tuple[int, str, str]]:
    return [(one.row, one.field, one.problem) for one in read_rows(source).problems]


def notes_of(source: Any) -> str:
    return " ".join(read_rows(source).notes)


def as_csv(rows: Iterable[Mapping[str, Any]], delimiter: str = ",") -> str:
    """Write rows as a spreadsheet does."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def one_cell(name: str, text: str) -> str:
    return as_csv([{**NAMES, name: text}])


def at(work: Mapping[str, Any], path: str) -> Any:
    value: Any = work
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


# --- the marks between cells, and the header ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_the_mark_between_the_cells_is_found(delimiter: str) -> None:
    row = {**NAMES, "event": "[1, 2]", "tags": "a, b;c", "parameters": '{"dm": [1, 2], "name": "x;y"}'}
    (work,) = works_of(as_csv([row], delimiter))
    assert (work["event"], work["tags"]) == ([1, 2], ["a, b", "c"])
    assert work["parameters"] == {"dm": [1, 2], "name": "x;y"}


def test_a_line_that_tells_a_spreadsheet_its_mark_is_obeyed() -> None:
    (work,) = works_of("sep=;\r\npipeline;site;user\r\na;chime;me\r\n")
    assert (work["pipeline"], work["site"], work["user"]) == ("a", "chime", "me")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_lines_end_as_any_system_ends_them(end: str) -> None:
    assert [work["pipeline"] for work in works_of(end.join(["pipeline,site,user", "a,b,c", "d,e,f", ""]))] == ["a", "d"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("colour,shape\nred,round\n", r"read with commas, and it names 'colour', 'shape': no field of a work"),
        ("colour;shape\nred;round\n", r"read with semicolons, and it names 'colour', 'shape'"),
        ("colour\tshape\nred\tround\n", r"read with tabs"),
        ("Pipeline,Site\na,b\n", r"no field .*did you mean 'pipeline'\?"),
        (pd.DataFrame({"colour": ["red"]}), r"The DataFrame has the columns 'colour': no field of a work"),
    ],
    ids=["commas", "semicolons", "tabs", "capitals", "frame"],
)
def test_a_header_that_names_no_field_says_how_it_was_read_and_what_was_found(source: Any, said: str) -> None:
    with pytest.raises(WorkError, match=said):
        read_rows(source)


@pytest.mark.parametrize("source", ["csv", "json", "json lines"])
@pytest.mark.parametrize("file", [False, True], ids=["text", "file"])
def test_a_byte_order_mark_is_dropped(tmp_path: Path, source: str, file: bool) -> None:
    lines = "\n".join([json.dumps(NAMES)] * 2)
    text = {"csv": as_csv([NAMES] * 2), "json": json.dumps([NAMES] * 2), "json lines": lines}[source]
    path = tmp_path / ("works.csv" if source == "csv" else "works.json")
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert [work["site"] for work in works_of(path if file else "\ufeff" + text)] == ["chime", "chime"]


def test_the_unicode_text_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "works.txt"
    path.write_text(as_csv([{**NAMES, "tags": "M\u00fcnchen"}], "\t"), encoding="utf-16")
    assert works_of(path)[0]["tags"] == ["M\u00fcnchen"]


def test_a_file_of_another_encoding_is_said_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "works.csv"
    path.write_bytes("pipeline,site,user\na,b,Jos\u00e9\n".encode("latin-1"))
    with pytest.raises(WorkError, match="in UTF-8"):
        read_rows(path)


@pytest.mark.parametrize("write", ["to_excel", "to_parquet", "to_pickle"])
def test_a_file_of_another_kind_is_refused_with_what_reads_it(tmp_path: Path, write: str) -> None:
    getattr(pd.DataFrame([NAMES]), write)(tmp_path / "works.xlsx")
    with pytest.raises(
        WorkError, match=r"give the DataFrame that pandas\.read_excel or pandas\.read_parquet makes of it"
    ):
        read_rows(tmp_path / "works.xlsx")


@pytest.mark.parametrize("name", ["works.json", "works.jsonl", "works.txt", "works"])
def test_json_in_a_file_is_known_by_its_name_or_its_first_letter(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(f"{json.dumps(NAMES)}\n{json.dumps(NAMES)}\n")
    assert [work["site"] for work in works_of(path)] == ["chime", "chime"]


def test_text_as_bytes_is_read() -> None:
    assert works_of(as_csv([NAMES], ";").encode())[0]["site"] == "chime"


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e"], ids=ascii)
def test_json_lines_are_cut_at_line_feeds_only(letter: str) -> None:
    works = [{**NAMES, "tags": [f"a{letter}b"]}, {**NAMES, "user": f"u{letter}"}]
    text = "\r\n".join(json.dumps(work, ensure_ascii=False) for work in works if letter >= "\x80")
    text = text or "\n".join(map(json.dumps, works))
    first, second = works_of(text)
    assert (first["tags"], second["user"]) == ([f"a{letter}b"], f"u{letter}")


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\n"], ids=ascii)
def test_a_cell_in_quotes_may_hold_what_ends_lines_elsewhere(letter: str) -> None:
    (work,) = works_of(one_cell("parameters.note", f"a{letter}b"))
    assert work["parameters"] == {"note": f"a{letter}b"}


def test_a_json_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(WorkError, match="line 3 cannot be read"):
        read_rows(f"{json.dumps(NAMES)}\n\n{{'a': 1}}\n")


@pytest.mark.parametrize("shape", ["[%s]", "%s", "%s\n{}"], ids=["array", "one", "lines"])
def test_a_key_that_is_given_twice_in_json_is_refused(shape: str) -> None:
    with pytest.raises(WorkError, match="the key 'site' more than once") as caught:
        read_rows(shape % '{"pipeline": "a", "site": "b", "site": "c"}')
    assert caught.value.field == "site"


def test_json_by_columns_is_refused_with_the_cure() -> None:
    with pytest.raises(WorkError, match="orient='records'"):
        read_rows(pd.DataFrame([NAMES]).to_json())


def test_one_work_as_json_over_several_lines_is_one_work() -> None:
    assert [work["site"] for work in works_of(json.dumps(NAMES, indent=2))] == ["chime"]


# --- columns and rows ---


@pytest.mark.parametrize("column", ["prioritty", "colour", "foo.bar", "Event"])
@pytest.mark.parametrize("way", ["csv", "frame", "list"])
def test_a_column_that_is_no_field_is_a_problem_that_names_it(column: str, way: str) -> None:
    rows = [NAMES | {column: "5"}, NAMES | {column: None}]
    source = {"csv": as_csv(rows), "frame": pd.DataFrame(rows), "list": rows}[way]
    ((row, field, problem),) = problems_of(source)
    assert row == 0
    assert field.strip("'") == column
    assert "is not a field of a work" in problem
    if column == "prioritty":
        assert "did you mean 'priority'?" in problem


def test_a_column_that_is_no_field_and_empty_is_left_out_with_a_note() -> None:
    source = as_csv([NAMES | {"remarks": ""}])
    assert "The column remarks is no field of a work, and empty: left out." in notes_of(source)
    assert "remarks" not in works_of(source)[0]


def index_of_a_file() -> str:
    text: str = pd.DataFrame([NAMES, NAMES]).to_csv()
    return text


@pytest.mark.parametrize("way", ["csv", "read by pandas", "twice"])
def test_an_index_column_is_left_out_with_a_note(way: str) -> None:
    text = index_of_a_file()
    source: Any = text
    if way != "csv":
        source = pd.read_csv(io.StringIO(text))
    if way == "twice":
        source = source.to_csv()
    assert "The first column has no name" in notes_of(source)
    assert [work["site"] for work in works_of(source)] == ["chime", "chime"]


def test_a_column_without_a_name_that_is_no_index_is_refused() -> None:
    with pytest.raises(WorkError, match="Column 4 has no name"):
        read_rows("pipeline,site,user,\na,b,c,d\n")
    with pytest.raises(WorkError, match="Column 4 has no name"):
        read_rows(pd.read_csv(io.StringIO("pipeline,site,user,\na,b,c,d\n")))
    assert works_of("pipeline,site,user,\na,b,c,\n")[0]["user"] == "c"


def test_our_own_columns_are_left_out_of_a_file_with_a_note(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, event=[9385707], tags=["a", "b c"], parameters={"dm": 3.5})
    text = buckets.view().assign(record=None).to_csv(index=False)
    plan = buckets.plan_deposit(text)
    assert plan.problems.empty
    assert f"{COMPUTED}, record are worked out when works are read" in " ".join(plan.notes)
    assert plan.count == 2
    assert not {*DERIVED, "record"} & plan.changes[0].work.record.keys()


def test_what_a_file_holds_beside_works_is_left_out_of_an_update_with_a_note(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 2)
    plan = buckets.plan_update(pd.read_csv(io.StringIO(buckets.view().to_csv())).assign(priority=5))
    assert f"no part of a work were left out: Unnamed: 0, {COMPUTED}" in " ".join(plan.notes)
    assert plan.cells.field.tolist() == ["priority", "priority"]


def test_our_own_columns_are_left_out_of_a_frame_with_a_note() -> None:
    frame = pd.DataFrame([NAMES | {"age": pd.Timedelta("1D"), "overdue": True}])
    assert "The columns age, overdue are worked out" in notes_of(frame)
    assert works_of(frame)[0]["user"] == "me"


def test_a_row_with_more_cells_than_the_header_says_so() -> None:
    ((row, field, problem),) = problems_of("pipeline,site,user\na,b,c\na,b,c,d,e\na,b,c,,\n")
    assert (row, field) == (1, "")
    assert "has 5 cells, and the header names 3: 'd, e' has no column" in problem


def test_a_row_with_fewer_cells_than_the_header_leaves_the_last_ones_out() -> None:
    assert works_of("pipeline,site,user,tags,event\na,b,c\n")[0]["tags"] is None


def test_empty_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    text = "pipeline,site,user\na,b,c\n,,\n\na,b,\n"
    assert "1 empty row was left out." in notes_of(text)
    assert [(row, field) for row, field, _ in problems_of(text)] == [(2, "user")]
    frame = pd.read_csv(io.StringIO(text))
    assert [(row, field) for row, field, _ in problems_of(frame)] == [(2, "user")]


def test_a_quote_that_is_never_closed_is_an_error_and_not_one_long_cell() -> None:
    with pytest.raises(WorkError, match="cannot be read as CSV"):
        read_rows('pipeline,site,user\na,b,"c\na,b,c\na,b,c\n')


def test_problems_say_the_line_of_the_text_where_there_is_one(buckets: Buckets) -> None:
    text = 'pipeline,site,user,parameters.note\na,b,c,"two\nlines"\n\na b,c,d,\n'
    plan = buckets.plan_deposit(text)
    assert plan.problems[["row", "line", "field"]].values.tolist() == [[1, 5, "pipeline"]]
    assert "line" in str(plan)
    with pytest.raises(WorkError, match=r"Row 1 \(line 5\): pipeline is 'a b'"):
        plan.apply()
    lines = f"{json.dumps(NAMES)}\n\n{json.dumps({**NAMES, 'site': 5})}\n"
    assert buckets.plan_deposit(lines).problems.line.tolist() == [3]
    assert buckets.plan_deposit([{**NAMES, "site": 5}]).problems.line.isna().all()


def test_a_column_of_the_index_is_a_column() -> None:
    frame = pd.DataFrame([NAMES, NAMES | {"site": "kko"}]).set_index(["site", "pipeline"])
    assert [work["site"] for work in works_of(frame)] == ["chime", "kko"]


@pytest.mark.parametrize("index", [["a", "b"], pd.Index([1.5, 2.5]), pd.Index(["x", "y"], name="remark")])
def test_an_index_that_holds_more_than_row_numbers_is_left_out_with_a_note(index: Any) -> None:
    frame = pd.DataFrame([NAMES, NAMES], index=index)
    assert "The index of the DataFrame is no field of a work: left out." in notes_of(frame)
    assert notes_of(frame.reset_index(drop=True)) == notes_of(frame.iloc[:0].reset_index(drop=True)) == ""


def test_a_column_that_pandas_took_for_the_index_as_rows_are_longer_than_the_header_is_said() -> None:
    frame = pd.read_csv(io.StringIO("pipeline,site,user\na,b,c,d\n"))
    assert frame.index.tolist() == ["a"]
    assert "call reset_index() first" in notes_of(frame)


# --- cells ---


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("event", "[1, 2]", [1, 2]),
        ("tags", '["a", "b c"]', ["a", "b c"]),
        ("parameters", '{"dm": 3.5}', {"dm": 3.5}),
        ("config.orgs", '["chimefrb"]', ["chimefrb"]),
    ],
)
def test_the_text_of_a_list_or_a_mapping_is_read_in_json_where_nothing_else_is_right(
    name: str, text: str, value: Any
) -> None:
    for source in ([NAMES | {name: text}], json.dumps([NAMES | {name: text}])):
        assert at(works_of(source)[0], name) == value


def test_values_put_into_a_frame_are_read_as_those_of_a_deposit(backend: LocalBackend, buckets: Buckets) -> None:
    filled(backend, 2, event=[7], tags=["a"], start=HALF_PAST_SIX)
    frame = buckets.view().assign(event=[8, 7], tags='["a"]', start="2026-11-20T18:30:00Z")
    assert buckets.plan_update(frame).cells[["field", "new"]].values.tolist() == [["event", "[8]"]]
    for column, said in {"event": "x", "tags": "a", "parameters": "{dm: 1}", "start": "2026-11-20T18:30:00"}.items():
        with pytest.raises(WorkError, match=f"Work 0.*{column} is") as caught:
            buckets.plan_update(buckets.view().assign(**{column: said}))
        assert caught.value.field == column


@pytest.mark.parametrize(("name", "text"), [("event", "1"), ("tags", "a"), ("parameters", "{"), ("config", "x")])
def test_other_text_is_refused_in_json_where_a_list_or_a_mapping_belongs(name: str, text: str) -> None:
    ((_, field, _),) = problems_of([NAMES | {name: text}])
    assert field == name


BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


@pytest.mark.parametrize("path", ["config.archive.results", "config.metrics", "notify.slack.results", "parameters.on"])
@pytest.mark.parametrize(("text", "value"), BOOLEANS.items())
def test_booleans_are_read_as_python_pandas_r_and_spreadsheets_write_them(path: str, text: str, value: bool) -> None:
    (work,) = works_of(one_cell(path, text))
    assert at(work, path) is value
    (work,) = works_of(pd.DataFrame([NAMES | {path: text}]))
    assert at(work, path) is value
    (work,) = works_of(pd.read_csv(io.StringIO(one_cell(path, text))))
    assert at(work, path) is value


def test_a_boolean_in_quotes_of_json_is_text_and_refused_where_a_boolean_belongs() -> None:
    ((_, field, problem),) = problems_of([NAMES | {"config": {"archive": {"results": "True"}}}])
    assert field == "config.archive.results"
    assert "expected true or false" in problem


@pytest.mark.parametrize(
    "path",
    ["priority", "event", "tags", "creation", "function", "parent", "config.metrics", "config.orgs", "parameters.dm"],
)
def test_nulls_are_read_as_python_pandas_r_and_spreadsheets_write_them(path: str) -> None:
    (plain,) = works_of([NAMES])
    rows = [NAMES | {path: text} for text in sorted(NULLS)]
    for source in (as_csv(rows), pd.DataFrame(rows)):
        works = works_of(source)
        read = zip(sorted(NULLS), works, strict=True)
        assert [text for text, work in read if {**work, "creation": 0} != {**plain, "creation": 0}] == []


def test_what_stands_for_nothing_is_text_inside_a_list_and_in_json() -> None:
    (work,) = works_of(one_cell("tags", '["NA", "None", "null"]'))
    assert work["tags"] == ["NA", "None", "null"]
    (work,) = works_of(json.dumps([NAMES | {"tags": ["NA"], "user": "None", "parameters": {"x": "null"}}]))
    assert (work["tags"], work["user"], work["parameters"]) == (["NA"], "None", {"x": "null"})


def test_a_name_that_stands_for_nothing_is_a_problem_of_its_field() -> None:
    ((row, field, _),) = problems_of(as_csv([NAMES | {"site": "NA"}]))
    assert (row, field) == (0, "site")


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("tags", "['a', 'b c']", ["a", "b c"]),
        ("tags", '["a", "b c"]', ["a", "b c"]),
        ("tags", "('a', 'b')", ["a", "b"]),
        ("tags", "a;b c", ["a", "b c"]),
        ("tags", "a, b", ["a", "b"]),
        ("tags", "a b", ["a", "b"]),
        ("tags", "a", ["a"]),
        ("tags", "5", ["5"]),
        ("tags", "[]", []),
        ("products", "['/data/a b.h5']", ["/data/a b.h5"]),
        ("config.orgs", "['chimefrb', 'other']", ["chimefrb", "other"]),
        ("command", "['echo', 'a b']", ["echo", "a b"]),
        ("command", "echo --name 'a b' --events 1,2", ["echo", "--name", "a b", "--events", "1,2"]),
        ("event", "9385707", [9385707]),
        ("event", "9385707.0", [9385707]),
        ("event", "[9385707, 434893045]", [9385707, 434893045]),
        ("event", "(9385707,)", [9385707]),
        ("event", "9385707 434893045", [9385707, 434893045]),
        ("event", "9385707,434893045", [9385707, 434893045]),
        ("event", "9385707; 434893045", [9385707, 434893045]),
        (
            "parameters",
            "{'dm': 3.5, 'on': True, 'of': None, 'l': ('a',)}",
            {"dm": 3.5, "on": True, "of": None, "l": ["a"]},
        ),
        ("parameters", '{"dm": 3.5, "on": true, "of": null}', {"dm": 3.5, "on": True, "of": None}),
        ("results", "{'a': {'b': [1, 2]}}", {"a": {"b": [1, 2]}}),
        ("parameters.l", "[1, 'a']", [1, "a"]),
        ("parameters.m", "{'a': None}", {"a": None}),
        ("parameters.dm", "56.5", 56.5),
        ("parameters.n", "-5", -5),
        ("parameters.x", "1e-3", 1e-3),
        ("parameters.run", "007", "007"),
        ("parameters.run", '"5"', "5"),
        ("parameters.day", "2026-11-20", "2026-11-20"),
        ("parameters.name", "[a-z]+", "[a-z]+"),
        ("parameters.name", "{event}", "{event}"),
        ("config", "{'archive': {'products': 'move'}}", None),
        ("user", "007", "007"),
        ("site", "5", "5"),
        ("function", "True", "True"),
        ("parent", "000012345678", None),
        ("priority", "5", 5),
        ("priority", "5.0", 5),
        ("timeout", "3600", 3600),
        ("config.archive.products", "move", "move"),
    ],
)
def test_cells_are_read_as_the_kind_of_their_field(path: str, text: str, value: Any) -> None:
    for source in (one_cell(path, text), pd.DataFrame([NAMES | {path: text}])):
        (work,) = works_of(source)
        if path == "config":
            assert work["config"]["archive"] == {"results": True, "products": "move", "plots": "copy", "logs": "move"}
        elif path == "parent":
            assert work["config"]["parent"] == text
        else:
            found = at(work, path)
            assert found == value
            assert type(found) is type(value)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("event", "9,385,707", r"one number with thousands separators, or several\? Write 9385707 or \[9, 385, 707\]"),
        ("event", "9 385 707", "thousands separators, or several"),
        ("event", "9.385.707", "thousands separators, or several"),
        ("event", "9'385'707", "thousands separators, or several"),
        ("event", "385,707", "thousands separators, or several"),
        ("event", "4.34893E+08", "a spreadsheet may have rounded"),
        ("event", "abc", "expected an integer"),
        ("event", "[1, 2", "neither JSON nor as Python writes"),
        ("tags", "['a', b]", "neither JSON nor as Python writes"),
        ("command", "echo 'a", "no command line"),
        ("parameters", "dm=5", "expected a mapping"),
        ("parameters", "{dm: 5}", "neither JSON nor as Python writes"),
        ("parameters.x", "{dm: 5}", "if it is text, put it in double quotes"),
        ("parameters.x", "{1, 2}", "a set"),
        ("parameters.dm", "56,5", "a decimal comma, thousands, or a list"),
        ("parameters.dm", "1,234.5", "a decimal comma, thousands, or a list"),
        ("parameters.dm", "inf", "JSON cannot hold"),
        ("priority", "high", "expected an integer"),
        ("timeout", "3,600", "without separators"),
        ("config.metrics", "yes", "expected true or false"),
        ("config.archive.results", "1", "expected true or false"),
        ("config.archive.products", "keep", "expected one of"),
    ],
)
def test_what_can_mean_two_things_or_none_is_refused_with_the_reason(path: str, text: str, said: str) -> None:
    for source in (one_cell(path, text), pd.DataFrame([NAMES | {path: text}])):
        ((row, field, problem),) = problems_of(source)
        assert (row, field.partition("[")[0]) == (0, path)
        assert re.search(said, problem), problem


def test_every_cell_that_is_wrong_in_a_row_is_named() -> None:
    rows = [NAMES | {"event": "9,385,707", "creation": "yesterday", "priority": "9"}]
    assert [field for _, field, _ in problems_of(as_csv(rows))] == ["event", "creation", "priority"]


@pytest.mark.parametrize("event", [9385707, 9385707.0, np.int64(9385707), "cell"])
def test_one_event_is_a_bare_number_whichever_way_it_comes(event: Any) -> None:
    if event == "cell":
        assert works_of(one_cell("event", "9385707"))[0]["event"] == [9385707]
        return
    for source in (
        [NAMES | {"event": event}],
        pd.DataFrame([NAMES | {"event": event}]),
        json.dumps([NAMES | {"event": 9385707}]),
    ):
        assert works_of(source)[0]["event"] == [9385707]


def test_integers_that_pandas_made_floats_are_integers_again() -> None:
    frame = pd.read_csv(
        io.StringIO("pipeline,site,user,priority,event,parameters.n,parameters.x\na,b,1,5,7,3,0.5\na,b,,,,,\n")
    )
    assert frame.dtypes["parameters.n"] == "float64"
    record = read_rows(frame).works[0]
    assert (record["priority"], record["event"], record["user"]) == (5, [7], "1")
    assert record["parameters"] == {"n": 3, "x": 0.5}
    assert type(record["parameters"]["n"]) is int


def test_floats_that_are_too_large_to_have_been_integers_stay_floats() -> None:
    frame = pd.DataFrame([NAMES | {"parameters.x": 2.0**63}, NAMES])
    assert repr(works_of(frame)[0]["parameters"]["x"]) == "9.223372036854776e+18"


def test_text_of_typed_values_stays_text() -> None:
    """In JSON and in Python values have types: text is not read once more."""
    (work,) = works_of([NAMES | {"parameters": {"n": "5"}, "parameters.m": "5", "tags": ["1"]}])
    assert (work["parameters"], work["tags"]) == ({"n": "5", "m": "5"}, ["1"])
    assert [field for _, field, _ in problems_of([NAMES | {"command": "echo hi"}, NAMES | {"products": "a.h5"}])] == [
        "command",
        "products",
    ]


@pytest.mark.parametrize(
    "value", [math.nan, None, pd.NA, pd.NaT, np.float32("nan"), np.datetime64("NaT", "ns")], ids=repr
)
def test_what_is_missing_in_a_list_says_nothing_of_its_field(value: Any) -> None:
    (work,) = works_of([NAMES | {"priority": value, "parameters.dm": value, "creation": value, "event": value}])
    assert (work["priority"], work["parameters"], work["event"]) == (3, None, None)


# --- times ---


@pytest.mark.parametrize(
    "value",
    [
        HALF_PAST_SIX,
        int(HALF_PAST_SIX),
        "2026-11-20T18:30:00Z",
        "2026-11-20 18:30:00+00:00",
        "2026-11-20T18:30Z",
        "2026-11-20T10:30:00-08:00",
        "2026-11-21T00:00:00+0530",
        "2026-11-20 18:30:00.000 UTC",
        datetime(2026, 11, 20, 18, 30, tzinfo=timezone.utc),
        datetime(2026, 11, 20, 10, 30, tzinfo=timezone(timedelta(hours=-8))),
        pd.Timestamp("2026-11-20T18:30Z"),
        pd.Timestamp("2026-11-21T03:30", tz="Asia/Tokyo"),
    ],
    ids=str,
)
def test_times_are_the_same_everywhere(backend: LocalBackend, buckets: Buckets, value: Any) -> None:
    sources: list[Any] = [[NAMES | {"creation": value}], pd.DataFrame([NAMES | {"creation": value}])]
    sources += [one_cell("creation", str(value)), pd.DataFrame([NAMES | {"creation": value}]).to_csv(index=False)]
    if isinstance(value, str | int | float):
        sources += [json.dumps([NAMES | {"creation": value}])]
    assert [works_of(source)[0]["creation"] for source in sources] == [HALF_PAST_SIX] * len(sources)

    (one,) = filled(backend, 1)
    plan = buckets.plan_update(pd.DataFrame({"id": [one], "creation": [value]}))
    assert plan.changes[0].after.record["creation"] == HALF_PAST_SIX
    assert buckets.update([{"id": one, "creation": value}])
    assert buckets.api.view({"id": one})[0]["creation"] == HALF_PAST_SIX


@pytest.mark.parametrize("text", ["2026-11-20T18:30:00.123456789Z", "2026-11-20 18:30:00.123456789+00:00"])
def test_times_keep_what_they_hold_below_a_microsecond(text: str) -> None:
    exact = float("1795199400.123456789")
    sources = [one_cell("creation", text), pd.DataFrame([NAMES | {"creation": pd.Timestamp(text)}])]
    assert [works_of(source)[0]["creation"] for source in sources] == [exact, exact]


NO_MOMENTS = [
    (HALF_PAST_SIX * 1e3, "looks like milliseconds since 1970; divide it by 1000"),
    (HALF_PAST_SIX * 1e6, "looks like microseconds"),
    (HALF_PAST_SIX * 1e9, "looks like nanoseconds"),
    (int(HALF_PAST_SIX) * 10**3, "looks like milliseconds"),
    (int(HALF_PAST_SIX) * 10**9, "looks like nanoseconds"),
    (46_346.77, "looks like the day number of a spreadsheet"),
    (61_364.5, "looks like a modified Julian date"),
    (20_777, "looks like days since 1970"),
    (0, "before 2010"),
    ("2009-12-31T23:59:59Z", "before 2010"),
    (datetime(1999, 1, 1, tzinfo=timezone.utc), "before 2010"),
    pytest.param(time.time() + 2 * 86_400, "more than a day in the future", id="the day after tomorrow"),
    ("2126-01-01T00:00:00Z", "more than a day in the future"),
    (pd.Timestamp("2126-01-01T00:00:00Z"), "more than a day in the future"),
]


@pytest.mark.parametrize("name", ["creation", "start", "stop"])
@pytest.mark.parametrize(("value", "said"), NO_MOMENTS, ids=str)
def test_a_moment_that_cannot_be_meant_is_refused_in_a_deposit_with_the_guess(name: str, value: Any, said: str) -> None:
    for source in ([NAMES | {name: value}], one_cell(name, str(value)), pd.DataFrame([NAMES | {name: value}])):
        ((row, field, problem),) = problems_of(source)
        assert (row, field) == (0, name)
        assert said in problem


@pytest.mark.parametrize(("value", "said"), NO_MOMENTS, ids=str)
def test_a_moment_that_cannot_be_meant_is_refused_in_an_update_with_the_guess(
    backend: LocalBackend, buckets: Buckets, value: Any, said: str
) -> None:
    (one,) = filled(backend, 1)
    with pytest.raises(WorkError, match=said):
        buckets.plan_update(pd.DataFrame({"id": [one], "creation": pd.Series([value], dtype=object)}))
    with pytest.raises(WorkError, match=said):
        buckets.update([{"id": one, "creation": value}])
    with pytest.raises(WorkError, match=said):
        buckets.deposit([make_work(creation=value)])
    assert changes_sent(backend) == []


def test_a_moment_that_a_queue_holds_already_stands_in_the_way_of_no_other_edit(
    backend: LocalBackend, buckets: Buckets
) -> None:
    (one,) = filled(backend, 1, creation=5.0)
    (work,) = buckets.api.view({"id": one})
    assert buckets.update([{**work, "priority": 5}])
    frame = buckets.view()
    frame["priority"] = 4
    assert buckets.plan_update(frame).apply().ok


@pytest.mark.parametrize(("size", "unit"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")])
def test_a_query_guesses_the_unit_as_a_deposit_does(size: float, unit: str) -> None:
    with pytest.raises(QueryError, match=f"looks like {unit}"):
        Query(since=HALF_PAST_SIX * size)


NAIVE = [
    datetime(2026, 11, 20, 18, 30),
    pd.Timestamp("2026-11-20T18:30"),
    "2026-11-20T18:30:00",
    "2026-11-20 18:30",
    "2026-11-20",
]


@pytest.mark.parametrize("value", NAIVE, ids=repr)
def test_a_time_without_a_zone_is_refused_in_deposits_and_updates(
    backend: LocalBackend, buckets: Buckets, value: Any
) -> None:
    (one,) = filled(backend, 1)
    for source in (
        [NAMES | {"creation": value}],
        pd.DataFrame([NAMES | {"creation": value}]),
        one_cell("creation", str(value)),
    ):
        ((_, field, problem),) = problems_of(source)
        assert field == "creation"
        assert "time zone" in problem
    frames = [pd.DataFrame({"id": [one], "creation": [value]})]
    frames += [pd.DataFrame({"id": [one], "creation": pd.Series([value], dtype=object)})]
    frames += [buckets.view().assign(creation=value), buckets.view().assign(creation=pd.Series([value], dtype=object))]
    for frame in frames:
        with pytest.raises(WorkError, match="time zone"):
            buckets.plan_update(frame)
    with pytest.raises(WorkError, match="time zone"):
        buckets.update([{"id": one, "creation": value}])
    assert changes_sent(backend) == []


# --- works that were read before ---


@pytest.mark.parametrize("columns", ["light", ["id", "pipeline", "site", "user"], ["pipeline", "parameters.dm", "id"]])
def test_works_that_were_read_in_part_are_refused_and_what_was_not_read_is_named(
    backend: LocalBackend, buckets: Buckets, columns: Any
) -> None:
    filled(backend, 2, parameters={"dm": 3.5, "snr": 9})
    with pytest.raises(WorkError, match=r"read in part, without .*function.*Read them with columns='all'"):
        buckets.plan_deposit(buckets.view(columns=columns))


@pytest.mark.parametrize("columns", ["light", ["id", "pipeline", "status", "site", "user", "config"]])
def test_works_read_in_part_are_known_by_what_is_missing_when_all_else_is_lost(
    backend: LocalBackend, buckets: Buckets, columns: Any
) -> None:
    filled(backend, 2)
    frame = pd.concat([buckets.view(columns=columns), buckets.view(columns=columns)])
    frame = frame.drop(columns="record", errors="ignore")
    frame.attrs.clear()
    with pytest.raises(WorkError, match=r"read in part, without .*timeout.*Read them with columns='all'"):
        buckets.plan_deposit(frame)


PLAIN_FORMS: dict[str, Any] = {
    "csv": lambda frame: frame.to_csv(),
    "csv read by pandas": lambda frame: pd.read_csv(io.StringIO(frame.to_csv(index=False))),
    "json": lambda frame: frame.to_json(orient="records"),
    "json lines": lambda frame: frame.to_json(orient="records", lines=True),
    "mappings": lambda frame: frame.to_dict("records"),
    "a frame of mappings": lambda frame: pd.DataFrame(frame.to_dict("records")),
    "a frame of lists": lambda frame: pd.DataFrame(frame.to_dict("list")),
}


@pytest.mark.parametrize("form", PLAIN_FORMS.values(), ids=PLAIN_FORMS)
@pytest.mark.parametrize("columns", ["light", ["id", "pipeline", "site", "user"]], ids=str)
def test_works_read_in_part_are_known_by_their_ids_in_a_form_that_tells_nothing_else(
    backend: LocalBackend, buckets: Buckets, columns: Any, form: Any
) -> None:
    filled(backend, 2, parameters={"dm": 3.5})
    frame = buckets.view(columns=columns)
    with pytest.raises(WorkError, match=r"read in part, without .*timeout.*or leave the ids out"):
        buckets.plan_deposit(form(frame))
    assert buckets.plan_deposit(form(frame.drop(columns="id"))).count == 2


@pytest.mark.parametrize("form", PLAIN_FORMS.values(), ids=PLAIN_FORMS)
def test_works_are_the_same_deposit_in_every_plain_form(backend: LocalBackend, buckets: Buckets, form: Any) -> None:
    nested = {"event": [9385707], "tags": ["a", "b c"], "parameters": {"dm": [3.5, None]}, "results": {"x": {"y": 1}}}
    ids = filled(backend, 2, **nested, start=CREATION + 5)
    expected = [{**work, "id": None} for work in buckets.api.view({"id": {"$in": ids}})]
    plan = buckets.plan_deposit(form(buckets.view()))
    assert f"{COMPUTED} are worked out" in " ".join(plan.notes)
    assert [change.work.record for change in plan.changes] == expected


def test_old_works_that_lack_fields_are_not_taken_for_works_read_in_part(
    backend: LocalBackend, buckets: Buckets
) -> None:
    backend.store.load([{name: value for name, value in make_work().items() if name not in ("notify", "timeout")}])
    (change,) = buckets.plan_deposit(buckets.view()).changes
    assert change.work.record["timeout"] == 3600


@pytest.mark.parametrize("forget", [False, True], ids=["known", "forgotten"])
def test_parts_of_works_put_together_plan_nothing_for_what_was_never_read(
    backend: LocalBackend, buckets: Buckets, forget: bool
) -> None:
    filled(backend, 2, parameters={"dm": 3.5, "snr": 9}, results={"a": 1}, tags=["x"], event=[7])
    light, deep = buckets.view(columns="light"), buckets.view(columns=["id", "parameters.dm"])
    frame = pd.concat([light.iloc[[0]], deep.iloc[[1]]]).drop(columns="record", errors="ignore")
    if forget:
        frame.attrs.clear()
    assert buckets.plan_update(frame).count == 0
    frame["priority"] = 5
    assert buckets.plan_update(frame).cells[["field", "new"]].values.tolist() == [["priority", "5"]] * 2


@pytest.mark.parametrize("change", ["nothing", "astype", "convert_dtypes", "copy"])
def test_names_that_stand_for_nothing_elsewhere_are_names_in_works_that_were_read(
    backend: LocalBackend, buckets: Buckets, change: str
) -> None:
    filled(backend, 1, user="NA", site="None", function="null", tags=["NA"])
    frame = buckets.view()
    frame = {
        "nothing": lambda: frame,
        "astype": lambda: frame.astype(object),
        "convert_dtypes": frame.convert_dtypes,
        "copy": frame.copy,
    }[change]()
    (work,) = works_of(frame)
    assert [work[name] for name in ("user", "site", "function", "tags")] == ["NA", "None", "null", ["NA"]]


def test_old_works_are_said_as_a_requeue_says_them(buckets: Buckets) -> None:
    old = time.time() - 8 * 86_400
    plan = buckets.plan_deposit([NAMES | {"creation": old}, NAMES])
    assert "1 of them is older than 7 days" in " ".join(plan.notes)
    assert "fresh=True" in str(plan)
    assert "fresh=True" not in str(buckets.plan_deposit([NAMES]))


@pytest.mark.parametrize("name", ["results", "start", "stop", "products", "plots"])
def test_what_is_left_of_an_earlier_life_is_said(buckets: Buckets, name: str) -> None:
    value = {"results": {"snr": 9}, "products": ["a.h5"], "plots": ["a.png"]}.get(name, time.time())
    notes = " ".join(buckets.plan_deposit([NAMES | {name: value}, NAMES]).notes)
    assert f"1 of them carries {name} of an earlier life" in notes
    assert "fresh=True" in notes


def test_fresh_makes_new_works_of_copies(backend: LocalBackend, buckets: Buckets) -> None:
    before = time.time()
    lived = {"results": {"a": 1}, "products": ["a"], "plots": ["b"], "start": CREATION, "stop": CREATION + 1}
    filled(backend, 2, status="failure", attempt=2, tags=["x"], parameters={"dm": 3.5}, priority=5, **lived)
    plan = buckets.plan_deposit(buckets.view(), fresh=True)
    assert "fresh=True" not in str(plan)
    assert "older than" not in str(plan)
    for change in plan.changes:
        work = change.work.record
        assert [work[name] for name in ("results", "products", "plots", "start", "stop", "id")] == [None] * 6
        assert (work["attempt"], work["status"]) == (0, "created")
        assert before <= work["creation"] <= time.time()
        assert (work["tags"], work["parameters"], work["priority"]) == (["x"], {"dm": 3.5}, 5)
    assert plan.apply().ok


# --- the same table, whichever way it comes ---

WORDS = st.text("abcxyz", min_size=1, max_size=6)
TEXTS = st.lists(st.one_of(WORDS, st.sampled_from(["NA", "None", "b c", "1", "a;b", "\u2028", 'say "x"'])), max_size=3)
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), WORDS
)
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "event": st.lists(st.integers(1, 10**9), min_size=1, max_size=3),
    "tags": TEXTS,
    "priority": st.integers(1, 5),
    "timeout": st.integers(1, 259_200),
    "creation": st.floats(1_790_000_000, 1_796_000_000).map(lambda one: round(one, 6)),
    "function": st.one_of(WORDS, st.just("module.function")),
    "parent": st.text("abcdef", min_size=24, max_size=24),
    "parameters.x": SCALARS,
    "parameters.deep": st.dictionaries(WORDS, st.one_of(SCALARS, st.none(), st.lists(SCALARS, max_size=2)), max_size=2),
    "results": st.dictionaries(WORDS, SCALARS, max_size=2),
    "config.archive.results": st.booleans(),
    "config.archive.products": st.sampled_from(["bypass", "copy", "delete", "move"]),
    "config.orgs": st.lists(WORDS, min_size=1, max_size=2),
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {"pipeline": WORDS, "site": WORDS, "user": WORDS},
        optional={name: st.one_of(st.none(), cell) for name, cell in CELLS.items()},
    ),
    min_size=1,
    max_size=3,
)


EXACT: dict[str, Any] = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}
"""Before version 3, pandas reads some floats as their neighbours unless it is told otherwise."""


def cell_of(value: Any, style: str) -> str:
    """Write a value in a cell as one program does."""
    if value is None:
        return {"json": "null", "python": "None", "r": "NA", "sheet": ""}[style]
    if isinstance(value, bool):
        return {"json": json.dumps(value), "python": str(value), "r": str(value).upper(), "sheet": str(value).upper()}[
            style
        ]
    if isinstance(value, list | dict):
        return str(value) if style == "python" else json.dumps(value)
    return value if isinstance(value, str) else repr(value)


def ways(rows: list[dict[str, Any]], style: str) -> dict[str, Any]:
    """Return the same table in every form that people have it in."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name) for name in names} for row in rows]
    texts = [{name: cell_of(value, style) for name, value in row.items()} for row in rows]
    objects = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in names})
    found: dict[str, Any] = {"list": rows, "JSON": json.dumps(rows), "JSON lines": "\n".join(map(json.dumps, rows))}
    found |= {f"CSV {mark!r}": as_csv(texts, mark) for mark in ",;\t|"}
    found |= {"objects": objects, "texts": pd.DataFrame(texts)}
    found |= {"read by pandas": pd.read_csv(io.StringIO(as_csv(texts)), **EXACT)}
    found |= {"written by pandas": objects.to_csv()}
    return found


@given(ROWS, st.sampled_from(["json", "python", "r", "sheet"]))
def test_the_same_table_gives_the_same_works_whichever_way_it_comes(rows: list[dict[str, Any]], style: str) -> None:
    expected = None
    for way, source in ways(rows, style).items():
        works = works_of(source)
        for work, row in zip(works, rows, strict=True):
            if row.get("creation") is None:
                work["creation"] = None
        expected = expected or works
        assert works == expected, way
    assert expected is not None
    assert [work["event"] for work in expected] == [row.get("event") for row in rows]
    assert [work["tags"] for work in expected] == [row.get("tags") for row in rows]


SNIPPETS = [
    "True",
    "NA",
    "null",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    ",",
    ";",
    ":",
    " ",
    "1",
    "0.5",
    "-",
    "e",
    "9,385",
    "a",
    "\u2028",
    "Z",
]
ANY_TEXT = st.one_of(
    st.lists(st.sampled_from(SNIPPETS), max_size=6).map("".join), st.text(max_size=8), st.sampled_from(sorted(NULLS))
)
COLUMNS = st.sampled_from(
    [*CELLS, "pipeline", "site", "status", "start", "command", "products", "config", "notify.slack", "a"]
)


def outcome(source: Any) -> tuple[Any, ...]:
    """Return what becomes of a table, works and problems: of one that cannot be read, that."""
    try:
        found = read_rows(source)
    except WorkError as error:
        return ("refused", error.field)
    works = [{**work, "creation": 0} for work in found.works]
    return works, [(one.row, one.field, one.problem) for one in found.problems]


@given(st.lists(st.dictionaries(COLUMNS, ANY_TEXT, max_size=4), min_size=1, max_size=3))
def test_any_text_in_any_cell_means_the_same_with_each_mark_and_in_a_frame(cells: list[dict[str, str]]) -> None:
    rows = [{**NAMES, **row} for row in cells]
    names = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name, "") for name in names} for row in rows]
    expected = outcome(pd.DataFrame(rows))
    for mark in ",;\t|":
        assert outcome(as_csv(rows, mark)) == expected, mark


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*SNIPPETS, "\n", "pipeline", "site", "\t", "{}"]), max_size=12).map("".join)
)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    outcome(f"pipeline,site,user\n{text}")
    outcome(f"{text}\n{text}")
    outcome(f"[{text}\n")


@pytest.mark.parametrize("row", [pd.Series({"pipeline": "a"}), np.array([1, 2]), pd.NA, {1}, 5, None, "a"], ids=repr)
def test_a_row_that_is_no_mapping_is_a_bad_row_whatever_it_is(row):
    rows = read_rows([make_work(), row])
    assert [(problem.row, problem.problem.partition(";")[0]) for problem in rows.problems] == [
        (1, f"is not a mapping but {type(row).__name__}")
    ]
    assert len(rows.works) == 1
