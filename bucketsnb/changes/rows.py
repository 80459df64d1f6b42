"""Rows that people keep (lists, DataFrames, CSV, JSON) as works to deposit, each checked, every problem named."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from bucketsnb.changes.seen import equal
from bucketsnb.encoding import encode_works, judge
from bucketsnb.errors import WorkError
from bucketsnb.formatting import elide, excerpt
from bucketsnb.frames import to_records
from bucketsnb.frames.columns import DERIVED
from bucketsnb.frames.json_text import decode_json, encode_json
from bucketsnb.schema import FIELDS, PARENT_PATH, Kind

__all__ = ["Checked", "Problem", "Source", "checked", "rows_of"]

Source = Iterable[Any] | pd.DataFrame | str | Path
"""What works are read from: a list of works, a DataFrame, or CSV or JSON as text or in a file."""

_SHORT = {"parent": PARENT_PATH}
_LISTS = frozenset({Kind.TEXTS, Kind.INTEGERS})
_NESTED = _LISTS | {Kind.MAPPING}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row: its place from 0, the field, and why."""

    row: int
    field: str
    problem: str


@dataclass(frozen=True)
class Checked:
    """Rows after the check: works that can be sent, and what is wrong with the others."""

    works: list[dict[str, Any]]
    problems: list[Problem]

    @property
    def bad(self) -> list[int]:
        """Rows that have a problem."""
        return sorted({problem.row for problem in self.problems})


def rows_of(source: Source) -> list[Any]:
    """Read rows; what they hold is not judged yet.

    Raises
    ------
    WorkError
        If no rows can be read from it at all.
    """
    if isinstance(source, pd.DataFrame):
        return _of_frame(source)
    if isinstance(source, Path):
        return _of_text(_read(source), source.suffix)
    if isinstance(source, str):
        if "\n" in source or source.lstrip()[:1] in ("[", "{"):
            return _of_text(source, "")
        return rows_of(Path(source).expanduser())
    if isinstance(source, Mapping) or hasattr(source, "payload") or not isinstance(source, Iterable):
        raise WorkError(f"Works are given as a list, not as one {type(source).__name__}; put it in [ ].")
    return list(source)


def checked(rows: Sequence[Any]) -> Checked:
    """Check every row, fill in what it leaves out with the public client's defaults, and name every problem."""
    judged = [_judged(place, row) for place, row in enumerate(rows)]
    good = [record for record, wrong in judged if not wrong]
    return Checked(encode_works(good, verb="deposit")[1], [one for _, wrong in judged for one in wrong])


def _judged(place: int, row: Any) -> tuple[dict[str, Any], list[Problem]]:
    try:
        record, wrong = judge(_completed(getattr(row, "payload", row)))
    except WorkError as error:
        return {}, [Problem(place, error.field or "", str(error))]
    return record, [Problem(place, one.path, one.text) for one in wrong]


def _completed(row: Any) -> dict[str, Any]:
    """Return a row as a work: what stands under a dotted name is put where it belongs."""
    if not isinstance(row, Mapping):
        raise WorkError(f"is not a mapping but {type(row).__name__}")
    work: dict[str, Any] = {}
    given = [(_parts(_SHORT.get(str(name), str(name))), value) for name, value in row.items()]
    for parts, value in sorted(given, key=lambda one: len(one[0])):  # what is whole goes before what is put into it
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
        if not (_absent(whole) or isinstance(whole, Mapping)):
            above = ".".join(parts[:depth])
            raise WorkError(f"{path} has no place: {above} is not a mapping but {type(whole).__name__}", field=path)
        inner[name] = dict(whole) if isinstance(whole, Mapping) else {}
        inner = inner[name]
    old = inner.get(last)
    if _absent(old):
        inner[last] = value
    elif not (_absent(value) or _agree(old, value)):
        both = f"{excerpt(repr(old), 40)} and {excerpt(repr(value), 40)}"
        raise WorkError(f"{path} is given twice, as {both}: keep one", field=path)


def _agree(one: Any, other: Any) -> bool:
    try:
        return equal(decode_json(encode_json(one)), decode_json(encode_json(other)))
    except TypeError:  # one of them is nothing that could be sent
        return False


# --- where rows come from ---


def _of_frame(frame: pd.DataFrame) -> list[Any]:
    if "record" in frame.columns:
        return _with_parts(to_records(frame, partial=True), frame)
    frame = frame.drop(columns=[name for name in DERIVED if name in frame.columns])
    _refuse_twice(map(str, frame.columns))
    rows = frame.to_dict("records")
    return [{str(name): value for name, value in row.items() if not _absent(value)} for row in rows]


def _with_parts(works: list[dict[str, Any]], frame: pd.DataFrame) -> list[Any]:
    """Add what stands in dotted columns, such as ``parameters.dm``, to the works of a frame."""
    for name in [name for name in map(str, frame.columns) if len(_parts(name)) > 1]:
        for work, value in zip(works, frame[name], strict=True):
            if not _absent(value):
                work[name] = value
    return list(works)


def _refuse_twice(columns: Iterable[str]) -> None:
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise WorkError(f"The works have the column {elide(twice, most=3)} more than once: keep one.", field=twice[0])


def _absent(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and math.isnan(value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkError(f"Works cannot be read from {path}: {getattr(error, 'strerror', None) or error}.") from error


def _of_text(text: str, suffix: str) -> list[Any]:
    if suffix.lower() in (".json", ".jsonl", ".ndjson") or (not suffix and text.lstrip()[:1] in ("[", "{")):
        return _of_json(text)
    try:
        reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
        _refuse_twice(filter(None, reader.fieldnames or []))
        return [_of_csv_row(row) for row in reader]
    except csv.Error as error:
        raise WorkError(f"The works cannot be read as CSV: {error}. As JSON they have no such limit.") from error


def _of_json(text: str) -> list[Any]:
    try:
        if text.lstrip().startswith("["):
            rows: list[Any] = json.loads(text)
            return rows
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise WorkError(f"This is not a JSON array of works, nor one work a line: {error}.") from error


def _of_csv_row(row: Mapping[str | None, Any]) -> Any:
    if None in row:
        return f"a row with more cells than the header has: {excerpt(row[None], 80)}"
    return {str(name): _cell(str(name), text) for name, text in row.items() if text not in (None, "")}


def _cell(name: str, text: str) -> Any:
    """Read a cell of text as its field's kind; what cannot be read stays text, and the check names it."""
    field = FIELDS.get(name)
    if field is None:
        return _json_or(text, text) if "." in name else text
    if field.kind is Kind.INTEGER:
        return _number(text)
    if field.kind is Kind.TIME:
        return _time(text)
    if field.kind in _LISTS:
        return _listed(field.kind, text)
    return _json_or(text, text) if field.kind in _NESTED else text


def _json_or(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return otherwise


def _number(text: str) -> Any:
    value = _json_or(text, text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _time(text: str) -> Any:
    value = _json_or(text, None)
    if isinstance(value, int | float):
        return float(value)
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return text
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _listed(kind: Kind, text: str) -> Any:
    value = _json_or(text, None)
    if isinstance(value, list):
        return value
    parts = [part for part in text.replace(";", " ").replace(",", " ").split() if part]
    return [_number(part) for part in parts] if kind is Kind.INTEGERS else parts
