"""Claim a queued work in a SQLite file: by an index in the order of the queue, or by a search."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import msgspec
from msgspec import Raw

from bucketsnb.backend.stores.sqlite.file import SQLiteFile
from bucketsnb.backend.stores.sqlite.narrowing import any_irregular, matching, narrow, plain_values
from bucketsnb.backend.stores.sqlite.schema import MARKS
from bucketsnb.matching import Matcher, compile_query

__all__ = ["claim"]

Found = tuple[int, int, str]
"""A queued work as it was read: the number of its row, its attempts so far, and its JSON."""

_FOUND = "SELECT rowid, attempt, body FROM works"
_FIRST = "ORDER BY priority DESC, creation, rowid"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = ?, body = ?
    WHERE rowid = ? AND status = 'queued' AND body = ?"""

# The first work of a queue that an index keeps in order: that of a pipeline, or of a tag or an event in it.
_OF_PIPELINE = """SELECT rowid FROM works WHERE status = 'queued' AND pipeline = ? AND ({rest})
    ORDER BY priority DESC, creation, rowid LIMIT 1"""
_OF_MARK = """SELECT work FROM marks CROSS JOIN works ON works.rowid = work WHERE status = 'queued'
    AND queue IS NOT NULL AND queue = ? AND value = ? AND field = '{mark}' AND ({rest})
    ORDER BY urgency DESC, born, work LIMIT 1"""

_QUEUES_MAX = 100
"""Most queues whose first works are compared; for more, a search is as fast."""

_INDEXED = frozenset({"id", "site", "priority", "config.parent"})
"""Fields that a query may name beside a pipeline and a mark; with others, the first work is not found by an index."""

_FIELDS = msgspec.json.Decoder(dict[str, Raw])


def claim(query: Mapping[str, Any], file: SQLiteFile) -> bytes | None:
    """Claim the first queued work that matches, and return its JSON; None if there is none.

    A search is done on a reading connection, so that it does not block writers.
    """
    matches = compile_query(query)
    mark = next((name for name in MARKS if name in query), None)
    queues = _queues(query, mark)
    rest = {name: wanted for name, wanted in query.items() if name not in ("pipeline", mark)}
    if queues and _INDEXED.issuperset(rest):
        with file.changing() as writer:
            condition = narrow(rest, irregular=any_irregular(writer))
            if condition.exact:
                sql = (_OF_MARK if mark else _OF_PIPELINE).format(mark=mark, rest=condition.sql)
                firsts = [row for queue in queues for (row,) in writer.execute(sql, (*queue, *condition.values))]
                slots = ", ".join("?" * len(firsts))
                first = writer.execute(f"{_FOUND} WHERE rowid IN ({slots}) {_FIRST} LIMIT 1", firsts).fetchone()
                return _take(writer, first) if first else None
    while (searched := _search(query, matches, file)) is not None:
        with file.changing() as writer:
            claimed = _take(writer, searched)
        if claimed is not None:  # otherwise it changed after it was found: search again
            return claimed
    return None


def _queues(query: Mapping[str, Any], mark: str | None) -> list[tuple[Any, ...]]:
    """Return the queues whose first works are compared, each a pipeline, perhaps with a mark; none for a search."""
    pipelines = plain_values(query.get("pipeline")) or []
    names = sorted({name for name in pipelines if isinstance(name, str)})
    marks = plain_values(query[mark]) or [] if mark else []
    queues = [(name, mark_value) for name in names for mark_value in marks] if mark else [(name,) for name in names]
    return queues if len(queues) <= _QUEUES_MAX else []


def _search(query: Mapping[str, Any], matches: Matcher, file: SQLiteFile) -> Found | None:
    with file.reading() as reader:
        condition = narrow(query, irregular=any_irregular(reader))
        limit = "LIMIT 1" if condition.exact else ""
        sql = f"{_FOUND} WHERE status = 'queued' AND ({condition.sql}) {_FIRST} {limit}"
        with closing(reader.execute(sql, condition.values)) as rows:
            return next(matching(rows, condition, matches), None)


def _take(writer: sqlite3.Connection, found: Found) -> bytes | None:
    """Claim a work if it has not changed since it was read, and return its JSON; the text of other fields is kept."""
    rowid, attempt, body = found
    start, attempt = time.time(), attempt + 1
    changes = {"status": b'"running"', "start": repr(start).encode(), "stop": b"null", "attempt": b"%d" % attempt}
    claimed = msgspec.json.encode(_FIELDS.decode(body) | {name: Raw(value) for name, value in changes.items()})
    taken = writer.execute(_CLAIM, (start, attempt, claimed.decode(), rowid, body)).rowcount
    return claimed if taken else None
