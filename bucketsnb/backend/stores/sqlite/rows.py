"""What a store does to the rows of its SQLite file, within a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from bucketsnb.backend.stores.sqlite.narrowing import Condition
from bucketsnb.backend.stores.sqlite.schema import COLUMNS, MARKS, is_plain
from bucketsnb.backend.works import encoded
from bucketsnb.matching import Matcher, compile_projection
from bucketsnb.schema import FIELD_NAMES

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = [
    "Shaper",
    "any_irregular",
    "change",
    "insert",
    "let_others",
    "newest",
    "shaper",
]

Shaper = Callable[[bytes], bytes]
"""Makes the JSON that a projection asks for out of the JSON of a whole work."""

_BREATHER = 32
_FIELDS = frozenset(FIELD_NAMES)
_SLOTS = ", ".join("?" * (len(COLUMNS) + 1))
_INSERT = f"INSERT INTO works ({', '.join(COLUMNS)}, body) VALUES ({_SLOTS})"
_UPDATE = f"UPDATE works SET ({', '.join(COLUMNS)}, body) = ({_SLOTS}) WHERE rowid = ?"
_MARK = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, ?, ?)"


def any_irregular(connection: sqlite3.Connection) -> bool:
    """Say whether there is a work that the columns and marks do not tell all of."""
    return connection.execute("SELECT 1 FROM works WHERE irregular LIMIT 1").fetchone() is not None


def insert(writer: sqlite3.Connection, records: Sequence[Mapping[str, Any]], bodies: Sequence[str]) -> None:
    """Add records, with the marks they are found by."""
    for record, body in zip(records, bodies, strict=True):
        rowid = writer.execute(_INSERT, (*_columns_of(record), body)).lastrowid
        _mark(writer, rowid, record)


def _columns_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give the values of `schema.COLUMNS` for a record that `works` has accepted."""
    config = record.get("config")
    parent = config.get("parent") if isinstance(config, Mapping) else None
    loose = (record.get("site"), record.get("user"), parent)
    irregular = isinstance(config, list) or any(not (value is None or isinstance(value, str)) for value in loose)
    irregular = irregular or any(
        isinstance(element, list) for field in MARKS for element in _elements(record.get(field))
    )
    exact = (record[name] for name in COLUMNS if name not in ("site", "user", "parent", "irregular"))
    return (*exact, *(value if isinstance(value, str) else None for value in loose), int(irregular))


def _mark(writer: sqlite3.Connection, rowid: int | None, record: Mapping[str, Any]) -> None:
    """Note the tags and events a work can be found by: texts and numbers, alone or as elements of an array."""
    queue = record["pipeline"] if record["status"] == "queued" else None
    order = (queue, record["priority"], record["creation"])
    found = [(field, element) for field in MARKS for element in _elements(record.get(field)) if is_plain(element)]
    writer.executemany(_MARK, [(rowid, *mark, *order) for mark in found])


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def change(writer: sqlite3.Connection, changes: Mapping[str, Any], index: int) -> bool:
    """Set fields of the work whose id is among them; False if there is none."""
    row = writer.execute("SELECT rowid, body FROM works WHERE id = ?", (changes["id"],)).fetchone()
    if row is None:
        return False
    rowid, body = row
    record = {**msgspec.json.decode(body), **changes}
    writer.execute(_UPDATE, (*_columns_of(record), encoded(record, index), rowid))
    if "tags" in changes or "event" in changes:
        writer.execute("DELETE FROM marks WHERE work = ?", (rowid,))
        _mark(writer, rowid, record)
    return True


def newest(
    reader: sqlite3.Connection,
    condition: Condition,
    matches: Matcher,
    shape: Shaper | None,
    skip: int,
    limit: int | None,
) -> Generator[bytes, None, None]:
    """Read the JSON of matching works, newest first; nothing is parsed that neither query nor projection needs."""
    # As bytes, which go to the wire as they are.
    sql = f"SELECT CAST(body AS BLOB) FROM works WHERE {condition.sql} ORDER BY creation DESC, rowid DESC"
    values = condition.values
    if condition.exact:
        sql, values = f"{sql} LIMIT ? OFFSET ?", (*values, -1 if limit is None else limit, skip)
    with closing(reader.execute(sql, values)) as cursor:
        bodies: Iterable[bytes] = (body for (body,) in cursor)
        if not condition.exact:
            bodies = islice(islice(_matching(bodies, matches), skip, None), limit)  # their sum may be too large for it
        yield from bodies if shape is None else map(shape, bodies)


def _matching(bodies: Iterable[bytes], matches: Matcher) -> Iterator[bytes]:
    for number, body in enumerate(bodies):
        if matches(msgspec.json.decode(body)):
            yield body
        let_others(number)


def let_others(number: int) -> None:
    """Offer the interpreter to other threads now and then, so that a long search holds up no claim."""
    if number % _BREATHER == 0:
        time.sleep(0)


def shaper(projection: Mapping[str, Any] | None) -> Shaper | None:
    """Make the function that applies a projection, or None where whole works are wanted."""
    if not projection or projection == {"_id": False} or projection == {"_id": 0}:
        return None

    project = compile_projection(projection)  # one that cannot be understood is refused before anything is read
    names = frozenset(projection) - {"_id"}
    if names and names <= _FIELDS and all(projection[name] for name in names):
        return _picking(names)

    def shape(body: bytes) -> bytes:
        return msgspec.json.encode(project(msgspec.json.decode(body)))

    return shape


@lru_cache(maxsize=64)
def _picking(names: frozenset[str]) -> Shaper:
    """Make a function that passes some fields on as the text that they are, and reads no others."""
    fields = [(name, Raw | UnsetType, UNSET) for name in FIELD_NAMES if name in names]
    picked = msgspec.json.Decoder(msgspec.defstruct("Picked", fields, gc=False))
    return lambda body: msgspec.json.encode(picked.decode(body))
