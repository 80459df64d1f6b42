"""Shapes that are checked all in one go accept and refuse what each part alone would."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.api import shapes
from bucketsnb.schema import STATUS_KEYS

COUNTS = st.one_of(
    st.fixed_dictionaries(dict.fromkeys(STATUS_KEYS, st.integers(0, 2**48))),
    st.fixed_dictionaries(
        dict.fromkeys(STATUS_KEYS, st.sampled_from([0, 1, -1, 2**48 + 1, 1.0, True, None, "1"])),
        optional={"created": st.just(1)},
    ),
    st.dictionaries(st.sampled_from(STATUS_KEYS), st.just(1)),
    st.sampled_from([None, 1, "total", [], {}]),
)


def result(shape, value):
    try:
        made = shape(value)
    except ValueError as error:
        return str(error)
    return [(name, list(counts.items())) for name, counts in made.items()]


@given(st.dictionaries(st.text(max_size=2), COUNTS, max_size=3))
def test_counts_of_all_pipelines_are_checked_as_those_of_each(value):
    read = shapes.counts_at_once(json.dumps(value).encode())
    expected = result(shapes.counts_by_pipeline, value)
    assert isinstance(expected, str) if read is None else result(lambda _: read, value) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"a": null}', b'{"\xff": {}}', b'{"a": ' * 5000, b'{"a": NaN}', b'{"a": {"total": 1}}'],
    ids=["nothing", "a list", "null", "no counts", "not UTF-8", "deep", "not a number", "too few"],
)
def test_what_is_no_counts_is_left_to_those_who_say_why(body):
    assert shapes.counts_at_once(body) is None


@pytest.mark.parametrize("value", [None, [], "a", 1])
def test_counts_of_all_pipelines_are_a_mapping(value):
    with pytest.raises(ValueError, match="an object was expected"):
        shapes.counts_by_pipeline(value)
