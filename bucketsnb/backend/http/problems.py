"""Responses of the service: JSON values, and errors in the form of the real service, each with its HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bucketsnb.backend.stores.base import StoreError, StoreFull, UnknownWorks
from bucketsnb.backend.works import WorkRefused, WorkTooLarge
from bucketsnb.matching import QueryNotUnderstood, QueryTooSlow

__all__ = ["HANDLERS", "BadRequest", "answer", "problem"]


class BadRequest(ValueError):
    """A request that the service cannot act on; the message says what is wrong with it."""


def answer(value: object) -> Response:
    """Return a response with a JSON value."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def problem(status: int, message: str) -> Response:
    """Return a response that says why the request failed, in the form of the service's own errors."""
    phrase = HTTPStatus(status).phrase
    body = msgspec.json.encode({"description": phrase, "status": status, "message": message})
    return Response(body, status_code=status, media_type="application/json")


_STATUSES: Mapping[type[Exception], int] = {
    WorkTooLarge: 413,
    WorkRefused: 400,
    BadRequest: 400,
    QueryNotUnderstood: 400,
    QueryTooSlow: 400,
    UnknownWorks: 404,
    StoreFull: 507,
    StoreError: 503,
    ClientDisconnect: 400,  # nobody reads it: the client has left before its request was complete
}


# The handlers are coroutines: Starlette runs a plain function in a thread for each error.
async def _refused(_request: Request, error: Exception) -> Response:
    return problem(next(status for kind, status in _STATUSES.items() if isinstance(error, kind)), str(error))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = str(getattr(error, "detail", error))
    if status == 404:
        message = f"Requested URL {request.url.path} not found"
    if status == 405:
        message = f"Method {request.method} not allowed for URL {request.url.path}"
    response = problem(status, message)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _unknown(_request: Request, _error: Exception) -> Response:
    return problem(500, "the backend failed in a way it does not know; its log has the details")


HANDLERS = {**dict.fromkeys(_STATUSES, _refused), HTTPException: _http, Exception: _unknown}
