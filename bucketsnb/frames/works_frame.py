"""The frame of works as people see it: a pandas DataFrame that shows, above a few light columns, what was read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bucketsnb import formatting, formatting_html
from bucketsnb.errors import WorkError
from bucketsnb.formatting import count_of, elide, excerpt, host_of, when
from bucketsnb.frames.as_read import AsRead
from bucketsnb.frames.columns import COLUMNS, LIGHT
from bucketsnb.frames.json_array import JSONDtype, json_text
from bucketsnb.frames.json_text import encode_json

__all__ = ["NEEDED", "WorksFrame", "caption"]

NEEDED = ("id", "pipeline", "status")
"""What a frame must have to be shown as works; without them it is an ordinary DataFrame."""

_SHOWN = tuple("age" if name == "creation" else name for name in LIGHT)
_ROWS = 60
_CELL = 40
_QUERY = 200
_KEPT_SHARE = 4  # of a selection of less than one in four, only its own works are kept as they were read


def _works_or_plain(*args: Any, **options: Any) -> pd.DataFrame:
    frame = WorksFrame(*args, **options)
    return frame if _has_works(frame) else pd.DataFrame(frame)


def _has_works(frame: pd.DataFrame) -> bool:
    return all(name in frame.columns for name in NEEDED)


class WorksFrame(pd.DataFrame):
    """A DataFrame of works; ``frame.works`` has what only works can do.

    Whatever pandas does to it stays a frame of works as long as it has ids, pipelines and statuses, and is an ordinary
    DataFrame otherwise. Shown as the value of a cell it is a light table; ``frame.to_string()``, ``frame.to_html()``
    and ``frame.columns`` have everything.
    """

    @property
    def _constructor(self) -> Any:
        return _works_or_plain

    def _constructor_from_mgr(self, mgr: Any, axes: Any) -> pd.DataFrame:
        kind = WorksFrame if all(name in axes[0] for name in NEEDED) else pd.DataFrame
        return kind._from_mgr(mgr, axes)  # type: ignore[attr-defined, no-any-return]  # missing in the stubs

    def __finalize__(self, other: Any, method: str | None = None, **kwargs: Any) -> WorksFrame:
        """Take over what is known of the read, and let go of most of it where only a few rows are left."""
        frame: WorksFrame = super().__finalize__(other, method=method, **kwargs)  # type: ignore[misc]  # as above
        known = frame.attrs.get("as_read")
        if isinstance(known, AsRead) and len(frame) * _KEPT_SHARE < known.works and _has_works(frame):
            frame.attrs["as_read"] = known.narrowed(frame["id"])
        return frame

    def _set_value(self, index: Any, col: Any, value: Any, **options: Any) -> None:
        """Set one cell; refuse by name what is not JSON: pandas goes on to spread it over rows, and tells of that."""
        name = self.columns[col] if options.get("takeable") else col
        if name in self and isinstance(self[name].dtype, JSONDtype):
            try:
                encode_json(value)
            except (TypeError, ValueError) as error:
                raise WorkError(f"{name} cannot be set: {error}", field=str(name)) from error
        super()._set_value(index, col, value, **options)  # type: ignore[misc]  # missing in the stubs

    def __repr__(self) -> str:
        if not _has_works(self):
            return super().__repr__()
        headers, rows = _drawn(self, html=False)
        return f"{caption(self)}\n{formatting.table(headers, rows)}" if rows else caption(self)

    def _repr_html_(self) -> str:
        headers, rows = _drawn(self, html=True)
        table = formatting_html.table(headers, rows)
        lines = (formatting_html.element("div", line) for line in caption(self).split("\n"))
        return formatting_html.element("div", *lines, table if rows else formatting_html.Markup(""))


def caption(frame: pd.DataFrame) -> str:
    """Say how many works are shown, how many match, what was asked, and when: a few lines of text."""
    return "\n".join(_caption(frame))


def _caption(frame: pd.DataFrame) -> Iterator[str]:
    about = frame.attrs
    here, shown = len(frame), about.get("shown")
    if shown is None or "matched" not in about:
        yield count_of(here, "work")
        return
    matched = f"{'' if about.get('exact', True) else 'at least '}{about['matched']:,} matched"
    yield f"shown {shown:,} of {matched}" if here == shown else f"{here:,} here, of {shown:,} read, of {matched}"
    yield f"query: {excerpt(json.dumps(about.get('query') or {}, ensure_ascii=False, default=str), _QUERY)}"
    yield ", ".join(_circumstances(about))


def _circumstances(about: Any) -> Iterator[str]:
    yield f"read {when(about.get('read_at'))}" + (f" from {host_of(about['url'])}" if about.get("url") else "")
    if about.get("columns", "all") != "all":
        yield f"only {elide(about['columns'], most=12)} read"
    if about.get("moved"):
        yield f"{count_of(about['moved'], 'work')} moved during the read"
    if about.get("cancelled"):
        yield "stopped before the end"


def _names(frame: pd.DataFrame) -> list[Any]:
    """Return the columns to show: the light ones of a whole frame, else those that were chosen, and any new ones."""
    here = list(frame.columns)
    read = frame.attrs.get("columns", "all")
    if not set(COLUMNS) <= set(here):
        return here
    chosen = _SHOWN if read == "all" else [*_SHOWN[:3], *(name for name in COLUMNS if name in read)]
    return [name for name in here if name in chosen or name not in COLUMNS]


def _drawn(frame: pd.DataFrame, *, html: bool) -> tuple[list[Any], list[Sequence[Any]]]:
    names = _names(frame)
    most = min(pd.get_option("display.max_rows") or _ROWS, _ROWS)
    few = min(pd.get_option("display.min_rows") or most, most)
    if len(frame) <= most:
        return ["", *names], _rows(frame, names, html=html)
    top, bottom = frame.iloc[: few - few // 2], frame.iloc[len(frame) - few // 2 :]
    gap = ["…"] * (len(names) + 1)
    return ["", *names], [*_rows(top, names, html=html), gap, *_rows(bottom, names, html=html)]


def _rows(frame: pd.DataFrame, names: Sequence[Any], *, html: bool) -> list[Sequence[Any]]:
    cells = [[_cell(name, value, html=html) for value in _values(frame, name)] for name in names]
    return list(zip(map(str, frame.index), *cells, strict=True))


def _values(frame: pd.DataFrame, name: Any) -> list[Any]:
    column = pd.DataFrame.__getitem__(frame, name)
    return list(column.iloc[:, 0] if isinstance(column, pd.DataFrame) else column)


def _cell(name: Any, value: Any, *, html: bool) -> Any:
    if isinstance(value, list | dict):
        flat = isinstance(value, list) and not any(isinstance(one, list | dict) for one in value)
        return excerpt(elide(value, most=3) if flat else json_text(value), _CELL)
    if name == "id":
        return "" if value is pd.NA else excerpt(value, _CELL)
    if name == "status" and html and isinstance(value, str):
        return formatting_html.chip(value)
    return formatting.excerpt(value, _CELL) if isinstance(value, str) else value
