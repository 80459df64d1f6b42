"""The public surface: sorted, complete, and each name leads where it says."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import bucketsnb
from tests.modules import MODULES


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


def test_each_name_of_the_door_is_there():
    assert [name for name in bucketsnb.__all__ if getattr(bucketsnb, name, None) is None] == []


def test_a_name_that_is_not_there_is_an_attribute_error_that_lists_those_that_are():
    with pytest.raises(AttributeError, match="Buckets"):
        bucketsnb.Bucket  # noqa: B018 - asking is the test


def test_every_module_exports_what_it_says_and_sorted():
    missing, unsorted = [], []
    for name in MODULES:
        module = importlib.import_module(name)
        exported = list(getattr(module, "__all__", []))
        missing += [f"{name}.{one}" for one in exported if not hasattr(module, one)]
        if exported != sorted(exported, key=_as_ruff_sorts):
            unsorted.append(name)
    assert (missing, unsorted) == ([], [])


def test_what_a_docstring_refers_to_is_there():
    sources = (file.read_text("utf-8") for file in Path(bucketsnb.__file__).parent.rglob("*.py"))
    names = {name for source in sources for name in re.findall(r":\w+:`~?(bucketsnb[\w.]*)`", source)}
    assert names
    assert [name for name in sorted(names) if not _leads_somewhere(name)] == []


def _leads_somewhere(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)
