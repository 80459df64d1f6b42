"""The HTTP routes of the Buckets service over a store: what each reads from a request and answers.

Where the service's behaviour is not public, this backend decides: a deposit or an update is stored whole or not at all;
an update of an id that is not there is a 404; a deletion answers true if every id was there; a withdrawal must name its
pipelines. One route is our own: ``/status/details`` counts for all pipelines at once.
"""

from __future__ import annotations

import contextlib
import gc
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bucketsnb import __version__
from bucketsnb.backend.http.access import AccessControl, read_body
from bucketsnb.backend.http.dispatch import Dispatcher
from bucketsnb.backend.http.openapi import description
from bucketsnb.backend.http.problems import HANDLERS, BadRequest, answer
from bucketsnb.backend.http.viewing import ViewAnswer
from bucketsnb.backend.stores.base import Store, Withdrawal
from bucketsnb.schema import COUNTS_AT_ONCE

__all__ = ["build_app"]

_QUERY_BYTES_MAX = 16 * 1024 * 1024
"""Bytes that a query may have, as in MongoDB: a hundred megabytes of small objects hold up all for a minute."""

_REMEMBERED_BYTES_MAX = 4096
"""Bytes of a withdrawal that is worth remembering: a runner's has some hundred, and a thousand large ones are much."""


class _Name(StringConvertor):
    """The name of a pipeline in a path: whatever it holds, slashes and ends of lines too."""

    regex = r"[\s\S]*"


register_url_convertor("name", _Name())


def build_app(store: Store, token: str | None = None) -> AccessControl:
    """Build the ASGI application that serves a store.

    Parameters
    ----------
    store
        Where the works are; it is left open when the application ends.
    token
        What the header ``x-access-token`` must hold on every request but that for the version; None asks for none.
    """
    service = _Service(store)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.calls = Dispatcher(store)
        yield
        service.calls.close()

    routes = [
        Route("/work/withdraw", _Withdrawals(service), methods=["POST"]),  # first, as most requests are this
        Route("/", service.version, methods=["GET", "HEAD"]),
        Route("/version", service.version, methods=["GET", "HEAD"]),
        Route("/__health__", service.health, methods=["GET"]),
        Route("/openapi.json", service.description, methods=["GET"]),
        Route("/work", service.deposit, methods=["POST"]),
        Route("/work", service.update, methods=["PUT"]),
        Route("/work", service.delete, methods=["DELETE"]),
        Route("/view", service.view, methods=["POST"]),
        Route("/status", service.status, methods=["GET"]),
        Route("/status/pipelines", service.pipelines, methods=["GET"]),
        Route("/status/details", service.all_details, methods=["GET"]),
        Route("/status/details/{pipeline:name}", service.details, methods=["GET"]),
        _audit("/audit/failed", service.audit_failed),
        _audit("/audit/expired", service.audit_expired),
        _audit("/audit/stale/{days}", service.audit_stale),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    return AccessControl(app, token)


class _Service:
    """The routes' handlers, which share a store and the threads that reach it."""

    calls: Dispatcher

    def __init__(self, store: Store) -> None:
        self.store = store
        self._instance = secrets.token_hex(8)  # tells this service from another that answers at its address later
        # Idle runners ask for the same works again and again: each of their queries is judged once.
        self._known = lru_cache(maxsize=1024)(self._withdrawal)

    async def version(self, _request: Request) -> Response:
        return _offering(answer({"version": __version__, "instance": self._instance}))

    async def description(self, _request: Request) -> Response:
        return answer(description())

    async def health(self, _request: Request) -> Response:
        await self.calls.read(self.store.status)
        return answer({"status": "healthy"})

    async def deposit(self, request: Request) -> Response:
        works = _array(await read_body(request.receive))
        wanted = request.query_params.getlist("return_ids")[:1]
        ids = await self.calls.change(lambda: self.store.deposit(works))
        return answer(ids if wanted and wanted[0].lower() == "true" else True)

    async def update(self, request: Request) -> Response:
        works = _array(await read_body(request.receive))
        await self.calls.change(lambda: self.store.update(works))
        return answer(True)

    async def delete(self, request: Request) -> Response:
        named = [one for one in request.query_params.getlist("ids") if one]
        # Those of the body as well: an answer of true must mean all that were named.
        unique = list(dict.fromkeys([*named, *await self._ids(request)]))
        if not unique:
            raise BadRequest("name the works to delete by ids: nothing was deleted")
        found = await self.calls.change(lambda: self.store.delete(unique))
        return answer(found == len(unique))

    async def _ids(self, request: Request) -> list[str]:
        body = await read_body(request.receive)
        given = _decoded(body) if body else {}
        ids = given.get("ids", []) if isinstance(given, dict) else None
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise BadRequest('the body of a deletion is {"ids": ["...", ...]}; nothing was deleted')
        return ids

    async def withdraw(self, body: bytes) -> bytes:
        withdrawal = (self._known if len(body) <= _REMEMBERED_BYTES_MAX else self._withdrawal)(body)
        work = await self.calls.claim(withdrawal)
        return b"null" if work is None else work

    def _withdrawal(self, body: bytes) -> Withdrawal:
        query = _object(body)
        if query.get("pipeline") is None:
            raise BadRequest("a withdrawal needs a pipeline: name one, or several with $in")
        if query.get("status", "queued") != "queued":
            raise BadRequest("only queued works can be withdrawn: leave status out")
        return self.store.withdrawal(query)

    async def view(self, request: Request) -> Response:
        asked = _object(await read_body(request.receive))
        query, projection = _mapping(asked, "query"), _mapping(asked, "projection")
        skip, limit = _integer(asked, "skip") or 0, _integer(asked, "limit")
        if skip < 0:
            raise BadRequest(f"skip is {skip}, and must not be negative")
        everything = limit is None or limit <= 0
        pieces = self.store.view(query, projection, skip, None if everything else limit)
        return await ViewAnswer(self.calls, pieces).begun()

    async def status(self, _request: Request) -> Response:
        return _offering(answer(await self.calls.read(self.store.status)))

    async def details(self, request: Request) -> Response:
        pipeline = request.path_params["pipeline"]
        return answer(await self.calls.read(lambda: self.store.status(pipeline)))

    async def all_details(self, _request: Request) -> Response:
        return answer(await self.calls.read(self.store.statuses))

    async def pipelines(self, _request: Request) -> Response:
        return _offering(answer(await self.calls.read(self.store.pipelines)))

    async def audit_failed(self, _request: Request) -> Response:
        return answer(await self.calls.change(self.store.audit_failed))

    async def audit_expired(self, _request: Request) -> Response:
        return answer(await self.calls.change(self.store.audit_expired))

    async def audit_stale(self, request: Request) -> Response:
        days = _days(request.path_params["days"])
        return answer(await self.calls.change(lambda: self.store.audit_stale(days)))


class _Withdrawals:
    """The route of withdrawals, without the requests and responses of Starlette: they cost as much as half a claim."""

    def __init__(self, service: _Service) -> None:
        self._service = service

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        work = await self._service.withdraw(await read_body(receive))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(work))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": work})


def _audit(path: str, act: Callable[[Request], Awaitable[Response]]) -> Route:
    """Route an audit: by GET, as in the service, though it changes works; but not by HEAD, which changes nothing."""

    async def by_get_only(request: Request) -> Response:
        if request.method == "HEAD":
            raise HTTPException(405, headers={"allow": "GET"})
        return await act(request)

    return Route(path, by_get_only, methods=["GET"])


def _offering(response: Response) -> Response:
    """Say that the counts of all pipelines are had at once: with what a client is likely to ask first."""
    response.headers[COUNTS_AT_ONCE] = "/status/details"
    return response


def _decoded(body: bytes) -> Any:
    collecting = gc.isenabled()
    gc.disable()  # it would look through what is there again and again, and hold up the loop four times as long
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    finally:
        if collecting:
            gc.enable()


def _array(body: bytes) -> list[Any]:
    works = _decoded(body)
    if not isinstance(works, list):
        raise BadRequest("the body must be an array of works; nothing was stored")
    return works


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > _QUERY_BYTES_MAX:
        raise HTTPException(413, f"a query has at most {_QUERY_BYTES_MAX:,} bytes")
    asked = _decoded(body)
    if not isinstance(asked, dict):
        raise BadRequest("the body must be an object")
    return asked


def _mapping(asked: dict[str, Any], name: str) -> dict[str, Any]:
    value = asked.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object")
    return value or {}


def _integer(asked: dict[str, Any], name: str) -> int | None:
    value = asked.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63):
        raise BadRequest(f"{name} must be an integer or null")
    return value


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        raise BadRequest(f"audit/stale needs a number of days, not {text[:40]!r}") from None
    if not 0 <= days < 1e6:
        raise BadRequest(f"audit/stale needs a number of days from 0 up, not {text[:40]!r}")
    return days
