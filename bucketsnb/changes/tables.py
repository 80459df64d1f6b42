"""Read works from lists, DataFrames, CSV, pasted text and JSON; complete them, and list the problems of each row."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from bucketsnb.changes.snapshot import equal
from bucketsnb.display.texts import count_of, did_you_mean, join_truncated, truncate
from bucketsnb.encoding import decode, encode_works, judge
from bucketsnb.encoding.cells import NULLS, is_missing, path_of, read_cell, read_value
from bucketsnb.encoding.values import UnfitError
from bucketsnb.errors import WorkError
from bucketsnb.frames import COLUMNS, DTYPES, Baseline, JSONDtype, to_records
from bucketsnb.frames.columns import DERIVED
from bucketsnb.frames.json_array import encode_json
from bucketsnb.frames.records import parts_of
from bucketsnb.schema import FIELD_NAMES, FIELDS, PATHS, TIME_FIELDS, Kind

__all__ = [
    "EARLIER_LIFE",
    "NAMELESS",
    "WORKED_OUT",
    "RowProblem",
    "Rows",
    "Source",
    "foreign_fields",
    "read_rows",
    "refuse_naive_times",
]

Source = Iterable[Any] | pd.DataFrame | str | bytes | PathLike[str]
"""Where works are read from: a list of works, a DataFrame, or CSV or JSON as text or in a file."""

WORKED_OUT = (*DERIVED, "record")
"""Columns of our frames that are not fields of a work; only files of earlier versions have the last one."""
NAMELESS = re.compile(r"(Unnamed: [0-9]+(_level_[0-9]+|\.[0-9]+)?)?")
"""Names of columns without a name in a file: empty, or as pandas writes them after it has read the file."""
EARLIER_LIFE = ("results", "products", "plots", "start", "stop")
"""Fields that a worker sets: a work that was never withdrawn has none of them."""

_OF_ONE_COPY = frozenset({"id", "creation", "attempt", "status", *EARLIER_LIFE})
_IN_EVERY_WORK = tuple(name for name, field in FIELDS.items() if not field.null)
"""Fields that every whole work has: if several are absent, the work was read in part."""
_GIVEN_ID = re.compile("[0-9a-f]{24}")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARK = "\ufeff"
_BLANK = re.compile(r"\s*")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_CSV_SUFFIXES = (".csv", ".tsv")
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


class RowProblem(NamedTuple):
    """What is wrong with one row: its place from 0, the field, why, and its line of the text (from 1) if any."""

    row: int
    field: str
    problem: str
    line: int | None


@dataclass(frozen=True)
class Rows:
    """What was read from a source."""

    count: int
    """Number of rows; empty ones are left out."""
    works: list[dict[str, Any]]
    """Complete works, of the rows that have nothing wrong."""
    problems: list[RowProblem]
    """What is wrong with the others."""
    notes: list[str]
    """What was left out, and why."""


@dataclass
class _Row:
    """A row: its place, its line, what was read (usually a mapping by field), and the fields that could not be read."""

    place: int
    line: int | None
    read: Any
    unread: Sequence[tuple[str, str]] = ()


_Read: TypeAlias = tuple[list[_Row], list[str]]
"""Rows, and notes about what was left out."""


def read_rows(source: Source, *, fresh: bool = False) -> Rows:
    """Read rows from any source, fill in what they leave out with the public client's defaults, and check each.

    With `fresh`, the works are new: created now, without the ids, attempts, times and results of the rows. A WorkError
    is raised if no rows can be read at all, or if they are works that were read in part.
    """
    rows, notes = _read(source)
    _refuse_parts(rows, parts_of(source) if isinstance(source, pd.DataFrame) and Baseline.of(source) else None)
    judged = [(row, *_judged(row, fresh=fresh)) for row in rows]
    good = [work for _, work, wrong in judged if not wrong]
    problems = [RowProblem(row.place, *why, row.line) for row, _, wrong in judged for why in wrong]
    return Rows(len(rows), encode_works(good, verb="deposit")[1], problems, notes)


def _read(source: Source) -> _Read:
    if isinstance(source, pd.DataFrame):
        is_of_works = Baseline.of(source) or any(isinstance(dtype, JSONDtype) for dtype in source.dtypes)
        return _of_works(source) if is_of_works else _of_frame(source)
    if isinstance(source, bytes):
        return _of_text(_decoded(source, "these bytes"), "")
    if isinstance(source, str):
        text = source.removeprefix(_MARK)
        is_text = any(mark in text for mark in "\r\n") or _begins_as_json(text)
        return _of_text(text, "") if is_text else _of_file(Path(text).expanduser())
    if isinstance(source, PathLike):
        return _of_file(Path(source))
    if isinstance(source, Mapping) or hasattr(source, "payload") or not isinstance(source, Iterable):
        raise WorkError(f"Works are given as a list, not as one {type(source).__name__}; put it in [ ].")
    return _of_values(source)


def _of_values(given: Iterable[Any], lines: Sequence[int] = ()) -> _Read:
    """Read works whose values are of Python or JSON types already."""
    rows, ours = [], set()
    for place, value in enumerate(given):
        work, line = getattr(value, "payload", value), lines[place] if lines else None
        if isinstance(work, Mapping):
            ours |= work.keys() & set(WORKED_OUT)
            fields = ((str(name), cell) for name, cell in work.items() if name not in WORKED_OUT)
            rows.append(_of_cells(place, line, fields, read_value))
        else:
            rows.append(_Row(place, line, work))
    return rows, _notes_of((), [name for name in WORKED_OUT if name in ours])


def _of_cells(
    place: int, line: int | None, cells: Iterable[tuple[str, Any]], read: Callable[[str, Any], Any] = read_cell
) -> _Row:
    """Read the cells of a row; the field of an empty cell is left out."""
    values: dict[str, Any] = {}
    unread = []
    for name, cell in cells:
        try:
            value = None if is_missing(cell) else read(path_of(name), cell)
        except UnfitError as error:
            unread.append((error.path, error.reason))
            continue
        if value is not None:
            values[name] = value
    return _Row(place, line, values, unread)


# --- text ---


def _of_file(path: Path) -> _Read:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WorkError(f"Works cannot be read from {path}: {error.strerror or error}.") from error
    return _of_text(_decoded(data, str(path)), path.suffix.lower())


def _decoded(data: bytes, name: str) -> str:
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(code).removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise WorkError(
            f"Works cannot be read from {name}: {error}. Save it as CSV or JSON in UTF-8, or "
            "give the DataFrame that pandas.read_excel or pandas.read_parquet makes of it."
        ) from error


def _of_text(text: str, suffix: str) -> _Read:
    if suffix in _JSON_SUFFIXES or (suffix not in _CSV_SUFFIXES and _begins_as_json(text)):
        return _of_json(text)
    return _of_csv(text)


def _begins_as_json(text: str) -> bool:
    return text.lstrip()[:1] in ("[", "{")


def _of_json(text: str) -> _Read:
    """Read one array of works, or one work after the other, as in JSON lines."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    values, lines, end, line = [], [], 0, 1
    while (start := _BLANK.match(text, end).end()) < len(text):  # type: ignore[union-attr]  # it matches anywhere
        line += text.count("\n", end, start)
        lines.append(line)
        try:
            value, end = decoder.raw_decode(text, start)
        except WorkError:
            raise
        except (ValueError, RecursionError) as error:
            what = "an array" if text[start] == "[" else "a work"
            raise WorkError(f"This is not JSON: {what} that begins at line {line} cannot be read: {error}.") from error
        values.append(value)
        line += text.count("\n", start, end)
    if len(values) == 1 and isinstance(values[0], list):
        return _of_values(values[0])
    if any(isinstance(value, Mapping) and isinstance(value.get("pipeline"), Mapping) for value in values):
        raise WorkError("This is JSON by columns, not a list of works: write it with to_json(orient='records').")
    return _of_values(values, lines)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the mapping of a JSON object; raise WorkError for a repeated key, of which Python would keep one value."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise WorkError(f"A work has the key {truncate(twice, 60)!r} more than once: keep one.", field=twice)
    return made


def _of_csv(text: str) -> _Read:
    first = next((line.rstrip("\r\n") for line in io.StringIO(text, newline="") if line.strip()), "")
    separator = _SEPARATOR_LINE.fullmatch(first)
    mark = separator[1] if separator else max(_DELIMITERS, key=lambda mark: _number_of_fields(first, mark))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=mark != "\t", strict=True)
    try:
        rows = list(_numbered(reader))[1 if separator else 0 :]
    except csv.Error as error:
        raise WorkError(
            f"The works cannot be read as CSV: {error}, at line {reader.line_num}. As JSON they have no such limit."
        ) from error
    if not rows:
        return [], []
    header = [name.strip() for name in rows[0][1]]
    return _of_table(header, rows[1:], f"The header was read with {_DELIMITERS.get(mark, repr(mark))}, and it names")


def _number_of_fields(header: str, mark: str) -> tuple[int, int]:
    names = [name.strip(' "') for name in header.split(mark)]
    return sum(map(_is_field, names)), len(names)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield rows, each with the line where it begins; empty lines are not rows."""
    line = 1
    for cells in reader:
        if any(cells) or len(cells) > 1:
            yield line, cells
        line = reader.line_num + 1


# --- tables of CSV and of pandas ---


def _of_table(header: Sequence[str], rows: Sequence[tuple[int | None, Sequence[Any]]], names: str) -> _Read:
    columns, notes = _columns(
        header, lambda place: any(_holds(cells[place]) for _, cells in rows if place < len(cells)), names
    )
    read = [_of_row(place, line, cells, columns, len(header)) for place, (line, cells) in enumerate(rows)]
    filled = [row for row in read if row.read or row.unread]
    if empty := len(read) - len(filled):
        notes.append(f"{count_of(empty, 'empty row')} {'was' if empty == 1 else 'were'} left out.")
    return filled, notes


def _of_row(place: int, line: int | None, cells: Sequence[Any], columns: Mapping[int, str], width: int) -> _Row:
    extra = [cell for cell in cells[width:] if cell.strip()]
    if extra:
        why = (
            f"has {len(cells)} cells, and the header names {width}: {truncate(join_truncated(extra, most=3), 80)!r} "
            "has no column; a cell with the delimiter in it needs quotes"
        )
        return _Row(place, line, {}, [("", why)])
    return _of_cells(place, line, ((name, cells[at]) for at, name in columns.items() if at < len(cells)))


def _columns(
    header: Sequence[str], is_filled: Callable[[int], bool], names: str = "The frame has the columns"
) -> tuple[dict[int, str], list[str]]:
    """Return the columns to read, by place, with notes about the others."""
    named = {place: name for place, name in enumerate(header) if not NAMELESS.fullmatch(name)}
    _refuse_fieldless(list(named.values()), names)
    twice = [name for name, count in Counter(named.values()).items() if count > 1]
    if twice:
        raise WorkError(
            f"The works have the column {join_truncated(twice, most=3)} more than once: keep one.", field=twice[0]
        )
    first = min(named, default=len(header))  # columns before it are the index of a DataFrame
    nameless = next((at for at in range(first, len(header)) if at not in named and is_filled(at)), None)
    if nameless is not None:
        raise WorkError(f"Column {nameless + 1} has no name and is not empty: name it, or take it out.")
    ours = [name for name in named.values() if name in WORKED_OUT]
    empty = [name for at, name in named.items() if not (name in ours or _is_field(name) or is_filled(at))]
    chosen = {place: name for place, name in named.items() if name not in (*ours, *empty)}
    return chosen, _notes_of(header[:first], ours, empty)


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
    """Return whether a column is a field of a work, a part of a field, or another name of one."""
    path = path_of(name)
    whole, _, part = path.partition(".")
    return path in PATHS or bool(part and _is_mapping(whole))


def _is_mapping(name: str) -> bool:
    return name in FIELDS and FIELDS[name].kind is Kind.MAPPING


def _holds(cell: Any) -> bool:
    return not (cell.strip() in NULLS if isinstance(cell, str) else is_missing(cell))


def _refuse_fieldless(names: Sequence[str], start: str) -> None:
    if not names or any(_is_field(name) or name in WORKED_OUT for name in names):
        return
    named = join_truncated([repr(truncate(name, 40)) for name in names], most=8)
    hint = did_you_mean(names[0], COLUMNS)
    raise WorkError(
        f"{start} {named}: no field of a work such as pipeline, site or user{hint and f'; {hint}'}", field=names[0]
    )


def _of_frame(frame: pd.DataFrame) -> _Read:
    """Read a DataFrame of any origin; index levels named after fields are read as columns."""
    levels = [name for name in frame.index.names if name is not None and _is_field(str(name))]
    if levels and not set(levels) & set(frame.columns):
        frame = frame.reset_index(level=levels)
    header = [str(name).strip() for name in frame.columns]
    columns = [_cells(frame.iloc[:, place]) for place in range(len(header))]
    rows, notes = _of_table(
        header, [(None, cells) for cells in zip(*columns, strict=True)], "The DataFrame has the columns"
    )
    index = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    if not all(map(pd.api.types.is_integer_dtype, index)):  # not just row numbers: it may have been a column
        notes.insert(
            0, "The index of the DataFrame is no field of a work: left out. If it holds one, call reset_index() first."
        )
    return rows, notes


def _cells(column: pd.Series) -> list[Any]:
    """Return the cells of a column; integers that pandas made floats because of a missing cell are integers again."""
    present = column.dropna()
    if column.dtype.kind != "f" or len(present) == len(column):
        return list(column)
    if any(number % 1 or abs(number) >= 2**53 for number in present):  # beyond that, floats are not exact
        return list(column)
    return [None if is_missing(cell) else int(cell) for cell in column]


# --- frames of works ---


def _of_works(frame: pd.DataFrame) -> _Read:
    """Read works that were read from a service, and the columns that were added to them."""
    refuse_naive_times(frame)
    columns, notes = _columns(list(map(str, frame.columns)), lambda place: any(map(_holds, frame.iloc[:, place])))
    typed = {name for name in FIELDS if FIELDS[name].kind is Kind.TEXT}  # a user may be called NA
    typed |= set(FIELDS).difference(foreign_fields(frame))
    works = to_records(frame, partial=True)
    for name in [name for name in columns.values() if name not in COLUMNS]:
        for work, cell in zip(works, _cells(frame[name]), strict=True):
            if not is_missing(cell):
                work[name] = cell

    def read(path: str, value: Any) -> Any:
        return (read_value if path in typed else read_cell)(path, value)

    return [_of_cells(place, None, work.items(), read) for place, work in enumerate(works)], notes


def foreign_fields(frame: pd.DataFrame) -> list[str]:
    """Return the fields whose columns do not have our dtypes: they were set by hand or read from a file."""
    return [name for name in FIELD_NAMES if name in frame and frame[name].dtype != DTYPES[name]]


def refuse_naive_times(frame: pd.DataFrame) -> None:
    """Raise WorkError if a time has no time zone, as such times are ambiguous."""
    for place in [place for place, name in enumerate(frame.columns) if name in TIME_FIELDS]:
        name, column = frame.columns[place], frame.iloc[:, place]
        may_be_naive = column.dtype.kind in "MO" and not isinstance(column.dtype, pd.DatetimeTZDtype)
        for row, cell in enumerate(column if may_be_naive else ()):
            if isinstance(cell, datetime) and not is_missing(cell) and cell.tzinfo is None:
                raise WorkError(
                    f"Work {row}: {name} is a time without a time zone; if it is UTC, use "
                    f"frame[{name!r}].dt.tz_localize('UTC').",
                    index=row,
                    field=name,
                )


def _refuse_parts(rows: Sequence[_Row], parts: Mapping[int, Sequence[str]] | None) -> None:
    """Raise WorkError if works were read in part: deposited, they would lack the other fields.

    `parts` are the fields that were read, by row, of rows that were read in part. If it is None, as for a file, rows
    with an id of the service are taken for works that were read.
    """
    works = [row.read for row in rows if isinstance(row.read, Mapping)]
    if parts is not None:
        read = {path.partition(".")[0] for path in next(iter(parts.values()), FIELD_NAMES)}
        unread = [name for name in FIELD_NAMES if name not in read]
    elif any(isinstance(work_id := work.get("id"), str) and _GIVEN_ID.fullmatch(work_id) for work in works):
        read = {path_of(name).partition(".")[0] for work in works for name in work}
        unread = [name for name in _IN_EVERY_WORK if name not in read]
        unread = unread if len(unread) > 1 else []  # works of an older shape may lack one
    else:
        return
    if unread:
        some = f"{len(parts):,} of these works" if parts and len(parts) < len(rows) else "These works"
        raise WorkError(
            f"{some} were read in part, without {join_truncated(unread, most=22)}: deposited, they would lack that. "
            "Read them with columns='all'; or leave the ids out, if these are all that new works are to hold.",
            field=unread[0],
        )


# --- works ---


def _judged(row: _Row, *, fresh: bool) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return a row as a work, and its problems: cells that could not be read, and values that do not fit the schema."""
    work: dict[str, Any] = {}
    wrong = list(row.unread)
    if not wrong or row.read:  # not `bool(row.read)` first: an array has no truth value
        try:
            work, unfit = judge(_completed(row.read, fresh=fresh))
        except WorkError as error:
            return {}, [*wrong, (error.field or "", str(error))]
        named = {path for path, _ in wrong}
        wrong += [(problem.path, problem.text) for problem in unfit if problem.path not in named]
    return work, wrong


def _completed(row: Any, *, fresh: bool) -> dict[str, Any]:
    """Return a row as a work; a value under a dotted name is put into its mapping.

    With `fresh`, fields that belong to one copy of a work are left out, such as its id and status. A WorkError is
    raised if the row is not a mapping, or two of its values contradict each other.
    """
    if not isinstance(row, Mapping):
        raise WorkError(f"is not a mapping but {type(row).__name__}; expected the fields of a work by name")
    work: dict[str, Any] = {}
    paths = [path_of(name) for name in row]
    given = [path.split(".") if _is_mapping(path.partition(".")[0]) else [path] for path in paths]
    cells = zip(given, row.values(), strict=True)
    for parts, value in sorted(cells, key=lambda cell: len(cell[0])):  # a mapping before what is put into it
        if not (fresh and parts[0] in _OF_ONE_COPY):
            _put(work, parts, value)
    return work


def _put(work: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Put a value at the path of a dotted column name, such as ``parameters.dm``; other values there stay.

    A WorkError is raised if there is no mapping at the path, or another value there.
    """
    inner, path = work, ".".join(parts)
    for depth, name in enumerate(parts[:-1], start=1):
        whole = {} if is_missing(inner.get(name)) else inner[name]
        if not isinstance(whole, Mapping):
            above = ".".join(parts[:depth])
            raise WorkError(
                f"has no place, as {above} is not a mapping but {type(whole).__name__}; expected a mapping there",
                field=path,
            )
        inner[name] = dict(whole)
        inner = inner[name]
    old = inner.get(parts[-1])
    if is_missing(old):
        inner[parts[-1]] = value
    elif not (is_missing(value) or _agree(old, value)):
        both = f"{truncate(repr(old), 40)} and {truncate(repr(value), 40)}"
        raise WorkError(f"is given twice, as {both}; keep one", field=path)


def _agree(one: Any, other: Any) -> bool:
    try:
        return equal(decode(encode_json(one)), decode(encode_json(other)))
    except TypeError:  # one of them cannot be sent at all
        return False
