"""A description of the service in OpenAPI 3.1: every route, what it reads, what it answers, and how it refuses.

What JSON Schema cannot say is in the texts: integers have at most 64 bits and are written without a fraction (2, not
2.0), text is Unicode, and a query is a MongoDB filter of the operators that the service knows.
"""

from __future__ import annotations

from typing import Any

from bucketsnb import __version__
from bucketsnb.schema import QUEUE_FIELDS, STATUS_KEYS, Field, Kind

__all__ = ["description"]

Schema = dict[str, Any]

_OBJECT: Schema = {"type": "object"}
_IDS: Schema = {"type": "array", "items": {"type": "string"}}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNTS: Schema = {
    "type": "object",
    "properties": dict.fromkeys(STATUS_KEYS, _COUNT),
    "required": list(STATUS_KEYS),
    "additionalProperties": False,
}
_COUNTS_BY_PIPELINE: Schema = {"type": "object", "additionalProperties": _COUNTS}
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
_TIME_OR_NULL, _PIPELINE = _FIELDS["start"], _FIELDS["pipeline"]
_TIME = {**_TIME_OR_NULL, "type": "number"}
_STATUS_OR_NULL = {"enum": [*_FIELDS["status"]["enum"], None]}
_WORK: Schema = {
    "description": "Other fields than these are kept as they are, but for the id, which the service gives.",
    "type": "object",
    "properties": {**_FIELDS, "status": _STATUS_OR_NULL, "creation": _TIME_OR_NULL},
    "required": ["pipeline"],
}
_CHANGE: Schema = {"type": "object", "properties": {"id": {"type": "string"}, **_FIELDS}, "required": ["id"]}
_CLAIMED: Schema = {
    "type": ["object", "null"],
    "properties": {
        **_FIELDS,
        "id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "status": {"const": "running"},
        "start": _TIME,
        "stop": {"type": "null"},
    },
    "required": ["id", *_FIELDS],
}
_SWITCH: Schema = {"enum": [True, False, 1, 0]}
_VIEW: Schema = {
    "type": "object",
    "properties": {
        "query": {"type": ["object", "null"], "description": "A MongoDB filter."},
        "projection": {
            "type": ["object", "null"],
            "description": "Paths to true, for these alone, or to false, for all others.",
            "additionalProperties": _SWITCH,
        },
        "skip": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 2**63},
        "limit": {
            "type": ["integer", "null"],
            "description": "Null, 0 and less mean all.",
            "exclusiveMinimum": -(2**63),
            "exclusiveMaximum": 2**63,
        },
    },
}
_WITHDRAWAL: Schema = {
    "description": "A MongoDB filter; what is not queued cannot be claimed.",
    "type": "object",
    "properties": {
        "pipeline": {
            "description": "A name, or a condition such as several names with $in.",
            "type": ["string", "object", "array", "number", "boolean"],
        },
        "status": {"const": "queued"},
    },
    "required": ["pipeline"],
}
_DELETION: Schema = {
    "description": "Ids beside those in the address, or in place of them where they are many.",
    "type": "object",
    "properties": {"ids": _IDS},
}
_PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "status": {"type": "integer"},
        "message": {"type": "string"},
    },
    "required": ["description", "status", "message"],
}

_REFUSALS = {
    400: "The request is not one that can be acted on.",
    401: "The service needs its token, as x-access-token.",
    404: "There is no such work.",
    413: "The body, or one work in it, is too large.",
    414: "The address is too long.",
    503: "The store cannot be reached now.",
    507: "The store is full.",
}
_ALWAYS = (413, 414)
_GUARDED = (401, *_ALWAYS)
_READING = (*_GUARDED, 503)
_WRITING = (*_READING, 507)


def description() -> Schema:
    """Describe the service.

    Examples
    --------
    >>> sorted(description()["paths"]["/work"])
    ['delete', 'post', 'put']
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "Buckets", "version": __version__},
        "paths": {**_about(), "/work": _work(), **_reads(), **_audits()},
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "x-access-token"}},
        },
        "security": [{}, {"token": []}],
    }


def _about() -> Schema:
    version: Schema = {"type": "object", "properties": {"version": {"type": "string"}}, "required": ["version"]}
    return {
        "/": {"get": _operation("Say that the service is there.", version, _GUARDED)},
        "/version": {"get": _operation("Say which version it is.", version, _ALWAYS)},
        "/__health__": {"get": _operation("Say that the store can be read.", _OBJECT, _READING)},
        "/openapi.json": {"get": _operation("Describe the service.", _OBJECT, _GUARDED)},
    }


def _work() -> Schema:
    wanted = _query("return_ids", {"type": "string"}, "True for the ids, in any case; all else is no.")
    ids = _query("ids", {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1})
    stored: Schema = {"anyOf": [{"const": True}, _IDS]}
    return {
        "post": _operation("Deposit works, all or none.", stored, (400, *_WRITING), _array(_WORK), [wanted]),
        "put": _operation(
            "Set fields of works by id, all or none.", {"const": True}, (400, 404, *_WRITING), _array(_CHANGE)
        ),
        "delete": {
            **_operation(
                "Delete works by id; true if all were there.", {"type": "boolean"}, (400, *_WRITING), _DELETION, [ids]
            ),
            "requestBody": {"required": False, "content": _json(_DELETION)},
        },
    }


def _reads() -> Schema:
    name = _in_path("pipeline", {"type": "string"})
    return {
        "/work/withdraw": {"post": _operation("Claim one work, or null.", _CLAIMED, (400, *_WRITING), _WITHDRAWAL)},
        "/view": {"post": _operation("Read works, newest first.", _array(_OBJECT), (400, *_READING), _VIEW)},
        "/status": {"get": _operation("Count works by status.", _COUNTS, _READING)},
        "/status/pipelines": {"get": _operation("Name the pipelines that have works.", _IDS, _READING)},
        "/status/details": {"get": _operation("Count works of each pipeline.", _COUNTS_BY_PIPELINE, _READING)},
        "/status/details/{pipeline}": {
            "get": _operation("Count works of a pipeline.", _COUNTS, _READING, parameters=[name])
        },
    }


def _audits() -> Schema:
    days = _in_path("days", {"type": "number", "minimum": 0, "exclusiveMaximum": 1_000_000})
    stale = _operation("Fail works that are older, and count them.", _COUNT, (400, *_WRITING), parameters=[days])
    return {
        "/audit/failed": {"get": _operation("Queue failed works that may be tried again.", _COUNT, _WRITING)},
        "/audit/expired": {"get": _operation("Fail works that run for too long.", _COUNT, _WRITING)},
        "/audit/stale/{days}": {"get": stale},
    }


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _query(name: str, schema: Schema, text: str = "") -> Schema:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _operation(
    summary: str,
    answer: Schema,
    refusals: tuple[int, ...],
    body: Schema | None = None,
    parameters: list[Schema] | None = None,
) -> Schema:
    problem = _json({"$ref": "#/components/schemas/Problem"})
    refused = {str(status): {"description": _REFUSALS[status], "content": problem} for status in sorted(refusals)}
    responses = {"200": {"description": "It was done.", "content": _json(answer)}, **refused}
    read = {"requestBody": {"required": True, "content": _json(body)}} if body else {}
    return {"summary": summary, "parameters": parameters or [], "responses": responses, **read}
