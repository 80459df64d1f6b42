"""The service's endpoints as plain calls: JSON in, JSON out, one method each, and the shape of every answer is checked.

Frames, plans and queries are built on this, and it knows none of them. A call that changes works, other than a delete,
is sent once; if its answer is lost, the query in :class:`~bucketsnb.errors.OutcomeUnknown` finds the works in question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from operator import index
from typing import Annotated, Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec.structs import asdict

from bucketsnb.api.clock import Clock
from bucketsnb.api.completeness import LongestAnswer, read_rest
from bucketsnb.api.together import AT_ONCE
from bucketsnb.display.texts import count_of, printable, truncate
from bucketsnb.encoding import Verb, decode, encode, encode_works
from bucketsnb.errors import (
    BadAnswer,
    NoAnswer,
    OutcomeUnknown,
    QueryError,
    ReadOnly,
    ServiceError,
    ServiceFailed,
    WorkError,
)
from bucketsnb.schema import COUNTS_AT_ONCE, STALE_DAYS, STATUS_KEYS
from bucketsnb.transport import MAX_BYTES, Answer, Idempotency, Transport

__all__ = ["DELETE_CHUNK", "Api", "chunks", "is_path_segment"]

DELETE_CHUNK = 250
"""Most ids in one DELETE; the length of the request line may allow fewer."""

_LINE_MAX = 8192
"""Bytes that common servers allow for the request line and the headers together."""

_HEADERS = 512
"""Bytes of that which are kept for our headers, other than the token."""

_ALL_DETAILS = "/status/details"

_ONLY_ID: Mapping[str, Any] = {"id": True}

_SMALL = 64 * 1024**2
"""Most bytes of an answer, except of an answer to a view."""

_LATEST = 2.0**33
"""Epoch seconds (in 2242) from which on a service's clock is not believed."""

T = TypeVar("T")


def chunks(sequence: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield a sequence in pieces of `size` elements; the last may be shorter.

    Examples
    --------
    >>> list(chunks([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(sequence), size):
        yield sequence[start : start + size]


class Api:
    """The endpoints of one Buckets service; ages are counted by `clock`, by default the service's.

    When a request fails, every method raises a :class:`~bucketsnb.errors.ServiceError`. Those that change works raise
    :class:`~bucketsnb.errors.ReadOnly`, before any request, if the client is read-only.
    """

    def __init__(self, transport: Transport, clock: Clock | None = None) -> None:
        self.transport = transport
        self.clock = clock or Clock()
        self.longest_answer = LongestAnswer()
        """Decides whether the answer to a view is complete."""

        self.have_nameless = False
        """Whether some works have no pipeline, by the last answer to `pipelines`."""

        self.counts_at_once: bool | None = None
        """Whether `statuses` takes fewer requests than `status` for each pipeline: only a backend of our own offers it,
        and it must have many pipelines, or their number must be unknown. None until an answer tells."""

    def __repr__(self) -> str:
        return f"Api({', '.join(self.transport.settings.urls)})"

    @property
    def url(self) -> str:
        """Base address of the service; with several to choose from, the first use may send requests."""
        return self.transport.url

    @property
    def clock_skew(self) -> float | None:
        """Seconds that the service's clock is ahead of this machine's, by its last answer; None if that had no time."""
        return self.clock.latest

    def now(self) -> float:
        """Return epoch seconds by the clock of the session; sends a request if the service's time is not known yet."""
        if not self.clock.is_settled:
            self.version()
            self.clock.settle()
        return self.clock.now()

    @property
    def read_only(self) -> bool:
        """Whether calls that change works are refused."""
        return self.transport.settings.read_only

    # --- reading ---

    def version(self) -> dict[str, Any]:
        """Return what the service says of itself, such as ``{"version": "2.6.1"}``."""
        return self._ask("GET", "/version", _object)

    def status(self, pipeline: str | None = None) -> dict[str, int]:
        """Return how many works of each status there are, in all pipelines or in one; an unknown pipeline has none."""
        path = "/status" if pipeline is None else f"/status/details/{_segment(pipeline)}"
        return self._ask("GET", path, _counts)

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have works; `have_nameless` is set if there are works without one."""
        answer = self._send("GET", "/status/pipelines")
        all_names = self._checked("GET", "/status/pipelines", answer, _names)
        names = [name for name in all_names if name is not None]
        self.have_nameless = len(names) < len(all_names)
        self.counts_at_once = len(names) > AT_ONCE and answer.headers.get(COUNTS_AT_ONCE) == _ALL_DETAILS
        return names

    def statuses(self) -> dict[str, dict[str, int]]:
        """Return how many works of each status every pipeline has, by one request.

        Only a backend of our own has this endpoint; see `counts_at_once`.
        """
        counts = self._ask("GET", _ALL_DETAILS, _counts_by_pipeline)
        self.counts_at_once = len(counts) > AT_ONCE
        return counts

    def view(
        self,
        query_document: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        *,
        skip: int = 0,
        limit: int | None = 100,
    ) -> list[dict[str, Any]]:
        """Return records that match, newest first.

        Parameters
        ----------
        query_document
            A MongoDB filter; None or empty matches every work.
        projection
            Which fields to send, such as ``{"status": True}``; None or empty sends all. The id is always sent too.
        skip
            How many to leave out at the start.
        limit
            How many at most; None, 0 or -1 for all.
        """
        return self._whole(query_document, _with_id(projection or {}), skip, limit, self._records, _id_of)

    def view_ids(self, query_document: Mapping[str, Any] | None = None) -> list[str | None]:
        """Return the ids of all works that match, newest first; None for a work whose id is not text."""
        return self._whole(query_document, _ONLY_ID, 0, None, self._ids, lambda text: text)

    def view_by_ids(self, ids: Sequence[str], query_document: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the works with these ids; with a query, only those of them that match it.

        A service may send fewer works than were asked for, so the missing ones are asked for again until an answer has
        none of them.
        """
        records: list[dict[str, Any]] = []
        missing, before = list(dict.fromkeys(ids)), (0, 0)
        while missing:
            by_id = {"id": {"$in": missing}}
            document = {"$and": [query_document, by_id]} if query_document else by_id
            answer = self._view_answer(document, None, 0, None)
            works = self._records(answer)
            self.longest_answer.may_be_cut(len(works), len(answer.body), None)
            came = {_id_of(record) for record in works}
            if came.isdisjoint(missing):
                break
            if records:
                self.longest_answer.was_cut(*before)
            before = len(works), len(answer.body)
            records += works
            missing = [work_id for work_id in missing if work_id not in came]
        return records

    def view_bytes(
        self,
        query_document: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        *,
        skip: int = 0,
        limit: int | None = 100,
    ) -> bytes:
        """Return one answer to a view as the bytes of a JSON array; only its brackets and content type are checked.

        It may hold fewer works than match, even if `limit` is None; see :meth:`has_more`.
        """
        answer = self._view_answer(query_document, projection, skip, limit)
        body = answer.body.strip()
        if not (body.startswith(b"[") and body.endswith(b"]")):
            del body  # so that no traceback shows a token that the service repeats
            self._raise_bad_answer("POST", "/view", answer, "a list of records was expected")
        self._check_type("POST", "/view", answer)
        return body

    def has_more(
        self, query_document: Mapping[str, Any] | None, ids: Sequence[str | None], size: int, *, skip: int, asked: int
    ) -> bool:
        """Return whether more works match than an answer of :meth:`view_bytes` has; a request is sent only if needed.

        The answer had works with these `ids` (None for a work without one) and `size` bytes, after `skip` works were
        left out and `asked` works were asked for.
        """
        if not self.longest_answer.may_be_cut(len(ids), size, asked):
            return False
        repeated = min(1, len(ids) - 1)
        start = skip + len(ids) - repeated
        following = self._ids(self._view_answer(query_document, _ONLY_ID, start, repeated + 1))
        if following == list(ids[len(ids) - repeated :]):
            return False
        self.longest_answer.was_cut(len(ids), size)
        return True

    def _whole(
        self,
        document: Mapping[str, Any] | None,
        projection: Mapping[str, Any],
        skip: int,
        limit: int | None,
        read: Callable[[Answer], list[T]],
        key: Callable[[T], str | None],
    ) -> list[T]:
        """Return all works of a view, by further requests if one answer is not all; `key` returns the id of a work."""
        most = None if limit in (None, 0, -1) else limit
        answer = self._view_answer(document, projection, skip, limit)
        works = read(answer)  # a line of its own: tracebacks in notebooks show the values that the failing line uses
        size = len(answer.body)
        if not self.longest_answer.may_be_cut(len(works), size, most):
            return works

        def following(start: int, number: int | None) -> list[T]:
            answer = self._view_answer(document, projection, skip + start, number)
            page = read(answer)
            self.longest_answer.may_be_cut(len(page), len(answer.body), number)
            return page

        all_works = read_rest(works, following, key, most)
        if len(all_works) > len(works):
            self.longest_answer.was_cut(len(works), size)
        return all_works

    def _view_answer(
        self, document: Mapping[str, Any] | None, projection: Mapping[str, Any] | None, skip: int, limit: int | None
    ) -> Answer:
        body = {
            "query": _document(document),
            "projection": {**(projection or {}), "_id": False},
            "skip": _whole_number("skip", skip),
            "limit": 0 if limit in (None, -1) else _whole_number("limit", limit),
        }
        return self._send("POST", "/view", body=encode(body), max_bytes=MAX_BYTES)

    def _records(self, answer: Answer) -> list[dict[str, Any]]:
        return self._checked("POST", "/view", answer, _list_of_records)

    def _ids(self, answer: Answer) -> list[str | None]:
        self._check_type("POST", "/view", answer)
        try:  # if each id is text, this takes a third of the time and memory
            return [work.id for work in _decode_named(answer.body)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        return [_id_of(record) for record in self._records(answer)]  # not within except: its error is not chained

    # --- changing ---

    def deposit(self, works: Iterable[Any], *, return_ids: bool = False, verb: Verb = "deposit") -> list[str] | bool:
        """Put new works into their queues, by one request that is never repeated if it may have been sent.

        Returns True, or with `return_ids` the new ids in the order of the works. Without works, nothing is sent, and
        False or an empty list is returned. The `verb` ``"restore"`` puts works back that were in a queue before: no
        defaults are filled in, and fields are not checked; see :func:`bucketsnb.encoding.encode_works`.

        Raises
        ------
        WorkError
            For the first work that cannot be sent; nothing was sent.
        OutcomeUnknown
            If it was sent and no answer says whether it was done; its `check` finds the works by their creation times.
        """
        self._may_change("deposit")
        body, records = encode_works(works, verb=verb)
        if not records:
            return [] if return_ids else False
        check = {"creation": {"$in": [record["creation"] for record in records]}}
        names = sorted({str(record.get("pipeline")) for record in records})
        params = {"return_ids": str(bool(return_ids))}
        shape: Callable[[Any], Any] = _new_ids(len(records)) if return_ids else _expect_true
        answer: list[str] | bool = self._change(
            "POST", "/work", shape, {"pipeline": {"$in": names}, **check}, params=params, body=body
        )
        return answer

    def withdraw(self, query_document: Mapping[str, Any]) -> dict[str, Any] | None:
        """Claim the first queued work that matches, by priority and age; return its record, or None if none matches.

        The record is returned as the service sent it, whatever it holds, as the work is claimed already.

        Raises
        ------
        OutcomeUnknown
            If it was sent and no answer came: a work may be running that no worker has; its `check` finds it.
        """
        self._may_change("withdraw")
        document = _document(query_document)
        started = time.time() + (self.clock_skew or 0.0) - 2.0  # the skew comes from headers that give whole seconds
        check = {**document, "status": "running", "start": {"$gte": started}}
        return self._change("POST", "/work/withdraw", _object_or_none, check, body=encode(document))

    def update(self, works: Iterable[Any]) -> bool:
        """Overwrite works by their ids, by one request; return what the service answers, True or False.

        Without works, nothing is sent and False is returned.

        Raises
        ------
        WorkError
            For the first work that cannot be sent, or has no id; nothing was sent.
        OutcomeUnknown
            If it was sent and no answer came; its `check` finds the works.
        """
        self._may_change("update")
        body, records = encode_works(works, verb="update")
        check = {"id": {"$in": [record["id"] for record in records]}}
        return self._change("PUT", "/work", _true_or_false, check, body=body) if records else False

    def delete(self, ids: Iterable[str]) -> bool:
        """Delete works by their ids, in as many requests as the length of a request line makes necessary.

        Returns whether the service answered true to every request. Without ids, nothing is sent and False is returned.

        Raises
        ------
        WorkError
            If something is not an id; nothing was sent.
        ServiceError
            For the first request that failed; its `deleted` holds the ids in requests that were answered, and its
            `remaining` all others. Deleting the remaining ones again is safe.
        """
        self._may_change("delete")
        waiting = _checked_ids(ids)
        done: list[str] = []
        said_yes = bool(waiting)
        for chunk in chunks(waiting, self._ids_a_line(waiting) if waiting else 1):
            try:
                said_yes &= self._ask(
                    "DELETE",
                    "/work",
                    _true_or_false,
                    Idempotency.REPEATABLE,
                    params=[("ids", work_id) for work_id in chunk],
                )
            except ServiceError as error:
                error.deleted, error.remaining = done, waiting[len(done) :]
                if done:
                    done_of = f"{len(done):,} of {count_of(len(waiting), 'work')}"
                    error.args = (f"{error} {done_of} had been deleted before.",)
                raise
            done += chunk
        return said_yes

    def _ids_a_line(self, ids: Sequence[str]) -> int:
        """Return how many of these ids one request line may hold, given the size of the headers."""
        token = self.transport.settings.token
        line = f"DELETE {urlsplit(self.url).path}/work? HTTP/1.1"
        taken = _HEADERS + len(line) + len(token.reveal() if token else "")
        longest = max(len(urlencode({"ids": work_id})) + 1 for work_id in ids)
        return max(1, min(DELETE_CHUNK, (_LINE_MAX - taken) // longest))

    def audit_failed(self) -> int:
        """Let the service queue again the failed works with attempts left; return how many there were."""
        return self._audit("/audit/failed", {"status": "queued"})

    def audit_expired(self) -> int:
        """Let the service fail the running works that are past their own timeout; return how many there were."""
        return self._audit("/audit/expired", {"status": "failure"})

    def audit_stale(self, days: float = STALE_DAYS) -> int:
        """Let the service fail the unfinished works created more than `days` ago; return how many there were.

        Raises
        ------
        QueryError
            If `days` is not a number of days; nothing was sent.
        """
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 1e6:
            raise QueryError(f"days must be a number from 0 on, not {truncate(repr(days), 40)}")
        check = {"creation": {"$lt": self.clock.now() - days * 86_400}, "status": "failure"}
        return self._audit(f"/audit/stale/{float(days)}", check)

    def audit(self) -> dict[str, int]:
        """Run the three passes above, in this order; if one fails, its error's `counts` has the counts before it."""
        counts: dict[str, int] = {}
        try:
            counts["failed"] = self.audit_failed()
            counts["expired"] = self.audit_expired()
            counts["stale"] = self.audit_stale()
        except ServiceError as error:
            error.counts = counts
            raise
        return counts

    def _audit(self, path: str, check: Mapping[str, Any]) -> int:
        self._may_change("audit")
        return self._change("GET", path, _count, check)

    # --- all calls ---

    def _ask(
        self,
        method: str,
        path: str,
        shape: Callable[[Any], T],
        idempotency: Idempotency = Idempotency.SAFE,
        **content: Any,
    ) -> T:
        return self._checked(method, path, self._send(method, path, idempotency, **content), shape)

    def _send(
        self,
        method: str,
        path: str,
        idempotency: Idempotency = Idempotency.SAFE,
        *,
        max_bytes: int = _SMALL,
        **content: Any,
    ) -> Answer:
        answer = self.transport.request(method, path, idempotency=idempotency, max_bytes=max_bytes, **content)
        self.clock.heard(_skew(answer))
        if self.counts_at_once is None and answer.headers.get(COUNTS_AT_ONCE) == _ALL_DETAILS:
            self.counts_at_once = True
        return answer

    def _checked(self, method: str, path: str, answer: Answer, shape: Callable[[Any], T]) -> T:
        """Return the content of an answer; raise BadAnswer unless it has the shape that its endpoint promises."""
        self._check_type(method, path, answer)
        try:
            return shape(decode(answer.body))
        except (ValueError, msgspec.ValidationError) as error:
            reason = str(error)
        return self._raise_bad_answer(method, path, answer, reason)

    def _check_type(self, method: str, path: str, answer: Answer) -> None:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and "json" not in kind and kind not in ("text/plain", "application/octet-stream"):
            self._raise_bad_answer(method, path, answer, f"JSON was expected, not {printable(kind)}")

    def _raise_bad_answer(self, method: str, path: str, answer: Answer, reason: str) -> NoReturn:
        shown = truncate(self.transport.hide(answer.body[:4096].decode("utf-8", "replace")), 300)
        text = (
            f": {reason}; the service answered {answer.status} with {shown or 'an empty body'}. "
            "Check that the address is that of a Buckets service."
        )
        raise self.transport.call(method, path).failed(BadAnswer, text, status=answer.status, excerpt=shown)

    def _may_change(self, verb: str) -> None:
        if self.read_only:
            raise ReadOnly(f"This client is read-only: {verb} was refused and nothing was sent.")

    def _change(self, method: str, path: str, shape: Callable[[Any], T], check: Mapping[str, Any], **content: Any) -> T:
        """Send a change once; raise OutcomeUnknown with `check` if no answer says whether it was made."""
        lost: ServiceError
        try:
            return self._ask(method, path, shape, Idempotency.ONCE, **content)
        except (NoAnswer, BadAnswer, ServiceFailed) as error:
            if isinstance(error, ServiceFailed) and not error.by_gateway:
                raise
            lost = error
        names = ("method", "path", "url", "status", "excerpt", "attempts")
        message = f"{lost} Nobody knows whether works were changed: look for what `check` finds before sending again."
        raise OutcomeUnknown(message, check=check, **{name: getattr(lost, name) for name in names}) from lost


def _id_of(record: Mapping[str, Any]) -> str | None:
    work_id = record.get("id")
    return work_id if isinstance(work_id, str) else None


def _with_id(projection: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a projection that includes the id: the given one itself if it does."""
    others = {name: wanted for name, wanted in projection.items() if name not in ("id", "_id")}
    if projection.get("id") or not (any(others.values()) or "id" in projection):
        return projection
    return {**others, "id": True} if any(others.values()) else others


def _skew(answer: Answer) -> float | None:
    try:
        service_time = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # A clock that is merely wrong stays within these years, and so do the times of pandas and databases. The header
    # gives whole seconds, rounded down: half a second is added.
    return service_time + 0.5 - answer.received_at if 0 <= service_time < _LATEST else None


# --- arguments, checked before anything is sent ---


def _segment(pipeline: object) -> str:
    """Return the name of a pipeline as one segment of a path; raise QueryError if it is not a name."""
    if not isinstance(pipeline, str) or pipeline in ("", ".", ".."):
        raise QueryError(f"pipeline must be the name of one, not {truncate(repr(pipeline), 40)}")
    try:
        return quote(pipeline, safe="")
    except UnicodeEncodeError:
        raise QueryError("pipeline has half a surrogate pair, which is not text") from None


def is_path_segment(pipeline: str) -> bool:
    """Return whether the path of a request can contain the name of a pipeline.

    Examples
    --------
    >>> is_path_segment("fitburst"), is_path_segment("..")
    (True, False)
    """
    try:
        return bool(_segment(pipeline))
    except QueryError:
        return False


def _document(value: object) -> dict[str, Any]:
    """Return a query document as a dict; None becomes the one that matches every work."""
    if not isinstance(value, Mapping | None):
        raise QueryError(f"A query document is a mapping, not {type(value).__name__}")
    return dict(value or {})


def _whole_number(name: str, value: Any) -> int:
    try:
        number = -1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = -1
    if number < 0:
        more = ", or None for all" if name == "limit" else ""
        raise QueryError(f"{name} must be an integer from 0 on{more}, not {truncate(repr(value), 40)}")
    return number


def _checked_ids(ids: object) -> list[str]:
    """Return ids of works without repeats; raise WorkError for anything else."""
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable):
        raise WorkError(f"Ids are given as a list, not as one {type(ids).__name__}; put it in [ ].")
    listed = list(ids)
    for place, work_id in enumerate(listed):
        if not isinstance(work_id, str) or not work_id:
            text = f"The id at place {place} is {truncate(repr(work_id), 40)}, which is no id; nothing was sent."
            raise WorkError(text, index=place, field="id")
    return list(dict.fromkeys(str(work_id) for work_id in listed))


# --- shapes of answers; an error says what was expected ---


class _Named(msgspec.Struct, gc=False):
    id: str


_decode_named = msgspec.json.Decoder(list[_Named]).decode

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**48)]
"""A plausible number of works, so that sums fit into a column of integers."""

_Counts = msgspec.defstruct("_Counts", [(name, _Count) for name in STATUS_KEYS], gc=False)

_object: Callable[[Any], dict[str, Any]] = partial(msgspec.convert, type=dict[str, Any])
_object_or_none: Callable[[Any], dict[str, Any] | None] = partial(msgspec.convert, type=dict[str, Any] | None)
_true_or_false: Callable[[Any], bool] = partial(msgspec.convert, type=bool)
_count: Callable[[Any], int] = partial(msgspec.convert, type=_Count)
_names: Callable[[Any], list[str | None]] = partial(msgspec.convert, type=list[str | None])
"""A null stands for the works without a pipeline."""


def _counts(value: Any) -> dict[str, int]:
    """Expect a count for each status and in total; return them in the order of `STATUS_KEYS`."""
    return asdict(msgspec.convert(value, _Counts))


def _counts_by_pipeline(value: Any) -> dict[str, dict[str, int]]:
    return {name: _counts(counts) for name, counts in _object(value).items()}


def _expect_true(value: Any) -> bool:
    """Expect true, the answer to a successful deposit; some services send the ids instead."""
    if value is not True and not (isinstance(value, list) and value):
        raise ValueError("true was expected")
    return True


def _list_of_records(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("a list of records was expected")
    return value


def _new_ids(number: int) -> Callable[[Any], list[str]]:
    """Return a function that expects so many different ids."""

    def ids(value: Any) -> list[str]:
        new_ids = msgspec.convert(value, list[Annotated[str, msgspec.Meta(min_length=1)]])
        if len(new_ids) != number:
            raise ValueError(f"{count_of(number, 'id')} were expected, and {len(new_ids):,} came")
        if len(set(new_ids)) != number:
            raise ValueError("ids that differ from each other were expected")
        return new_ids

    return ids
