"""What tests install once and keep between runs, in a folder of the user's cache."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import platformdirs


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder of this name, filled by ``fill`` where it was not yet; one process at a time."""
    folder = platformdirs.user_cache_path("bucketsnb-tests") / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = folder / "content"
        if not (content / "complete").exists():
            shutil.rmtree(content, ignore_errors=True)
            content.mkdir()
            fill(content)
            (content / "complete").touch()
    return content
