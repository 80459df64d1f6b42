"""The works of a frame as they were read, kept beside it: so an edited cell can be told from a work that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
import pandas as pd

from bucketsnb.frames.cells import identities, plain
from bucketsnb.frames.columns import MARKS, STORED, marks_of
from bucketsnb.schema import FIELD_NAMES, TIME_FIELDS

__all__ = ["Baseline"]

Mark: TypeAlias = "tuple[list[str] | None, Any]"

_HIDDEN = (*TIME_FIELDS, MARKS)
_COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
"""From pandas 3 on, a frame that shares its columns with another copies the one that is written to."""


class Baseline(str):
    """The works of a frame as they were read, hidden behind a short text in ``frame.attrs["as_read"]``.

    pandas copies ``attrs`` with every operation; a copy of this is itself, so that costs nothing. A pickle has it too;
    in any other file it is the plain text, and what was read is then no longer known.

    Beside the frame's own cells it has what they do not show: times to the last digit, which fields were read of works
    of which not all was, and works that do not fit the schema.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> frame = frame_of([{"id": "a", "priority": 3}])
    >>> frame.loc[0, "priority"] = 5
    >>> Baseline.of(frame).records(["a"])["a"]["priority"]
    3
    """

    _frame: pd.DataFrame
    _hidden: Mapping[str, Any]

    @classmethod
    def keep(cls, frame: pd.DataFrame, gathered: Mapping[str, Any]) -> Baseline:
        """Keep what a new frame holds, and of what it was made of that which its cells do not show."""
        made = cls(uuid4().hex)
        made._frame = pd.DataFrame(frame)[[name for name in STORED if name in frame]].copy(deep=not _COPIES_ON_WRITE)
        made._hidden = {name: gathered[name] for name in _HIDDEN}
        return made

    @cached_property
    def _columns(self) -> Mapping[str, Any]:
        return {str(name): self._frame[name].array for name in self._frame}

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Baseline | None:
        """Return what a frame was, or None if that is not known."""
        known = frame.attrs.get("as_read")
        return known if isinstance(known, cls) else None

    @classmethod
    def joined(cls, parts: Iterable[Baseline]) -> Baseline | None:
        """Return what several frames were together, or None if there are none."""
        once = list({id(part): part for part in parts}.values())
        if len(once) < 2:
            return once[0] if once else None
        columns = {name: _joined([part._columns[name] for part in once]) for name in once[0]._columns}
        hidden = {name: _joined([part._hidden[name] for part in once]) for name in _HIDDEN}
        return cls.keep(pd.DataFrame(columns, copy=False), hidden)

    @property
    def works(self) -> int:
        """How many works it holds."""
        return len(self._frame)

    def narrowed(self, ids: Iterable[Any]) -> Baseline:
        """Return what works with these ids were, so that the others, and the answer they came in, can go."""
        wanted = dict.fromkeys(map(_name, ids))
        places = sorted(place for one in wanted for place in self._places.get(one, ()))
        frame = pd.DataFrame({name: array.take(places) for name, array in self._columns.items()}, copy=False)
        return type(self).keep(frame, {name: array.take(places) for name, array in self._hidden.items()})

    # -- which work is which ---------------------------------------------------------------------------------------

    @cached_property
    def _places(self) -> Mapping[str | None, list[int]]:
        """Where the works with each id are; None stands for no id that is text."""
        places: dict[str | None, list[int]] = {}
        for place, one in enumerate(self._columns["id"]):
            places.setdefault(_name(one), []).append(place)
        return places

    @cached_property
    def counts(self) -> Counter[str | None]:
        """How many works were read with each id; None stands for none that is text."""
        return Counter({one: len(places) for one, places in self._places.items()})

    def places_of(self, frame: pd.DataFrame) -> list[int | None]:
        """Return where each work of a frame stands here, None where it was not read.

        Works go by their ids. Of several that no id tells apart, each is the one that its cells differ least from.
        """
        ids = list(map(_name, frame["id"])) if "id" in frame else [None] * len(frame)
        found: list[int | None] = [None] * len(ids)
        unclear: dict[str | None, list[int]] = {}
        for row, one in enumerate(ids):
            candidates = self._places.get(one, ())
            if len(candidates) == 1:
                found[row] = candidates[0]
            elif candidates:
                unclear.setdefault(one, []).append(row)
        for one, rows in unclear.items():
            for row, place in zip(rows, self._nearest(frame.iloc[rows], self._places[one]), strict=True):
                found[row] = place
        return found

    def _nearest(self, rows: pd.DataFrame, candidates: Sequence[int]) -> list[int]:
        """Return which of some works each row is; equal rows are equal works, in their order."""
        names = [name for name in self._columns if name in rows]
        was = [identities(name, plain(name, self._columns[name].take(candidates))) for name in names]
        now = [identities(name, plain(name, rows[name].array)) for name in names]
        codes = np.stack(
            [pd.factorize(np.array(a + b, dtype=object))[0] for a, b in zip(was, now, strict=True)], axis=1
        )
        were = codes[: len(candidates)]
        as_it_was: dict[bytes, list[int]] = {}
        for one, code in enumerate(were):
            as_it_was.setdefault(code.tobytes(), []).append(one)
        taken: Counter[bytes] = Counter()
        found = []
        for code in codes[len(candidates) :]:
            unedited = code.tobytes()
            same = as_it_was.get(unedited)
            place = same[taken[unedited] % len(same)] if same else int((were != code).sum(axis=1).argmin())
            taken[unedited] += 1
            found.append(candidates[place])
        return found

    # -- what they were --------------------------------------------------------------------------------------------

    def marks(self, places: Sequence[int]) -> list[Mark]:
        """Return what is kept of works beside their cells; see :func:`bucketsnb.frames.columns.marks_of`."""
        marks = self._hidden[MARKS]
        if marks.isna().all():
            return [(None, None)] * len(places)
        return [marks_of(mark) for mark in marks.take(places).decoded()]

    def cells(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return cells as the frame showed them."""
        return plain(name, self._columns[name].take(places))

    def exact(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return cells as the service gave them, but for works of their own kind."""
        return plain(name, self._hidden[name].take(places)) if name in TIME_FIELDS else self.cells(name, places)

    def works_at(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Return works as they were read; of those of which not all was read, the fields that were."""
        cells = [self.exact(name, places) for name in FIELD_NAMES]
        works = [dict(zip(FIELD_NAMES, values, strict=True)) for values in zip(*cells, strict=True)]
        for row, (read, irregular) in enumerate(self.marks(places)):
            if irregular is not None:
                works[row] = irregular
            elif read is not None:
                works[row] = {name: value for name, value in works[row].items() if name in read}
        return works

    def records(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the works with these ids as they were read, by id; those that were not read are left out."""
        places = [self._places[one][-1] for one in ids if one in self._places]
        return {work["id"]: work for work in self.works_at(places)}

    def duplicate_ids(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return the works that were read without an id that is text, or with one of these."""
        wanted = dict.fromkeys([None, *ids])
        return self.works_at([place for one in wanted for place in self._places.get(one, ())])

    def __deepcopy__(self, _: object) -> Baseline:
        return self

    def __copy__(self) -> Baseline:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (str(self), self._frame, dict(self._hidden))


def _unpickled(name: str, frame: pd.DataFrame, hidden: Mapping[str, Any]) -> Baseline:
    made = Baseline(name)
    made._frame, made._hidden = frame, hidden
    return made


def _name(one: Any) -> str | None:
    return one if isinstance(one, str) and one else None


def _joined(arrays: list[Any]) -> Any:
    return type(arrays[0])._concat_same_type(arrays)
