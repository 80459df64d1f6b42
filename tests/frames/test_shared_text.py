"""Text that works have in common is one object, and the same frame as ever."""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest import mock

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.frames import LIGHT, columns_of, decode, frame_of, shared_text
from bucketsnb.schema import FIELD_NAMES
from tests.factory import make_work, make_works
from tests.frames import jsonish

PLAIN = [{**work, "id": f"{number:024x}"} for number, work in enumerate(make_works(3000))]


def _frame(works: list[dict[str, Any]]) -> pd.DataFrame:
    assert len(json.dumps(works)) > 1 << 20, "too small to be looked at"
    return frame_of(works, now=1.8e9)


def _objects(frame: pd.DataFrame, name: str) -> dict[str, int]:
    """Return how many objects there are of each text."""
    objects = {id(text): text for text in frame[name].array if text is not pd.NA}
    return {text: list(objects.values()).count(text) for text in objects.values()}


def test_the_works_of_a_pipeline_hold_the_same_object() -> None:
    frame = _frame(PLAIN)
    for name in ("pipeline", "site", "user"):
        assert set(_objects(frame, name).values()) == {1}, name
    assert frame["pipeline"].tolist() == [work["pipeline"] for work in PLAIN]


def test_two_answers_share_what_they_have_in_common() -> None:
    one, other = _frame(PLAIN), _frame(PLAIN[1:])
    assert one["pipeline"].array[1] is other["pipeline"].array[0]


def test_text_that_no_place_showed_is_each_work_s_own() -> None:
    works = [{**work, "user": "quiet"} for work in PLAIN]
    works[10]["user"] = works[2500]["user"] = "seldom-\N{GREEK SMALL LETTER BETA}"
    works[20]["user"] = works[2520]["user"] = "long" * 100
    with mock.patch.object(shared_text, "_LOOKED_AT", 1000):
        frame = _frame(works)
    assert _objects(frame, "user") == {"quiet": 1, "seldom-\N{GREEK SMALL LETTER BETA}": 2, "long" * 100: 2}
    assert frame["user"].tolist() == [work["user"] for work in works]


def test_an_interruption_is_no_refused_value() -> None:
    """Nothing of Python runs while the decoder decodes: it would take what is raised there for a value it refuses."""
    data = json.dumps([{**work, "user": "quiet" if number % 4 else "u"} for number, work in enumerate(PLAIN)]).encode()
    called: list[str] = []
    reader = decode._Reader(FIELD_NAMES, (("user", frozenset({"quiet"})),))
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        works = reader.all(data)
    finally:
        sys.setprofile(None)
    assert len(works) == len(PLAIN)
    assert called == []


def test_text_of_their_own_is_not_looked_up() -> None:
    works = [{**work, "user": f"u{number}"} for number, work in enumerate(PLAIN)]
    shared = dict(shared_text.shared_texts(json.dumps(works).encode(), ["id", "user", "site"]))
    assert list(shared) == ["site"]
    assert _frame(works)["user"].tolist() == [work["user"] for work in works]


@pytest.mark.parametrize("odd", [None, 3, ["quiet"], 'with "quotes" and \\', "\ud800", "\N{SNOWMAN}\n", ""])
def test_odd_text_among_shared_text_stays_what_it_is(odd: Any) -> None:
    works = [{**work, "user": "quiet"} for work in PLAIN]
    works[1234]["user"] = odd
    assert _frame(works).works.to_records() == works


@pytest.mark.parametrize("length", range(39, 55, 3))
def test_a_place_may_end_within_a_text(length: int) -> None:
    works = [{**work, "user": "\N{GREEK SMALL LETTER BETA}" * 40, "function": "f" * length} for work in PLAIN]
    data = json.dumps(works, ensure_ascii=False).encode()
    shared = dict(shared_text.shared_texts(data, ["user"]))
    assert shared == {"user": {"\N{GREEK SMALL LETTER BETA}" * 40}}


def test_what_looks_like_a_work_within_a_work_does_no_harm() -> None:
    works = [make_work(id=f"{number:024x}", parameters={"user": {}, "site": f"s{number}"}) for number in range(3000)]
    assert _frame(works).works.to_records() == works


def test_light_columns_are_shared_as_whole_works_are() -> None:
    fields = [name for name in FIELD_NAMES if name in LIGHT]
    works = [{name: work[name] for name in fields} for work in [*PLAIN, *PLAIN]]
    text = columns_of(json.dumps(works).encode(), fields)["pipeline"]
    assert text[0] is text[3000]


def test_small_answers_are_not_looked_at() -> None:
    assert shared_text.shared_texts(json.dumps(PLAIN[:100]).encode(), ["user"]) == ()


def test_works_without_text_have_none_in_common() -> None:
    data = json.dumps([{"event": [1], "config": {"": "x"}}] * 40_000).encode()
    assert len(columns_of(data, ["event", "config"])["config"]) == 40_000


def test_a_decoder_that_takes_no_such_type_reads_the_same() -> None:
    shared_text._is_given_as_text.cache_clear()
    decode._decoders.cache_clear()
    try:
        with mock.patch.object(shared_text, "_kind", return_value=int):
            assert shared_text.type_of(frozenset({"a"})) is str
            unshared = _frame(PLAIN)
    finally:
        shared_text._is_given_as_text.cache_clear()
        decode._decoders.cache_clear()
    assert max(_objects(unshared, "site").values()) > 1
    pd.testing.assert_frame_equal(unshared, _frame(PLAIN))


@pytest.mark.slow
@given(st.lists(jsonish.works, max_size=6), st.frozensets(jsonish.text, min_size=1, max_size=4))
def test_any_works_are_read_as_without_it(works: list[dict[str, Any]], known: frozenset[str]) -> None:
    shared = (("pipeline", known), ("user", known), ("function", known))
    with mock.patch.object(decode, "shared_texts", return_value=shared):
        looked_up = frame_of(works, now=1.8e9)
    pd.testing.assert_frame_equal(looked_up, frame_of(works, now=1.8e9))
    assert looked_up.works.to_records() == works
