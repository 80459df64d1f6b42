"""The service's endpoints as plain calls: JSON in, JSON out, one method each, every answer checked in shape.

Frames, plans and questions are built on this and are no part of it. A call that changes works is sent once; where its
answer is lost, :class:`~bucketsnb.errors.OutcomeUnknown` carries the query that finds the works in question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlsplit

from bucketsnb.api import arguments, shapes
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
)
from bucketsnb.schema import COUNTS_AT_ONCE, STALE_DAYS
from bucketsnb.transport import MAX_BYTES, Answer, Idempotency, Transport

__all__ = ["Api"]

_ALL_DETAILS = "/status/details"

_ONLY_ID: Mapping[str, Any] = {"id": True}

_SMALL = 64 * 1024**2
"""Bytes allowed for answers that are no works."""

_LATEST = 2.0**33
"""Epoch seconds (in 2242) before which a service's clock is believed."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Page(Generic[T]):
    """One answer to a view: its works, its bytes, and whether more may match."""

    works: list[T]
    size: int
    may_be_cut: bool


class Api:
    """The endpoints of one Buckets service.

    Parameters
    ----------
    transport
        The way there.
    clock
        What ages go by; by default the service's clock.

    Notes
    -----
    When a request fails, every method raises one of the kinds of :class:`~bucketsnb.errors.ServiceError`. Those that
    change works raise :class:`~bucketsnb.errors.ReadOnly` before any request when the client may not.
    """

    def __init__(self, transport: Transport, clock: Clock | None = None) -> None:
        self.transport = transport
        self.clock = clock or Clock()
        self.longest_answer = LongestAnswer()
        """By which a view knows that it was answered in full."""

        self.have_nameless = False
        """Whether some works have no pipeline, by the last answer to `pipelines`."""

        self.counts_at_once: bool | None = None
        """Whether `statuses` saves requests: the service, a backend of our own, offers it, and has many pipelines, or
        nobody knows yet how many; None until an answer says."""

    def __repr__(self) -> str:
        return f"Api({', '.join(self.transport.settings.urls)})"

    @property
    def url(self) -> str:
        """Base address of the service; with several to choose from, asking for it may send requests."""
        return self.transport.url

    @property
    def clock_skew(self) -> float | None:
        """Seconds that the service's clock is ahead of this one, by its last answer; None when that had no time."""
        return self.clock.latest

    def now(self) -> float:
        """Return epoch seconds by the clock of the session; asks the service for its time if no answer had it yet."""
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
        return self._ask("GET", "/version", Idempotency.SAFE, shapes.expect_mapping)

    def status(self, pipeline: str | None = None) -> dict[str, int]:
        """Return how many works there are, by status, of all pipelines or of one; an unknown pipeline has none."""
        path = "/status" if pipeline is None else f"/status/details/{arguments.segment(pipeline)}"
        return self._ask("GET", path, Idempotency.SAFE, shapes.counts_by_status)

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have works; `have_nameless` is set if there are works without one."""
        answer = self._send("GET", "/status/pipelines", Idempotency.SAFE)
        found = self._checked("GET", "/status/pipelines", answer, shapes.names)
        names = [name for name in found if name is not None]
        self.have_nameless = len(names) < len(found)
        self.counts_at_once = len(names) > AT_ONCE and answer.headers.get(COUNTS_AT_ONCE) == _ALL_DETAILS
        return names

    def statuses(self) -> dict[str, dict[str, int]]:
        """Return how many works of each status every pipeline has, by one request: see `counts_at_once`."""
        answer = self._send("GET", _ALL_DETAILS, Idempotency.SAFE)
        _check_type(self, "GET", _ALL_DETAILS, answer)
        counts = shapes.counts_at_once(answer.body)
        if counts is None:
            counts = self._checked("GET", _ALL_DETAILS, answer, shapes.counts_by_pipeline)
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
            Which fields to send, such as ``{"id": True}``; None or empty sends all. It is not changed.
        skip
            How many to leave out at the start.
        limit
            How many at most; None, 0 or -1 for all.
        """
        most = None if limit in (None, 0, -1) else limit
        page = self._page(query_document, projection, skip, limit, shapes.records)
        if not page.may_be_cut:
            return page.works
        if projection and _with_id(projection) != projection:  # nothing to know them by again
            found = self.view(query_document, _with_id(projection), skip=skip, limit=limit)
            return [{name: value for name, value in record.items() if name != "id"} for record in found]
        return self._whole(page, query_document, projection, skip, most, shapes.records, _id_of)

    def view_by_ids(self, ids: Sequence[str], query_document: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the records of these ids, those only that match a query where one is given.

        As long as an answer brings some of them, the rest is asked for again: only ids that an answer without any of
        them left out are not there.
        """
        found: list[dict[str, Any]] = []
        missing, before = list(dict.fromkeys(ids)), (0, 0)
        while missing:
            named = {"id": {"$in": missing}}
            document = {"$and": [query_document, named]} if query_document else named
            page = self._page(document, None, 0, None, shapes.records)
            came = {_id_of(record) for record in page.works}
            if came.isdisjoint(missing):
                break
            if found:
                self.longest_answer.was_cut(*before)
            before = len(page.works), page.size
            found += page.works
            missing = [one for one in missing if one not in came]
        return found

    def view_bytes(
        self,
        query_document: Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        *,
        skip: int = 0,
        limit: int | None = 100,
    ) -> bytes:
        """Return one answer to a view as the JSON array that came, checked only for its brackets.

        It may hold fewer works than match; see :meth:`has_more`.
        """
        answer = self._view_answer(query_document, projection, skip, limit)
        body = answer.body.strip()
        if not (body.startswith(b"[") and body.endswith(b"]")):
            del body  # so that no traceback shows a token that the service repeats
            self._bad("POST", "/view", answer, "a list of records was expected")
        _check_type(self, "POST", "/view", answer)
        return body

    def view_ids(self, query_document: Mapping[str, Any] | None = None) -> list[str | None]:
        """Return the ids of all works that match, newest first; None for a work whose id is no text."""
        page = self._page(query_document, _ONLY_ID, 0, None, shapes.ids_of_records, shapes.ids_at_once)
        if not page.may_be_cut:
            return page.works
        return self._whole(page, query_document, _ONLY_ID, 0, None, shapes.ids_of_records, lambda one: one)

    def has_more(
        self, query_document: Mapping[str, Any] | None, ids: Sequence[str | None], size: int, *, skip: int, asked: int
    ) -> bool:
        """Return whether more works match than an answer of :meth:`view_bytes` has; asks only if that is possible.

        Parameters
        ----------
        query_document, skip
            As they were sent.
        ids
            Ids of the works that came; None for one that has none.
        size
            Bytes of the answer.
        asked
            How many works were asked for.
        """
        if not self.longest_answer.may_be_cut(len(ids), size, asked):
            return False
        repeated = min(1, len(ids) - 1)
        start = skip + len(ids) - repeated
        following = self._page(query_document, _ONLY_ID, start, repeated + 1, shapes.ids_of_records).works
        if following == list(ids[len(ids) - repeated :]):
            return False
        self.longest_answer.was_cut(len(ids), size)
        return True

    def _page(
        self,
        document: Mapping[str, Any] | None,
        projection: Mapping[str, Any] | None,
        skip: int,
        limit: int | None,
        shape: Callable[[Any], list[T]],
        at_once: Callable[[bytes], list[T] | None] = lambda _body: None,
    ) -> _Page[T]:
        """Return one answer to a view."""
        answer = self._view_answer(document, projection, skip, limit)
        _check_type(self, "POST", "/view", answer)
        quickly = at_once(answer.body)
        works = self._checked("POST", "/view", answer, shape) if quickly is None else quickly
        size, asked = len(answer.body), None if limit in (None, 0, -1) else limit
        return _Page(works, size, self.longest_answer.may_be_cut(len(works), size, asked))

    def _whole(
        self,
        first: _Page[T],
        document: Mapping[str, Any] | None,
        projection: Mapping[str, Any] | None,
        skip: int,
        most: int | None,
        shape: Callable[[Any], list[T]],
        key: Callable[[T], str | None],
    ) -> list[T]:
        """Return an answer together with what follows it."""

        def read(start: int, limit: int | None) -> list[T]:
            return self._page(document, projection, skip + start, limit, shape).works

        found = read_rest(first.works, read, key, most)
        if len(found) > len(first.works):
            self.longest_answer.was_cut(len(first.works), first.size)
        return found

    def _view_answer(
        self, document: Mapping[str, Any] | None, projection: Mapping[str, Any] | None, skip: int, limit: int | None
    ) -> Answer:
        body = encode(
            {
                "query": arguments.document(document),
                "projection": {**(projection or {}), "_id": False},
                "skip": arguments.whole("skip", skip),
                "limit": 0 if limit in (None, -1) else arguments.whole("limit", limit),
            }
        )
        return self._send("POST", "/view", Idempotency.SAFE, body=body, max_bytes=MAX_BYTES)

    # --- changing ---

    def deposit(self, works: Iterable[Any], *, return_ids: bool = False, verb: Verb = "deposit") -> list[str] | bool:
        """Put new works into their queues, by one request that is never repeated once it has left.

        Parameters
        ----------
        works
            Mappings, or ``Work`` objects of the public client. None at all: nothing is sent.
        return_ids
            Whether to return the ids, in the order of the works.
        verb
            ``"restore"`` in place of ``"deposit"`` puts works back that were in a queue before, unchecked.

        Returns
        -------
        list of str or bool
            The ids, or whether works were deposited.

        Raises
        ------
        WorkError
            Before anything is sent, for the first work that cannot be.
        OutcomeUnknown
            Sent, and no answer that tells: its `check` finds the works by their creation times.
        """
        self._may_change("deposit")
        body, records = encode_works(works, verb=verb)
        if not records:
            return [] if return_ids else False
        check = {"creation": {"$in": [record["creation"] for record in records]}}
        names = sorted({str(record.get("pipeline")) for record in records})
        with self._known_outcome({"pipeline": {"$in": names}, **check}):
            answer = self._send(
                "POST", "/work", Idempotency.ONCE, params={"return_ids": str(bool(return_ids))}, body=body
            )
            if return_ids:
                return self._checked("POST", "/work", answer, shapes.ids_of(len(records)))
            return self._checked("POST", "/work", answer, shapes.expect_true)

    def withdraw(self, query_document: Mapping[str, Any]) -> dict[str, Any] | None:
        """Claim the first queued work that matches, by priority and age; None when there is none.

        The record comes back as the service gave it, whatever it holds: it is claimed already.

        Raises
        ------
        OutcomeUnknown
            Sent, and no answer: a work may be running that nobody holds; its `check` finds it.
        """
        self._may_change("withdraw")
        document = arguments.document(query_document)
        body = encode(document)
        started = time.time() + (self.clock_skew or 0.0) - 2.0  # Date headers count whole seconds
        with self._known_outcome({**document, "status": "running", "start": {"$gte": started}}):
            answer = self._send("POST", "/work/withdraw", Idempotency.ONCE, body=body)
            return self._checked("POST", "/work/withdraw", answer, shapes.expect_record_or_none)

    def update(self, works: Iterable[Any]) -> bool:
        """Overwrite works by their ids, by one request; return what the service answers.

        Raises
        ------
        WorkError
            Before anything is sent.
        OutcomeUnknown
            Sent, and no answer: its `check` finds the works.
        """
        self._may_change("update")
        body, records = encode_works(works, verb="update")
        if not records:
            return False
        with self._known_outcome({"id": {"$in": [record["id"] for record in records]}}):
            answer = self._send("PUT", "/work", Idempotency.ONCE, body=body)
            return self._checked("PUT", "/work", answer, shapes.expect_bool)

    def delete(self, ids: Iterable[str]) -> bool:
        """Delete works by their ids, in as many requests as the length of a request line asks for.

        Returns
        -------
        bool
            Whether the service said yes to every request; False, with nothing sent, when there are no ids.

        Raises
        ------
        WorkError
            An id that is none, before anything is sent.
        ServiceError
            Of the first request that failed; its `deleted` and `remaining` hold the ids that were and were not
            answered. Deleting the remaining ones again is safe.
        """
        self._may_change("delete")
        waiting = arguments.checked_ids(ids)
        done: list[str] = []
        said_yes = bool(waiting)
        for chunk in arguments.chunks(waiting, self._ids_a_line(waiting)):
            try:
                answer = self._send("DELETE", "/work", Idempotency.REPEATABLE, params=[("ids", one) for one in chunk])
                said_yes &= self._checked("DELETE", "/work", answer, shapes.expect_bool)
            except ServiceError as error:
                error.deleted, error.remaining = done, waiting[len(done) :]
                if done:
                    done_of = f"{len(done):,} of {count_of(len(waiting), 'work')}"
                    error.args = (f"{error} {done_of} had been deleted before.",)
                raise
            done += chunk
        return said_yes

    def _ids_a_line(self, ids: Sequence[str]) -> int:
        token = self.transport.settings.token
        return arguments.ids_a_line(ids, urlsplit(self.url).path if ids else "", len(token.reveal()) if token else 0)

    def audit_failed(self) -> int:
        """Have failed works with attempts left queued again; return how many."""
        return self._audit("/audit/failed", {"status": "queued"})

    def audit_expired(self) -> int:
        """Have running works that are past their own timeout failed; return how many."""
        return self._audit("/audit/expired", {"status": "failure"})

    def audit_stale(self, days: float = STALE_DAYS) -> int:
        """Have works that were created more than so many days ago, and are not finished, failed; return how many."""
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 1e6:
            raise QueryError(f"days must be a number from 0 on, not {truncate(repr(days), 40)}")
        check = {"creation": {"$lt": self.clock.now() - days * 86_400}, "status": "failure"}
        return self._audit(f"/audit/stale/{float(days)}", check)

    def audit(self) -> dict[str, int]:
        """Run the three passes above, in this order; if one fails, its error's `counts` hold those before it."""
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
        with self._known_outcome(check):
            answer = self._send("GET", path, Idempotency.ONCE)
            return self._checked("GET", path, answer, shapes.expect_count)

    # --- all calls ---

    def _ask(self, method: str, path: str, idempotency: Idempotency, shape: Callable[[Any], T]) -> T:
        return self._checked(method, path, self._send(method, path, idempotency), shape)

    def _send(
        self,
        method: str,
        path: str,
        idempotency: Idempotency,
        *,
        params: Sequence[tuple[str, str]] | Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int = _SMALL,
    ) -> Answer:
        answer = self.transport.request(
            method, path, idempotency=idempotency, params=params, body=body, max_bytes=max_bytes
        )
        self.clock.heard(_skew(answer))
        if self.counts_at_once is None and answer.headers.get(COUNTS_AT_ONCE) == _ALL_DETAILS:
            self.counts_at_once = True
        return answer

    def _checked(self, method: str, path: str, answer: Answer, shape: Callable[[Any], T]) -> T:
        """Return an answer's content in the shape its endpoint promises."""
        _check_type(self, method, path, answer)
        try:
            return shape(decode(answer.body))
        except ValueError as error:
            reason = str(error)
        return self._bad(method, path, answer, reason)

    def _bad(self, method: str, path: str, answer: Answer, reason: str) -> NoReturn:
        shown = truncate(self.transport.hide(answer.body[:4096].decode("utf-8", "replace")), 300)
        raise BadAnswer(
            f"{self.transport.call(method, path)}: {reason}; "
            f"the service answered {answer.status} with {shown or 'an empty body'}. "
            "Check that the address is that of a Buckets service.",
            method=method,
            path=path,
            url=self.url,
            status=answer.status,
            excerpt=shown,
        )

    def _may_change(self, verb: str) -> None:
        if self.read_only:
            raise ReadOnly(f"This client is read-only: {verb} was refused and nothing was sent.")

    @contextmanager
    def _known_outcome(self, check: Mapping[str, Any]) -> Iterator[None]:
        """Turn silence after a change was sent, or an answer that says nothing, into :class:`OutcomeUnknown`."""
        lost: ServiceError
        try:
            yield
        except (NoAnswer, BadAnswer, ServiceFailed) as error:
            if isinstance(error, ServiceFailed) and not error.by_gateway:
                raise
            lost = error
        else:
            return
        names = ("method", "path", "url", "status", "excerpt", "attempts")
        message = f"{lost} Nobody knows whether works were changed: look for what `check` finds before sending again."
        raise OutcomeUnknown(message, check=check, **{name: getattr(lost, name) for name in names}) from lost


def _check_type(api: Api, method: str, path: str, answer: Answer) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and "json" not in kind and kind not in ("text/plain", "application/octet-stream"):
        api._bad(method, path, answer, f"JSON was expected, not {printable(kind)}")


def _id_of(record: Mapping[str, Any]) -> str | None:
    given = record.get("id")
    return given if isinstance(given, str) else None


def _with_id(projection: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a projection that sends the ids too, which may be this one."""
    others = {name: wanted for name, wanted in projection.items() if name not in ("id", "_id")}
    if projection.get("id") or not (any(others.values()) or "id" in projection):
        return projection
    return {**others, "id": True} if any(others.values()) else others


def _skew(answer: Answer) -> float | None:
    try:
        service_time = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # Beyond these years pandas and databases hold no times, and no clock that is only wrong says so.
    return service_time + 0.5 - answer.received_at if 0 <= service_time < _LATEST else None  # whole seconds, cut off
