"""What a store does to the rows of its SQLite file, within a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from bucketsnb.backend.matching import Matcher, project
from bucketsnb.backend.narrowing import Condition
from bucketsnb.backend.sqlite_file import COLUMNS, columns_of, marks_of
from bucketsnb.backend.works import encoded

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = [
    "UNCHANGED",
    "Shaper",
    "any_odd",
    "change",
    "claim",
    "first_queued",
    "gathered",
    "insert",
    "newest",
    "search_queued",
    "shaper",
]

Shaper = Callable[[bytes], bytes]
"""Makes the JSON that a projection asks for out of the JSON of a whole work."""

UNCHANGED = "SELECT rowid FROM works WHERE rowid = ? AND status = 'queued' AND body = ?"

_PIECE = 256 * 1024
_BREATHER = 32
_SLOTS = ", ".join("?" * (len(COLUMNS) + 1))
_INSERT = f"INSERT INTO works ({', '.join(COLUMNS)}, body) VALUES ({_SLOTS})"
_UPDATE = f"UPDATE works SET ({', '.join(COLUMNS)}, body) = ({_SLOTS}) WHERE rowid = ?"
_MARK = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?)"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = attempt + 1, body = json_set(body,
    '$.status', 'running', '$.start', json(?), '$.attempt', attempt + 1, '$.stop', NULL)
    WHERE rowid = ({}) RETURNING body"""
_FIRST = "ORDER BY priority DESC, creation, rowid"


def any_odd(connection: sqlite3.Connection) -> bool:
    """Say whether some work has a value of another type than its column."""
    return connection.execute("SELECT 1 FROM works WHERE odd LIMIT 1").fetchone() is not None


def insert(writer: sqlite3.Connection, records: Sequence[Mapping[str, Any]], bodies: Sequence[str]) -> None:
    """Add records, with the marks they are found by."""
    for record, body in zip(records, bodies, strict=True):
        rowid = writer.execute(_INSERT, (*columns_of(record), body)).lastrowid
        writer.executemany(_MARK, [(rowid, *mark) for mark in marks_of(record)])


def change(writer: sqlite3.Connection, changes: Mapping[str, Any], index: int) -> bool:
    """Set fields of the work whose id is among them; False if there is none."""
    row = writer.execute("SELECT rowid, body FROM works WHERE id = ?", (changes["id"],)).fetchone()
    if row is None:
        return False
    rowid, body = row
    record = {**msgspec.json.decode(body), **changes}
    writer.execute(_UPDATE, (*columns_of(record), encoded(record, index), rowid))
    if "tags" in changes or "event" in changes:
        writer.execute("DELETE FROM marks WHERE work = ?", (rowid,))
        writer.executemany(_MARK, [(rowid, *mark) for mark in marks_of(record)])
    return True


def first_queued(query: Mapping[str, Any], condition: Condition) -> tuple[str, tuple[Any, ...]]:
    """Give the SQL that finds the queued work to claim, when the condition is exact."""
    several = _several_pipelines(query)
    if several is None:
        return f"SELECT rowid FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST} LIMIT 1", condition.values
    # The index keeps the order within one pipeline only: the first of each, then the first of those.
    one = f"SELECT rowid FROM works WHERE status = 'queued' AND pipeline = ? AND ({condition.sql}) {_FIRST} LIMIT 1"
    found = " UNION ALL ".join(f"SELECT * FROM ({one})" for _ in several)
    values = tuple(value for pipeline in several for value in (pipeline, *condition.values))
    return f"SELECT rowid FROM works WHERE rowid IN ({found}) {_FIRST} LIMIT 1", values


def _several_pipelines(query: Mapping[str, Any]) -> list[str] | None:
    wanted = query.get("pipeline")
    names = wanted.get("$in") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    # SQLite takes up to 500 parts in one statement; past a hundred pipelines, sorting the queue is no dearer.
    if not isinstance(names, list) or not 1 < len(names) <= 100 or not all(isinstance(name, str) for name in names):
        return None
    return sorted(set(names))


def claim(writer: sqlite3.Connection, which: str, values: Sequence[Any]) -> bytes | None:
    """Mark the work that the SELECT `which` finds as running, and give its JSON after that; None if it finds none."""
    now = time.time()
    claimed = writer.execute(_CLAIM.format(which), (now, repr(now), *values)).fetchall()
    return claimed[0][0].encode() if claimed else None


def search_queued(reader: sqlite3.Connection, condition: Condition, matches: Matcher) -> tuple[int, str] | None:
    """Find the first queued work that matches, by reading one after the other; its row and JSON."""
    sql = f"SELECT rowid, body FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST}"
    cursor = reader.execute(sql, condition.values)
    try:
        for number, (rowid, body) in enumerate(cursor):
            if matches(msgspec.json.decode(body)):
                return rowid, body.decode()
            _let_others(number)
        return None
    finally:
        cursor.close()


def newest(
    reader: sqlite3.Connection,
    condition: Condition,
    matches: Matcher,
    shape: Shaper | None,
    skip: int,
    limit: int | None,
) -> Iterator[bytes]:
    """Read the JSON of matching works, newest first; nothing is parsed that neither query nor projection needs."""
    sql = f"SELECT body FROM works WHERE {condition.sql} ORDER BY creation DESC, rowid DESC"
    if condition.exact:
        cursor = reader.execute(f"{sql} LIMIT ? OFFSET ?", (*condition.values, -1 if limit is None else limit, skip))
        bodies: Iterable[bytes] = (body for (body,) in cursor)
    else:
        cursor = reader.execute(sql, condition.values)
        bodies = islice(_matching(cursor, matches), skip, None if limit is None else skip + limit)
    try:
        yield from bodies if shape is None else map(shape, bodies)
    finally:
        cursor.close()


def _matching(cursor: sqlite3.Cursor, matches: Matcher) -> Iterator[bytes]:
    for number, (body,) in enumerate(cursor):
        if matches(msgspec.json.decode(body)):
            yield body
        _let_others(number)


def _let_others(number: int) -> None:
    """Offer the interpreter to other threads now and then, so that a long search holds up no claim."""
    if number % _BREATHER == 0:
        time.sleep(0)


def shaper(projection: Mapping[str, Any] | None) -> Shaper | None:
    """Make the function that applies a projection, or None where whole works are wanted."""
    if not projection or projection == {"_id": False} or projection == {"_id": 0}:
        return None

    def shape(body: bytes) -> bytes:
        return msgspec.json.encode(project(msgspec.json.decode(body), projection))

    project({}, projection)  # a projection that cannot be understood is refused before anything is read
    return shape


def gathered(works: Iterable[bytes]) -> Iterator[bytes]:
    """Join the JSON of works to one array, in pieces of some size."""
    piece, size, opening = [], 0, b"["
    for work in works:
        piece.append(work)
        size += len(work)
        if size >= _PIECE:
            yield opening + b",".join(piece)
            piece, size, opening = [], 0, b","
    yield (opening if piece or opening == b"[" else b"") + b",".join(piece) + b"]"
