"""A store in one SQLite file: JSON text with indexed columns. SQL narrows a query; the exact matcher decides."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from bucketsnb.backend.stores.base import Store, StoreUnavailable, UnknownWorks
from bucketsnb.backend.stores.sqlite.claim import claim
from bucketsnb.backend.stores.sqlite.file import SQLiteFile
from bucketsnb.backend.stores.sqlite.narrowing import any_irregular, matching, narrow
from bucketsnb.backend.stores.sqlite.schema import COLUMNS, columns_of, marks_of
from bucketsnb.backend.works import encoded
from bucketsnb.matching import Matcher, compile_projection
from bucketsnb.schema import FIELD_NAMES

# Every SQL text here is made of our own names and of conditions from `narrow`; values are always bound.
# ruff: noqa: S608

__all__ = ["SQLiteStore", "shaper"]

_SLOTS = ", ".join("?" * (len(COLUMNS) + 1))
_INSERT = f"INSERT INTO works ({', '.join(COLUMNS)}, body) VALUES ({_SLOTS})"
_UPDATE = f"UPDATE works SET ({', '.join(COLUMNS)}, body) = ({_SLOTS}) WHERE rowid = ?"
_MARK = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, ?, ?)"


class SQLiteStore(Store):
    """Works in a SQLite file that several threads and processes may share.

    Nothing is lost if the process ends, however it ends. SQLite writes its log to the disk from time to time
    (`synchronous = NORMAL`): a power cut may undo the last changes, but does not damage the file.

    Parameters
    ----------
    path
        The file; it is created if it is missing. With None, works are kept in a temporary folder until `close`.

    Raises
    ------
    StoreUnavailable
        If SQLite is older than 3.35, or the file cannot be opened, is not a store, or is of a newer bucketsnb.
    """

    def __init__(self, path: Path | None = None) -> None:
        if sqlite3.sqlite_version_info < (3, 35):
            raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}, and 3.35 or newer is needed")
        folder = None if path else tempfile.mkdtemp(prefix="bucketsnb-")
        self._remove = weakref.finalize(self, _remove, folder, os.getpid())
        self.path = Path(folder, "works.db") if folder else Path(path or "").absolute()
        self.url = f"sqlite:///{self.path}"
        self._file = SQLiteFile(self.path)

    def _add(self, records: Sequence[dict[str, Any]]) -> None:
        bodies = [encoded(record, index) for index, record in enumerate(records)]
        with self._file.changing() as writer:
            for record, body in zip(records, bodies, strict=True):
                rowid = writer.execute(_INSERT, (*columns_of(record), body)).lastrowid
                writer.executemany(_MARK, marks_of(record, rowid))

    def withdraw(self, query: Mapping[str, Any]) -> bytes | None:
        """Claim the first queued work that matches."""
        return claim(query, self._file)

    def _change(self, changes: Sequence[dict[str, Any]]) -> None:
        with self._file.changing() as writer:
            missing = [change["id"] for index, change in enumerate(changes) if not _set_fields(writer, change, index)]
            if missing:
                raise UnknownWorks(missing)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove works by id, and return how many there were."""
        with self._file.changing() as writer:
            return sum(writer.execute("DELETE FROM works WHERE id = ?", (work_id,)).rowcount for work_id in ids)

    def _newest(
        self, query: Mapping[str, Any], matches: Matcher, projection: Mapping[str, Any], skip: int, limit: int | None
    ) -> Generator[bytes, None, None]:
        shape = shaper(projection)
        with self._file.reading() as reader:
            condition = narrow(query, irregular=any_irregular(reader))
            # The bodies are read as bytes, which are sent unchanged.
            sql = f"SELECT CAST(body AS BLOB) FROM works WHERE {condition.sql} ORDER BY creation DESC, rowid DESC"
            values = condition.values
            if condition.exact:
                sql, values = f"{sql} LIMIT ? OFFSET ?", (*values, -1 if limit is None else limit, skip)
            with closing(reader.execute(sql, values)) as rows:
                bodies: Iterator[bytes] = (body for (body,) in matching(rows, condition, matches))
                if not condition.exact:
                    # In two steps, as the sum may be too large for islice.
                    bodies = islice(islice(bodies, skip, None), limit)
                yield from map(shape, bodies) if shape else bodies

    def _numbers(self, pipeline: str | None) -> Iterable[tuple[Any, Any, int]]:
        where, values = ("", ()) if pipeline is None else ("WHERE pipeline = ?", (pipeline,))
        with self._file.reading() as reader:
            return reader.execute(f"SELECT pipeline, status, n FROM counts {where}", values).fetchall()

    # The audits name their indexes: otherwise SQLite reads every failed and every running work on each pass.

    def audit_failed(self) -> int:
        """Queue again the failed works with attempts left."""
        return self._audit(
            "UPDATE works INDEXED BY works_failed SET status = 'queued', body = json_set(body, '$.status', 'queued')"
            " WHERE status = 'failure' AND attempt < retries"
        )

    def audit_expired(self) -> int:
        """Fail the running works past their timeout."""
        return self._audit(
            "UPDATE works INDEXED BY works_running SET status = 'failure', body = json_set(body, '$.status', 'failure')"
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
        with self._file.changing() as writer:
            return writer.execute(sql, values).rowcount

    def clear(self) -> None:
        """Remove every work."""
        self._audit("DELETE FROM works")

    def close(self) -> None:
        """Close the file, which ends every running read; a temporary one is deleted.

        In a forked child this does nothing, as the store belongs to its parent.
        """
        self._file.close()
        self._remove()


def _remove(folder: str | None, owner: int) -> None:
    """Remove a temporary folder, unless this is a forked child."""
    if folder and os.getpid() == owner:
        shutil.rmtree(folder)


def _set_fields(writer: sqlite3.Connection, change: Mapping[str, Any], index: int) -> bool:
    """Set fields of the work whose id is among them; return False if there is no such work."""
    row = writer.execute("SELECT rowid, body FROM works WHERE id = ?", (change["id"],)).fetchone()
    if row is None:
        return False
    rowid, body = row
    record = {**msgspec.json.decode(body), **change}
    writer.execute(_UPDATE, (*columns_of(record), encoded(record, index), rowid))
    if "tags" in change or "event" in change:
        writer.execute("DELETE FROM marks WHERE work = ?", (rowid,))
        writer.executemany(_MARK, marks_of(record, rowid))
    return True


def shaper(projection: Mapping[str, Any]) -> Callable[[bytes], bytes] | None:
    """Return a function that applies a projection to the JSON of a work, or None if works are read whole."""
    project = compile_projection(projection)
    names = frozenset(projection) - {"_id"}
    if not names and not projection.get("_id"):
        return None
    if names and names.issubset(FIELD_NAMES) and all(projection[name] for name in names):
        return _picking(names)
    return lambda body: msgspec.json.encode(project(msgspec.json.decode(body)))


@lru_cache(maxsize=64)
def _picking(names: frozenset[str]) -> Callable[[bytes], bytes]:
    """Return a function that keeps some fields of a work in JSON; it copies their text, and parses no values."""
    fields = [(name, Raw | UnsetType, UNSET) for name in FIELD_NAMES if name in names]
    picked = msgspec.json.Decoder(msgspec.defstruct("Picked", fields, gc=False))
    return lambda body: msgspec.json.encode(picked.decode(body))
