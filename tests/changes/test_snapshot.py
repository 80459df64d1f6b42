"""Works as they were seen: compared by value, and kept in the journal as they were written."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.changes.journal import Journal, lines_of
from bucketsnb.changes.snapshot import WorkSnapshot, differences, same, written

TEXTS = st.text(st.characters(exclude_categories=()), max_size=4)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 0.0, -0.0, 1.0, 2**53, float(2**53), 10**400, float("nan"), float("inf")]),
    st.sampled_from(["\u2028", "\u2029", "\x85", "\r\n", "\x1c", "\ud800", "é"]),
    TEXTS,
)
RECORDS = st.dictionaries(
    st.sampled_from(["id", "status", "results"]),
    st.recursive(SCALARS, lambda one: st.lists(one, max_size=2) | st.dictionaries(TEXTS, one, max_size=2)),
)


def _as_text(record: Any) -> str:
    return json.dumps(record, sort_keys=True)


def _told_apart(value: Any) -> Any:
    """Return a value in which true is not 1 to Python either."""
    if isinstance(value, dict):
        return {name: _told_apart(part) for name, part in value.items()}
    return [_told_apart(part) for part in value] if isinstance(value, list) else (isinstance(value, bool), value)


@given(RECORDS, st.data())
def test_works_are_the_same_by_value_however_they_are_written(record: dict[str, Any], data: st.DataObject) -> None:
    seen, other = WorkSnapshot.of(record), data.draw(RECORDS | st.just(dict(reversed(record.items()))))
    expected = _told_apart(other) == _told_apart(json.loads(seen.text)) or _as_text(other) == _as_text(record)
    assert same(other, seen) is expected
    assert same(json.loads(seen.text), seen)


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [(1, True, True), (0, False, True), ([1], [True], True), ([{"a": 0}], [{"a": False}], True), (1, 1.0, False)],
    ids=str,
)
def test_true_is_not_one(one: Any, other: Any, changed: bool) -> None:
    old, new = {"results": {"flag": one}}, {"results": {"flag": other}}
    assert same(new, WorkSnapshot.of(old)) is not changed
    assert differences(old, new) == ([("results.flag", one, other)] if changed else [])


@given(st.lists(RECORDS, max_size=3))
def test_the_journal_keeps_works_as_they_were_written(works: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder, Journal(Path(folder)).begin({"verb": "update"}, []) as writer:
        writer.line("chunk", {"before": map(written, works), "after": None}, positions=[0])
        data, kept = writer.path.read_bytes(), list(lines_of(writer.path))[-1]
    assert list(map(written, kept["before"])) == list(map(written, works))
    assert (kept["kind"], kept["after"], kept["positions"]) == ("chunk", None, [0])
    assert len(data.decode("ascii").splitlines()) == data.count(b"\n") == 3
