"""Read works as rows, from lists, DataFrames, CSV, pasted text and JSON; :mod:`bucketsnb.changes.rows` checks them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from bucketsnb.display.texts import close_matches, count_of, join_truncated, truncate
from bucketsnb.encoding.cells import NULLS, is_missing, path_of, read_cell, read_value
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.frames import COLUMNS, DTYPES, Baseline, JSONDtype, to_records
from bucketsnb.frames.columns import DERIVED
from bucketsnb.frames.records import parts_of
from bucketsnb.schema import FIELD_NAMES, FIELDS, PATHS, TIME_FIELDS, Kind

__all__ = [
    "NAMELESS",
    "WORKED_OUT",
    "RowProblem",
    "Source",
    "Table",
    "Unreadable",
    "is_of_works",
    "read_cells",
    "read_table",
    "refuse_naive_times",
]

Source = Iterable[Any] | pd.DataFrame | str | bytes | PathLike[str]
"""What works are read from: a list of works, a DataFrame, or CSV or JSON as text or in a file."""

WORKED_OUT = (*DERIVED, "record")
"""Columns of ours that are no field of a work; files of earlier versions have the last one."""
NAMELESS = re.compile(r"(Unnamed: [0-9]+(_level_[0-9]+|\.[0-9]+)?)?")
"""What the columns of an index are called in a file, as pandas reads it."""

_IN_EVERY_WORK = tuple(name for name, field in FIELDS.items() if not field.null)
"""Fields that whole works have: where all are empty, they were not read."""

_GIVEN_ID = re.compile("[0-9a-f]{24}")

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARK = "\ufeff"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_READERS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), "read_excel"),
    **dict.fromkeys((".parquet", ".pq"), "read_parquet"),
    **dict.fromkeys((".feather", ".arrow"), "read_feather"),
    **dict.fromkeys((".pkl", ".pickle"), "read_pickle"),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip", ".zst"), "read_csv"),
}
_CSV_SUFFIXES = (".csv", ".tsv")
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row: its place from 0, the field, and why."""

    row: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of which not all could be read: for each field that is wrong, why; and what was read."""

    why: tuple[tuple[str, str], ...]
    read: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """What was read from a source.

    Attributes
    ----------
    rows
        Mappings of columns to values, :class:`Unreadable`, or whatever else stood in a list.
    places
        The row in the source that each of them was, from 0: empty ones are left out.
    lines
        The line of the text that each begins at, from 1; empty for what is no text.
    notes
        What was left out, and why.
    """

    rows: list[Any]
    places: Sequence[int] = ()
    lines: Sequence[int] = ()
    notes: list[str] = field(default_factory=list)

    def place(self, index: int) -> int:
        """Return the place in the source of a row."""
        return self.places[index] if self.places else index

    @property
    def line_of(self) -> dict[int, int]:
        """The line of the text by the place in the source, where it is known."""
        return {self.place(index): line for index, line in enumerate(self.lines)}


def read_table(source: Source) -> Table:
    """Read rows from any source; what they hold is not judged yet.

    Raises
    ------
    WorkError
        If no rows can be read from it at all, or they are works that were read in part.
    """
    table = _read(source)
    if not (isinstance(source, pd.DataFrame) and is_of_works(source)):  # that knows what was read
        _refuse_cut(table)
    return table


def _read(source: Source) -> Table:
    if isinstance(source, pd.DataFrame):
        return _of_frame(source)
    if isinstance(source, str):
        text = source.removeprefix(_MARK)
        if any(mark in text for mark in "\r\n") or text.lstrip()[:1] in ("[", "{"):
            return _of_text(text, "")
        return _of_file(Path(text).expanduser())
    if isinstance(source, PathLike):
        return _of_file(Path(source))
    if isinstance(source, bytes):
        return _of_text(_decoded(source, "these bytes"), "")
    if isinstance(source, Mapping) or hasattr(source, "payload") or not isinstance(source, Iterable):
        raise WorkError(f"Works are given as a list, not as one {type(source).__name__}; put it in [ ].")
    return _of_values(source)


def _of_values(rows: Iterable[Any], lines: Sequence[int] = ()) -> Table:
    """Read rows whose values have types already, as those of Python and JSON have."""
    given = [getattr(row, "payload", row) for row in rows]
    named = {name for row in given if isinstance(row, Mapping) for name in WORKED_OUT if name in row}
    return Table([_typed(row) for row in given], lines=lines, notes=_notes_of((), sorted(named, key=WORKED_OUT.index)))


def _typed(row: Any) -> Any:
    """Read a row whose values have types already; a null says nothing of its field."""
    if not isinstance(row, Mapping):
        return row
    return _row((str(name), value) for name, value in row.items() if name not in WORKED_OUT)


def _row(cells: Iterable[tuple[str, Any]], read: Callable[[str, Any], Any] = read_value) -> Any:
    """Read the cells of a row; those that hold nothing say nothing of their field."""
    values = {name: None if is_missing(cell) else _read_or_why(name, cell, read) for name, cell in cells}
    wrong = [value for value in values.values() if isinstance(value, UnfitError)]
    good = {name: value for name, value in values.items() if not (value is None or isinstance(value, UnfitError))}
    if wrong:
        return Unreadable(tuple((error.path, error.reason) for error in wrong), good)
    return good


def _read_or_why(name: str, cell: Any, read: Callable[[str, Any], Any]) -> Any:
    try:
        return read(path_of(name), cell)
    except UnfitError as error:
        return error


# --- text ---


def _of_file(path: Path) -> Table:
    reader = _READERS.get(path.suffix.lower())
    if reader:
        raise WorkError(f"Works are not read from {path.suffix} files: give pandas.{reader}({str(path)!r}).")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WorkError(f"Works cannot be read from {path}: {error.strerror or error}.") from error
    return _of_text(_decoded(data, str(path)), path.suffix)


def _decoded(data: bytes, name: str) -> str:
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(code).removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise WorkError(f"Works cannot be read from {name}: {error}. Save it as UTF-8.") from error


def _of_text(text: str, suffix: str) -> Table:
    if suffix.lower() in _JSON_SUFFIXES or (suffix.lower() not in _CSV_SUFFIXES and text.lstrip()[:1] in ("[", "{")):
        return _of_json(text)
    return _of_csv(text)


def _of_json(text: str) -> Table:
    whole = _json_or_none(text)
    if isinstance(whole, list):
        return _of_values(whole)
    if isinstance(whole, Mapping):
        _refuse_turned(whole)
        return _of_values([whole], lines=[1])
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return _of_values([_json_line(number, line) for number, line in lines], [number for number, _ in lines])


def _json_or_none(text: str) -> Any:
    """Return what a text is as one JSON value, or None if it is none: it may be one work a line."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except WorkError:
        raise
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("["):
            raise WorkError(f"This is not a JSON array of works: {error}.") from error
        return None


def _json_line(number: int, line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_once)
    except WorkError:
        raise
    except (ValueError, RecursionError) as error:
        raise WorkError(
            f"This is not a JSON array of works, nor one work a line: line {number} cannot be read: {error}."
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the mapping of a JSON object; of a key that is given twice, Python would keep one value in silence."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise WorkError(f"A work has the key {truncate(twice, 60)!r} more than once: keep one.", field=twice)
    return made


def _refuse_turned(whole: Mapping[str, Any]) -> None:
    """Refuse what ``DataFrame.to_json()`` writes of itself: columns of rows, which is no work."""
    columns = [whole[name] for name in FIELD_NAMES if isinstance(whole.get(name), Mapping) and name != "config"]
    if len(columns) > 1 and all(column.keys() == columns[0].keys() for column in columns):
        raise WorkError("This is JSON by columns, not a list of works: write it with to_json(orient='records').")


def _of_csv(text: str) -> Table:
    delimiter, start = _delimiter(text)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True
    )
    try:
        rows = list(_numbered(reader))
    except csv.Error as error:
        raise WorkError(
            f"The works cannot be read as CSV: {error}, at line {reader.line_num}. As JSON they have no such limit."
        ) from error
    rows = rows[start:]
    if not rows:
        return Table([])
    header = [name.strip() for name in rows[0][1]]
    return _of_cells(header, rows[1:], f"The header was read with {_DELIMITERS.get(delimiter, repr(delimiter))}")


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Return rows, each with the line it begins at; a line with nothing on it is no row."""
    line = 1
    for cells in reader:
        if any(cells) or len(cells) > 1:
            yield line, cells
        line = reader.line_num + 1


def _delimiter(text: str) -> tuple[str, int]:
    """Return the mark that cuts the header into the most fields, and how many rows stand before the header."""
    header = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    separator = _SEPARATOR_LINE.fullmatch(header.rstrip("\r\n"))
    if separator:
        return separator[1], 1
    return max(_DELIMITERS, key=lambda mark: _likely(header, mark)), 0


def _likely(header: str, mark: str) -> tuple[int, int]:
    try:
        names = next(csv.reader([header], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:
        return 0, 0
    return sum(_is_field(name.strip()) for name in names), len(names)


def _of_cells(header: list[str], rows: Sequence[tuple[int, list[str]]], read_with: str) -> Table:
    filled = {place for _, cells in rows for place, cell in enumerate(cells) if _holds(cell)}
    columns = _Columns.of(header, filled, read_with)
    table = Table([], places := [], lines := [], columns.notes)
    for place, (line, cells) in enumerate(rows):
        if any(map(_holds, cells)):
            table.rows.append(_of_row(header, columns, cells))
            places.append(place)
            lines.append(line)
    return _noting_empty(table, len(rows))


def _holds(cell: Any) -> bool:
    return not (cell.strip() in NULLS if isinstance(cell, str) else is_missing(cell))


def _noting_empty(table: Table, number: int) -> Table:
    empty = number - len(table.rows)
    if empty:
        table.notes.append(f"{count_of(empty, 'empty row')} {'was' if empty == 1 else 'were'} left out.")
    return table


def _of_row(header: Sequence[str], columns: _Columns, cells: Sequence[str]) -> Any:
    extra = [cell for cell in cells[len(header) :] if cell.strip()]
    if extra:
        return Unreadable((("", _too_long(len(cells), len(header), extra)),), {})
    given = [(columns.names[place], cell) for place, cell in enumerate(cells[: len(header)]) if place in columns.names]
    return _row(given, read_cell)


def _too_long(number: int, named: int, extra: Sequence[str]) -> str:
    shown = truncate(join_truncated(extra, most=3), 80)
    return (
        f"has {number} cells, and the header names {named}: {shown!r} has no column; a cell with the delimiter in it "
        "needs quotes"
    )


# --- columns ---


@dataclass(frozen=True)
class _Columns:
    """Which columns of a table are read, by place, and the notes about the others."""

    names: Mapping[int, str]
    notes: list[str]

    @classmethod
    def of(cls, header: Sequence[str], filled: Iterable[int], read_with: str = "") -> _Columns:
        """Choose columns by their names; `filled` are the places of those that hold anything."""
        filled = set(filled)
        named = {place: name for place, name in enumerate(header) if not NAMELESS.fullmatch(name)}
        _refuse_fieldless(list(named.values()), read_with)
        _refuse_twice(named.values())
        first = min(named, default=len(header))  # columns before it are the index of a DataFrame
        _refuse_nameless([place for place in sorted(filled - named.keys()) if first < place < len(header)])
        ours = [name for name in named.values() if name in WORKED_OUT]
        empty = [name for place, name in named.items() if place not in filled and not _is_field(name)]
        chosen = {place: name for place, name in named.items() if name not in (*WORKED_OUT, *empty)}
        return cls(chosen, _notes_of(header[:first], ours, [name for name in empty if name not in ours]))


def _notes_of(index: Sequence[str], ours: Sequence[str], empty: Sequence[str] = ()) -> list[str]:
    notes = []
    if index:
        notes.append("The first column has no name, as the index of a DataFrame has in a file: it was left out.")
    if ours:
        notes.append(f"{_named(ours)} worked out when works are read, and no part of a work: left out.")
    if empty:
        notes.append(f"{_named(empty)} no field of a work, and empty: left out.")
    return notes


def _named(names: Sequence[str]) -> str:
    noun, verb = ("column", "is") if len(names) == 1 else ("columns", "are")
    return f"The {noun} {join_truncated(names, most=10)} {verb}"


def _is_field(name: str) -> bool:
    """Say whether a column is a field of a work, a part of one, or another name of one."""
    path = path_of(name)
    whole, _, part = path.partition(".")
    return path in PATHS or bool(part and whole in FIELDS and FIELDS[whole].kind is Kind.MAPPING)


def _refuse_fieldless(names: Sequence[str], read_with: str) -> None:
    if not names or any(_is_field(name) or name in WORKED_OUT for name in names):
        return
    matches = close_matches(names[0].casefold(), COLUMNS)
    hint = f"; did you mean {matches[0]!r} by {truncate(names[0], 40)!r}?" if matches else "."
    start = f"{read_with}, and it names" if read_with else "The DataFrame has the columns"
    raise WorkError(
        f"{start} {join_truncated([repr(truncate(name, 40)) for name in names], most=8)}: no field of a "
        f"work such as pipeline, site or user{hint}",
        field=names[0],
    )


def _refuse_twice(columns: Iterable[str]) -> None:
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise WorkError(
            f"The works have the column {join_truncated(twice, most=3)} more than once: keep one.", field=twice[0]
        )


def _refuse_nameless(places: Sequence[int]) -> None:
    if places:
        raise WorkError(f"Column {places[0] + 1} has no name and is not empty: name it, or take it out.")


# --- DataFrames ---


def is_of_works(frame: pd.DataFrame) -> bool:
    """Say whether a frame comes from a read of works: it knows so, or a column of it has a type of ours."""
    return Baseline.of(frame) is not None or any(isinstance(dtype, JSONDtype) for dtype in frame.dtypes)


def _of_frame(frame: pd.DataFrame) -> Table:
    if is_of_works(frame):
        return _of_works(frame)
    unread = _note_of_index(frame)
    frame = _with_index(frame)
    header = [str(name).strip() for name in frame.columns]
    columns = _Columns.of(header, _filled(frame, header))
    cells = [_cells(frame.iloc[:, place]) for place in columns.names]
    table = Table([], places := [], [], [*unread, *columns.notes])
    for place, row in enumerate(zip(*cells, strict=True)):
        read = _row(zip(columns.names.values(), row, strict=True), read_cell)
        if read:
            table.rows.append(read)
            places.append(place)
    return _noting_empty(table, len(frame) if cells else 0)


def _filled(frame: pd.DataFrame, header: Sequence[str]) -> set[int]:
    """Return the places of the columns that hold anything; those of fields need not be looked at."""
    return {place for place, name in enumerate(header) if _is_field(name) or any(map(_holds, frame.iloc[:, place]))}


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Make columns of those levels of the index that are fields of a work."""
    names = _fields_in_index(frame)
    return frame.reset_index(level=names) if names else frame


def _fields_in_index(frame: pd.DataFrame) -> list[Any]:
    names = [name for name in frame.index.names if name is not None and _is_field(str(name))]
    return [] if set(names) & set(frame.columns) else names


def _note_of_index(frame: pd.DataFrame) -> list[str]:
    """Say that an index which holds more than row numbers is not read: pandas may have made one of a column."""
    fields = _fields_in_index(frame)
    levels = [frame.index.get_level_values(place) for place, name in enumerate(frame.index.names) if name not in fields]
    if all(pd.api.types.is_integer_dtype(level) for level in levels):
        return []
    return ["The index of the DataFrame is no field of a work: left out. If it holds one, call reset_index() first."]


def _cells(column: pd.Series) -> list[Any]:
    """Return the cells of a column; whole numbers are integers again where a gap has made them floats."""
    present = column.dropna()
    if column.dtype.kind == "f" and len(present) < len(column) and all(map(_was_integer, present)):
        return [None if is_missing(one) else int(one) for one in column]
    return list(column)


def _was_integer(number: float) -> bool:
    return float(number).is_integer() and abs(number) < 2**53  # beyond that, floats are not exact


def _of_works(frame: pd.DataFrame) -> Table:
    """Read works that were read from a service, with the columns that were put beside them."""
    _refuse_parts(frame)
    refuse_naive_times(frame)
    header = [str(name) for name in frame.columns]
    columns = _Columns.of(header, _filled(frame, header))
    foreign = {name for name in _foreign(frame) if FIELDS[name].kind is not Kind.TEXT}  # a user may be called NA
    works = [
        _row(work.items(), lambda path, value: (read_cell if path in foreign else read_value)(path, value))
        for work in to_records(frame, partial=True)
    ]
    for name in [name for name in columns.names.values() if name not in COLUMNS]:
        for place, cell in enumerate(_cells(frame[name])):
            works[place] = _with_cell(works[place], name, cell)
    return Table(works, notes=columns.notes)


def _with_cell(row: Any, name: str, cell: Any) -> Any:
    added = _row([(name, cell)], read_cell)
    if not isinstance(row, Unreadable) and not isinstance(added, Unreadable):
        return {**row, **added}
    parts = [one if isinstance(one, Unreadable) else Unreadable((), one) for one in (row, added)]
    return Unreadable(tuple(why for part in parts for why in part.why), {**parts[0].read, **parts[1].read})


def read_cells(frame: pd.DataFrame, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read as cells what stands in columns of a frame that have no dtype of ours: works that come back from a file.

    Parameters
    ----------
    frame
        Rows with columns of fields.
    records
        The same rows as records; of them, what is text or a number is read as the kind of its field says.

    Raises
    ------
    WorkError
        If a cell cannot be read; the message names the row and the field.
    """
    foreign = _foreign(frame)
    for place, record in enumerate(records):
        for name in foreign:
            if name in record:
                record[name] = _cell(place, name, record[name])
    return list(records)


def _foreign(frame: pd.DataFrame) -> list[str]:
    """Name the fields whose columns have another dtype than ours: someone put them there, or a file was read."""
    return [name for name in FIELD_NAMES if name in frame and frame[name].dtype != DTYPES[name]]


def _cell(place: int, name: str, cell: Any) -> Any:
    try:
        return read_cell(name, cell)
    except UnfitError as error:
        raise WorkError(f"Work {place}: {error}", index=place, field=name) from None


def refuse_naive_times(frame: pd.DataFrame) -> None:
    """Refuse times without a zone: nobody can tell which moments they are."""
    for place in [place for place, name in enumerate(frame.columns) if name in TIME_FIELDS]:
        name, column = frame.columns[place], frame.iloc[:, place]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            continue
        if column.dtype.kind == "M" and column.notna().any():
            raise WorkError(_naive(name), field=name)
        if column.dtype == object:
            _refuse_naive_cells(name, column)


def _refuse_naive_cells(name: str, column: pd.Series) -> None:
    for place, cell in enumerate(column):
        if isinstance(cell, datetime) and not is_missing(cell) and cell.tzinfo is None:
            raise WorkError(f"Work {place}: {_naive(name)}", index=place, field=name)


def _naive(name: str) -> str:
    return f"{name} is a time without a time zone; if it is UTC, use frame[{name!r}].dt.tz_localize('UTC')."


def _refuse_cut(table: Table) -> None:
    """Refuse rows that are works which were read in part and lost all trace of that, as in a file: by their ids."""
    rows = [row.read if isinstance(row, Unreadable) else row for row in table.rows]
    works = [row for row in rows if isinstance(row, Mapping)]
    if not any(isinstance(row.get("id"), str) and _GIVEN_ID.fullmatch(row["id"]) for row in works):
        return
    fields = {path_of(name).partition(".")[0] for row in works for name in row}
    absent = [name for name in _IN_EVERY_WORK if name not in fields]
    if len(absent) > 1:
        raise WorkError(
            f"These rows have ids, as works from a queue have, but no {join_truncated(absent, most=22)}: if they were "
            "read in part, they would be deposited without what was not read. Read them with columns='all'; or leave "
            "the ids out, if these are all that new works are to hold.",
            field=absent[0],
        )


def _refuse_parts(frame: pd.DataFrame) -> None:
    """Refuse works that were read in part: deposited, they would be works without what was not read."""
    parts = parts_of(frame)
    if parts:
        read = {path.partition(".")[0] for path in next(iter(parts.values()))}
        unread = [name for name in FIELD_NAMES if name not in read]
    else:
        unread = [name for name in _IN_EVERY_WORK if name in frame and len(frame) and frame[name].isna().all()]
    if not parts and (Baseline.of(frame) is not None or len(unread) < 2):  # works of an older shape may lack some
        return
    some = f"{len(parts):,} of these works were" if 0 < len(parts) < len(frame) else "These works were"
    raise WorkError(
        f"{some} read in part, without {join_truncated(unread, most=22)}: deposited, they would lack that. Read "
        "them with columns='all'.",
        field=unread[0] if unread else None,
    )
