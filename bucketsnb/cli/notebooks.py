"""The notebooks that come with the package: where they are, and how they are copied to a folder of the user."""

from __future__ import annotations

import shutil
from pathlib import Path

import bucketsnb
from bucketsnb.errors import ConfigurationError

__all__ = ["FIRST", "REPORT", "copy_missing", "shipped"]

FIRST = "01-first-look.ipynb"
"""The notebook to open first."""

REPORT = "06-weekly-report.ipynb"
"""The notebook that ``bucketsnb report`` runs."""


def shipped() -> Path:
    """Return the folder of the notebooks: in an installed package, or beside the package in a clone.

    ConfigurationError is raised if they are in neither place.
    """
    package = Path(bucketsnb.__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST).is_file():
            return folder
    raise ConfigurationError(f"no notebooks beside {package}: install bucketsnb again")


def copy_missing(source: Path, folder: Path) -> tuple[int, list[str]]:
    """Copy the notebooks that `folder` lacks; return how many, and which were kept although the shipped ones differ."""
    folder.mkdir(parents=True, exist_ok=True)
    copied, kept = 0, []
    for path in sorted(source.glob("*.ipynb")):
        target = folder / path.name
        if not target.exists():
            shutil.copyfile(path, target)
            copied += 1
        elif target.read_bytes() != path.read_bytes():
            kept.append(target.name)
    return copied, kept
