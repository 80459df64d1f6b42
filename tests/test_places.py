"""The tests are where `tests/__init__.py` says that they are."""

from __future__ import annotations

import re
from pathlib import Path

import tests
from tests.modules import MODULES

HERE = Path(__file__).parent
ELSEWHERE = set(re.findall(r"^(\w+)\n    ", tests.__doc__ or "", re.MULTILINE))
"""The folders that the docstring names: they hold what no one part answers for."""
FILES = [path.relative_to(HERE) for path in sorted(HERE.rglob("test_*.py"))]


def test_a_folder_bears_the_name_of_a_part_of_the_package_or_is_named_in_the_docstring() -> None:
    folders = {".".join(file.parts[:-1]) for file in FILES if file.parts[0] not in ELSEWHERE}
    assert {f"bucketsnb.{folder}" for folder in folders - {""}} - set(MODULES) == set()
