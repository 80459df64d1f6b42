"""Check rows that are to be deposited as works, and name every problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketsnb.changes.snapshot import equal
from bucketsnb.changes.tables import RowProblem, Table, Unreadable
from bucketsnb.display.texts import truncate
from bucketsnb.encoding import decode, encode_works, judge
from bucketsnb.encoding.cells import is_missing, path_of
from bucketsnb.errors import WorkError
from bucketsnb.frames.json_text import encode_json
from bucketsnb.schema import FIELDS, Kind

__all__ = ["EARLIER_LIFE", "Checked", "checked"]

EARLIER_LIFE = ("results", "products", "plots", "start", "stop")
"""Fields that a worker fills in: a work that was never withdrawn has none of them."""

_OF_ONE_COPY = frozenset({"id", "creation", "attempt", "status", *EARLIER_LIFE})


@dataclass(frozen=True)
class Checked:
    """Rows after the check: works that can be sent, and what is wrong with the others."""

    works: list[dict[str, Any]]
    problems: list[RowProblem]

    @property
    def bad(self) -> list[int]:
        """Rows that have a problem."""
        return sorted({problem.row for problem in self.problems})


def checked(table: Table, *, fresh: bool = False) -> Checked:
    """Check every row, fill in what it leaves out with the public client's defaults, and name every problem.

    Parameters
    ----------
    table
        The rows.
    fresh
        Whether to make new works of them: created now, with nothing of an earlier life.
    """
    judged = [_judged(table.place(index), row, fresh=fresh) for index, row in enumerate(table.rows)]
    good = [record for record, wrong in judged if not wrong]
    return Checked(encode_works(good, verb="deposit")[1], [one for _, wrong in judged for one in wrong])


def _judged(place: int, row: Any, *, fresh: bool) -> tuple[dict[str, Any], list[RowProblem]]:
    if isinstance(row, Unreadable):
        return {}, _problems(place, row, fresh=fresh)
    try:
        record, wrong = judge(_completed(row, fresh=fresh))
    except WorkError as error:
        return {}, [RowProblem(place, error.field or "", str(error))]
    return record, [RowProblem(place, one.path, one.text) for one in wrong]


def _problems(place: int, row: Unreadable, *, fresh: bool) -> list[RowProblem]:
    """Name what could not be read, and what is wrong with the rest where there is one."""
    found = [RowProblem(place, *why) for why in row.why]
    named = {one.field for one in found}
    rest = _judged(place, row.read, fresh=fresh)[1] if row.read else []
    return found + [one for one in rest if one.field not in named]


def _completed(row: Any, *, fresh: bool) -> dict[str, Any]:
    """Return a row as a work: what stands under a dotted name is put where it belongs."""
    if not isinstance(row, Mapping):
        raise WorkError(f"is not a mapping but {type(row).__name__}; expected the fields of a work by name")
    work: dict[str, Any] = {}
    given = [(_parts(path_of(name)), value) for name, value in row.items()]
    for parts, value in sorted(given, key=lambda one: len(one[0])):  # what is whole goes before what is put into it
        if not (fresh and parts[0] in _OF_ONE_COPY):
            _put(work, parts, value)
    return work


def _parts(path: str) -> list[str]:
    name, _, rest = path.partition(".")
    return path.split(".") if rest and name in FIELDS and FIELDS[name].kind is Kind.MAPPING else [path]


def _put(work: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Put a value where a dotted column name says, such as ``parameters.dm``; what is given there stays."""
    inner, path, last = work, ".".join(parts), parts[-1]
    for depth, name in enumerate(parts[:-1], start=1):
        whole = inner.get(name)
        if not (is_missing(whole) or isinstance(whole, Mapping)):
            above = ".".join(parts[:depth])
            raise WorkError(
                f"has no place, as {above} is not a mapping but {type(whole).__name__}; expected a mapping there",
                field=path,
            )
        inner[name] = dict(whole) if isinstance(whole, Mapping) else {}
        inner = inner[name]
    old = inner.get(last)
    if is_missing(old):
        inner[last] = value
    elif not (is_missing(value) or _agree(old, value)):
        both = f"{truncate(repr(old), 40)} and {truncate(repr(value), 40)}"
        raise WorkError(f"is given twice, as {both}; keep one", field=path)


def _agree(one: Any, other: Any) -> bool:
    try:
        return equal(decode(encode_json(one)), decode(encode_json(other)))
    except TypeError:  # one of them is nothing that could be sent
        return False
