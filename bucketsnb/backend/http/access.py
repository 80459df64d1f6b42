"""Decide which requests are answered: by their token, or without one by where they come from; and limit their size.

Any web page can make a browser send requests to this machine, also from behind a firewall. A page of another machine
does not know the token, so a service with a token need not check where a request comes from. A service without a token
answers requests to this machine's own names only, as the name of a page's host may be made to lead here; and it answers
no browser on behalf of a page of another machine.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bucketsnb.addresses import is_loopback
from bucketsnb.backend.http.problems import problem

__all__ = ["BODY_BYTES_MAX", "HEAD_BYTES_MAX", "AccessControl", "read_body"]

BODY_BYTES_MAX = 100_000_000
"""Most bytes of the body of a request, as in the service."""

HEAD_BYTES_MAX = 64 * 1024
"""Most bytes of the address and the headers of a request together."""

_TOO_LARGE = f"the body is over {BODY_BYTES_MAX:,} bytes: send less at once; nothing was stored"
_LONG_HEAD = f"address and headers are over {HEAD_BYTES_MAX:,} bytes: send less at once, or ids in the body"
_NO_TOKEN = "this service needs a token: send the right one as x-access-token"  # noqa: S105 - no secret

_OTHER_NAME = (
    "this service has no token, and so answers under this machine's own names only: ask for localhost or 127.0.0.1, or "
    "start it with a token"
)
_OTHER_SITE = "this service has no token, and so answers web pages of this machine only"
_UNSAID_PAGE = (
    "this service has no token, and so acts for no browser that does not say which page asks (a program says another "
    "User-Agent than Mozilla)"
)
_AUDIT_BY_LINK = (
    "an audit changes works: this service has no token, and so makes none for a browser, which any link may lead here "
    "(a program says another User-Agent than Mozilla)"
)

_CORS = (b"access-control-allow-origin", b"*")
_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "content-type, x-access-token",
}
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]*)?")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

Headers = Mapping[bytes, bytes]


class AccessControl:
    """The outermost part of the application; `token` is the required ``x-access-token``, or None."""

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        reason = None if self._token else _reason_to_refuse(scope, headers)
        if reason is not None:  # sent without the CORS header, so that no page can read it
            await problem(403, reason)(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _CORS]
            await send(message)

        # A slash that was sent as %2F may be part of the name of a pipeline.
        if not scope["path"].startswith("/status/details/") or scope["raw_path"].endswith(b"/"):
            scope["path"] = scope["path"].rstrip("/") or "/"
        await (self._refusal(scope, headers) or self._app)(scope, receive, send_with_cors)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        head = [scope["raw_path"], scope["query_string"], *(part for pair in scope["headers"] for part in pair)]
        if sum(map(len, head)) > HEAD_BYTES_MAX:
            return problem(431, _LONG_HEAD)
        if scope["method"] == "OPTIONS":
            return Response(status_code=200, headers=_PREFLIGHT)
        if self._token and scope["path"] != "/version":
            sent_token = headers.get(b"x-access-token", b"")
            if not hmac.compare_digest(sent_token, self._token):
                return problem(401, _NO_TOKEN)
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > BODY_BYTES_MAX:
            return problem(413, _TOO_LARGE)
        return None


def _reason_to_refuse(scope: Scope, headers: Headers) -> str | None:
    """Return why a service without a token refuses a request, or None if it does not."""
    if not is_loopback(_host_of(headers.get(b"host", b"").decode("latin-1"))):
        return _OTHER_NAME
    if _is_of_another_site(headers):
        return _OTHER_SITE
    if scope["path"].startswith("/audit/") and _is_browser(headers):
        return _AUDIT_BY_LINK
    if scope["method"] not in _READING and _is_browser(headers) and b"origin" not in headers:
        return _UNSAID_PAGE
    return None


def _is_of_another_site(headers: Headers) -> bool:
    """Return whether a browser sends the request for a page of another machine, or of one that it does not name."""
    pages = [headers[name] for name in (b"origin", b"referer") if name in headers]
    if not pages:
        return headers.get(b"sec-fetch-site") == b"cross-site"
    # A page of localhost may ask 127.0.0.1: two sites to a browser, but both are this machine.
    return not all(is_loopback(_host_of_page(page)) for page in pages)


def _is_browser(headers: Headers) -> bool:
    return b"sec-fetch-site" in headers or headers.get(b"user-agent", b"").startswith(b"Mozilla/")


def _host_of_page(address: bytes) -> str:
    try:
        return _host_of(urlsplit(address.decode("latin-1")).netloc)
    except ValueError:
        return ""


def _host_of(authority: str) -> str:
    """Return the host in a ``Host`` header; empty if it holds more than a name and a port."""
    match = _AUTHORITY.fullmatch(authority)
    return match[1].strip("[]").lower() if match else ""


async def read_body(request: Request) -> bytes:
    """Return the body of a request; raise the HTTP error 413 as soon as it is over `BODY_BYTES_MAX`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, _TOO_LARGE)
    return bytes(body)
