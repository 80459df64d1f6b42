"""Carry calls from the event loop to a store, so that the loop never waits for a disk.

A claim that waits for nothing is made in the loop. Other changes go through one thread, which makes all that wait
durable at once (one sync of the disk for many requests), or side by side through several where the store prefers that;
reads and searches go through a few others.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from bucketsnb.backend.stores.base import Store, StoreError, Wait, Withdrawal, WouldWait

__all__ = ["Dispatcher"]

T = TypeVar("T")

_GROUP_MAX = 64
"""Changes that are made durable at once; more would make the first of them wait."""


_CHANGERS = 32
"""Changes that wait for another machine at once, where the store takes them side by side."""


@dataclass
class _Call:
    act: Callable[[], Any]
    durable: bool
    future: asyncio.Future[Any]
    outcome: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        self.outcome, self.error = None, None
        try:
            self.outcome = self.act()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the request that asked
            self.error = error

    def report(self) -> None:
        if self.future.cancelled():
            return
        if self.error is None:
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(self.error)


class Dispatcher:
    """The threads between an event loop and a store.

    Parameters
    ----------
    store
        Where the calls go.
    readers
        How many views may run at once, and how many other reads.
    """

    def __init__(self, store: Store, readers: int = 8) -> None:
        self.store = store
        self._pool = ThreadPoolExecutor(readers, "bucketsnb-read")
        self._viewers = ThreadPoolExecutor(readers, "bucketsnb-view")  # their own, so that long views hold up no claim
        # Threads of their own, so that long reads hold up no change.
        self._changers = None if store.one_writer else ThreadPoolExecutor(_CHANGERS, "bucketsnb-change")
        self._waiting: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="bucketsnb-write", daemon=True)
        self._thread.start()

    async def read(self, act: Callable[[], T]) -> T:
        """Run a call that may take long and changes nothing, or changes it in a transaction of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)

    async def view(self, act: Callable[[], T]) -> T:
        """Run a part of a view, which may read every work there is."""
        return await asyncio.get_running_loop().run_in_executor(self._viewers, act)

    async def change(self, act: Callable[[], T], *, durable: bool = True) -> T:
        """Run a quick change, durable when this returns unless that need not be waited for."""
        loop = asyncio.get_running_loop()
        if self._changers is not None:
            return await loop.run_in_executor(self._changers, act)
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.put(_Call(act, durable, future))
        return await future

    async def claim(self, withdrawal: Withdrawal) -> bytes | None:
        """Make a withdrawal: in the loop if it waits for nothing, as a thread takes longer to reach than that does."""
        if not withdrawal.at_once:
            return await self.read(withdrawal)
        try:
            return withdrawal.now()
        except WouldWait:
            return await self.change(withdrawal, durable=False)

    def close(self) -> None:
        """Finish the changes that wait, and end the threads."""
        self._waiting.put(None)
        self._thread.join()
        self._pool.shutdown()
        self._viewers.shutdown()
        if self._changers is not None:
            self._changers.shutdown()

    def _work(self) -> None:
        going = True
        while going:
            calls, going = self._next()
            if calls:
                self._run(calls)
                calls[0].future.get_loop().call_soon_threadsafe(_report, calls)

    def _next(self) -> tuple[list[_Call], bool]:
        call = self._waiting.get()
        calls: list[_Call] = []
        while call is not None and len(calls) < _GROUP_MAX:
            calls.append(call)
            if len(calls) == _GROUP_MAX:
                break
            try:
                call = self._waiting.get_nowait()
            except Empty:
                break
        return calls, call is not None

    def _run(self, calls: list[_Call]) -> None:
        if len(calls) > 1:
            try:
                with self.store.together(Wait.DISK if any(call.durable for call in calls) else Wait.TURN):
                    for call in calls:
                        call.run()
            except StoreError:
                pass  # nothing of the group was kept: each is tried alone, so that one failure is its own
            else:
                return
        for call in calls:
            call.run()


def _report(calls: list[_Call]) -> None:
    for call in calls:
        call.report()
