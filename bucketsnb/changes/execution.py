"""Carry a plan out, once: chunk by chunk, on record first, with a true receipt whatever happens on the way.

What one chunk of a verb takes is a chunk executor's business. This module owns what they share: that a plan is
applied once, progress, cancel, errors, interruptions, and going on with the rest.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bucketsnb.changes.journal import Journal, new_entry, who
from bucketsnb.changes.journal_file import UNDO_SUFFIX, Writer
from bucketsnb.changes.plan import document_of
from bucketsnb.changes.plan_file import write_plan_file
from bucketsnb.changes.receipt import Outcome, Receipt, WorkResult
from bucketsnb.changes.snapshot import Change, written
from bucketsnb.display.texts import count_of, format_time, truncate
from bucketsnb.errors import BucketsError, Cure, JournalError, PlanAlreadyApplied, PlanError, PlanExpired, ReadOnly

if TYPE_CHECKING:
    from pathlib import Path

    from bucketsnb.api import Api
    from bucketsnb.changes.plan import Plan
    from bucketsnb.progress import Cancel, ProgressCallback

__all__ = ["AGAIN", "Application", "ChunkExecutor", "Context", "CurrentWorks", "Execution", "Undo", "look"]

CHUNK_BYTES = 8_000_000
"""Bytes of works, as JSON, that one request carries at most (one work always goes)."""

_LOOK_FOR_CANCEL = 0.1
"""Seconds between looks for a cancel while the next chunk is waited for."""

_REST = (Outcome.NOT_SENT, Outcome.UNKNOWN)

AGAIN = (*_REST, Outcome.REFUSED, Outcome.STILL_THERE)
"""What an undo that is asked for once more tries again; until it does, what became of it before is what is said."""

Undo = Callable[[str], "Plan"]
"""Makes the plan that undoes an entry of the journal."""


@dataclass(frozen=True)
class Context:
    """What every application needs: the service, the journal, and how to undo."""

    api: Api
    journal: Journal
    undo: Undo


class ChunkExecutor(Protocol):
    """How one chunk of a plan is done."""

    size: int
    """Works in a chunk, at most."""

    def step(self, execution: Execution, positions: Sequence[int]) -> None:
        """Do one chunk, and leave a true result for each of its works at every moment."""
        ...


@dataclass
class Execution:
    """One pass over a plan: what the acts work with.

    `results` is true at every moment: a work is ``unknown`` from before its request leaves until it was read back.
    """

    context: Context
    plan: Plan
    results: list[WorkResult]
    writer: Writer
    errors: list[BaseException] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sent: bool = False
    unrecorded: set[int] = field(default_factory=set)
    chunks: int = 0
    refusals: int = 0
    seconds: float = 0.0

    @property
    def api(self) -> Api:
        """The service."""
        return self.context.api

    @property
    def unkept(self) -> JournalError | None:
        """Why something is not on record, if it is not."""
        return next((error for error in self.errors if isinstance(error, JournalError)), None)

    def change(self, position: int) -> Change:
        """Return the change at a position of the plan."""
        return self.plan.changes[position]

    def settle(self, position: int, outcome: Outcome, *, detail: str = "", **more: Any) -> None:
        """Say what became of the work at a position; from here on that is to be put on record."""
        self.unrecorded.add(position)
        change = self.change(position)
        self.results[position] = WorkResult(outcome, more.pop("id", change.id), change.before, detail=detail, **more)

    def announce(
        self, positions: Sequence[int], before: Iterable[str] | None, after: Iterable[str] | None, **more: Any
    ) -> None:
        """Put the full works of a request on the disk; from here on its outcome is unknown until it is settled.

        The works are given as JSON, each as :func:`~bucketsnb.changes.snapshot.written`.

        Raises
        ------
        JournalError
            If that fails. Nothing was sent.
        """
        self.unrecorded.update(positions)
        self.writer.line(
            "chunk",
            number=self.chunks,
            positions=list(positions),
            works={"before": before, "after": after},
            **more,
        )
        self.chunks += 1
        self.sent = True
        for position in positions:
            kept = self.results[position].new_id
            self.settle(position, Outcome.UNKNOWN, detail="Sent; what came of it was not seen.", new_id=kept)

    def record(self, positions: Sequence[int]) -> None:
        """Put what became of a chunk on the disk."""
        self.writer.line("outcome", fates=[self._kept(position) for position in positions])
        self.unrecorded.difference_update(positions)

    def _kept(self, position: int) -> list[Any]:
        """Return what the journal keeps of a result; the work as it was left only where it is not just as planned."""
        result, planned = self.results[position], self.change(position).after
        left = result.after if result.outcome is Outcome.DONE else None
        kept = None if left is None else True if left == planned else left.record
        return [position, result.outcome.value, kept, result.new_id, result.detail]


class Application:
    """The one application of a plan, with what is left of it to do.

    Parameters
    ----------
    context
        The service and the journal.
    act
        How a chunk is done.
    entry
        Id of the journal's entry, where it is not to be a new one. A new one is given its id here, with the plan: a
        copy of the plan in a forked process has the same, and an entry is begun once.
    head
        What else the journal is to keep at the start of the entry.
    results
        What became of the works before, when the entry is there already and is to be gone on with.
    lengths
        Bytes that entries had when they were read, by id: one that has more by now is another's to go on with.
    """

    def __init__(
        self,
        context: Context,
        act: ChunkExecutor,
        *,
        entry: str | None = None,
        head: Mapping[str, Any] | None = None,
        results: Sequence[WorkResult] | None = None,
        lengths: Mapping[str, int] | None = None,
    ) -> None:
        self.context = context
        self.act = act
        self.latest: Receipt | None = None
        self.spent = False
        self._entry = entry or new_entry()
        self._head = dict(head or {})
        self._before = results
        self._lengths = dict(lengths or {})
        self._plan: Plan | None = None
        self._busy = threading.Lock()
        self._made = time.monotonic()
        self._rate: float | None = None

    def save(self, plan: Plan, path: Path, expires_after: float) -> None:
        """Write a plan to a file, to be applied from there or from here, once."""
        if self.spent:
            raise PlanAlreadyApplied(f"“{plan.summary}” was applied before, so there is nothing to pass on.")
        write_plan_file(path, plan, self._entry, who(), expires_after)

    def apply(
        self, plan: Plan, progress: ProgressCallback | None, cancel: Cancel | None, rate: float | None = None
    ) -> Receipt:
        """Apply a plan, once."""
        with self._alone("This plan is being applied."):
            self._may(plan)
            self._rate = _checked_rate(rate, plan, self.act)
            results = list(
                self._before or [WorkResult(Outcome.NOT_SENT, change.id, change.before) for change in plan.changes]
            )
            if not plan.changes:
                self.spent, self._plan = True, plan
                self.latest = self._receipt(plan, results, "")
                return self.latest
            try:
                self.spent, self._plan = True, plan
                writer = self._begin(plan)
            except BaseException as error:
                self.spent = isinstance(error, PlanAlreadyApplied)  # nothing was sent: the same plan may go later
                raise
            try:
                return self._pass(plan, results, writer, progress, cancel, _REST if self._before is None else AGAIN)
            except JournalError:
                self.spent = False  # nor here: once there is room, it may go
                raise

    def resume(self, receipt: Receipt, progress: ProgressCallback | None, cancel: Cancel | None) -> Receipt:
        """Go on with works that were not sent or whose outcome is unknown."""
        with self._alone("This plan is being applied."):
            plan, latest = self._plan, self.latest or receipt
            if plan is None or not latest.unsettled:
                return latest
            _refuse_read_only(self.context)
            return self._pass(plan, list(latest.results), self._reopen(latest.entry), progress, cancel, _REST)

    def undo(self, receipt: Receipt, progress: ProgressCallback | None, cancel: Cancel | None) -> Receipt:
        """Undo what a receipt says was done."""
        return self.context.undo(receipt.entry).apply(progress, cancel)

    @contextmanager
    def _alone(self, otherwise: str) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise PlanAlreadyApplied(f"{otherwise} Wait for its receipt.")
        try:
            yield
        except KeyboardInterrupt as stop:
            stop.args = stop.args or self._on_record()
            raise
        finally:
            self._busy.release()

    def _on_record(self) -> tuple[str, ...]:
        """Say what an interruption left: someone who pressed stop has no receipt in the hand."""
        latest = self.latest
        if latest is None or not latest.entry:
            return ()
        return (f"{latest.summary}. It is in the journal as {latest.entry}. {self._next_step(latest)}".rstrip(),)

    def _next_step(self, latest: Receipt) -> str:
        undoes = self._head.get("undoes")
        if undoes:
            return f"buckets.undo({undoes!r}) goes on with it."
        if latest.verb == "withdraw" and latest.counts["unknown"]:
            return "A work may be running that nobody holds."
        changed = latest.counts["done"] + latest.counts["unknown"]
        return f"buckets.undo({latest.entry!r}) puts back what was done." if changed else ""

    def _may(self, plan: Plan) -> None:
        _refuse_read_only(self.context)
        if self.spent:
            raise PlanAlreadyApplied(
                f"“{plan.summary}” was applied before, and a plan is applied once; nothing was sent. Its receipt is in "
                "plan.receipt: receipt.resume() goes on with the rest, or build a new plan."
            )
        # A clock that is set back makes no plan younger, nor does one that stood still while the machine slept.
        shown = max(time.time() - plan.created_at, time.monotonic() - self._made)
        if shown > plan.expires_at - plan.created_at:
            raise PlanExpired(
                f"“{plan.summary}” was shown at {format_time(plan.created_at)} and expired at "
                f"{format_time(plan.expires_at)}; nothing was sent. Build it again, and look again."
            )

    def _begin(self, plan: Plan) -> Writer:
        journal, undoes = self.context.journal, self._head.get("undoes")
        with journal.reopen(undoes, length=self._lengths.get(undoes)) if undoes else nullcontext():
            if self._before is not None:
                return self._reopen(self._entry)
            head = {**document_of(plan), **self._head}
            return journal.begin(head, [change.id for change in plan.changes], entry=self._entry)

    def _reopen(self, entry: str) -> Writer:
        """Go on with an entry, if nobody else has, and if it was not undone: an undo knows of no work done later."""
        writer = self.context.journal.reopen(entry, length=self._lengths.get(entry))
        if self.context.journal.length(entry + UNDO_SUFFIX):
            writer.close()
            raise PlanAlreadyApplied(
                f"{entry} was undone since, so it is not gone on with; nothing was sent. Plan it anew."
            )
        self._lengths[entry] = writer.length
        return writer

    def _pass(
        self,
        plan: Plan,
        results: list[WorkResult],
        writer: Writer,
        progress: ProgressCallback | None,
        cancel: Cancel | None,
        left: Collection[Outcome],
    ) -> Receipt:
        execution = Execution(self.context, plan, results, writer)
        started = time.monotonic()
        try:
            with writer:
                try:
                    self._chunks(execution, progress, cancel, left)
                except BucketsError as error:
                    execution.errors.append(error)
                finally:
                    try:
                        self._end(execution)
                    finally:
                        execution.seconds = time.monotonic() - started
                        self._lengths[writer.entry] = writer.length
                        if execution.unkept is not None and not execution.sent and writer.is_new:
                            writer.discard()  # so that the same plan may go once it can be kept
        except BaseException:
            self.latest = self._receipt(plan, execution.results, writer.entry, execution)
            raise
        try:
            self.latest = self._receipt(plan, execution.results, writer.entry, execution)
        except KeyboardInterrupt:  # pressed after all was done: it takes no receipt away
            self.latest = self._receipt(plan, execution.results, writer.entry, execution)
            raise
        if execution.unkept is not None and not execution.sent:
            raise execution.unkept
        return self.latest

    def _chunks(
        self, execution: Execution, progress: ProgressCallback | None, cancel: Cancel | None, left: Collection[Outcome]
    ) -> None:
        todo = [position for position, result in enumerate(execution.results) if result.outcome in left]
        done = 0
        _tell(progress, done, len(todo))
        pace = Pace(self._rate)
        for positions in _chunked(execution.plan, todo, pace.most(self.act.size)):
            pace.wait(done, cancel)
            if cancel is not None and cancel.is_set():
                execution.notes.append(f"Cancelled: {count_of(len(todo) - done, 'work')} left as they were.")
                return
            self.act.step(execution, positions)
            done += len(positions)
            _tell(progress, done, len(todo))

    def _end(self, execution: Execution) -> None:
        counts = self._receipt(execution.plan, execution.results, execution.writer.entry).counts
        try:
            if execution.unrecorded:  # what an interruption, or a disk that was full, kept off the record
                execution.record(sorted(execution.unrecorded))
            execution.writer.line("end", counts=counts, errors=[type(error).__name__ for error in execution.errors])
        except JournalError as error:
            if execution.unkept is None:
                execution.errors.append(error)

    def _receipt(
        self, plan: Plan, results: list[WorkResult], entry: str, execution: Execution | None = None
    ) -> Receipt:
        errors = execution.errors if execution else ()
        notes = execution.notes if execution else ()
        return Receipt(
            plan.verb,
            plan.summary,
            plan.host,
            entry,
            tuple(results),
            tuple(errors),
            tuple(notes),
            plan.removes,
            execution.seconds if execution else 0.0,
            self._rate,
            self,
        )


class Pace:
    """Keeps works to a number a second, by small chunks and waits between them.

    Parameters
    ----------
    rate
        Works a second at most; None for no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._started = time.monotonic()

    def most(self, size: int) -> int:
        """Return how many works a chunk may have: those of one second, and no more than `size`."""
        return size if self._rate is None else min(size, max(int(self._rate), 1))

    def wait(self, done: int, cancel: Cancel | None) -> None:
        """Wait until the next chunk is due after `done` works, or until cancelled."""
        due = self._started + (done / self._rate if self._rate else 0.0)
        while (left := due - time.monotonic()) > 0 and not (cancel is not None and cancel.is_set()):
            time.sleep(min(left, _LOOK_FOR_CANCEL))


def _checked_rate(rate: Any, plan: Plan, act: ChunkExecutor) -> float | None:
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise PlanError(f"rate={truncate(repr(rate), 40)} must be works a second above 0, or None. Nothing was sent.")
    if not getattr(act, "divides_by_rate", True):
        raise PlanError(f"The service does the {plan.verb} in one go, so it has no rate. Nothing was sent.")
    return float(rate)


class CurrentWorks(dict[str, dict[str, Any]]):
    """Works by id, as they are now; one that is not there is not among them."""

    shared: frozenset[str] = frozenset()
    """Ids that several works have: a request by such an id would change all of them, or any."""

    def __init__(self, works: Mapping[str, dict[str, Any]]) -> None:
        super().__init__(works)
        self._texts: dict[str, str] = {}

    def text(self, one: str) -> str:
        """Return the work of an id as JSON, which is written once."""
        if one not in self._texts:
            self._texts[one] = written(self[one])
        return self._texts[one]


def look(api: Api, ids: Sequence[str], query: Mapping[str, Any] | None = None) -> CurrentWorks:
    """Read works by id as they are now, those only that match a query where one is given."""
    found = api.view_by_ids(ids, query)
    works = [record for record in found if isinstance(record.get("id"), str)]
    looked = CurrentWorks({record["id"]: record for record in works})
    if len(looked) < len(works):
        counts = Counter(record["id"] for record in works)
        looked.shared = frozenset(one for one, number in counts.items() if number > 1)
    return looked


def _chunked(plan: Plan, positions: Sequence[int], size: int) -> Iterator[list[int]]:
    chunk: list[int] = []
    weight = 0
    for position in positions:
        heavy = _weight(plan.changes[position])
        if chunk and (len(chunk) >= size or weight + heavy > CHUNK_BYTES):
            yield chunk
            chunk, weight = [], 0
        chunk.append(position)
        weight += heavy
    if chunk:
        yield chunk


def _weight(change: Change) -> int:
    return max(len(side.text) for side in (change.before, change.after) if side is not None)


def _tell(progress: ProgressCallback | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _refuse_read_only(context: Context) -> None:
    if context.api.read_only:
        raise ReadOnly("This client is read-only: nothing was sent.", cure=Cure.ALLOW_CHANGES)
