"""The public client with pandas, in a virtual environment of its own that is kept for the next run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs

NEEDED = ("workflow.core==1.12.0", f"pandas=={__import__('pandas').__version__}")


def python(given: Path | None) -> Path:
    """Return an interpreter that has the public client: of the environment given, or of one made here."""
    if given is not None:
        return given / "bin" / "python"
    folder = platformdirs.user_cache_path("bucketsnb-tests") / "-".join(["benchmark", *NEEDED])
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *NEEDED], check=True)
        (folder / "complete").touch()
    return folder / "bin" / "python"
