"""Claim a queued work in a SQLite file: by an index that has the order of the queue, or by a search."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from bucketsnb.backend.stores.sqlite.narrowing import narrow, plain_values
from bucketsnb.backend.stores.sqlite.rows import any_irregular, let_others
from bucketsnb.backend.stores.sqlite.schema import MARKS
from bucketsnb.backend.stores.sqlite.writer import Writer
from bucketsnb.matching import Matcher, compile_query

__all__ = ["claim"]

Connecting = Callable[[], AbstractContextManager[sqlite3.Connection]]
Found = tuple[int, int, str]
"""A queued work as it was found: its row, its attempts so far, and its JSON."""

_FOUND = "SELECT rowid, attempt, body FROM works"
_FIRST = "ORDER BY priority DESC, creation, rowid"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = ?, body = ?
    WHERE rowid = ? AND status = 'queued' AND body = ?"""

_BY_PIPELINE = "SELECT rowid FROM works WHERE status = 'queued' AND pipeline = ?"
_BY_MARK = """SELECT work FROM marks CROSS JOIN works ON works.rowid = work WHERE status = 'queued'
    AND queue IS NOT NULL AND queue = ? AND field = '{0}' AND value = ?"""
_FIRST_BY_MARK = "ORDER BY urgency DESC, born, work"

_HEADS_MAX = 100
"""Queues whose first works are compared; past these sorting is no dearer."""

_INDEXED = frozenset({"id", "site", "priority", "config.parent"})
"""Fields by which, beside a pipeline and a tag, the first work is found in an index; for others it is searched for."""

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_RUNNING, _NULL = Raw(b'"running"'), Raw(b"null")


def claim(query: Mapping[str, Any], writer: Writer, reading: Connecting) -> bytes | None:
    """Claim the first queued work that matches, and give its JSON after that; None if there is none.

    What takes a search is searched for by a connection that reads, and so holds up no one who writes.
    """
    matches = compile_query(query)
    queues = _queues(query)
    if queues is not None:
        with writer.changing() as connection:
            rest = narrow(queues.rest, irregular=any_irregular(connection))
            if rest.exact:
                found = _first_of(connection, queues, f"({rest.sql})", rest.values)
                return None if found is None else _take(connection, found)
    return _search(query, matches, writer, reading)


@dataclass(frozen=True)
class _Queues:
    """Queues that an index keeps in order: those of some pipelines, or of one tag or event in each."""

    sql: str
    order: str
    """How the first work of one is found."""
    heads: list[tuple[Any, ...]]
    """What distinguishes each from the others: a pipeline, or that and a tag."""
    rest: Mapping[str, Any]
    """What else the query wants."""


def _queues(query: Mapping[str, Any]) -> _Queues | None:
    """Give the queues whose first works decide a claim, or None where it takes a search."""
    mark = next((name for name in MARKS if name in query), None)
    rest = {name: wanted for name, wanted in query.items() if name not in ("pipeline", mark)}
    pipelines = plain_values(query.get("pipeline"))
    marks = plain_values(query[mark]) if mark else []
    if pipelines is None or marks is None or not _INDEXED.issuperset(rest):
        return None
    names = sorted({name for name in pipelines if isinstance(name, str)})
    queues = _Queues(_BY_PIPELINE, _FIRST, [(name,) for name in names], rest)
    if mark:
        queues = _Queues(_BY_MARK.format(mark), _FIRST_BY_MARK, [(name, one) for name in names for one in marks], rest)
    return queues if 1 <= len(queues.heads) <= _HEADS_MAX else None


def _first_of(connection: sqlite3.Connection, queues: _Queues, rest: str, values: tuple[Any, ...]) -> Found | None:
    """Find the first work of each queue, and then the first of those."""
    sql = f"{queues.sql} AND {rest} {queues.order} LIMIT 1"
    firsts = [rowid for head in queues.heads for (rowid,) in connection.execute(sql, (*head, *values))]
    slots = ", ".join("?" * len(firsts))
    found: Found | None = connection.execute(f"{_FOUND} WHERE rowid IN ({slots}) {_FIRST} LIMIT 1", firsts).fetchone()
    return found


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
    condition = narrow(query, irregular=any_irregular(reader))
    limit = "LIMIT 1" if condition.exact else ""
    sql = f"{_FOUND} WHERE status = 'queued' AND ({condition.sql}) {_FIRST} {limit}"
    with closing(reader.execute(sql, condition.values)) as cursor:
        for number, (rowid, attempt, body) in enumerate(cursor):
            if condition.exact or matches(msgspec.json.decode(body)):
                return rowid, attempt, body
            let_others(number)
    return None


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
