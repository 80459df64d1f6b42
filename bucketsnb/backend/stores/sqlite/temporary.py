"""A folder for works that need not last, which belongs to the process that made it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["TemporaryFolder"]


class TemporaryFolder:
    """A folder that goes away on `close`, or with the process that made it: a forked child that ends removes nothing.

    Attributes
    ----------
    path
        Where it is.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="bucketsnb-"))
        self._remove = weakref.finalize(self, _removed, self.path, os.getpid())

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._remove()


def _removed(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path)
