"""Importing the package is cheap: what is heavy is loaded when it is first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

HEAVY = (
    "pandas",
    "numpy",
    "ipywidgets",
    "anywidget",
    "requests",
    "msgspec",
    "matplotlib",
    "starlette",
    "click",
    "yaml",
)


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import bucketsnb") & set(HEAVY) == set()


def test_importing_the_package_loads_none_of_its_parts():
    assert {name for name in loaded_by("import bucketsnb") if name.startswith("bucketsnb.")} == set()


@pytest.mark.parametrize(
    ("statement", "not_needed"),
    [
        ("from bucketsnb import STATUSES", HEAVY),
        ("import bucketsnb.encoding", ("pandas", "numpy", "requests")),
        ("import bucketsnb.api", ("pandas", "numpy", "ipywidgets")),
        ("from bucketsnb import Buckets", ("ipywidgets", "anywidget", "matplotlib", "starlette", "uvicorn")),
        ("from bucketsnb import LocalBackend", ("pandas", "ipywidgets", "requests")),
    ],
)
def test_a_part_loads_only_what_it_needs(statement, not_needed):
    assert loaded_by(statement) & set(not_needed) == set()
