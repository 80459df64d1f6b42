"""The checks that hold the house, as tests: style, types, and which floor may import which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
# Beside the checkout, which may be read-only.
CACHE = platformdirs.user_cache_path("bucketsnb-tests")
CACHES = {"RUFF_CACHE_DIR": str(CACHE / "ruff"), "MYPY_CACHE_DIR": str(CACHE / "mypy")}
LINT_IMPORTS = f"lint_imports(cache_dir={str(CACHE / 'imports')!r})"
TOOLS = {
    "ruff check": ["-m", "ruff", "check"],
    "ruff format": ["-m", "ruff", "format", "--check"],
    "mypy": ["-m", "mypy"],
    "vulture": ["-m", "tests.dead_code"],
    "import-linter": ["-c", f"import sys; from importlinter.cli import lint_imports; sys.exit({LINT_IMPORTS})"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_checker_finds_nothing(tool):
    environ = {**os.environ, **CACHES}
    result = subprocess.run(
        [sys.executable, *TOOLS[tool]], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280
    )

    assert result.returncode == 0, result.stdout + result.stderr
