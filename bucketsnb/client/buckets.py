"""The client: the ten methods of the service's own client, and further ones for notebooks."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from inspect import Parameter, signature
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pandas as pd

from bucketsnb import confirm
from bucketsnb.api import Api, Clock, ClockChoice
from bucketsnb.changes.execution import Context
from bucketsnb.changes.journal import Journal, journal_frame
from bucketsnb.changes.loading import load_plan
from bucketsnb.changes.plan import Plan, Reason, UndoPlan
from bucketsnb.changes.receipt import Outcome, Receipt
from bucketsnb.changes.tables import Source
from bucketsnb.changes.targets import EXPIRES_AFTER, NothingSent, PlanLimits, WorkSelector, WorksLeft, ids_of
from bucketsnb.changes.undo import context_of, plan_undo
from bucketsnb.changes.verbs.audit import AuditPlan, plan_audit, run_audit
from bucketsnb.changes.verbs.delete import DeletePlan, plan_delete
from bucketsnb.changes.verbs.deposit import DepositPlan, plan_deposit, plan_raw
from bucketsnb.changes.verbs.requeue import RequeuePlan, plan_requeue
from bucketsnb.changes.verbs.update import UpdatePlan, plan_set, plan_update, plan_works
from bucketsnb.changes.verbs.withdraw import Claim, Names, WithdrawPlan, plan_claim, plan_withdraw, withdrawal
from bucketsnb.client import counting, reading
from bucketsnb.client.counting import Counts
from bucketsnb.client.reading import PAGE
from bucketsnb.confirm import Confirmation
from bucketsnb.display.texts import count_of, host_of, printable
from bucketsnb.errors import NotFound, QueryError, ScopeRefused, warn_caller
from bucketsnb.frames import WorksFrame, WorkView
from bucketsnb.history import History, Watch
from bucketsnb.progress import Cancel, ProgressCallback
from bucketsnb.query import WORDS, Query, stale_document
from bucketsnb.query.times import span
from bucketsnb.schema import PARENT_PATH, STALE_DAYS
from bucketsnb.settings import MAX_AFFECTED, Secret, Settings, resolve
from bucketsnb.summaries import Family, StatusFrame, events_of, failures_of, read_status
from bucketsnb.summaries.failures import Failures
from bucketsnb.summaries.families import orphans_of
from bucketsnb.transport import Transport

__all__ = ["Buckets"]

_ANY = PlanLimits(allow_all=True, allow_running=True, max_affected=None)
"""No limits: for methods whose arguments name each work or the pipeline."""


class _All(int):
    """The default of a limit: it equals 100, as in the service's own client, and means all here."""

    def __repr__(self) -> str:
        return "all"


_ALL = _All(100)

QueryLike = Query | Mapping[str, Any] | None

Self = TypeVar("Self", bound="Buckets")
Method = TypeVar("Method", bound=Callable[..., Any])

_EVENT_COLUMNS = ["id", "pipeline", "status", "attempt", "retries", "creation", "event"]
"""Columns that are read for the status of the works of an event."""

_FAILURE_COLUMNS = [
    *("id", "pipeline", "site", "user", "function", "command"),
    *("results", "creation", "start", "stop", "status"),
]
"""Columns that are read for the reasons of failures."""


def _takes_words(method: Method) -> Method:
    """Replace ``**words`` in the signature of a method by the keywords of a query, so that they are completed."""
    declared = signature(method)
    parameters = [
        parameter for parameter in declared.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD
    ]
    words = [word for word in WORDS if word not in declared.parameters]
    parameters += [Parameter(word, Parameter.KEYWORD_ONLY, default=..., annotation="Any") for word in words]
    method.__signature__ = declared.replace(parameters=parameters)  # type: ignore[attr-defined]  # what inspect reads
    return method


def _query_of(query: QueryLike | str, words: Mapping[str, Any]) -> Query:
    """Return the query for a query, a document or the name of a pipeline, combined with keywords."""
    if isinstance(query, str):
        return Query(pipeline=query, **words)
    return Query(query, **words) if words else Query.parse(query)


def _selector_of(which: WorkSelector, words: Mapping[str, Any]) -> WorkSelector:
    """Return the selector for works that may also be given by keywords."""
    if not words:
        return which
    if which is not None and not isinstance(which, Query | Mapping):
        raise QueryError("Conditions in words narrow a query; a frame or ids name works already.")
    return Query(which, **words)


class Buckets:
    """A client of one Buckets service: DataFrames out, guarded changes in.

    Parameters
    ----------
    baseurl
        Address of the service, or several to try in order; a path prefix and a slash at the end are allowed. By default
        that in ``BUCKETSNB_URL`` (several are separated by commas), else ``http.baseurls.buckets`` of the active
        workspace file.
    token
        Token for the service, if it needs one. By default that in ``WORKFLOW_HTTP_TOKEN`` or ``WORKFLOW_TOKEN``, else
        in a file of one of these names in the folder ``BUCKETSNB_SECRETS``, by default ``/run/secrets``.
    timeout
        Seconds of silence after which a request is given up. By default ``WORKFLOW_HTTP_TIMEOUT``, else 15.
    read_only
        Refuse every change; with ``BUCKETSNB_READ_ONLY=1``, every change is refused even if this is False.
    github_token
        Whether ``GITHUB_TOKEN`` and ``GITHUB_PAT`` may serve as tokens.
    proxies
        As in requests, ``{"http": "http://proxy.example:3128"}``; ``{}`` uses none. By default ``BUCKETSNB_PROXY``, an
        address or ``off``, else ``http_proxy`` and similar variables; neither is used for a service on this machine.
    clock
        Whose clock ages are counted by: ``"service"``, or ``"local"`` for this machine's. By default the service's, but
        a plan by ages is refused if the two differ by more than a day.

    Raises
    ------
    ConfigurationError
        If there is no address, or a setting is not valid.

    Notes
    -----
    Methods that are near to each other:

    =====================  ===========================================================================================
    ``withdraw``           claims a queued work at once, and returns its record; nothing gives it back
    ``claim``              claims one to do by hand: it ends with ``success()``, ``failure()`` or ``give_back()``
    ``plan_withdraw``      shows which work would be claimed; its ``apply()`` claims one
    ``delete_ids``         deletes the works of these ids at once
    ``delete_many``        deletes all that match in one pipeline, after a question
    ``plan_delete``        shows what would be deleted, of a query, a frame or ids; its ``apply()`` deletes
    ``undo``               takes back an entry of the journal at once
    ``plan_undo``          shows what an undo would put back
    ``stale``              works queued or running for too many days
    ``overdue``            works running past their own timeout
    ``exhausted``          failed works with no attempts left
    ``orphans``            works whose parent is not in the queue any more
    =====================  ===========================================================================================

    Reads and plans take a query, a query document, conditions in words, or several of these together:
    ``buckets.view(pipeline="fitburst", status="failure", older_than="7d")``.

    Building a client sends nothing. One client serves any number of threads over connections that are kept alive; it
    shares neither connections nor token with another one.

    Examples
    --------
    >>> Buckets("http://localhost:8004/", token="not shown", read_only=True)
    Buckets('http://localhost:8004', token from token=, read only)
    """

    api: Api
    settings: Settings
    _end_practice: Callable[[], object] | None = None

    def __init__(
        self,
        baseurl: str | Sequence[str] | None = None,
        *,
        token: str | None = None,
        timeout: float | None = None,
        read_only: bool | None = None,
        github_token: bool = False,
        proxies: Mapping[str, str] | None = None,
        clock: ClockChoice | None = None,
    ) -> None:
        secret = None if token is None else Secret(token, "token=")
        del token  # so that no traceback of what follows can show it
        self.settings = resolve(
            baseurl, token=secret, timeout=timeout, read_only=read_only, github_token=github_token, proxies=proxies
        )
        del proxies  # addresses may hold passwords
        self.api = Api(Transport(self.settings), Clock(clock))

    def __repr__(self) -> str:
        if not hasattr(self, "api"):  # a traceback may show a client that could not be built
            return "Buckets(not built)"
        known = self.api.transport.known_url
        urls = repr(known) if known else "[" + ", ".join(map(repr, self.settings.urls)) + "]"
        token = f", token from {self.settings.token.source}" if self.settings.token else ""
        return f"Buckets({urls}{token}{', read only' if self.settings.read_only else ''})"

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept alive; using the client again opens new ones.

        A practice queue ends with its client.
        """
        self.api.transport.close()
        if self._end_practice is not None:
            self._end_practice()

    def info(self) -> dict[str, Any]:
        """Return the client's settings and what the service says of itself: ``{"client": {...}, "server": {...}}``.

        Of a token, only its source is told.
        """
        token = self.settings.token
        server = self.api.version()  # first, as it decides which of several addresses is used
        client = {
            "baseurl": self.api.url,
            "timeout": self.settings.timeout,
            "token": f"from {token.source}" if token else None,
            "read_only": self.settings.read_only,
            "version": _installed_version(),
            "python": platform.python_version(),
        }
        return {"client": client, "server": server}

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have works."""
        return self.api.pipelines()

    def audit(self) -> dict[str, int]:
        """Have the service run its three audit passes now, and return how many works each acted on.

        Failed works with attempts left are queued again, running works past their timeout are failed, and so are
        unfinished works older than seven days. :meth:`plan_audit` says beforehand which. Works that are forecast to
        change are read before and after, and recorded in the journal. If a pass fails, `counts` of the error has the
        numbers of the passes before it.
        """
        return run_audit(self._context)

    @_takes_words
    def view(
        self,
        query: QueryLike | str = None,
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = 100,
        *,
        columns: str | Iterable[str] | None = None,
        progress: ProgressCallback | bool | None = None,
        cancel: Cancel | None = None,
        page_size: int = PAGE,
        **words: Any,
    ) -> WorksFrame:
        """Return the works that match as a frame, newest first.

        Parameters
        ----------
        query
            A query, a query document, or the name of a pipeline; None for every work.
        projection
            Which fields to read, as the service's own client takes it, such as ``{"status": True}``; the id always
            is always read.
        skip
            How many of the newest to leave out.
        limit
            How many at most; None (or 0, or less) for all.
        columns
            ``"all"``, ``"light"`` (ten small columns), or names of columns. The others are not sent, and are empty in
            the frame, as are those computed from them.
        progress
            By default, a read of several pages shows a bar; with False, none does. A function is called with the
            numbers of works read and expected.
        cancel
            Its ``is_set()`` is called before every request; once it is true, what was read so far is returned.
        page_size
            How many works to read in one request.
        **words
            Conditions in words, as for :class:`~bucketsnb.query.Query`: ``status="failure", older_than="7d"``.

        Returns
        -------
        DataFrame
            Its ``attrs`` have the numbers of works ``shown`` and ``matched`` (a lower bound unless ``exact``;
            :meth:`count` gives the number), the ``query`` that was sent, the time ``read_at`` (epoch seconds by the
            client's `clock`), the ``columns`` that were read, and the number of works that ``moved`` during the read.

        Raises
        ------
        QueryError
            If the query, a column, `limit` or `page_size` is not valid.
        ServiceError
            If a request failed.

        Warns
        -----
        MovedDuringRead
            If works of a read of several pages were deleted, or stopped matching, before their page was read.
        ReadCancelled
            If `cancel` was set.
        """
        pages = reading.pages_of(
            self.api,
            _query_of(query, words),
            projection,
            skip=skip,
            limit=limit,
            columns=columns,
            cancel=cancel,
            size=page_size,
        )
        return reading.view(pages, progress)

    @_takes_words
    def iter_frames(
        self,
        query: QueryLike | str = None,
        projection: Mapping[str, Any] | None = None,
        *,
        columns: str | Iterable[str] | None = None,
        page_size: int = PAGE,
        limit: int | None = None,
        progress: ProgressCallback | bool | None = None,
        cancel: Cancel | None = None,
        **words: Any,
    ) -> Iterator[WorksFrame]:
        """Yield the works that match in frames of at most `page_size` works: for answers that do not fit into memory.

        Parameters are as for :meth:`view`, but by default all works are read. ``matched`` in the ``attrs`` is for the
        whole read. No work is yielded twice, even if works change during the read; a warning at the end says how many
        moved.
        """
        pages = reading.pages_of(
            self.api, _query_of(query, words), projection, limit=limit, columns=columns, cancel=cancel, size=page_size
        )
        return reading.frames_of(pages, progress)

    @_takes_words
    def count(self, query: QueryLike | str = None, **words: Any) -> int:
        """Return how many works match.

        A query of only statuses and at most 50 pipelines is answered from the service's status, by one request for each
        pipeline, or one for all. For any other query, the ids of all works that match are read.
        """
        return reading.count(self.api, _query_of(query, words))

    @_takes_words
    def group_count(
        self, query: QueryLike | str = None, by: str | Iterable[str] = ("pipeline", "status"), **words: Any
    ) -> Counts:
        """Count the works that match, by the values of some columns.

        Parameters
        ----------
        query, **words
            As for :meth:`view`.
        by
            Columns, such as ``["site", "status"]``. By ``event``, ``tags``, ``products`` or ``plots``, a work counts
            once in the row of each of its elements.

        Returns
        -------
        DataFrame
            The columns of `by`, and ``n_works``. Its ``attrs["cost"]`` has the number of ``requests`` that were sent,
            and of ``works_read``: none when whole pipelines are counted by pipeline and status; otherwise all that
            match.

        Raises
        ------
        QueryError
            If works cannot be counted by a column.
        """
        return counting.group_count(self.api, _query_of(query, words), [by] if isinstance(by, str) else list(by))

    @_takes_words
    def explain(self, query: QueryLike | str = None, **words: Any) -> Counts:
        """Show which condition of a query leaves its answer empty, and how many works match without it.

        Returns
        -------
        DataFrame
            One row for each condition: how many works match ``without`` it; how many it matches ``alone``, which is
            counted only for a condition that may be the reason; and a ``suggestion`` of what may have been meant. Costs
            a count for the query and for each of these numbers.
        """
        return counting.explain(self.api, _query_of(query, words))

    def work(self, id: str) -> WorkView:  # noqa: A002 - the field's own name
        """Return one work in full: a mapping that shows every field as text and as HTML.

        Raises
        ------
        NotFound
            If no work has this id: it was deleted, or it ended and was archived in the results.
        QueryError
            If `id` is not text, or is empty.
        """
        if not isinstance(id, str) or not id:
            raise QueryError(f"the id of a work is text, not {id!r}")
        records = self.api.view({"id": id}, limit=1)
        if not records:
            place = f"{printable(id)} on {host_of(self.api.url)}"
            text = f"no work has the id {place}: it was deleted, or it ended and was archived"
            raise NotFound(text, method="POST", path="/view", url=self.api.url)
        return WorkView(records[0], now=self.api.clock.now())

    def status(self, pipeline: str | Sequence[str] | None = None, *, compare: bool = False) -> StatusFrame:
        """Return how many works of each status every pipeline has.

        Parameters
        ----------
        pipeline
            A name, several, or None for all that have works now.
        compare
            Read the service's own totals too, and warn where they differ from the sums; of all pipelines only.

        Returns
        -------
        StatusFrame
            A DataFrame with the index ``pipeline`` and the columns ``total, queued, running, success, failure``
            (``Int64``). Counts are missing if a pipeline could not be read; ``attrs["problems"]`` has the reason.
            ``.totals`` has the sums. Costs one request for each pipeline, 32 at a time, and one for their names.

        Raises
        ------
        QueryError
            If `compare` is given together with names of pipelines.
        ServiceError
            If no pipeline could be read.

        Warns
        -----
        IncompleteStatus
            If some pipelines could not be read.
        StatusDiffers
            If the service's own totals differ from the sums.
        """
        return read_status(self.api, pipeline, compare=compare)

    @_takes_words
    def stale(
        self, query: QueryLike | str = None, *, days: float = STALE_DAYS, limit: int | None = None, **words: Any
    ) -> WorksFrame:
        """Return the queued and running works that were created more than `days` ago, as a frame for a plan.

        The service's daemons delete works older than 7 days whatever their status, which is why 7 is the default.
        """
        return self.view(_query_of(query, words) & stale_document(days), limit=limit)

    @_takes_words
    def overdue(self, query: QueryLike | str = None, *, limit: int | None = None, **words: Any) -> WorksFrame:
        """Return works running past their own timeout, by the client's `clock`."""
        return self.view(_query_of(query, words) & Query(overdue=True), limit=limit)

    @_takes_words
    def exhausted(self, query: QueryLike | str = None, *, limit: int | None = None, **words: Any) -> WorksFrame:
        """Return failed works with no attempts left: `attempt` has reached `retries`, the attempts in total."""
        return self.view(_query_of(query, words) & Query(exhausted=True), limit=limit)

    @_takes_words
    def orphans(self, query: QueryLike | str = None, **words: Any) -> pd.DataFrame:
        """Return works whose parent is not in the queue any more.

        A parent may also be a run of the pipelines service, which is never in the queue: such works show here too.
        """
        return orphans_of(self.api, self.view(_query_of(query, words) & Query(has_parent=True), limit=None))

    @_takes_words
    def failures(self, query: QueryLike | str = None, *, limit: int | None = None, **words: Any) -> Failures:
        """Group the failed works that match by pipeline, function, site, user and error.

        Numbers, ids, paths and times in the text of an error are replaced by placeholders, so that errors that differ
        only in these are one group. With `limit`, only so many of the newest works are grouped; the table says how many
        match. Its columns are those of :func:`bucketsnb.summaries.failures_of`.
        """
        failed = _query_of(query, words) & Query(status="failure")
        works = self.view(failed, limit=limit, columns=_FAILURE_COLUMNS)
        table = failures_of(works)
        table.attrs.update(read=len(works), matched=works.attrs["matched"], exact=works.attrs["exact"])
        return table

    def events(self, events: int | str | Sequence[int | str]) -> pd.DataFrame:
        """Return one row per event and pipeline with the status, attempts and age of the latest work.

        Ids may be text of digits, as in ``Query(event=...)``. The columns are those of
        :func:`bucketsnb.summaries.events_of`; events without works are in ``attrs["without_works"]``.
        """
        several = isinstance(events, Iterable) and not isinstance(events, str)
        wanted: list[Any] = list(events) if several else [events]  # type: ignore[arg-type]
        works = self.view(Query(event=wanted), limit=None, columns=_EVENT_COLUMNS)
        return events_of(works, [int(event) for event in wanted])

    def family(self, parent: str) -> Family:
        """Return a parent and the works below it as a tree.

        At most ten generations are read, each by at least one request; one more request finds out whether there are
        works below the tenth, and ``complete`` is False if there are.
        """
        return reading.family_of(self.api, parent)

    def history(self, path: str | os.PathLike[str] | None = None) -> History:
        """Return the snapshots of this service's status; see :class:`bucketsnb.history.History`."""
        return History(self.api.url, path)

    def watch(self, every: str | float | timedelta = "30s", *, path: str | os.PathLike[str] | None = None) -> Watch:
        """Record a snapshot of the status at intervals, in a thread, until ``stop()``.

        Parameters
        ----------
        every
            Time between two snapshots: ``"30s"``, ``"5min"``, a timedelta, or seconds.
        path
            Where to keep them; by default the history of this user.

        Raises
        ------
        ValueError
            If `every` is not a span of time.

        Examples
        --------
        >>> watch = buckets.watch(every="1min")      # doctest: +SKIP
        >>> watch.stop().drain("baseband-converter")  # doctest: +SKIP
        """
        seconds: float | None
        if isinstance(every, timedelta):
            seconds = every.total_seconds()
        else:
            seconds = span(every) if isinstance(every, str) else float(every)
        if seconds is None:
            raise ValueError(f"every={every!r} is not a span of time; write '30s', '5min', a timedelta, or seconds")
        return Watch(lambda: read_status(self.api, warn=False), self.history(path), seconds)

    @property
    def _context(self) -> Context:
        return context_of(self.api)

    @_takes_words
    def plan_delete(
        self,
        which: WorkSelector = None,
        /,
        *,
        reason: str = "",
        allow_all: bool = False,
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
        **words: Any,
    ) -> DeletePlan:
        """Plan to delete works: the plan shows them, and its ``apply()`` deletes them. Only reads are sent now.

        Parameters
        ----------
        which
            A query, a query document, a frame of works, or ids.
        reason
            Why the works are deleted, for the journal.
        allow_all
            Accept a query that is not limited to named pipelines.
        allow_running
            Accept works that are running.
        max_affected
            The most works that the plan may have; None for any number.
        expires_after
            Seconds for which the plan may be applied.
        **words
            Conditions in words, as for :class:`~bucketsnb.query.Query`.

        Raises
        ------
        ScopeRefused
            If the plan would go beyond these limits; the message names the argument that allows it.
        """
        limits = PlanLimits(allow_all, allow_running, max_affected, expires_after)
        return plan_delete(self._context, _selector_of(which, words), reason=reason, limits=limits)

    @_takes_words
    def plan_requeue(
        self,
        which: WorkSelector = None,
        /,
        *,
        reset_attempt: bool = False,
        reason: str = "",
        allow_all: bool = False,
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
        **words: Any,
    ) -> RequeuePlan:
        """Plan to queue failed works again; with `allow_running`, running ones too.

        A query that names no status means failed works. With `reset_attempt`, attempts are counted from zero again;
        otherwise the count stays, and a work without attempts left gets one more. Other parameters are as for
        :meth:`plan_delete`.
        """
        limits = PlanLimits(allow_all, allow_running, max_affected, expires_after)
        selector = _selector_of(which, words)
        return plan_requeue(self._context, selector, reset_attempt=reset_attempt, reason=reason, limits=limits)

    @_takes_words
    def plan_update(
        self,
        which: WorkSelector = None,
        /,
        *,
        set: Mapping[str, Any] | None = None,  # noqa: A002 - what is set
        reason: str = "",
        allow_all: bool = False,
        allow_running: bool = False,
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
        **words: Any,
    ) -> UpdatePlan:
        """Plan to change works: by the cells of a frame that were edited with pandas, or by the values of `set`.

        Parameters
        ----------
        which
            A frame that ``view`` returned, or rows of it, with cells edited; or any frame with a column ``id``. With
            `set`: a query, a query document, a frame, or ids, as for :meth:`plan_delete`.
        set
            New values by the names of fields, or by paths: ``{"priority": 5, "config.parent": "6b04a88b"}``. What a
            path does not name stays as it is.
        reason, allow_all, allow_running, max_affected, expires_after, **words
            As for :meth:`plan_delete`; conditions in words are for `set` only.

        Returns
        -------
        UpdatePlan
            ``plan.cells`` has one row for each cell that will change. Works that changed since the frame was read are
            left out, and so are those that have the values already.

        Raises
        ------
        WorkError
            If a field is unknown, may not be set by a client, or cannot have the value.

        Examples
        --------
        ::

            buckets.plan_update(pipeline="fitburst", status="queued", set={"priority": 5})
        """
        limits = PlanLimits(allow_all, allow_running, max_affected, expires_after)
        if set is not None:
            return plan_set(self._context, _selector_of(which, words), set, reason=reason, limits=limits)
        if words or not isinstance(which, pd.DataFrame):
            raise QueryError('A plan to update takes a frame with edited cells, or new values: set={"priority": 5}.')
        return plan_update(self._context, which, reason=reason, limits=limits)

    def plan_deposit(
        self,
        works: Source,
        *,
        fresh: bool = False,
        skip_bad: bool = False,
        reason: str = "",
        max_affected: int | None = MAX_AFFECTED,
        expires_after: float = EXPIRES_AFTER,
    ) -> DepositPlan:
        """Plan to deposit works, every row checked; fields that are left out get the public client's defaults.

        Parameters
        ----------
        works
            A list of works, a DataFrame, or CSV or JSON as text or as the path of a file. CSV may have commas,
            semicolons or tabs, as a paste from a spreadsheet has. A column such as ``parameters.dm`` goes into
            ``parameters``. Cells are read as the kind of their field: booleans, nulls, lists and mappings as Python,
            pandas, R, spreadsheets and JSON write them; times as epoch seconds, ISO text or datetimes, each with its
            zone. Text such as ``NA``, ``None`` or ``null`` is an empty cell in any column. Inside a list, such as
            ``["NA"]``, and in JSON and Python values, text stays text, unless the field takes only a list or a mapping.
        fresh
            Make new works from copies: created now, with no attempts, id, times, results, products or plots.
        skip_bad
            Deposit the good rows even if others are bad; otherwise nothing is sent. ``plan.problems`` lists all that
            is wrong, with the line of the text if there is one.
        reason, max_affected, expires_after
            As for :meth:`plan_delete`.

        Raises
        ------
        WorkError
            If no rows can be read, no column is a field of a work, or works of a queue were read in part. A frame
            records that; in a file or a list, it is seen by works that have ids but lack fields of every work.
        """
        limits = PlanLimits(max_affected=max_affected, expires_after=expires_after)
        return plan_deposit(self._context, works, fresh=fresh, skip_bad=skip_bad, reason=reason, limits=limits)

    def plan_withdraw(
        self,
        pipeline: Names,
        event: int | Iterable[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: Names | None = None,
        parent: Names | None = None,
        *,
        reason: str = "",
        expires_after: float = EXPIRES_AFTER,
    ) -> WithdrawPlan:
        """Forecast which work a withdrawal would claim, by reading only; ``apply()`` claims one, by one request.

        Parameters are as for :meth:`withdraw`, and `reason` and `expires_after` as for :meth:`plan_delete`.
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        return plan_withdraw(self._context, document, reason=reason, expires_after=expires_after)

    def plan_audit(self, *, reason: str = "", expires_after: float = EXPIRES_AFTER) -> AuditPlan:
        """Forecast what the service's three audit passes would change, by reading only; ``apply()`` runs them."""
        return plan_audit(self._context, reason=reason, expires_after=expires_after)

    def plan_undo(self, entry: str, *, allow_other_host: bool = False) -> UndoPlan:
        """Plan to put works back as they were before an entry of the journal; only reads are sent.

        Parameters
        ----------
        entry
            The id of the entry, from :meth:`journal` or ``receipt.entry``.
        allow_other_host
            Accept an entry that was made with another address of the service.

        Raises
        ------
        PlanAlreadyApplied
            If it was undone before.
        PlanError
            If it cannot be undone; the message says why.
        """
        return plan_undo(self._context, entry, allow_other_host=allow_other_host)

    def load_plan(self, path: str | os.PathLike[str]) -> Plan:
        """Load the plan that ``plan.save(path)`` wrote, to look at it and to apply it; only reads are sent.

        Applying it re-checks every work, as with any plan.

        Raises
        ------
        PlanError
            If the file is not a plan, was altered, or is for another service.
        PlanExpired
            If the time in which it may be applied is over.
        PlanAlreadyApplied
            If it is in the journal, or its works are as it would leave them.
        """
        return load_plan(self._context, Path(path))

    def deposit(self, works: Iterable[Any], return_ids: bool = False) -> bool | list[str]:  # noqa: FBT001, FBT002 - the service's client takes it so
        """Put new works into their queues, once.

        Missing fields are filled in as by the public client's ``Work``, also inside ``config`` and ``notify``; given
        values stay as they are. A null in a field that cannot be null, such as ``priority``, counts as missing. What
        ``Work`` would not read, or would read as something else, is refused.

        If the answer is lost, the works are looked for by their creation times; they are never sent twice.

        Parameters
        ----------
        works
            Mappings, or ``Work`` objects of the public client.
        return_ids
            Whether to return the ids that the service gave, in the order of the works.

        Returns
        -------
        bool or list of str
            True, or the ids.

        Raises
        ------
        WorkError
            If a work cannot be sent; the message names it, the field, and what would be right. Nothing was sent.
        OutcomeUnknown
            If it is not known whether they were stored: `check` is a query document for them, and `found` has the ids
            of those that were found.
        """
        plan = plan_raw(self._context, works)
        if not plan.count:
            warn_caller("deposit was given no works, so nothing was sent.", NothingSent)
            return [] if return_ids else True
        receipt = plan.apply()
        receipt.raise_for_outcome()
        return receipt.ids if return_ids else True

    def withdraw(
        self,
        pipeline: str | list[str],
        event: list[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: list[str] | None = None,
        parent: str | list[str] | None = None,
    ) -> dict[str, Any] | None:
        """Claim one queued work, by one request that is never repeated.

        Parameters
        ----------
        pipeline, event, site, priority, user, tags, parent
            Filters; for a list, a work matches by any element. None means any value; an empty filter is an error.

        Returns
        -------
        dict or None
            The record exactly as the service returned it; None if nothing that matches is queued.

        Raises
        ------
        QueryError
            If a filter is empty or cannot be met; nothing was sent.
        OutcomeUnknown
            If the answer was lost: a work may be running that no worker has; `check` is a query for it.
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        receipt = plan_claim(self._context, document, look_first=False).apply()
        result = receipt.results[0]
        if result.outcome is Outcome.DONE and result.after is not None:
            return result.after.record
        if result.outcome is not Outcome.GONE:
            receipt.raise_for_outcome()
        return None

    def update(self, works: Iterable[Any]) -> bool:
        """Overwrite works by their ids, with the fields that are given.

        Each work is read first and sent whole with these fields changed, so that nothing that is not given is lost. A
        work that changes in between is left alone.

        Parameters
        ----------
        works
            Mappings with an ``id`` each, or ``Work`` objects of the public client.

        Returns
        -------
        bool
            True only if all of them were read back as given; a warning says how many were not.

        Raises
        ------
        WorkError
            If a work has no id, is given twice, or could not be read by the public client then; nothing was changed.
        ServiceError
            If the service refused, or did not answer.
        """
        plan = plan_works(self._context, works)
        if not plan.count and not plan.left_out:
            warn_caller("update was given no works, so nothing was sent.", NothingSent)
            return False
        receipt = plan.apply()
        if receipt.errors:
            receipt.raise_for_outcome()
        if plan.left_out:
            left_out = f"{count_of(len(plan.left_out), 'work')}, the first as it {plan.left_out[0].why}"
            warn_caller(f"{receipt.summary}; left out: {left_out}", WorksLeft)
        elif not receipt.ok:
            warn_caller(receipt.summary, WorksLeft)
        return receipt.ok and not plan.left_out

    def delete_ids(self, ids: list[str]) -> bool:
        """Delete works by their ids, whatever their status, and read back whether they are gone.

        Parameters
        ----------
        ids
            Any number of ids; they are sent in chunks. For an empty list nothing is sent, and a warning says so.

        Returns
        -------
        bool
            True only if all of them are gone now; a warning says how many are not.

        Raises
        ------
        WorkError
            If one of them is not an id; nothing was sent.
        ServiceError
            If the service refused, or did not answer; the journal has what became of every work.
        """
        checked_ids = ids_of(ids)
        if not checked_ids:
            warn_caller("delete_ids was given no ids, so nothing was sent.", NothingSent)
            return False
        return _deleted(plan_delete(self._context, checked_ids, reason="delete_ids", limits=_ANY))

    def delete_many(
        self,
        pipeline: str,
        status: str | list[str] | None = None,
        events: list[int] | None = None,
        tags: list[str] | None = None,
        parent: str | None = None,
        force: bool = False,  # noqa: FBT001, FBT002 - the service's client takes it so
        limit: int | None = _ALL,
    ) -> bool | Confirmation:
        """Delete all works of a pipeline that match, after a confirmation.

        Parameters
        ----------
        pipeline
            Its name.
        status, events, tags, parent
            Filters; for a list, a work matches by any element. None means any value; an empty filter is an error.
        force
            Delete without asking; for scripts.
        limit
            Delete only so many of the newest. By default, or with None, all that match (the service's own client
            silently stops after the newest 100). The question and a warning say how many are left.

        Returns
        -------
        bool or Confirmation
            True if works were deleted and all of them are gone; False if some are not, nothing matches, or the answer
            was no. In a notebook, without `force`: the question, shown below the cell. It is false until the answer is
            yes and all works are deleted; then it has the receipt.

        Raises
        ------
        ConfirmationNeeded
            If there is no terminal or notebook to ask in.
        ScopeRefused
            If no pipeline is named; nothing was sent.
        QueryError
            If a filter is empty, or `limit` is not an integer from 1 on; nothing was sent.
        ServiceError
            If the service refused, or did not answer; the journal has what became of every work.
        """
        if not isinstance(pipeline, str) or not pipeline:
            raise ScopeRefused(f"pipeline={pipeline!r} names no pipeline, so nothing was sent.")
        words = withdrawal(pipeline, events, tags=tags, parent=parent)
        filters = {name: words[name] for name in ("event", "tags", PARENT_PATH) if name in words}
        by_status = {} if status is None else Query(status=status).to_document()
        document = {"pipeline": pipeline, **filters, **by_status}
        most = None if limit is _ALL else limit
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise QueryError(f"limit={limit!r} deletes nothing: give a number from 1 on, or leave it out for all.")
        plan = plan_delete(self._context, document, reason="delete_many", limits=_ANY, limit=most)
        if not plan.count:
            return False
        answer: bool | Confirmation = True if force else confirm.ask(plan)
        if isinstance(answer, Confirmation):
            return answer
        done = answer and _deleted(plan)
        left = sum(work.reason is Reason.BEYOND_LIMIT for work in plan.left_out)
        if done and left:
            warn_caller(f"{plan.summary}: {left:,} more match and were left, as limit={limit} asks.", WorksLeft)
        return done

    def claim(
        self,
        pipeline: Names,
        event: int | Iterable[int] | None = None,
        site: str | None = None,
        priority: int | None = None,
        user: str | None = None,
        tags: Names | None = None,
        parent: Names | None = None,
    ) -> Claim:
        """Claim one queued work at once, to do it by hand; parameters are as for :meth:`withdraw`.

        The first works of the queue are read before, so that the work can be given back exactly as it was.

        Returns
        -------
        Claim
            It is false if nothing was queued. End it with ``success(results=...)``, ``failure(...)`` or
            ``give_back()``; in a ``with`` statement the work is given back if the block fails or does not end it.

        Examples
        --------
        ::

            with buckets.claim("baseband-converter") as claim:
                if claim:
                    claim.success(results=convert(claim.work))
        """
        document = withdrawal(pipeline, event, site, priority, user, tags, parent)
        context = self._context
        receipt = plan_claim(context, document, look_first=True).apply()
        if receipt.errors:
            receipt.raise_for_outcome()
        return Claim(context, receipt)

    # --- the journal ---

    def journal(self, limit: int | None = None) -> pd.DataFrame:
        """Return the entries of this account's journal, one row for each: the newest first, and at most `limit`."""
        return journal_frame(Journal(), limit)

    def undo(self, entry: str, progress: ProgressCallback | None = None, cancel: Cancel | None = None) -> Receipt:
        """Put works back as they were before an entry of the journal, unless somebody else has changed them since.

        An undo that was interrupted is continued. :meth:`plan_undo` shows what would be put back.
        """
        return self.plan_undo(entry).apply(progress, cancel)


def _deleted(plan: DeletePlan) -> bool:
    """Apply a plan of a delete and return whether all its works are gone; warn if some are not."""
    receipt = plan.apply()
    if receipt.errors:
        receipt.raise_for_outcome()
    if not receipt.ok:
        warn_caller(receipt.summary, WorksLeft)
    return receipt.ok


def _installed_version() -> str:
    try:
        return version("bucketsnb")
    except PackageNotFoundError:
        return "not installed"
