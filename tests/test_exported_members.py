"""The public surface: sorted, complete, and each name leads where it says."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import bucketsnb

MODULES = [
    module.name
    for module in pkgutil.walk_packages(bucketsnb.__path__, "bucketsnb.")
    if not module.name.endswith("__main__")
]


def test_the_door_holds_these_names():
    assert sorted(bucketsnb.__all__) == [
        "Buckets",
        "LocalBackend",
        "Query",
        "STATUSES",
        "__version__",
        "any_of",
        "app",
        "not_",
        "plots",
        "practice",
        "widgets",
    ]
    assert dir(bucketsnb) == sorted(bucketsnb.__all__)


@pytest.mark.parametrize("name", bucketsnb.__all__)
def test_each_name_of_the_door_is_there(name):
    assert getattr(bucketsnb, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error_that_lists_those_that_are():
    with pytest.raises(AttributeError, match="Buckets"):
        bucketsnb.Bucket  # noqa: B018 - asking is the test


@pytest.mark.parametrize("name", MODULES)
def test_a_module_exports_what_it_says_and_sorted(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        return
    missing = [one for one in exported if not hasattr(module, one)]
    assert missing == []
    assert list(exported) == sorted(exported, key=_as_ruff_sorts)


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)
