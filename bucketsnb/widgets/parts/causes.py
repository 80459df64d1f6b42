"""Why works failed: their errors folded together and counted, and which of the works have which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bucketsnb.summaries.failures import error_text, fold

__all__ = ["Causes", "causes_of"]

NO_ERROR = "no error text in the results"
LOOKED_AT = 5000
"""Works, the newest, whose errors are compared: a hundred thousand would hold up the page for seconds."""


@dataclass(frozen=True, eq=False)
class Causes:
    """The causes of a frame of failed works.

    Attributes
    ----------
    frame
        The works.
    counts
        How many of the works that were looked at have each cause, the most frequent first.
    of
        The cause of each work, in the frame's order; None for those that were not looked at.
    looked_at
        How many works were looked at, the first of the frame.
    """

    frame: pd.DataFrame
    counts: tuple[tuple[str, int], ...]
    of: npt.NDArray[np.object_]
    looked_at: int

    def are(self, cause: str, places: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Tell which of the works at some places have a cause."""
        return np.asarray(self.of[places] == cause, dtype=bool)

    @property
    def names(self) -> tuple[str, ...]:
        """The causes, the most frequent first."""
        return tuple(name for name, _ in self.counts)


def causes_of(frame: pd.DataFrame) -> Causes | None:
    """Return why the works of a frame failed, the first 5,000 of them, or None where not all failed.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> errors = ["no file /a/1", "no file /a/2", "disk full"]
    >>> works = [{"id": "a", "status": "failure", "results": {"error": error}} for error in errors]
    >>> causes_of(frame_of(works)).counts
    (('no file <path>', 2), ('disk full', 1))
    """
    if frame.empty or not {"status", "results"} <= set(frame.columns):
        return None
    if not frame["status"].eq("failure").fillna(value=False).all():
        return None
    texts = [error_text(results) for results in frame["results"].iloc[:LOOKED_AT]]
    folded: dict[Any, str] = {text: NO_ERROR if text is None else fold(text) for text in set(texts)}
    causes = [folded[text] for text in texts]
    of = np.full(len(frame), None, dtype=object)
    of[: len(causes)] = causes
    return Causes(frame, tuple(Counter(causes).most_common()), of, len(causes))
