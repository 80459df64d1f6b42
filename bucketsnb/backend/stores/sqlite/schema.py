"""The layout of the SQLite file of a store: its tables, their columns, and how an earlier file is upgraded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["COLUMNS", "MARKS", "SCHEMA_VERSION", "TABLES", "UPGRADE", "columns_of", "is_plain", "marks_of"]

SCHEMA_VERSION = 5
"""Stored in the file; a file with a higher number was written by a newer bucketsnb and is refused."""

_EXACT = ("id", "pipeline", "status", "priority", "creation", "start", "timeout", "attempt", "retries")
COLUMNS = (*_EXACT, "site", "user", "parent", "irregular")
"""The columns of a work, in order; `body` follows them."""

MARKS = ("event", "tags")
"""Fields whose elements are in a table of their own; the first one usually has fewer works per element."""


# The columns have no declared type, so that SQLite does not convert values. `body` is the whole work as JSON text,
# which is sent to clients. `irregular` is 1 if a column or the marks do not represent their field fully: a site, a user
# or a parent that is neither text nor null, or an array among the tags or the events.
# A mark is a tag or an event of a work. While the work is queued, it also has the values that the queue is ordered by,
# so that a claim by tag reads one entry of an index, however long the queue is.
# Triggers keep the counts right, whatever changes a work; so a status reads no works.
TABLES = """
CREATE TABLE works (
    rowid INTEGER PRIMARY KEY, id NOT NULL, pipeline NOT NULL, status NOT NULL, priority NOT NULL, creation NOT NULL,
    start, timeout NOT NULL, attempt NOT NULL, retries NOT NULL, site, user, parent, irregular NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX works_id ON works (id);
CREATE INDEX works_newest ON works (creation);
CREATE INDEX works_pipeline ON works (pipeline, creation);
CREATE INDEX works_status ON works (status, creation);
CREATE INDEX works_pipeline_status ON works (pipeline, status, creation);
CREATE INDEX works_site ON works (site, creation);
CREATE INDEX works_user ON works (user, creation);
CREATE INDEX works_parent ON works (parent, creation) WHERE parent IS NOT NULL;
CREATE INDEX works_irregular ON works (irregular) WHERE irregular;

CREATE INDEX works_running ON works (start + timeout) WHERE status = 'running';
CREATE INDEX works_failed ON works (creation) WHERE status = 'failure' AND attempt < retries;
CREATE INDEX works_exhausted ON works (status, creation) WHERE attempt >= retries;

CREATE INDEX works_queue ON works (pipeline, priority DESC, creation) WHERE status = 'queued';
CREATE INDEX works_site_queue ON works (pipeline, site, priority DESC, creation) WHERE status = 'queued';
CREATE INDEX works_parent_queue ON works (pipeline, parent, priority DESC, creation)
    WHERE status = 'queued' AND parent IS NOT NULL;

CREATE TABLE marks (
    work INTEGER NOT NULL, field NOT NULL, value NOT NULL, queue, urgency, born, PRIMARY KEY (field, value, work)
) WITHOUT ROWID;
CREATE INDEX marks_of_work ON marks (work);
CREATE INDEX marks_queue ON marks (field, value, queue, urgency DESC, born, work) WHERE queue IS NOT NULL;
CREATE TRIGGER works_taken AFTER UPDATE OF status ON works WHEN OLD.status = 'queued' AND NEW.status <> 'queued' BEGIN
    UPDATE marks SET queue = NULL WHERE work = NEW.rowid;
END;
CREATE TRIGGER works_requeued AFTER UPDATE OF pipeline, status, priority, creation ON works
WHEN NEW.status = 'queued' BEGIN
    UPDATE marks SET queue = NEW.pipeline, urgency = NEW.priority, born = NEW.creation WHERE work = NEW.rowid;
END;

CREATE TABLE counts (pipeline NOT NULL, status NOT NULL, n NOT NULL, PRIMARY KEY (pipeline, status)) WITHOUT ROWID;
CREATE TRIGGER works_added AFTER INSERT ON works BEGIN
    INSERT INTO counts VALUES (NEW.pipeline, NEW.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER works_moved AFTER UPDATE OF pipeline, status ON works BEGIN
    INSERT INTO counts VALUES (NEW.pipeline, NEW.status, 1) ON CONFLICT DO UPDATE SET n = n + 1;
    UPDATE counts SET n = n - 1 WHERE pipeline = OLD.pipeline AND status = OLD.status;
    DELETE FROM counts WHERE pipeline = OLD.pipeline AND status = OLD.status AND n = 0;
END;
CREATE TRIGGER works_removed AFTER DELETE ON works BEGIN
    UPDATE counts SET n = n - 1 WHERE pipeline = OLD.pipeline AND status = OLD.status;
    DELETE FROM counts WHERE pipeline = OLD.pipeline AND status = OLD.status AND n = 0;
    DELETE FROM marks WHERE work = OLD.rowid;
END;
"""
"""The statements for a new file."""

_KEPT = f"rowid, {', '.join(COLUMNS)}, body"

UPGRADE = f"""
CREATE TABLE earlier_works AS SELECT {_KEPT.replace("irregular", "odd AS irregular")} FROM works;
CREATE TABLE earlier_marks AS SELECT work, field, value FROM marks;
DROP TABLE works;
DROP TABLE marks;
DROP TABLE counts;
{TABLES}
INSERT INTO works ({_KEPT}) SELECT {_KEPT} FROM earlier_works;
INSERT INTO marks SELECT work, field, value, iif(status = 'queued', pipeline, NULL), priority, creation
    FROM earlier_marks JOIN works ON works.rowid = work;
UPDATE works SET irregular = 1 WHERE EXISTS (SELECT 1 FROM json_each(body, '$.tags') WHERE json_each.type = 'array')
    OR EXISTS (SELECT 1 FROM json_each(body, '$.event') WHERE json_each.type = 'array');
DROP TABLE earlier_works;
DROP TABLE earlier_marks;
"""  # noqa: S608 - our own names
"""The statements that upgrade a file of any earlier layout; its works and marks are kept."""


def columns_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of `COLUMNS` for a record, which is a valid work."""
    config = record.get("config")
    parent = config.get("parent") if isinstance(config, Mapping) else None
    loose = (record.get("site"), record.get("user"), parent)
    irregular = (
        isinstance(config, list)
        or any(not (value is None or isinstance(value, str)) for value in loose)
        or any(isinstance(element, list) for field in MARKS for element in _elements(record.get(field)))
    )
    exact = (record[name] for name in _EXACT)
    return (*exact, *(value if isinstance(value, str) else None for value in loose), int(irregular))


def marks_of(record: Mapping[str, Any], rowid: int | None) -> list[tuple[Any, ...]]:
    """Return the rows of the table of marks for a work: each text or number in its tags and events."""
    queue = record["pipeline"] if record["status"] == "queued" else None
    order = (queue, record["priority"], record["creation"])
    marks = [(field, element) for field in MARKS for element in _elements(record.get(field)) if is_plain(element)]
    return [(rowid, *mark, *order) for mark in marks]


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_plain(value: object) -> bool:
    """Return whether SQLite compares the value as the matcher does: it must be text, or a number that it can store."""
    if isinstance(value, bool) or value != value:  # SQLite has no NaN: it would store null
        return False
    return isinstance(value, (str, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63)
