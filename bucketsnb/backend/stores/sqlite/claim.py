"""Claim a queued work in a SQLite file: find it, by an index or by a search, and change it if it is still the same."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from bucketsnb.backend.stores.base import Wait, WouldWait
from bucketsnb.backend.stores.sqlite.narrowing import MARKS, VALUES_MAX, narrow, plain_values
from bucketsnb.backend.stores.sqlite.rows import any_odd, let_others
from bucketsnb.backend.stores.sqlite.writer import Writer
from bucketsnb.matching import compile_query

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = ["SQLiteWithdrawal"]

Connecting = Callable[[], AbstractContextManager[sqlite3.Connection]]

_FOUND = "SELECT works.rowid, works.attempt, works.body"
_FIRST = "ORDER BY priority DESC, creation, rowid"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = ?, body = ?
    WHERE rowid = ? AND status = 'queued' AND body = ?"""
"""A work is claimed only as it was when it was found. (Telling the work by RETURNING would cost a tenth of it all.)"""

_QUEUED = re.compile(r'"start":[^,{}[\]"]*,"stop":[^,{}[\]"]*,"attempt":[0-9]+,"status":"queued"')
"""What a claim changes, as it stands in a work of the public client."""

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_RUNNING, _NULL = Raw(b'"running"'), Raw(b"null")

_PARTS_MAX = 100
"""Queues that one statement compares; SQLite takes 500, and past these sorting is no dearer."""

_QUICK = frozenset({"pipeline", "id", "site", "priority", "config.parent", *MARKS})
"""Fields that a claim finds by an index in the order of the queue; for others it searches before it locks anything."""


class _Status(msgspec.Struct, gc=False):
    status: Any = None  # whatever another program has put there: it must not stand in the way of the queue


_STATUS = msgspec.json.Decoder(_Status)


class SQLiteWithdrawal:
    """A withdrawal by one query.

    Parameters
    ----------
    query
        Which queued works may be claimed.
    writer
        The connection that claims.
    reading
        Gives a connection to search with.

    Raises
    ------
    QueryNotUnderstood
        If the query cannot be decided exactly.
    """

    def __init__(self, query: Mapping[str, Any], writer: Writer, reading: Connecting) -> None:
        self._query = query
        self._writer = writer
        self._reading = reading
        self._matches = compile_query(query)
        self._depends = False
        exact = narrow(query, self._remember).exact
        self.at_once = exact and _QUICK.issuperset(query) and sum(mark in query for mark in MARKS) < 2
        self._sql, self._values = _first_of(query) if self.at_once else ("", ())
        self._marked = _marked(query) if self.at_once else []
        self._until_tidy = 1

    def __call__(self) -> bytes | None:
        """Claim the first queued work that matches, and give its JSON after that; None if there is none."""
        return self._claimed(Wait.TURN) if self.at_once else self._search()

    def now(self) -> bytes | None:
        """Claim as well, or raise `WouldWait` if that is a search or would wait for anything."""
        if not self.at_once:
            raise WouldWait
        return self._claimed(Wait.NOTHING)

    def _claimed(self, wait: Wait) -> bytes | None:
        if not self._depends:
            with self._writer.stating(wait) as connection:
                return self._first_of_queue(connection)
        with self._writer.changing(wait) as connection:
            if not any_odd(connection):
                return self._first_of_queue(connection)
        if wait is Wait.NOTHING:
            raise WouldWait
        return self._search()

    def _first_of_queue(self, connection: sqlite3.Connection) -> bytes | None:
        if self._marked:
            self._tidy(connection)
        for found in iter(lambda: connection.execute(self._sql, self._values).fetchall(), []):
            claimed = _take(connection, *found[0])
            if claimed is not None:  # else another process was quicker
                return claimed
        return None

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Take the works that run already from the heads of the queues by mark, now and then; see `schema`."""
        self._until_tidy -= 1
        if self._until_tidy < 0:
            found = sum(connection.execute(_TIDY, (*key, *key[1:])).rowcount for key in self._marked)
            self._until_tidy = 0 if found > _TIDIED_MAX // 2 else _TIDIED_EVERY

    def _remember(self) -> bool:
        """Answer that no work is odd, and note that it matters."""
        self._depends = True
        return False

    def _search(self) -> bytes | None:
        while (found := self._first()) is not None:
            with self._writer.changing(Wait.TURN) as connection:
                # Claimed only as it was when it matched; if anyone has changed it meanwhile, the search goes on.
                claimed = _take(connection, *found)
                if claimed is None and self._writer.grouped:
                    # What the group has changed is not seen from outside: there the same work would be found for ever.
                    found = self._first_by(connection)
                    return found and _take(connection, *found)
            if claimed is not None:
                return claimed
        return None

    def _first(self) -> tuple[int, int, str] | None:
        with self._reading() as reader:
            return self._first_by(reader)

    def _first_by(self, connection: sqlite3.Connection) -> tuple[int, int, str] | None:
        condition = narrow(self._query, lambda: any_odd(connection))
        which = f"status = 'queued' AND ({condition.sql})"
        sql = f"SELECT rowid, attempt, CAST(body AS BLOB) FROM works WHERE {which} {_FIRST}"
        cursor = connection.execute(sql, condition.values)
        try:
            for number, (rowid, attempt, body) in enumerate(cursor):
                if condition.exact or self._matches(msgspec.json.decode(body)):
                    return rowid, attempt, body.decode()
                let_others(number)
            return None
        finally:
            cursor.close()


def _take(connection: sqlite3.Connection, rowid: int, attempt: int, body: str) -> bytes | None:
    """Claim one work if it is as it was found, and give its JSON after that."""
    now = time.time()
    claimed = _running(body, now, attempt + 1)
    taken = connection.execute(_CLAIM, (now, attempt + 1, claimed, rowid, body)).rowcount
    return claimed.encode() if taken else None


def _running(body: str, now: float, attempt: int) -> str:
    """Give the JSON of a work that runs; its other fields stay the text that they are.

    Examples
    --------
    >>> _running('{"id":"a","start":null,"stop":null,"attempt":0,"status":"queued"}', 1.5, 1)
    '{"id":"a","start":1.5,"stop":null,"attempt":1,"status":"running"}'
    """
    edited = _QUEUED.sub(f'"start":{now!r},"stop":null,"attempt":{attempt},"status":"running"', body, 1)
    if _STATUS.decode(edited).status == "running":
        return edited  # what was replaced stood in the work itself, and not in its parameters
    fields = _FIELDS.decode(body)
    fields |= {"status": _RUNNING, "start": Raw(repr(now).encode()), "stop": _NULL, "attempt": Raw(b"%d" % attempt)}
    return msgspec.json.encode(fields).decode()


def _first_of(query: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Give the statement that finds what to claim, for a query that SQL decides.

    An index keeps the order of one pipeline's queue only, or of one tag in it: the statement takes the first of each,
    and then the first of those.
    """
    one, heads = _queues(query)
    rest = narrow({name: wanted for name, wanted in query.items() if name not in one.taken})
    if not 1 <= len(heads) <= _PARTS_MAX or len(heads) * (2 + len(rest.values)) > VALUES_MAX:
        condition = narrow(query)
        return f"{_FOUND} FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST} LIMIT 1", condition.values
    head = f"{one.sql} AND ({rest.sql}) {one.order} LIMIT 1"
    values = tuple(value for key in heads for value in (*key, *rest.values))
    if len(heads) == 1:
        return f"{_FOUND} {head}", values
    found = " UNION ALL ".join([f"SELECT * FROM (SELECT works.rowid {head})"] * len(heads))
    return f"{_FOUND} FROM works WHERE rowid IN ({found}) {_FIRST} LIMIT 1", values


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


_TIDIED_MAX = 100
"""Works at the head of a queue that are looked at together."""

_TIDIED_EVERY = 32
"""Claims between two such looks, unless the last has found many."""

_TIDY = f"""UPDATE marks SET queue = NULL WHERE work IN (
    SELECT head.work FROM (
        SELECT work FROM marks WHERE queue IS NOT NULL AND queue = ? AND field = ? AND value = ?
        ORDER BY urgency DESC, born, work LIMIT {_TIDIED_MAX}
    ) AS head CROSS JOIN works ON works.rowid = head.work WHERE works.status <> 'queued'
) AND field = ? AND value = ?"""


def _marked(query: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Give pipeline, field and value of the queues by mark that a query claims from."""
    one, keys = _queues(query)
    if one is _BY_PIPELINE or len(keys) > _PARTS_MAX:
        return []
    return [(pipeline, one.taken[1], value) for pipeline, value in keys]


def _queues(query: Mapping[str, Any]) -> tuple[_Queue, list[tuple[Any, ...]]]:
    """Give the queues whose first works are to be compared: how one is read, and the keys of all."""
    names = plain_values(query.get("pipeline"))
    pipelines = sorted({name for name in names or [] if isinstance(name, str)})
    for mark in MARKS:
        values = plain_values(query.get(mark))
        if values:
            return _BY_MARK[mark], [(pipeline, value) for pipeline in pipelines for value in values]
    return _BY_PIPELINE, [(pipeline,) for pipeline in pipelines]
