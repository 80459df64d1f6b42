"""What a frame was when it was read: kept beside it, so that an edited cell can be told from a work that moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import uuid4

import pandas as pd

from bucketsnb.frames.columns import STORED
from bucketsnb.frames.records import to_records

__all__ = ["AsRead"]

_COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
"""From pandas 3 on, a frame that shares its columns with another copies the one that is written to."""


class AsRead(str):
    """The works of a frame as they were read, hidden behind a short text in ``frame.attrs["as_read"]``.

    pandas copies ``attrs`` with every operation; a copy of this is itself, so that costs nothing. Written to a file or
    pickled it is the plain text, and what was read is then no longer known.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> frame = frame_of([{"id": "a", "priority": 3}])
    >>> frame.loc[0, "priority"] = 5
    >>> AsRead.of(frame).records(["a"])["a"]["priority"]
    3
    """

    _frame: pd.DataFrame
    _read: Any

    @classmethod
    def keep(cls, frame: pd.DataFrame, read: Any) -> AsRead:
        """Keep what a new frame holds; `read` is ``"all"``, or the fields that were read."""
        made = cls(uuid4().hex)
        made._frame = pd.DataFrame(frame)[[name for name in STORED if name in frame]].copy(deep=not _COPIES_ON_WRITE)
        made._read = read
        return made

    @cached_property
    def _columns(self) -> Mapping[str, Any]:
        return {str(name): self._frame[name].array for name in self._frame}

    @classmethod
    def of(cls, frame: pd.DataFrame) -> AsRead | None:
        """Return what a frame was, or None if that is not known."""
        known = frame.attrs.get("as_read")
        return known if isinstance(known, cls) else None

    @classmethod
    def joined(cls, frames: Iterable[pd.DataFrame]) -> AsRead | None:
        """Return what several frames were together, or None if that is not known of each."""
        parts = [cls.of(frame) for frame in frames]
        known = [part for part in parts if part is not None and part._read == "all"]
        if not parts or len(known) < len(parts):
            return None
        columns = {name: _joined([part._columns[name] for part in known]) for name in known[0]._columns}
        return cls.keep(pd.DataFrame(columns, copy=False), "all")

    @property
    def works(self) -> int:
        """How many works it holds."""
        return len(self._frame)

    def narrowed(self, ids: Iterable[Any]) -> AsRead:
        """Return what works with these ids were, so that the others, and the answer they came in, can go."""
        wanted = {_name(one) for one in ids}
        places = [place for place, one in enumerate(self._columns["id"]) if _name(one) in wanted]
        return type(self).keep(self._taken(places), self._read)

    def records(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the works with these ids as they were read, by id; those that were not read are left out."""
        places = [self._places[one] for one in ids if one in self._places]
        return {work["id"]: work for work in self._records(places)}

    def alike(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return the works that were read without an id that is text, or with one of these."""
        wanted = {None, *ids}
        return self._records([place for place, one in enumerate(self._columns["id"]) if _name(one) in wanted])

    def _records(self, places: Sequence[int]) -> list[dict[str, Any]]:
        frame = self._taken(places)
        frame.attrs["columns"] = self._read
        return to_records(frame, partial=self._read != "all")

    def _taken(self, places: Sequence[int]) -> pd.DataFrame:
        return pd.DataFrame({name: array.take(places) for name, array in self._columns.items()}, copy=False)

    @cached_property
    def counts(self) -> Counter[str | None]:
        """How many works were read with each id; None stands for none that is text."""
        return Counter(map(_name, self._columns["id"]))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {one: place for place, one in enumerate(self._columns["id"]) if isinstance(one, str)}

    def __deepcopy__(self, _: object) -> AsRead:
        return self

    def __copy__(self) -> AsRead:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def _name(one: Any) -> str | None:
    return one if isinstance(one, str) and one else None


def _joined(arrays: list[Any]) -> Any:
    return type(arrays[0])._concat_same_type(arrays)
