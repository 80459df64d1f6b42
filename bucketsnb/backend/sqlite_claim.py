"""Claim a queued work in a SQLite file: by one statement where SQL can decide, else by a search and one statement."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from bucketsnb.backend.matching import compile_query
from bucketsnb.backend.narrowing import Condition, narrow
from bucketsnb.backend.sqlite_rows import any_odd, let_others

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = ["SQLiteWithdrawal"]

Connecting = Callable[[], AbstractContextManager[sqlite3.Connection]]

_FIRST = "ORDER BY priority DESC, creation, rowid"
_UNCHANGED = "SELECT rowid FROM works WHERE rowid = ? AND status = 'queued' AND body = ?"
_CLAIM = """UPDATE works SET status = 'running', start = ?, attempt = attempt + 1, body = json_set(body,
    '$.status', 'running', '$.start', json(?), '$.attempt', attempt + 1, '$.stop', NULL)
    WHERE rowid = ({}) RETURNING body"""
_PARTS_MAX = 100


class SQLiteWithdrawal:
    """A withdrawal by one query.

    Parameters
    ----------
    query
        Which queued works may be claimed.
    changing, stating, reading
        Give a connection in a transaction, one for a single statement, and one to read with.

    Raises
    ------
    QueryNotUnderstood
        If the query cannot be decided exactly.
    """

    def __init__(
        self, query: Mapping[str, Any], changing: Connecting, stating: Connecting, reading: Connecting
    ) -> None:
        self._query = query
        self._changing = changing
        self._stating = stating
        self._reading = reading
        self._matches = compile_query(query)
        self._depends = False
        self._condition = narrow(query, self._remember)
        self.at_once = self._condition.exact
        self._claim, self._values = _claim_of(query, self._condition)

    def __call__(self) -> bytes | None:
        """Claim the first queued work that matches, and give its JSON after that; None if there is none."""
        if not self.at_once:
            return self._search()
        if not self._depends:
            with self._stating() as writer:
                return _claimed(writer, self._claim, self._values)
        with self._changing() as writer:
            if not any_odd(writer):
                return _claimed(writer, self._claim, self._values)
        return self._search()

    def _remember(self) -> bool:
        """Answer that no work is odd, and note that it matters."""
        self._depends = True
        return False

    def _search(self) -> bytes | None:
        while (found := self._first()) is not None:
            with self._changing() as writer:
                # Claimed only as it was when it matched; if anyone has changed it meanwhile, the search goes on.
                claimed = _claimed(writer, _CLAIM.format(_UNCHANGED), found)
            if claimed is not None:
                return claimed
        return None

    def _first(self) -> tuple[int, str] | None:
        with self._reading() as reader:
            condition = narrow(self._query, lambda: any_odd(reader))
            sql = f"SELECT rowid, body FROM works WHERE status = 'queued' AND ({condition.sql}) {_FIRST}"
            cursor = reader.execute(sql, condition.values)
            try:
                for number, (rowid, body) in enumerate(cursor):
                    if self._matches(msgspec.json.decode(body)):
                        return rowid, body.decode()
                    let_others(number)
                return None
            finally:
                cursor.close()


def _claimed(writer: sqlite3.Connection, claim: str, values: Sequence[Any]) -> bytes | None:
    now = time.time()
    rows = writer.execute(claim, (now, repr(now), *values)).fetchall()
    return rows[0][0].encode() if rows else None


def _claim_of(query: Mapping[str, Any], condition: Condition) -> tuple[str, tuple[Any, ...]]:
    """Give the statement that claims when the condition is exact."""
    rest = f"({condition.sql}) {_FIRST} LIMIT 1"
    several = _several_pipelines(query)
    if several is None:
        return _CLAIM.format(f"SELECT rowid FROM works WHERE status = 'queued' AND {rest}"), condition.values
    # The index keeps the order within one pipeline only: the first of each, then the first of those.
    one = f"SELECT rowid FROM works WHERE status = 'queued' AND pipeline = ? AND {rest}"
    found = " UNION ALL ".join([f"SELECT * FROM ({one})"] * len(several))
    values = tuple(value for pipeline in several for value in (pipeline, *condition.values))
    return _CLAIM.format(f"SELECT rowid FROM works WHERE rowid IN ({found}) {_FIRST} LIMIT 1"), values


def _several_pipelines(query: Mapping[str, Any]) -> list[str] | None:
    wanted = query.get("pipeline")
    names = wanted.get("$in") if isinstance(wanted, Mapping) and len(wanted) == 1 else None
    # SQLite takes up to 500 parts in one statement; past a hundred pipelines, sorting the queue is no dearer.
    if not isinstance(names, list) or not 1 < len(names) <= _PARTS_MAX:
        return None
    return sorted(set(names)) if all(isinstance(name, str) for name in names) else None
