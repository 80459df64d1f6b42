"""Claim a queued work in a SQLite file: by an index that has the order of the queue, or by a search."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from bucketsnb.backend.stores.sqlite.narrowing import MARKS, VALUES_MAX, narrow, plain_values
from bucketsnb.backend.stores.sqlite.rows import any_odd, let_others
from bucketsnb.backend.stores.sqlite.writer import Writer
from bucketsnb.matching import Matcher, compile_query

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = ["claim"]

Connecting = Callable[[], AbstractContextManager[sqlite3.Connection]]
Found = tuple[int, int, str]
"""A queued work as it was found: its row, its attempts so far, and its JSON."""

_FOUND = "SELECT works.rowid, works.attempt, works.body"
_FIRST = "ORDER BY priority DESC, creation, rowid"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = ?, body = ?
    WHERE rowid = ? AND status = 'queued' AND body = ?"""

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_RUNNING, _NULL = Raw(b'"running"'), Raw(b"null")

_HEADS_MAX = 100
"""Queues whose first works one statement compares; past these sorting is no dearer."""

_INDEXED = frozenset({"pipeline", "id", "site", "priority", "config.parent", *MARKS})
"""Fields by which the first work of a queue is found in an index; for others it is searched for."""


def claim(query: Mapping[str, Any], writer: Writer, reading: Connecting) -> bytes | None:
    """Claim the first queued work that matches, and give its JSON after that; None if there is none.

    Parameters
    ----------
    query
        Which queued works may be claimed.
    writer
        The connection that claims.
    reading
        Gives a connection to search with, so that a long search holds up no one who writes.

    Raises
    ------
    QueryNotUnderstood
        If the query cannot be decided exactly.
    """
    matches = compile_query(query)
    if _INDEXED.issuperset(query) and sum(mark in query for mark in MARKS) < 2:
        with writer.changing() as connection:
            if narrow(query, lambda: any_odd(connection)).exact:
                found = connection.execute(*_first_of_queue(query)).fetchone()
                return None if found is None else _take(connection, found)
    return _search(query, matches, writer, reading)


def _search(query: Mapping[str, Any], matches: Matcher, writer: Writer, reading: Connecting) -> bytes | None:
    while True:
        with reading() as reader:
            found = _first_by_search(query, matches, reader)
        if found is None:
            return None
        with writer.changing() as connection:
            claimed = _take(connection, found)
        if claimed is not None:  # else it was changed since it matched: the search goes on
            return claimed


def _first_by_search(query: Mapping[str, Any], matches: Matcher, reader: sqlite3.Connection) -> Found | None:
    condition = narrow(query, lambda: any_odd(reader))
    sql = f"SELECT rowid, attempt, body FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST}"
    cursor = reader.execute(sql, condition.values)
    try:
        for number, (rowid, attempt, body) in enumerate(cursor):
            if condition.exact or matches(msgspec.json.decode(body)):
                return rowid, attempt, body.decode()
            let_others(number)
        return None
    finally:
        cursor.close()


def _take(connection: sqlite3.Connection, found: Found) -> bytes | None:
    """Claim one work if it is as it was found, and give its JSON after that."""
    rowid, attempt, body = found
    now = time.time()
    claimed = _running(body, now, attempt + 1)
    taken = connection.execute(_CLAIM, (now, attempt + 1, claimed.decode(), rowid, body)).rowcount
    return claimed if taken else None


def _running(body: str, now: float, attempt: int) -> bytes:
    """Give the JSON of a work that runs; its other fields stay the text that they are.

    Examples
    --------
    >>> _running('{"id":"a","start":null,"stop":null,"attempt":0,"status":"queued"}', 1.5, 1)
    b'{"id":"a","start":1.5,"stop":null,"attempt":1,"status":"running"}'
    """
    fields = _FIELDS.decode(body)
    fields |= {"status": _RUNNING, "start": Raw(repr(now).encode()), "stop": _NULL, "attempt": Raw(b"%d" % attempt)}
    return msgspec.json.encode(fields)


@dataclass(frozen=True)
class _Queue:
    """How the first work of one queue is found: SQL up to what the rest of the query adds, and what it decides."""

    sql: str
    order: str
    taken: tuple[str, ...]


_BY_PIPELINE = _Queue("FROM works WHERE status = 'queued' AND pipeline = ?", _FIRST, ("pipeline",))
_BY_MARK = {
    name: _Queue(
        "FROM marks CROSS JOIN works ON works.rowid = marks.work WHERE works.status = 'queued'"
        f" AND marks.queue IS NOT NULL AND marks.queue = ? AND marks.field = '{name}' AND marks.value = ?",
        "ORDER BY marks.urgency DESC, marks.born, marks.work",
        ("pipeline", name),
    )
    for name in MARKS
}


def _first_of_queue(query: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Give the statement that finds what to claim, for a query that SQL decides.

    An index keeps the order of one pipeline's queue only, or of one tag in it: the statement takes the first of each,
    and then the first of those.
    """
    queue, heads = _queues(query)
    rest = narrow({name: wanted for name, wanted in query.items() if name not in queue.taken})
    if not 1 <= len(heads) <= _HEADS_MAX or len(heads) * (2 + len(rest.values)) > VALUES_MAX:
        condition = narrow(query)
        return f"{_FOUND} FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST} LIMIT 1", condition.values
    head = f"SELECT * FROM (SELECT works.rowid {queue.sql} AND ({rest.sql}) {queue.order} LIMIT 1)"
    found = " UNION ALL ".join([head] * len(heads))
    values = tuple(value for key in heads for value in (*key, *rest.values))
    return f"{_FOUND} FROM works WHERE rowid IN ({found}) {_FIRST} LIMIT 1", values


def _queues(query: Mapping[str, Any]) -> tuple[_Queue, list[tuple[Any, ...]]]:
    """Give the queues whose first works are to be compared: how one is read, and the keys of all."""
    names = plain_values(query.get("pipeline"))
    pipelines = sorted({name for name in names or [] if isinstance(name, str)})
    for mark in MARKS:
        values = plain_values(query.get(mark))
        if values:
            return _BY_MARK[mark], [(pipeline, value) for pipeline in pipelines for value in values]
    return _BY_PIPELINE, [(pipeline,) for pipeline in pipelines]
