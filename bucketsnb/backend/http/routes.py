"""The HTTP routes of the Buckets service over a store: what each reads from a request and answers.

Where the service's behaviour is not public, this backend decides: a deposit or an update is stored whole or not at all;
an update of an id that is not there is a 404; a deletion answers true if every id was there; a withdrawal must name its
pipelines. One route is our own: ``/status/details`` counts for all pipelines at once.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bucketsnb import __version__
from bucketsnb.backend.http.access import AccessControl, read_body
from bucketsnb.backend.http.openapi import description
from bucketsnb.backend.http.problems import HANDLERS, BadRequest, answer
from bucketsnb.backend.stores.base import Store
from bucketsnb.schema import COUNTS_AT_ONCE

__all__ = ["build_app"]

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

_QUERY_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes of a query, as in MongoDB: a hundred megabytes of small objects would block all requests for a minute."""

_CHANGES, _VIEWS = 16, 8
"""Threads for changes, and for views; Starlette's own threads serve quick reads only."""


_WORKS = list[dict[str, Any]]
_QUERY = dict[str, Any]


class _Deletion(msgspec.Struct):
    ids: list[str] = []


class _View(msgspec.Struct):
    query: dict[str, Any] | None = None
    projection: dict[str, Any] | None = None
    skip: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)] | None = None
    """Null, 0 and less mean all."""


class _Name(StringConvertor):
    """The name of a pipeline in a path, which may hold any character."""

    regex = r"[\s\S]*"


register_url_convertor("name", _Name())


def build_app(store: Store, token: str | None = None) -> AccessControl:
    """Return the ASGI application that serves a store; it does not close it. See `AccessControl` for `token`."""
    service = _Service(store)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.changes, service.views = CapacityLimiter(_CHANGES), CapacityLimiter(_VIEWS)
        yield

    routes = [
        Route("/", service.version, methods=["GET", "HEAD"]),
        Route("/version", service.version, methods=["GET", "HEAD"]),
        Route("/__health__", service.health, methods=["GET"]),
        Route("/openapi.json", service.description, methods=["GET"]),
        Route("/work", service.deposit, methods=["POST"]),
        Route("/work", service.update, methods=["PUT"]),
        Route("/work", service.delete, methods=["DELETE"]),
        Route("/work/withdraw", service.withdraw, methods=["POST"]),
        Route("/view", service.view, methods=["POST"]),
        Route("/status", service.counting(store.status), methods=["GET"]),
        Route("/status/pipelines", service.counting(store.pipelines), methods=["GET"]),
        Route("/status/details", service.counting(store.statuses), methods=["GET"]),
        Route("/status/details/{pipeline:name}", service.details, methods=["GET"]),
        Route("/audit/failed", service.auditing(store.audit_failed), methods=["GET"]),
        Route("/audit/expired", service.auditing(store.audit_expired), methods=["GET"]),
        Route("/audit/stale/{days}", service.auditing(store.audit_stale), methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan)
    return AccessControl(app, token)


class _Service:
    """The handlers of the routes, with the store and the limits of the threads that use it."""

    changes: CapacityLimiter
    views: CapacityLimiter

    def __init__(self, store: Store) -> None:
        self.store = store
        self._instance = secrets.token_hex(8)  # distinguishes this service from a later one at the same address

    async def _change(self, act: Callable[..., T], *values: Any) -> T:
        return await run_sync(act, *values, limiter=self.changes)

    async def version(self, _request: Request) -> Response:
        return _offering(answer({"version": __version__, "instance": self._instance}))

    async def description(self, _request: Request) -> Response:
        return answer(description())

    async def health(self, _request: Request) -> Response:
        await run_in_threadpool(self.store.status)
        return answer({"status": "healthy"})

    async def deposit(self, request: Request) -> Response:
        works = _decoded(await read_body(request), _WORKS)
        ids = await self._change(self.store.deposit, works)
        # The public client sends it twice; the first one counts.
        wanted = [*request.query_params.getlist("return_ids"), ""][0]
        return answer(ids if wanted.lower() == "true" else True)

    async def update(self, request: Request) -> Response:
        await self._change(self.store.update, _decoded(await read_body(request), _WORKS))
        return answer(True)

    async def delete(self, request: Request) -> Response:
        asked = _decoded(await read_body(request) or b"{}", _Deletion)
        # Ids in the address as well: an answer of true must cover all ids that were named.
        unique = {work_id for work_id in (*request.query_params.getlist("ids"), *asked.ids) if work_id}
        if not unique:
            raise BadRequest("name the works to delete by ids: nothing was deleted")
        deleted = await self._change(self.store.delete, sorted(unique))
        return answer(deleted == len(unique))

    async def withdraw(self, request: Request) -> Response:
        query = _decoded(await read_body(request), _QUERY)
        if query.get("pipeline") is None:
            raise BadRequest("a withdrawal needs a pipeline: name one, or several with $in")
        if query.get("status", "queued") != "queued":
            raise BadRequest("only queued works can be withdrawn: leave status out")
        work = await self._change(self.store.withdraw, query)
        return Response(b"null" if work is None else work, media_type="application/json")

    async def view(self, request: Request) -> Response:
        asked = _decoded(await read_body(request), _View)
        limit = asked.limit if asked.limit and asked.limit > 0 else None
        arguments = (asked.query or {}, asked.projection, asked.skip or 0, limit)
        pieces = await run_sync(self.store.view, *arguments, limiter=self.views)
        return StreamingResponse(pieces, media_type="application/json")

    async def details(self, request: Request) -> Response:
        pipeline = request.path_params["pipeline"]
        return answer(await run_in_threadpool(self.store.status, pipeline))

    def counting(self, count: Callable[[], object]) -> Endpoint:
        async def counted(_request: Request) -> Response:
            return _offering(answer(await run_in_threadpool(count)))

        return counted

    def auditing(self, act: Callable[..., int]) -> Endpoint:
        """Return the handler of an audit: by GET, as in the service, although it changes works; HEAD is refused."""

        async def audited(request: Request) -> Response:
            if request.method == "HEAD":
                raise HTTPException(405, headers={"allow": "GET"})
            days = [_days(text) for text in request.path_params.values()]
            return answer(await self._change(act, *days))

        return audited


def _offering(response: Response) -> Response:
    """Add the header that offers the counts of all pipelines at once: for responses that clients ask for first."""
    response.headers[COUNTS_AT_ONCE] = "/status/details"
    return response


def _decoded(body: bytes, kind: type[T]) -> T:
    """Return the value of a JSON body of a given type; raise BadRequest, or the HTTP error 413 if it is too large."""
    if kind is not _WORKS and len(body) > _QUERY_BYTES_MAX:
        raise HTTPException(413, f"a query has at most {_QUERY_BYTES_MAX:,} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body cannot be read, and nothing was done: {error}") from None


def _days(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1e6:
            return float(text)
    raise BadRequest(f"audit/stale needs a number of days from 0 up, not {text[:40]!r}")
