"""What every request passes before a route sees it: the token, the sizes, cross-origin headers, a trailing slash.

A browser sends what any page asks it to, from behind every firewall. A page knows no token; a service without one
answers no pages but those of this machine, as works hold commands that runners execute.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bucketsnb.addresses import is_loopback
from bucketsnb.backend.http.problems import problem

__all__ = ["BODY_BYTES_MAX", "Guard", "read_body"]

BODY_BYTES_MAX = 100_000_000
"""Bytes that the body of a request may have, as in the service."""

_TOO_LARGE = f"the body is over {BODY_BYTES_MAX:,} bytes: send less at once; nothing was stored"
_QUERY_BYTES_MAX = 1024 * 1024
_CORS = (b"access-control-allow-origin", b"*")
_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "content-type, x-access-token",
}


class Guard:
    """The outermost part of the application.

    Parameters
    ----------
    app
        The application behind it.
    token
        What ``x-access-token`` must hold, or None.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _CORS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_cors)
            return
        path = scope["path"]
        # A slash that was sent as %2F ends the name of a pipeline, not the address.
        if len(path) > 1 and path.endswith("/") and scope["raw_path"].endswith(b"/"):
            scope["path"] = path.rstrip("/") or "/"
        await self._app(scope, receive, send_with_cors)

    def _refusal(self, scope: Scope) -> Response | None:
        if len(scope["query_string"]) > _QUERY_BYTES_MAX:
            return problem(414, f"the request line is over {_QUERY_BYTES_MAX:,} bytes: send less at once")
        if scope["method"] == "OPTIONS":
            return Response(status_code=200, headers=_PREFLIGHT)
        headers = dict(scope["headers"])
        if self._token and scope["path"] != "/version" and not self._admits(headers.get(b"x-access-token", b"")):
            return problem(401, "this service needs a token: send the right one as x-access-token")
        if not self._token and scope["path"] != "/version" and _is_from_elsewhere(headers, scope["path"]):
            return problem(403, "this service has no token, and so answers web pages of this machine only")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > BODY_BYTES_MAX:
            return _too_large()
        return None

    def _admits(self, given: bytes) -> bool:
        return self._token is not None and hmac.compare_digest(given, self._token)


def _is_from_elsewhere(headers: Mapping[bytes, bytes], path: str) -> bool:
    """Say whether a browser sends this for a page of another machine; a program that is no browser says no origin."""
    origin = headers.get(b"origin")
    if origin is None:  # as for an image: a page cannot read the answer, but the audit would be done
        return path.startswith("/audit/") and headers.get(b"sec-fetch-site") == b"cross-site"
    try:
        return not is_loopback(urlsplit(origin.decode("latin-1")).hostname or "")
    except ValueError:
        return True


def _too_large() -> Response:
    return problem(413, _TOO_LARGE)


async def read_body(receive: Receive) -> bytes:
    """Read the body of a request, and no more than may be."""
    pieces, size = [], 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > BODY_BYTES_MAX:
            raise HTTPException(413, _TOO_LARGE)
        pieces.append(piece)
    return b"".join(pieces)
