"""The table of cases, held against our matcher and against the engine."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.collection import Collection

from bucketsnb.matching import compile_query
from tests.engine import REAL_SERVER

from .cases import AGREED, ENGINE_DIFFERS, Case


@pytest.mark.parametrize("case", AGREED + ENGINE_DIFFERS, ids=lambda case: case.name)
def test_matches_as_mongodb_does(case: Case) -> None:
    assert compile_query(case.query)(case.work) is case.matches


def test_the_engine_agrees_with_the_table(collection: Collection[dict[str, Any]]) -> None:
    told = AGREED + ENGINE_DIFFERS if REAL_SERVER else AGREED
    wrong = [case.name for case in told if _answer(collection, case) is not case.matches]
    assert wrong == []


def _answer(collection: Collection[dict[str, Any]], case: Case) -> bool:
    collection.delete_many({})
    collection.insert_one(dict(case.work))
    return collection.find_one(case.query) is not None


def test_the_names_of_cases_are_told_apart() -> None:
    names = [case.name for case in AGREED + ENGINE_DIFFERS]
    assert sorted(set(names)) == sorted(names)
