"""The answer to a view: read in threads, a piece at a time as the client takes them, and let go of however it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bucketsnb.backend.http.dispatch import Dispatcher

__all__ = ["ViewAnswer"]

_PATIENCE_SECONDS = 60.0
"""How long a client may leave a piece of an answer unread: a store keeps all that has changed since it was asked."""


class ViewAnswer(StreamingResponse):
    """A view on its way to a client.

    When a client hangs up, Starlette leaves what was being sent to the garbage collector, and the view with it, which
    holds the store to what it was when it was asked: here it ends at once, or with the piece that a thread is reading.

    Parameters
    ----------
    calls
        The threads that read.
    pieces
        What the store gives.
    """

    def __init__(self, calls: Dispatcher, pieces: Any) -> None:
        self._calls = calls
        self._pieces = pieces
        self._first = b""
        self._reading = threading.Lock()
        self._unwanted = False
        self._stream = self._streamed()
        super().__init__(self._stream, media_type="application/json")

    async def begun(self) -> ViewAnswer:
        """Read the first piece before the answer begins, so that a query which fails on its first works is a 400."""
        try:
            self._first = await self._calls.view(self._next)
        except BaseException:
            self._end()
            raise
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()
            await self._stream.aclose()

    async def _streamed(self) -> AsyncGenerator[bytes, None]:
        piece = self._first
        while piece:
            given_up = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._end)
            try:
                yield piece
            finally:
                given_up.cancel()
            if self._unwanted:  # ended meanwhile: what follows would look like the end of the answer
                raise ClientDisconnect
            piece = await self._calls.view(self._next)

    def _next(self) -> bytes:
        with self._reading:
            piece: bytes = next(self._pieces, b"")
        if self._unwanted:
            self._end()
        return piece

    def _end(self) -> None:
        """Let go of the store; a thread that is reading just now does so itself when it has its piece."""
        self._unwanted = True
        if self._reading.acquire(blocking=False):
            try:
                self._pieces.close()
            finally:
                self._reading.release()
