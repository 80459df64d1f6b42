"""The frame of works as people see it: a pandas DataFrame that shows, above a few light columns, what was read.

Files and databases get its nested cells as JSON text, which every reader takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from bucketsnb.display import markup, texts
from bucketsnb.display.texts import join_truncated, truncate
from bucketsnb.errors import WorkError
from bucketsnb.frames.accessor import WorksAccessor, caption
from bucketsnb.frames.columns import COLUMNS, LIGHT, NEEDED, NESTED
from bucketsnb.frames.json_array import JSONArray, JSONDtype, on_one_line
from bucketsnb.frames.records import Baseline
from bucketsnb.frames.summary_frame import most_rows

__all__ = ["WorksFrame"]

_SHOWN = tuple("age" if name == "creation" else name for name in LIGHT)
_KEPT_SHARE = 4  # of a selection of less than one in four, only its own works are kept as they were read
_UNBOUNDED = 1_000_000
"""Letters of a cell where ``display.max_colwidth`` is None."""
_SHEET_CELL = 32_767
"""Letters that a cell of a spreadsheet holds."""
_GAP = "…"
_TEXT = pd.StringDtype("python")


def _class_of(names: Any) -> type[pd.DataFrame]:
    """Return the class of frame for columns of these names."""
    if all(name in names for name in NEEDED):
        return WorksFrame
    return NestedFrame if any(name in names for name in NESTED) else pd.DataFrame


def _construct(*args: Any, **options: Any) -> pd.DataFrame:
    frame = pd.DataFrame(*args, **options)
    return _class_of(frame.columns)(frame)


class NestedFrame(pd.DataFrame):
    """A DataFrame with columns of works that nest: in files and databases, these are JSON text for every reader.

    In everything else it is an ordinary DataFrame; what pandas makes of it without such columns is one too.
    """

    @property
    def _constructor(self) -> Any:
        return _construct

    def __finalize__(self, other: Any, method: str | None = None, **kwargs: Any) -> NestedFrame:
        """Copy the facts about the read, and free most of the answer if only a few rows are left."""
        frame: NestedFrame = super().__finalize__(other, method=method, **kwargs)  # type: ignore[misc]  # as above
        if not isinstance(other, pd.DataFrame) and "as_read" not in frame.attrs:
            frame.attrs.update(_known_of(_inputs(other), every=method == "concat"))
        known = Baseline.of(frame)
        if known is not None and len(frame) * _KEPT_SHARE < known.works and _class_of(frame.columns) is WorksFrame:
            frame.attrs["as_read"] = known.narrowed(frame["id"])
        return frame

    def sort_values(self, by: Any, *, key: Any = None, **options: Any) -> Any:
        """Sort as pandas does; for several keys, pandas 2 needs lists replaced by values that it can sort."""
        return super().sort_values(by, key=_ranked if key is None else key, **options)

    @property
    def style(self) -> Any:
        """The Styler of pandas, which shows text of works as text and never as markup, nested cells as JSON."""
        nested: Any = [name for name in self.columns if isinstance(self.dtypes.get(name), JSONDtype)]
        styler = super().style.format(escape="html").format_index(escape="html")
        return styler.format(_nested_html, subset=nested) if nested else styler

    # -- written to files: the parameters are those of pandas

    def to_csv(self, *args: Any, **options: Any) -> Any:
        """Write CSV as pandas does, nested cells as JSON text."""
        return _as_text(self).to_csv(*args, **options)

    def to_json(self, *args: Any, **options: Any) -> Any:
        """Write JSON as pandas does, nested cells as JSON text, times as ISO text, spans as seconds."""
        return _mapped(self, _plain_column).to_json(*args, **options)

    def to_excel(self, *args: Any, **options: Any) -> None:  # type: ignore[misc]  # final in the stubs alone
        """Write a sheet as pandas does, nested cells as JSON text, times as ISO text, spans as seconds.

        Raises
        ------
        WorkError
            If a cell has more letters than a sheet holds (32,767); it would be cut.
        """
        whole = _mapped(self, _plain_column)
        _refuse_long_cells(whole)
        whole.to_excel(*args, **options)

    def to_sql(self, *args: Any, **options: Any) -> Any:  # type: ignore[misc]  # as above
        """Write to a database as pandas does, with nested cells as JSON text, times as ISO text, spans as seconds."""
        return _mapped(self, _plain_column).to_sql(*args, **options)

    def to_parquet(self, *args: Any, **options: Any) -> Any:
        """Write Parquet as pandas does, nested cells as JSON text."""
        return _as_text(self).to_parquet(*args, **options)

    def to_feather(self, *args: Any, **options: Any) -> None:
        """Write a Feather file as pandas does, nested cells as JSON text."""
        _as_text(self).to_feather(*args, **options)


class WorksFrame(NestedFrame):
    """A DataFrame of works; ``frame.works`` has what only works can do.

    Whatever pandas does to it stays a frame of works as long as it has ids, pipelines and statuses, and is an ordinary
    DataFrame otherwise. Shown as the value of a cell it is a light table; ``frame.to_string()``, ``frame.to_html()``
    and ``frame.columns`` have everything.
    """

    works = property(WorksAccessor, doc="What only a frame of works can do.")

    def __repr__(self) -> str:
        headers, rows = _drawn(self, html=False)
        return f"{caption(self)}\n{texts.table(headers, rows)}" if rows else caption(self)

    def _repr_html_(self) -> str | None:
        if not pd.get_option("display.notebook_repr_html"):
            return None
        headers, rows = _drawn(self, html=True)
        table = markup.table(headers, rows)
        lines = (markup.element("div", line) for line in caption(self).split("\n"))
        return markup.element("div", *lines, table if rows else markup.Markup(""))


def _ranked(column: Any) -> Any:
    """Return a column that sorts as this one should."""
    return type(column)(column.array._values_for_argsort()) if isinstance(column.array, JSONArray) else column


def _nested_html(value: Any) -> str:
    return str(markup.escape(value if value is None else on_one_line(value, _UNBOUNDED)))


def _inputs(other: Any) -> Iterable[Any]:
    """Return the frames that pandas combined; the name of the attribute depends on its version."""
    sides = [getattr(other, name, None) for name in ("left", "right")]
    inputs: Iterable[Any] = getattr(other, "input_objs", None) or getattr(other, "objs", None) or sides
    return inputs


def _known_of(inputs: Iterable[Any], *, every: bool) -> dict[Any, Any]:
    """Return the facts about the read of several frames together; with `every`, none unless all frames have them."""
    frames = [frame for frame in inputs if isinstance(frame, pd.DataFrame)]
    known = [(frame, Baseline.of(frame)) for frame in frames]
    parts = [part for _, part in known if part is not None]
    if not parts or (every and any(part is None and len(frame) for frame, part in known)):
        return {}
    about: dict[Any, Any] = {"as_read": Baseline.joined(parts)}
    read = [frame.attrs.get("columns", "all") for frame, part in known if part is not None]
    if all(columns == read[0] for columns in read):
        about["columns"] = read[0]
    return about


def _columns(frame: pd.DataFrame) -> list[int]:
    """Return the places of the columns to show: the light ones of a whole frame, else chosen ones, and added ones."""
    read = frame.attrs.get("columns", "all")
    if not set(COLUMNS) <= set(frame.columns):
        return list(range(frame.shape[1]))
    chosen = _SHOWN if read == "all" else [*_SHOWN[:3], *(name for name in COLUMNS if name in read)]
    return [place for place, name in enumerate(frame.columns) if name in chosen or name not in COLUMNS]


def _drawn(frame: pd.DataFrame, *, html: bool) -> tuple[list[Any], list[Sequence[Any]]]:
    """Return headers and rows, as much of them as pandas' display options say, with a gap where some are left out."""
    columns, most, few = _columns(frame), most_rows(), pd.get_option("display.min_rows")
    first, last = _ends(len(columns), pd.get_option("display.max_columns") or None)
    top, bottom = _ends(len(frame), most, most if few is None or most is None else min(few, most))
    shown = _with_gap(columns[first], columns[last], None)
    headers = ["", *(_GAP if column is None else frame.columns[column] for column in shown)]
    above, below = (_rows(frame.iloc[part], shown, html=html) for part in (top, bottom))
    return headers, _with_gap(above, below, [_GAP] * len(headers))


def _ends(count: int, most: int | None, drawn: int | None = None) -> tuple[slice, slice]:
    """Return which of so many are drawn: the first ones, and after a gap the last ones, if any."""
    if most is None or count <= most:
        return slice(count), slice(count, count)
    drawn = most if drawn is None else drawn
    return slice(drawn - drawn // 2), slice(count - drawn // 2, count)


def _with_gap(first: Sequence[Any], last: Sequence[Any], gap: Any) -> list[Any]:
    return [*first, gap, *last] if last else list(first)


def _rows(frame: pd.DataFrame, columns: Sequence[int | None], *, html: bool) -> list[Sequence[Any]]:
    width = pd.get_option("display.max_colwidth")
    cells = [
        [_GAP] * len(frame)
        if column is None
        else [_cell(frame.columns[column], value, width, html=html) for value in frame.iloc[:, column]]
        for column in columns
    ]
    return list(zip(map(str, frame.index), *cells, strict=True))


def _cell(name: Any, value: Any, width: int | None, *, html: bool) -> Any:
    most = width or _UNBOUNDED
    if isinstance(value, list | dict):
        flat = isinstance(value, list) and not any(isinstance(element, list | dict) for element in value)
        return truncate(join_truncated(value, most=3) if flat and width else on_one_line(value, most), most)
    if name == "status" and html and isinstance(value, str):
        return markup.chip(value)
    return truncate(value, most) if isinstance(value, str) else value


# Written to files -----------------------------------------------------------------------------------------------------


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an ordinary frame with nested cells as JSON text, as other readers of a file do not know our dtype."""
    whole = _mapped(frame, lambda column: column.astype(_TEXT) if isinstance(column.array, JSONArray) else column)
    told = {name: value for name, value in frame.attrs.items() if name != "as_read"}
    whole.attrs = json.loads(json.dumps(told, default=str))
    return whole


def _plain_column(column: pd.Series) -> pd.Series:
    """Return a column as text, numbers or booleans: nested cells as JSON text, times as ISO text, spans as seconds."""
    if isinstance(column.array, JSONArray):
        return column.astype(_TEXT)
    kind = getattr(column.dtype, "kind", "")
    if kind == "M":
        texts = [None if cell is pd.NaT else cell.isoformat() for cell in column]
        return pd.Series(pd.array(texts, dtype=_TEXT), index=column.index, name=column.name)
    return column.dt.total_seconds() if kind == "m" else column


def _mapped(frame: pd.DataFrame, change: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    """Return an ordinary frame of changed columns, whose names may repeat."""
    whole = pd.DataFrame({place: change(frame.iloc[:, place]) for place in range(frame.shape[1])}, index=frame.index)
    whole.columns = frame.columns
    return whole


def _refuse_long_cells(frame: pd.DataFrame) -> None:
    for place, name in enumerate(frame.columns):
        for row, cell in enumerate(frame.iloc[:, place]):
            if isinstance(cell, str) and len(cell) > _SHEET_CELL:
                raise WorkError(
                    f"{name} of the work in row {row} has {len(cell):,} letters, and a cell of a sheet holds "
                    f"{_SHEET_CELL:,}: leave that column out, or write CSV or Parquet",
                    index=row,
                    field=str(name),
                )
