"""Stream the answer to a view: its pieces are read in threads as the client takes them, and the read is ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import suppress

import anyio
from anyio.to_thread import run_sync
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

__all__ = ["ViewAnswer"]

_PATIENCE_SECONDS = 60.0
"""How long a client may leave a piece of an answer unread: a store keeps all that has changed since it was asked."""


class ViewAnswer(StreamingResponse):
    """A view on its way to a client; `threads` limits how many are read at once, so that all else has threads too."""

    def __init__(self, pieces: Generator[bytes, None, None], threads: anyio.CapacityLimiter) -> None:
        self._pieces = pieces
        self._threads = threads
        self._first = b""
        self._stream = self._streamed()
        super().__init__(self._stream, media_type="application/json")

    async def begun(self) -> ViewAnswer:
        """Read the first piece before the answer begins, so that a query which fails on its first works is a 400."""
        self._first = await self._next()
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, and let go of the store also where the client hangs up."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(_PATIENCE_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
                await run_sync(self._let_go, limiter=self._threads)

    async def _streamed(self) -> AsyncGenerator[bytes, None]:
        piece = self._first
        while piece:
            yield piece
            piece = await self._next()

    async def _next(self) -> bytes:
        return await run_sync(next, self._pieces, b"", limiter=self._threads)

    def _let_go(self) -> None:
        with suppress(ValueError):  # the service is ended amid a piece: the thread that reads it ends with the store
            self._pieces.close()
