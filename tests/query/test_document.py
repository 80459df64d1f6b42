"""A query is a value; raw documents are kept, looked over, and read from pasted text without being run."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from datetime import datetime, timezone
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bucketsnb.errors import QueryError
from bucketsnb.query import (
    WORDS,
    Query,
    UnknownField,
    UnknownOperator,
    UnknownValue,
    any_of,
    not_,
)


def test_its_truth_value_is_an_error_with_a_cure():
    with pytest.raises(TypeError, match=r"query\.is_empty"):
        bool(Query(status="failure"))


def test_it_has_no_length():
    with pytest.raises(TypeError):
        len(Query())  # type: ignore[arg-type]  # that it has none is the point


@pytest.mark.parametrize("name", ["_document", "status", "document"])
def test_it_cannot_be_changed(name: str):
    with pytest.raises(AttributeError, match="cannot be changed"):
        setattr(Query(), name, {})
    with pytest.raises(AttributeError, match="cannot be changed"):
        delattr(Query(), name)


def test_narrowing_returns_a_new_query():
    wide = Query(pipeline="a")
    assert wide.where(status="queued") == Query(status="queued", pipeline="a") != wide


def test_order_matters_inside_values_only():
    assert Query({"site": "kko", "user": "me"}) == Query({"user": "me", "site": "kko"})
    assert Query({"config": {"a": 1, "b": 2}}) != Query({"config": {"b": 2, "a": 1}})
    assert Query({"priority": 1}) != Query({"priority": True})


def test_operators_read_as_the_functions_do():
    one, other = Query(site="kko"), Query(user="me")
    assert one | other == any_of(one, other)
    assert ~one == not_(one) == not_(site="kko")
    assert one & {"user": "me"} == one.where(user="me")


@pytest.mark.parametrize("other", [5, None, "kko", ["kko"]])
def test_only_queries_and_documents_can_be_joined(other: Any):
    with pytest.raises(TypeError):
        Query(site="kko") & other
    with pytest.raises(TypeError):
        Query(site="kko") | other
    assert Query(site="kko") != other


def test_only_an_empty_query_is_empty():
    assert Query().is_empty
    assert Query({}).is_empty
    assert not Query({"$or": []}).is_empty


def test_completion_is_offered_every_keyword():
    assert set(inspect.signature(Query).parameters) == {"document", *WORDS}


def test_fields_are_found_wherever_they_are():
    query = any_of(Query(site="kko"), Query({"$where": "1", "$expr": {"$gt": [{"$add": ["$start", 5]}, "$stop"]}}))
    assert query.fields == ("site", "start", "stop")


# Raw documents --------------------------------------------------------------------------------------------------------


def test_scalars_of_numpy_and_moments_become_what_json_has():
    document = {"priority": np.int64(3), "creation": {"$lt": datetime(1970, 1, 2, tzinfo=timezone.utc)}, "event": (1,)}
    assert Query(document).to_document() == {"priority": 3, "creation": {"$lt": 86400.0}, "event": [1]}


DAY = 1795132800.0
DAYS = pd.Series(pd.to_datetime(["2026-11-20"], utc=True))


@pytest.mark.parametrize(
    "days",
    [
        DAYS,
        pd.DatetimeIndex(DAYS),
        DAYS.array,
        *(np.array(["2026-11-20"], f"M8[{unit}]") for unit in ("D", "us", "ns")),
    ],
    ids=lambda days: f"{type(days).__name__} of {days.dtype}",
)
def test_arrays_of_times_become_seconds_as_each_time_does(days: Any):
    assert Query({"creation": {"$in": days}}).to_document() == {"creation": {"$in": [DAY]}}


GAPS = (pd.NaT, pd.NA, np.nan, np.datetime64("NaT", "us"), pd.Series(["a", None], dtype="string"), pd.array([1, None]))


@pytest.mark.parametrize("gap", GAPS, ids=repr)
@pytest.mark.parametrize("path", ["site", "start", "creation", "results.when"])
@pytest.mark.parametrize("operator", ["$gte", "$ne", "$in"])
def test_a_missing_value_of_pandas_never_asks_for_the_works_without_a_value(gap: Any, path: str, operator: str):
    for document in ({path: gap}, {path: {operator: gap}}, {"$or": [{path: {operator: [gap]}}]}):
        with pytest.raises(QueryError, match=path):
            Query(document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"priority": float("nan")}, "priority is nan, which JSON cannot hold"),
        ({"results": {"$gt": {1, 2}}}, r"results\.\$gt is a set, which has no order; use a sorted list"),
        ({"results.when": datetime(2026, 1, 1, tzinfo=timezone.utc)}, r"results\.when is a time; use text"),
        ({"user": "\ud800"}, "user has half a surrogate pair"),
        ({1: 2}, "the query has the key 1, which is not text"),
        (["failure"], "is a mapping such as .* not list"),
        ("status", "not str"),
    ],
    ids=repr,
)
def test_a_document_that_cannot_be_sent_is_an_error(document: Any, says: str):
    with pytest.raises(QueryError, match=says):
        Query(document)


def test_a_document_nested_deeper_than_the_service_accepts_is_an_error():
    document: dict[str, Any] = {}
    for _ in range(101):
        document = {"a": document}
    with pytest.raises(QueryError, match="deeper than 100 levels"):
        Query(document)


@pytest.mark.parametrize(
    ("document", "kind", "says"),
    [
        ({"stats": "failure"}, UnknownField, "no field 'stats'; did you mean 'status'"),
        ({"zzz": 1}, UnknownField, "no field 'zzz'$"),
        ({"parent": "6b04"}, UnknownField, "config.parent"),
        ({"_id": "6b04"}, UnknownField, "known by 'id'"),
        ({"$or": [{"site": "kko"}, {"usr": "me"}]}, UnknownField, "did you mean 'user'"),
        ({"$expr": {"$gte": ["$attmpt", 3]}}, UnknownField, "did you mean 'attempt'"),
        ({"priority": {"$gtt": 3}}, UnknownOperator, r"no operator \$gtt; did you mean \$gt"),
        ({"priority": {"gte": 3}}, UnknownOperator, r"did you mean '\$gte'"),
        ({"$orr": []}, UnknownOperator, r"did you mean \$or"),
        ({"status": "sucess"}, UnknownValue, "did you mean 'success'"),
        ({"status": {"$nin": ["runing"]}}, UnknownValue, "did you mean 'running'"),
    ],
    ids=str,
)
def test_a_slip_in_a_raw_document_warns_and_the_document_is_kept(document: dict[str, Any], kind: type, says: str):
    with pytest.warns(kind, match=says):
        query = Query(document)
    assert query.to_document() == document


@pytest.mark.parametrize(
    "document",
    [
        {"results.snr": {"$gt": 5}, "notify.slack.channel_id": None, "config.archive.results": True, "tags.0": "a"},
        {"event": {"$bitsAllSet": 3}, "$where": "1", "$comment": "mine", "status": {"$not": {"$in": ["queued"]}}},
        {"$expr": {"$lt": [{"$add": ["$start", "$timeout"]}, 5]}, "parameters": {"gte": 3}},
        {"$expr": {"$eq": ["$user", {"$literal": "$stats"}]}},
    ],
)
def test_what_is_no_slip_does_not_warn(document: dict[str, Any]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Query(document).to_document() == document


def test_a_warning_points_at_the_line_that_asked():
    with pytest.warns(UnknownField) as caught:
        Query({"stats": 1})
    assert [warning.filename for warning in caught] == [__file__]


def test_narrowing_does_not_warn_again():
    with pytest.warns(UnknownField):
        query = Query({"stats": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (query & Query(site="kko")).where(user="me").fields == ("stats", "site", "user")


def test_what_no_filter_draws_is_shown_as_it_is():
    query = Query({"status": "failure", "event": {"$bitsAllSet": 3, "$gt": 1}})
    assert query.filters[1].condition == {"event": {"$bitsAllSet": 3, "$gt": 1}}
    assert query.filters[1].label == '{"event": {"$bitsAllSet": 3, "$gt": 1}}'


# Pasted text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"status": "failure", "config.parent": null}',
        "{'status': 'failure', 'config.parent': None}",
        'Query(status="failure", has_parent=False)',
        'Query({"config.parent": None}, status="failure")',
        '  (Query(status="failure")\n   & Query(has_parent=False))  ',
    ],
)
def test_pasted_text_is_read_as_json_as_python_and_as_source(text: str):
    assert Query.parse(text) == Query(status="failure", has_parent=False)


def test_pasted_source_may_join_and_negate():
    text = '~Query(priority=-0 ) | any_of(Query(event=[1, 2]), not_(site="kko"))'.replace("-0 ", "1")
    assert Query.parse(text) == any_of(not_(priority=1), any_of(Query(event=[1, 2]), not_(site="kko")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither a JSON document"),
        ('{"status": ', "neither a JSON document"),
        ("status = 1", "neither a JSON document"),
        ('{"site": "kko", "site": "gbo"}', "stands twice"),
        ("{'site': 'kko', 'site': 'gbo'}", "stands twice"),
        ("[1]", "not list"),
        ("5", "not int"),
        ('{"priority": NaN}', "nan, which JSON cannot hold"),
        ('Query(stats="failure")', "did you mean status"),
        ("Query({}, {})", "one document"),
        ("Query(**{'site': 'kko'})", "cannot stand in a pasted query"),
        ("Query(*[1])", "cannot stand in a pasted query"),
        ("{**{}}", "cannot stand in a pasted query"),
        ("__import__('os').system('true')", "cannot stand in a pasted query"),
        ("Query(site=open('/etc/passwd').read())", "cannot stand in a pasted query"),
        ("Query.parse", "cannot stand in a pasted query"),
        ("Query(site='kko') + Query(user='me')", "cannot stand in a pasted query"),
        ("Query(site='a' & 'b')", "cannot stand in a pasted query"),
        ("~5", "cannot stand in a pasted query"),
        ("b'x'", "cannot stand in a pasted query"),
        ("[" * 100_000, "nested too deeply|neither"),
        ("(" * 1_000 + ")" * 1_000, "nested too deeply|neither"),
        (" " * 6_000_000, "too long"),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_other_text_is_an_error_and_is_never_run(text: str, says: str):
    with pytest.raises(QueryError, match=says):
        Query.parse(text)


def test_nothing_is_the_empty_query():
    assert Query.parse(None) == Query()


# Views ----------------------------------------------------------------------------------------------------------------


class _Texts(HTMLParser):
    """Gathers the text of every ``pre`` element, and the name of every element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside, self.texts, self.tags = False, [""], set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.inside = tag == "pre"
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self.inside = False
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data if self.inside else ""


def test_html_shows_source_and_document_side_by_side_and_nothing_in_them_is_live():
    query = Query(user="<script>alert(1)</script>\u202e", older_than="7d")
    seen = _Texts(query._repr_html_())
    assert seen.tags <= {"table", "thead", "tbody", "tr", "th", "td", "pre"}
    assert (seen.texts[0], Query.parse(seen.texts[1])) == (query.to_code(), query)


@pytest.mark.parametrize("view", [repr, Query._repr_html_])
def test_views_of_a_huge_query_stay_small(view: Any):
    shown = view(Query(id=[f"{number:024x}" for number in range(20_000)]))
    assert len(shown) < 8_000
    assert "19,995 more" in shown


def test_importing_queries_loads_no_heavy_package():
    heavy = "{'pandas', 'numpy', 'requests', 'ipywidgets'}"
    code = (
        f"import sys, bucketsnb.query; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
