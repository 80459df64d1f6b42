"""A store in one SQLite file: JSON text with indexed columns, SQL to narrow a query, the exact matcher to decide it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bucketsnb.backend.stores.base import StoreUnavailable, UnknownWorks
from bucketsnb.backend.stores.counts import Counts, counts_by_pipeline, counts_of
from bucketsnb.backend.stores.json_stream import json_stream
from bucketsnb.backend.stores.sqlite import rows
from bucketsnb.backend.stores.sqlite.claim import claim
from bucketsnb.backend.stores.sqlite.narrowing import narrow
from bucketsnb.backend.stores.sqlite.readers import Readers
from bucketsnb.backend.stores.sqlite.temporary import TemporaryFolder
from bucketsnb.backend.stores.sqlite.writer import Writer
from bucketsnb.backend.works import changes_of, encoded, new_records
from bucketsnb.matching import Matcher, compile_query

__all__ = ["SQLiteStore"]


class SQLiteStore:
    """Works in a SQLite file that several threads and processes may share.

    One connection writes, in one transaction at a time; each read has a connection of its own and holds up nobody.
    Nothing is lost when the process ends, however it ends. SQLite brings its log to the disk from time to time
    (`synchronous = NORMAL`): a power cut may undo the last changes, and leaves the file whole.

    Parameters
    ----------
    path
        The file; created where there is none. None keeps works in a temporary folder until `close`.

    Raises
    ------
    StoreUnavailable
        If the file cannot be used: it cannot be opened, is of something else, or of a newer bucketsnb.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._folder = TemporaryFolder() if path is None else None
        self.path = (self._folder.path / "works.db") if self._folder else Path(path or "").absolute()
        self.url = f"sqlite:///{self.path}"
        if sqlite3.sqlite_version_info < (3, 35):
            raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}, and 3.35 or newer is needed")
        self._owner = os.getpid()
        self._writer = Writer(self.path)
        self._readers = Readers(self.path)
        self._reading = self._readers.reading

    def deposit(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as queued, all or none, and give their new ids in the same order."""
        return self._add(new_records(works))

    def load(self, works: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add works as they are: status and id are kept."""
        return self._add(new_records(works, as_they_are=True))

    def _add(self, records: Sequence[dict[str, Any]]) -> list[str]:
        bodies = [encoded(record, index) for index, record in enumerate(records)]
        with self._writer.changing() as writer:
            rows.insert(writer, records, bodies)
        return [record["id"] for record in records]

    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the first queued work that matches: highest priority, then oldest."""
        return claim(query, self._writer, self._reading)

    def update(self, works: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of works by id, all or none."""
        changes = changes_of(works)
        with self._writer.changing() as writer:
            missing = [change["id"] for index, change in enumerate(changes) if not rows.change(writer, change, index)]
            if missing:
                raise UnknownWorks(missing)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and say how many there were."""
        with self._writer.changing() as writer:
            return sum(writer.execute("DELETE FROM works WHERE id = ?", (one,)).rowcount for one in ids)

    def view(
        self,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> Generator[bytes, None, None]:
        """Stream one JSON array of the matching works in pieces, newest first."""
        matches = compile_query(query)
        shape = rows.shaper(projection)
        return self._pieces(query, matches, shape, max(skip, 0), limit)

    def _pieces(
        self, query: Mapping[str, Any], matches: Matcher, shape: rows.Shaper | None, skip: int, limit: int | None
    ) -> Generator[bytes, None, None]:
        def found(connection: sqlite3.Connection) -> Generator[bytes, None, None]:
            condition = narrow(query, irregular=rows.any_irregular(connection))
            with closing(rows.newest(connection, condition, matches, shape, skip, limit)) as works:
                yield from json_stream(works)

        yield from self._readers.each(found)

    def status(self, pipeline: str | None = None) -> Counts:
        """Count works by status, from counts that are kept."""
        where, values = ("", ()) if pipeline is None else ("WHERE pipeline = ?", (pipeline,))
        with self._reading() as reader:
            return counts_of(reader.execute(f"SELECT status, sum(n) FROM counts {where} GROUP BY status", values))  # noqa: S608 - one of two

    def statuses(self) -> dict[str, Counts]:
        """Count works by status for each pipeline, from counts that are kept."""
        with self._reading() as reader:
            return counts_by_pipeline(reader.execute("SELECT pipeline, status, n FROM counts ORDER BY pipeline"))

    def pipelines(self) -> list[str]:
        """Give the pipelines that have works, in alphabetical order."""
        with self._reading() as reader:
            return [name for (name,) in reader.execute("SELECT DISTINCT pipeline FROM counts ORDER BY pipeline")]

    def audit_failed(self) -> int:
        """Queue again the failed works with attempts left."""
        return self._audit(
            "UPDATE works INDEXED BY works_failed SET status = 'queued',"
            " body = json_set(body, '$.status', 'queued')"
            " WHERE status = 'failure' AND attempt < retries"
        )

    def audit_expired(self) -> int:
        """Fail the running works past their timeout."""
        return self._audit(
            "UPDATE works INDEXED BY works_running SET status = 'failure',"
            " body = json_set(body, '$.status', 'failure')"
            " WHERE status = 'running' AND start + timeout < ?",
            time.time(),
        )

    def audit_stale(self, days: float) -> int:
        """Fail the queued and running works created more than so many days ago, with their attempts used up."""
        return self._audit(
            "UPDATE works SET status = 'failure', attempt = max(attempt, retries),"
            " body = json_set(body, '$.status', 'failure', '$.attempt', max(attempt, retries))"
            " WHERE status IN ('queued', 'running') AND creation < ?",
            time.time() - days * 86_400,
        )

    def _audit(self, sql: str, *values: float) -> int:
        # The indexes are named: left to itself SQLite reads every failed and every running work on each pass.
        with self._writer.changing() as writer:
            return writer.execute(sql, values).rowcount

    def clear(self) -> None:
        """Remove every work."""
        with self._writer.changing() as writer:
            writer.execute("DELETE FROM works")

    def close(self) -> None:
        """Let go of the file, and so end every view that is under way; a temporary one is deleted.

        In a forked child it does nothing: the store is its parent's.
        """
        if os.getpid() != self._owner:
            return
        self._writer.close()
        self._readers.close()
        if self._folder:
            self._folder.close()
