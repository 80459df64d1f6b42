"""The errors of the client, its plans and its front ends, in one tree; a backend has errors of its own.

::

    BucketsError
    ├── ConfigurationError        no address, a wrong setting, a file that cannot be read, a missing extra
    ├── QueryError                a query that is not valid                  (also a ValueError)
    ├── WorkError                 a work that cannot be sent: which, and which field (also a ValueError)
    ├── PlanError                 a change that was refused before anything was sent
    │   ├── ScopeRefused          it concerns too many works: the message names the argument that allows it
    │   ├── PlanExpired           the plan is too old
    │   ├── PlanAlreadyApplied    applied or undone before
    │   └── ReadOnly              this client may not change works
    ├── PartlyDone                a change that was not made to every work: ``receipt`` says what became of each
    ├── ConfirmationNeeded        nobody can be asked; ``force=True`` is for scripts
    ├── JournalError              the record of a change cannot be written or read
    └── ServiceError              a request that failed: method, path, HTTP status, body excerpt, attempts
        ├── Unreachable           never sent: no address answered
        ├── NoAnswer              sent without an answer: time ran out or the connection was lost
        │   └── OutcomeUnknown    ... by a call that changes works: ``check`` says what to look for
        ├── Refused               the service refused it (4xx), or redirected it (3xx)
        │   ├── Unauthorized      401, 403
        │   ├── NotFound          404
        │   ├── TooLarge          413, 414, 431
        │   └── TooManyRequests   429, also after the waits that the service asked for
        ├── ServiceFailed         the service reported a failure of its own (5xx)
        └── BadAnswer             2xx, but not what the contract says: not JSON, cut off, of another shape

Errors have attributes with the facts, beside the message. None holds a token.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any

__all__ = [
    "GATEWAY_STATUSES",
    "BadAnswer",
    "BucketsError",
    "ConfigurationError",
    "ConfirmationNeeded",
    "Cure",
    "JournalError",
    "NoAnswer",
    "NotFound",
    "Note",
    "OutcomeUnknown",
    "PartlyDone",
    "PlanAlreadyApplied",
    "PlanError",
    "PlanExpired",
    "QueryError",
    "ReadOnly",
    "Refused",
    "ScopeRefused",
    "ServiceError",
    "ServiceFailed",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
    "WorkError",
    "warn_caller",
]


GATEWAY_STATUSES = frozenset({502, 503, 504})
"""HTTP statuses of a gateway that got no answer from the service; the service may have acted nevertheless."""


class Cure(Enum):
    """What to do about a problem, worded for Python; other front ends have their own words."""

    NAME_PIPELINES = "Name the pipelines (pipeline=...), or pass allow_all=True."
    RAISE_MAXIMUM = "Narrow the query, or pass max_affected={}."
    ALLOW_RUNNING = "Leave them out, or pass allow_running=True."
    CHOOSE_CLOCK = 'Say which clock counts: Buckets(..., clock="service") or Buckets(..., clock="local").'
    ALLOW_OTHER_HOST = "If it is the same service, pass allow_other_host=True to plan_undo."
    LIST_ENTRIES = "buckets.journal() lists the entries."
    UNDO_ENTRY = "buckets.undo({!r}) takes it back."
    GIVE_ADDRESS = 'Pass one, such as Buckets("http://localhost:8004").'
    ALLOW_CHANGES = "Build it without read_only=True to change works."
    RESET_ATTEMPTS = "To start the count anew, pass reset_attempt=True (in a shell: --reset-attempt)."
    DEPOSIT_FRESH = (
        "Deposited with fresh=True (in a shell: --fresh), they are new works: created now, no attempts, no results."
    )
    LOOK_FIRST = "Look with buckets.view({}) before depositing them again."


class Note(str):
    """A note for the reader of a plan, with its cure as an attribute; the text is worded for Python."""

    problem: str
    """The text without the cure."""
    cure: Cure

    def __new__(cls, problem: str, cure: Cure) -> Note:
        """Join the problem and the cure."""
        note = super().__new__(cls, f"{problem} {cure.value}")
        note.problem, note.cure = problem, cure
        return note

    def __getnewargs__(self) -> tuple[str, Cure]:  # type: ignore[override]  # what a copy or a pickle is made of
        return self.problem, self.cure


class BucketsError(Exception):
    """Base class of the errors of this package.

    Attributes
    ----------
    cure
        What to do about the problem, or None if the message says it already.
    problem
        The message without the cure.
    value
        What the cure is about, such as a number of works or an entry of the journal; None if nothing.
    """

    def __init__(self, message: str = "", *, cure: Cure | None = None, value: object = None) -> None:
        super().__init__(message if cure is None else f"{message} {cure.value.format(value)}")
        self.problem = message
        self.cure = cure
        self.value = value


class ConfigurationError(BucketsError):
    """Correct the setting, or install the extra, that the message names."""


class QueryError(BucketsError, ValueError):
    """Correct the query: the message names the field and, if possible, the word that was meant."""


class WorkError(BucketsError, ValueError):
    """Correct the work; nothing was sent.

    Attributes
    ----------
    index
        Place of the work among those that were given, from 0; None if only one was, or it is not about one work.
    field
        Path of the field that is wrong, such as ``"results.snr"``; None if it is not about one field.
    """

    def __init__(self, message: str, *, index: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.field = field


class PlanError(BucketsError):
    """A change that was refused before anything was sent."""


class ScopeRefused(PlanError):
    """Narrow the query, or pass the argument that the message names.

    Attributes
    ----------
    count
        Works that would be affected, or None if they were not counted.
    running, others
        Ids of the works that are running, and of those that are not, if running works are the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        cure: Cure | None = None,
        count: int | None = None,
        running: Sequence[str] = (),
        others: Sequence[str] = (),
    ) -> None:
        super().__init__(message, cure=cure, value=count)
        self.count = count
        self.running = tuple(running)
        self.others = tuple(others)


class PlanExpired(PlanError):
    """Build the plan again: what it shows is too old to act on."""


class PlanAlreadyApplied(PlanError):
    """Build a new plan: this one was applied, or this entry undone, before."""


class ReadOnly(PlanError):
    """Build the client without ``read_only=True`` (and without ``BUCKETSNB_READ_ONLY``) to change works."""


class PartlyDone(BucketsError):
    """Look at `receipt`: it says what became of every work, and ``receipt.resume()`` acts on the rest.

    Attributes
    ----------
    receipt
        The receipt of the change.
    """

    def __init__(self, message: str, *, receipt: Any) -> None:
        super().__init__(message)
        self.receipt = receipt


class ConfirmationNeeded(BucketsError):
    """Pass ``force=True``: there is no notebook and no terminal to ask in."""


class JournalError(BucketsError):
    """Free space, or set ``BUCKETSNB_JOURNAL`` to a folder that can be written; nothing is sent without a record."""


class ServiceError(BucketsError):
    """A request to the service failed.

    Attributes
    ----------
    method, path
        Of the request; the path has no host and no query string.
    url
        Base address of the service.
    status
        HTTP status, or None when none came.
    excerpt
        The start of the answer's body as text, at most 300 characters.
    attempts
        How many times sending the request was tried.
    deleted, remaining
        Of a delete: ids in the requests that were answered before one failed, and the ids in that and later ones.
    counts
        Of an audit: the counts of the passes that were answered before one failed.
    """

    deleted: Sequence[str] = ()
    remaining: Sequence[str] = ()
    counts: Mapping[str, int] = MappingProxyType({})

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        url: str = "",
        status: int | None = None,
        excerpt: str = "",
        attempts: int = 1,
        cure: Cure | None = None,
        value: object = None,
    ) -> None:
        super().__init__(message, cure=cure, value=value)
        self.method = method
        self.path = path
        self.url = url
        self.status = status
        self.excerpt = excerpt
        self.attempts = attempts


class Unreachable(ServiceError):
    """Check the address, the network and that the service runs; the request was never sent.

    Attributes
    ----------
    tried
        Each address that was tried, with the reason it failed.
    """

    def __init__(self, message: str, *, tried: Mapping[str, str] | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.tried = dict(tried or {})


class NoAnswer(ServiceError):
    """Try again, or raise ``timeout``: the request was sent and no whole answer came back."""


class OutcomeUnknown(NoAnswer):
    """Look before sending again: a change was sent and nobody knows whether it was made.

    Attributes
    ----------
    check
        What to look for: a query document that finds the works in question.
    found
        Ids of the works whose change was found to be made when they were looked for afterwards.
    """

    def __init__(
        self, message: str, *, check: Mapping[str, Any] | None = None, found: Sequence[str] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.check = dict(check or {})
        self.found = list(found)


class Refused(ServiceError):
    """Correct the request: the service refused it, and would refuse it again."""


class Unauthorized(Refused):
    """Pass ``token=`` or set ``WORKFLOW_HTTP_TOKEN``; the message says which token, if any, was sent."""


class NotFound(Refused):
    """Check the address: the service has no such route, or no such work."""


class TooLarge(Refused):
    """Send less at once: the request line or the body is over the service's limit."""


class TooManyRequests(Refused):
    """Wait before asking again: the service asked for fewer requests. Waits of up to 30 seconds were made already."""


class ServiceFailed(ServiceError):
    """Ask the people who run the service: it reported a failure of its own."""

    @property
    def by_gateway(self) -> bool:
        """Whether a gateway may have answered (502, 503, 504): then the service may or may not have acted."""
        return self.status in GATEWAY_STATUSES


class BadAnswer(ServiceError):
    """Check that the address is that of a Buckets service: the answer is not what its contract says."""


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called this package, however deep in the package the warning arises."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("bucketsnb."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
