"""A description of the service in OpenAPI 3.1: every route, what it reads and answers, and how requests are refused.

Some rules cannot be told by JSON Schema: integers have at most 64 bits and are written without a fraction (2, not 2.0),
text is Unicode, and a query is a MongoDB filter with the operators that the service knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from bucketsnb import __version__
from bucketsnb.schema import QUEUE_FIELDS, STATUS_KEYS, Field, Kind

__all__ = ["description"]

Schema = dict[str, Any]


def _object(properties: Schema, *required: str, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TYPES = {Kind.TEXT: "string", Kind.STATUS: "string", Kind.INTEGER: "integer", Kind.TIME: "number"}


def _schema(field: Field) -> Schema:
    """Return the JSON Schema of a field of a work."""
    if field.choices:
        return {"enum": list(field.choices)}
    least, most = ("minLength", "maxLength") if field.kind is Kind.TEXT else ("minimum", "maximum")
    words = {"description": "Epoch seconds."} if field.kind is Kind.TIME else {}
    kind = _TYPES[field.kind]
    return {"type": [kind, "null"] if field.null else kind, least: field.least, most: field.most, **words}


_ANY: Schema = {"type": "object"}
_OR_NULL: Schema = {"type": ["object", "null"]}
_TEXT: Schema = {"type": "string"}
_TRUE: Schema = {"const": True}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNTS: Schema = _object(dict.fromkeys(STATUS_KEYS, _COUNT), *STATUS_KEYS, additionalProperties=False)
_INTEGER: Schema = {"type": ["integer", "null"], "exclusiveMinimum": -(2**63), "exclusiveMaximum": 2**63}
_FIELDS: Schema = {name: _schema(field) for name, field in QUEUE_FIELDS.items()}
_MADE: Schema = {"status": {"enum": [*_FIELDS["status"]["enum"], None]}, "creation": _FIELDS["start"]}

_WORK = _object(
    {**_FIELDS, **_MADE},
    "pipeline",
    description="Other fields than these are kept as they are, but for the id, which the service gives.",
)
_CHANGE = _object({"id": _TEXT, **_FIELDS}, "id")
_DELETION = _object(
    {"ids": _array(_TEXT)},
    description="Ids beside those in the address, or in place of them where they are many.",
)
_WITHDRAWAL = _object(
    {"pipeline": {"type": ["string", "object", "array", "number", "boolean"]}, "status": {"const": "queued"}},
    "pipeline",
    description="A MongoDB filter; several pipelines are named with $in.",
)
_VIEW = _object(
    {
        "query": {**_OR_NULL, "description": "A MongoDB filter."},
        "projection": {**_OR_NULL, "description": "Paths to true, for these alone, or to false, for all others."},
        "skip": {**_INTEGER, "minimum": 0},
        "limit": {**_INTEGER, "description": "Null, 0 and less mean all."},
    }
)


def _parameter(place: str, name: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


_WANTED = _parameter("query", "return_ids", {**_TEXT, "description": "True for the ids, in any case; all else is no."})
_DELETED = _parameter("query", "ids", {**_array(_TEXT), "minItems": 1})
_PIPELINE = _parameter("path", "pipeline", _TEXT)
_DAYS = _parameter("path", "days", {"type": "number", "minimum": 0, "exclusiveMaximum": 1_000_000})

_ROUTES: Sequence[tuple[str, str, Schema, Schema | None, Sequence[Schema]]] = (
    ("get /", "Say that the service is there.", _ANY, None, ()),
    ("get /version", "Say which version it is.", _object({"version": _TEXT}, "version"), None, ()),
    ("get /__health__", "Say that the store can be read.", _ANY, None, ()),
    ("get /openapi.json", "Describe the service.", _ANY, None, ()),
    ("post /work", "Deposit works, all or none.", {"anyOf": [_TRUE, _array(_TEXT)]}, _array(_WORK), [_WANTED]),
    ("put /work", "Set fields of works by id, all or none.", _TRUE, _array(_CHANGE), ()),
    ("delete /work", "Delete works by id; true if all were there.", {"type": "boolean"}, _DELETION, [_DELETED]),
    ("post /work/withdraw", "Claim one work, or null.", _OR_NULL, _WITHDRAWAL, ()),
    ("post /view", "Read works, newest first.", _array(_ANY), _VIEW, ()),
    ("get /status", "Count works by status.", _COUNTS, None, ()),
    ("get /status/pipelines", "Name the pipelines that have works.", _array(_TEXT), None, ()),
    ("get /status/details", "Count works of each pipeline.", {**_ANY, "additionalProperties": _COUNTS}, None, ()),
    ("get /status/details/{pipeline}", "Count works of a pipeline.", _COUNTS, None, [_PIPELINE]),
    ("get /audit/failed", "Queue failed works that may be tried again.", _COUNT, None, ()),
    ("get /audit/expired", "Fail works that run for too long.", _COUNT, None, ()),
    ("get /audit/stale/{days}", "Fail works that are older.", _COUNT, None, [_DAYS]),
)
"""Method and path, what it does, its answer, the body it reads, and its parameters."""

_REFUSALS = (400, 401, 403, 404, 413, 431, 503, 507)
_PROBLEM = _object({"description": _TEXT, "status": {"type": "integer"}, "message": _TEXT}, "status", "message")


def description() -> Schema:
    """Return the description of the service, as a mapping.

    Examples
    --------
    >>> sorted(description()["paths"]["/work"])
    ['delete', 'post', 'put']
    """
    paths: dict[str, Schema] = {}
    for route, summary, answer, body, parameters in _ROUTES:
        method, path = route.split()
        responses = {"200": {"description": "It was done.", "content": _json(answer)}}
        for status in _REFUSALS:
            problem = _json({"$ref": "#/components/schemas/Problem"})
            responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
        # A deletion needs no body if its ids are in the address.
        read = {"requestBody": {"required": method != "delete", "content": _json(body)}} if body else {}
        about = {"summary": summary, "parameters": list(parameters), "responses": responses, **read}
        paths.setdefault(path, {})[method] = about
    return {
        "openapi": "3.1.0",
        "info": {"title": "Buckets", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "x-access-token"}},
        },
        "security": [{}, {"token": []}],
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
