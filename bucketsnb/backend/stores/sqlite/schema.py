"""The tables, indexes and triggers of a store's SQLite file, and how a file of an earlier layout is brought to them."""

from __future__ import annotations

from bucketsnb.schema import STATUSES

# Every SQL text here is made of our own names; there are no values.
# ruff: noqa: S608

__all__ = ["COLUMNS", "OPEN", "SCHEMA_VERSION", "STEPS", "TABLES"]

SCHEMA_VERSION = 4
"""Kept in the file; a file with a higher number was written by a newer bucketsnb and is refused."""

TABLES = frozenset({"works", "marks", "counts"})

COLUMNS = (
    "id",
    "pipeline",
    "status",
    "settled",
    "priority",
    "creation",
    "start",
    "timeout",
    "attempt",
    "retries",
    "site",
    "user",
    "parent",
    "odd",
)
"""What of a work is a column, in the order of `file.columns_of`; `body` follows them."""

OPEN = ("queued", "running")
"""The statuses between which a work goes to and fro; a work in any other is settled."""


def _each(text: str) -> str:
    """Say the same of each status, as the counts have a column for each: one status more is a new layout."""
    return ", ".join(text.format(status) for status in STATUSES)


_ADD = f"""
    INSERT INTO counts VALUES (NEW.pipeline, {_each("NEW.status = '{0}'")})
    ON CONFLICT DO UPDATE SET {_each("{0} = {0} + (NEW.status = '{0}')")};"""
_REMOVE = f"""
    UPDATE counts SET {_each("{0} = {0} - (OLD.status = '{0}')")} WHERE pipeline = OLD.pipeline;
    DELETE FROM counts WHERE pipeline = OLD.pipeline AND {" + ".join(STATUSES)} = 0;"""

# The columns have no declared type, so SQLite compares what is stored as it is. `body` is the whole work as JSON text
# and is what clients are sent. `settled` is the status of a work that is neither queued nor running, else null: a claim
# leaves the indexes by it as they are, and those by status itself would be a third of what it costs.
_WORKS = """
CREATE TABLE works (
    rowid INTEGER PRIMARY KEY, id NOT NULL, pipeline NOT NULL, status NOT NULL, settled, priority NOT NULL,
    creation NOT NULL, start, timeout NOT NULL, attempt NOT NULL, retries NOT NULL, site, user, parent, odd NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX works_id ON works (id);
CREATE INDEX works_newest ON works (creation);
CREATE INDEX works_pipeline ON works (pipeline, creation);
CREATE INDEX works_site ON works (site, creation);
CREATE INDEX works_user ON works (user, creation);
CREATE INDEX works_parent ON works (parent, creation) WHERE parent IS NOT NULL;
CREATE INDEX works_odd ON works (odd) WHERE odd;
CREATE INDEX works_failed ON works (creation) WHERE status = 'failure' AND attempt < retries;
CREATE INDEX works_queue ON works (pipeline, priority DESC, creation) WHERE status = 'queued';
"""

_OTHER_QUEUES = """
CREATE INDEX works_site_queue ON works (pipeline, site, priority DESC, creation) WHERE status = 'queued';
CREATE INDEX works_parent_queue ON works (pipeline, parent, priority DESC, creation)
    WHERE status = 'queued' AND parent IS NOT NULL;
"""

_SETTLED = """
CREATE INDEX works_settled ON works (pipeline, settled, creation);
CREATE INDEX works_any_settled ON works (settled, creation);
CREATE INDEX works_exhausted ON works (settled, creation) WHERE settled IS NOT NULL AND attempt >= retries;
CREATE INDEX works_running ON works (creation, pipeline, start, timeout) WHERE status = 'running';
"""

# A mark is a tag or an event of a work; while the work is queued it also carries what the queue is ordered by, so that
# a claim by tag reads one entry of an index however long the queue is.
_MARKS = """
CREATE TABLE marks (
    work INTEGER NOT NULL, field NOT NULL, value NOT NULL, queue, urgency, born, PRIMARY KEY (field, value, work)
) WITHOUT ROWID;
CREATE INDEX marks_of_work ON marks (work);
"""
_TAKEN = """
CREATE TRIGGER works_taken AFTER UPDATE OF status ON works WHEN OLD.status = 'queued' AND NEW.status <> 'queued' BEGIN
    UPDATE marks SET queue = NULL WHERE work = NEW.rowid;
END;
"""
_MARKS_QUEUE = f"""
CREATE INDEX marks_queue ON marks (field, value, queue, urgency DESC, born, work) WHERE queue IS NOT NULL;
CREATE TRIGGER works_requeued AFTER UPDATE OF pipeline, status, priority, creation ON works
WHEN NEW.status = 'queued' BEGIN
    UPDATE marks SET queue = NEW.pipeline, urgency = NEW.priority, born = NEW.creation WHERE work = NEW.rowid;
END;
{_TAKEN}"""

# The counts are kept by triggers: whatever changes a work, /status is right, and never scans.
_COUNTS = f"""
CREATE TABLE counts (pipeline PRIMARY KEY NOT NULL, {_each("{0} NOT NULL")}) WITHOUT ROWID;
CREATE TRIGGER works_added AFTER INSERT ON works BEGIN {_ADD}
END;
CREATE TRIGGER works_removed AFTER DELETE ON works BEGIN {_REMOVE}
    DELETE FROM marks WHERE work = OLD.rowid;
END;
CREATE TRIGGER works_moved AFTER UPDATE OF status ON works WHEN OLD.pipeline IS NEW.pipeline BEGIN
    UPDATE counts SET {_each("{0} = {0} - (OLD.status = '{0}') + (NEW.status = '{0}')")}
    WHERE pipeline = NEW.pipeline;
END;
CREATE TRIGGER works_renamed AFTER UPDATE OF pipeline ON works WHEN OLD.pipeline IS NOT NEW.pipeline BEGIN {_ADD}
    {_REMOVE}
END;
"""

_FROM_FIRST = """
ALTER TABLE marks ADD COLUMN queue;
ALTER TABLE marks ADD COLUMN urgency;
ALTER TABLE marks ADD COLUMN born;
UPDATE marks SET (queue, urgency, born) = (
    SELECT iif(status = 'queued', pipeline, NULL), priority, creation FROM works WHERE works.rowid = marks.work
);
"""
_FROM_SECOND = f"""
DROP INDEX works_status;
DROP INDEX works_any_pipeline;
DROP INDEX works_running;
DROP INDEX works_exhausted;
DROP TRIGGER works_added;
DROP TRIGGER works_removed;
DROP TRIGGER works_moved;
DROP TABLE counts;
ALTER TABLE works ADD COLUMN settled;
UPDATE works SET settled = status WHERE status NOT IN {OPEN};
{_SETTLED}
{_COUNTS}
INSERT INTO counts SELECT pipeline, {_each("sum(status = '{0}')")} FROM works GROUP BY pipeline;
"""
_FROM_THIRD = f"""
DROP TRIGGER works_ended;
{_TAKEN}
UPDATE marks SET queue = NULL WHERE queue IS NOT NULL AND work IN (SELECT rowid FROM works WHERE status <> 'queued');
"""
_ODD_ARRAYS = """
UPDATE works SET odd = 1 WHERE EXISTS (SELECT 1 FROM json_each(body, '$.tags') WHERE json_each.type = 'array')
    OR EXISTS (SELECT 1 FROM json_each(body, '$.event') WHERE json_each.type = 'array');
"""

STEPS = {
    0: _WORKS + _OTHER_QUEUES + _SETTLED + _MARKS + _MARKS_QUEUE + _COUNTS,
    1: _FROM_FIRST + _OTHER_QUEUES + _MARKS_QUEUE + _ODD_ARRAYS + _FROM_SECOND,
    2: _FROM_SECOND + _FROM_THIRD,
    3: _FROM_THIRD,
}
"""What brings a file of each earlier layout to this one; 0 is an empty file."""
