"""Which part of each work to read: columns, as people name them, and the projection that the service is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketsnb.display.texts import did_you_mean, join_truncated, printable
from bucketsnb.errors import QueryError, warn_caller
from bucketsnb.frames import COLUMNS, LIGHT, NEEDS
from bucketsnb.query import UnknownField
from bucketsnb.schema import FIELD_NAMES, PARENT_PATH

__all__ = ["ALL", "Selection", "selected"]

_NEEDS: Mapping[str, Sequence[str]] = {"parent": (PARENT_PATH,), **NEEDS}
"""What has to be read for a column that is no field."""


@dataclass(frozen=True)
class Selection:
    """Which part of each work to read.

    Attributes
    ----------
    projection
        What the service is sent; None for whole works. The id always comes along: without it, a work cannot be told
        from another one, nor acted on.
    fields
        Fields of the schema that come back, whole or in part.
    columns
        Columns that will hold what the works have, ``config`` perhaps in part; None for all.
    """

    projection: Mapping[str, Any] | None
    fields: tuple[str, ...]
    columns: tuple[str, ...] | None


ALL = Selection(None, FIELD_NAMES, None)


def selected(columns: str | Iterable[str] | None, projection: Mapping[str, Any] | None) -> Selection:
    """Return what to read.

    Parameters
    ----------
    columns
        ``"all"`` (or None), ``"light"``, or names of columns.
    projection
        The same as the service takes it; it is not changed. Only one of the two can be given.

    Warns
    -----
    UnknownField
        If a name is nearly that of a column.

    Examples
    --------
    >>> dict(selected(["status", "parent"], None).projection)
    {'id': True, 'status': True, 'config.parent': True}
    >>> selected(None, {"results": False}).fields[-2:]
    ('config', 'notify')
    """
    if projection:
        if columns is not None:
            raise QueryError("columns= and projection= say the same thing in two ways: give one of them")
        return _of_projection(projection)
    if columns is None or (isinstance(columns, str) and columns == "all"):
        return ALL
    names = LIGHT if columns == "light" else (columns,) if isinstance(columns, str) else tuple(columns)
    return _of_columns(names)


def _of_columns(names: Sequence[str]) -> Selection:
    if not names:
        raise QueryError("columns=[] would read nothing: name columns, or 'light' or 'all'")
    for name in names:
        _check(name)
    paths = dict.fromkeys(["id", *(path for name in names for path in _NEEDS.get(name, (name,)))])
    if "config" in paths:
        paths.pop(PARENT_PATH, None)  # a path and its parent together are an error in MongoDB
    return _of_paths(dict.fromkeys(paths, True))


def _check(name: object) -> None:
    if not isinstance(name, str) or not name or name == "_id" or name.startswith("$"):
        raise QueryError(
            f"columns= takes names of columns, not {printable(repr(name))}; those are {join_truncated(COLUMNS, 30)}"
        )
    suggestion = "" if name.split(".")[0] in COLUMNS else did_you_mean(name, COLUMNS)
    if suggestion:
        warn_caller(f"works have no column {name!r}; {suggestion}", UnknownField)


def _of_projection(projection: Mapping[str, Any]) -> Selection:
    paths = {str(path): wanted for path, wanted in projection.items() if path not in ("_id", "id")}
    if not paths and projection.get("id"):
        return _of_paths({"id": True})
    if not paths:
        return ALL
    if any(paths.values()):
        return _of_paths({"id": True, **paths})
    left = tuple(name for name in FIELD_NAMES if name not in paths)
    whole = [name for name in left if name != "config" or PARENT_PATH not in paths]
    return Selection(paths, left, (*whole, *(["parent"] if "config" in whole else [])))


def _of_paths(paths: Mapping[str, Any]) -> Selection:
    wanted = [path for path, value in paths.items() if value]
    tops = {path.split(".")[0] for path in wanted}
    fields = tuple(name for name in FIELD_NAMES if name in tops)
    columns = dict.fromkeys("parent" if path == PARENT_PATH else path.split(".")[0] for path in wanted)
    if "config" in wanted:
        columns["parent"] = None
    return Selection(paths, fields, tuple(columns))
