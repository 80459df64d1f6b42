from __future__ import annotations

import enum
import json
import math
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.encoding import LARGEST_WORK, decode, encode, encode_works
from bucketsnb.errors import QueryError, WorkError
from tests.factory import make_work, make_works

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 5


class Plain(enum.Enum):
    A = "a"


def sent(value):
    """Return what a value in the results of a deposited work becomes on the wire."""
    body, records = encode_works([make_work(results={"x": value})], verb="deposit")
    assert json.loads(body) == records
    return json.loads(body)[0]["results"]["x"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(np.float64(1.5), 1.5, id="float64"),
        pytest.param(np.float32(0.5), 0.5, id="float32"),
        pytest.param(np.int64(7), 7, id="int64"),
        pytest.param(np.uint8(7), 7, id="uint8"),
        pytest.param(np.bool_(True), True, id="numpy bool"),
        pytest.param(np.str_("a"), "a", id="numpy text"),
        pytest.param(np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], id="array"),
        pytest.param(np.array(3.5), 3.5, id="array of no dimension"),
        pytest.param(pd.NA, None, id="NA"),
        pytest.param(pd.NaT, None, id="NaT"),
        pytest.param(pd.Series([1, 2]), [1, 2], id="series"),
        pytest.param(pd.array([1, None], dtype="Int64"), [1, None], id="nullable integers"),
        pytest.param((1, (2, 3)), [1, [2, 3]], id="tuple"),
        pytest.param(Colour.RED, "red", id="enum of text"),
        pytest.param(Level.HIGH, 5, id="enum of integers"),
        pytest.param(Plain.A, "a", id="enum"),
        pytest.param(PurePosixPath("/data/x"), "/data/x", id="path"),
        pytest.param(uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001", id="uuid"),
        pytest.param(True, True, id="bool"),
        pytest.param(2**63 - 1, 2**63 - 1, id="largest integer"),
        pytest.param(1.7976931348623157e308, 1.7976931348623157e308, id="largest float"),
        pytest.param("\u2713 \U0001f52d", "\u2713 \U0001f52d", id="text of any script"),
    ],
)
def test_what_has_a_plain_meaning_is_converted(given, expected):
    value = sent(given)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "nan, which JSON cannot hold"),
        (math.inf, "inf"),
        (np.float32("nan"), "nan"),
        (np.array([1.0, np.inf]), r"results\.x\[1\] is inf"),
        (NOON, "a time; use text"),
        (pd.Timestamp(NOON), "a time; use text"),
        (np.datetime64("2026-11-23"), "a time; use text"),
        (date(2026, 11, 23), "a time"),
        (timedelta(1), "span of time"),
        (pd.Timedelta("1s"), "span of time"),
        (np.timedelta64(1, "s"), "span of time"),
        ({1, 2}, "a set"),
        (frozenset("a"), "a set"),
        (b"ab", "bytes"),
        (Decimal("1.1"), "a Decimal"),
        (1j, "complex"),
        (np.complex128(1j), "complex"),
        (2**63, "beyond 64 bits"),
        (-(2**63) - 1, "beyond 64 bits"),
        ("\ud800", "surrogate"),
        ({1: 2}, r"results\.x has the key 1"),
        ({"a\0": 2}, "NUL"),
        ({"\udfff": 1}, "surrogate"),
        (object(), "of type object"),
        (pd.DataFrame(), "DataFrame"),
        (iter([1]), "of type list_iterator"),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_plain_meaning_is_refused_by_work_and_field(value, words):
    works = [make_work(), make_work(results={"x": value})]

    with pytest.raises(WorkError, match=words) as caught:
        encode_works(works, verb="deposit")
    assert caught.value.index == 1
    assert caught.value.field.startswith("results.x")
    assert str(caught.value).startswith("Work 1 (baseband-converter): results.x")


def test_the_place_of_a_value_deep_inside_is_named():
    with pytest.raises(WorkError) as caught:
        encode_works([make_work(parameters={"runs": [{}, {"snr": [1.0, math.nan]}]})], verb="deposit")
    assert caught.value.field == "parameters.runs[1].snr[1]"


@pytest.mark.parametrize("values", [["a", "b", "\udc00"], [1, 2, 2**63], [1, 2, -(2**63) - 1], [1, 2, math.inf]])
def test_one_bad_value_among_many_of_its_kind_is_named_by_its_place(values):
    with pytest.raises(QueryError, match=r"id\.\$in\[2\]"):
        encode({"id": {"$in": values}})


@pytest.mark.parametrize("levels", [99, 100, 10_000])
def test_nesting_is_limited_as_in_the_store(levels):
    value = []
    for _ in range(levels - 3):
        value = [value]
    work = make_work(results={"x": value})

    if levels < 100:
        encode_works([work], verb="deposit")
    else:
        with pytest.raises(WorkError, match="deeper than 100 levels"):
            encode_works([make_work(results={"x": [[value]]})], verb="deposit")


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)

    with pytest.raises(WorkError, match="deeper"):
        encode_works([make_work(results=loop)], verb="deposit")


@pytest.mark.parametrize(
    "value",
    [NOON, pd.Timestamp(NOON), np.datetime64("2026-11-23T12:00:00"), NOON.timestamp(), int(NOON.timestamp())],
    ids=["datetime", "Timestamp", "datetime64", "float", "int"],
)
@pytest.mark.parametrize("name", ["creation", "start", "stop"])
def test_times_of_a_work_become_epoch_seconds_as_floats(name, value):
    body, records = encode_works([make_work(**{name: value})], verb="deposit")

    assert (type(records[0][name]), records[0][name]) == (float, NOON.timestamp())
    assert f'"{name}":{NOON.timestamp()}'.encode() in body


@pytest.mark.parametrize("value", [datetime(2026, 11, 23), "2026-11-23", True, [1], pd.Timestamp("2026-11-23")])
def test_a_time_that_is_none_is_refused(value):
    with pytest.raises(WorkError) as caught:
        encode_works([make_work(start=value)], verb="deposit")
    assert caught.value.field == "start"


@pytest.mark.parametrize("value", [None, pd.NaT, pd.NA, np.datetime64("NaT", "ns")])
def test_a_missing_time_is_null(value):
    assert encode_works([make_work(start=value)], verb="deposit")[1][0]["start"] is None


def test_integers_that_pandas_made_floats_are_integers_again():
    record = encode_works([make_work(priority=4.0, retries=np.float64(3), event=[9385707.0])], verb="deposit")[1][0]

    assert [record["priority"], record["retries"], record["event"]] == [4, 3, [9385707]]
    assert type(record["priority"]) is type(record["event"][0]) is int


# --- what a work may be ---


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"pipeline": "a b"}, "pipeline", "letters, digits or hyphens"),
        ({"pipeline": ""}, "pipeline", "is ''; expected 1 to 128"),
        ({"pipeline": None}, "pipeline", "is missing; expected 1 to 128"),
        ({"site": None}, "site", "is missing; expected text"),
        ({"user": ""}, "user", "expected text, not empty"),
        ({"priority": 0}, "priority", "1 to 5"),
        ({"priority": 6}, "priority", "1 to 5"),
        ({"priority": "high"}, "priority", "expected an integer"),
        ({"priority": True}, "priority", "expected an integer"),
        ({"priority": 2.5}, "priority", "expected an integer"),
        ({"timeout": 0}, "timeout", "1 to 259200"),
        ({"timeout": 300_000}, "timeout", "1 to 259200"),
        ({"retries": 6}, "retries", "at most 5"),
        ({"attempt": -1}, "attempt", "0 or more"),
        ({"status": "sucess"}, "status", "expected one of created"),
        ({"status": 3}, "status", "is 3, a number; expected one of created"),
        ({"event": 123}, "event", "expected a list"),
        ({"event": ["123"]}, r"event[0]", "expected an integer"),
        ({"tags": "a"}, "tags", "expected a list"),
        ({"tags": ["a", 1]}, "tags[1]", "is 1, a number; expected text"),
        ({"priorty": 3}, "priorty", "did you mean 'priority'"),
        ({"Pipeline": "x"}, "Pipeline", "did you mean 'pipeline'"),
        ({"events": [1]}, "events", "did you mean 'event'"),
    ],
)
def test_a_deposit_is_refused_where_the_public_client_would_not_read_it(changes, field, words):
    with pytest.raises(WorkError, match=words) as caught:
        encode_works([make_work(**changes)], verb="deposit")
    assert (caught.value.field, caught.value.index) == (field, 0)


@pytest.mark.parametrize("name", ["path", "group", "archive", "precursors", "comment", "note", "x-run", "team"])
def test_a_name_that_is_no_field_of_a_work_is_refused(name):
    with pytest.raises(WorkError, match="is not a field of a work") as caught:
        encode_works([make_work(**{name: "mine"})], verb="deposit")
    assert caught.value.field == name


@pytest.mark.parametrize("verb", ["restore", "update"])
def test_works_that_were_in_a_queue_are_not_measured_by_todays_rules(verb):
    odd = make_work(id="6" * 24, pipeline="old_name", priority=9, timeout=10**6, priorty=1, event=5, site=None)

    record = encode_works([odd], verb=verb)[1][0]
    assert {**record, "id": None, "creation": None} == {**odd, "id": None, "creation": None}


@pytest.mark.parametrize(("verb", "expected"), [("deposit", None), ("restore", None), ("update", "6" * 24)])
def test_only_an_update_sends_the_id(verb, expected):
    assert encode_works([make_work(id="6" * 24)], verb=verb)[1][0]["id"] == expected


@pytest.mark.parametrize("value", [None, "", 5])
def test_an_update_needs_an_id_in_each_work(value):
    with pytest.raises(WorkError) as caught:
        encode_works([make_work(id="a"), make_work(id=value)], verb="update")
    assert (caught.value.index, caught.value.field) == (1, "id")


@pytest.mark.parametrize("works", [make_work(), "abc", b"abc", 5, None, pd.DataFrame({"pipeline": ["a"]})], ids=str)
def test_works_are_given_as_a_list(works):
    with pytest.raises(WorkError, match="given as a list"):
        encode_works(works, verb="deposit")


@pytest.mark.parametrize("work", [None, "abc", [1]])
def test_a_work_is_a_mapping(work):
    with pytest.raises(WorkError, match="not a mapping") as caught:
        encode_works([make_work(), work], verb="deposit")
    assert caught.value.index == 1


def test_an_object_of_the_public_client_is_taken_by_its_payload():
    class Work:
        payload = make_work(creation=1_790_000_005.0)

    assert encode_works([Work()], verb="deposit")[1] == [Work.payload]


def test_a_payload_of_the_public_client_goes_out_as_it_is():
    work = make_work()

    body, records = encode_works([work], verb="deposit")
    assert records == [work] == json.loads(body)
    assert list(records[0]) == list(work)


def test_what_was_given_is_not_changed():
    work = make_work(creation=None, id="x", tags=("a",))
    before = dict(work)
    encode_works([work], verb="deposit")

    assert work == before


def test_a_work_over_the_stores_limit_is_refused_naming_the_large_field():
    with pytest.raises(WorkError, match="16,777,216") as caught:
        encode_works([make_work(), make_work(results={"data": "x" * LARGEST_WORK})], verb="deposit")
    assert (caught.value.index, caught.value.field) == (1, "results")


# --- creation ---


def test_missing_creation_times_are_stamped_and_differ():
    works = make_works(1000, creation=None)
    created = [record["creation"] for record in encode_works(works, verb="deposit")[1]]

    assert len(set(created)) == 1000
    assert created == sorted(created)


def test_deposits_one_after_the_other_have_different_stamps():
    work = make_work(creation=None)
    created = {encode_works([work], verb="deposit")[1][0]["creation"] for _ in range(1000)}

    assert len(created) == 1000


def test_equal_creation_times_are_moved_apart_and_keep_their_order():
    first = 1_790_000_005.0
    times = [first, first, first + 1e-6, first, 1_795_000_000.0, 1_795_000_000.0]
    created = [record["creation"] for record in encode_works([make_work(creation=t) for t in times], verb="deposit")[1]]

    assert len(set(created)) == 6
    assert created[0] == first
    assert created[0] < created[1] < created[3] < first + 0.001
    assert all(abs(new - old) < 1 for new, old in zip(created, times, strict=True))


def test_an_update_keeps_creation_times():
    assert [r["creation"] for r in encode_works([make_work(id="a", creation=5)] * 2, verb="update")[1]] == [5.0, 5.0]


# --- queries and answers ---


def test_times_in_a_query_become_epoch_seconds():
    assert decode(encode({"creation": {"$gt": NOON}})) == {"creation": {"$gt": NOON.timestamp()}}


@pytest.mark.parametrize("value", [{"a": {1}}, {"a": math.nan}, {"a": datetime(2026, 1, 1)}, {1: 2}])
def test_a_query_that_cannot_be_sent_is_a_query_error(value):
    with pytest.raises(QueryError, match="cannot be sent"):
        encode(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda key: "\0" not in key), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_json_holds_comes_back_equal(value):
    assert decode(encode([value])) == [value]


@pytest.mark.parametrize("text", ["NaN", "Infinity", '"\\ud800"', "1" * 400, "1e400"])
def test_what_other_clients_left_in_a_queue_is_read(text):
    expected = json.loads(text)
    found = decode(f"[{text}]".encode())[0]

    assert found == expected or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize(
    "data", [b"", b"[1, 2", b"<html>", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000], ids=range(6)
)
def test_what_is_no_json_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)
