"""A description of the service in OpenAPI 3.1: every route, what it reads, what it answers, and how it refuses.

What JSON Schema cannot say is in the texts: integers have at most 64 bits and are written without a fraction (2, not
2.0), text is Unicode, and a query is a MongoDB filter of the operators that the service knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from bucketsnb import __version__
from bucketsnb.schema import QUEUE_FIELDS, STATUS_KEYS, Field, Kind

__all__ = ["description"]

Schema = dict[str, Any]


def _whole(properties: Schema) -> Schema:
    """Describe an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_OBJECT: Schema = {"type": "object"}
_TEXT: Schema = {"type": "string"}
_IDS: Schema = {"type": "array", "items": _TEXT}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNTS: Schema = {**_whole(dict.fromkeys(STATUS_KEYS, _COUNT)), "additionalProperties": False}
_TYPES = {Kind.TEXT: "string", Kind.STATUS: "string", Kind.INTEGER: "integer", Kind.TIME: "number"}


def _schema(field: Field) -> Schema:
    """Describe a field of the model of a work."""
    if field.choices:
        return {"enum": list(field.choices)}
    least, most = ("minLength", "maxLength") if field.kind is Kind.TEXT else ("minimum", "maximum")
    words = {"description": "Epoch seconds."} if field.kind is Kind.TIME else {}
    kind = _TYPES[field.kind]
    return {"type": [kind, "null"] if field.null else kind, least: field.least, most: field.most, **words}


_FIELDS: Schema = {name: _schema(field) for name, field in QUEUE_FIELDS.items()}
_WORK: Schema = {
    "description": "Other fields than these are kept as they are, but for the id, which the service gives.",
    "type": "object",
    "properties": {
        **_FIELDS,
        "status": {"enum": [*_FIELDS["status"]["enum"], None]},
        "creation": _FIELDS["start"],
    },
    "required": ["pipeline"],
}
_CHANGE: Schema = {"type": "object", "properties": {"id": _TEXT, **_FIELDS}, "required": ["id"]}
_CLAIMED: Schema = {
    **_whole(
        {
            **_FIELDS,
            "id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
            "status": {"const": "running"},
            "start": {**_FIELDS["start"], "type": "number"},
            "stop": {"type": "null"},
        }
    ),
    "type": ["object", "null"],
}
_PROJECTION: Schema = {
    "type": ["object", "null"],
    "description": "Paths to true, for these alone, or to false, for all others.",
    "additionalProperties": {"enum": [True, False, 1, 0]},
}
_INTEGER: Schema = {"type": ["integer", "null"], "exclusiveMinimum": -(2**63), "exclusiveMaximum": 2**63}
_VIEW: Schema = {
    "type": "object",
    "properties": {
        "query": {"type": ["object", "null"], "description": "A MongoDB filter."},
        "projection": _PROJECTION,
        "skip": {**_INTEGER, "minimum": 0},
        "limit": {**_INTEGER, "description": "Null, 0 and less mean all."},
    },
}
_NAMES: Schema = {
    "description": "A name, or a condition such as several names with $in.",
    "type": ["string", "object", "array", "number", "boolean"],
}
_WITHDRAWAL: Schema = {
    "description": "A MongoDB filter; what is not queued cannot be claimed.",
    "type": "object",
    "properties": {"pipeline": _NAMES, "status": {"const": "queued"}},
    "required": ["pipeline"],
}
_DELETION: Schema = {
    "description": "Ids beside those in the address, or in place of them where they are many.",
    "type": "object",
    "properties": {"ids": _IDS},
}
_VERSION: Schema = _whole({"version": _TEXT})
_PROBLEM: Schema = _whole({"description": _TEXT, "status": {"type": "integer"}, "message": _TEXT})

_COUNTS_OF_EACH: Schema = {"type": "object", "additionalProperties": _COUNTS}
_STORED: Schema = {"anyOf": [{"const": True}, _IDS]}
_TRUE: Schema = {"const": True}
_YES: Schema = {"type": "boolean"}

_ALWAYS = (403, 413, 431)
_GUARDED = (401, *_ALWAYS)
_READING = (*_GUARDED, 503)
_WRITING = (*_READING, 507)


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _parameter(place: str, name: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


_WANTED = _parameter("query", "return_ids", {**_TEXT, "description": "True for the ids, in any case; all else is no."})
_DELETED = _parameter("query", "ids", {"type": "array", "items": {**_TEXT, "minLength": 1}, "minItems": 1})
_PIPELINE = _parameter("path", "pipeline", _TEXT)
_DAYS = _parameter("path", "days", {"type": "number", "minimum": 0, "exclusiveMaximum": 1_000_000})

_Route = tuple[str, str, str, Schema, tuple[int, ...], Schema | None, Sequence[Schema]]
"""Method, path, what it does, its answer, its refusals, the body it reads, and its parameters."""

_ROUTES: Sequence[_Route] = (
    ("get", "/", "Say that the service is there.", _VERSION, _GUARDED, None, ()),
    ("get", "/version", "Say which version it is.", _VERSION, _ALWAYS, None, ()),
    ("get", "/__health__", "Say that the store can be read.", _OBJECT, _READING, None, ()),
    ("get", "/openapi.json", "Describe the service.", _OBJECT, _GUARDED, None, ()),
    ("post", "/work", "Deposit works, all or none.", _STORED, (400, *_WRITING), _array(_WORK), [_WANTED]),
    ("put", "/work", "Set fields of works by id, all or none.", _TRUE, (400, 404, *_WRITING), _array(_CHANGE), ()),
    ("delete", "/work", "Delete works by id; true if all were there.", _YES, (400, *_WRITING), _DELETION, [_DELETED]),
    ("post", "/work/withdraw", "Claim one work, or null.", _CLAIMED, (400, *_WRITING), _WITHDRAWAL, ()),
    ("post", "/view", "Read works, newest first.", _array(_OBJECT), (400, *_READING), _VIEW, ()),
    ("get", "/status", "Count works by status.", _COUNTS, _READING, None, ()),
    ("get", "/status/pipelines", "Name the pipelines that have works.", _IDS, _READING, None, ()),
    ("get", "/status/details", "Count works of each pipeline.", _COUNTS_OF_EACH, _READING, None, ()),
    ("get", "/status/details/{pipeline}", "Count works of a pipeline.", _COUNTS, _READING, None, [_PIPELINE]),
    ("get", "/audit/failed", "Queue failed works that may be tried again.", _COUNT, _WRITING, None, ()),
    ("get", "/audit/expired", "Fail works that run for too long.", _COUNT, _WRITING, None, ()),
    ("get", "/audit/stale/{days}", "Fail works that are older.", _COUNT, (400, *_WRITING), None, [_DAYS]),
)


def description() -> Schema:
    """Describe the service.

    Examples
    --------
    >>> sorted(description()["paths"]["/work"])
    ['delete', 'post', 'put']
    """
    paths: dict[str, Schema] = {}
    for route in _ROUTES:
        paths.setdefault(route[1], {})[route[0]] = _operation(route)
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


def _operation(route: _Route) -> Schema:
    method, _, summary, answer, refusals, body, parameters = route
    problem = _json({"$ref": "#/components/schemas/Problem"})
    refused = {str(status): {"description": HTTPStatus(status).phrase, "content": problem} for status in refusals}
    responses = {"200": {"description": "It was done.", "content": _json(answer)}, **refused}
    # A deletion may name its ids in the address alone.
    read = {"requestBody": {"required": method != "delete", "content": _json(body)}} if body else {}
    return {"summary": summary, "parameters": list(parameters), "responses": responses, **read}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
