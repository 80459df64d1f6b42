"""The words of the Buckets service: the fields of a work, its statuses, and the limits the service's own client keeps.

Both the client and the backend build on this module, and it builds on nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = [
    "ATTEMPT_MIN",
    "COUNTS_AT_ONCE",
    "FIELDS",
    "FIELD_NAMES",
    "FINISHED",
    "LEFT_TO_THE_SERVICE",
    "PARENT_PATH",
    "PIPELINE_MAX",
    "PRIORITY_MAX",
    "PRIORITY_MIN",
    "RETRIES_MAX",
    "STALE_DAYS",
    "STATUSES",
    "STATUS_KEYS",
    "TIMEOUT_MAX",
    "TIMEOUT_MIN",
    "TIME_FIELDS",
    "UNFINISHED",
    "Field",
    "Kind",
    "pipeline_problem",
]

STATUSES = ("created", "queued", "running", "success", "failure")
"""Every status a work can have, in the order of its life."""

STATUS_KEYS = ("total", "queued", "running", "success", "failure")
"""The keys of the service's status answer; their order is part of the contract, as a public command line prints it."""

UNFINISHED = frozenset({"queued", "running"})
"""Statuses of works that a worker will do, or is doing."""

FINISHED = frozenset({"success", "failure"})
"""Statuses of works that no worker holds."""

COUNTS_AT_ONCE = "x-counts-at-once"
"""Header by which an answer says where the counts of all pipelines are had by one request: the answer that names them,
and those that are asked for early, the version and the counts of all together.

The service has no such request, and sends no such header; a backend of our own does.
"""

PIPELINE_MAX = 128
PRIORITY_MIN, PRIORITY_MAX = 1, 5
TIMEOUT_MIN, TIMEOUT_MAX = 1, 259_200
RETRIES_MAX = 5
ATTEMPT_MIN = 0
STALE_DAYS = 7.0
"""Age in days after which the service's daemons treat a work as stale."""

PARENT_PATH = "config.parent"
"""Where a work names its parent: what people call `parent` is this path of the record."""


class Kind(Enum):
    """What a field's value is on the wire.

    Times are epoch seconds (floats). ``JSON`` is any nested value: a mapping, a list, or null.
    """

    TEXT = "text"
    STATUS = "status"
    INTEGER = "integer"
    TIME = "time"
    TEXTS = "list of text"
    INTEGERS = "list of integers"
    JSON = "json"


@dataclass(frozen=True)
class Field:
    """One named part of a work.

    Parameters
    ----------
    name
        The key in the record.
    kind
        What its value is on the wire.
    meaning
        One phrase for people.
    required
        Whether a deposit must carry it.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False


_ALL = (
    Field("pipeline", Kind.TEXT, "name of the pipeline", required=True),
    Field("site", Kind.TEXT, "where the work is to be done", required=True),
    Field("user", Kind.TEXT, "who created the work", required=True),
    Field("function", Kind.TEXT, "Python function to run"),
    Field("parameters", Kind.JSON, "arguments of the function"),
    Field("command", Kind.TEXTS, "command line to run"),
    Field("results", Kind.JSON, "what the work produced"),
    Field("products", Kind.TEXTS, "data products"),
    Field("plots", Kind.TEXTS, "plots"),
    Field("tags", Kind.TEXTS, "searchable labels"),
    Field("event", Kind.INTEGERS, "ids of the events the work is about"),
    Field("id", Kind.TEXT, "id given by the service, 24 hexadecimal digits"),
    Field("creation", Kind.TIME, "when the work was created, by its creator's clock"),
    Field("start", Kind.TIME, "when it was last withdrawn"),
    Field("stop", Kind.TIME, "when it last ended"),
    Field("attempt", Kind.INTEGER, "how many times it was withdrawn"),
    Field("status", Kind.STATUS, "created, queued, running, success or failure"),
    Field("timeout", Kind.INTEGER, "seconds one attempt may take"),
    Field("retries", Kind.INTEGER, "how many attempts it has in total"),
    Field("priority", Kind.INTEGER, "1 (last) to 5 (first)"),
    Field("config", Kind.JSON, "life of the work: archive, parent, orgs, teams"),
    Field("notify", Kind.JSON, "whom to tell"),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.name: field for field in _ALL})
"""The 22 fields of a work by name, in the order the public client sends them."""

FIELD_NAMES = tuple(FIELDS)
TIME_FIELDS = tuple(field.name for field in _ALL if field.kind is Kind.TIME)

LEFT_TO_THE_SERVICE = frozenset({"id"})
"""Fields that a client may not set by an update."""


def pipeline_problem(name: object) -> str | None:
    """Say what is wrong with a pipeline name, or ``None`` if it is one.

    The rule is that of the public client: 1 to 128 characters, each a letter or digit (of any script) or a hyphen.

    Examples
    --------
    >>> pipeline_problem("baseband-converter")
    >>> pipeline_problem("a b")
    "pipeline 'a b' has ' ', and only letters, digits and hyphens are allowed"
    """
    if not isinstance(name, str):
        return f"pipeline must be text, not {type(name).__name__}"
    if not 1 <= len(name) <= PIPELINE_MAX:
        return f"pipeline has {len(name)} characters, and 1 to {PIPELINE_MAX} are allowed"
    wrong = next((letter for letter in name if not (letter.isalnum() or letter == "-")), None)
    if wrong is not None:
        return f"pipeline {name!r} has {wrong!r}, and only letters, digits and hyphens are allowed"
    return None
