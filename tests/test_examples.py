"""The examples in the documentation of the package, run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import bucketsnb

MODULES = [
    module.name
    for module in pkgutil.walk_packages(bucketsnb.__path__, "bucketsnb.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)

    assert result.failed == 0
