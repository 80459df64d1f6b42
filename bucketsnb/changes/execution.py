"""Apply a plan once, chunk by chunk: recorded before it is sent, with a receipt that is true whatever happens.

The chunk executor of the verb does one chunk. This module does what all verbs share: it applies a plan only once,
reports progress, cancels, keeps errors and interruptions, and resumes. A plan holds its execution, and a receipt holds
its plan; an execution holds neither.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
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

__all__ = ["REPEATED_BY_UNDO", "ChunkExecutor", "Context", "Execution"]

CHUNK_BYTES = 8_000_000
"""At most so many bytes of works, as JSON, go in one request; a larger work goes alone."""

_LOOK_FOR_CANCEL = 0.1
"""Seconds between two checks for a cancel, while a rate makes the next chunk wait."""

REPEATED_BY_UNDO = (*UNSETTLED, Outcome.REFUSED, Outcome.STILL_THERE)
"""Outcomes that a repeated undo tries again; until then, the receipt shows them as they are."""


@dataclass(frozen=True)
class Context:
    """What every plan is applied with: the service, the journal, and what makes the plan that undoes an entry."""

    api: Api
    journal: Journal
    undo: Callable[[str], Plan]


class ChunkExecutor(ABC):
    """Does one chunk of a plan; each verb has a class of its own."""

    size: int
    """At most so many works in a chunk."""
    divides_by_rate = True
    """Whether the plan may be applied at a rate; False for what the service does in one go."""

    @abstractmethod
    def step(self, execution: Execution, positions: Sequence[int]) -> BucketsError | None:
        """Do one chunk, and keep the result of each work true at every moment; return the error, if there was one."""


@dataclass(eq=False, repr=False)
class Execution:
    """Applies one plan once, and resumes it after an interruption; chunk executors work with it.

    `results` is true at every moment: a work is ``unknown`` from before its request leaves until it was read back.

    Attributes
    ----------
    entry
        Id of the entry in the journal. It is chosen when the plan is made, so that a copy of the plan in a forked
        process has the same one: an entry can be begun only once.
    head
        What the journal keeps at the start of the entry, beside the plan.
    earlier
        Results of an entry that exists already and is continued; None for a new entry.
    lengths
        Bytes that entries had when they were read: an entry that is longer now was continued by somebody else.
    """

    context: Context
    chunk_executor: ChunkExecutor
    entry: str = field(default_factory=new_entry)
    head: Mapping[str, Any] = field(default_factory=dict)
    earlier: Sequence[WorkResult] | None = None
    lengths: dict[str, int] = field(default_factory=dict)

    spent = False

    def __post_init__(self) -> None:
        self.api = self.context.api
        self.results = list(self.earlier or ())
        self.errors: list[BaseException] = []
        self.notes: list[str] = []
        self.refusals = self._chunks = self._passes = 0
        self._seconds = 0.0
        self._rate: float | None = None
        self._unrecorded: set[int] = set()
        self._busy = threading.Lock()
        self._made = time.monotonic()

    # --- for plans ---

    def receipt(self, plan: Plan) -> Receipt | None:
        """Return the receipt of a plan so far, or None if nothing was applied."""
        return self._receipt(plan) if self._passes or (self.spent and not plan.changes) else None

    def _receipt(self, plan: Plan) -> Receipt:
        results, errors, notes = tuple(self.results), tuple(self.errors), tuple(self.notes)
        return Receipt(plan, self.entry if plan.changes else "", results, errors, notes, self._seconds, self._rate)

    def apply(
        self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None, rate: float | None
    ) -> Receipt:
        """Apply a plan, once."""
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
            if self.earlier is None:
                self.results = [WorkResult(Outcome.NOT_SENT, change.id, change.before) for change in plan.changes]
            try:
                self._pass(plan, writer, progress, cancel, UNSETTLED if self.earlier is None else REPEATED_BY_UNDO)
            except JournalError:
                self.spent = False  # nothing was sent: once there is room on the disk, it may be applied
                raise
            return self._receipt(plan)

    def resume(self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None) -> Receipt:
        """Continue with works that were not sent or whose outcome is unknown."""
        with self._exclusive(plan):
            if not self._passes:
                raise PlanError("Nothing was sent yet, so there is nothing to resume.")
            if any(result.outcome in UNSETTLED for result in self.results):
                refuse_read_only(self.api, "nothing was sent")
                self._pass(plan, self._reopen(), progress, cancel, UNSETTLED)
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
        # Neither a clock that was set back nor one that stopped while the machine slept makes a plan younger.
        shown = max(time.time() - plan.created_at, time.monotonic() - self._made)
        if shown > plan.expires_at - plan.created_at:
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
        plan: Plan,
        writer: Writer,
        progress: ProgressCallback | None,
        cancel: Cancel | None,
        outcomes: Sequence[Outcome],
    ) -> None:
        """Process the works that have one of these outcomes; their results are kept whatever happens."""
        self.writer, self.changes = writer, plan.changes
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
            raise unsent

    def _unsent_for(self) -> JournalError | None:
        """Return the journal's error that kept this pass from sending anything, if there was one."""
        return None if self._chunks else next((one for one in self.errors if isinstance(one, JournalError)), None)

    def _do_chunks(self, progress: ProgressCallback, cancel: Cancel | None, outcomes: Sequence[Outcome]) -> None:
        todo = [position for position, result in enumerate(self.results) if result.outcome in outcomes]
        done, rate, size, started = 0, self._rate, self.chunk_executor.size, time.monotonic()
        progress(done, len(todo))
        for positions in _chunked(self.changes, todo, size if rate is None else min(size, max(int(rate), 1))):
            if rate is not None:
                _wait_until(started + done / rate, cancel)
            if cancel is not None and cancel.is_set():
                self.notes.append(f"Cancelled: {count_of(len(todo) - done, 'work')} left as they were.")
                return
            error = self.chunk_executor.step(self, positions)
            self.record(positions)
            if error is not None:
                self.errors.append(error)
                if not isinstance(error, Refused) or not any(map(self.is_done, positions)):
                    return  # the next chunk would fail in the same way
            done += len(positions)
            progress(done, len(todo))

    # --- for chunk executors ---

    def ids(self, positions: Sequence[int]) -> list[str]:
        """Return the ids of the works at these positions; works without an id are left out."""
        return [found for position in positions if (found := self.changes[position].id) is not None]

    def is_done(self, position: int) -> bool:
        """Tell whether the work at a position is done."""
        return self.results[position].outcome is Outcome.DONE

    def settle(
        self,
        position: int,
        outcome: Outcome,
        record: Mapping[str, Any] | None = None,
        *,
        detail: str = "",
        new_id: str | None = None,
        work_id: str | None = None,
    ) -> None:
        """Set what became of a work.

        Parameters
        ----------
        record
            The work as it was last read.
        new_id
            Id that the service gave it.
        work_id
            Id of the work that was changed, if it is another one than planned.
        """
        self._unrecorded.add(position)
        change = self.changes[position]
        after = None if record is None else WorkSnapshot.of(record)
        known = work_id or change.id or new_id
        self.results[position] = WorkResult(outcome, known, change.before, after, detail, new_id)

    def announce(
        self, positions: Sequence[int], before: Iterable[str] | None, after: Iterable[str] | None, **more: Any
    ) -> None:
        """Write the works of a request to the journal, as JSON; their outcome is unknown until they are settled."""
        self._unrecorded.update(positions)
        works = {"before": before, "after": after}
        self.writer.line("chunk", number=self._chunks, positions=list(positions), works=works, **more)
        self._chunks += 1
        self.unknown(positions, "Sent; what came of it was not seen.")

    def unknown(self, positions: Iterable[int], detail: str) -> None:
        """Set the outcome of works that are being sent to unknown."""
        for position in positions:
            self.settle(position, Outcome.UNKNOWN, detail=detail, new_id=self.results[position].new_id)

    def record(self, positions: Sequence[int]) -> None:
        """Write the results of a chunk to the journal."""
        self.writer.line("outcome", fates=[self._line_of(position) for position in positions])
        self._unrecorded.difference_update(positions)

    def _line_of(self, position: int) -> list[Any]:
        """Return what the journal keeps of a result; the work itself only if it differs from the plan."""
        result, planned = self.results[position], self.changes[position].after
        left = result.after if result.outcome is Outcome.DONE else None
        recorded = None if left is None else True if left == planned else left.record
        return [position, result.outcome.value, recorded, result.new_id, result.detail]

    def _end(self) -> None:
        """Write the counts to the journal, and any results that an interruption or a full disk kept out of it."""
        counts = {outcome.value: sum(result.outcome is outcome for result in self.results) for outcome in Outcome}
        try:
            if self._unrecorded:
                self.record(sorted(self._unrecorded))
            self.writer.line("end", counts=counts, errors=[type(error).__name__ for error in self.errors])
        except JournalError as error:
            if not any(isinstance(one, JournalError) for one in self.errors):
                self.errors.append(error)


def _wait_until(due: float, cancel: Cancel | None) -> None:
    while (left := due - time.monotonic()) > 0 and not (cancel is not None and cancel.is_set()):
        time.sleep(min(left, _LOOK_FOR_CANCEL))


def _check_rate(rate: Any, plan: Plan, chunk_executor: ChunkExecutor) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise PlanError(f"rate={truncate(repr(rate), 40)} must be works a second above 0, or None. Nothing was sent.")
    if not chunk_executor.divides_by_rate:
        raise PlanError(f"The service does the {plan.verb} in one go, so it has no rate. Nothing was sent.")


def _chunked(changes: Sequence[Change], positions: Sequence[int], size: int) -> Iterator[list[int]]:
    chunk: list[int] = []
    weight = 0
    for position in positions:
        before, after = changes[position].before, changes[position].after
        heavy = max(len(before.text) if before else 0, len(after.text) if after else 0)
        if chunk and (len(chunk) >= size or weight + heavy > CHUNK_BYTES):
            yield chunk
            chunk, weight = [], 0
        chunk.append(position)
        weight += heavy
    if chunk:
        yield chunk
