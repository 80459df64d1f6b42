"""Apply a plan once, chunk by chunk: each chunk is recorded before it is sent, and the receipt is true after any error.

The chunk executor of the verb does one chunk. This module does what all verbs share: it applies a plan only once,
reports progress, cancels, handles errors and interruptions, and resumes. A plan holds its execution, and a receipt
holds its plan; an execution holds neither.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from bucketsnb.changes.journal import UNDO_SUFFIX, Journal, Writer, new_entry
from bucketsnb.changes.receipt import UNSETTLED, Outcome, Receipt, WorkResult
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.changes.targets import refuse_read_only
from bucketsnb.display.texts import count_of, format_time, truncate
from bucketsnb.errors import BucketsError, JournalError, PlanAlreadyApplied, PlanError, PlanExpired, Refused

if TYPE_CHECKING:
    from bucketsnb.api import Api
    from bucketsnb.changes.plan import Plan
    from bucketsnb.progress import Cancel, ProgressCallback

__all__ = ["REPEATED_BY_UNDO", "ChunkExecutor", "Context", "Execution", "Item"]

CHUNK_BYTES = 8_000_000
"""Largest size of the works in one request, in bytes of JSON; a larger work is sent alone."""

_LOOK_FOR_CANCEL = 0.1
"""Seconds between two checks for a cancel, while the next chunk waits because of the rate."""

REPEATED_BY_UNDO = (*UNSETTLED, Outcome.REFUSED, Outcome.STILL_THERE)
"""Outcomes of works that a repeated undo processes again."""


@dataclass(frozen=True)
class Context:
    """What every plan is applied with: the service, the journal, and the function that plans the undo of an entry."""

    api: Api
    journal: Journal
    undo: Callable[[str], Plan]


@dataclass(eq=False, slots=True)
class Item:
    """One change of a plan while it is applied.

    Its result is true at every moment: it is ``unknown`` from just before the request is sent until the work is read
    back, or the service says that it did nothing.
    """

    position: int
    change: Change
    result: WorkResult
    recorded: bool = True
    """Whether the journal has the result."""

    @property
    def id(self) -> str:
        """Id of the work as planned; ``""`` if it has none yet."""
        return self.change.id or ""

    @property
    def record(self) -> dict[str, Any]:
        """The work as it was shown or, if it is to be deposited, as it will be."""
        return self.change.work.record

    @property
    def outcome(self) -> Outcome:
        """What became of the work so far."""
        return self.result.outcome

    @property
    def done(self) -> bool:
        """Whether the outcome is ``done``."""
        return self.outcome is Outcome.DONE

    @property
    def new_id(self) -> str | None:
        """Id that the service gave to a deposited work, or id of a withdrawn one; else None."""
        return self.result.new_id

    def settle(
        self,
        outcome: Outcome,
        record: Mapping[str, Any] | None = None,
        *,
        detail: str = "",
        new_id: str | None = None,
        work_id: str | None = None,
    ) -> None:
        """Set what became of the work, with its record as it was last read.

        `new_id` is the id that the service gave to a deposited work, or the id of a claimed one; `work_id` is that of
        the work that was changed, if it is not the planned one.
        """
        after = None if record is None else WorkSnapshot.of(record)
        known = work_id or self.change.id or new_id
        self.recorded = False
        self.result = WorkResult(outcome, known, self.change.before, after, detail, new_id)

    def unknown(self, detail: str) -> None:
        """Set the outcome to unknown, as the work is being sent."""
        self.settle(Outcome.UNKNOWN, detail=detail, new_id=self.new_id)

    @property
    def line(self) -> list[Any]:
        """What the journal keeps of the result.

        The work as it was read back is kept only if the outcome is ``done``; True stands for a work just as planned.
        """
        read_back = self.result.after if self.done else None
        recorded = None if read_back is None else True if read_back == self.change.after else read_back.record
        return [self.position, self.outcome.value, recorded, self.new_id, self.result.detail]


class ChunkExecutor(ABC):
    """Applies one chunk of a plan; each verb has a subclass."""

    size: int
    """Largest number of works in a chunk, unless `in_one_step` is set."""
    in_one_step = False
    """Whether one step does all works, however many and large they are, as the service does; there is no rate then."""

    @abstractmethod
    def step(self, execution: Execution, items: Sequence[Item]) -> BucketsError | None:
        """Apply one chunk, and keep the result of each item true at every moment; return the error, if any."""


@dataclass(eq=False, repr=False)
class Execution:
    """Applies one plan once, and resumes it after an interruption; chunk executors work with it."""

    context: Context
    chunk_executor: ChunkExecutor
    entry: str = field(default_factory=new_entry)
    """Id of the entry in the journal. A copy of the plan in a forked process has the same, which is begun only once."""
    head: Mapping[str, Any] = field(default_factory=dict)
    """What the first line of the entry holds in addition to the plan."""
    earlier: Sequence[WorkResult] | None = None
    """Results of an entry that exists already and is continued; None for a new entry."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Size of entries in bytes when they were read: an entry of another size now was continued by somebody else."""

    spent = False

    def __post_init__(self) -> None:
        self.api = self.context.api
        self.items: list[Item] = []
        self.errors: list[BaseException] = []
        self.notes: list[str] = []
        self.refusals = self._chunks = self._passes = 0
        self._seconds = 0.0
        self._rate: float | None = None
        self._busy = threading.Lock()
        self._made = time.monotonic()

    # --- for plans ---

    def receipt(self, plan: Plan) -> Receipt | None:
        """Return the receipt of a plan so far, or None if the plan was not started yet."""
        return self._receipt(plan) if self._passes or (self.spent and not plan.changes) else None

    def _receipt(self, plan: Plan) -> Receipt:
        entry, results = self.entry if plan.changes else "", tuple(item.result for item in self.items)
        return Receipt(plan, entry, results, tuple(self.errors), tuple(self.notes), self._seconds, self._rate)

    def apply(
        self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None, rate: float | None
    ) -> Receipt:
        """Apply a plan, once; see :meth:`bucketsnb.changes.plan.Plan.apply`."""
        with self._exclusive(plan):
            self._check_applicable(plan)
            if rate is not None:
                _check_rate(rate, plan, self.chunk_executor)
            self.spent, self._rate = True, rate
            if not plan.changes:
                return self._receipt(plan)
            try:
                writer = self._begin(plan)
            except BaseException as error:
                self.spent = isinstance(error, PlanAlreadyApplied)  # nothing was sent: it may be applied later
                raise
            new = (WorkResult(Outcome.NOT_SENT, change.id, change.before) for change in plan.changes)
            results = new if self.earlier is None else self.earlier
            self.items = list(map(Item, count(), plan.changes, results))
            try:
                self._pass(writer, progress, cancel, UNSETTLED if self.earlier is None else REPEATED_BY_UNDO)
            except JournalError:
                self.spent = False  # nothing was sent: it may be applied once the journal can be written
                raise
            return self._receipt(plan)

    def resume(self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None) -> Receipt:
        """Continue with works that were not sent or whose outcome is unknown; see `Receipt.resume`."""
        with self._exclusive(plan):
            if not self._passes:
                raise PlanError("Nothing was sent yet, so there is nothing to resume.")
            if any(item.outcome in UNSETTLED for item in self.items):
                refuse_read_only(self.api, "nothing was sent")
                self._pass(self._reopen(), progress, cancel, UNSETTLED)
            return self._receipt(plan)

    @contextmanager
    def _exclusive(self, plan: Plan) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise PlanAlreadyApplied("This plan is being applied. Wait for its receipt.")
        try:
            yield
        except KeyboardInterrupt as stop:
            stop.args = stop.args or self._interrupted(plan)
            raise
        finally:
            self._busy.release()

    def _interrupted(self, plan: Plan) -> tuple[str, ...]:
        """Return the message of an interruption: what was done and what to do next, as the caller gets no receipt."""
        latest, undoes, next_step = self.receipt(plan), self.head.get("undoes"), ""
        if latest is None or not latest.entry:
            return ()
        if undoes:
            next_step = f"buckets.undo({undoes!r}) goes on with it."
        elif plan.unknown_is_lost and latest.counts["unknown"]:
            next_step = "A work may be running that nobody holds."
        elif latest.counts["done"] + latest.counts["unknown"]:
            next_step = f"buckets.undo({self.entry!r}) puts back what was done."
        return (f"{latest.summary}. It is in the journal as {self.entry}. {next_step}".rstrip(),)

    def _check_applicable(self, plan: Plan) -> None:
        refuse_read_only(self.api, "nothing was sent")
        if self.spent:
            raise PlanAlreadyApplied(
                f"“{plan.summary}” was applied before, and a plan is applied once; nothing was sent. Its receipt is in "
                "plan.receipt: receipt.resume() goes on with the rest, or build a new plan."
            )
        # The larger of two ages: the wall clock may be set back, and the monotonic clock may stop in standby.
        age = max(time.time() - plan.created_at, time.monotonic() - self._made)
        if age > plan.expires_at - plan.created_at:
            raise PlanExpired(
                f"“{plan.summary}” was shown at {format_time(plan.created_at)} and expired at "
                f"{format_time(plan.expires_at)}; nothing was sent. Build it again, and look again."
            )

    def _begin(self, plan: Plan) -> Writer:
        journal, undoes = self.context.journal, self.head.get("undoes")
        with journal.reopen(undoes, length=self.lengths.get(undoes)) if undoes else nullcontext():
            if self.earlier is not None:
                return self._reopen()
            return journal.begin(
                {**plan.document, **self.head}, [change.id for change in plan.changes], entry=self.entry
            )

    def _reopen(self) -> Writer:
        """Reopen the entry, unless somebody else continued it or it was undone: the undo does not cover later works."""
        writer = self.context.journal.reopen(self.entry, length=self.lengths.get(self.entry))
        if self.context.journal.length(self.entry + UNDO_SUFFIX):
            writer.close()
            raise PlanAlreadyApplied(
                f"{self.entry} was undone since, so it is not gone on with; nothing was sent. Plan it anew."
            )
        self.lengths[self.entry] = writer.length
        return writer

    def _pass(
        self,
        writer: Writer,
        progress: ProgressCallback | None,
        cancel: Cancel | None,
        outcomes: Sequence[Outcome],
    ) -> None:
        """Process the works that have one of these outcomes; their results are kept whatever happens."""
        self.writer = writer
        self.errors, self.notes = [], []
        self.refusals = self._chunks = 0
        self._passes += 1
        started = time.monotonic()
        with writer:
            try:
                self._do_chunks(progress or (lambda *_: None), cancel, outcomes)
            except BucketsError as error:
                self.errors.append(error)
            finally:
                try:
                    self._end()
                finally:
                    self._seconds = time.monotonic() - started
                    self.lengths[self.entry] = writer.length
                    if self._unsent_for() is not None and writer.is_new:
                        writer.discard()  # so that the same plan may be applied later
        if (unsent := self._unsent_for()) is not None:
            self._passes -= 1  # it did nothing that a receipt could name
            raise unsent

    def _unsent_for(self) -> JournalError | None:
        """Return the journal's error that kept this pass from sending anything, if there was one."""
        return None if self._chunks else next((error for error in self.errors if isinstance(error, JournalError)), None)

    def _do_chunks(self, progress: ProgressCallback, cancel: Cancel | None, outcomes: Sequence[Outcome]) -> None:
        todo = [item for item in self.items if item.outcome in outcomes]
        done, rate, started = 0, self._rate, time.monotonic()
        progress(done, len(todo))
        for items in _chunks(todo, self.chunk_executor, rate):
            if rate is not None:
                _wait_until(started + done / rate, cancel)
            if cancel is not None and cancel.is_set():
                self.notes.append(f"Cancelled: {count_of(len(todo) - done, 'work')} left as they were.")
                return
            error = self.chunk_executor.step(self, items)
            self.record(items)
            if error is not None:
                self.errors.append(error)
                if not isinstance(error, Refused) or not any(item.done for item in items):
                    return  # the next chunk would fail in the same way
            done += len(items)
            progress(done, len(todo))

    def announce(
        self, items: Sequence[Item], before: Iterable[str] | None, after: Iterable[str] | None, **more: Any
    ) -> None:
        """Write the works of a request to the journal before it is sent, and set their outcomes to unknown.

        `before` and `after` are the works as JSON texts; None writes null.
        """
        for item in items:
            item.recorded = False
        positions, works = [item.position for item in items], {"before": before, "after": after}
        self.writer.line("chunk", number=self._chunks, positions=positions, works=works, **more)
        self._chunks += 1
        for item in items:
            item.unknown("Sent; what came of it was not seen.")

    def record(self, items: Sequence[Item]) -> None:
        """Write the results of these works to the journal."""
        self.writer.line("outcome", fates=[item.line for item in items])
        for item in items:
            item.recorded = True

    def _end(self) -> None:
        """Write the counts to the journal, and any results that an interruption or a full disk kept out of it."""
        counts = {outcome.value: sum(item.outcome is outcome for item in self.items) for outcome in Outcome}
        try:
            if unrecorded := [item for item in self.items if not item.recorded]:
                self.record(unrecorded)
            self.writer.line("end", counts=counts, errors=[type(error).__name__ for error in self.errors])
        except JournalError as error:
            if not any(isinstance(known, JournalError) for known in self.errors):
                self.errors.append(error)


def _wait_until(due: float, cancel: Cancel | None) -> None:
    while (left := due - time.monotonic()) > 0 and not (cancel is not None and cancel.is_set()):
        time.sleep(min(left, _LOOK_FOR_CANCEL))


def _check_rate(rate: Any, plan: Plan, chunk_executor: ChunkExecutor) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise PlanError(f"rate={truncate(repr(rate), 40)} must be works a second above 0, or None. Nothing was sent.")
    if chunk_executor.in_one_step:
        raise PlanError(f"The service does the {plan.verb} in one go, so it has no rate. Nothing was sent.")


def _chunks(items: list[Item], executor: ChunkExecutor, rate: float | None) -> Iterator[list[Item]]:
    if executor.in_one_step:
        return iter([items] if items else [])
    return _chunked(items, executor.size if rate is None else min(executor.size, max(int(rate), 1)))


def _chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    weight = 0
    for item in items:
        heavy = max(len(side.text) if side else 0 for side in (item.change.before, item.change.after))
        if chunk and (len(chunk) >= size or weight + heavy > CHUNK_BYTES):
            yield chunk
            chunk, weight = [], 0
        chunk.append(item)
        weight += heavy
    if chunk:
        yield chunk
